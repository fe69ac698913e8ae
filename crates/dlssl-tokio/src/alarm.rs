//! The timer of a deadline: made when somebody first has to wait for it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// Wakes at a time, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    at: Option<Instant>,
    /// In a box: few streams have a deadline, and those without one need not have the room.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Waits until `at` as well, for whom `waker` wakes; the error is that it is past.
    ///
    /// # Panics
    /// Tokio's own, outside of a runtime with timers; not without a time.
    pub(crate) fn poll(&mut self, at: Option<Instant>, waker: impl FnOnce() -> Waker) -> io::Result<()> {
        let Some(until) = at else {
            *self = Self::default();
            return Ok(());
        };
        if self.at != at {
            *self = Self { at, sleep: Some(Box::pin(sleep_until(until.into()))) };
        }
        let Some(sleep) = &mut self.sleep else { return Ok(()) };
        match sleep.as_mut().poll(&mut Context::from_waker(&waker())) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => {
                *self = Self::default();
                Err(io::Error::new(io::ErrorKind::TimedOut, "the deadline of the stream has passed"))
            }
        }
    }
}
