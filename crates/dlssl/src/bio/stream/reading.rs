//! What a stream BIO asks its inner stream for, and where that goes.

use std::io::{self, ErrorKind, IoSliceMut};

use super::{Next, Receiving, StreamBio, over_reported, retry};
use crate::bio::framing::HEAD;
use crate::bio::{Bio, Interest};

/// How much of it is offered to a read that is for the rest of a large record: what follows is most often as large, and
/// what comes here is copied once more. Enough for the head, and for a small record at the end of the large ones.
const BEHIND: usize = 512;

/// A byte that no TLS record begins with (they begin with 20 to 24).
pub(super) const NO_RECORD: u8 = 0xA5;

impl<S> StreamBio<S> {
    /// Fills the read-ahead buffer with one read; 0 is the end.
    fn fill(&mut self) -> io::Result<usize> {
        self.make_room();
        let waits = self.may_wait();
        let count = retry(|| (self.functions.read)(&mut self.stream, &mut self.ahead, waits))?;
        self.end = self.arrived(count, self.ahead.len())?;
        Ok(count)
    }

    /// Checks what a read of so much room reported; 0 is the end.
    #[inline]
    fn arrived(&mut self, count: usize, room: usize) -> io::Result<usize> {
        if count == 0 {
            self.next = Next::End;
        }
        if count <= room { Ok(count) } else { Err(over_reported("read", count, room)) }
    }

    /// Makes the empty read-ahead buffer as large as it is to be.
    #[inline]
    fn make_room(&mut self) {
        if self.ahead.len() != self.room() {
            self.ahead.resize(self.room(), 0);
        }
        (self.start, self.end) = (0, 0);
    }

    /// Receives into the read-ahead buffer before C asks, where C would ask: after the handshake, between two records, with
    /// nothing of the next one here.
    ///
    /// # Errors
    /// The inner stream's own; nothing has changed then.
    pub(crate) fn receive_ahead(&mut self) -> io::Result<()> {
        let is_needed = self.start == self.end && !self.framing.is_inside() && matches!(self.next, Next::Asked);
        if is_needed && !self.handshaking && self.receiving != Receiving::No {
            self.fill()?;
        }
        Ok(())
    }

    /// One vectored read: into `out`, which is the rest of a record, and what follows into the read-ahead buffer. Gives
    /// what went to `out`.
    ///
    /// A stream that reads into the first buffer only and reports too much would look as if it had filled the second.
    /// The byte after a record begins the next and is never the mark put there.
    fn receive_both(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.make_room();
        let waits = self.may_wait();
        let behind = &mut self.ahead[..BEHIND];
        let room = out.len() + behind.len();
        behind[0] = NO_RECORD;
        let count = retry(|| {
            let mut buffers = [IoSliceMut::new(out), IoSliceMut::new(behind)];
            (self.functions.read_vectored)(&mut self.stream, &mut buffers, waits)
        })?;
        let count = self.arrived(count, room)?;
        if count > out.len() && self.ahead[0] == NO_RECORD {
            // What `out` holds is good either way; what follows is not a record, if it is there at all.
            self.next = Next::OverReported(count);
            return Ok(out.len());
        }
        self.end = count.saturating_sub(out.len());
        Ok(count.min(out.len()))
    }

    /// Whether a read of C's, with so much room, is the ordinary one: for the first record of what it is doing, of which nothing is here,
    /// and with room for as much as the read-ahead buffer. C looks at no more of it than it is told of.
    #[inline]
    pub(super) fn is_straight(&self, room: usize) -> bool {
        self.start == self.end
            && room >= self.room()
            && matches!(self.next, Next::Asked)
            && self.receiving != Receiving::No
            && !self.unflushed
            && self.framing.is_first()
    }

    /// One read right into C's memory, and another for the rest of a large record. Gives how much of the record came.
    #[inline]
    pub(super) fn receive_straight(&mut self, out: &mut [u8]) -> Result<usize, (Interest, io::Error)> {
        let outcome = self.read_into(out);
        if let Ok(count) = outcome
            && count <= self.room()
        {
            match self.framing.begin(&out[..count]) {
                Some(0) => return Ok(count),
                Some(_) => return Ok(count + self.receive_rest(out, count)),
                None => {}
            }
        }
        self.receive_part(outcome, out).map_err(|error| (Interest::Read, error))
    }

