//! valgrind's memcheck over the selftest: no invalid access, and no definite leak.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::{Command, ExitCode};
use std::time::Duration;

use dlssl::Flavour;
use dlssl_core::VersionRange;
use dlssl_tests::harness::{nightly, run, test};
use dlssl_tests::library::{Choice, choice, library};
use dlssl_tests::{cli, process};

/// What memcheck exits with when it has something to say.
const COMPLAINT: i32 = 99;

fn main() -> ExitCode {
    let wanted = matches!(choice(), Choice::Default) || nightly();
    let named = || "valgrind runs on the system's library; set DLSSL_TEST_NIGHTLY=1 for every build".to_owned();
    let long = || "a minute more of valgrind: set DLSSL_TEST_NIGHTLY=1".to_owned();
    let tests = [
        test("selftest_under_memcheck", || memcheck(&[])).only_if(wanted, named),
        test("private_copy_under_memcheck", || memcheck(&["--isolation", "always"])).only_if(nightly(), long),
    ];
    run(tests.into_iter().map(|test| test.needs_linux().needs("valgrind")).collect())
}

fn memcheck(options: &[&str]) {
    let mut own = cli::command("selftest");
    own.args(options);
    let mut command = Command::new(process::find("valgrind").unwrap());
    command
        .args(["--quiet", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"])
        .args(["--num-callers=40", &format!("--error-exitcode={COMPLAINT}")])
        .arg(format!("--undef-value-errors={}", if stirs_in_what_it_finds() { "no" } else { "yes" }))
        .arg(concat!("--suppressions=", env!("CARGO_MANIFEST_DIR"), "/valgrind.supp"))
        .arg(own.get_program())
        .args(own.get_args());
    for (name, value) in own.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let outcome = process::run_for(&mut command, b"", Duration::from_secs(280));
    assert!(outcome.status.success(), "{:?}\n{}\n{}", outcome.status, outcome.stdout, outcome.stderr);
}

/// Whether the library's random generator mixes in memory that nobody wrote, on purpose or by the padding of a structure: all that is
/// random depends on that, and memcheck says so without end. Addresses and leaks are looked at all the same.
fn stirs_in_what_it_finds() -> bool {
    library().flavour() == Flavour::OpenSsl
        && ["..1.1.0", "1.1.1..1.1.1d"].map(VersionRange::parse).iter().any(|range| range.contains(library().version()))
}
