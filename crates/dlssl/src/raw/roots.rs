//! Roots that a context has in common with others.

use std::ffi::CStr;

use dlssl_core::ErrorStack;
use dlssl_core::compat::roots;

use super::SslContext;
use super::call::plain;

/// Roots that were read from files.
pub(crate) struct ReadRoots(std::sync::Arc<roots::Roots>);

impl SslContext {
    /// Whether it could share roots at all.
    pub(crate) fn can_share_roots(&self) -> bool {
        roots::can_share(self.library())
    }

    /// Trusts what another context has read, if it was in this state of its files; whether there is such.
    pub(crate) fn trust_kept(&self, state: &[u8]) -> bool {
        roots::kept(self.library(), state).is_some_and(|kept| self.trust_read(&ReadRoots(kept)))
    }

    /// Reads roots for this context and others.
    pub(crate) fn read_roots(
        &self,
        state: Vec<u8>,
        file: Option<&CStr>,
        directory: Option<&CStr>,
    ) -> Result<ReadRoots, ErrorStack> {
        let library = self.library();
        let read = plain(library, || roots::read(library, state, file, directory), Option::is_none)?;
        read.map(ReadRoots).ok_or_else(ErrorStack::default)
    }

    /// Trusts them, and nothing that is in the context's own store; whether the library does.
    pub(crate) fn trust_read(&self, read: &ReadRoots) -> bool {
        let library = self.library();
        // SAFETY: a live context of the generation that they were read or kept by, still being set up.
        let lend = || unsafe { roots::lend(library.functions(), &read.0, self.as_ptr()) };
        plain(library, lend, |lent| !lent).is_ok()
    }

    /// Keeps them for the contexts to come.
    pub(crate) fn keep_roots(&self, read: ReadRoots) {
        roots::keep(self.library(), read.0);
    }
}
