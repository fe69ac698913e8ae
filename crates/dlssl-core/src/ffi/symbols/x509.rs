//! `openssl/x509.h`: certificates and names.

use std::ffi::{c_char, c_int, c_long, c_uchar};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/x509.h`.
    table X509Functions, library Crypto, header "openssl/x509.h";
    required {
        fn X509_free(certificate: *mut X509);
        fn i2d_X509(certificate: *const X509, out: *mut *mut c_uchar) -> c_int;
        fn d2i_X509(into: *mut *mut X509, data: *mut *const c_uchar, len: c_long) -> *mut X509;
        fn X509_dup(certificate: *const X509) -> *mut X509;
        fn X509_get_pubkey(certificate: *const X509) -> *mut EVP_PKEY;
        fn i2d_PUBKEY(key: *const EVP_PKEY, out: *mut *mut c_uchar) -> c_int;
        fn d2i_X509_CRL(into: *mut *mut X509_CRL, data: *mut *const c_uchar, len: c_long) -> *mut X509_CRL;
        fn X509_CRL_free(list: *mut X509_CRL);
        fn X509_get_default_cert_file() -> *const c_char;
        fn X509_get_default_cert_dir() -> *const c_char;
        fn X509_get_default_cert_file_env() -> *const c_char;
        fn X509_get_default_cert_dir_env() -> *const c_char;
        fn X509_verify_cert_error_string(code: c_long) -> *const c_char;
    }
    optional {
        fn X509_get0_notBefore(certificate: *const X509) -> *const ASN1_TIME where openssl "1.1.0..";
        fn X509_get0_notAfter(certificate: *const X509) -> *const ASN1_TIME where openssl "1.1.0..";
    }
}
