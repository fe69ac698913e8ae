//! `openssl/x509v3.h`: names in certificates.

use std::ffi::{c_char, c_int, c_uchar, c_uint};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/x509v3.h`.
    table X509v3, library Crypto, header "openssl/x509v3.h";
    required {
        fn X509_check_host(certificate: *const X509, name: *const c_char, len: usize, flags: c_uint,
            peer_name: *mut *mut c_char) -> c_int;
        fn X509_check_ip(certificate: *const X509, ip: *const c_uchar, len: usize, flags: c_uint) -> c_int;
    }
    optional {}
}
