//! Every build as a server for every build as a client, each in a process of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::{Command, ExitCode};
use std::sync::{Arc, OnceLock};

use dlssl::Version;
use dlssl_tests::builds::{Build, builds, none_given};
use dlssl_tests::cli;
use dlssl_tests::harness::{run, test};
use dlssl_tests::load_report;
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process;
use dlssl_tests::served::Served;
use dlssl_tests::talk::pattern;

const PAYLOAD: usize = 40 * 1024;

fn main() -> ExitCode {
    let subjects = builds().into_iter().map(|build| Subject { build, speaks_tls13: OnceLock::new() });
    let builds: Arc<Vec<Subject>> = Arc::new(subjects.collect());
    let mut tests = vec![test("all_builds", || {}).only_if(!builds.is_empty(), none_given)];
    if !builds.is_empty() {
        tests.clear();
    }
    for at in 0..builds.len() {
        let builds = Arc::clone(&builds);
        tests.push(test(&format!("server_on_{}", builds[at].build.name), move || serve_all(&builds[at], &builds)));
    }
    run(tests)
}

/// A build, and what it was found to speak.
struct Subject {
    build: Build,
    speaks_tls13: OnceLock<bool>,
}

impl Subject {
    /// A `dlssl` command on this build, whatever the test run itself is on.
    fn dlssl(&self, subcommand: &str) -> Command {
        let mut command = cli::bare(subcommand);
        if let Some(directory) = &self.build.directory {
            command.arg("--lib-dir").arg(directory);
        }
        self.build.set_environment(&mut command);
        command
    }

    /// By the library's own words and the versions' history.
    fn speaks_tls13(&self) -> bool {
        *self.speaks_tls13.get_or_init(|| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
            self.build.set_environment(command.arg("load"));
            if let Some(directory) = &self.build.directory {
                command.arg("--dir").arg(directory);
            }
            let report = load_report::run(&mut command);
            assert!(report.ok(), "{} does not load: {}", self.build.name, report.all());
            let (flavour, rest) = report.text("version").split_once(' ').unwrap();
            let floor = if flavour == "LibreSSL" { "3.2.0" } else { "1.1.1" };
            Version::parse(rest).unwrap() >= Version::parse(floor).unwrap()
        })
    }
}

fn serve_all(server: &Subject, clients: &[Subject]) {
    let mut served = Served::of(server.dlssl("serve"), &["--echo"]);
    let mut failures = Vec::new();
    for client in clients {
        let newest = if server.speaks_tls13() && client.speaks_tls13() { "TLSv1.3" } else { "TLSv1.2" };
        for (options, expected) in [(&["--max-tls", "1.2"][..], "TLSv1.2"), (&[], newest)] {
            if let Err(what) = echo(client, &served, options, expected) {
                failures.push(format!("client {} {options:?}: {what}", client.build.name));
            }
        }
    }
    assert!(failures.is_empty(), "server {}:\n{}\nits log: {}", server.build.name, failures.join("\n"), served.log());
    assert!(served.lives());
    assert_eq!(served.log(), "", "the server has something to say about good clients");
}

/// One connection: everything comes back as it was sent, over the version that was expected.
fn echo(client: &Subject, served: &Served, options: &[&str], expected: &str) -> Result<(), String> {
    let mut command = client.dlssl("connect");
    command
        .arg(served.address().to_string())
        .args(["--name", NAME, "--timeout", "20", "--ca"])
        .arg(Pki::shared().root_path())
        .args(options);
    // Plain text, since the outcome is kept as text.
    let payload: String = pattern(PAYLOAD / 2, 5).iter().map(|byte| format!("{byte:02x}")).collect();
    let outcome = process::run(&mut command, payload.as_bytes());
    let summary = &outcome.stderr;
    if !outcome.status.success() {
        return Err(format!("{}: {summary}", outcome.status));
    }
    if outcome.stdout != payload {
        return Err(format!("{} bytes came back of {PAYLOAD}, or others: {summary}", outcome.stdout.len()));
    }
    if !summary.starts_with(&format!("{expected} ")) {
        return Err(format!("expected {expected}: {summary}"));
    }
    Ok(())
}
