//! Two TLS ends that talk: contexts with the shared certificates, connected sockets, handshakes on two threads.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Instant;

use dlssl::{
    Acceptor, AcceptorBuilder, Connector, ConnectorBuilder, Error, ErrorKind, HandshakeError, Protocol, TlsStream,
};

use crate::library::{has_tls13, library};
use crate::pki::{NAME, Pki};
use crate::process::PATIENCE;
use crate::wire::{End, pipe};

/// What a handshake gives.
pub type Shaken<S> = Result<TlsStream<S>, HandshakeError<S>>;

/// The three ways to put TLS on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bio {
    /// Our BIO over `Read` and `Write`.
    Stream,
    /// Our BIO over a descriptor.
    Descriptor,
    /// OpenSSL's own socket BIO.
    OpensslSocket,
}

impl Bio {
    /// All three.
    pub const ALL: [Bio; 3] = [Bio::Stream, Bio::Descriptor, Bio::OpensslSocket];
    /// The two that are ours.
    pub const OURS: [Bio; 2] = [Bio::Stream, Bio::Descriptor];
}

/// The protocols that the library under test can be asked for by default.
pub fn protocols() -> Vec<Protocol> {
    let mut all = vec![Protocol::Tls12];
    if has_tls13() {
        all.push(Protocol::Tls13);
    }
    all
}

/// A client that trusts the shared authority.
pub fn connector() -> ConnectorBuilder {
    Connector::builder(library()).roots(Pki::shared().authority.roots())
}

/// A server with the shared server certificate.
pub fn acceptor() -> AcceptorBuilder {
    Acceptor::builder(library(), Pki::shared().server.identity())
}

/// A connected pair of TCP sockets on the loopback. Reads that wait too long fail, so that no test hangs.
pub fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    for socket in [&client, &server] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
    }
    (client, server)
}

/// Runs both sides on two threads.
pub fn both<A: Send, B: Send>(client: impl FnOnce() -> A + Send, server: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let server = scope.spawn(server);
        let client = client();
        match server.join() {
            Ok(server) => (client, server),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// A handshake over the stream BIO.
pub fn shake<C, S>(
    connector: &Connector,
    acceptor: &Acceptor,
    name: &str,
    (client, server): (C, S),
) -> (Shaken<C>, Shaken<S>)
where
    C: Read + Write + Send,
    S: Read + Write + Send,
{
    both(|| connector.connect(name, client), || acceptor.accept(server))
}

/// A handshake that succeeds, under the usual name and in memory, and a word each way: the client has its tickets then.
pub fn joined(connector: &Connector, acceptor: &Acceptor) -> (TlsStream<End>, TlsStream<End>) {
    let (client, server) = shake(connector, acceptor, NAME, pipe());
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    send(&mut server, &mut client, b"there");
    send(&mut client, &mut server, b"back");
    (client, server)
}

/// Checks that the server refused the client: what the client's error says, and the server's. Nothing is left in the queue.
pub fn refused<C, S>((client, server): (Shaken<C>, Shaken<S>), client_says: &str, server_says: &str) {
    for (end, says) in
        [(client.map(drop).map_err(Error::from), client_says), (server.map(drop).map_err(Error::from), server_says)]
    {
        let error = end.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!(library().take_errors().is_empty());
}

/// Checks that a server whose certificate cannot be used fails for that, and its client with it.
pub fn broken(acceptor: &Acceptor) {
    let (client, server) = shake(&connector().build().unwrap(), acceptor, NAME, pipe());
    assert!(client.is_err());
    assert_eq!(Error::from(server.unwrap_err()).kind(), ErrorKind::Pem);
    assert!(library().take_errors().is_empty());
}

/// Checks that a panic of the server's program with this text comes out of its handshake, and that the client's fails.
pub fn panics_with(acceptor: &Acceptor, text: &str) {
    let connector = connector().build().unwrap();
    let (ours, theirs) = pipe();
    let (client, server) = both(
        || connector.connect(NAME, ours).map(drop).is_ok(),
        || catch_unwind(AssertUnwindSafe(|| drop(acceptor.accept(theirs)))),
    );
    assert!(!client);
    assert_eq!(server.unwrap_err().downcast_ref::<&str>(), Some(&text));
    let _ = library().take_errors();
}

/// A handshake over TCP with either side's BIO of one kind.
pub fn shake_tcp(
    bio: Bio,
    connector: &Connector,
    acceptor: &Acceptor,
    name: &str,
) -> (Shaken<TcpStream>, Shaken<TcpStream>) {
    let (client, server) = tcp_pair();
    both(|| connect_by(bio, connector, name, client), || accept_by(bio, acceptor, server))
}

/// A client's handshake over one kind of BIO.
pub fn connect_by(bio: Bio, connector: &Connector, name: &str, socket: TcpStream) -> Shaken<TcpStream> {
    let configured = connector.configure(name)?;
    let end = Instant::now() + PATIENCE;
    match bio {
        Bio::Stream => configured.connect(socket),
        Bio::Descriptor => configured.deadline(end).connect_socket(socket),
        Bio::OpensslSocket => configured.connect_openssl_socket(socket),
    }
}

/// A server's handshake over one kind of BIO.
pub fn accept_by(bio: Bio, acceptor: &Acceptor, socket: TcpStream) -> Shaken<TcpStream> {
    let configured = acceptor.configure()?;
    let end = Instant::now() + PATIENCE;
    match bio {
        Bio::Stream => configured.accept(socket),
        Bio::Descriptor => configured.deadline(end).accept_socket(socket),
        Bio::OpensslSocket => configured.accept_openssl_socket(socket),
    }
}

/// A connected pair of TLS streams over TCP with default settings.
pub fn tls_pair(bio: Bio) -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
    let (client, server) = shake_tcp(bio, &connector().build().unwrap(), &acceptor().build().unwrap(), NAME);
    (client.unwrap(), server.unwrap())
}

/// Sends bytes one way and checks that they arrive; on two threads, so that the size does not matter.
pub fn send<A, B>(from: &mut A, to: &mut B, bytes: &[u8])
where
    A: Write + Send,
    B: Read + Send,
{
    let ((), received) = both(
        || {
            from.write_all(bytes).unwrap();
            from.flush().unwrap();
        },
        || {
            let mut received = vec![0; bytes.len()];
            to.read_exact(&mut received).unwrap();
            received
        },
    );
    assert!(received == bytes, "{} bytes arrived changed", bytes.len());
}

/// Bytes that differ at every place where a mix-up could happen.
pub fn pattern(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
