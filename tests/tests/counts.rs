//! System calls, counted by strace: per 16 KiB record over the stream BIO, and for a full handshake.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl_tests::harness::{run, test};
use dlssl_tests::process;
use tempfile::TempDir;

const RECORDS: usize = 2000;
/// What moves bytes.
const TRANSFERS: &str = "read,write,recvfrom,sendto,recvmsg,sendmsg,readv,writev";

fn main() -> ExitCode {
    let traced = process::find("strace").is_some() && can_trace();
    let test = |name, f: fn()| {
        test(name, f).needs_linux().needs("strace").only_if(traced, || "strace may not trace here".to_owned())
    };
    run(vec![
        test("handshake_and_one_byte", || handshake("handshake")),
        test("handshake_and_one_byte_by_descriptor", || handshake("handshake-by-descriptor")),
        test("records_in_batches", || records("batches")),
        test("records_streamed", || records("records")),
    ])
}

/// Containers often forbid ptrace.
fn can_trace() -> bool {
    let mut command = process::foreign("strace");
    let outcome = process::run(command.args(["-o", "/dev/null", "true"]), b"");
    outcome.status.success()
}

/// Two of the calls are reads of the time zone, by the first handshake of a process. A read that finds nothing counts.
fn handshake(how: &str) {
    let calls = count(&[how]);
    println!("a full handshake and one byte: {calls} calls");
    assert!(calls <= 12, "{calls} calls");
}

/// The best of ten: when two threads stream, a busy machine splits some reads.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn records(how: &str) {
    let mut best = f64::INFINITY;
    for _ in 0..10 {
        best = best.min(count(&[how, &RECORDS.to_string()]) as f64 / RECORDS as f64);
        println!("{how}: {best:.2} calls per record");
        if best <= 2.3 {
            return;
        }
    }
    panic!("{best:.2} calls per record");
}

/// Counts the transfers of all threads between the helper's two marks.
fn count(work: &[&str]) -> usize {
    let dir = TempDir::new().unwrap();
    let log = dir.path().join("calls");
    let mut command = process::find("strace").map(std::process::Command::new).unwrap();
    command
        .args(["-f", "-qq", "-s", "0", "-e"])
        .arg(format!("trace={TRANSFERS},getppid"))
        .arg("-o")
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_probe"))
        .arg("count")
        .args(work);
    process::run_for(&mut command, b"", 3 * process::PATIENCE).success();
    let log = std::fs::read_to_string(&log).unwrap();
    let mut marks = 0;
    let mut calls = 0;
    for line in log.lines() {
        // A call that another thread interrupted in the log is shown twice; only its beginning counts.
        if line.contains("resumed>") || line.contains("+++") || line.contains("---") {
            continue;
        }
        if line.contains("getppid(") {
            marks += 1;
        } else if marks == 1 {
            calls += 1;
        }
    }
    assert_eq!(marks, 2, "{log}");
    calls
}
