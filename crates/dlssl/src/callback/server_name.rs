//! `SSL_CTX_set_tlsext_servername_callback`: the certificate for the name that a client asks for.

use std::ffi::{CStr, c_int, c_void};
use std::sync::Arc;

use dlssl_core::ffi::SSL;
use dlssl_core::ffi::constants::{
    SSL_TLSEXT_ERR_ALERT_FATAL, SSL_TLSEXT_ERR_NOACK, SSL_TLSEXT_ERR_OK, TLSEXT_NAMETYPE_host_name,
};

use super::{Frame, in_callback};
use crate::config::Alert;
use crate::error::{Error, ErrorKind};
use crate::raw::SslContext;

/// Exchanges the context for the one with the name's certificate, or refuses the name; sessions stay with the first.
pub(crate) unsafe extern "C" fn server_name(ssl: *mut SSL, alert: *mut c_int, _: *mut c_void) -> c_int {
    let alerts = |reason: Alert| {
        // SAFETY: C's own variable; read only where the handshake fails.
        unsafe { *alert = c_int::from(reason.code()) };
    };
    alerts(Alert::INTERNAL_ERROR);
    in_callback(SSL_TLSEXT_ERR_ALERT_FATAL, |frame| {
        let Some(hooks) = frame.hooks().filter(|_| !frame.stash.identity_chosen) else {
            return SSL_TLSEXT_ERR_NOACK;
        };
        // SAFETY: C hands the live connection; null, or a string that it keeps while we are here.
        let name = unsafe {
            let name = (frame.library.functions().ssl.SSL_get_servername)(ssl, TLSEXT_NAMETYPE_host_name);
            if name.is_null() { None } else { Some(CStr::from_ptr(name).to_string_lossy()) }
        };
        let (Some(name), Some(identities)) = (name, &hooks.identities) else { return SSL_TLSEXT_ERR_NOACK };
        match identities.select(&name) {
            Ok(None) if hooks.refuse_unknown_names => {
                alerts(Alert::UNRECOGNIZED_NAME);
                let words = format!("the client asks for a name that is not served here: {}", name.escape_debug());
                refuse(frame, Error::new(ErrorKind::Handshake, words));
                SSL_TLSEXT_ERR_ALERT_FATAL
            }
            Ok(None) => SSL_TLSEXT_ERR_OK,
            // SAFETY: C hands the live connection of the frame's library, in the handshake.
            Ok(Some(context)) if unsafe { go_over(frame, ssl, &context) } => SSL_TLSEXT_ERR_OK,
            Ok(Some(_)) => SSL_TLSEXT_ERR_ALERT_FATAL,
            Err(error) => {
                refuse(frame, error);
                SSL_TLSEXT_ERR_ALERT_FATAL
            }
        }
    })
}

/// Notes why the handshake ends, for the method that made the call.
pub(super) fn refuse(frame: &mut Frame<'_>, error: Error) {
    let error = error.of(frame.library);
    frame.stash.fail(error);
}

/// Goes on with another context's certificate.
///
/// # Safety
/// `ssl` must be the live connection of the frame, in its handshake.
pub(super) unsafe fn go_over(frame: &mut Frame<'_>, ssl: *mut SSL, context: &Arc<SslContext>) -> bool {
    // SAFETY: by contract, and a live context of the same library; C takes a reference of its own, and the stash keeps
    // what C holds pointers to.
    let now = unsafe { (frame.library.functions().ssl_config.SSL_set_SSL_CTX)(ssl, context.as_ptr()) };
    let done = now == context.as_ptr();
    if done {
        frame.stash.replace_context(Arc::clone(context));
    }
    done
}
