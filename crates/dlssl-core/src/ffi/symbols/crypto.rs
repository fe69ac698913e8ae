//! `openssl/crypto.h`: version, initialisation, locks.

use std::ffi::{c_char, c_int};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/crypto.h`.
    table Crypto, library Crypto, header "openssl/crypto.h";
    required {
        fn OpenSSL_version(kind: c_int) -> *const c_char where openssl "1.1.0..", was "SSLeay_version";
    }
    optional {
        fn OPENSSL_init_crypto(flags: u64, settings: *const OPENSSL_INIT_SETTINGS) -> c_int where openssl "1.1.0..";
        fn OPENSSL_INIT_new() -> *mut OPENSSL_INIT_SETTINGS where openssl "1.1.0..", libressl "never";
        fn OPENSSL_INIT_free(settings: *mut OPENSSL_INIT_SETTINGS) where openssl "1.1.0..", libressl "never";
        fn OPENSSL_INIT_set_config_filename(settings: *mut OPENSSL_INIT_SETTINGS, file: *const c_char) -> c_int
            where openssl "1.1.1b..", libressl "never";
        fn CRYPTO_malloc(bytes: usize, file: *const c_char, line: c_int) -> *mut std::ffi::c_void
            where openssl "1.1.0..", libressl "3.6..", symbol "CRYPTO_malloc";
        fn CRYPTO_malloc_int(bytes: c_int, file: *const c_char, line: c_int) -> *mut std::ffi::c_void
            where openssl "..1.1.0", libressl "..3.6", symbol "CRYPTO_malloc";
        fn CRYPTO_free(memory: *mut std::ffi::c_void, file: *const c_char, line: c_int)
            where openssl "1.1.0..", libressl "never", symbol "CRYPTO_free";
        fn CRYPTO_num_locks() -> c_int where openssl "..1.1.0";
        fn CRYPTO_get_locking_callback() -> Option<locking_cb> where openssl "..1.1.0";
        fn CRYPTO_set_locking_callback(callback: Option<locking_cb>) where openssl "..1.1.0";
    }
}
