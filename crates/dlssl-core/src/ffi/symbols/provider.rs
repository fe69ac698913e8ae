//! `openssl/provider.h`: providers, from OpenSSL 3.0 on.

use std::ffi::{CStr, c_char, c_int};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

/// Function that every module exports, of type [`OSSL_provider_init_fn`].
pub(crate) const PROVIDER_ENTRY: &CStr = c"OSSL_provider_init";

symbols! {
    /// Functions of `openssl/provider.h`.
    table Provider, library Crypto, header "openssl/provider.h";
    required {}
    optional {
        fn OSSL_PROVIDER_try_load(context: *mut OSSL_LIB_CTX, name: *const c_char, retain_fallbacks: c_int)
            -> *mut OSSL_PROVIDER where openssl "3.0.0..", libressl "never";
        fn OSSL_PROVIDER_available(context: *mut OSSL_LIB_CTX, name: *const c_char) -> c_int
            where openssl "3.0.0..", libressl "never";
        fn OSSL_PROVIDER_add_builtin(context: *mut OSSL_LIB_CTX, name: *const c_char, init: OSSL_provider_init_fn)
            -> c_int where openssl "3.0.0..", libressl "never";
        fn OSSL_PROVIDER_set_default_search_path(context: *mut OSSL_LIB_CTX, path: *const c_char) -> c_int
            where openssl "3.0.0..", libressl "never";
    }
}
