//! Both directions at once, in one thread: input → peer and peer → output.
//!
//! TLS streams are not shared between threads, so everything here is a step that does not block;
//! poll(2) waits between the steps.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use dlssl::TlsStream;
use rustix::event::PollFlags;
use rustix::pipe::PIPE_BUF;

use super::handshake::silent;
use super::wait::wait;
use crate::failure::Failure;

/// What one read from the input or the peer may bring: a full record.
const CHUNK: usize = 16 * 1024;
/// Peer data that may wait for a slow output before the peer has to wait too.
const BACKLOG: usize = 64 * 1024;

/// How many bytes of payload have gone each way.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) sent: u64,
    pub(super) received: u64,
}

/// How an exchange without an error ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer said close_notify.
    Told,
    /// The peer was told first and closed without a word, as nginx does.
    Untold,
}

/// Carries bytes until the peer closes, an error ends it, or nothing moves for `patience`.
///
/// At the end of the input the peer is told, and its answer still read.
pub(super) fn relay(
    tls: &mut TlsStream<TcpStream>,
    input: &impl AsFd,
    output: &impl AsFd,
    patience: Option<Duration>,
    totals: &mut Totals,
) -> Result<End, Failure> {
    let mut relay = Relay {
        tls,
        totals,
        up: Queue::default(),
        down: Queue::default(),
        input_open: true,
        closing: Closing::Open,
        peer: Peer::Open,
        read_ready: true,
        write_ready: true,
        write_error: None,
    };
    let mut last_move = Instant::now();
    loop {
        // Steps that do not block first; what follows waits for more to do.
        let mut moved = relay.receive();
        moved |= relay.send();
        if relay.is_done() {
            return relay.finish();
        }

        if moved {
            last_move = Instant::now();
        }
        let deadline = if relay.can_go_on() {
            Some(Instant::now())
        } else {
            patience.and_then(|time| last_move.checked_add(time))
        };
        let socket = relay.tls.get_ref().as_fd();
        let [from, to, peer] = wait(
            [
                (input.as_fd(), flag(relay.wants_input(), PollFlags::IN)),
                (output.as_fd(), flag(!relay.down.is_empty(), PollFlags::OUT)),
                (socket, relay.socket_flags()),
            ],
            deadline,
        )
        .map_err(|error| Failure::new(format_args!("cannot wait for input or the peer: {error}")))?;

        if peer {
            relay.read_ready = true;
            relay.write_ready = true;
        }
        if to {
            relay.deliver(output)?;
            last_move = Instant::now();
        }
        if from {
            relay.take(input)?;
            last_move = Instant::now();
        }
        let idle = !(peer || to || from || relay.can_go_on());
        if idle && deadline.is_some_and(|at| at <= Instant::now()) {
            return Err(silent("the connection", patience).advice("give a longer --timeout"));
        }
    }
}

/// How far our half of the connection is from being closed.
#[derive(PartialEq, Eq)]
enum Closing {
    Open,
    /// close_notify is on its way, or cannot be sent any more.
    Done,
}

/// What is known about the peer's half.
enum Peer {
    Open,
    Closed(End),
    Failed(io::Error),
}

struct Relay<'a> {
    tls: &'a mut TlsStream<TcpStream>,
    totals: &'a mut Totals,
    /// From the input, not yet taken by TLS.
    up: Queue,
    /// From the peer, not yet taken by the output.
    down: Queue,
    input_open: bool,
    closing: Closing,
    peer: Peer,
    /// False from a `WouldBlock` until the socket is ready again. Reading until `WouldBlock` is also
    /// what finds bytes that TLS has decrypted already: poll knows nothing of those.
    read_ready: bool,
    write_ready: bool,
    /// A peer that stops reading may have answered first: the answer is read before this is reported.
    write_error: Option<io::Error>,
}

