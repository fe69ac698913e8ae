//! `dlssl connect` as a child that talks to a server, and the combinations that every peer is tried in.

use std::process::Command;

use crate::harness::{Test, test};
use crate::peers::Tls;
use crate::pki::{NAME, Pki};
use crate::process::{Outcome, Running};
use crate::{cli, library};

/// The options for the two BIO kinds.
pub fn bios() -> [&'static [&'static str]; 2] {
    [&[], &["--socket-bio"]]
}

/// One test for each TLS version and BIO kind.
pub fn combinations(name: &str, work: fn(Tls, &'static [&'static str])) -> Vec<Test> {
    let mut tests = Vec::new();
    for tls in [Tls::V12, Tls::V13] {
        for bio in bios() {
            let bio_name = if bio.is_empty() { "stream" } else { "socket" };
            let full = format!("{name}_tls{}_{bio_name}", tls.number().replace('.', ""));
            let one = test(&full, move || work(tls, bio));
            tests.push(if tls == Tls::V13 { one.needs_tls13() } else { one });
        }
    }
    tests
}

/// A running `dlssl connect`.
#[derive(Debug)]
pub struct Client {
    running: Running,
}

impl Client {
    /// Connects to a server with the shared certificate on this port.
    pub fn start(port: u16, bio: &[&str], options: &[&str]) -> Self {
        let mut command = cli::command("connect");
        command
            .arg(format!("127.0.0.1:{port}"))
            .args(["--name", NAME, "--timeout", "20", "--ca"])
            .arg(Pki::shared().root_path())
            .args(bio)
            .args(options);
        Client::of(&mut command)
    }

    /// Runs a command of the test's own.
    pub fn of(command: &mut Command) -> Self {
        Client { running: Running::start(command) }
    }

    /// Writes to the peer.
    pub fn write(&mut self, bytes: &[u8]) {
        self.running.write(bytes);
    }

    /// Waits for this text from the peer.
    pub fn expect(&mut self, text: &str) {
        self.running.wait_until(text, |out, _| out.contains(text));
    }

    /// Ends our side and takes the outcome, which must be a success.
    pub fn finish(self) -> Outcome {
        self.running.finish().success()
    }

    /// The same, with a look at the summary.
    pub fn end(self, tls: Tls) {
        check_summary(&self.finish(), tls);
    }

    /// Asks for a page over HTTP/1.0; the server closes after its answer.
    pub fn get(mut self, part: &str, tls: Tls) {
        self.write(b"GET / HTTP/1.0\r\nHost: server.test\r\n\r\n");
        self.expect(part);
        check_summary(&self.finish(), tls);
    }
}

fn check_summary(outcome: &Outcome, tls: Tls) {
    let summary = &outcome.stderr;
    assert!(summary.contains(&format!("TLSv{}", tls.number())), "{summary}");
    assert!(summary.contains(NAME), "{summary}");
    assert!(summary.contains(&library::library().version().to_string()), "{summary}");
}
