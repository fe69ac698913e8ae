//! `openssl/rand.h`: random bytes.

use std::ffi::{c_int, c_uchar};

use crate::ffi::macros::symbols;

symbols! {
    /// Functions of `openssl/rand.h`.
    table Rand, library Crypto, header "openssl/rand.h";
    required {
        fn RAND_bytes(out: *mut c_uchar, len: c_int) -> c_int;
    }
    optional {}
}
