//! The stream BIO: reads ahead a little, copies nothing large, keeps what could not be sent.
//!
//! Safe code over the inner stream. `receive`, `send` and `flush` are called by C through `method`; the rest by the
//! TLS stream.

mod reading;

use std::io::{self, ErrorKind};

use super::framing::Framing;
pub(crate) use super::functions::{Functions, Receiving};
use super::{Bio, Interest};

/// Size of the read-ahead buffer in bytes, unless told otherwise. A record header and what follows it come with one system call; a want
/// of this size or more goes straight into the library's memory.
pub(crate) const AHEAD: usize = 4096;

/// Most bytes kept for sending: one application record (16 KiB and its frame), and room for the alert or key update
/// that may go before it in the same call.
const MOST_UNSENT: usize = 40 * 1024;

/// Records in a row that hold no data for the program, such as session tickets and key updates. No honest peer sends so
/// many while its next bytes are already on their way.
pub(crate) const MOST_SILENT: usize = 1000;

/// The connection's side of a stream BIO.
pub(crate) struct StreamBio<S> {
    stream: S,
    functions: Functions<S>,
    /// Size of the read-ahead buffer: some thousand bytes, in four of each connection.
    room: u32,
    /// Received and not yet asked for: `ahead[start..end]`.
    ahead: Vec<u8>,
    start: usize,
    end: usize,
    next: Next,
    receiving: Receiving,
    framing: Framing,
    /// Taken from C and not yet sent: `unsent[sent..]`.
    unsent: Vec<u8>,
    sent: usize,
    /// The handshake is not done.
    handshaking: bool,
    /// Written in the handshake, and not flushed since.
    unflushed: bool,
    /// A write failed: what C believes to be sent is not, so nothing may follow.
    broken: Option<Box<Broken>>,
}

/// What the next read comes to.
enum Next {
    /// What the inner stream will say.
    Asked,
    /// The end. An inner stream may give bytes again after it; TLS must not.
    End,
    /// What the inner stream said to a read for the rest of a record, of which C was given the beginning. C hears it when it
    /// asks for that rest, in the same call.
    Late(io::Error),
    /// An error for good: a read claimed this much and did not fill it.
    OverReported(usize),
}

/// In words, why nothing more can be sent.
struct Broken(String);

/// Marks the BIO as broken when the inner stream panics in a write: how much it took is not known.
struct IfPanicked<'b>(&'b mut Option<Box<Broken>>);

impl Drop for IfPanicked<'_> {
    #[cold]
    fn drop(&mut self) {
        *self.0 = Some(Box::new(Broken("it panicked".to_owned())));
    }
}

impl<S> StreamBio<S> {
    /// Makes a BIO that begins with bytes that were already received, and reads ahead `room` bytes.
    pub(crate) fn new(stream: S, functions: Functions<S>, received: Vec<u8>, room: usize) -> Self {
        let end = received.len();
        Self {
            stream,
            functions,
            room: room as u32,
            ahead: received,
            start: 0,
            end,
            next: Next::Asked,
            receiving: Receiving::Arrived,
            framing: Framing::default(),
            unsent: Vec::new(),
            sent: 0,
            handshaking: true,
            unflushed: false,
            broken: None,
        }
    }

