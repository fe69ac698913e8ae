//! Who watches memory while the tests run: valgrind's memcheck, and AddressSanitizer with LeakSanitizer.

use std::process::Command;

use super::step::{self, Verdict};
use crate::{Fallible, workspace};

/// The tests over which it is worth the time: handshakes and what is kept of them, verification, halves, reloads, certificates
/// and keys, streams that fail.
const WATCHED: [&str; 10] = [
    "handshake",
    "sessions",
    "verification",
    "split",
    "certificates",
    "keys",
    "io_faults",
    "memory_bio",
    "server_names",
    "hostile_start",
];
/// Those that need private copies, which deep binding forbids under AddressSanitizer.
const WITH_COPIES: [&str; 1] = ["generations"];

/// Tests that move too much for memcheck.
const TOO_LARGE: [&str; 1] = ["waiting_writer_keeps_no_reader_waiting"];

pub(super) fn memcheck() -> Fallible<Verdict> {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--version");
    if !step::is_there(valgrind) {
        return Ok(Verdict::skipped("valgrind is not installed: cargo xtask peers --install"));
    }
    let suppressions = workspace::root().join("tests/valgrind.supp");
    let runner = format!(
        "valgrind --quiet --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
         --num-callers=40 --error-exitcode=99 --suppressions={}",
        suppressions.display()
    );
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--locked", "--no-fail-fast", "--package", "dlssl-tests"]);
    for test in WATCHED.iter().chain(&WITH_COPIES) {
        cargo.args(["--test", test]);
    }
    let variable = workspace::host()?.to_uppercase().replace('-', "_");
    cargo.env(format!("CARGO_TARGET_{variable}_RUNNER"), runner);
    // Everything takes some thirty times as long.
    cargo.env("PROPTEST_CASES", "20").args(["--", "--test-threads", "2"]);
    // 40 MB within the time that a test waits: not at this speed.
    cargo.args(TOO_LARGE.iter().flat_map(|name| ["--skip", name]));
    step::run(cargo)?;
    Ok(Verdict::passed(format!("{} test executables without a complaint", WATCHED.len() + WITH_COPIES.len())))
}

pub(super) fn sanitizer() -> Fallible<Verdict> {
    let host = workspace::host()?;
    if !workspace::has_sanitizer(&host)? {
        return Ok(Verdict::skipped("this Rust comes without the runtime of AddressSanitizer: rustup's have it"));
    }
    // The tests' other programs are built as ever: a macro that is watched cannot be loaded by a compiler that is not.
    let mut build = workspace::cargo();
    build.args(["build", "--locked", "--package", "dlssl-cli"]);
    step::run(build)?;
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--locked", "--no-fail-fast", "--target", &host, "--package", "dlssl-tests"]);
    for test in WATCHED {
        cargo.args(["--test", test]);
    }
    // The option is one of nightly Rust; that runtime and compiler belong together is all that it needs.
    cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    cargo.env("CARGO_TARGET_DIR", workspace::root().join("target/nightly/asan"));
    cargo.env("DLSSL_TEST_CLI", workspace::target_folder().join("debug/dlssl"));
    cargo.env("ASAN_OPTIONS", "detect_leaks=1").env("PROPTEST_CASES", "50");
    step::run(cargo)?;
    Ok(Verdict::passed(format!("{} test executables without a complaint", WATCHED.len())))
}

/// Parts without calls into C.
const PURE: [(&str, &[&str]); 2] =
    [("dlssl-core", &["version", "explanation"]), ("dlssl", &["hostname", "x509::der", "x509::string", "framing"])];

pub(super) fn miri() -> Fallible<Verdict> {
    let miri = || {
        let mut rustup = Command::new("rustup");
        rustup.args(["run", "nightly", "cargo", "miri"]).current_dir(workspace::root());
        rustup
    };
    let mut version = miri();
    version.arg("--version");
    if !step::is_there(version) {
        return Ok(Verdict::skipped("no Miri: rustup toolchain install nightly --component miri rust-src"));
    }
    for (package, filters) in PURE {
        let mut cargo = miri();
        cargo.args(["test", "--locked", "--package", package, "--lib", "--"]).args(filters);
        cargo.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", "20");
        step::run(cargo)?;
    }
    Ok(Verdict::passed("the parts without calls into C"))
}
