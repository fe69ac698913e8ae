//! What the examples in the documentation of `dlssl` run against: files, a server, and clients that call.
//!
//! Each example is a process of its own, so it may go into a folder of its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use dlssl::{Acceptor, Connector, ConnectorBuilder, Identity, PrivateKey, Roots, TlsStream};
use tempfile::TempDir;

use crate::pki::{Authority, Leaf};
use crate::process::PATIENCE;

/// The name that the certificate of the examples is for.
pub const HOST: &str = "example.org";

/// The current folder of an example, and what is in it: `ca.pem`, `chain.pem` with `key.pem` for `example.org`,
/// `encrypted-key.pem` (password "secret"), `client.pem` with `client-key.pem`, `root.crl` and `intermediate.crl`.
#[derive(Debug)]
pub struct Scene {
    dir: TempDir,
}

/// Makes the folder and goes there.
#[allow(clippy::new_without_default, reason = "it goes into a folder, which no default does")]
pub fn scene() -> Scene {
    let authority = Authority::new("example");
    let leaf = Leaf::server(HOST).and_name("www.example.org").and_address(Ipv4Addr::LOCALHOST.into());
    let (server, client) = (authority.issue(&leaf), authority.issue(&Leaf::client("a client")));
    let dir = TempDir::new().unwrap();
    let library = dlssl::current().unwrap();
    let key = PrivateKey::from_pem(&library, &server.key, None).unwrap();
    for (name, text) in [
        ("ca.pem", authority.root_pem()),
        ("intermediate.pem", authority.intermediate_pem()),
        ("chain.pem", &server.chain),
        ("key.pem", &server.key),
        ("encrypted-key.pem", &key.to_encrypted_pem(&"secret".into()).unwrap()),
        ("client.pem", &client.chain),
        ("client-key.pem", &client.key),
        ("root.crl", &authority.root_crl(&[])),
        ("intermediate.crl", &authority.crl(&[])),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    std::env::set_current_dir(dir.path()).unwrap();
    Scene { dir }
}

impl Scene {
    /// The server's certificate and key.
    pub fn identity(&self) -> Identity {
        Identity::pem_files(self.dir.path().join("chain.pem"), self.dir.path().join("key.pem"))
    }

    /// The root that signed everything.
    pub fn roots(&self) -> Roots {
        Roots::file(self.dir.path().join("ca.pem"))
    }

    /// A server that answers `GET` with a page, and says everything else back.
    pub fn server(&self) -> SocketAddr {
        let library = dlssl::current().unwrap();
        let acceptor = Acceptor::builder(&library, self.identity()).alpn(["h2", "http/1.1"]).build().unwrap();
        let listener = listener();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            while let Ok((tcp, _)) = listener.accept() {
                let acceptor = acceptor.clone();
                thread::spawn(move || {
                    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
                    if let Ok(mut tls) = acceptor.accept(tcp) {
                        serve(&mut tls);
                    }
                });
            }
        });
        address
    }

    /// A client's stream to that server.
    pub fn tls(&self) -> TlsStream<TcpStream> {
        let library = dlssl::current().unwrap();
        let connector = Connector::builder(&library).roots(self.roots()).build().unwrap();
        connector.connect_socket(HOST, TcpStream::connect(self.server()).unwrap()).unwrap()
    }

    /// A socket on which a client is about to begin a handshake; it says `hello`, and back what it hears.
    pub fn caller(&self) -> TcpStream {
        self.caller_with(|builder| builder)
    }

    /// The same with settings of the client's own.
    pub fn caller_with(&self, settings: impl FnOnce(ConnectorBuilder) -> ConnectorBuilder) -> TcpStream {
        let listener = listener();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let builder = settings(Connector::builder(&dlssl::current().unwrap()).roots(self.roots()));
        thread::spawn(move || {
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            // A library that cannot has no client that can.
            let Ok(connector) = builder.build() else { return };
            if let Ok(mut tls) = connector.connect(HOST, client) {
                let _ = tls.write_all(b"hello");
                serve(&mut tls);
            }
        });
        let (server, _) = listener.accept().unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        server
    }
}

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

fn serve(tls: &mut TlsStream<TcpStream>) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = tls.read(&mut bytes) {
        let page = bytes[..count].starts_with(b"GET ");
        let answer: &[u8] = if page { b"HTTP/1.0 200 OK\r\n\r\nhello\n" } else { &bytes[..count] };
        if tls.write_all(answer).is_err() || page {
            break;
        }
    }
    let _ = tls.shutdown();
}
