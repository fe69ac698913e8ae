//! What a finished handshake came to.

use std::ptr;

use crate::ffi::constants::SSL_CTRL_GET_EXTMS_SUPPORT;
use crate::ffi::{Functions, SSL};
use crate::version::{Flavour, Version};

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