    /// One read of as much as the read-ahead buffer takes, into C's memory.
    #[inline]
    fn read_into(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let (waits, room) = (self.may_wait(), self.room());
        (self.functions.read)(&mut self.stream, &mut out[..room], waits)
    }

    /// What came of such a read where that is not the beginning of one record, or all of it: less, or more than one. The read-ahead
    /// buffer then holds what follows.
    #[inline(never)]
    fn receive_part(&mut self, outcome: io::Result<usize>, out: &mut [u8]) -> io::Result<usize> {
        let count = match outcome {
            Err(error) if error.kind() == ErrorKind::Interrupted => retry(|| self.read_into(out))?,
            outcome => outcome?,
        };
        let count = self.arrived(count, self.room())?;
        let own = self.framing.take(&out[..count], count);
        self.keep(&out[own..count]);
        Ok(own + self.receive_rest(out, own))
    }

    /// Puts what was received too early into the empty read-ahead buffer.
    #[inline]
    fn keep(&mut self, behind: &[u8]) {
        if behind.is_empty() {
            return;
        }
        (self.start, self.end) = (0, behind.len());
        match self.ahead.get_mut(..behind.len()) {
            Some(ahead) => ahead.copy_from_slice(behind),
            // What is not read into need not be cleared.
            None => {
                self.ahead.clear();
                self.ahead.reserve_exact(self.room());
                self.ahead.extend_from_slice(behind);
            }
        }
    }

    /// The rest of a large record right behind its beginning, with one read, if `out` has room for it and for a little more, and what
    /// follows it into the read-ahead buffer. Its first bytes, so many, are in `out`. Gives how much more of the record came.
    ///
    /// Of what is no TLS nothing more may come, and C refuses it by its head.
    #[inline]
    pub(super) fn receive_rest(&mut self, out: &mut [u8], own: usize) -> usize {
        let (begun, out) = out.split_at_mut(own);
        let left = self.framing.left();
        // Without room for the head of the next, the rest is for a vectored read.
        let is_due = left >= self.room() && out.len() >= left + HEAD && self.receiving != Receiving::No;
        let is_tls = matches!(begun, [20..=24, 3, ..]);
        if is_due && is_tls { self.read_rest(out, left) } else { 0 }
    }

    fn read_rest(&mut self, out: &mut [u8], left: usize) -> usize {
        let room = out.len().min(left + self.room());
        let waits = self.may_wait();
        let outcome = retry(|| (self.functions.read)(&mut self.stream, &mut out[..room], waits));
        let count = match outcome.and_then(|count| self.arrived(count, room)) {
            Ok(count) => count,
            Err(error) => {
                self.next = Next::Late(error);
                return 0;
            }
        };
        let (own, behind) = out[..count].split_at(count.min(left));
        self.framing.advance(own);
        self.keep(behind);
        own.len()
    }

    /// The same from what is here, or from one read of whichever kind fits.
    #[inline(never)]
    pub(super) fn receive_otherwise(&mut self, out: &mut [u8]) -> Result<usize, (Interest, io::Error)> {
        if self.start == self.end {
            // OpenSSL 1.0.2 waits for the answer to its hello without a flush: an inner stream that buffers would wait
            // for ever.
            if self.unflushed {
                self.flush().map_err(|error| (Interest::Write, error))?;
            }
            if let Some(count) = self.receive_more(out).map_err(|error| (Interest::Read, error))? {
                return Ok(count);
            }
        }
        let next = &self.ahead[self.start..self.end];
        let count = self.framing.take(next, out.len());
        out[..count].copy_from_slice(&next[..count]);
        self.start += count;
        Ok(count + self.receive_rest(out, count))
    }

