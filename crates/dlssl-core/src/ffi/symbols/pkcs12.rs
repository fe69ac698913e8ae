//! `openssl/pkcs12.h`: certificates and keys in one protected file.

use std::ffi::{c_char, c_int};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/pkcs12.h`.
    table Pkcs12, library Crypto, header "openssl/pkcs12.h";
    required {}
    optional {
        fn d2i_PKCS12_bio(bio: *mut BIO, into: *mut *mut PKCS12) -> *mut PKCS12;
        fn PKCS12_free(file: *mut PKCS12);
        fn PKCS12_parse(file: *mut PKCS12, password: *const c_char, key: *mut *mut EVP_PKEY,
            certificate: *mut *mut X509, others: *mut *mut stack_st_X509) -> c_int;
    }
}
