//! Kernel TLS: OpenSSL from 3.0 on, unless it was built without.

use std::ffi::c_int;

use crate::ffi::constants::{BIO_CTRL_GET_KTLS_RECV, BIO_CTRL_GET_KTLS_SEND};
use crate::ffi::{BIO, Functions, SSL};

/// Most bytes of one call: what Linux takes at once, and what C's `int` can count.
const MOST: usize = 0x7fff_f000;

/// Whether files can be sent: C's `off_t` has 32 or 64 bits on 32-bit machines, as the library was built, which it does not
/// tell. The list says 64.
pub const SENDS_FILES: bool = cfg!(target_pointer_width = "64");

/// Marks of a BIO that kernel TLS reads and writes; `openssl/bio.h` sets these bits apart for it.
const MARKS: c_int = 0x2000 | 0x4000;

/// Whether the library was built with it. A version does not tell, and nothing else does before a handshake: asked is
/// a socket BIO that has no socket and bears the marks. One that knows nothing of kernel TLS does not look at them.
#[must_use]
pub fn is_built_in(functions: &Functions) -> bool {
    let bio = &functions.bio;
    let (Some(_), Some(socket)) = (functions.ssl.SSL_sendfile, bio.BIO_s_socket) else { return false };
    // SAFETY: a new BIO, which nobody else knows and which is freed here; without a socket there is none to close.
    unsafe {
        let new = (bio.BIO_new)(socket());
        if new.is_null() {
            return false;
        }
        (bio.BIO_set_flags)(new, MARKS);
        let answer = (bio.BIO_ctrl)(new, BIO_CTRL_GET_KTLS_SEND, 0, std::ptr::null_mut());
        (bio.BIO_free)(new);
        answer > 0
    }
}

/// Whether the kernel encrypts what a connection sends.
///
/// # Safety
/// `ssl` must be a live connection of this library.
#[must_use]
pub unsafe fn sends(functions: &Functions, ssl: *mut SSL) -> bool {
    // SAFETY: by contract; the connection owns the BIO.
    unsafe { functions.ssl.SSL_get_wbio.is_some_and(|get| ask(functions, get(ssl), BIO_CTRL_GET_KTLS_SEND)) }
}

/// Whether the kernel decrypts what a connection receives.
///
/// # Safety
/// `ssl` must be a live connection of this library.
#[must_use]
pub unsafe fn receives(functions: &Functions, ssl: *mut SSL) -> bool {
    // SAFETY: by contract; the connection owns the BIO.
    unsafe { functions.ssl.SSL_get_rbio.is_some_and(|get| ask(functions, get(ssl), BIO_CTRL_GET_KTLS_RECV)) }
}

/// # Safety
/// `bio` must be null or a live BIO of this library.
unsafe fn ask(functions: &Functions, bio: *mut BIO, command: c_int) -> bool {
    // The commands' numbers mean other things to older versions.
    if functions.ssl.SSL_sendfile.is_none() || bio.is_null() {
        return false;
    }
    // SAFETY: by contract; the commands only ask.
    unsafe { (functions.bio.BIO_ctrl)(bio, command, 0, std::ptr::null_mut()) > 0 }
}

/// Sends part of a file; the count, or as `SSL_write` where it failed.
///
/// # Safety
/// `ssl` must be a live connection of this library, and `file` an open descriptor.
#[must_use]
pub unsafe fn send_file(functions: &Functions, ssl: *mut SSL, file: c_int, offset: i64, len: usize) -> c_int {
    let Some(send) = functions.ssl.SSL_sendfile.filter(|_| SENDS_FILES) else { return -1 };
    // SAFETY: by contract.
    let sent = unsafe { send(ssl, file, offset, len.min(MOST), 0) };
    c_int::try_from(sent).unwrap_or(-1)
}
