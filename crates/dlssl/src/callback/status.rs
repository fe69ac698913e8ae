//! `SSL_CTX_set_tlsext_status_cb`: a server staples a certificate status.

use std::ffi::{CStr, c_int, c_void};

use dlssl_core::compat::configure::{Applied, staple_status};
use dlssl_core::ffi::SSL;
use dlssl_core::ffi::constants::{
    SSL_TLSEXT_ERR_ALERT_FATAL, SSL_TLSEXT_ERR_NOACK, SSL_TLSEXT_ERR_OK, TLSEXT_NAMETYPE_host_name,
};

use super::in_callback;

/// The program's function first, then what came with the certificate.
pub(crate) unsafe extern "C" fn status(ssl: *mut SSL, _: *mut c_void) -> c_int {
    in_callback(SSL_TLSEXT_ERR_ALERT_FATAL, |frame| {
        let Some(hooks) = frame.hooks() else { return SSL_TLSEXT_ERR_NOACK };
        let functions = frame.library.functions();
        // SAFETY: C hands the live connection; null, or a string that it keeps while we are here.
        let name = unsafe {
            let name = (functions.ssl.SSL_get_servername)(ssl, TLSEXT_NAMETYPE_host_name);
            if name.is_null() { None } else { CStr::from_ptr(name).to_str().ok() }
        };
        let given = hooks.staple.as_ref().and_then(|function| (function.0)(name));
        let own = || frame.context_in_effect()?.staple().map(<[u8]>::to_vec);
        let Some(status) = given.or_else(own) else { return SSL_TLSEXT_ERR_NOACK };
        // SAFETY: the live connection, in its status callback.
        match unsafe { staple_status(functions, ssl, &status) } {
            Applied::Done => SSL_TLSEXT_ERR_OK,
            Applied::Refused | Applied::Absent => SSL_TLSEXT_ERR_ALERT_FATAL,
        }
    })
}
