//! Sessions: what is a function, a control command or an open struct, by version.

use std::ffi::c_int;
use std::ptr;

use crate::ffi::constants::{SSL_CTRL_GET_SESSION_REUSED, TLS1_2_VERSION};
use crate::ffi::{Functions, SSL, SSL_CTX, SSL_SESSION};
use crate::version::{Flavour, Version};

/// Head of `struct ssl_session_st` of 1.0.2.
#[repr(C)]
struct LegacySession {
    version: c_int,
}

/// Whether a connection resumed a session.
///
/// # Safety
/// `ssl` must be a live connection of this library.
#[must_use]
pub unsafe fn reused(functions: &Functions, ssl: *mut SSL) -> bool {
    // SAFETY: by contract; plain getters, and a command that takes no pointer.
    unsafe {
        match functions.ssl_session.SSL_session_reused {
            Some(reused) => reused(ssl) == 1,
            None => (functions.ssl.SSL_ctrl)(ssl, SSL_CTRL_GET_SESSION_REUSED, 0, ptr::null_mut()) == 1,
        }
    }
}

/// Whether a connection should be offered a copy of a session of its own.
///
/// LibreSSL's client writes a renewed ticket into the session that it was given, which others may hold too.
#[must_use]
pub fn wants_copy(flavour: Flavour) -> bool {
    flavour == Flavour::LibreSsl
}

/// Whether a client's new session may be marked "not resumable", so that a copy by way of its bytes, which do not say so,
/// must be offered in its place.
///
/// OpenSSL 1.1.0 marks one that came with a name *and* a ticket, and has no function that tells.
#[must_use]
pub fn may_be_marked(flavour: Flavour, version: Version) -> bool {
    flavour == Flavour::OpenSsl && (Version::new(1, 1, 0)..Version::new(1, 1, 1)).contains(&version)
}

/// C's number of the version that a session is of.
///
/// # Safety
/// `session` must be a live session of a library of this flavour and version.
#[must_use]
pub unsafe fn protocol(
    functions: &Functions,
    (flavour, version): (Flavour, Version),
    session: *const SSL_SESSION,
) -> c_int {
    // SAFETY: by contract; the getter, or the first field of 1.0.2's open struct.
    unsafe {
        match functions.ssl_session.SSL_SESSION_get_protocol_version {
            Some(get) => get(session),
            None if flavour == Flavour::OpenSsl && version < Version::new(1, 1, 0) => {
                (*session.cast::<LegacySession>()).version
            }
            None => TLS1_2_VERSION,
        }
    }
}

/// Sets how many tickets a server gives after a full TLS 1.3 handshake; `false` where the library cannot.
///
/// # Safety
/// `ctx` must be a live context of this library.
#[must_use]
pub unsafe fn set_ticket_count(functions: &Functions, flavour: Flavour, ctx: *mut SSL_CTX, count: usize) -> bool {
    // LibreSSL keeps the number and gives no tickets.
    if flavour == Flavour::LibreSsl {
        return false;
    }
    // SAFETY: by contract.
    functions.ssl_session.SSL_CTX_set_num_tickets.is_some_and(|set| unsafe { set(ctx, count) } == 1)
}
