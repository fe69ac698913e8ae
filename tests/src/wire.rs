//! An in-memory duplex pipe, and a wrapper that follows a script of partial and failing I/O.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crate::process::PATIENCE;

/// Two connected ends; blocking until told otherwise, and large enough for any test that does not set a capacity.
pub fn pipe() -> (End, End) {
    pipe_with_capacity(usize::MAX)
}

/// Two connected ends that hold at most `capacity` bytes in each direction.
pub fn pipe_with_capacity(capacity: usize) -> (End, End) {
    let (a, b) = (Lane::new(capacity), Lane::new(capacity));
    (End::new(Arc::clone(&a), Arc::clone(&b)), End::new(b, a))
}

/// Two connected ends that answer `WouldBlock` instead of waiting.
pub fn nonblocking_pipe() -> (End, End) {
    let (a, b) = pipe();
    a.set_nonblocking(true);
    b.set_nonblocking(true);
    (a, b)
}

/// One end of a pipe. A blocking call that waits longer than [`PATIENCE`] fails with `TimedOut`.
#[derive(Debug)]
pub struct End {
    incoming: Arc<Lane>,
    outgoing: Arc<Lane>,
    nonblocking: AtomicBool,
}

impl End {
    fn new(incoming: Arc<Lane>, outgoing: Arc<Lane>) -> Self {
        End { incoming, outgoing, nonblocking: AtomicBool::new(false) }
    }

    /// Chooses between waiting and `WouldBlock`, for this end.
    pub fn set_nonblocking(&self, on: bool) {
        self.nonblocking.store(on, Ordering::SeqCst);
    }

    /// Ends this direction: the other side reads what is left and then end of file.
    pub fn close_write(&self) {
        self.outgoing.close();
    }

    /// Bytes that wait to be read here.
    pub fn waiting(&self) -> usize {
        self.incoming.state.lock().unwrap().bytes.len()
    }

    /// Drops all but the first `keep` bytes that wait to be read here.
    pub fn truncate_waiting(&self, keep: usize) {
        self.incoming.state.lock().unwrap().bytes.truncate(keep);
    }

    fn blocks(&self) -> bool {
        !self.nonblocking.load(Ordering::SeqCst)
    }
}

impl Read for End {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.incoming.take(buf, self.blocks())
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut done = 0;
        for buf in bufs {
            if buf.is_empty() {
                continue;
            }
            // Only the first part may wait: a partial result is a result.
            match self.incoming.take(buf, self.blocks() && done == 0) {
                Ok(n) if n < buf.len() => return Ok(done + n),
                Ok(n) => done += n,
                Err(_) if done > 0 => break,
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }
}

impl Write for End {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.outgoing.put(buf, self.blocks())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.outgoing.close();
        self.incoming.abandon();
    }
}

/// One direction of a pipe.
struct Lane {
    state: Mutex<LaneState>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct LaneState {
    bytes: VecDeque<u8>,
    closed: bool,
    abandoned: bool,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

impl Lane {
    fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Lane { state: Mutex::default(), changed: Condvar::new(), capacity })
    }

    fn take(&self, buf: &mut [u8], wait: bool) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let end = Instant::now() + PATIENCE;
        let mut state = self.state.lock().unwrap();
        loop {
            if !state.bytes.is_empty() {
                let n = state.bytes.read(buf)?;
                self.changed.notify_all();
                return Ok(n);
            }
            if state.closed {
                return Ok(0);
            }
            state = self.wait(state, wait, end)?;
        }
    }

    fn put(&self, buf: &[u8], wait: bool) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let end = Instant::now() + PATIENCE;
        let mut state = self.state.lock().unwrap();
        loop {
            if state.abandoned || state.closed {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let room = self.capacity.saturating_sub(state.bytes.len());
            if room > 0 {
                let n = room.min(buf.len());
                state.bytes.extend(&buf[..n]);
                self.changed.notify_all();
                return Ok(n);
            }
            state = self.wait(state, wait, end)?;
        }
    }

    fn wait<'a>(
        &self,
        state: std::sync::MutexGuard<'a, LaneState>,
        wait: bool,
        end: Instant,
    ) -> io::Result<std::sync::MutexGuard<'a, LaneState>> {
        if !wait {
            return Err(ErrorKind::WouldBlock.into());
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(self.changed.wait_timeout(state, left).unwrap().0)
    }

    fn close(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.closed = true;
        }
        self.changed.notify_all();
    }

    fn abandon(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.abandoned = true;
        }
        self.changed.notify_all();
    }
}

/// What one call to the inner stream does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The call goes through.
    Pass,
    /// At most this many bytes go through (at least one).
    Short(usize),
    /// `WouldBlock`, nothing done.
    WouldBlock,
    /// `Interrupted`, nothing done.
    Interrupted,
    /// An error that carries this [`Payload`].
    Fail(u32),
    /// A panic that carries this [`Payload`].
    Panic(u32),
    /// The call goes through and then claims this many bytes more than it was given.
    Lie(usize),
    /// Nothing done, and says so: end of file for a read, no room for a write.
    Nothing,
}

/// What a scripted error or panic carries, so that a test can tell *the very one* from a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload(pub u32);

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scripted failure {}", self.0)
    }
}

impl std::error::Error for Payload {}

/// The payload of an I/O error that came out of a script.
pub fn payload(error: &io::Error) -> Option<Payload> {
    error.get_ref()?.downcast_ref::<Payload>().copied()
}

/// The payload of a panic that came out of a script.
pub fn panic_payload(panic: &(dyn std::any::Any + Send)) -> Option<Payload> {
    panic.downcast_ref::<Payload>().copied()
}

