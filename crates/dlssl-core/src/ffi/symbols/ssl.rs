//! `openssl/ssl.h`: contexts and connections.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_ulong, c_void};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/ssl.h`.
    table Ssl, library Ssl, header "openssl/ssl.h";
    required {
        fn TLS_method() -> *const SSL_METHOD where openssl "1.1.0..", was "SSLv23_method";

        fn SSL_CTX_new(method: *const SSL_METHOD) -> *mut SSL_CTX;
        fn SSL_CTX_free(ctx: *mut SSL_CTX);
        fn SSL_CTX_ctrl(ctx: *mut SSL_CTX, cmd: c_int, larg: c_long, parg: *mut c_void) -> c_long;
        fn SSL_CTX_set_verify(ctx: *mut SSL_CTX, mode: c_int, callback: Option<SSL_verify_cb>);
        fn SSL_CTX_set_cert_verify_callback(
            ctx: *mut SSL_CTX, callback: Option<SSL_CTX_cert_verify_cb>, arg: *mut c_void,
        );
        fn SSL_CTX_get0_param(ctx: *mut SSL_CTX) -> *mut X509_VERIFY_PARAM;
        fn SSL_CTX_set_verify_depth(ctx: *mut SSL_CTX, depth: c_int);
        fn SSL_CTX_add_client_CA(ctx: *mut SSL_CTX, certificate: *mut X509) -> c_int;
        fn SSL_CTX_set_cipher_list(ctx: *mut SSL_CTX, list: *const c_char) -> c_int;
        fn SSL_CTX_use_certificate(ctx: *mut SSL_CTX, certificate: *mut X509) -> c_int;
        fn SSL_CTX_use_PrivateKey(ctx: *mut SSL_CTX, key: *mut EVP_PKEY) -> c_int;
        fn SSL_CTX_check_private_key(ctx: *const SSL_CTX) -> c_int;
        fn SSL_CTX_get_cert_store(ctx: *const SSL_CTX) -> *mut X509_STORE;
        fn SSL_CTX_set_default_verify_paths(ctx: *mut SSL_CTX) -> c_int;
        fn SSL_CTX_load_verify_locations(ctx: *mut SSL_CTX, file: *const c_char, directory: *const c_char) -> c_int;
        fn SSL_CTX_set_session_id_context(ctx: *mut SSL_CTX, id: *const c_uchar, len: c_uint) -> c_int;
        fn SSL_CTX_set_alpn_protos(ctx: *mut SSL_CTX, protocols: *const c_uchar, len: c_uint) -> c_int;
        fn SSL_CTX_set_alpn_select_cb(
            ctx: *mut SSL_CTX, callback: Option<SSL_CTX_alpn_select_cb_func>, arg: *mut c_void,
        );
        fn SSL_CTX_set_info_callback(ctx: *mut SSL_CTX, callback: Option<SSL_info_cb>);

        fn SSL_new(ctx: *mut SSL_CTX) -> *mut SSL;
        fn SSL_free(ssl: *mut SSL);
        fn SSL_ctrl(ssl: *mut SSL, cmd: c_int, larg: c_long, parg: *mut c_void) -> c_long;
        fn SSL_set_bio(ssl: *mut SSL, read: *mut BIO, write: *mut BIO);
        fn SSL_set_fd(ssl: *mut SSL, fd: c_int) -> c_int;
        fn SSL_set_read_ahead(ssl: *mut SSL, yes: c_int);
        fn SSL_set_connect_state(ssl: *mut SSL);
        fn SSL_set_accept_state(ssl: *mut SSL);
        fn SSL_do_handshake(ssl: *mut SSL) -> c_int;
        fn SSL_read(ssl: *mut SSL, data: *mut c_void, len: c_int) -> c_int;
        fn SSL_peek(ssl: *mut SSL, data: *mut c_void, len: c_int) -> c_int;
        fn SSL_write(ssl: *mut SSL, data: *const c_void, len: c_int) -> c_int;
        fn SSL_shutdown(ssl: *mut SSL) -> c_int;
        fn SSL_get_shutdown(ssl: *const SSL) -> c_int;
        fn SSL_get_error(ssl: *const SSL, result: c_int) -> c_int;
        fn SSL_pending(ssl: *const SSL) -> c_int;
        fn SSL_version(ssl: *const SSL) -> c_int;
        fn SSL_get_version(ssl: *const SSL) -> *const c_char;
        fn SSL_get_current_cipher(ssl: *const SSL) -> *const SSL_CIPHER;
        fn SSL_CIPHER_get_name(cipher: *const SSL_CIPHER) -> *const c_char;
        fn SSL_CIPHER_get_bits(cipher: *const SSL_CIPHER, algorithm: *mut c_int) -> c_int;
        fn SSL_get0_alpn_selected(ssl: *const SSL, data: *mut *const c_uchar, len: *mut c_uint);
        fn SSL_get_servername(ssl: *const SSL, kind: c_int) -> *const c_char;
        fn SSL_get_verify_result(ssl: *const SSL) -> c_long;
        fn SSL_is_server(ssl: *const SSL) -> c_int;
        fn SSL_get_finished(ssl: *const SSL, out: *mut c_void, size: usize) -> usize;
        fn SSL_get_peer_finished(ssl: *const SSL, out: *mut c_void, size: usize) -> usize;
        fn SSL_get_certificate(ssl: *const SSL) -> *mut X509;
        fn SSL_export_keying_material(ssl: *mut SSL, out: *mut c_uchar, size: usize, label: *const c_char,
            label_len: usize, context: *const c_uchar, context_len: usize, use_context: c_int) -> c_int;
        fn SSL_get0_param(ssl: *mut SSL) -> *mut X509_VERIFY_PARAM;
        fn SSL_get_peer_cert_chain(ssl: *const SSL) -> *mut stack_st_X509;
        fn SSL_get1_peer_certificate(ssl: *const SSL) -> *mut X509
            where openssl "3.0..", libressl "never", was "SSL_get_peer_certificate";
    }
    optional {
        fn OPENSSL_init_ssl(flags: u64, settings: *const OPENSSL_INIT_SETTINGS) -> c_int where openssl "1.1.0..";
        fn SSL_library_init() -> c_int where openssl "..1.1.0";
        fn SSL_load_error_strings() where openssl "..1.1.0";

        fn SSL_CTX_set_options(ctx: *mut SSL_CTX, options: u64) -> u64
            where openssl "3.0..", libressl "never", symbol "SSL_CTX_set_options";
        fn SSL_CTX_set_options_long(ctx: *mut SSL_CTX, options: c_ulong) -> c_ulong
            where openssl "1.1.0..3.0", libressl "never", symbol "SSL_CTX_set_options";
        fn SSL_CTX_set_min_proto_version(ctx: *mut SSL_CTX, version: u16) -> c_int where openssl "never";
        fn SSL_CTX_set_max_proto_version(ctx: *mut SSL_CTX, version: u16) -> c_int where openssl "never";
        fn SSL_CTX_set_ciphersuites(ctx: *mut SSL_CTX, list: *const c_char) -> c_int
            where openssl "1.1.1..", libressl "3.4..";
        fn SSL_has_pending(ssl: *const SSL) -> c_int where openssl "1.1.0..", libressl "never";
        fn SSL_get_options(ssl: *const SSL) -> u64
            where openssl "3.0..", libressl "never", symbol "SSL_get_options";
        fn SSL_get0_verified_chain(ssl: *const SSL) -> *mut stack_st_X509 where openssl "1.1.0..", libressl "3.5..";
        fn SSL_free_buffers(ssl: *mut SSL) -> c_int where openssl "1.1.1..", libressl "never";

        fn SSL_CTX_set_keylog_callback(ctx: *mut SSL_CTX, callback: Option<SSL_CTX_keylog_cb_func>)
            where openssl "1.1.1..", libressl "3.5..";
        fn SSL_write_early_data(ssl: *mut SSL, data: *const c_void, len: usize, written: *mut usize) -> c_int
            where openssl "1.1.1..", libressl "3.4..";
        fn SSL_sendfile(ssl: *mut SSL, fd: c_int, offset: i64, size: usize, flags: c_int) -> isize
            where openssl "3.0..", libressl "never";
        fn SSL_get_rbio(ssl: *const SSL) -> *mut BIO;
        fn SSL_get_wbio(ssl: *const SSL) -> *mut BIO;
    }
}
