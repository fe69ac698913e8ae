//! `SSL_SESSION`, and what contexts and connections do with sessions.

use std::ffi::{c_int, c_long, c_uint};
use std::ptr;

use dlssl_core::compat::{session as compat, ticket};
use dlssl_core::ffi::constants::{
    SSL_CTRL_SET_SESS_CACHE_MODE, SSL_CTRL_SET_SESS_CACHE_SIZE, SSL_RECEIVED_SHUTDOWN, SSL_SENT_SHUTDOWN,
    SSL_SESS_CACHE_CLIENT, SSL_SESS_CACHE_NO_INTERNAL, SSL_SESS_CACHE_OFF, SSL_SESS_CACHE_SERVER,
};
use dlssl_core::ffi::memory;
use dlssl_core::{ErrorStack, Library};

use super::call::{Row, plain};
use super::{Offered, Ssl, SslContext, owner};
use crate::callback;

owner! {
    /// A session: one reference to it.
    RawSession, SSL_SESSION, ssl_session.SSL_SESSION_free
}

impl RawSession {
    pub(crate) fn library(&self) -> &Library {
        &self.library
    }

    pub(crate) fn from_der(library: &Library, der: &[u8]) -> Result<Self, ErrorStack> {
        let read = library.functions().ssl_session.d2i_SSL_SESSION;
        let len = c_long::try_from(der.len()).unwrap_or(c_long::MAX);
        let mut at = der.as_ptr();
        // SAFETY: reads at most `len` bytes of a slice that long; `at` is our own copy of the pointer.
        let pointer = plain(library, || unsafe { read(ptr::null_mut(), &raw mut at, len) }, |read| read.is_null())?;
        // SAFETY: just made, owned by nobody else.
        unsafe { Self::from_raw(library, pointer) }.ok_or_else(ErrorStack::default)
    }

    pub(crate) fn der(&self) -> Option<Vec<u8>> {
        let write = self.library.functions().ssl_session.i2d_SSL_SESSION;
        // SAFETY: live session; no pointer, or one to as many bytes as it said.
        super::memory::encode(&self.library, |end| unsafe { write(self.as_ptr(), end) })
    }

    pub(crate) fn id(&self) -> &[u8] {
        let mut len: c_uint = 0;
        // SAFETY: live session, which owns the bytes and is not written to; the out pointer is live.
        unsafe {
            let id = (self.library.functions().ssl_session.SSL_SESSION_get_id)(self.as_ptr(), &raw mut len);
            memory::slice(id, isize::try_from(len).unwrap_or(0))
        }
    }

    /// Whether C may have marked it, as one that it just made, so that only a copy by way of its bytes is resumed.
    pub(crate) fn may_be_marked(&self) -> bool {
        compat::may_be_marked(self.library.flavour(), self.library.version())
    }

    pub(crate) fn protocol(&self) -> c_int {
        let identity = (self.library.flavour(), self.library.version());
        // SAFETY: live session of this library.
        unsafe { compat::protocol(self.library.functions(), identity, self.as_ptr()) }
    }

    /// Seconds since 1970.
    pub(crate) fn created(&self) -> u64 {
        // SAFETY: live session; plain getter.
        let seconds = unsafe { (self.library.functions().ssl_session.SSL_SESSION_get_time)(self.as_ptr()) };
        u64::try_from(seconds).unwrap_or(0)
    }

    /// Seconds.
    pub(crate) fn timeout(&self) -> u64 {
        // SAFETY: live session; plain getter.
        let seconds = unsafe { (self.library.functions().ssl_session.SSL_SESSION_get_timeout)(self.as_ptr()) };
        u64::try_from(seconds).unwrap_or(0)
    }
}