    #[inline]
    fn room(&self) -> usize {
        self.room as usize
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    pub(crate) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Gives the stream back with the received bytes that C never asked for.
    pub(crate) fn into_parts(mut self) -> (S, Vec<u8>) {
        self.ahead.truncate(self.end);
        self.ahead.drain(..self.start);
        (self.stream, self.ahead)
    }

    /// The handshake is done: from here on, flushing is the program's business.
    pub(crate) fn set_established(&mut self) {
        (self.handshaking, self.unflushed) = (false, false);
    }

    /// Takes over what was received after all that it holds, what was to be sent before it, and why no more can be.
    pub(crate) fn take_back(&mut self, received: Vec<u8>, unsent: Vec<u8>, broken: Option<String>) {
        self.ahead.truncate(self.end);
        self.ahead.extend_from_slice(&received);
        self.end = self.ahead.len();
        self.unsent.splice(..self.sent, unsent);
        self.sent = 0;
        if let Some(broken) = broken {
            self.broken.get_or_insert_with(|| Box::new(Broken(broken)));
        }
    }

    pub(crate) fn set_receiving(&mut self, receiving: Receiving) {
        self.receiving = receiving;
    }

    /// Whether a read may wait. Not while something is to be sent: the peer could be waiting for that.
    fn may_wait(&self) -> bool {
        self.receiving == Receiving::Waiting && self.unsent.is_empty()
    }

    /// One thing is about to be done by C: records count from here.
    #[inline]
    pub(crate) fn begin_count(&mut self) {
        self.framing.begin_count();
    }

    /// Whether so many records have gone into the one thing that C is doing that the peer means harm. Some libraries
    /// read over some kinds of records by themselves, for as long as they come.
    pub(crate) fn is_flooded(&self) -> bool {
        !self.handshaking && self.framing.records() > MOST_SILENT
    }

    /// Whether what C has taken ends inside a record.
    pub(crate) fn is_inside_record(&self) -> bool {
        self.framing.is_inside()
    }

    /// Gives buffers that hold nothing back to the heap; whether all did.
    pub(crate) fn release(&mut self) -> bool {
        if self.start == self.end {
            self.ahead = Vec::new();
            (self.start, self.end) = (0, 0);
        }
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
        }
        self.ahead.capacity() == 0 && self.unsent.capacity() == 0
    }

