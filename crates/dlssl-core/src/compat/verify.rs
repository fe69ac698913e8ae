//! Verification: security levels, which OpenSSL before 1.1.0 and LibreSSL before 3.6 do not have.

use std::ffi::c_int;

use crate::ffi::{Functions, X509_STORE_CTX};

/// Sets the security level of one verification, where there are levels.
///
/// # Safety
/// `store` must be a live store context of this library.
pub unsafe fn set_level(functions: &Functions, store: *mut X509_STORE_CTX, level: c_int) {
    let x509_vfy = &functions.x509_vfy;
    if let Some(set) = x509_vfy.X509_VERIFY_PARAM_set_auth_level {
        // SAFETY: by contract; the store context owns its parameters.
        unsafe { set((x509_vfy.X509_STORE_CTX_get0_param)(store), level) };
    }
}
