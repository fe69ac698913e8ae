//! `openssl/x509.h`: certificates and names.

use std::ffi::{c_char, c_int, c_uchar, c_ulong};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/x509.h`.
    table X509Functions, library Crypto, header "openssl/x509.h";
    required {
        fn X509_free(certificate: *mut X509);
        fn d2i_X509(into: *mut *mut X509, data: *mut *const c_uchar, len: std::ffi::c_long) -> *mut X509;
        fn i2d_X509(certificate: *const X509, out: *mut *mut c_uchar) -> c_int;
        fn X509_get_subject_name(certificate: *const X509) -> *const X509_NAME;
        fn X509_get_issuer_name(certificate: *const X509) -> *const X509_NAME;
        fn X509_NAME_print_ex(out: *mut BIO, name: *const X509_NAME, indent: c_int, flags: c_ulong) -> c_int;
        fn X509_get_default_cert_file() -> *const c_char;
        fn X509_get_default_cert_dir() -> *const c_char;
        fn X509_get_default_cert_file_env() -> *const c_char;
        fn X509_get_default_cert_dir_env() -> *const c_char;
        fn X509_verify_cert_error_string(code: std::ffi::c_long) -> *const c_char;
    }
    optional {}
}