    /// How to wait for the inner stream; `None` when it waits by itself.
    pub(crate) fn wait(&self) -> Option<super::Wait<S>> {
        self.functions.wait
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// The inner stream's own; what is left stays for the next call, unless the error is final.
    #[inline]
    pub(crate) fn send_waiting(&mut self) -> io::Result<()> {
        if self.has_no_rest() { Ok(()) } else { self.send_rest() }
    }

    /// Whether nothing waits to be sent, and nothing has gone wrong for good.
    #[inline]
    pub(crate) fn has_no_rest(&self) -> bool {
        self.unsent.is_empty() && self.broken.is_none()
    }

    #[cold]
    fn send_rest(&mut self) -> io::Result<()> {
        self.check_broken()?;
        while self.sent < self.unsent.len() {
            let count = self.put(None)?;
            self.sent += count;
        }
        self.unsent.clear();
        self.sent = 0;
        Ok(())
    }

    fn check_broken(&self) -> io::Result<()> {
        match self.broken.as_deref() {
            None => Ok(()),
            Some(Broken(earlier)) => Err(io::Error::new(
                ErrorKind::BrokenPipe,
                format!("an earlier write to the inner stream failed ({earlier}); nothing can be sent any more"),
            )),
        }
    }

    /// One write to the inner stream, of `data` or of what waits: how many bytes it took; none where a signal came between.
    #[inline(always)]
    fn put(&mut self, data: Option<&[u8]>) -> io::Result<usize> {
        let data = data.unwrap_or(&self.unsent[self.sent..]);
        let panics = IfPanicked(&mut self.broken);
        let outcome = (self.functions.write)(&mut self.stream, data);
        std::mem::forget(panics);
        match outcome {
            Ok(count) if (1..=data.len()).contains(&count) => {
                self.unflushed = self.handshaking;
                Ok(count)
            }
            outcome => {
                let len = data.len();
                self.not_put(outcome, len)
            }
        }
    }

    /// Sends what comes after the rest of earlier records.
    #[cold]
    fn send_behind(&mut self, data: &[u8]) -> io::Result<()> {
        match self.send_waiting() {
            Err(error) if is_pause(&error) && self.unsent() + data.len() <= MOST_UNSENT => {
                self.unsent.extend_from_slice(data);
                Ok(())
            }
            outcome => outcome.and_then(|()| self.send_on(Ok(0), data)),
        }
    }

    /// Goes on with bytes of which a first write has taken some.
    #[cold]
    fn send_on(&mut self, mut outcome: io::Result<usize>, mut left: &[u8]) -> io::Result<()> {
        loop {
            match outcome {
                Ok(count) => left = &left[count..],
                // C hands over a whole record and must not hand it over again: we keep the rest. The caller's
                // buffer is then free to change.
                Err(error) if is_pause(&error) => {
                    self.unsent.extend_from_slice(left);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
            if left.is_empty() {
                return Ok(());
            }
            outcome = self.put(Some(left));
        }
    }

    /// What came of a write that took no byte, or more than there were. A signal is no reason to give up: nought bytes.
    #[cold]
    fn not_put(&mut self, outcome: io::Result<usize>, len: usize) -> io::Result<usize> {
        let error = match outcome {
            Ok(0) => io::Error::new(ErrorKind::WriteZero, "the inner stream took no byte"),
            Ok(count) => over_reported("write", count, len),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(0),
            Err(error) if is_pause(&error) => return Err(error),
            Err(error) => error,
        };
        self.broken = Some(Box::new(Broken(error.to_string())));
        Err(error)
    }
}

impl<S> Bio for StreamBio<S> {
    /// Of one record at most: what comes after it stays with us. C may then ask for more than it needs, and gets a small
    /// record with one call.
    fn receive(&mut self, out: &mut [u8]) -> Result<usize, (Interest, io::Error)> {
        if self.is_straight(out.len()) { self.receive_straight(out) } else { self.receive_otherwise(out) }
    }

    fn send(&mut self, data: &[u8]) -> io::Result<()> {
        if data.is_empty() || !self.has_no_rest() {
            return self.send_behind(data);
        }
        match self.put(Some(data)) {
            Ok(count) if count == data.len() => Ok(()),
            outcome => self.send_on(outcome, data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_waiting()?;
        retry(|| (self.functions.flush)(&mut self.stream).map(|()| 0))?;
        self.unflushed = false;
        Ok(())
    }

    fn is_at_end(&self) -> bool {
        matches!(self.next, Next::End) && self.start == self.end
    }

    fn received(&self) -> usize {
        self.end - self.start
    }

    #[inline]
    fn unsent(&self) -> usize {
        if self.unsent.is_empty() {
            return 0;
        }
        // After a final error nothing waits any more.
        if self.check_broken().is_err() { 0 } else { self.unsent.len() - self.sent }
    }
}

/// Whether an error says "not now": nothing was taken, and trying again later is right.
pub(crate) fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Repeats what a signal interrupted.
fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn over_reported(what: &str, count: usize, room: usize) -> io::Error {
    io::Error::other(format!("the inner stream is broken: {what} of {room} bytes reported {count}"))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io::{IoSliceMut, Read, Write};

    use proptest::prelude::*;

    use super::reading::NO_RECORD;
    use super::*;

    /// Plays a script: what each read gives, and how many bytes each write takes (`None`: not now).
    #[derive(Default)]
    struct Script {
        incoming: VecDeque<Vec<u8>>,
        takes: VecDeque<Option<usize>>,
        written: Vec<u8>,
        calls: usize,
    }

    impl Read for Script {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.calls += 1;
            let Some(mut chunk) = self.incoming.pop_front() else { return Ok(0) };
            let count = chunk.len().min(out.len());
            out[..count].copy_from_slice(&chunk[..count]);
            if count < chunk.len() {
                chunk.drain(..count);
                self.incoming.push_front(chunk);
            }
            Ok(count)
        }

        fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
            let mut joined = vec![0; buffers.iter().map(|buffer| buffer.len()).sum()];
            let count = self.read(&mut joined)?;
            let mut left = &joined[..count];
            for buffer in buffers {
                let part = left.len().min(buffer.len());
                buffer[..part].copy_from_slice(&left[..part]);
                left = &left[part..];
            }
            Ok(count)
        }
    }

    impl Write for Script {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            match self.takes.pop_front() {
                Some(None) => Err(ErrorKind::WouldBlock.into()),
                Some(Some(0)) => Err(ErrorKind::Interrupted.into()),
                Some(Some(most)) => {
                    let count = data.len().min(most);
                    self.written.extend_from_slice(&data[..count]);
                    Ok(count)
                }
                None => {
                    self.written.extend_from_slice(data);
                    Ok(data.len())
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn bio(script: Script) -> StreamBio<Script> {
        StreamBio::new(script, Functions::of_stream(), Vec::new(), AHEAD)
    }

    /// The head of a record with a body of this length.
    fn head(body: u16) -> Vec<u8> {
        [&[23, 3, 3][..], &body.to_be_bytes()].concat()
    }

    #[test]
    fn a_record_and_the_next_header_come_with_one_read_each() {
        let record = [head(16_401), vec![7; 16_401]].concat();
        let stream = record.repeat(3);
        // C may ask for the head and then the body, or for all it has room for.
        for at_most in [0, 16_700] {
            let mut bio = bio(Script { incoming: [stream.clone()].into(), ..Script::default() });
            let mut got = Vec::new();
            while got.len() < stream.len() {
                let done = got.len() % record.len();
                let needs = if done < 5 { 5 - done } else { record.len() - done };
                let mut out = vec![0; needs.max(at_most)];
                let count = bio.receive(&mut out).unwrap();
                assert!((1..=record.len() - done).contains(&count), "{count} bytes after {done}");
                got.extend_from_slice(&out[..count]);
            }
            assert_eq!(got, stream);
            assert!(bio.stream().calls <= 4, "{} reads for three records", bio.stream().calls);
        }
    }

    #[test]
    fn a_small_record_comes_at_once() {
        let record = [head(20), vec![7; 20]].concat();
        let mut bio = bio(Script { incoming: [record.repeat(3)].into(), ..Script::default() });
        for _ in 0..3 {
            assert_eq!(bio.receive(&mut [0; 16_700]).unwrap(), record.len());
        }
        assert_eq!(bio.stream().calls, 1);
    }

    #[test]
    fn the_end_stays_the_end() {
        let mut bio = bio(Script { incoming: [vec![23], vec![], vec![2]].into(), ..Script::default() });
        let mut out = [0; 8];
        assert_eq!(bio.receive(&mut out).unwrap(), 1);
        assert_eq!(bio.receive(&mut out).unwrap(), 0);
        assert_eq!(bio.receive(&mut out).unwrap(), 0);
        assert!(bio.is_at_end());
    }

    #[test]
    fn received_bytes_come_first_and_go_back() {
        let received = [head(4995), vec![7; 8995]].concat();
        let mut bio = StreamBio::new(Script::default(), Functions::of_stream(), received, AHEAD);
        let mut out = [0; 9000];
        assert_eq!(bio.receive(&mut out).unwrap(), 5000);
        assert_eq!(bio.received(), 4000);
        assert_eq!(bio.into_parts().1, vec![7; 4000]);
    }

    #[test]
    fn a_final_error_ends_sending() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                Ok(out.len() + 1)
            }
        }
        impl Write for Failing {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("cable cut"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut bio = StreamBio::new(Failing, Functions::of_stream(), Vec::new(), AHEAD);
        assert_eq!(bio.send(b"x").unwrap_err().to_string(), "cable cut");
        let second = bio.send(b"y").unwrap_err();
        assert_eq!(second.kind(), ErrorKind::BrokenPipe);
        assert!(second.to_string().contains("cable cut"));
        assert!(bio.receive(&mut [0; 4]).unwrap_err().1.to_string().contains("reported"));
        let mut bio = StreamBio::new(Failing, Functions::of_stream(), head(9000), AHEAD);
        assert_eq!(bio.receive(&mut [0; 9000]).unwrap(), 5);
        assert_eq!(bio.receive(&mut [0; 9000]).unwrap(), 9000);
        assert!(bio.receive(&mut [0; 9000]).unwrap_err().1.to_string().contains("reported"));
    }

    proptest! {
        #[test]
        fn what_is_sent_arrives_once_and_in_order(
            records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 1..12),
            takes in proptest::collection::vec(proptest::option::of(0usize..200), 0..60),
        ) {
            let mut bio = bio(Script { takes: takes.into(), ..Script::default() });
            for record in &records {
                bio.send(record).unwrap();
            }
            while bio.send_waiting().is_err() {}
            prop_assert_eq!(bio.unsent(), 0);
            prop_assert_eq!(&bio.stream().written, &records.concat());
        }

        #[test]
        fn what_arrives_is_given_once_and_in_order(
            // No byte is the mark: what follows a want is in real life the head of a record.
            chunks in proptest::collection::vec(proptest::collection::vec(0..NO_RECORD, 1..9000), 0..8),
            wants in proptest::collection::vec(1usize..20_000, 1..20),
        ) {
            let mut bio = bio(Script { incoming: chunks.clone().into(), ..Script::default() });
            let mut got = Vec::new();
            for want in wants.iter().cycle() {
                let mut out = vec![0; *want];
                let count = bio.receive(&mut out).unwrap();
                if count == 0 {
                    break;
                }
                got.extend_from_slice(&out[..count]);
            }
            prop_assert_eq!(got, chunks.concat());
        }
    }
}
