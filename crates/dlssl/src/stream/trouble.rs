//! What has gone wrong on a connection, as far as later calls are to know of it. Nothing on most, which pay for a pointer.

use std::io;

#[derive(Default)]
pub(super) struct Trouble(Option<Box<Kept>>);

#[derive(Default)]
struct Kept {
    /// What ended the connection for good.
    failed: Option<String>,
    /// Error of a write that the call in which it came up could not give; the next that sends does.
    deferred: Option<io::Error>,
}

impl Trouble {
    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// What ended the connection for good.
    pub(super) fn failed(&self) -> Option<&str> {
        self.0.as_ref()?.failed.as_deref()
    }

    #[cold]
    pub(super) fn fail(&mut self, reason: String) {
        self.0.get_or_insert_default().failed = Some(reason);
    }

    /// Keeps an error for the next call that sends; the first one stays.
    #[cold]
    pub(super) fn defer(&mut self, error: io::Error) {
        self.0.get_or_insert_default().deferred.get_or_insert(error);
    }

    /// Gives the error that an earlier call could not give.
    #[cold]
    pub(super) fn take_deferred(&mut self) -> io::Result<()> {
        let Some(kept) = &mut self.0 else { return Ok(()) };
        let deferred = kept.deferred.take();
        if kept.failed.is_none() {
            self.0 = None;
        }
        deferred.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_given_once() {
        let mut trouble = Trouble::default();
        trouble.defer(io::Error::other("first"));
        trouble.defer(io::Error::other("second"));
        assert!(!trouble.is_none() && trouble.failed().is_none());
        assert_eq!(trouble.take_deferred().unwrap_err().to_string(), "first");
        assert!(trouble.is_none() && trouble.take_deferred().is_ok());
    }

    #[test]
    fn a_failure_stays() {
        let mut trouble = Trouble::default();
        trouble.fail("cable cut".to_owned());
        trouble.defer(io::Error::other("late"));
        assert!(trouble.take_deferred().is_err());
        assert_eq!(trouble.failed(), Some("cable cut"));
    }
}