impl Relay<'_> {
    fn can_receive(&self) -> bool {
        matches!(self.peer, Peer::Open) && self.down.len() < BACKLOG
    }

    fn wants_input(&self) -> bool {
        self.input_open && self.up.is_empty() && matches!(self.peer, Peer::Open)
    }

    fn has_work_for_peer(&self) -> bool {
        if self.write_error.is_some() || !matches!(self.peer, Peer::Open) {
            return false;
        }
        !self.up.is_empty() || self.tls.has_unsent() || (!self.input_open && self.closing == Closing::Open)
    }

    /// Whether a step can be taken without waiting.
    fn can_go_on(&self) -> bool {
        (self.can_receive() && self.read_ready) || (self.has_work_for_peer() && self.write_ready)
    }

    fn socket_flags(&self) -> PollFlags {
        let reading = self.can_receive();
        let writing = self.has_work_for_peer();
        let mut flags = flag(reading, PollFlags::IN);
        if writing {
            flags |= PollFlags::OUT;
        }
        // TLS may have to read before it can write, and the reverse.
        if writing && !self.write_ready && self.tls.wants_read() {
            flags = PollFlags::IN;
        }
        if reading && !self.read_ready && self.tls.wants_write() {
            flags |= PollFlags::OUT;
        }
        flags
    }

    /// Reads once from the peer. Says whether anything moved, like `send`.
    fn receive(&mut self) -> bool {
        if !self.can_receive() || !self.read_ready {
            return false;
        }
        match self.down.fill(CHUNK, |space| self.tls.read(space)) {
            Ok(0) => self.peer = Peer::Closed(End::Told),
            Ok(count) => self.totals.received += count as u64,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.read_ready = false;
                return false;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Both sides are done then, and many servers do not answer a close_notify.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && self.closing == Closing::Done => {
                self.peer = Peer::Closed(End::Untold);
            }
            Err(error) => self.peer = Peer::Failed(error),
        }
        true
    }

    /// Gives TLS what waits for the peer: bytes, then the rest of a record, then the end.
    fn send(&mut self) -> bool {
        if !self.has_work_for_peer() || !self.write_ready {
            return false;
        }
        let result = if !self.up.is_empty() {
            self.tls.write(self.up.bytes()).map(|count| {
                self.up.consume(count);
                self.totals.sent += count as u64;
            })
        } else if self.tls.has_unsent() {
            self.tls.flush()
        } else {
            match self.tls.shutdown() {
                Err(error) if is_temporary(&error) => Err(error),
                // A peer that has closed already does not hear our end, and that is no loss: what
                // it sent before is still to be read, and says whether all is well.
                _ => {
                    self.closing = Closing::Done;
                    Ok(())
                }
            }
        };
        match result {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.write_ready = false;
                return false;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => self.write_error = Some(error),
        }
        true
    }

    /// Reads once from the input, which poll found ready.
    fn take(&mut self, input: &impl AsFd) -> Result<(), Failure> {
        // Not `std::io::stdin`: bytes in its buffer would be invisible to poll.
        let read = self.up.fill(CHUNK, |space| Ok(rustix::io::read(input, space)?));
        match read {
            Ok(0) => self.input_open = false,
            Ok(_) => {}
            Err(error) if is_temporary(&error) => {}
            Err(error) => {
                return Err(Failure::new(format_args!("cannot read standard input: {error}")));
            }
        }
        Ok(())
    }

    /// Writes once to the output, which poll found ready.
    fn deliver(&mut self, output: &impl AsFd) -> Result<(), Failure> {
        // A pipe that is ready takes this much without blocking, and no more is promised.
        let bytes = self.down.bytes();
        let bytes = &bytes[..bytes.len().min(PIPE_BUF)];
        match rustix::io::write(output, bytes).map_err(io::Error::from) {
            Ok(count) => self.down.consume(count),
            Err(error) if is_temporary(&error) => {}
            Err(error) => return Err(Failure::output(error)),
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        !matches!(self.peer, Peer::Open) && self.down.is_empty()
    }

    fn finish(&mut self) -> Result<End, Failure> {
        let rest = self.up.len();
        // Once closing, only our own close_notify can be lost, and a peer that has closed misses nothing.
        if let (Some(error), Closing::Open) = (&self.write_error, &self.closing) {
            return Err(Failure::new(format_args!("cannot send to the peer: {error}")));
        }
        match std::mem::replace(&mut self.peer, Peer::Open) {
            Peer::Failed(error) => Err(broken(&error)),
            _ if rest > 0 => Err(Failure::new(format_args!(
                "the peer closed the connection before it took all of the input ({rest} B left here)"
            ))),
            Peer::Closed(End::Untold) => Ok(End::Untold),
            Peer::Closed(End::Told) | Peer::Open => {
                // Best effort: the peer has closed and may be gone.
                if self.closing == Closing::Open {
                    let _ = self.tls.shutdown();
                }
                Ok(End::Told)
            }
        }
    }
}

fn broken(error: &io::Error) -> Failure {
    let failure = Failure::new(format_args!("the connection broke: {error}"));
    if error.kind() == ErrorKind::UnexpectedEof {
        failure.advice("without a close_notify from the peer nobody can tell whether all of it arrived")
    } else {
        failure
    }
}

fn flag(wanted: bool, flag: PollFlags) -> PollFlags {
    if wanted { flag } else { PollFlags::empty() }
}

/// Somebody else's `O_NONBLOCK` on a shared descriptor, or a signal: try again after the next poll.
fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Bytes that wait, in order.
#[derive(Default)]
struct Queue {
    buffer: Vec<u8>,
    start: usize,
}

impl Queue {
    fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn len(&self) -> usize {
        self.bytes().len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        if self.is_empty() {
            self.buffer.clear();
            self.start = 0;
        }
    }

    /// Adds what `read` puts into at most `size` bytes of space.
    fn fill(&mut self, size: usize, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        if self.start > BACKLOG {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let end = self.buffer.len();
        self.buffer.resize(end + size, 0);
        let result = read(&mut self.buffer[end..]);
        self.buffer.truncate(end + result.as_ref().map_or(0, |count| *count));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_keeps_order_and_forgets_what_is_consumed() {
        let mut queue = Queue::default();
        let mut next = 0u8;
        let mut seen = Vec::new();
        for round in 0..100usize {
            let count = round % 7;
            queue
                .fill(CHUNK, |space| {
                    for byte in &mut space[..count] {
                        *byte = next;
                        next = next.wrapping_add(1);
                    }
                    Ok(count)
                })
                .unwrap();
            let taken = queue.len().min(3);
            seen.extend_from_slice(&queue.bytes()[..taken]);
            queue.consume(taken);
        }
        seen.extend_from_slice(queue.bytes());
        let expected: Vec<u8> = (0..seen.len()).map(|at| at as u8).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_failed_read_adds_nothing() {
        let mut queue = Queue::default();
        queue.fill(4, |_| Err(ErrorKind::WouldBlock.into())).unwrap_err();
        assert!(queue.is_empty());
    }
}