    /// Asks the inner stream for what `out` wants, which the read-ahead buffer does not have: how much went right there,
    /// or `None` where it went into the buffer.
    fn receive_more(&mut self, out: &mut [u8]) -> io::Result<Option<usize>> {
        match std::mem::replace(&mut self.next, Next::Asked) {
            Next::Asked => {}
            Next::Late(error) => return Err(error),
            Next::End => {
                self.next = Next::End;
                return Ok(Some(0));
            }
            Next::OverReported(count) => {
                self.next = Next::OverReported(count);
                return Err(over_reported("read", count, count - BEHIND));
            }
        }
        if out.is_empty() {
            return Ok(Some(0));
        }
        if self.receiving == Receiving::No || self.is_flooded() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let left = self.framing.left();
        if left >= self.room() && out.len() >= left {
            let count = self.receive_both(&mut out[..left])?;
            self.framing.advance(&out[..count]);
            return Ok(Some(count));
        }
        if out.len() >= self.room() {
            let outcome = self.read_into(out);
            return self.receive_part(outcome, out).map(Some);
        }
        Ok(if self.fill()? == 0 { Some(0) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io::{Read, Write};

    use super::super::{AHEAD, Functions};
    use super::*;
    use crate::bio::Bio;

    /// The head of a record with a body of this length.
    fn head(body: u16) -> Vec<u8> {
        [&[23, 3, 3][..], &body.to_be_bytes()].concat()
    }

    /// Gives what each read is to give; then for ever "not now".
    struct Answers(VecDeque<io::Result<Vec<u8>>>);

    impl Read for Answers {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let bytes = self.0.pop_front().unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))?;
            out[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        }
    }

    impl Write for Answers {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            Ok(data.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn answering(answers: impl Into<VecDeque<io::Result<Vec<u8>>>>) -> StreamBio<Answers> {
        StreamBio::new(Answers(answers.into()), Functions::of_stream(), Vec::new(), AHEAD)
    }

    #[test]
    fn what_the_rest_of_a_record_met_is_heard_once_and_next() {
        let begun = [head(16_401), vec![7; 4000]].concat();
        let mut bio = answering([Ok(begun), Err(io::Error::other("cable cut")), Ok(vec![8; 3])]);
        let mut out = [0; 16_700];
        assert_eq!(bio.receive(&mut out).unwrap(), 4005);
        assert!(!bio.is_at_end());
        assert_eq!(bio.receive(&mut out[..12_401]).unwrap_err().1.to_string(), "cable cut");
        assert_eq!(bio.receive(&mut out[..12_401]).unwrap(), 3);
        assert_eq!(bio.receive(&mut out[..12_398]).unwrap_err().1.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn what_is_no_tls_has_no_rest_to_wait_for() {
        for text in ["GET / HTTP/1.1\r\n\r\n", "220 this is no TLS\r\n"] {
            let mut bio = answering([Ok(text.into()), Err(io::Error::other("asked for more"))]);
            assert_eq!(bio.receive(&mut [0; 16_700]).unwrap(), text.len());
            assert_eq!(bio.stream().0.len(), 1, "{text}");
        }
    }

    #[test]
    fn receiving_ahead_is_between_records_and_asks_once() {
        let record = [head(20), vec![7; 20]].concat();
        let first = [&record[..], &record[..9]].concat();
        let mut bio = answering([Ok(first), Ok(record[9..].to_vec()), Ok(Vec::new())]);
        let answers = |bio: &StreamBio<Answers>| bio.stream().0.len();
        // In a handshake, and where nobody may, it asks for nothing.
        bio.receive_ahead().unwrap();
        bio.set_established();
        bio.set_receiving(Receiving::No);
        bio.receive_ahead().unwrap();
        assert_eq!(answers(&bio), 3);
        bio.set_receiving(Receiving::Arrived);
        bio.receive_ahead().unwrap();
        bio.receive_ahead().unwrap();
        assert_eq!((answers(&bio), bio.received()), (2, 34));
        let mut out = [0; 16_700];
        assert_eq!(bio.receive(&mut out).unwrap(), 25);
        assert_eq!(bio.receive(&mut out).unwrap(), 9);
        // Inside of a record it is for C to ask.
        bio.receive_ahead().unwrap();
        assert_eq!(answers(&bio), 2);
        assert_eq!(bio.receive(&mut out).unwrap(), 16);
        bio.receive_ahead().unwrap();
        assert!(bio.is_at_end());
        bio.receive_ahead().unwrap();
        assert_eq!(bio.receive(&mut out).unwrap(), 0);
    }
}
