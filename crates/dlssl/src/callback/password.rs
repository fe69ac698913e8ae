//! `pem_password_cb`: the answer to a question for a password.

use std::ffi::{c_char, c_int, c_void};

/// Refuses. Without a callback the library would ask on the terminal and wait for ever.
pub(crate) unsafe extern "C" fn none(_: *mut c_char, _: c_int, _: c_int, _: *mut c_void) -> c_int {
    -1
}

/// A password that is known before C asks.
pub(crate) struct KnownPassword<'a>(pub(crate) &'a [u8]);

/// Gives the password; refuses one that is too long for C's buffer, since the rest would be cut off.
pub(crate) unsafe extern "C" fn known(buffer: *mut c_char, size: c_int, _: c_int, data: *mut c_void) -> c_int {
    // SAFETY: `data` is the `KnownPassword` of the method that made the call; C hands a buffer of `size` bytes.
    unsafe {
        let password = (*data.cast::<KnownPassword<'_>>()).0;
        match c_int::try_from(password.len()) {
            Ok(len) if len <= size => {
                std::ptr::copy_nonoverlapping(password.as_ptr(), buffer.cast::<u8>(), password.len());
                len
            }
            _ => -1,
        }
    }
}
