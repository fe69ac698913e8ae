//! Settings of contexts that are functions in one library and control commands in another.

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use std::ptr;

use crate::ffi::constants::{
    SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, SSL_CTRL_SET_GROUPS_LIST, SSL_CTRL_SET_SIGALGS_LIST,
    SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP,
    SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, TLSEXT_STATUSTYPE_ocsp,
};
use crate::ffi::{
    Functions, SSL, SSL_CTX, SSL_CTX_keylog_cb_func, generic_cb, memory, psk_client_cb, psk_server_cb, servername_cb,
    status_cb,
};
use crate::version::Flavour;

/// What came of a setting that not every library has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Applied {
    /// The library took it.
    Done,
    /// The library refused the value.
    Refused,
    /// The library has no such setting.
    Absent,
}

fn outcome(done: bool) -> Applied {
    if done { Applied::Done } else { Applied::Refused }
}

/// Sets the groups for key exchange, as names with colons between.
///
/// # Safety
/// `ctx` must be a live context of this library.
pub unsafe fn set_groups(functions: &Functions, ctx: *mut SSL_CTX, list: &CStr) -> Applied {
    // SAFETY: by contract; the command reads a string that ends with NUL.
    outcome(unsafe {
        match functions.ssl_config.SSL_CTX_set1_groups_list {
            Some(set) => set(ctx, list.as_ptr()) == 1,
            None => (functions.ssl.SSL_CTX_ctrl)(ctx, SSL_CTRL_SET_GROUPS_LIST, 0, text(list)) == 1,
        }
    })
}

/// Sets the signature algorithms, as names with colons between.
///
/// # Safety
/// `ctx` must be a live context of this library.
pub unsafe fn set_signature_algorithms(
    functions: &Functions,
    flavour: Flavour,
    ctx: *mut SSL_CTX,
    list: &CStr,
) -> Applied {
    if flavour == Flavour::LibreSsl {
        return Applied::Absent;
    }
    // SAFETY: by contract; the command reads a string that ends with NUL.
    outcome(unsafe { (functions.ssl.SSL_CTX_ctrl)(ctx, SSL_CTRL_SET_SIGALGS_LIST, 0, text(list)) == 1 })
}

/// Sets the security level.
///
/// # Safety
/// `ctx` must be a live context of this library.
pub unsafe fn set_security_level(functions: &Functions, ctx: *mut SSL_CTX, level: c_int) -> Applied {
    let Some(set) = functions.ssl_config.SSL_CTX_set_security_level else { return Applied::Absent };
    // SAFETY: by contract; the function has no result.
    unsafe { set(ctx, level) };
    Applied::Done
}

/// The security level as it is; `None` where there are none.
///
/// # Safety
/// `ctx` must be a live context of this library.
#[must_use]
pub unsafe fn security_level(functions: &Functions, ctx: *mut SSL_CTX) -> Option<c_int> {
    // SAFETY: by contract; plain getter.
    functions.ssl_config.SSL_CTX_get_security_level.map(|get| unsafe { get(ctx) })
}

/// Installs the callback that sees the secrets of each connection.
///
/// # Safety
/// `ctx` must be a live context of this library.
pub unsafe fn set_key_log(
    functions: &Functions,
    flavour: Flavour,
    ctx: *mut SSL_CTX,
    callback: SSL_CTX_keylog_cb_func,
) -> Applied {
    match functions.ssl.SSL_CTX_set_keylog_callback {
        // LibreSSL keeps the callback and never calls it.
        Some(set) if flavour == Flavour::OpenSsl => {
            // SAFETY: by contract.
            unsafe { set(ctx, Some(callback)) };
            Applied::Done
        }
        _ => Applied::Absent,
    }
}

/// Installs the callback that picks by server name.
///
/// # Safety
/// `ctx` must be a live context of this library.
pub unsafe fn set_server_name_callback(functions: &Functions, ctx: *mut SSL_CTX, callback: servername_cb) -> Applied {
    // SAFETY: by contract; the command takes a callback of this type, whatever its argument's type says.
    outcome(unsafe {
        let callback = std::mem::transmute::<servername_cb, generic_cb>(callback);
        (functions.ssl_session.SSL_CTX_callback_ctrl)(ctx, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, Some(callback)) == 1
    })
}

