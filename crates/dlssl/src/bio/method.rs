//! The C side of our BIO: one method for each loaded library, its callbacks, and the conversation with `Bio`.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::io;

use dlssl_core::Library;
use dlssl_core::compat::bio as compat;
use dlssl_core::ffi::constants::{
    BIO_CTRL_EOF, BIO_CTRL_FLUSH, BIO_CTRL_PENDING, BIO_CTRL_WPENDING, BIO_FLAGS_READ, BIO_FLAGS_WRITE,
};
use dlssl_core::ffi::{BIO, memory};

use super::Interest;
use crate::callback::{Frame, in_callback};

/// Gives the method for a library, making it on first use.
pub(crate) fn for_library(library: &Library) -> Option<compat::Method> {
    compat::method_of(library, c"dlssl stream", compat::Callbacks { read, write, puts, ctrl })
}

/// Type of a record that holds an alert.
const ALERT: u8 = 21;
/// The fatal alert `no_application_protocol` as the record that begins a server's answer would be (RFC 7301).
const NO_APPLICATION_PROTOCOL: &[u8] = &[ALERT, 3, 3, 0, 2, 2, 120];

/// Says "not now" in a BIO's flags when it is dropped: when a call fails, and also when user code panics, so that C can go
/// on from there.
struct Unready<'f, 's> {
    frame: &'f mut Frame<'s>,
    bio: *mut BIO,
    direction: c_int,
}

impl<'f, 's> Unready<'f, 's> {
    /// For a call that begins. What the last one said is taken back.
    ///
    /// # Safety
    /// `bio` must be the connection's live BIO for as long as this lives.
    #[inline]
    unsafe fn new(frame: &'f mut Frame<'s>, bio: *mut BIO, direction: c_int) -> Self {
        // Only we write these flags.
        if frame.stash.unready {
            frame.stash.unready = false;
            // SAFETY: by contract.
            unsafe { compat::clear_retry(frame.library.functions(), bio) };
        }
        Self { frame, bio, direction }
    }

    /// The call has succeeded, or come to the end.
    #[inline]
    fn withdraw(self) {
        std::mem::forget(self);
    }

    /// The call has failed. The first error counts.
    #[cold]
    fn keep(self, interest: Interest, error: io::Error) -> c_int {
        self.frame.stash.io.get_or_insert((interest, error));
        -1
    }
}

impl Drop for Unready<'_, '_> {
    #[cold]
    fn drop(&mut self) {
        self.frame.stash.unready = true;
        // SAFETY: live, by contract of `new`.
        unsafe { compat::set_retry(self.frame.library.functions(), self.bio, self.direction) };
    }
}

unsafe extern "C" fn read(bio: *mut BIO, data: *mut c_char, len: c_int) -> c_int {
    in_callback(-1, |frame| {
        // SAFETY: `bio` is the live BIO that C calls through.
        let unready = unsafe { Unready::new(frame, bio, BIO_FLAGS_READ) };
        // SAFETY: C hands a buffer of `len` bytes of its own heap for us to fill; it belongs to nobody else until
        // we return.
        let out = unsafe { memory::slice_mut(data.cast(), len as isize) };
        let Some(connected) = unready.frame.bio.as_deref_mut() else {
            let error = unready.frame.disconnected();
            return unready.keep(Interest::Read, error);
        };
        match connected.receive(out) {
            Ok(count) => {
                unready.withdraw();
                // At most `len`, which is a `c_int`.
                count as c_int
            }
            Err((interest, error)) => unready.keep(interest, error),
        }
    })
}

unsafe extern "C" fn write(bio: *mut BIO, data: *const c_char, len: c_int) -> c_int {
    in_callback(-1, |frame| {
        // SAFETY: `bio` is the live BIO that C calls through.
        let unready = unsafe { Unready::new(frame, bio, BIO_FLAGS_WRITE) };
        // SAFETY: C hands `len` bytes of its own heap that nobody writes to until we return.
        let data = unsafe { memory::slice(data.cast::<u8>(), len as isize) };
        // OpenSSL 1.0.2 goes on after a refusal. The peer gets the alert that other versions send, and no more.
        let refused = unready.frame.stash.alpn_refused && data.first() != Some(&ALERT);
        let data = if refused { NO_APPLICATION_PROTOCOL } else { data };
        let Some(connected) = unready.frame.bio.as_deref_mut() else {
            let error = unready.frame.disconnected();
            return unready.keep(Interest::Write, error);
        };
        match connected.send(data) {
            Ok(()) if refused => -1,
            Ok(()) => {
                unready.withdraw();
                len
            }
            Err(error) => unready.keep(Interest::Write, error),
        }
    })
}

unsafe extern "C" fn puts(bio: *mut BIO, text: *const c_char) -> c_int {
    // SAFETY: C hands a string that ends with NUL.
    unsafe { write(bio, text, compat::text_len(text)) }
}

/// Most commands are about what we are not: kernel TLS is asked for several times a record. They get their answer with
/// nothing done: anything but 0 would claim, among others, kernel TLS.
unsafe extern "C" fn ctrl(bio: *mut BIO, command: c_int, _: c_long, _: *mut c_void) -> c_long {
    if command > HIGHEST { 0 } else { answer(bio, command) }
}

/// Highest of the commands that [`answer`] knows.
const HIGHEST: c_int = BIO_CTRL_WPENDING;

/// By C's rules, so that `ctrl` ends with a jump here.
#[inline(never)]
extern "C" fn answer(bio: *mut BIO, command: c_int) -> c_long {
    match command {
        BIO_CTRL_FLUSH => flush(bio),
        // OpenSSL 3 asks after a failed read whether it was the end, and reports it only on a true answer.
        BIO_CTRL_EOF => ask(|connected| c_long::from(connected.is_at_end())),
        BIO_CTRL_PENDING => ask(|connected| c_long::try_from(connected.received()).unwrap_or(c_long::MAX)),
        BIO_CTRL_WPENDING => ask(|connected| c_long::try_from(connected.unsent()).unwrap_or(c_long::MAX)),
        _ => compat::common_ctrl(command).unwrap_or(0),
    }
}

fn flush(bio: *mut BIO) -> c_long {
    in_callback(-1, |frame| {
        // SAFETY: `bio` is the live BIO that C calls through.
        let unready = unsafe { Unready::new(frame, bio, BIO_FLAGS_WRITE) };
        let Some(connected) = unready.frame.bio.as_deref_mut() else {
            let error = unready.frame.disconnected();
            return unready.keep(Interest::Write, error).into();
        };
        match connected.flush() {
            Ok(()) => {
                unready.withdraw();
                1
            }
            Err(error) => unready.keep(Interest::Write, error).into(),
        }
    })
}

fn ask(question: fn(&dyn super::Bio) -> c_long) -> c_long {
    in_callback(0, |frame| frame.bio.as_deref().map_or(0, question))
}