/// How often the inner stream was called; shared, so that a test can look while the stream is inside a TLS stream.
#[derive(Debug, Default)]
pub struct Counts {
    /// Calls of `read` and `read_vectored`.
    pub reads: AtomicUsize,
    /// Calls of `write`.
    pub writes: AtomicUsize,
    /// Calls of `flush`.
    pub flushes: AtomicUsize,
    /// Scripted calls that did nothing and said so.
    pub nothings: AtomicUsize,
    /// The scripted errors and panics that were let loose, in order.
    pub fired: Mutex<Vec<Payload>>,
}

impl Counts {
    /// The last scripted error or panic.
    pub fn last_fired(&self) -> Option<Payload> {
        self.fired.lock().unwrap().last().copied()
    }

    /// How often a call came to nothing by script.
    pub fn nothings(&self) -> usize {
        self.nothings.load(Ordering::SeqCst)
    }

    /// Reads and writes together.
    pub fn transfers(&self) -> usize {
        self.reads.load(Ordering::SeqCst) + self.writes.load(Ordering::SeqCst)
    }
}

/// Three scripts, one for each kind of call; where a script has ended, calls go through.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// For `read` and `read_vectored`.
    pub reads: Vec<Step>,
    /// For `write`.
    pub writes: Vec<Step>,
    /// For `flush`.
    pub flushes: Vec<Step>,
    /// Whether `read_vectored` fills several buffers, or behaves as the trait's default does.
    pub vectored: bool,
}

/// A stream that follows a [`Script`].
#[derive(Debug)]
pub struct Scripted<S> {
    inner: S,
    reads: VecDeque<Step>,
    writes: VecDeque<Step>,
    flushes: VecDeque<Step>,
    vectored: bool,
    counts: Arc<Counts>,
}

impl<S> Scripted<S> {
    /// Wraps a stream.
    pub fn new(inner: S, script: Script) -> Self {
        let mut wrapped = Scripted {
            inner,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            flushes: VecDeque::new(),
            vectored: false,
            counts: Arc::default(),
        };
        wrapped.set_script(script);
        wrapped
    }

    /// Replaces what is left of the script.
    pub fn set_script(&mut self, script: Script) {
        self.reads = script.reads.into();
        self.writes = script.writes.into();
        self.flushes = script.flushes.into();
        self.vectored = script.vectored;
    }

    /// The counters.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// The stream inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

/// What a step leaves of a call: how many bytes at most, and how many to invent.
struct Leave {
    at_most: usize,
    invent: usize,
}

fn follow(step: Option<Step>, counts: &Counts) -> io::Result<Leave> {
    if let Some(Step::Fail(n) | Step::Panic(n)) = step {
        counts.fired.lock().unwrap().push(Payload(n));
    }
    if step == Some(Step::Nothing) {
        counts.nothings.fetch_add(1, Ordering::SeqCst);
    }
    let (at_most, invent) = match step.unwrap_or(Step::Pass) {
        Step::Pass => (usize::MAX, 0),
        Step::Short(n) => (n.max(1), 0),
        Step::Lie(n) => (usize::MAX, n),
        Step::Nothing => (0, 0),
        Step::WouldBlock => return Err(ErrorKind::WouldBlock.into()),
        Step::Interrupted => return Err(ErrorKind::Interrupted.into()),
        Step::Fail(n) => return Err(io::Error::other(Payload(n))),
        // Not `panic!`: the hook would print every scripted panic.
        Step::Panic(n) => std::panic::resume_unwind(Box::new(Payload(n))),
    };
    Ok(Leave { at_most, invent })
}

impl<S: Read> Read for Scripted<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.counts.reads.fetch_add(1, Ordering::SeqCst);
        let leave = follow(self.reads.pop_front(), &self.counts)?;
        let room = leave.at_most.min(buf.len());
        if room == 0 {
            return Ok(0);
        }
        let n = self.inner.read(&mut buf[..room])?;
        Ok(if leave.invent > 0 { buf.len() + leave.invent } else { n })
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if !self.vectored {
            let first = bufs.iter_mut().find(|b| !b.is_empty());
            return self.read(first.map_or(&mut [][..], |b| &mut **b));
        }
        self.counts.reads.fetch_add(1, Ordering::SeqCst);
        let leave = follow(self.reads.pop_front(), &self.counts)?;
        let whole: usize = bufs.iter().map(|b| b.len()).sum();
        let mut room = leave.at_most;
        let mut parts: Vec<IoSliceMut<'_>> = Vec::new();
        for buf in bufs {
            let n = room.min(buf.len());
            room -= n;
            if n > 0 {
                parts.push(IoSliceMut::new(&mut buf[..n]));
            }
        }
        if parts.is_empty() {
            return Ok(0);
        }
        let n = self.inner.read_vectored(&mut parts)?;
        Ok(if leave.invent > 0 { whole + leave.invent } else { n })
    }
}

impl<S: Write> Write for Scripted<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.counts.writes.fetch_add(1, Ordering::SeqCst);
        let leave = follow(self.writes.pop_front(), &self.counts)?;
        let room = leave.at_most.min(buf.len());
        if room == 0 {
            return Ok(0);
        }
        let n = self.inner.write(&buf[..room])?;
        Ok(if leave.invent > 0 { buf.len() + leave.invent } else { n })
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let first = bufs.iter().find(|b| !b.is_empty());
        self.write(first.map_or(&[][..], |b| b))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.counts.flushes.fetch_add(1, Ordering::SeqCst);
        follow(self.flushes.pop_front(), &self.counts)?;
        self.inner.flush()
    }
}
