//! `openssl/ec.h`: the curve of a key.

use std::ffi::c_int;

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/ec.h`.
    table Ec, library Crypto, header "openssl/ec.h";
    required {}
    optional {
        fn EC_KEY_get0_group(key: *const EC_KEY) -> *const EC_GROUP;
        fn EC_KEY_free(key: *mut EC_KEY);
        fn EC_GROUP_get_curve_name(group: *const EC_GROUP) -> c_int;
    }
}
