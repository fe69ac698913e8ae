//! `SSL_CTX_set_verify`: notes which certificate was refused and why.

use std::ffi::c_int;

use dlssl_core::ffi::X509_STORE_CTX;

use super::in_callback;
use crate::error::VerifyFailure;
use crate::raw::{Certificate, verify_error_text};

/// Leaves the library's verdict as it is; a refusal is noted with the certificate it is about.
pub(crate) unsafe extern "C" fn verify(accepted: c_int, store: *mut X509_STORE_CTX) -> c_int {
    if accepted == 1 {
        return accepted;
    }
    in_callback((), |frame| {
        // The first refusal is the one that ends the handshake.
        if frame.stash.verify.is_some() {
            return;
        }
        let x509_vfy = &frame.library.functions().x509_vfy;
        // SAFETY: C hands a live store context of the frame's library; plain getters.
        let (code, depth, certificate) = unsafe {
            (
                (x509_vfy.X509_STORE_CTX_get_error)(store),
                (x509_vfy.X509_STORE_CTX_get_error_depth)(store),
                (x509_vfy.X509_STORE_CTX_get_current_cert)(store),
            )
        };
        // SAFETY: null, or a certificate that lives as long as the store context.
        let names = unsafe { Certificate::names_of(frame.library, certificate) };
        let (subject, issuer) = names.unwrap_or_default();
        frame.stash.verify = Some(VerifyFailure {
            code,
            reason: verify_error_text(frame.library, i64::from(code)),
            depth: u32::try_from(depth).unwrap_or(0),
            subject,
            issuer,
        });
    });
    accepted
}
