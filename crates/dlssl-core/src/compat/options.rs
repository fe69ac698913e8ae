//! Options of a context: by the function of the right width, or by the control command before 1.1.0 and on LibreSSL.

use std::ffi::{c_char, c_int, c_long};

use crate::ffi::constants::SSL_CTRL_OPTIONS;
use crate::ffi::{Functions, SSL, SSL_CTX};
use crate::library::Library;

/// Sets option bits; whether all of them are set afterwards.
///
/// # Safety
/// `ctx` must be a live context of this library.
#[must_use]
pub unsafe fn set(functions: &Functions, ctx: *mut SSL_CTX, bits: u64) -> bool {
    let ssl = &functions.ssl;
    #[allow(clippy::cast_lossless, clippy::useless_conversion, clippy::unnecessary_cast)] // widths by platform
    // SAFETY: by contract; the entry of the table has the width of this version, and a control command that the
    // library does not know gives 0, which is found out below.
    let now = unsafe {
        if let Some(set) = ssl.SSL_CTX_set_options {
            set(ctx, bits)
        } else if let Some(set) = ssl.SSL_CTX_set_options_long {
            set(ctx, bits as std::ffi::c_ulong) as u64
        } else {
            (ssl.SSL_CTX_ctrl)(ctx, SSL_CTRL_OPTIONS, bits as c_long, std::ptr::null_mut()) as u64
        }
    };
    now & bits == bits
}

/// Chooses TLS 1.3's cipher suites where the library lets one: runs `set` with its function; `None` where it does not.
pub fn set_ciphersuites<R>(
    library: &Library,
    set: impl FnOnce(unsafe extern "C" fn(*mut SSL_CTX, *const c_char) -> c_int) -> R,
) -> Option<R> {
    library.functions().ssl.SSL_CTX_set_ciphersuites.map(set)
}

/// Whether a connection holds bytes of the peer, decrypted or not; before 1.1.0 and on LibreSSL, decrypted only.
///
/// # Safety
/// `ssl` must be a live connection of this library.
#[must_use]
pub unsafe fn has_pending(functions: &Functions, ssl: *const SSL) -> bool {
    // SAFETY: by contract; plain getters.
    unsafe {
        match functions.ssl.SSL_has_pending {
            Some(has_pending) => has_pending(ssl) == 1,
            None => (functions.ssl.SSL_pending)(ssl) > 0,
        }
    }
}

/// Gives the record buffers of a connection back to the heap until they are needed again, where the library can do that.
///
/// Some versions do it also while a record is read in part (CVE-2024-4741), hence the contract.
///
/// # Safety
/// `ssl` must be a live connection of this library that holds no byte of its peer: none decrypted, none of a record that
/// has begun.
pub unsafe fn free_buffers(functions: &Functions, ssl: *mut SSL) {
    /// OpenSSL from 3.2 on, told to wipe plain text (`SSL_OP_CLEANSE_PLAINTEXT`), does so also where it has no buffer.
    const WIPES: u64 = 1 << 1;
    let Some(free) = functions.ssl.SSL_free_buffers else { return };
    // SAFETY: by contract; a plain getter.
    let wipes = functions.ssl.SSL_get_options.is_some_and(|get| unsafe { get(ssl) } & WIPES != 0);
    if !wipes {
        // SAFETY: by contract.
        unsafe { free(ssl) };
    }
}
