//! Opaque C types and the types of callbacks. Names are C's.
#![allow(non_camel_case_types, missing_docs)]

use std::ffi::{c_char, c_int, c_long, c_uchar, c_void};

/// Declares types that exist behind pointers only: not sized by us, not `Send`, not `Sync`, not `Unpin`.
macro_rules! opaque {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[repr(C)]
        pub struct $name {
            bytes: [u8; 0],
            marker: std::marker::PhantomData<(*mut u8, std::marker::PhantomPinned)>,
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

opaque! {
    ASN1_STRING; BIO; BIO_METHOD; EC_GROUP; EC_KEY; ENGINE; EVP_CIPHER; EVP_CIPHER_CTX; EVP_MAC_CTX; EVP_MD; EVP_PKEY; HMAC_CTX;
    OPENSSL_INIT_SETTINGS; OPENSSL_STACK; OSSL_CORE_HANDLE; OSSL_DISPATCH; OSSL_LIB_CTX; OSSL_PROVIDER; PKCS12; SSL;
    SSL_CIPHER; SSL_CTX; SSL_METHOD; SSL_SESSION; X509; X509_CRL; X509_NAME; X509_STORE; X509_STORE_CTX;
    X509_VERIFY_PARAM; stack_st_X509;
}

/// A time is a string by another name.
pub type ASN1_TIME = ASN1_STRING;

/// Seconds since 1970, as the platform's C has them.
#[cfg(unix)]
#[allow(deprecated)] // of musl: it was 32 bits wide on 32-bit machines before musl 1.2
pub type time_t = libc::time_t;
/// Seconds since 1970, as the platform's C has them.
#[cfg(not(unix))]
pub type time_t = i64;

pub type pem_password_cb =
    unsafe extern "C" fn(buf: *mut c_char, size: c_int, rwflag: c_int, userdata: *mut c_void) -> c_int;
pub type SSL_verify_cb = unsafe extern "C" fn(preverify_ok: c_int, ctx: *mut X509_STORE_CTX) -> c_int;
pub type SSL_CTX_cert_verify_cb = unsafe extern "C" fn(ctx: *mut X509_STORE_CTX, arg: *mut c_void) -> c_int;
pub type SSL_CTX_alpn_select_cb_func = unsafe extern "C" fn(
    ssl: *mut SSL,
    out: *mut *const c_uchar,
    outlen: *mut c_uchar,
    offered: *const c_uchar,
    offered_len: std::ffi::c_uint,
    arg: *mut c_void,
) -> c_int;
pub type SSL_CTX_keylog_cb_func = unsafe extern "C" fn(ssl: *const SSL, line: *const c_char);
pub type SSL_client_hello_cb_fn = unsafe extern "C" fn(ssl: *mut SSL, alert: *mut c_int, arg: *mut c_void) -> c_int;
pub type SSL_info_cb = unsafe extern "C" fn(ssl: *const SSL, kind: c_int, value: c_int);

pub type generic_cb = unsafe extern "C" fn();
pub type new_session_cb = unsafe extern "C" fn(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int;
pub type remove_session_cb = unsafe extern "C" fn(ctx: *mut SSL_CTX, session: *mut SSL_SESSION);
pub type get_session_cb =
    unsafe extern "C" fn(ssl: *mut SSL, id: *const c_uchar, len: c_int, copy: *mut c_int) -> *mut SSL_SESSION;
pub type servername_cb = unsafe extern "C" fn(ssl: *mut SSL, alert: *mut c_int, arg: *mut c_void) -> c_int;
pub type status_cb = unsafe extern "C" fn(ssl: *mut SSL, arg: *mut c_void) -> c_int;
/// Ticket callback before OpenSSL 3, and of LibreSSL.
pub type ticket_key_cb = unsafe extern "C" fn(
    ssl: *mut SSL,
    name: *mut c_uchar,
    iv: *mut c_uchar,
    cipher: *mut EVP_CIPHER_CTX,
    mac: *mut HMAC_CTX,
    encrypt: c_int,
) -> c_int;
pub type ticket_key_evp_cb = unsafe extern "C" fn(
    ssl: *mut SSL,
    name: *mut c_uchar,
    iv: *mut c_uchar,
    cipher: *mut EVP_CIPHER_CTX,
    mac: *mut EVP_MAC_CTX,
    encrypt: c_int,
) -> c_int;
pub type psk_client_cb = unsafe extern "C" fn(
    ssl: *mut SSL,
    hint: *const c_char,
    identity: *mut c_char,
    identity_len: std::ffi::c_uint,
    key: *mut c_uchar,
    key_len: std::ffi::c_uint,
) -> std::ffi::c_uint;
pub type psk_server_cb = unsafe extern "C" fn(
    ssl: *mut SSL,
    identity: *const c_char,
    key: *mut c_uchar,
    key_len: std::ffi::c_uint,
) -> std::ffi::c_uint;

/// `struct ossl_param_st`: one entry of a list of named values (OpenSSL 3).
#[repr(C)]
#[derive(Debug)]
pub struct OSSL_PARAM {
    pub key: *const c_char,
    pub data_type: std::ffi::c_uint,
    pub data: *mut c_void,
    pub data_size: usize,
    pub return_size: usize,
}

pub type BIO_write_fn = unsafe extern "C" fn(bio: *mut BIO, data: *const c_char, len: c_int) -> c_int;
pub type BIO_read_fn = unsafe extern "C" fn(bio: *mut BIO, data: *mut c_char, len: c_int) -> c_int;
pub type BIO_puts_fn = unsafe extern "C" fn(bio: *mut BIO, text: *const c_char) -> c_int;
pub type BIO_gets_fn = unsafe extern "C" fn(bio: *mut BIO, data: *mut c_char, len: c_int) -> c_int;
pub type BIO_ctrl_fn = unsafe extern "C" fn(bio: *mut BIO, cmd: c_int, larg: c_long, parg: *mut c_void) -> c_long;

pub type OSSL_provider_init_fn = unsafe extern "C" fn(
    handle: *const OSSL_CORE_HANDLE,
    dispatch: *const OSSL_DISPATCH,
    out: *mut *const OSSL_DISPATCH,
    context: *mut *mut c_void,
) -> c_int;

/// Lock callback of OpenSSL 1.0.2.
pub type locking_cb = unsafe extern "C" fn(mode: c_int, lock: c_int, file: *const c_char, line: c_int);
