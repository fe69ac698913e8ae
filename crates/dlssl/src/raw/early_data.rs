//! Early data of connections, contexts and sessions.

use dlssl_core::compat::configure::Applied;
use dlssl_core::compat::early_data::{self as compat, EarlyRead};

use super::{RawSession, Ssl, SslContext};

impl SslContext {
    /// Takes so many bytes from each client before its handshake is done.
    pub(crate) fn take_early_data(&self, most: u32) -> Applied {
        // SAFETY: live context of this library.
        unsafe { compat::set_most(self.library().functions(), self.library().flavour(), self.as_ptr(), most) }
    }

    /// Whether the library can send and take early data.
    pub(crate) fn has_early_data(&self) -> bool {
        compat::is_there(self.library().functions(), self.library().flavour())
    }
}

impl RawSession {
    /// Bytes that its server takes early.
    pub(crate) fn most_early_data(&self) -> usize {
        // SAFETY: live session of this library.
        let most = unsafe { compat::most_of(self.library().functions(), self.as_ptr()) };
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// Name (SNI) and application protocol that early data must come with again; empty where there is none.
    pub(crate) fn agreed(&self) -> (&[u8], &[u8]) {
        // SAFETY: live session of this library, which lives as long as we are borrowed.
        unsafe { compat::agreed(self.library().functions(), self.as_ptr()) }
    }
}

impl Ssl {
    /// Whether the server took what was sent early.
    pub(crate) fn is_early_data_accepted(&self) -> bool {
        // SAFETY: live connection of this library.
        unsafe { compat::is_accepted(self.library().functions(), self.as_ptr()) }
    }

    /// Sends early data: inside of a call that may do I/O.
    pub(super) fn write_early(&self, data: &[u8]) -> i32 {
        // SAFETY: live connection of this library, before its handshake.
        unsafe { compat::write(self.library().functions(), self.as_ptr(), data) }
    }

    /// Takes some early data, and says when there is no more: inside of a call that may do I/O.
    pub(super) fn read_early(&self, out: &mut Vec<u8>, finished: &mut bool) -> i32 {
        let mut room = [0; 4096];
        // SAFETY: live connection of this library, before its handshake is done.
        match unsafe { compat::read(self.library().functions(), self.as_ptr(), &mut room) } {
            EarlyRead::Failed => -1,
            EarlyRead::End => {
                *finished = true;
                1
            }
            EarlyRead::Some(count) => {
                out.extend_from_slice(&room[..count.min(room.len())]);
                1
            }
        }
    }
}
