//! `SSL_CTX_set_client_hello_cb`: the program looks at a client's first message before anything is agreed on.

use std::ffi::{c_int, c_void};

use dlssl_core::compat::hello as compat;
use dlssl_core::ffi::SSL;
use dlssl_core::ffi::constants::{SSL_CLIENT_HELLO_ERROR, SSL_CLIENT_HELLO_RETRY, SSL_CLIENT_HELLO_SUCCESS};

use super::in_callback;
use super::server_name::{go_over, refuse};
use crate::config::{Alert, ClientHello, HelloAnswer};
use crate::error::{Error, ErrorKind};

/// Asks the program's function.
pub(crate) unsafe extern "C" fn client_hello(ssl: *mut SSL, alert: *mut c_int, _: *mut c_void) -> c_int {
    let alerts = |reason: Alert| {
        // SAFETY: C's own variable; read only where the handshake fails.
        unsafe { *alert = c_int::from(reason.code()) };
    };
    alerts(Alert::INTERNAL_ERROR);
    in_callback(SSL_CLIENT_HELLO_ERROR, |frame| {
        let Some(hooks) = frame.hooks() else { return SSL_CLIENT_HELLO_SUCCESS };
        let Some(function) = &hooks.client_hello else { return SSL_CLIENT_HELLO_SUCCESS };
        // SAFETY: C hands the live connection of the frame's library; the parts are gone before we return.
        let Some(parts) = (unsafe { compat::client_hello(frame.library.functions(), ssl) }) else {
            refuse(frame, Error::new(ErrorKind::Library, "the library does not show the client's first message"));
            return SSL_CLIENT_HELLO_ERROR;
        };
        match (function.0)(&ClientHello::new(parts)) {
            HelloAnswer::GoOn => SSL_CLIENT_HELLO_SUCCESS,
            HelloAnswer::Wait => {
                frame.stash.suspended = true;
                SSL_CLIENT_HELLO_RETRY
            }
            HelloAnswer::Refuse(reason) => {
                alerts(reason);
                refuse(frame, Error::new(ErrorKind::Handshake, format!("the program refused the client: {reason}")));
                SSL_CLIENT_HELLO_ERROR
            }
            HelloAnswer::Identity(identity) => {
                let Some(identities) = &hooks.identities else { return SSL_CLIENT_HELLO_ERROR };
                match identities.made(&identity) {
                    // SAFETY: as above.
                    Ok(context) if unsafe { go_over(frame, ssl, &context) } => {
                        frame.stash.identity_chosen = true;
                        SSL_CLIENT_HELLO_SUCCESS
                    }
                    Ok(_) => SSL_CLIENT_HELLO_ERROR,
                    Err(error) => {
                        refuse(frame, error);
                        SSL_CLIENT_HELLO_ERROR
                    }
                }
            }
        }
    })
}
