//! A socket that the library reads from and writes to by itself (`SSL_set_fd`).

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Instant;

use crate::bio::Interest;
use crate::bio::descriptor::{self, Unblocked};

pub(super) struct LibrarySocket<S> {
    pub(super) socket: S,
    /// The descriptor that C uses: our own, so that it stays what it is when the program replaces `socket`.
    descriptor: OwnedFd,
    /// Taken from the program, refused by the socket: C holds a record of it and wants the same bytes again.
    pub(super) again: Vec<u8>,
    /// The operation at hand has a bound, which C's blocking calls do not know: they must not wait.
    pub(super) is_ours_to_wait: bool,
    /// The owner would wait in the call.
    owner_blocks: bool,
}

impl<S> LibrarySocket<S> {
    pub(super) fn new(socket: S, descriptor: OwnedFd) -> Self {
        Self { socket, descriptor, again: Vec::new(), is_ours_to_wait: false, owner_blocks: false }
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// Keeps the calls of C from waiting where that is for us to do, for as long as the result lives.
    pub(super) fn leave_waiting_to_us(&mut self) -> io::Result<Option<Unblocked<'_>>> {
        self.owner_blocks = false;
        if !self.is_ours_to_wait {
            return Ok(None);
        }
        let unblocked = descriptor::unblock(self.descriptor.as_fd())?;
        self.owner_blocks = unblocked.is_some();
        Ok(unblocked)
    }

    /// Whether it was we who kept the last call from waiting.
    pub(super) fn waits_by_call(&self) -> bool {
        self.owner_blocks
    }

    /// Whether C's wish to go on has nothing to wait for: it has dealt with a record without data, and more is there.
    /// Where its calls wait by themselves it does not stop for that.
    pub(super) fn is_ready(&self, interest: Interest) -> bool {
        self.is_ours_to_wait && descriptor::is_ready(self.descriptor.as_fd(), interest)
    }

    pub(super) fn wait(&self, interest: Interest, until: Option<Instant>) -> io::Result<()> {
        descriptor::poll(self.descriptor.as_fd(), interest, until)
    }
}
