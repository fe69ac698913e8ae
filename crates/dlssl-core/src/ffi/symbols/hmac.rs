//! `openssl/hmac.h`: message authentication in ticket callbacks before OpenSSL 3.

use std::ffi::{c_int, c_void};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/hmac.h`.
    table Hmac, library Crypto, header "openssl/hmac.h";
    required {}
    optional {
        fn HMAC_Init_ex(ctx: *mut HMAC_CTX, key: *const c_void, len: c_int, digest: *const EVP_MD,
            engine: *mut ENGINE) -> c_int;
    }
}
