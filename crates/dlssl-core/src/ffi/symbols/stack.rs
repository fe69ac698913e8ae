//! `openssl/stack.h`: lists of C objects. The older names take the same arguments.

use std::ffi::{c_int, c_void};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/stack.h`.
    table Stack, library Crypto, header "openssl/stack.h";
    required {
        fn OPENSSL_sk_num(stack: *const OPENSSL_STACK) -> c_int
            where openssl "1.1.0..", libressl "never", was "sk_num";
        fn OPENSSL_sk_value(stack: *const OPENSSL_STACK, index: c_int) -> *mut c_void
            where openssl "1.1.0..", libressl "never", was "sk_value";
        fn OPENSSL_sk_free(stack: *mut OPENSSL_STACK)
            where openssl "1.1.0..", libressl "never", was "sk_free";
    }
    optional {}
}
