//! Fork: children of busy parents load copies of their own and never hang; what was made before is a typed error there,
//! unless it is vouched for.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::{Command, ExitCode};
use std::time::Duration;

use dlssl_tests::harness::{nightly, run, test};
use dlssl_tests::process;

fn main() -> ExitCode {
    let mut tests = vec![
        test("what_was_made_before", || subject("inherited")).needs_private_copies(),
        test("loads_in_a_child", || subject("loads")).needs_linux(),
        test("children_of_children", || subject("generations")).needs_private_copies(),
        test("vouched_for", || subject("vouched")).needs_linux(),
        test("sessions_of_a_parent", || subject("sessions")).needs_linux().needs("openssl"),
    ];
    let children = if nightly() { 1000 } else { 60 };
    tests.push(
        test("while_others_verify", move || helper(&["dates", &children.to_string()], LIMIT)).needs_private_copies(),
    );
    let parts = if nightly() { 10 } else { 1 };
    for part in 1..=parts {
        tests.push(test(&format!("at_any_moment_from_a_busy_process_{part}"), storm).needs_private_copies());
    }
    run(tests)
}

/// The helper fails by itself when a child hangs: well before this.
const LIMIT: Duration = Duration::from_secs(290);

/// All parts of a nightly run together: a thousand.
const CHILDREN: u16 = 100;

fn storm() {
    helper(&["storm", &CHILDREN.to_string()], LIMIT);
}

fn subject(subject: &str) {
    helper(&[subject], Duration::from_secs(200));
}

fn helper(arguments: &[&str], limit: Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forks"));
    let outcome = process::run_for(command.args(arguments), b"", limit).success();
    assert_eq!(outcome.stdout, "done\n");
}
