//! `openssl/rand.h`: random bytes.

use std::ffi::{c_double, c_int, c_uchar, c_void};

use crate::ffi::macros::symbols;

symbols! {
    /// Functions of `openssl/rand.h`.
    table Rand, library Crypto, header "openssl/rand.h";
    required {
        fn RAND_add(bytes: *const c_void, len: c_int, entropy: c_double);
        fn RAND_status() -> c_int;
        fn RAND_bytes(out: *mut c_uchar, len: c_int) -> c_int;
    }
    optional {}
}
