//! `SSL_CTX` and `SSL`: settings beyond protocols and certificates.

use std::ffi::{CStr, c_int};

use dlssl_core::compat::configure::{self as compat, Applied};
use dlssl_core::ffi::constants::{SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS};

use super::ssl::name_flags;
use super::{Certificate, Ssl, SslContext};
use crate::callback;
use crate::hostname::ServerName;

impl SslContext {
    /// Gives buffers of idle connections back to the heap.
    pub(crate) fn release_buffers(&self) {
        self.ctrl(SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS);
    }

    pub(crate) fn set_groups(&self, list: &CStr) -> Applied {
        self.applied(|| {
            // SAFETY: live context of this library.
            unsafe { compat::set_groups(self.library().functions(), self.as_ptr(), list) }
        })
    }

    pub(crate) fn set_signature_algorithms(&self, list: &CStr) -> Applied {
        let flavour = self.library().flavour();
        self.applied(|| {
            // SAFETY: live context of this library.
            unsafe { compat::set_signature_algorithms(self.library().functions(), flavour, self.as_ptr(), list) }
        })
    }

    pub(crate) fn set_security_level(&self, level: u8) -> Applied {
        // SAFETY: live context of this library.
        unsafe { compat::set_security_level(self.library().functions(), self.as_ptr(), c_int::from(level)) }
    }

    pub(crate) fn security_level(&self) -> Option<c_int> {
        // SAFETY: live context of this library.
        unsafe { compat::security_level(self.library().functions(), self.as_ptr()) }
    }

    pub(crate) fn use_key_log(&self) -> Applied {
        let flavour = self.library().flavour();
        // SAFETY: live context of this library; a static callback.
        unsafe { compat::set_key_log(self.library().functions(), flavour, self.as_ptr(), callback::key_log) }
    }

    pub(crate) fn use_server_name_callback(&self) -> Applied {
        // SAFETY: live context of this library; a static callback.
        unsafe { compat::set_server_name_callback(self.library().functions(), self.as_ptr(), callback::server_name) }
    }

    pub(crate) fn use_status_callback(&self) -> Applied {
        // SAFETY: live context of this library; a static callback.
        unsafe { compat::set_status_callback(self.library().functions(), self.as_ptr(), callback::status) }
    }

    /// Takes pre-shared keys, as a client or as a server.
    pub(crate) fn use_psk(&self, client: bool) -> Applied {
        let (for_client, for_server) =
            if client { (Some(callback::psk_client as _), None) } else { (None, Some(callback::psk_server as _)) };
        // SAFETY: live context of this library; static callbacks.
        unsafe { compat::set_psk(self.library().functions(), self.as_ptr(), for_client, for_server) }
    }

    /// Runs a setting and leaves nothing of a refusal in the queue.
    fn applied(&self, call: impl FnOnce() -> Applied) -> Applied {
        super::call::plain(self.library(), call, |applied| *applied == Applied::Refused).unwrap_or(Applied::Refused)
    }
}

impl Ssl {
    /// Goes on with another context's certificate; sessions stay with the first. The caller keeps it alive.
    pub(crate) fn switch_context(&self, context: &SslContext) {
        let set = self.library().functions().ssl_config.SSL_set_SSL_CTX;
        // SAFETY: live connection before its handshake, live context of the same library, of which C takes a reference.
        unsafe { set(self.as_ptr(), context.as_ptr()) };
    }

    /// Asks the server for a certificate status.
    pub(crate) fn request_status(&self) -> Applied {
        // SAFETY: live connection of this library.
        unsafe { compat::request_status(self.library().functions(), self.as_ptr()) }
    }

    /// The status that the server stapled.
    pub(crate) fn stapled_status(&self) -> Option<&[u8]> {
        // SAFETY: live connection, which owns the bytes and keeps them while it is borrowed.
        let status = unsafe { compat::stapled_status(self.library().functions(), self.as_ptr()) };
        (!status.is_empty()).then_some(status)
    }
}

impl Certificate {
    /// Whether it is valid for a name, by the rules of a handshake.
    pub(crate) fn is_for(&self, name: &ServerName, no_wildcards: bool) -> bool {
        let x509v3 = &self.library.functions().x509v3;
        let flags = name_flags(no_wildcards);
        let pointer = self.as_ptr();
        // SAFETY: live certificate; name and address with their lengths; nobody asks for the name that fitted.
        let check = || unsafe {
            match name {
                ServerName::Dns(host) => {
                    let host = (host.as_ptr().cast(), host.len());
                    (x509v3.X509_check_host)(pointer, host.0, host.1, flags, std::ptr::null_mut())
                }
                ServerName::Ip(std::net::IpAddr::V4(ip)) => {
                    (x509v3.X509_check_ip)(pointer, ip.octets().as_ptr(), 4, flags)
                }
                ServerName::Ip(std::net::IpAddr::V6(ip)) => {
                    (x509v3.X509_check_ip)(pointer, ip.octets().as_ptr(), 16, flags)
                }
            }
        };
        // A broken extension leaves entries in the queue, on some versions with any answer.
        super::call::plain(&self.library, check, |answer| *answer != 1).is_ok()
    }
}
