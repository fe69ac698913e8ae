//! When a connection gives its buffers back: as long as it does little.
//!
//! Buffers that are freed after each operation cost two allocations in the next. That is nothing next to a wait, and a few
//! percent of a small message where many follow each other. So it is done in the first operations of a connection and
//! after each long pause, and not in between.

use std::time::{Duration, Instant};

/// Operations after a long pause that count as little. A handshake and a request with its answer are fewer.
const FEW: u32 = 16;
/// A pause that is worth giving buffers back and making them anew, a microsecond, many times over: a server that talks with a
/// thousand clients in turn pauses for some milliseconds with each.
const LONG: Duration = Duration::from_millis(10);
/// How often a connection that never pauses looks at the clock.
const SELDOM: u32 = 256;

/// What a connection has done lately.
#[derive(Debug, Default)]
pub(super) struct Pace {
    operations: u32,
    /// When it paused, or looked at the clock, the last time.
    last: Option<Instant>,
}

impl Pace {
    /// Counts an operation that is done; whether the connection does little.
    #[inline]
    pub(super) fn is_calm(&mut self) -> bool {
        self.is_calm_though_busy() || self.operations <= FEW
    }

    /// The same of a connection that [has done much](Self::is_busy).
    #[inline(always)]
    pub(super) fn is_calm_though_busy(&mut self) -> bool {
        self.operations = self.operations.wrapping_add(1);
        self.operations.is_multiple_of(SELDOM) && self.was_slow(LONG * SELDOM)
    }

    /// Whether it does little, at a pause that begins.
    #[cold]
    pub(super) fn is_calm_at_pause(&mut self) -> bool {
        self.was_slow(LONG) || self.operations <= FEW
    }

    /// Whether so much time went by since it was looked at; then it does little from here on.
    #[cold]
    fn was_slow(&mut self, least: Duration) -> bool {
        let now = Instant::now();
        let slow = self.last.replace(now).is_some_and(|last| now.duration_since(last) >= least);
        if slow {
            self.operations = 0;
        }
        slow
    }

    /// Whether it has done much, so that no wait is expected to last.
    #[inline]
    pub(super) fn is_busy(&self) -> bool {
        self.operations > FEW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_at_once_is_not_calm_until_a_long_pause() {
        let mut pace = Pace::default();
        assert!((0..FEW).all(|_| pace.is_calm()));
        assert!(!pace.is_calm() && pace.is_busy());
        pace.last = Instant::now().checked_sub(2 * LONG);
        assert!(pace.is_calm_at_pause() && pace.is_calm() && !pace.is_busy());
    }
}
