//! What children and threads do: handshakes with an echo, random bytes.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use dlssl::{Acceptor, Connector, HandshakeError, Library, TlsStream};
use dlssl_tests::forked::Said;
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::talk::Shaken;

/// Bytes of one draw: an equal pair by chance will not be seen.
pub(super) const BLOCK: usize = 32;

/// How long a socket waits: a handshake that stalls shows as one, and not as a child that hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(25);

/// A pair of sockets on which nobody waits for ever.
pub(super) fn sockets() -> (UnixStream, UnixStream) {
    let (a, b) = UnixStream::pair().expect("a pair of sockets");
    for socket in [&a, &b] {
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        socket.set_write_timeout(Some(PATIENCE)).expect("a time-out");
    }
    (a, b)
}

/// A handshake of two ends in this thread, and bytes to and fro.
pub(super) fn echo(connector: &Connector, acceptor: &Acceptor) -> Result<(), String> {
    let (client, server) = pair(connector, acceptor)?;
    pass(client, server)
}

/// Two ends that are connected. One thread drives both: Rust's own start of a thread takes a lock of the standard library,
/// which a thread that was just starting in the parent may have held when a child was forked.
pub(super) fn pair(
    connector: &Connector,
    acceptor: &Acceptor,
) -> Result<(TlsStream<UnixStream>, TlsStream<UnixStream>), String> {
    /// More than any handshake takes.
    const ROUNDS: usize = 100;
    let (near, far) = sockets();
    for socket in [&near, &far] {
        socket.set_nonblocking(true).map_err(|e| e.to_string())?;
    }
    let mut client = connector.connect(NAME, near);
    let mut server = acceptor.accept(far);
    for _ in 0..ROUNDS {
        client = go_on(client);
        server = go_on(server);
        if client.is_ok() && server.is_ok() {
            break;
        }
    }
    let client = client.map_err(|e| format!("client: {e}"))?;
    let server = server.map_err(|e| format!("server: {e}"))?;
    for stream in [&client, &server] {
        stream.get_ref().set_nonblocking(false).map_err(|e| e.to_string())?;
    }
    Ok((client, server))
}

fn go_on(handshake: Shaken<UnixStream>) -> Shaken<UnixStream> {
    match handshake {
        Err(HandshakeError::Blocked(middle)) => middle.resume(),
        done => done,
    }
}

fn pass(mut client: TlsStream<UnixStream>, mut server: TlsStream<UnixStream>) -> Result<(), String> {
    let words = |error: std::io::Error| error.to_string();
    let mut got = [0; 4];
    client.write_all(b"ping").map_err(words)?;
    server.read_exact(&mut got).map_err(words)?;
    server.write_all(&got).map_err(words)?;
    client.read_exact(&mut got).map_err(words)?;
    if &got == b"ping" { Ok(()) } else { Err("the echo is another".into()) }
}

/// A client's part against a server that sends back what it gets.
pub(super) fn ping<S: Read + Write>(connector: &Connector, socket: S) -> Result<(), String> {
    let mut client = connector.connect(NAME, socket).map_err(|e| format!("client: {e}"))?;
    let mut got = [0; 4];
    client.write_all(b"ping").map_err(|e| e.to_string())?;
    client.read_exact(&mut got).map_err(|e| e.to_string())?;
    client.shutdown().map_err(|e| e.to_string())?;
    if &got == b"ping" { Ok(()) } else { Err("the echo is another".into()) }
}

/// A draw through dlssl.
pub(super) fn draw(library: &Library) -> Said {
    let mut block = vec![0; BLOCK];
    library.random(&mut block).map_err(|e| e.to_string())?;
    Ok(block)
}

/// A draw through the C function, whatever process the library was loaded in.
pub(super) fn draw_raw(library: &Library) -> Said {
    let mut block = vec![0_u8; BLOCK];
    // SAFETY: writes `BLOCK` bytes into a buffer of that length.
    let result = unsafe { (library.functions().rand.RAND_bytes)(block.as_mut_ptr(), BLOCK as libc::c_int) };
    if result == 1 { Ok(block) } else { Err("RAND_bytes failed".into()) }
}

/// A client that follows the process's library.
pub(super) fn connector() -> Connector {
    Connector::following().roots(Pki::shared().authority.roots()).build().expect("a connector")
}

/// A server that follows the process's library.
pub(super) fn acceptor() -> Acceptor {
    Acceptor::following(Pki::shared().server.identity()).build().expect("an acceptor")
}
