//! Two connected sockets in this process.

use std::io;
use std::time::Duration;

/// Long enough for a slow machine under a memory checker, and an end all the same.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

#[cfg(unix)]
pub(super) type Socket = std::os::unix::net::UnixStream;
#[cfg(not(unix))]
pub(super) type Socket = std::net::TcpStream;

/// Connects two sockets; a read or write on either ends after [`PATIENCE`].
pub(super) fn sockets() -> io::Result<(Socket, Socket)> {
    let (one, two) = connected()?;
    for socket in [&one, &two] {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
    }
    Ok((one, two))
}

/// No network is needed: not even the loopback interface has to be up.
#[cfg(unix)]
fn connected() -> io::Result<(Socket, Socket)> {
    Socket::pair()
}

#[cfg(not(unix))]
fn connected() -> io::Result<(Socket, Socket)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let one = Socket::connect(listener.local_addr()?)?;
    let (two, _) = listener.accept()?;
    Ok((one, two))
}
