//! `cargo xtask fuzz`: the readers of bytes from outside, for as long as one likes; `tests/tests/fuzz.rs` has the targets.

use crate::{Fallible, workspace};

pub(crate) fn command(seconds: u32, targets: &[String]) -> Fallible<bool> {
    let mut cargo = workspace::cargo();
    // Optimised: most of the time goes into the inputs.
    cargo.args(["test", "--locked", "--release", "--package", "dlssl-tests", "--test", "fuzz", "--", "--nocapture"]);
    cargo.args(targets).env("DLSSL_FUZZ_SECONDS", seconds.to_string());
    Ok(cargo.status()?.success())
}
