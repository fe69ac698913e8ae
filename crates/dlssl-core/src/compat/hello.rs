//! A client's first message, as a server's library shows it to a callback.

use std::ffi::{c_int, c_uchar, c_uint};
use std::ptr;

use super::configure::Applied;
use crate::ffi::{Functions, SSL, SSL_CTX, SSL_client_hello_cb_fn, memory};

/// The parts of the message.
#[derive(Clone, Debug, Default)]
pub struct HelloParts<'a> {
    /// Version of its head.
    pub version: c_uint,
    /// 32 bytes at random.
    pub random: &'a [u8],
    /// Name of a session; made up in TLS 1.3.
    pub session_id: &'a [u8],
    /// Cipher suites, two bytes each.
    pub ciphers: &'a [u8],
    /// Compression methods, one byte each.
    pub compressions: &'a [u8],
    /// Extensions with their bodies, in the client's order.
    pub extensions: Vec<(u16, &'a [u8])>,
}

/// Installs the callback that sees the message first.
///
/// # Safety
/// `ctx` must be a live context of this library.
pub unsafe fn set_hello_callback(
    functions: &Functions,
    ctx: *mut SSL_CTX,
    callback: SSL_client_hello_cb_fn,
) -> Applied {
    let Some(set) = functions.ssl_handshake.SSL_CTX_set_client_hello_cb else { return Applied::Absent };
    // SAFETY: by contract; the callback needs no data.
    unsafe { set(ctx, Some(callback), ptr::null_mut()) };
    Applied::Done
}

/// Takes the message apart; `None` where the library does not show it whole.
///
/// # Safety
/// `ssl` must be a live connection of this library, in its client hello callback; the parts live until that returns.
#[must_use]
pub unsafe fn client_hello<'a>(functions: &Functions, ssl: *mut SSL) -> Option<HelloParts<'a>> {
    type Part = unsafe extern "C" fn(*mut SSL, *mut *const c_uchar) -> usize;
    let table = &functions.ssl_handshake;
    let part = |get: Option<Part>| {
        let mut data = ptr::null();
        // SAFETY: by contract; the function writes a pointer into our variable, and says how long that is.
        unsafe {
            let len = get?(ssl, &raw mut data);
            Some(memory::slice(data, isize::try_from(len).ok()?))
        }
    };
    Some(HelloParts {
        // SAFETY: by contract; plain getter.
        version: unsafe { table.SSL_client_hello_get0_legacy_version?(ssl) },
        random: part(table.SSL_client_hello_get0_random)?,
        session_id: part(table.SSL_client_hello_get0_session_id)?,
        ciphers: part(table.SSL_client_hello_get0_ciphers)?,
        compressions: part(table.SSL_client_hello_get0_compression_methods)?,
        // SAFETY: by contract.
        extensions: unsafe { extensions(functions, ssl) }?,
    })
}

/// # Safety
/// As for [`client_hello`].
unsafe fn extensions<'a>(functions: &Functions, ssl: *mut SSL) -> Option<Vec<(u16, &'a [u8])>> {
    let table = &functions.ssl_handshake;
    let (list, one) = (table.SSL_client_hello_get1_extensions_present?, table.SSL_client_hello_get0_ext?);
    let free = functions.crypto.CRYPTO_free?;
    let (mut kinds, mut count) = (ptr::null_mut::<c_int>(), 0);
    // SAFETY: by contract; out pointers are live. The list is ours to free; bodies belong to the message.
    unsafe {
        if list(ssl, &raw mut kinds, &raw mut count) != 1 {
            return None;
        }
        let body = |kind: &c_int| {
            let (mut data, mut len) = (ptr::null(), 0);
            let kind = u16::try_from(*kind).ok()?;
            let found = one(ssl, c_uint::from(kind), &raw mut data, &raw mut len) == 1;
            found.then(|| (kind, memory::slice(data, isize::try_from(len).unwrap_or(0))))
        };
        let all = memory::slice(kinds, isize::try_from(count).unwrap_or(0)).iter().filter_map(body).collect();
        free(kinds.cast(), c"dlssl".as_ptr(), 0);
        Some(all)
    }
}
