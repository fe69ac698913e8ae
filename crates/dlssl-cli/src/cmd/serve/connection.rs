//! One accepted TLS connection with its time limits, the same over both kinds of BIO.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[cfg(unix)]
use dlssl::Timeouts;
use dlssl::{Acceptor, HandshakeError, TlsStream};

use super::allowance::Allowance;
use super::paced::Paced;

/// For the peer to close its half, after ours.
const LINGER: Duration = Duration::from_secs(2);
/// What is still read from the peer meanwhile.
const LINGER_BYTES: usize = 1 << 20;

/// A connection after its handshake.
pub(super) struct Connection {
    tls: TlsStream<Paced>,
    /// TLS is on the descriptor, beside the limits of `Paced`.
    socket_bio: bool,
    /// For the whole handshake, and for each read and write afterwards.
    time: Duration,
    /// End of the phase, when there is one.
    until: Option<Instant>,
    /// For all of it.
    allowance: Allowance,
}

impl Connection {
    /// Shakes hands; what is wrong with a peer is one line for the log.
    pub(super) fn accept(
        acceptor: &Acceptor,
        socket: TcpStream,
        socket_bio: bool,
        time: Duration,
        most: Duration,
    ) -> Result<Self, String> {
        // Answers are written whole; an error here only makes them later.
        let _ = socket.set_nodelay(true);
        let allowance = Allowance::new(most);
        let time = time.min(most);
        let socket = Paced::new(socket, time);
        let tls = handshake(acceptor, socket, socket_bio, time)?;
        Ok(Self { tls, socket_bio, time, until: None, allowance })
    }

    pub(super) fn tls(&self) -> &TlsStream<Paced> {
        &self.tls
    }

    pub(super) fn socket_bio(&self) -> bool {
        self.socket_bio
    }

    /// Gives each read and each write its time: a whole one, however many bytes of it trickle in.
    pub(super) fn limit_each(&mut self) {
        self.until = None;
    }

    /// Gives everything from here on the time of one.
    pub(super) fn limit_phase(&mut self) {
        self.until = Instant::now().checked_add(self.time);
    }

    /// Says close_notify and lets the peer read to the end.
    pub(super) fn close(mut self) -> io::Result<()> {
        self.arm();
        match self.tls.shutdown() {
            Ok(_) => self.tls.get_mut().linger(LINGER, LINGER_BYTES),
            // A peer that has all it wants need not wait for the end.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// An operation within its time and what the connection has left; gives the bytes that it moved.
    fn within(&mut self, operation: impl FnOnce(&mut TlsStream<Paced>) -> io::Result<usize>) -> io::Result<usize> {
        self.allowance.check()?;
        self.arm();
        match operation(&mut self.tls) {
            Ok(count) => {
                self.allowance.earn(count);
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => Err(self.allowance.check().err().unwrap_or(error)),
            Err(error) => Err(error),
        }
    }

    /// Sets the end of the next operation.
    fn arm(&mut self) {
        let at = self.until.or_else(|| Instant::now().checked_add(self.time));
        let at = at.into_iter().chain(self.allowance.end()).min();
        if self.socket_bio {
            self.tls.set_deadline(at);
        } else {
            self.tls.get_mut().limit_until(at);
        }
    }
}

impl Read for Connection {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.within(|tls| tls.read(space))
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.within(|tls| tls.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.within(|tls| tls.flush().map(|()| 0)).map(drop)
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected)
}

fn handshake(acceptor: &Acceptor, socket: Paced, socket_bio: bool, time: Duration) -> Result<TlsStream<Paced>, String> {
    let configured = acceptor.configure().map_err(|error| error.to_string())?;
    // Elsewhere there is no descriptor BIO: the stream BIO does the same, more slowly.
    #[cfg(unix)]
    if socket_bio {
        let timeouts = Timeouts::new().handshake(time);
        return configured.timeouts(timeouts).accept_socket(socket).map_err(reason);
    }
    #[cfg(not(unix))]
    let _ = (socket_bio, time);
    configured.accept(socket).map_err(reason)
}

fn reason<S>(error: HandshakeError<S>) -> String {
    match error {
        HandshakeError::Failed(error) => format!("no handshake: {error}"),
        HandshakeError::Blocked(middle) => format!("no handshake: {}", middle.error()),
    }
}
