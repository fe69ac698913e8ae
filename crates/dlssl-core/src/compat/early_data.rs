//! Early data (0-RTT): OpenSSL from 1.1.1 on. LibreSSL has the functions, and they always fail.

use std::ffi::{CStr, c_int};
use std::ptr;

use super::configure::Applied;
use crate::ffi::{Functions, SSL, SSL_CTX, SSL_SESSION, memory};
use crate::version::Flavour;

/// `SSL_EARLY_DATA_ACCEPTED`.
const ACCEPTED: c_int = 2;
/// `SSL_READ_EARLY_DATA_ERROR`.
const READ_ERROR: c_int = 0;
/// `SSL_READ_EARLY_DATA_FINISH`.
const READ_FINISH: c_int = 2;

/// Whether the library has it.
#[must_use]
pub fn is_there(functions: &Functions, flavour: Flavour) -> bool {
    let session = &functions.ssl_session;
    flavour == Flavour::OpenSsl
        && functions.ssl.SSL_write_early_data.is_some()
        && session.SSL_read_early_data.is_some()
        && session.SSL_CTX_set_max_early_data.is_some()
}

/// Says how much a server takes.
///
/// # Safety
/// `ctx` must be a live context of this library.
pub unsafe fn set_most(functions: &Functions, flavour: Flavour, ctx: *mut SSL_CTX, bytes: u32) -> Applied {
    match functions.ssl_session.SSL_CTX_set_max_early_data {
        // SAFETY: by contract.
        Some(set) if is_there(functions, flavour) => match unsafe { set(ctx, bytes) } {
            1 => Applied::Done,
            _ => Applied::Refused,
        },
        _ => Applied::Absent,
    }
}

/// How much the server of a session takes; nothing for one that is no good any more, with which sending early data would
/// break the handshake.
///
/// # Safety
/// `session` must be a live session of this library.
#[must_use]
pub unsafe fn most_of(functions: &Functions, session: *const SSL_SESSION) -> u32 {
    let table = &functions.ssl_session;
    let (Some(get), Some(is_resumable)) = (table.SSL_SESSION_get_max_early_data, table.SSL_SESSION_is_resumable) else {
        return 0;
    };
    // SAFETY: by contract; plain getters.
    unsafe { if is_resumable(session) == 1 { get(session) } else { 0 } }
}

/// Name of the server that answered to it in the session, and the application protocol that was agreed on; empty where there
/// is none. Early data without the same again breaks the handshake ("inconsistent early data sni", "… alpn").
///
/// # Safety
/// `session` must be a live session of this library, and live as long as what is given.
#[must_use]
pub unsafe fn agreed<'a>(functions: &Functions, session: *const SSL_SESSION) -> (&'a [u8], &'a [u8]) {
    let table = &functions.ssl_session;
    // SAFETY: by contract; the session owns the name, which ends with NUL, and the protocol; the variables are our own.
    unsafe {
        let name = table.SSL_SESSION_get0_hostname.map_or(ptr::null(), |get| get(session));
        let name = if name.is_null() { &[] } else { CStr::from_ptr(name).to_bytes() };
        let (mut protocol, mut len) = (ptr::null(), 0);
        if let Some(get) = table.SSL_SESSION_get0_alpn_selected {
            get(session, &raw mut protocol, &raw mut len);
        }
        (name, memory::slice(protocol, isize::try_from(len).unwrap_or(0)))
    }
}

/// Sends early data; 1 when all is sent, else as `SSL_write`.
///
/// # Safety
/// `ssl` must be a live connection of this library, before its handshake.
#[must_use]
pub unsafe fn write(functions: &Functions, ssl: *mut SSL, data: &[u8]) -> c_int {
    let mut written = 0;
    functions.ssl.SSL_write_early_data.map_or(-1, |write| {
        // SAFETY: by contract; bytes with their length, and our own variable.
        unsafe { write(ssl, data.as_ptr().cast(), data.len(), &raw mut written) }
    })
}

/// What a server read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyRead {
    /// This much; there may be more.
    Some(usize),
    /// There is no more.
    End,
    /// As `SSL_read`'s failure.
    Failed,
}

/// Takes early data.
///
/// # Safety
/// `ssl` must be a live connection of this library, before its handshake is done.
#[must_use]
pub unsafe fn read(functions: &Functions, ssl: *mut SSL, out: &mut [u8]) -> EarlyRead {
    let Some(read) = functions.ssl_session.SSL_read_early_data else { return EarlyRead::Failed };
    let mut count = 0;
    // SAFETY: by contract; room with its length, and our own variable.
    match unsafe { read(ssl, out.as_mut_ptr().cast(), out.len(), &raw mut count) } {
        READ_ERROR => EarlyRead::Failed,
        READ_FINISH => EarlyRead::End,
        _ => EarlyRead::Some(count),
    }
}

/// Whether the server took what was sent.
///
/// # Safety
/// `ssl` must be a live connection of this library.
#[must_use]
pub unsafe fn is_accepted(functions: &Functions, ssl: *mut SSL) -> bool {
    // SAFETY: by contract; plain getter.
    functions.ssl_session.SSL_get_early_data_status.is_some_and(|get| unsafe { get(ssl) } == ACCEPTED)
}
