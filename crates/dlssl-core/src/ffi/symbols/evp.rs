//! `openssl/evp.h`: keys and algorithms.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_void};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/evp.h`.
    table Evp, library Crypto, header "openssl/evp.h";
    required {
        fn EVP_PKEY_free(key: *mut EVP_PKEY);
        fn EVP_PKEY_get_bits(key: *const EVP_PKEY) -> c_int
            where openssl "3.0..", libressl "never", was "EVP_PKEY_bits";
        fn EVP_PKEY_get_id(key: *const EVP_PKEY) -> c_int where openssl "3.0..", libressl "never", was "EVP_PKEY_id";
        fn EVP_get_digestbyname(name: *const c_char) -> *const EVP_MD;
        fn EVP_Digest(data: *const c_void, count: usize, out: *mut c_uchar, size: *mut c_uint, kind: *const EVP_MD,
            engine: *mut ENGINE) -> c_int;
        fn EVP_aes_256_cbc() -> *const EVP_CIPHER;
        fn d2i_AutoPrivateKey(into: *mut *mut EVP_PKEY, data: *mut *const c_uchar, len: c_long) -> *mut EVP_PKEY;
        fn EVP_sha256() -> *const EVP_MD;
        fn EVP_EncryptInit_ex(ctx: *mut EVP_CIPHER_CTX, cipher: *const EVP_CIPHER, engine: *mut ENGINE,
            key: *const c_uchar, iv: *const c_uchar) -> c_int;
        fn EVP_DecryptInit_ex(ctx: *mut EVP_CIPHER_CTX, cipher: *const EVP_CIPHER, engine: *mut ENGINE,
            key: *const c_uchar, iv: *const c_uchar) -> c_int;
    }
    optional {
        fn EVP_PKEY_get1_EC_KEY(key: *mut EVP_PKEY) -> *mut EC_KEY;
        fn OPENSSL_add_all_algorithms_noconf() where openssl "..1.1.0";
        fn EVP_MAC_CTX_set_params(ctx: *mut EVP_MAC_CTX, params: *const OSSL_PARAM) -> c_int
            where openssl "3.0..", libressl "never";
    }
}
