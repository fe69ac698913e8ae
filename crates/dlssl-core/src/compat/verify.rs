//! Verification that forks wait for, names in subjects, and security levels, which OpenSSL before 1.1.0 and LibreSSL before 3.6 do not have.

use std::ffi::c_int;

use crate::ffi::{Functions, SSL, X509_STORE_CTX, stack_st_X509};
use crate::fork::section;
use crate::{Flavour, Library, Version};

/// Whether the library accepts a chain (`X509_verify_cert`). A fork of another thread waits for the end of it, at most five
/// seconds: the dates are compared by way of `gmtime_r`, and a child that finds glibc's lock of the time zone held would wait
/// for ever in its next verification.
///
/// # Safety
/// `store` must be a live store context of this library.
pub unsafe fn verify(functions: &Functions, store: *mut X509_STORE_CTX) -> bool {
    // SAFETY: by contract.
    section::within(|| unsafe { (functions.x509_vfy.X509_verify_cert)(store) > 0 })
}

/// Runs a program's own code in a callback of a verification: forks do not wait for that.
pub fn aside<R>(code: impl FnOnce() -> R) -> R {
    section::aside(code)
}

/// Whether the library never looks for a host name in a subject when it is told so (`X509_CHECK_FLAG_NEVER_CHECK_SUBJECT`). Others
/// take the flag for nothing.
#[must_use]
pub fn ignores_subjects(library: &Library) -> bool {
    library.flavour() == Flavour::OpenSsl && library.version() >= Version::new(1, 1, 0)
}

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

/// Whether a connection keeps the chain that was built for its peer.
#[must_use]
pub fn keeps_chain(functions: &Functions) -> bool {
    functions.ssl.SSL_get0_verified_chain.is_some()
}

/// That chain, accepted or not, which stays the connection's; null where there is none, and where it keeps none.
///
/// # Safety
/// `ssl` must be a live connection of this library.
#[must_use]
pub unsafe fn kept_chain(functions: &Functions, ssl: *const SSL) -> *const stack_st_X509 {
    // SAFETY: by contract; plain getter.
    functions.ssl.SSL_get0_verified_chain.map_or(std::ptr::null(), |get| unsafe { get(ssl) })
}
