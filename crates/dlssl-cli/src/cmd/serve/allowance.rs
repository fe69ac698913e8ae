//! How long a connection may stay: each byte that it moves earns it time, so that a busy one stays as long as it likes and one
//! that sends a little now and then keeps its place for a bounded time.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// Bytes that earn a second.
const BYTES_PER_SECOND: u64 = 1024;

/// One connection's time.
#[derive(Debug)]
pub(super) struct Allowance {
    since: Instant,
    /// What every connection has.
    given: Duration,
    moved: u64,
}

impl Allowance {
    /// Begins now.
    pub(super) fn new(given: Duration) -> Self {
        Self { since: Instant::now(), given, moved: 0 }
    }

    /// Counts bytes, in either direction.
    pub(super) fn earn(&mut self, bytes: usize) {
        self.moved = self.moved.saturating_add(bytes as u64);
    }

    /// When it is used up; `None` for never.
    pub(super) fn end(&self) -> Option<Instant> {
        let seconds = Duration::from_secs(self.moved / BYTES_PER_SECOND);
        self.since.checked_add(self.given.checked_add(seconds)?)
    }

    /// Fails once it is used up.
    ///
    /// # Errors
    /// `TimedOut`.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.end().is_none_or(|end| Instant::now() < end) {
            return Ok(());
        }
        let words = format!(
            "moved only {} bytes in {} s, which is too little to keep its place (--max-time)",
            self.moved,
            self.since.elapsed().as_secs()
        );
        Err(io::Error::new(ErrorKind::TimedOut, words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_earn_time() {
        let mut allowance = Allowance::new(Duration::from_secs(10));
        let start = allowance.since;
        assert_eq!(allowance.end(), Some(start + Duration::from_secs(10)));
        allowance.earn(1023);
        assert_eq!(allowance.end(), Some(start + Duration::from_secs(10)));
        allowance.earn(1);
        assert_eq!(allowance.end(), Some(start + Duration::from_secs(11)));
        allowance.earn(usize::MAX);
        // Further than clocks go, or far away: either is never.
        assert!(allowance.end().is_none_or(|end| end > start + Duration::from_secs(1 << 32)));
        allowance.check().unwrap();
    }

    #[test]
    fn who_has_earned_nothing_is_told_so() {
        let mut allowance = Allowance::new(Duration::ZERO);
        allowance.earn(7);
        let error = allowance.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains("only 7 bytes"), "{error}");
    }
}
