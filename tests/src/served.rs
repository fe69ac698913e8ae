//! `dlssl serve` as a child that others talk to.

use std::net::SocketAddr;
use std::process::Command;

use crate::cli;
use crate::pki::Pki;
use crate::process::{Outcome, Running};

/// A running `dlssl serve` with the shared certificate; killed on drop.
#[derive(Debug)]
pub struct Served {
    running: Running,
    address: SocketAddr,
}

impl Served {
    /// Starts it on a free port and waits for the line that tells the address.
    pub fn start(options: &[&str]) -> Self {
        Served::of(cli::command("serve"), options)
    }

    /// The same with a `serve` command of the test's own.
    pub fn of(mut command: Command, options: &[&str]) -> Self {
        command
            .args(["--listen", "127.0.0.1:0", "--cert"])
            .arg(Pki::shared().server_chain_path())
            .arg("--key")
            .arg(Pki::shared().server_key_path())
            .args(options);
        let mut running = Running::start(&mut command);
        running.wait_until("the address", |out, _| out.contains('\n'));
        let out = running.stdout();
        let address = out.lines().next().and_then(|l| l.strip_prefix("listening on ")).unwrap();
        Served { address: address.parse().unwrap(), running }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.running.stderr()
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> bool {
        self.running.ended().is_none()
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: i32) {
        self.running.signal(signal);
    }

    /// Sends a signal and takes the outcome.
    #[cfg(unix)]
    pub fn end_by(self, signal: i32) -> Outcome {
        self.signal(signal);
        self.running.finish()
    }
}
