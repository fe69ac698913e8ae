//! Reading and writing plain bytes.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};

use super::TlsStream;
use super::attempt::Verdict;
use super::connection::{Closing, Connection, Step, Transport, Waiting};
use super::limits::Operation;
use super::straight::Bend;
use crate::bio::Interest;
use crate::bio::stream::{Receiving, is_pause};
use crate::error::{Error, ErrorKind};
use crate::raw::act::{self, Act, Transfer};

/// Where small buffers are put together into one record: behind one pointer, since most streams never do that.
#[allow(clippy::box_collection, reason = "a vector is three pointers, in each of thousands of streams")]
pub(super) type Gather = Option<Box<Vec<u8>>>;

impl<S> Connection<S> {
    /// Whether reads have come to an orderly end. Once the peer has closed, nothing is asked of C.
    #[inline]
    fn is_at_end(&self) -> bool {
        self.peer_closed || self.cut_off && self.tolerates_cut_off()
    }

    /// Refuses to read from a connection that has failed; `true` at its orderly end.
    #[inline]
    pub(super) fn check_readable(&self) -> Result<bool, Error> {
        self.check_process()?;
        if self.is_at_end() {
            return Ok(true);
        }
        self.check_sound().map(|()| false)
    }

    /// Reads or peeks.
    pub(super) fn read_step(&mut self, what: impl Act) -> io::Result<Step<usize>> {
        self.send_some();
        if self.pauses
            && let Some(pause) = self.ask_first()?
        {
            return Ok(pause);
        }
        let verdict = self.attempt(what);
        self.read_so_far(verdict)
    }

