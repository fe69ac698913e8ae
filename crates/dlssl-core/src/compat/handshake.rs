//! What a finished handshake was like: functions from OpenSSL 1.1.0 on, control commands before and on LibreSSL.

use std::ptr;

use crate::ffi::constants::{SSL_CTRL_GET_EXTMS_SUPPORT, SSL_CTRL_GET_SESSION_REUSED};
use crate::ffi::{Functions, SSL};
use crate::version::{Flavour, Version};

/// Whether it resumed a session.
///
/// # Safety
/// `ssl` must be a live connection of this library.
#[must_use]
pub unsafe fn is_resumed(functions: &Functions, ssl: *mut SSL) -> bool {
    // SAFETY: by contract; the command takes no pointer.
    unsafe {
        match functions.ssl.SSL_session_reused {
            Some(reused) => reused(ssl) == 1,
            None => (functions.ssl.SSL_ctrl)(ssl, SSL_CTRL_GET_SESSION_REUSED, 0, ptr::null_mut()) == 1,
        }
    }
}

/// Whether a library knows the extended master secret (RFC 7627).
#[must_use]
pub fn knows_extended_master_secret(flavour: Flavour, version: Version) -> bool {
    flavour == Flavour::OpenSsl && version >= Version::new(1, 1, 0)
}

/// Whether it came to an extended master secret; never where the library knows none.
///
/// # Safety
/// `ssl` must be a live connection of this library.
#[must_use]
pub unsafe fn has_extended_master_secret(
    functions: &Functions,
    flavour: Flavour,
    version: Version,
    ssl: *mut SSL,
) -> bool {
    knows_extended_master_secret(flavour, version)
        // SAFETY: by contract; the command takes no pointer.
        && unsafe { (functions.ssl.SSL_ctrl)(ssl, SSL_CTRL_GET_EXTMS_SUPPORT, 0, ptr::null_mut()) == 1 }
}
