//! A TCP socket with an end of the time that its reads and writes have, together.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// A blocking socket whose reads and writes end with `TimedOut`.
#[derive(Debug)]
pub(super) struct Paced {
    socket: TcpStream,
    /// The end of the phase: a peer that sends a byte now and again gains nothing. `None` is for ever.
    until: Option<Instant>,
}

impl Paced {
    /// Takes a blocking socket; the first phase may last `phase`.
    pub(super) fn new(socket: TcpStream, phase: Duration) -> Self {
        Self { socket, until: Instant::now().checked_add(phase) }
    }

    /// Gives everything from here on until then.
    pub(super) fn limit_until(&mut self, until: Option<Instant>) {
        self.until = until;
    }

    /// Closes our half, then waits for the peer's, at most for `phase` and about `most` bytes.
    ///
    /// Closing a socket with unread bytes in it resets the connection, and the peer may lose what it
    /// has not read yet.
    pub(super) fn linger(&mut self, phase: Duration, most: usize) {
        if self.socket.shutdown(Shutdown::Write).is_err() {
            // The peer has reset the connection: nobody waits for anything.
            return;
        }
        self.limit_until(Instant::now().checked_add(phase));
        let mut space = [0; 4096];
        let mut seen = 0;
        while seen < most {
            match self.read(&mut space) {
                Ok(0) => break,
                Ok(count) => seen += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // It has all been said; how the peer leaves is its own affair.
                Err(_) => break,
            }
        }
    }

    /// What is left for the next operation.
    fn left(&self) -> io::Result<Option<Duration>> {
        let Some(until) = self.until else { return Ok(None) };
        match until.checked_duration_since(Instant::now()) {
            // Zero would mean no limit to the system.
            Some(left) if !left.is_zero() => Ok(Some(left)),
            _ => Err(ErrorKind::TimedOut.into()),
        }
    }
}

impl Read for Paced {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.socket.read(space).map_err(timed_out)
    }
}

impl Write for Paced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Paced {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Unix reports a socket timeout as `WouldBlock`, which TLS would take for a socket to come back to.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { error }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn paced(phase: Duration) -> (TcpStream, Paced) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (peer, Paced::new(listener.accept().unwrap().0, phase))
    }

    #[test]
    fn a_drip_does_not_prolong_a_phase() {
        let (mut peer, mut paced) = paced(Duration::from_millis(50));
        let start = Instant::now();
        let error = loop {
            peer.write_all(b"x").unwrap();
            std::thread::sleep(Duration::from_millis(5));
            if let Err(error) = paced.read(&mut [0]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn silence_is_timed_out_in_each_phase() {
        let (_peer, mut paced) = paced(Duration::from_millis(10));
        assert_eq!(paced.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
        paced.limit_until(Some(Instant::now() + Duration::from_millis(10)));
        assert_eq!(paced.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn lingering_lets_the_peer_read_to_the_end() {
        let (mut peer, mut paced) = paced(Duration::from_secs(5));
        peer.write_all(b"never read").unwrap();
        paced.write_all(b"answer").unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            peer.read_to_string(&mut text).map(|_| text)
        });
        paced.linger(Duration::from_secs(5), 1 << 20);
        drop(paced);
        assert_eq!(reader.join().unwrap().unwrap(), "answer");
    }
}
