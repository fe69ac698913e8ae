//! `openssl/ssl.h`: what a context is told beyond certificates and protocols.

use std::ffi::{c_char, c_int};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/ssl.h` that configure contexts and tell about them.
    table SslConfig, library Ssl, header "openssl/ssl.h";
    required {
        fn SSL_set_SSL_CTX(ssl: *mut SSL, ctx: *mut SSL_CTX) -> *mut SSL_CTX;
        fn SSL_alert_type_string_long(value: c_int) -> *const c_char;
        fn SSL_alert_desc_string_long(value: c_int) -> *const c_char;
        fn SSL_state_string_long(ssl: *const SSL) -> *const c_char;
    }
    optional {
        fn SSL_CTX_set_security_level(ctx: *mut SSL_CTX, level: c_int) where openssl "1.1.0..", libressl "3.6..";
        fn SSL_CTX_get_security_level(ctx: *const SSL_CTX) -> c_int where openssl "1.1.0..", libressl "3.6..";
        fn SSL_CTX_set1_groups_list(ctx: *mut SSL_CTX, list: *const c_char) -> c_int where openssl "never";
        fn SSL_CTX_set_psk_client_callback(ctx: *mut SSL_CTX, callback: Option<psk_client_cb>)
            where libressl "never";
        fn SSL_CTX_set_psk_server_callback(ctx: *mut SSL_CTX, callback: Option<psk_server_cb>)
            where libressl "never";
        fn SSL_CTX_use_psk_identity_hint(ctx: *mut SSL_CTX, hint: *const c_char) -> c_int where libressl "never";
    }
}
