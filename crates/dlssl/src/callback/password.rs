//! `pem_password_cb`: the answer to a question for a password.

use std::ffi::{c_char, c_int, c_void};

/// Refuses. Without a callback the library would ask on the terminal and wait for ever.
pub(crate) unsafe extern "C" fn none(_: *mut c_char, _: c_int, _: c_int, _: *mut c_void) -> c_int {
    -1
}
