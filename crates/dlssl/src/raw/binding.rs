//! What a finished handshake leaves to bind other protocols to: exported secrets, `Finished` messages, certificates.

use std::ffi::c_int;
use std::ptr;

use dlssl_core::ffi::X509;
use dlssl_core::{ErrorStack, compat::handshake};

use super::Ssl;
use super::call::plain;

/// Longer than any `Finished` message.
const LONGEST: usize = 64;

impl Ssl {
    /// Derives a secret that both sides know; without a context, or with one that may be empty.
    pub(crate) fn export(&mut self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), ErrorStack> {
        let export = self.library().functions().ssl.SSL_export_keying_material;
        let (data, len) = context.map_or((ptr::null(), 0), |context| (context.as_ptr(), context.len()));
        let run = || {
            // SAFETY: live connection, used by this thread alone; slices with their lengths.
            unsafe {
                export(
                    self.as_ptr(),
                    out.as_mut_ptr(),
                    out.len(),
                    label.as_ptr().cast(),
                    label.len(),
                    data,
                    len,
                    c_int::from(context.is_some()),
                )
            }
        };
        plain(self.library(), run, |result| *result != 1).map(drop)
    }

    /// The first `Finished` message of the handshake: the client's, or the server's where a session was resumed.
    pub(crate) fn first_finished(&self) -> Vec<u8> {
        let ssl = &self.library().functions().ssl;
        let ours = self.is_server() == self.session_reused();
        let get = if ours { ssl.SSL_get_finished } else { ssl.SSL_get_peer_finished };
        let mut out = vec![0; LONGEST];
        // SAFETY: live connection; writes at most the length given, and says how long the message is.
        let len = unsafe { get(self.as_ptr(), out.as_mut_ptr().cast(), out.len()) };
        out.truncate(len);
        out
    }

    /// Whether its secrets are bound to the whole handshake (RFC 7627), which those of TLS 1.3 always are.
    pub(crate) fn has_extended_master_secret(&self) -> bool {
        let library = self.library();
        // SAFETY: live connection of this library.
        unsafe {
            let identity = (library.flavour(), library.version());
            handshake::has_extended_master_secret(library.functions(), identity.0, identity.1, self.as_ptr())
        }
    }

    pub(crate) fn is_server(&self) -> bool {
        // SAFETY: live connection; plain getter.
        unsafe { (self.library().functions().ssl.SSL_is_server)(self.as_ptr()) == 1 }
    }

    /// The certificate that this side showed, in DER.
    pub(crate) fn own_certificate_der(&self) -> Option<Vec<u8>> {
        // SAFETY: live connection; plain getter.
        let certificate: *const X509 = unsafe { (self.library().functions().ssl.SSL_get_certificate)(self.as_ptr()) };
        if certificate.is_null() {
            return None;
        }
        let write = self.library().functions().x509.i2d_X509;
        // SAFETY: the connection keeps the certificate; no pointer, or one to as many bytes as it said.
        super::memory::encode(self.library(), |end| unsafe { write(certificate, end) })
    }
}
