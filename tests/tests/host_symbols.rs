//! A host that exports a few libcrypto functions of its own: the load notices that the library would call them, and takes
//! a private copy, or refuses where it may not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, ExitCode};

use dlssl_tests::harness::{run, test};
use dlssl_tests::library::probe_options;
use dlssl_tests::load_report::{self, Report};
use dlssl_tests::process::{self, foreign};
use tempfile::TempDir;

const SHADOWED: [&str; 2] = ["CRYPTO_memcmp", "EVP_MD_CTX_new"];

fn main() -> ExitCode {
    run(vec![
        test("host_program", host_program).needs_private_copies(),
        test("preloaded_object", preloaded_object).needs_private_copies().needs("cc"),
        test("unrelated_exports_are_no_matter", unrelated).needs_linux().needs("cc"),
    ])
}

fn host_program() {
    let host = Path::new(env!("CARGO_BIN_EXE_host_symbols"));
    let mut command = Command::new(host);
    command.args(probe_options());
    judge(&mut command, "host_symbols");
}

/// The same with functions that another object brings into the process.
fn preloaded_object() {
    for name in SHADOWED {
        let dir = TempDir::new().unwrap();
        let object = compile(dir.path(), &format!("void *{name}(void) {{ return 0; }}"));
        let mut command = probe();
        command.env("LD_PRELOAD", &object);
        judge(&mut command, "libdlsslhost.so");
    }
}

fn unrelated() {
    let dir = TempDir::new().unwrap();
    let object = compile(dir.path(), "int dlssl_unrelated(void) { return 0; }");
    let report = load_report::run(probe().env("LD_PRELOAD", object));
    assert!(report.ok(), "{}", report.all());
}

fn probe() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
    command.arg("load").args(probe_options());
    command
}

fn compile(dir: &Path, source: &str) -> std::path::PathBuf {
    let (c, so) = (dir.join("host.c"), dir.join("libdlsslhost.so"));
    std::fs::write(&c, source).unwrap();
    let mut command = foreign("cc");
    command.args(["-shared", "-fPIC", "-fno-builtin", "-w", "-o"]).arg(&so).arg(&c);
    process::run(&mut command, b"").success();
    so
}

/// What the dynamic linker says it bound into the host decides what the load has to say.
///
/// A library that was linked with `-Bsymbolic` calls its own functions whatever the host exports: there is nothing to refuse then.
fn judge(command: &mut Command, object: &str) {
    let bound = bindings(command, object);
    command.env_remove("LD_DEBUG").env_remove("LD_BIND_NOW");
    let report: Report = load_report::run(command);
    assert!(report.ok(), "{}", report.all());
    let text = report.text("text").to_owned();
    if bound.is_empty() {
        assert!(!report.is("private"), "nothing is bound to {object}: {text}");
        println!("the library under test binds nothing to its host");
        return;
    }
    let blames = |text: &str| text.contains(object) && bound.iter().any(|name| text.contains(name));
    assert!(report.is("private") && blames(&text), "{bound:?}: {text}");
    // As they are, the files are refused.
    let report = load_report::run(command.arg("--never"));
    report.refused_as("mismatched-pair", &[object]);
    assert!(blames(report.text("message")), "{bound:?}: {}", report.text("message"));
}

/// The functions that the dynamic linker bound from libssl or libcrypto to the host, in its own words.
fn bindings(command: &mut Command, object: &str) -> Vec<&'static str> {
    command.env("LD_DEBUG", "bindings").env("LD_BIND_NOW", "1");
    let outcome = process::run(command, b"");
    let from_library = |line: &&str| {
        let from = line.split(" to ").next().unwrap_or_default();
        from.contains("libssl") || from.contains("libcrypto")
    };
    let lines: Vec<&str> = outcome
        .stderr
        .lines()
        .filter(|line| line.contains("binding file"))
        .filter(from_library)
        .filter(|line| line.split(" to ").nth(1).is_some_and(|to| to.contains(object)))
        .collect();
    SHADOWED.into_iter().filter(|name| lines.iter().any(|l| l.contains(&format!("`{name}'")))).collect()
}
