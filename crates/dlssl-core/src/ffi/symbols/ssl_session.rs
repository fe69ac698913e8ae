//! `openssl/ssl.h`: sessions, tickets and early data.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_void};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/ssl.h` that have to do with sessions.
    table SslSession, library Ssl, header "openssl/ssl.h";
    required {
        fn SSL_CTX_callback_ctrl(ctx: *mut SSL_CTX, cmd: c_int, callback: Option<generic_cb>) -> c_long;
        fn SSL_CTX_sess_set_new_cb(ctx: *mut SSL_CTX, callback: Option<new_session_cb>);
        fn SSL_CTX_sess_set_remove_cb(ctx: *mut SSL_CTX, callback: Option<remove_session_cb>);
        fn SSL_CTX_sess_set_get_cb(ctx: *mut SSL_CTX, callback: Option<get_session_cb>);
        fn SSL_CTX_set_timeout(ctx: *mut SSL_CTX, seconds: c_long) -> c_long;
        fn SSL_SESSION_free(session: *mut SSL_SESSION);
        fn SSL_SESSION_get_time(session: *const SSL_SESSION) -> c_long;
        fn SSL_SESSION_get_timeout(session: *const SSL_SESSION) -> c_long;
        fn SSL_SESSION_get_id(session: *const SSL_SESSION, len: *mut c_uint) -> *const c_uchar;
        fn i2d_SSL_SESSION(session: *const SSL_SESSION, out: *mut *mut c_uchar) -> c_int;
        fn d2i_SSL_SESSION(into: *mut *mut SSL_SESSION, data: *mut *const c_uchar, len: c_long) -> *mut SSL_SESSION;
        fn SSL_set_session(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int;
        fn SSL_get1_session(ssl: *mut SSL) -> *mut SSL_SESSION;
        fn SSL_set_shutdown(ssl: *mut SSL, mode: c_int);
    }
    optional {
        fn SSL_session_reused(ssl: *const SSL) -> c_int where openssl "1.1.0..", libressl "never";
        fn SSL_SESSION_get_protocol_version(session: *const SSL_SESSION) -> c_int where openssl "1.1.0..";
        fn SSL_SESSION_get0_hostname(session: *const SSL_SESSION) -> *const c_char
            where openssl "1.1.0..", libressl "never";
        fn SSL_SESSION_get0_alpn_selected(session: *const SSL_SESSION, name: *mut *const c_uchar, len: *mut usize)
            where openssl "1.1.1..", libressl "never";
        fn SSL_SESSION_is_resumable(session: *const SSL_SESSION) -> c_int where openssl "1.1.1..", libressl "3.4..";
        fn SSL_CTX_set_num_tickets(ctx: *mut SSL_CTX, tickets: usize) -> c_int
            where openssl "1.1.1..", libressl "3.4..";
        fn SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx: *mut SSL_CTX, callback: Option<ticket_key_evp_cb>) -> c_int
            where openssl "3.0..", libressl "never";
        fn SSL_CTX_set_max_early_data(ctx: *mut SSL_CTX, bytes: u32) -> c_int
            where openssl "1.1.1..", libressl "3.4..";
        fn SSL_read_early_data(ssl: *mut SSL, data: *mut c_void, len: usize, read: *mut usize) -> c_int
            where openssl "1.1.1..", libressl "3.4..";
        fn SSL_get_early_data_status(ssl: *const SSL) -> c_int where openssl "1.1.1..", libressl "3.4..";
        fn SSL_SESSION_get_max_early_data(session: *const SSL_SESSION) -> u32
            where openssl "1.1.1..", libressl "3.4..";
    }
}
