//! From a host and port to a connected TCP socket.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::args::Endpoint;
use crate::failure::Failure;

/// Tries the addresses of `peer` one after the other, each for `patience` at most.
///
/// The name lookup itself takes as long as the system's resolver lets it.
pub(super) fn dial(peer: &Endpoint, patience: Option<Duration>) -> Result<TcpStream, Failure> {
    let addresses = (peer.host.as_str(), peer.port.get()).to_socket_addrs().map_err(|error| {
        Failure::new(format_args!("cannot find the host {}: {error}", peer.host))
            .advice("check the spelling, and that the name resolves on this machine")
    })?;

    let mut tried = Vec::new();
    for address in addresses {
        let connected = match patience {
            Some(patience) => TcpStream::connect_timeout(&address, patience),
            None => TcpStream::connect(address),
        };
        match connected.and_then(prepare) {
            Ok(socket) => return Ok(socket),
            Err(error) => tried.push(format!("{address}: {}", reason(&error, patience))),
        }
    }
    if tried.is_empty() {
        return Err(Failure::new(format_args!("the host {} has no address", peer.host)));
    }
    Err(Failure::new(format_args!("cannot connect to {peer}: {}", tried.join("; ")))
        .advice("check the port, and that the peer listens and can be reached from here"))
}

/// Never block in a read or write: one thread looks after both directions.
fn prepare(socket: TcpStream) -> io::Result<TcpStream> {
    socket.set_nonblocking(true)?;
    // Records are whole already; waiting to fill a packet only delays the last of them.
    socket.set_nodelay(true)?;
    Ok(socket)
}

fn reason(error: &io::Error, patience: Option<Duration>) -> String {
    match patience {
        Some(patience) if error.kind() == io::ErrorKind::TimedOut => {
            format!("no answer in {} s", patience.as_secs_f64())
        }
        _ => error.to_string(),
    }
}
