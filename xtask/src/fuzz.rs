//! `cargo xtask fuzz`: the readers of bytes from outside, for as long as one likes; `tests/tests/fuzz.rs` has the targets but for
//! one, which is in the command.

use crate::{Fallible, workspace};

/// The target in the command.
const OF_THE_COMMAND: &str = "starttls_";

pub(crate) fn command(seconds: u32, targets: &[String]) -> Fallible<bool> {
    let of_the_command = |name: &String| name.starts_with(OF_THE_COMMAND.trim_end_matches('_'));
    let mut good = true;
    if targets.is_empty() || !targets.iter().all(of_the_command) {
        good &= run(&["--package", "dlssl-tests", "--test", "fuzz"], targets, seconds)?;
    }
    if targets.is_empty() || targets.iter().any(of_the_command) {
        good &= run(&["--package", "dlssl-cli", "--bins"], &[OF_THE_COMMAND.to_owned()], seconds)?;
    }
    Ok(good)
}

fn run(tests: &[&str], names: &[String], seconds: u32) -> Fallible<bool> {
    let mut cargo = workspace::cargo();
    // Optimised: most of the time goes into the inputs.
    cargo.args(["test", "--locked", "--release"]).args(tests).args(["--", "--nocapture"]);
    cargo.args(names).env("DLSSL_FUZZ_SECONDS", seconds.to_string());
    Ok(cargo.status()?.success())
}
