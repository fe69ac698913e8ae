//! `openssl/x509_vfy.h`: verification of certificates.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_ulong};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/x509_vfy.h`.
    table X509Vfy, library Crypto, header "openssl/x509_vfy.h";
    required {
        fn X509_STORE_add_cert(store: *mut X509_STORE, certificate: *mut X509) -> c_int;
        fn X509_STORE_add_crl(store: *mut X509_STORE, list: *mut X509_CRL) -> c_int;
        fn X509_verify_cert(ctx: *mut X509_STORE_CTX) -> c_int;
        fn X509_STORE_CTX_set_error(ctx: *mut X509_STORE_CTX, code: c_int);
        fn X509_STORE_CTX_get1_chain(ctx: *const X509_STORE_CTX) -> *mut stack_st_X509;
        fn X509_STORE_CTX_get0_param(ctx: *const X509_STORE_CTX) -> *mut X509_VERIFY_PARAM;
        fn X509_STORE_CTX_get_error(ctx: *const X509_STORE_CTX) -> c_int;
        fn X509_STORE_CTX_get_error_depth(ctx: *const X509_STORE_CTX) -> c_int;
        fn X509_STORE_CTX_get_current_cert(ctx: *const X509_STORE_CTX) -> *mut X509;
        fn X509_VERIFY_PARAM_set_flags(param: *mut X509_VERIFY_PARAM, flags: c_ulong) -> c_int;
        fn X509_VERIFY_PARAM_get_flags(param: *const X509_VERIFY_PARAM) -> c_ulong;
        fn X509_VERIFY_PARAM_set_time(param: *mut X509_VERIFY_PARAM, time: time_t);
        fn X509_VERIFY_PARAM_set1_host(param: *mut X509_VERIFY_PARAM, name: *const c_char, len: usize) -> c_int;
        fn X509_VERIFY_PARAM_set1_ip(param: *mut X509_VERIFY_PARAM, ip: *const c_uchar, len: usize) -> c_int;
        fn X509_VERIFY_PARAM_set_hostflags(param: *mut X509_VERIFY_PARAM, flags: c_uint);
    }
    optional {
        fn X509_VERIFY_PARAM_set_auth_level(param: *mut X509_VERIFY_PARAM, level: c_int)
            where openssl "1.1.0..", libressl "3.6..";
    }
}
