//! `SSL_CTX_set_info_callback`: notices renegotiation where no option refuses it (OpenSSL before 1.1.0h).

use std::ffi::c_int;

use dlssl_core::ffi::SSL;
use dlssl_core::ffi::constants::SSL_CB_HANDSHAKE_START;

use super::in_callback;

/// Notes that a handshake begins during a call that is not the first handshake's: the method that made the call then
/// fails and the connection is not used again.
pub(crate) unsafe extern "C" fn renegotiation(_: *const SSL, kind: c_int, _: c_int) {
    if kind & SSL_CB_HANDSHAKE_START != 0 {
        in_callback((), |frame| frame.stash.renegotiation = true);
    }
}
