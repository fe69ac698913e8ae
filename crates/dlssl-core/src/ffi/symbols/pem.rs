//! `openssl/pem.h`: certificates and keys from PEM.

use std::ffi::{c_char, c_int, c_void};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/pem.h`.
    table Pem, library Crypto, header "openssl/pem.h";
    required {
        fn PEM_read_bio_X509(bio: *mut BIO, into: *mut *mut X509, password: Option<pem_password_cb>,
            userdata: *mut c_void) -> *mut X509;
        fn PEM_read_bio_PrivateKey(bio: *mut BIO, into: *mut *mut EVP_PKEY, password: Option<pem_password_cb>,
            userdata: *mut c_void) -> *mut EVP_PKEY;
        fn PEM_read_bio_X509_CRL(bio: *mut BIO, into: *mut *mut X509_CRL, password: Option<pem_password_cb>,
            userdata: *mut c_void) -> *mut X509_CRL;
        fn PEM_write_bio_X509(bio: *mut BIO, certificate: *const X509) -> c_int;
        fn PEM_write_bio_PKCS8PrivateKey(bio: *mut BIO, key: *const EVP_PKEY, cipher: *const EVP_CIPHER,
            password: *const c_char, len: c_int, callback: Option<pem_password_cb>, userdata: *mut c_void) -> c_int;
        fn i2d_PKCS8PrivateKey_bio(bio: *mut BIO, key: *const EVP_PKEY, cipher: *const EVP_CIPHER,
            password: *const c_char, len: c_int, callback: Option<pem_password_cb>, userdata: *mut c_void) -> c_int;
        fn d2i_PKCS8PrivateKey_bio(bio: *mut BIO, into: *mut *mut EVP_PKEY, password: Option<pem_password_cb>,
            userdata: *mut c_void) -> *mut EVP_PKEY;
    }
    optional {}
}
