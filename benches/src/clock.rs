//! Processor time of one thread, the kernel's part included: what other programs take is not in it.

use std::time::Duration;

/// A point in the processor time of the thread that asks.
pub struct OwnTime(Duration);

impl OwnTime {
    /// Now.
    pub fn now() -> Self {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: one live record, written by the call; this clock is always there on Linux.
        unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        OwnTime(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
    }

    /// What the thread has taken since.
    pub fn elapsed(&self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}
