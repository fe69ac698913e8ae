//! `openssl/ssl.h`: a client's first message, what was agreed on, and certificates that are asked for later.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/ssl.h` that look into handshakes.
    table SslHandshake, library Ssl, header "openssl/ssl.h";
    required {
        fn SSL_set_verify(ssl: *mut SSL, mode: c_int, callback: Option<SSL_verify_cb>);
    }
    optional {
        fn SSL_CTX_set_client_hello_cb(ctx: *mut SSL_CTX, callback: Option<SSL_client_hello_cb_fn>, arg: *mut c_void)
            where openssl "1.1.1..", libressl "never";
        fn SSL_client_hello_get0_legacy_version(ssl: *mut SSL) -> c_uint where openssl "1.1.1..", libressl "never";
        fn SSL_client_hello_get0_random(ssl: *mut SSL, out: *mut *const c_uchar) -> usize
            where openssl "1.1.1..", libressl "never";
        fn SSL_client_hello_get0_session_id(ssl: *mut SSL, out: *mut *const c_uchar) -> usize
            where openssl "1.1.1..", libressl "never";
        fn SSL_client_hello_get0_ciphers(ssl: *mut SSL, out: *mut *const c_uchar) -> usize
            where openssl "1.1.1..", libressl "never";
        fn SSL_client_hello_get0_compression_methods(ssl: *mut SSL, out: *mut *const c_uchar) -> usize
            where openssl "1.1.1..", libressl "never";
        fn SSL_client_hello_get1_extensions_present(ssl: *mut SSL, out: *mut *mut c_int, len: *mut usize) -> c_int
            where openssl "1.1.1..", libressl "never";
        fn SSL_client_hello_get0_ext(ssl: *mut SSL, kind: c_uint, out: *mut *const c_uchar, len: *mut usize) -> c_int
            where openssl "1.1.1..", libressl "never";
        fn SSL_get_psk_identity(ssl: *const SSL) -> *const c_char where libressl "never";
        fn SSL_group_to_name(ssl: *mut SSL, id: c_int) -> *const c_char where openssl "3.0..", libressl "never";
        fn SSL_CTX_set_post_handshake_auth(ctx: *mut SSL_CTX, value: c_int)
            where openssl "1.1.1..", libressl "3.4..";
        fn SSL_verify_client_post_handshake(ssl: *mut SSL) -> c_int where openssl "1.1.1..", libressl "3.4..";
    }
}
