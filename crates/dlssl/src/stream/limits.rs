//! Until when a call may wait: a deadline for everything, and a time limit for each kind of operation.

use std::io;
use std::time::{Duration, Instant};

use crate::bio::timed_out;

/// Time limits for the kinds of operations of a stream; none unless set.
///
/// A limit bounds the waiting of one call: one `read` that returns, not the many that fill a buffer. For those together
/// there is the [deadline](crate::TlsStream::set_deadline). Past a limit a call fails with `TimedOut`; the stream stays
/// usable, and the next call has the whole limit again. They hold for sockets by descriptor that block, over our own BIO
/// and over OpenSSL's. Any other inner stream waits by itself.
///
/// ```
/// use std::time::Duration;
///
/// let timeouts = dlssl::Timeouts::new()
///     .handshake(Duration::from_secs(10))
///     .read(Duration::from_secs(30))
///     .write(Duration::from_secs(30))
///     .shutdown(Duration::from_millis(500));
/// assert_ne!(timeouts, dlssl::Timeouts::all(Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Timeouts {
    handshake: Option<Duration>,
    read: Option<Duration>,
    write: Option<Duration>,
    shutdown: Option<Duration>,
}

impl Timeouts {
    /// No limits.
    pub const fn new() -> Self {
        Self { handshake: None, read: None, write: None, shutdown: None }
    }

    /// The same limit for each kind.
    pub const fn all(limit: Duration) -> Self {
        Self { handshake: Some(limit), read: Some(limit), write: Some(limit), shutdown: Some(limit) }
    }

    /// Limit for the whole handshake, its resumptions after `WouldBlock` included; `None` for none.
    pub fn handshake(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.handshake = limit.into();
        self
    }

    /// Limit for each read and peek; `None` for none.
    pub fn read(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.read = limit.into();
        self
    }

    /// Limit for each write and flush; `None` for none.
    pub fn write(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.write = limit.into();
        self
    }

    /// Limit for each call that closes; `None` for none.
    pub fn shutdown(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shutdown = limit.into();
        self
    }
}

/// What a call does, as far as its time limit is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Handshake,
    Read,
    Write,
    Shutdown,
}

/// What a stream, or a half of one, may take. A pointer, since most have no limits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits(Option<Box<Bounds>>);

#[derive(Clone, Debug, Default)]
struct Bounds {
    deadline: Option<Instant>,
    timeouts: Timeouts,
}

impl Limits {
    #[inline]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.as_ref()?.deadline
    }

    pub(crate) fn set_deadline(&mut self, at: Option<Instant>) {
        if at.is_some() || self.0.is_some() {
            self.0.get_or_insert_default().deadline = at;
        }
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.0.as_ref().map_or(Timeouts::new(), |bounds| bounds.timeouts)
    }

    pub(crate) fn set_timeouts(&mut self, timeouts: Timeouts) {
        if timeouts != self.timeouts() {
            self.0.get_or_insert_default().timeouts = timeouts;
        }
    }

    #[inline]
    pub(super) fn are_none(&self) -> bool {
        self.0.is_none()
    }

    /// Whether there is any for an operation.
    #[inline]
    pub(super) fn are_for(&self, operation: Operation) -> bool {
        self.0.is_some() && (self.deadline().is_some() || self.limit(operation).is_some())
    }

    #[inline]
    fn limit(&self, operation: Operation) -> Option<Duration> {
        let timeouts = &self.0.as_ref()?.timeouts;
        match operation {
            Operation::Handshake => timeouts.handshake,
            Operation::Read => timeouts.read,
            Operation::Write => timeouts.write,
            Operation::Shutdown => timeouts.shutdown,
        }
    }

    /// Fails once the deadline has passed.
    #[cold]
    pub(super) fn check(&self) -> io::Result<()> {
        Turn { limit: None, ends: None, deadline: self.deadline() }.check()
    }

    /// Begins an operation.
    ///
    /// # Errors
    /// `TimedOut` once the deadline has passed.
    pub(super) fn begin(&self, operation: Operation) -> io::Result<Turn> {
        let turn = Turn { limit: self.limit(operation), ends: None, deadline: self.deadline() };
        turn.check()?;
        Ok(turn)
    }
}

/// One operation's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// A limit that has not begun to run.
    limit: Option<Duration>,
    /// When the limit ends.
    ends: Option<Instant>,
    deadline: Option<Instant>,
}

impl Turn {
    /// Latest time to wait for. The limit runs from the first time this is asked: a call that need not wait does not
    /// look at the clock.
    pub(super) fn until(&mut self) -> Option<Instant> {
        if let Some(limit) = self.limit.take() {
            self.ends = Instant::now().checked_add(limit);
        }
        self.earlier()
    }

    fn earlier(&self) -> Option<Instant> {
        match (self.ends, self.deadline) {
            (Some(ends), Some(deadline)) => Some(ends.min(deadline)),
            (ends, deadline) => ends.or(deadline),
        }
    }

    /// When the limit ends, if it runs.
    pub(super) fn ends(&self) -> Option<Instant> {
        self.ends
    }

    /// Takes over the limit of an operation that has begun before. The deadline may be another by now.
    pub(super) fn goes_on_with(&mut self, begun: &Turn) {
        (self.limit, self.ends) = (begun.limit, begun.ends);
    }

    /// Fails once it is over.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.earlier() {
            Some(end) if Instant::now() >= end => Err(timed_out()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    const LONG: Duration = Duration::from_secs(1000);

    fn with(deadline: Option<Instant>, timeouts: Timeouts) -> Limits {
        let mut limits = Limits::default();
        limits.set_deadline(deadline);
        limits.set_timeouts(timeouts);
        assert_eq!((limits.deadline(), limits.timeouts()), (deadline, timeouts));
        limits
    }

    #[test]
    fn the_earlier_end_counts() {
        let soon = Instant::now() + Duration::from_secs(1);
        let mut limits = with(Some(soon), Timeouts::new().read(LONG));
        assert_eq!(limits.begin(Operation::Read).unwrap().until(), Some(soon));
        limits.set_deadline(Some(Instant::now() + 2 * LONG));
        let mut turn = limits.begin(Operation::Read).unwrap();
        let end = turn.until().unwrap();
        assert!(end < Instant::now() + 2 * LONG);
        assert_eq!(turn.until(), Some(end), "it runs once");
        assert_eq!(limits.begin(Operation::Write).unwrap().until(), limits.deadline());
    }

    #[test]
    fn bounds_are_told() {
        let limits = with(None, Timeouts::new().shutdown(LONG));
        assert!(!limits.are_for(Operation::Handshake));
        assert!(limits.are_for(Operation::Shutdown));
        let past = with(Some(Instant::now()), Timeouts::new());
        assert_eq!(past.begin(Operation::Read).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn for_ever_is_no_limit() {
        let limits = with(None, Timeouts::all(Duration::MAX));
        assert_eq!(limits.begin(Operation::Read).unwrap().until(), None);
    }
}
