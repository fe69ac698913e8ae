//! Options of a context: by the function of the right width, or by the control command before 1.1.0 and on LibreSSL.

use std::ffi::c_long;

use crate::ffi::constants::SSL_CTRL_OPTIONS;
use crate::ffi::{Functions, SSL_CTX};

/// Sets option bits; whether all of them are set afterwards.
///
/// # Safety
/// `ctx` must be a live context of this library.
#[must_use]
pub unsafe fn set(functions: &Functions, ctx: *mut SSL_CTX, bits: u64) -> bool {
    let ssl = &functions.ssl;
    // SAFETY: by contract; the entry of the table has the width of this version, and a control command that the
    // library does not know gives 0, which is found out below.
    #[allow(clippy::cast_lossless, clippy::useless_conversion, clippy::unnecessary_cast)] // widths by platform
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
