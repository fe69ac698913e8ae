//! `SSL_CTX_set_info_callback`: refuses renegotiation where no option does (OpenSSL before 1.1.0h, LibreSSL's client).

use std::ffi::c_int;

use dlssl_core::ffi::SSL;
use dlssl_core::ffi::constants::{SSL_CB_HANDSHAKE_START, TLS1_3_VERSION};

use super::in_callback;

/// Notes that a second handshake begins. From then on the BIO neither sends nor receives (the socket under
/// OpenSSL's own is shut down), so that it goes no further, and the method that made the call fails.
pub(crate) unsafe extern "C" fn renegotiation(ssl: *const SSL, kind: c_int, _: c_int) {
    if kind & SSL_CB_HANDSHAKE_START == 0 {
        return;
    }
    in_callback((), |frame| {
        // SAFETY: C hands the live connection of the frame's library; plain getter.
        let version = unsafe { (frame.library.functions().ssl.SSL_version)(ssl) };
        // TLS 1.3 has no renegotiation; what begins there is a ticket or a new key.
        if frame.stash.established && version < TLS1_3_VERSION {
            frame.stash.renegotiation = true;
            #[cfg(unix)]
            if let Some(descriptor) = frame.stash.cut {
                // SAFETY: the connection's own duplicate of its socket, open as long as the connection.
                unsafe { libc::shutdown(descriptor, libc::SHUT_RDWR) };
            }
        }
    });
}
