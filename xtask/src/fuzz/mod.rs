//! `cargo xtask fuzz`: the readers of bytes from outside, for as long as one likes; `tests/tests/fuzz.rs` has the targets but for
//! one, which is in the command.

pub(crate) mod guided;

use crate::{Fallible, workspace};

/// The target in the command.
const OF_THE_COMMAND: &str = "starttls";

/// The tests that the targets are, and those of the one in the command.
const TESTS: [&str; 4] = ["--package", "dlssl-tests", "--test", "fuzz"];
const TESTS_OF_THE_COMMAND: [&str; 3] = ["--package", "dlssl-cli", "--bins"];

pub(crate) fn command(seconds: u32, targets: &[String]) -> Fallible<bool> {
    let of_the_command = |name: &String| name.starts_with(OF_THE_COMMAND);
    let mut good = true;
    if targets.is_empty() || !targets.iter().all(of_the_command) {
        good &= run(&TESTS, targets, seconds)?;
    }
    if targets.is_empty() || targets.iter().any(of_the_command) {
        good &= run(&TESTS_OF_THE_COMMAND, &[format!("{OF_THE_COMMAND}_")], seconds)?;
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
