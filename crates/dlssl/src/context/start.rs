//! What both sides can be told about one connection before its handshake.

use std::time::Instant;

use crate::error::{Error, ErrorKind};

/// Where one connection starts.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    /// Bytes of the peer that were read already.
    pub(super) received: Vec<u8>,
    pub(super) deadline: Option<Instant>,
}

impl Start {
    /// Refuses received bytes.
    #[cfg(unix)]
    pub(super) fn on_nothing_received(&self) -> Result<(), Error> {
        if self.received.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Configuration, "OpenSSL's socket BIO cannot start on received bytes"))
    }
}

/// Methods that the settings of one connection have on both sides.
macro_rules! shared_start {
    () => {
        /// Starts on bytes of the peer that were read already.
        pub fn received(mut self, bytes: impl Into<Vec<u8>>) -> Self {
            self.start.received = bytes.into();
            self
        }

        /// Latest time for the handshake and all that follows, for sockets by descriptor; see
        /// [`TlsStream::set_deadline`].
        pub fn deadline(mut self, at: std::time::Instant) -> Self {
            self.start.deadline = Some(at);
            self
        }
    };
}
pub(super) use shared_start;
