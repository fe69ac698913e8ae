//! `openssl/err.h`: the error queue of a thread.

use std::ffi::{c_char, c_int, c_ulong};

use crate::ffi::macros::symbols;

symbols! {
    /// Functions of `openssl/err.h`.
    table Err, library Crypto, header "openssl/err.h";
    required {
        fn ERR_get_error() -> c_ulong;
        fn ERR_peek_error() -> c_ulong;
        fn ERR_peek_last_error() -> c_ulong;
        fn ERR_clear_error();
        fn ERR_set_mark() -> c_int;
        fn ERR_pop_to_mark() -> c_int;
        fn ERR_lib_error_string(code: c_ulong) -> *const c_char;
        fn ERR_reason_error_string(code: c_ulong) -> *const c_char;
    }
    optional {
        fn ERR_func_error_string(code: c_ulong) -> *const c_char;
        fn ERR_get_error_line_data(
            file: *mut *const c_char, line: *mut c_int, data: *mut *const c_char, flags: *mut c_int
        ) -> c_ulong;
        fn ERR_get_error_all(
            file: *mut *const c_char, line: *mut c_int, func: *mut *const c_char,
            data: *mut *const c_char, flags: *mut c_int
        ) -> c_ulong where openssl "3.0..", libressl "never";
        fn ERR_put_error(lib: c_int, func: c_int, reason: c_int, file: *const c_char, line: c_int)
            where openssl "..3.0";
        fn ERR_new() where openssl "3.0..", libressl "never";
        fn ERR_set_debug(file: *const c_char, line: c_int, func: *const c_char)
            where openssl "3.0..", libressl "never";
        fn ERR_set_error(lib: c_int, reason: c_int, format: *const c_char; ...)
            where openssl "3.0..", libressl "never";
    }
}