    fn read_so_far(&mut self, verdict: Result<Verdict, Error>) -> io::Result<Step<usize>> {
        match verdict {
            Ok(Verdict::Done(count)) => Ok(Step::Done(count)),
            Ok(Verdict::Closed) => Ok(Step::Done(0)),
            Ok(Verdict::Later(interest, error)) => {
                self.pauses = true;
                Ok(Step::Pause(interest, error))
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && self.tolerates_cut_off() => Ok(Step::Done(0)),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks the inner stream for the next record without C, which has nothing left to give: a pause is then found out for a
    /// fraction of what it costs in C.
    fn ask_first(&mut self) -> io::Result<Option<Step<usize>>> {
        let Transport::Ours(bio) = &mut self.transport else { return Ok(None) };
        if self.ssl.pending() > 0 {
            return Ok(None);
        }
        self.waits_for = None;
        match bio.receive_ahead() {
            Ok(()) => Ok(None),
            Err(error) if is_pause(&error) => Ok(Some(Step::Pause(Interest::Read, error))),
            Err(error) => Err(self.inner_failed(error).into()),
        }
    }

    /// Takes one record of `data` and sends it. From when it has been taken, `taken` says how much that is.
    pub(super) fn write_step(&mut self, data: &[u8], taken: &mut Option<usize>) -> io::Result<Step<usize>> {
        // What C believes to be sent comes first; while it waits, nothing more is taken.
        if let Step::Pause(interest, error) = self.send_step()? {
            return Ok(Step::Pause(interest, error));
        }
        if let Some(count) = *taken {
            return Ok(Step::Done(count));
        }
        let data = self.one_record(data);
        let verdict = self.attempt(act::Write(data));
        self.written_so_far(verdict, data, taken)
    }

    fn written_so_far(
        &mut self,
        verdict: Result<Verdict, Error>,
        data: &[u8],
        taken: &mut Option<usize>,
    ) -> io::Result<Step<usize>> {
        match verdict {
            Ok(Verdict::Done(count)) => {
                *taken = Some(count);
                Ok(match self.send_step()? {
                    Step::Done(()) => Step::Done(count),
                    Step::Pause(interest, error) => Step::Pause(interest, error),
                })
            }
            Ok(Verdict::Closed) => Err(self.closed().into()),
            Ok(Verdict::Later(interest, error)) => Ok(match self.keep_for_library(data) {
                Some(taken) => Step::Done(taken),
                None => Step::Pause(interest, error),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses to write after our `close_notify` or a failure.
    #[inline]
    pub(super) fn check_writable(&self) -> Result<(), Error> {
        self.check_process()?;
        if self.closing != Closing::Not {
            return Err(self.closed());
        }
        self.check_sound()
    }

    /// Reads where that is not one straight way, or goes on from where it bends.
    #[cold]
    fn read_on(&mut self, bend: Bend, out: &mut [u8]) -> io::Result<usize> {
        let first = match bend {
            Bend::Called(result) => {
                let verdict = self.attempt_called(result, act::Read(out));
                self.read_so_far(verdict)?
            }
            Bend::NotCalled => {
                if out.is_empty() || self.check_readable()? {
                    return Ok(0);
                }
                self.begin(Operation::Read)?;
                self.read_step(act::Read(out))?
            }
        };
        self.drive_from(Operation::Read, first, |connection| connection.read_step(act::Read(out)))
    }

    /// Writes likewise.
    #[cold]
    fn write_on(&mut self, bend: Bend, data: &[u8]) -> io::Result<usize> {
        let mut taken = None;
        let first = match bend {
            Bend::Called(result) => {
                let data = self.one_record(data);
                let verdict = self.attempt_called(result, act::Write(data));
                self.written_so_far(verdict, data, &mut taken)
            }
            Bend::NotCalled => {
                if data.is_empty() {
                    return Ok(0);
                }
                self.check_writable()?;
                self.begin(Operation::Write)?;
                self.write_step(data, &mut taken)
            }
        };
        let outcome = first.and_then(|first| {
            self.drive_from(Operation::Write, first, |connection| connection.write_step(data, &mut taken))
        });
        or_taken(outcome, taken)
    }

    pub(super) fn closed(&self) -> Error {
        self.error(ErrorKind::Closed, "this side of the connection is closed; nothing more can be sent")
    }
}

/// A write that has taken bytes says so, even if what is left of their record has to wait for the next call.
#[inline]
pub(super) fn or_taken(outcome: io::Result<usize>, taken: Option<usize>) -> io::Result<usize> {
    match (outcome, taken) {
        (Err(error), Some(count)) if is_pause(&error) => Ok(count),
        (outcome, _) => outcome,
    }
}

impl<S> TlsStream<S> {
    /// Gives decrypted bytes as a read does, and leaves them to be read
    /// ([`SSL_peek`](https://docs.openssl.org/master/man3/SSL_read/)); 0 after the peer's `close_notify`. Of one record
    /// at most: it may give fewer bytes than there are.
    ///
    /// # Errors
    /// As for reads.
    #[doc(alias = "SSL_peek")]
    pub fn peek(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || self.connection.check_readable()? {
            return Ok(0);
        }
        self.connection.drive(Operation::Read, |connection| connection.read_step(act::Peek(out)))
    }

    /// Whether a read would come back at once, with bytes or the end; never waits.
    ///
    /// A socket by descriptor is asked for what has arrived. Any other inner stream may block, so it is left alone, and
    /// the answer is about what was received with earlier calls; ask that stream itself first.
    ///
    /// # Errors
    /// What a read would fail with.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let mut tls = scene.tls();
    /// use std::io::{Read, Write};
    ///
    /// tls.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    /// let mut bytes = [0; 512];
    /// let mut total = 0;
    /// loop {
    ///     if !tls.read_ready()? {
    ///         println!("time for something else");
    ///     }
    ///     match tls.read(&mut bytes)? {
    ///         0 => break,
    ///         count => total += count,
    ///     }
    /// }
    /// assert!(total > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_ready(&mut self) -> io::Result<bool> {
        let connection = &mut self.connection;
        if connection.check_readable()? || connection.ssl().pending() > 0 {
            return Ok(true);
        }
        connection.set_waiting(Waiting::Ours);
        let by_descriptor = connection.is_by_descriptor();
        connection.set_receiving(if by_descriptor { Receiving::Arrived } else { Receiving::No });
        let step = connection.read_step(act::Peek(&mut [0]));
        Ok(matches!(step?, Step::Done(_)))
    }

    fn write_record(&mut self, data: &[u8]) -> io::Result<usize> {
        let connection = &mut self.connection;
        match connection.straight(Transfer::write(connection.one_record(data))) {
            // Positive.
            Ok(count) => Ok(count as usize),
            Err(bend) => connection.write_on(bend, data),
        }
    }
}

impl<S> Read for TlsStream<S> {
    /// Gives decrypted bytes; 0 after the peer's `close_notify`. An end without it is `UnexpectedEof`, unless the
    /// context tolerates that.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.connection.straight(Transfer::read(out)) {
            // Positive.
            Ok(count) => Ok(count as usize),
            Err(bend) => self.connection.read_on(bend, out),
        }
    }

    /// Fills the buffers one after the other, as far as that needs no waiting after the first bytes.
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut total = 0;
        for buffer in buffers.iter_mut().filter(|buffer| !buffer.is_empty()) {
            if total > 0 && self.pending() == 0 {
                break;
            }
            let count = self.read(buffer)?;
            total += count;
            if count < buffer.len() {
                break;
            }
        }
        Ok(total)
    }
}

impl<S> Write for TlsStream<S> {
    /// Encrypts up to one record (16 KiB, or what was set) of `data` and hands it to the inner stream.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_record(data)
    }

    /// Puts small buffers together into one record. What fills a record by itself is not copied.
    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut gather = self.gather.take().unwrap_or_default();
        let outcome = match gathered(buffers, self.connection.record_size(), &mut gather) {
            Some(alone) => self.write_record(alone),
            None => self.write_record(&gather),
        };
        self.gather = Some(gather);
        outcome
    }

    /// Sends what waits and flushes the inner stream.
    fn flush(&mut self) -> io::Result<()> {
        self.connection.check_process()?;
        self.connection.drive(Operation::Write, Connection::send_step)?;
        self.connection.flush_inner()
    }
}

/// Copies buffers into `gather`, up to one record; or gives the first that is not empty, where it makes a record by
/// itself or is the only one.
pub(super) fn gathered<'b>(buffers: &'b [IoSlice<'_>], most: usize, gather: &mut Vec<u8>) -> Option<&'b [u8]> {
    let mut filled = buffers.iter().filter(|buffer| !buffer.is_empty());
    let first = filled.next().map_or(&[][..], |buffer| &**buffer);
    let Some(second) = filled.next().filter(|_| first.len() < most) else { return Some(first) };
    gather.clear();
    gather.extend_from_slice(first);
    for buffer in std::iter::once(second).chain(filled) {
        let room = most - gather.len();
        gather.extend_from_slice(&buffer[..buffer.len().min(room)]);
        if gather.len() == most {
            break;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn gathered_is_the_beginning(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
            most in 1usize..100,
        ) {
            let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
            let mut gather = vec![1, 2, 3];
            let whole = parts.concat();
            match gathered(&slices, most, &mut gather) {
                Some(alone) => {
                    prop_assert!(whole.starts_with(alone));
                    prop_assert!(alone.len() >= most || alone.len() == whole.len());
                }
                None => prop_assert_eq!(&gather[..], &whole[..whole.len().min(most)]),
            }
        }
    }
}
