//! The straight way of a read or a write: nothing waits, nothing is bounded, nothing is wrong.
//!
//! C's part of a small record fills the processor's cache for instructions, so that each line of ours puts out one of its
//! own. Hence one function for both directions that asks only what it has to; for all else there is the whole way, in `io`.

use std::ffi::c_int;

use super::attempt::Verdict;
use super::connection::{Closing, Connection, Transport};
use crate::bio::stream::Receiving;
use crate::error::Error;
use crate::raw::act::{Act, Kind, Transfer};

/// Why the straight way is not the whole one.
pub(super) enum Bend {
    /// C has been called, and has more to say than that it did it: its result.
    Called(c_int),
    /// Something is to be done or said before C is called.
    NotCalled,
}

impl<S> Connection<S> {
    /// Reads or writes, where the inner stream is over our BIO and the connection has done much lately, without a pause.
    #[inline(never)]
    pub(super) fn straight(&mut self, what: Transfer<'_>) -> Result<c_int, Bend> {
        let Transport::Ours(bio) = &mut self.transport else { return Err(Bend::NotCalled) };
        let may = match what.kind() {
            Kind::Read => !(self.pauses | self.peer_closed | self.cut_off),
            _ => self.closing == Closing::Not,
        };
        let is_calm = self.pace.is_busy() && self.limits.are_none() && self.stash.io.is_none();
        if what.is_empty() || !(may && is_calm && self.trouble.is_none() && bio.has_no_rest() && self.ssl.is_straight())
        {
            return Err(Bend::NotCalled);
        }
        self.waits_for = None;
        bio.set_receiving(Receiving::Waiting);
        bio.begin_count();
        let result = self.ssl.transfer(bio, &mut self.stash, what);
        if result > 0 && !self.stash.has_panicked() && self.stash.is_silent() && bio.has_no_rest() {
            if self.pace.is_calm_though_busy() {
                self.release();
            }
            Ok(result)
        } else {
            Err(Bend::Called(result))
        }
    }

    /// Judges what C said to a transfer that it did not just do.
    pub(super) fn attempt_called(&mut self, result: c_int, mut what: impl Act) -> Result<Verdict, Error> {
        let outcome = self.ssl.finish_transfer(result, what.kind(), &mut self.stash);
        self.attempt_on(&mut what, Ok(outcome))
    }
}
