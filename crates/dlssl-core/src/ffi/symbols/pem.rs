//! `openssl/pem.h`: certificates and keys from PEM.

use std::ffi::c_void;

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
    }
    optional {}
}
