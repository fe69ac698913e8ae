//! `openssl/bio.h`: C's own I/O objects.

use std::ffi::{c_char, c_int, c_long, c_void};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/bio.h`.
    table Bio, library Crypto, header "openssl/bio.h";
    required {
        fn BIO_new(method: *const BIO_METHOD) -> *mut BIO;
        fn BIO_free(bio: *mut BIO) -> c_int;
        fn BIO_ctrl(bio: *mut BIO, cmd: c_int, larg: c_long, parg: *mut c_void) -> c_long;
        fn BIO_set_flags(bio: *mut BIO, flags: c_int);
        fn BIO_clear_flags(bio: *mut BIO, flags: c_int);
        fn BIO_test_flags(bio: *const BIO, flags: c_int) -> c_int;
        fn BIO_s_mem() -> *const BIO_METHOD;
        fn BIO_new_mem_buf(data: *const c_void, len: c_int) -> *mut BIO;
        fn BIO_read(bio: *mut BIO, data: *mut c_void, len: c_int) -> c_int;
        fn BIO_write(bio: *mut BIO, data: *const c_void, len: c_int) -> c_int;
        fn BIO_gets(bio: *mut BIO, data: *mut c_char, size: c_int) -> c_int;
        fn BIO_puts(bio: *mut BIO, text: *const c_char) -> c_int;
    }
    optional {
        fn BIO_s_socket() -> *const BIO_METHOD;
        fn BIO_get_new_index() -> c_int where openssl "1.1.0..";
        fn BIO_meth_new(kind: c_int, name: *const c_char) -> *mut BIO_METHOD where openssl "1.1.0..";
        fn BIO_meth_set_write(method: *mut BIO_METHOD, write: BIO_write_fn) -> c_int where openssl "1.1.0..";
        fn BIO_meth_set_read(method: *mut BIO_METHOD, read: BIO_read_fn) -> c_int where openssl "1.1.0..";
        fn BIO_meth_set_puts(method: *mut BIO_METHOD, puts: BIO_puts_fn) -> c_int where openssl "1.1.0..";
        fn BIO_meth_set_ctrl(method: *mut BIO_METHOD, ctrl: BIO_ctrl_fn) -> c_int where openssl "1.1.0..";
        fn BIO_set_init(bio: *mut BIO, init: c_int) where openssl "1.1.0..";
    }
}
