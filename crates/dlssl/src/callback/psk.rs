//! `SSL_CTX_set_psk_client_callback` and `…_server_callback`: keys that both sides have from elsewhere.

use std::ffi::{CStr, CString, c_char, c_uchar, c_uint};

use dlssl_core::compat::configure::{copy_out, copy_text_out};
use dlssl_core::ffi::SSL;

use super::in_callback;
use crate::config::functions::Psk;

/// Names the client and gives its key; nought is "no key".
pub(crate) unsafe extern "C" fn psk_client(
    _: *mut SSL,
    _: *const c_char,
    identity: *mut c_char,
    identity_room: c_uint,
    key: *mut c_uchar,
    key_room: c_uint,
) -> c_uint {
    in_callback(0, |frame| {
        let Some(hooks) = frame.hooks() else { return 0 };
        let Some(Psk::Client { identity: name, key: secret }) = &hooks.psk else { return 0 };
        let Ok(name) = CString::new(name.as_str()) else { return 0 };
        // SAFETY: C hands two buffers with their sizes.
        unsafe { if copy_text_out(&name, identity, identity_room) { copy_out(secret, key, key_room) } else { 0 } }
    })
}

/// Gives the key of the client that names itself.
pub(crate) unsafe extern "C" fn psk_server(
    _: *mut SSL,
    identity: *const c_char,
    key: *mut c_uchar,
    key_room: c_uint,
) -> c_uint {
    in_callback(0, |frame| {
        let Some(hooks) = frame.hooks() else { return 0 };
        let Some(Psk::Server(function)) = &hooks.psk else { return 0 };
        if identity.is_null() {
            return 0;
        }
        // SAFETY: C hands a string that ends with NUL, and a buffer with its size.
        unsafe {
            let Ok(identity) = CStr::from_ptr(identity).to_str() else { return 0 };
            let given = (function.0)(identity).map_or(0, |secret| copy_out(&secret, key, key_room));
            frame.stash.set_psk_identity((given > 0).then(|| identity.to_owned()));
            given
        }
    })
}
