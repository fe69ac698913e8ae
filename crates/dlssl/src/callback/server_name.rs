//! `SSL_CTX_set_tlsext_servername_callback`: the certificate for the name that a client asks for.

use std::ffi::{CStr, c_int, c_void};
use std::sync::Arc;

use dlssl_core::ffi::SSL;
use dlssl_core::ffi::constants::{
    SSL_TLSEXT_ERR_ALERT_FATAL, SSL_TLSEXT_ERR_NOACK, SSL_TLSEXT_ERR_OK, TLSEXT_NAMETYPE_host_name,
};

use super::in_callback;

/// The alert `internal_error`: what went wrong is this side's own.
const INTERNAL_ERROR: c_int = 80;

/// Exchanges the context for the one with the name's certificate; sessions stay with the first.
pub(crate) unsafe extern "C" fn server_name(ssl: *mut SSL, alert: *mut c_int, _: *mut c_void) -> c_int {
    // SAFETY: C's own variable; read only where the handshake fails.
    unsafe { *alert = INTERNAL_ERROR };
    in_callback(SSL_TLSEXT_ERR_ALERT_FATAL, |frame| {
        let Some(hooks) = frame.stash.hooks.clone() else { return SSL_TLSEXT_ERR_NOACK };
        let functions = frame.library.functions();
        // SAFETY: C hands the live connection; null, or a string that it keeps while we are here.
        let name = unsafe {
            let name = (functions.ssl.SSL_get_servername)(ssl, TLSEXT_NAMETYPE_host_name);
            if name.is_null() { None } else { CStr::from_ptr(name).to_str().ok() }
        };
        let (Some(name), Some(identities)) = (name, &hooks.identities) else { return SSL_TLSEXT_ERR_NOACK };
        match identities.select(name) {
            Ok(None) => SSL_TLSEXT_ERR_OK,
            Ok(Some(context)) => {
                // SAFETY: live connection and context of one library; C takes a reference of its own, and the stash
                // keeps what C holds pointers to.
                let now = unsafe { (functions.ssl_config.SSL_set_SSL_CTX)(ssl, context.as_ptr()) };
                if now != context.as_ptr() {
                    return SSL_TLSEXT_ERR_ALERT_FATAL;
                }
                frame.stash.contexts.push(Arc::clone(&context));
                SSL_TLSEXT_ERR_OK
            }
            Err(error) => {
                frame.stash.failure.get_or_insert(error);
                SSL_TLSEXT_ERR_ALERT_FATAL
            }
        }
    })
}
