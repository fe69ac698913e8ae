//! PKCS#12: there in every version seen, and nothing that TLS needs, so a library without it is taken too.

use std::ffi::{c_char, c_int};

use crate::ffi::{BIO, EVP_PKEY, Functions, PKCS12, X509, stack_st_X509};

/// The three functions that it takes.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // named and documented by C
pub struct Pkcs12Functions {
    pub d2i_bio: unsafe extern "C" fn(*mut BIO, *mut *mut PKCS12) -> *mut PKCS12,
    pub parse: unsafe extern "C" fn(
        *mut PKCS12,
        *const c_char,
        *mut *mut EVP_PKEY,
        *mut *mut X509,
        *mut *mut stack_st_X509,
    ) -> c_int,
    pub free: unsafe extern "C" fn(*mut PKCS12),
}

/// Gives them, where the library has all.
#[must_use]
pub fn functions(functions: &Functions) -> Option<Pkcs12Functions> {
    let pkcs12 = &functions.pkcs12;
    Some(Pkcs12Functions { d2i_bio: pkcs12.d2i_PKCS12_bio?, parse: pkcs12.PKCS12_parse?, free: pkcs12.PKCS12_free? })
}
