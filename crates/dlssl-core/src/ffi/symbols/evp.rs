//! `openssl/evp.h`: keys and algorithms.

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/evp.h`.
    table Evp, library Crypto, header "openssl/evp.h";
    required {
        fn EVP_PKEY_free(key: *mut EVP_PKEY);
    }
    optional {
        fn OPENSSL_add_all_algorithms_noconf() where openssl "..1.1.0";
    }
}
