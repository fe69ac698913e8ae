//! `SSL_CTX_sess_set_new_cb` and its two companions: sessions come and go.

use std::cell::Cell;
use std::ffi::{c_int, c_uchar};
use std::ptr;

use dlssl_core::ffi::{SSL, SSL_CTX, SSL_SESSION, memory};

use super::{Frame, in_callback};
use crate::raw::{Offered, RawSession};
use crate::session::Session;

/// Takes a new session: a client's goes into the cache of its context, a server's to the program's store.
pub(crate) unsafe extern "C" fn new_session(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int {
    // C frees the session when we say 0; a panic after it is ours must not say so.
    let taken = Cell::new(0);
    in_callback((), |frame| {
        let Some(hooks) = frame.hooks() else { return };
        // SAFETY: C hands a live session with one reference that becomes ours when we say 1.
        let Some(session) = (unsafe { RawSession::from_raw(frame.library, session) }) else { return };
        taken.set(1);
        if let Some(store) = &hooks.store {
            if let Some(der) = session.der() {
                store.0.insert(session.id(), der, std::time::Duration::from_secs(session.timeout()));
            }
        } else if let (Some(cache), Some(key)) = (&hooks.sessions, &frame.stash.session_key)
            // SAFETY: C hands the live connection of the frame's library.
            && unsafe { is_good(frame, ssl) }
        {
            let offered = if frame.stash.vouches { Offered::Vouched } else { Offered::Unchecked };
            cache.put(key, Session::new(session).offered_as(offered));
        }
    });
    taken.get()
}

/// Whether the session of a client is good for another connection: in one that resumes nobody asks the program again whether it
/// overrules the library.
///
/// # Safety
/// `ssl` must be the live connection of the frame.
unsafe fn is_good(frame: &Frame<'_>, ssl: *const SSL) -> bool {
    // SAFETY: by contract; plain getter.
    let accepted = || unsafe { (frame.library.functions().ssl.SSL_get_verify_result)(ssl) } == 0;
    frame.context.is_some_and(|context| context.verify_policy().ignored || accepted())
}

/// Asks the program's store. What it gives is parsed here; what cannot be is as good as nothing.
pub(crate) unsafe extern "C" fn find_session(
    _: *mut SSL,
    id: *const c_uchar,
    len: c_int,
    copy: *mut c_int,
) -> *mut SSL_SESSION {
    // SAFETY: C's own variable: nought says that the reference is C's to keep.
    unsafe { *copy = 0 };
    in_callback(ptr::null_mut(), |frame| {
        let store = frame.hooks().and_then(|hooks| hooks.store.clone());
        // SAFETY: C hands the name with its length, and keeps it until we return.
        let id = unsafe { memory::slice(id, len as isize) };
        store
            .and_then(|store| store.0.find(id))
            .and_then(|der| RawSession::from_der(frame.library, &der).ok())
            .map_or(ptr::null_mut(), RawSession::into_raw)
    })
}

/// Tells the program's store that a session is no good any more.
pub(crate) unsafe extern "C" fn remove_session(_: *mut SSL_CTX, session: *mut SSL_SESSION) {
    in_callback((), |frame| {
        let Some(store) = frame.hooks().and_then(|hooks| hooks.store.clone()) else { return };
        let get = frame.library.functions().ssl_session.SSL_SESSION_get_id;
        let mut len = 0;
        // SAFETY: C hands a live session, which owns its name.
        let id = unsafe {
            let id = get(session, &raw mut len);
            memory::slice(id, isize::try_from(len).unwrap_or(0))
        };
        store.0.remove(id);
    });
}