/// Installs the callback that staples a certificate status.
///
/// # Safety
/// `ctx` must be a live context of this library.
pub unsafe fn set_status_callback(functions: &Functions, ctx: *mut SSL_CTX, callback: status_cb) -> Applied {
    // SAFETY: as for the server name.
    outcome(unsafe {
        let callback = std::mem::transmute::<status_cb, generic_cb>(callback);
        (functions.ssl_session.SSL_CTX_callback_ctrl)(ctx, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, Some(callback)) == 1
    })
}

/// Asks the server for a certificate status.
///
/// # Safety
/// `ssl` must be a live connection of this library.
pub unsafe fn request_status(functions: &Functions, ssl: *mut SSL) -> Applied {
    let kind = c_long::from(TLSEXT_STATUSTYPE_ocsp);
    // SAFETY: by contract; the command takes no pointer.
    outcome(unsafe { (functions.ssl.SSL_ctrl)(ssl, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, kind, ptr::null_mut()) == 1 })
}

/// The status that the server stapled.
///
/// # Safety
/// `ssl` must be a live connection of this library; the bytes live until it is used again.
#[must_use]
pub unsafe fn stapled_status<'a>(functions: &Functions, ssl: *mut SSL) -> &'a [u8] {
    let mut data: *const u8 = ptr::null();
    // SAFETY: by contract; the command writes a pointer into our variable, and says how long that is.
    unsafe {
        let out = (&raw mut data).cast::<c_void>();
        let len = (functions.ssl.SSL_ctrl)(ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, out);
        memory::slice(data, isize::try_from(len).unwrap_or(0))
    }
}

/// Staples a status, as a server.
///
/// # Safety
/// `ssl` must be a live connection of this library, in its status callback.
pub unsafe fn staple_status(functions: &Functions, ssl: *mut SSL, status: &[u8]) -> Applied {
    let crypto = &functions.crypto;
    let file = c"dlssl".as_ptr();
    let Ok(len) = c_int::try_from(status.len()) else { return Applied::Refused };
    // SAFETY: by contract; memory of the library's own, of which it becomes the owner.
    unsafe {
        let copy = match (crypto.CRYPTO_malloc, crypto.CRYPTO_malloc_int) {
            (Some(allocate), _) => allocate(status.len(), file, 0),
            (None, Some(allocate)) => allocate(len, file, 0),
            (None, None) => return Applied::Absent,
        };
        if copy.is_null() {
            return Applied::Refused;
        }
        ptr::copy_nonoverlapping(status.as_ptr(), copy.cast::<u8>(), status.len());
        let command = SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP;
        outcome((functions.ssl.SSL_ctrl)(ssl, command, c_long::from(len), copy) == 1)
    }
}

/// Installs a callback for pre-shared keys, as a client or as a server.
///
/// # Safety
/// `ctx` must be a live context of this library.
pub unsafe fn set_psk(
    functions: &Functions,
    ctx: *mut SSL_CTX,
    client: Option<psk_client_cb>,
    server: Option<psk_server_cb>,
) -> Applied {
    let config = &functions.ssl_config;
    let (Some(set_client), Some(set_server)) =
        (config.SSL_CTX_set_psk_client_callback, config.SSL_CTX_set_psk_server_callback)
    else {
        return Applied::Absent;
    };
    // SAFETY: by contract; null takes a callback away.
    unsafe {
        set_client(ctx, client);
        set_server(ctx, server);
    }
    Applied::Done
}

fn text(list: &CStr) -> *mut c_void {
    list.as_ptr().cast_mut().cast()
}

/// Copies bytes to where a callback of C wants them; how many, 0 when there is no room.
///
/// # Safety
/// `out` must have room for `room` bytes.
#[must_use]
pub unsafe fn copy_out(bytes: &[u8], out: *mut u8, room: c_uint) -> c_uint {
    match c_uint::try_from(bytes.len()) {
        Ok(len) if len <= room && !out.is_null() => {
            // SAFETY: by contract.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), out, bytes.len()) };
            len
        }
        _ => 0,
    }
}

/// Copies a text with its NUL; whether there was room.
///
/// # Safety
/// `out` must have room for `room` bytes.
#[must_use]
pub unsafe fn copy_text_out(value: &CStr, out: *mut c_char, room: c_uint) -> bool {
    // SAFETY: by contract.
    unsafe { copy_out(value.to_bytes_with_nul(), out.cast(), room) > 0 }
}
