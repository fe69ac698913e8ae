//! Sessions that a client brings back to a server of ours: `openssl s_client` says whether the server went on with one.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};

use dlssl::Acceptor;
use tempfile::TempDir;

use crate::pki::{NAME, Pki};
use crate::process::{self, PATIENCE, foreign};

/// What a server keeps of a session: a ticket's key, or the session itself.
pub const KINDS: [&[&str]; 2] = [&[], &["-no_ticket"]];

/// A client's session in a file.
#[derive(Debug)]
pub struct Session {
    kind: &'static [&'static str],
    file: String,
    _folder: TempDir,
}

impl Session {
    /// None yet; of one of [`KINDS`].
    pub fn new(kind: &'static [&'static str]) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("session").to_str().unwrap().to_owned();
        Self { kind, file, _folder: folder }
    }

    /// Options of a client that keeps its new session.
    pub fn save(&self) -> Vec<&str> {
        [self.kind, &["-sess_out", &self.file]].concat()
    }

    /// Options of a client that brings the session back.
    pub fn bring(&self) -> Vec<&str> {
        [self.kind, &["-sess_in", &self.file]].concat()
    }
}

/// Serves one client, over TLS 1.2; whether it was the client's session that they went on with.
pub fn one(acceptor: &Acceptor, listener: &TcpListener, options: &[&str]) -> bool {
    let serve = || {
        let (socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut stream = acceptor.accept(socket).unwrap();
        // A client that has nothing to say goes. C forgets sessions of connections that did not end in order.
        let _ = stream.read(&mut [0; 16]);
        let _ = stream.shutdown();
    };
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        let server = scope.spawn(serve);
        let reused = is_reused(address, options);
        server.join().unwrap();
        reused
    })
}

fn is_reused(address: SocketAddr, options: &[&str]) -> bool {
    let mut client = foreign("openssl");
    client.args(["s_client", "-tls1_2", "-servername", NAME, "-connect"]).arg(address.to_string());
    client.arg("-CAfile").arg(Pki::shared().root_path()).args(options);
    let outcome = process::run(&mut client, b"").success();
    let line = |word: &str| outcome.stdout.lines().any(|line| line.starts_with(word));
    assert!(line("New, ") != line("Reused, "), "{outcome:?}");
    line("Reused, ")
}
