//! The handshake on a socket that never blocks.

use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use dlssl::{Connector, Error, ErrorKind, HandshakeError, TlsStream, VerifyFailure};
use rustix::event::PollFlags;

use super::wait::wait;
use crate::args::ConnectArgs;
use crate::failure::Failure;

/// Shakes hands over `socket`; waits as long as the timeout allows without news from the peer.
pub(super) fn handshake(
    connector: &Connector,
    name: &str,
    socket: TcpStream,
    args: &ConnectArgs,
) -> Result<TlsStream<TcpStream>, Failure> {
    let mut state =
        if args.socket_bio { connector.connect_socket(name, socket) } else { connector.connect(name, socket) };
    loop {
        match state {
            Ok(tls) => return Ok(tls),
            Err(HandshakeError::Failed(failed)) => return Err(refused(failed.error(), name, args)),
            Err(HandshakeError::Blocked(middle)) => {
                let flags = if middle.wants_write() { PollFlags::OUT } else { PollFlags::IN };
                let deadline = args.timeout.and_then(|time| Instant::now().checked_add(time));
                let ready = wait([(middle.get_ref().as_fd(), flags)], deadline)
                    .map_err(|error| Failure::new(format_args!("cannot wait for the peer: {error}")))?;
                if ready == [false] {
                    return Err(silent("the handshake", args.timeout)
                        .advice("check that the peer speaks TLS on this port, or give a longer --timeout"));
                }
                state = middle.resume();
            }
        }
    }
}

/// The peer has not moved for as long as it may.
pub(super) fn silent(phase: &str, patience: Option<Duration>) -> Failure {
    let seconds = patience.unwrap_or_default().as_secs_f64();
    Failure::new(format_args!("timed out: {phase} made no progress for {seconds} s"))
}

fn refused(error: &Error, name: &str, args: &ConnectArgs) -> Failure {
    let failure = Failure::new(format_args!("no TLS with {} as \"{name}\": {error}", args.peer));
    match error.kind() {
        ErrorKind::Certificate if error.verify().is_some_and(is_about_time) => {
            failure.advice("have the certificate renewed, or correct the clock of this machine")
        }
        ErrorKind::Certificate => {
            failure.advice("--ca FILE trusts another root, --name NAME expects another name in the certificate")
        }
        ErrorKind::Handshake | ErrorKind::Protocol | ErrorKind::UnexpectedEof => failure
            .advice("check that the peer speaks TLS on this port; --min-tls and --max-tls change the versions offered"),
        ErrorKind::InvalidName => failure.advice("give a host name or an IP address with --name"),
        _ => failure,
    }
}

/// `X509_V_ERR_CERT_NOT_YET_VALID` and `X509_V_ERR_CERT_HAS_EXPIRED`.
fn is_about_time(failure: &VerifyFailure) -> bool {
    matches!(failure.code(), 9 | 10)
}