impl SslContext {
    /// Keeps sessions of a client outside of C: the callback gets each new one.
    pub(crate) fn hand_out_client_sessions(&self) {
        self.ctrl(SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        let set = self.library().functions().ssl_session.SSL_CTX_sess_set_new_cb;
        // SAFETY: live context; a static callback.
        unsafe { set(self.as_ptr(), Some(callback::new_session)) };
    }

    /// Keeps no session.
    pub(crate) fn keep_no_sessions(&self) {
        self.ctrl(SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF);
    }

    /// Keeps sessions of a server in C's own memory, at most so many.
    pub(crate) fn keep_server_sessions(&self, most: Option<usize>) {
        self.ctrl(SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_SERVER);
        if let Some(most) = most {
            // C takes nought for "no limit"; who wants none switches the cache off.
            self.ctrl(SSL_CTRL_SET_SESS_CACHE_SIZE, c_long::try_from(most.max(1)).unwrap_or(c_long::MAX));
        }
    }

    /// Keeps sessions of a server with the program: three callbacks, and none in C's memory.
    pub(crate) fn store_server_sessions(&self) {
        self.ctrl(SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
        let session = &self.library().functions().ssl_session;
        // SAFETY: live context; static callbacks.
        unsafe {
            (session.SSL_CTX_sess_set_new_cb)(self.as_ptr(), Some(callback::new_session));
            (session.SSL_CTX_sess_set_get_cb)(self.as_ptr(), Some(callback::find_session));
            (session.SSL_CTX_sess_set_remove_cb)(self.as_ptr(), Some(callback::remove_session));
        }
    }

    /// How long sessions may be resumed.
    pub(crate) fn set_session_timeout(&self, seconds: u64) {
        let set = self.library().functions().ssl_session.SSL_CTX_set_timeout;
        let seconds = c_long::try_from(seconds).unwrap_or(c_long::MAX);
        // SAFETY: live context; the result is the time before.
        unsafe { set(self.as_ptr(), seconds) };
    }

    /// Tickets after a full TLS 1.3 handshake; `false` where the library cannot be told.
    pub(crate) fn set_ticket_count(&self, count: usize) -> bool {
        // SAFETY: live context of this library.
        unsafe { compat::set_ticket_count(self.library().functions(), self.library().flavour(), self.as_ptr(), count) }
    }

    /// Takes ticket keys from the program.
    pub(crate) fn use_ticket_callback(&self) -> bool {
        // SAFETY: live context of this library; static callbacks.
        unsafe {
            ticket::set_callback(
                self.library().functions(),
                self.as_ptr(),
                callback::ticket_key_older,
                callback::ticket_key_newer,
            )
        }
    }
}

impl Ssl {
    /// Whether a session was resumed.
    pub(crate) fn session_reused(&self) -> bool {
        // SAFETY: live connection of this library.
        unsafe { compat::reused(self.library().functions(), self.as_ptr()) }
    }

    /// The session of the connection, as it is now.
    pub(crate) fn session(&self) -> Option<RawSession> {
        // SAFETY: live connection; the function gives a reference that is ours to free.
        unsafe {
            let session = (self.library().functions().ssl_session.SSL_get1_session)(self.as_ptr());
            RawSession::from_raw(self.library(), session)
        }
    }

    /// Offers a session to the server. It must be of the same generation.
    pub(crate) fn offer_session(
        &mut self,
        session: &RawSession,
        offered: Offered,
        row: &Row<'_>,
    ) -> Result<(), ErrorStack> {
        let set = self.library().functions().ssl_session.SSL_set_session;
        let copy;
        let session = if compat::wants_copy(self.library().flavour()) {
            copy = RawSession::from_der(self.library(), &session.der().ok_or_else(ErrorStack::default)?)?;
            &copy
        } else {
            session
        };
        let call = || {
            // SAFETY: live connection before its handshake, and a live session of the same library (checked by the
            // caller), to which the connection takes a reference of its own.
            unsafe { set(self.as_ptr(), session.as_ptr()) }
        };
        row.plain(call, |result| *result != 1)?;
        self.set_offered(offered);
        Ok(())
    }

    /// Makes the end of the connection an orderly one in C's eyes, so that its session stays good: since TLS 1.1 a
    /// connection that was cut may be resumed.
    pub(super) fn end_quietly(&self) {
        let set = self.library().functions().ssl_session.SSL_set_shutdown;
        // SAFETY: live connection that does nothing more but be freed.
        unsafe { set(self.as_ptr(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) };
    }
}
