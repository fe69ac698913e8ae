//! `SSL_CTX_set_keylog_callback`: the secrets of a connection, for who asked for them.

use std::ffi::{CStr, c_char};

use dlssl_core::ffi::SSL;

use super::in_callback;

pub(crate) unsafe extern "C" fn key_log(_: *const SSL, line: *const c_char) {
    in_callback((), |frame| {
        let Some(hooks) = frame.hooks() else { return };
        if line.is_null() {
            return;
        }
        // SAFETY: C hands a string that ends with NUL.
        let line = unsafe { CStr::from_ptr(line) };
        if let (Some(target), Ok(line)) = (&hooks.key_log, line.to_str()) {
            target.line(line);
        }
    });
}
