//! How TLS records reach the world: the BIO of a connection, and memory BIOs.

#[cfg(unix)]
pub(crate) mod descriptor;
mod framing;
mod functions;
mod memory;
pub(crate) mod method;
pub(crate) mod stream;

use std::io;
use std::time::Instant;

pub use memory::MemoryBio;

/// What the C callbacks of a BIO ask of the connection's side. Safe code; the callbacks catch its panics.
pub(crate) trait Bio {
    /// Gives received bytes; 0 is the end. An error comes with what could not be done: to receive, or first to send what
    /// the peer is to answer.
    fn receive(&mut self, out: &mut [u8]) -> Result<usize, (Interest, io::Error)>;

    /// Takes bytes to send, all of them or none.
    fn send(&mut self, data: &[u8]) -> io::Result<()>;

    /// Sends what waits and flushes the inner stream.
    fn flush(&mut self) -> io::Result<()>;

    /// Whether the inner stream has ended.
    fn is_at_end(&self) -> bool;

    /// Received bytes that C has not asked for yet.
    fn received(&self) -> usize;

    /// Bytes that C has handed over and that are not sent yet.
    fn unsent(&self) -> usize;
}

/// What a stream waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    Write,
    /// The peer may wait for what we have not sent, while we wait for what it sends.
    Either,
}

impl Interest {
    pub(crate) fn reads(self) -> bool {
        self != Self::Write
    }

    pub(crate) fn writes(self) -> bool {
        self != Self::Read
    }
}

/// Waits for a stream until a deadline: `TimedOut` past it, `WouldBlock` where waiting is not ours to do.
pub(crate) type Wait<S> = fn(&S, Interest, Option<Instant>) -> io::Result<()>;

/// The error of a wait that has lasted long enough.
pub(crate) fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the deadline or time limit of the stream has passed")
}
