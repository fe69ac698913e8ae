//! What a stream BIO asks its inner stream for, and where that goes.

use std::io::{self, ErrorKind, IoSliceMut};

use super::{Receiving, StreamBio, over_reported, retry};
use crate::bio::framing::HEAD;

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
        if count > self.ahead.len() {
            return Err(over_reported("read", count, self.ahead.len()));
        }
        self.end = count;
        Ok(count)
    }

    /// What a read claimed and did not fill.
    #[inline]
    fn over_reported(&self) -> Option<usize> {
        self.faults.as_ref()?.over_reported
    }

    /// Makes the empty read-ahead buffer as large as it is to be.
    #[inline]
    fn make_room(&mut self) {
        if self.ahead.len() != self.room {
            self.ahead.resize(self.room, 0);
        }
        (self.start, self.end) = (0, 0);
    }

    /// Receives into the read-ahead buffer before C asks, where C would ask: after the handshake, between two records, with
    /// nothing of the next one here.
    ///
    /// # Errors
    /// The inner stream's own; nothing has changed then.
    pub(crate) fn receive_ahead(&mut self) -> io::Result<()> {
        let is_needed = self.start == self.end && !self.framing.is_inside() && !self.at_end && self.late.is_none();
        let may = !self.handshaking && self.receiving != Receiving::No && self.over_reported().is_none();
        if is_needed && may {
            self.at_end = self.fill()? == 0;
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
        if count > room {
            return Err(over_reported("read", count, room));
        }
        if count > out.len() && self.ahead[0] == NO_RECORD {
            // What `out` holds is good either way; what follows is not a record, if it is there at all.
            self.faults.get_or_insert_default().over_reported = Some(count);
            return Ok(out.len());
        }
        self.end = count.saturating_sub(out.len());
        Ok(count.min(out.len()))
    }

    /// One read right into memory of C that has room for as much as the read-ahead buffer, which then holds what follows the record
    /// at hand: C looks at no more than it is told of. Gives how much of the record came.
    fn receive_straight(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let (room, waits) = (self.room, self.may_wait());
        let count = retry(|| (self.functions.read)(&mut self.stream, &mut out[..room], waits))?;
        if count > room {
            return Err(over_reported("read", count, room));
        }
        self.at_end = count == 0;
        let own = self.framing.take(&out[..count], count);
        self.keep(&out[own..count]);
        Ok(own + self.receive_rest(&mut out[own..]))
    }

    /// Puts what was received too early into the empty read-ahead buffer.
    #[inline]
    fn keep(&mut self, behind: &[u8]) {
        if !behind.is_empty() {
            self.make_room();
            self.ahead[..behind.len()].copy_from_slice(behind);
            self.end = behind.len();
        }
    }

    /// The rest of a large record right behind its beginning, with one read, if `out` has room for it and for a little more, and what
    /// follows it into the read-ahead buffer. Gives how much of the record came.
    #[inline]
    pub(super) fn receive_rest(&mut self, out: &mut [u8]) -> usize {
        let left = self.framing.left();
        // Without room for the head of the next, the rest is for a vectored read.
        let is_due = left >= self.room && out.len() >= left + HEAD && self.receiving != Receiving::No;
        if is_due { self.read_rest(out, left) } else { 0 }
    }

    fn read_rest(&mut self, out: &mut [u8], left: usize) -> usize {
        let room = out.len().min(left + self.room);
        let waits = self.may_wait();
        let count = match retry(|| (self.functions.read)(&mut self.stream, &mut out[..room], waits)) {
            Ok(count) if count <= room => count,
            Ok(count) => {
                self.late = Some(over_reported("read", count, room));
                return 0;
            }
            Err(error) => {
                self.late = Some(error);
                return 0;
            }
        };
        self.at_end = count == 0;
        let (own, behind) = out[..count].split_at(count.min(left));
        self.framing.advance(own);
        self.keep(behind);
        own.len()
    }

    /// Asks the inner stream for what `out` wants, which the read-ahead buffer does not have: how much went right there,
    /// or `None` where it went into the buffer.
    pub(super) fn receive_more(&mut self, out: &mut [u8]) -> io::Result<Option<usize>> {
        if let Some(error) = self.late.take() {
            return Err(error);
        }
        if let Some(count) = self.over_reported() {
            return Err(over_reported("read", count, count - BEHIND));
        }
        // An inner stream may give bytes again after its end; TLS must not.
        if self.at_end || out.is_empty() {
            return Ok(Some(0));
        }
        if self.receiving == Receiving::No || self.is_flooded() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let left = self.framing.left();
        if left >= self.room && out.len() >= left {
            let count = self.receive_both(&mut out[..left])?;
            self.at_end = count == 0;
            self.framing.advance(&out[..count]);
            return Ok(Some(count));
        }
        if out.len() >= self.room {
            return self.receive_straight(out).map(Some);
        }
        self.at_end = self.fill()? == 0;
        Ok(if self.at_end { Some(0) } else { None })
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
