//! `SSL`: what a handshake came to, and what may come after it.

use dlssl_core::ErrorStack;
use dlssl_core::compat::configure::Applied;
use dlssl_core::compat::{handshake as compat, hello};
use dlssl_core::ffi::constants::ERR_LIB_SSL;
use dlssl_core::ffi::constants::{
    SSL_R_REQUEST_PENDING, SSL_R_REQUEST_SENT, SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_VERIFY_PEER,
    SSL_VERIFY_POST_HANDSHAKE,
};

use super::call::plain;
use super::{Ssl, SslContext};
use crate::callback;

impl SslContext {
    /// Has the program look at a client's first message.
    pub(crate) fn use_hello_callback(&self) -> Applied {
        // SAFETY: live context of this library; a static callback.
        unsafe { hello::set_hello_callback(self.library().functions(), self.as_ptr(), callback::client_hello) }
    }

    /// Has a client say that it can be asked for a certificate after the handshake.
    pub(crate) fn offer_later_certificate(&self) -> Applied {
        let library = self.library();
        // SAFETY: live context of this library.
        unsafe { compat::offer_later_certificate(library.functions(), library.flavour(), self.as_ptr()) }
    }

    /// Whether a server can ask for a certificate after the handshake.
    pub(crate) fn asks_for_later_certificates(&self) -> bool {
        compat::asks_for_later_certificates(self.library().functions(), self.library().flavour())
    }
}

impl Ssl {
    /// Group for key exchange that was agreed on.
    pub(crate) fn group(&self) -> Option<String> {
        let library = self.library();
        let group = || {
            // SAFETY: live connection of this library, after its handshake.
            unsafe { compat::negotiated_group(library.functions(), library.flavour(), self.as_ptr()) }
        };
        plain(library, group, |_| false).unwrap_or_default()
    }

    /// Name of the pre-shared key that TLS 1.2 agreed on.
    pub(crate) fn psk_identity(&self) -> Option<String> {
        // SAFETY: live connection of this library.
        unsafe { compat::psk_identity(self.library().functions(), self.as_ptr()) }
    }

    /// Makes a server ask for a certificate, which the client then has to show. The next step of a handshake sends that.
    ///
    /// `Ok(None)` where the library has none of it.
    pub(crate) fn ask_for_certificate(&self) -> Result<Option<()>, ErrorStack> {
        let library = self.library();
        let set_verify = library.functions().ssl_handshake.SSL_set_verify;
        let ask = || {
            let mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT | SSL_VERIFY_POST_HANDSHAKE;
            // SAFETY: live connection of this library, a static callback.
            unsafe {
                set_verify(self.as_ptr(), mode, Some(callback::verify));
                compat::ask_for_certificate(library.functions(), library.flavour(), self.as_ptr())
            }
        };
        match plain(library, ask, |applied| *applied == Applied::Refused) {
            Ok(Applied::Absent) => Ok(None),
            Ok(_) => Ok(Some(())),
            // It was asked before: what is left is to send that, or to wait for the answer.
            Err(queue)
                if [SSL_R_REQUEST_PENDING, SSL_R_REQUEST_SENT].iter().any(|reason| queue.has(ERR_LIB_SSL, *reason)) =>
            {
                Ok(Some(()))
            }
            Err(queue) => Err(queue),
        }
    }
}
