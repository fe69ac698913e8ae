//! `openssl/objects.h`: names of object identifiers.

use std::ffi::{c_char, c_int};

use crate::ffi::macros::symbols;

symbols! {
    /// Functions of `openssl/objects.h`.
    table Objects, library Crypto, header "openssl/objects.h";
    required {
        fn OBJ_txt2nid(text: *const c_char) -> c_int;
        fn OBJ_nid2sn(nid: c_int) -> *const c_char;
        fn OBJ_nid2ln(nid: c_int) -> *const c_char;
    }
    optional {}
}
