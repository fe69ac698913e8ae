//! `openssl/conf.h`: the configuration file.

use std::ffi::{c_char, c_int, c_ulong};

use crate::ffi::macros::symbols;

symbols! {
    /// Functions of `openssl/conf.h`.
    table Conf, library Crypto, header "openssl/conf.h";
    required {}
    optional {
        fn CONF_modules_load_file(file: *const c_char, section: *const c_char, flags: c_ulong) -> c_int;
    }
}
