//! One call into C: the queue is known to be empty before, and drained right after on the same thread.

use std::any::Any;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use dlssl_core::compat::error as queue;
use dlssl_core::{ErrorEntry, ErrorStack, Library};

use crate::bio::{Bio, Interest};
use crate::callback::{self, Frame, Verify};
use crate::context::{Hooks, SessionKey};
use crate::error::Error;
use crate::raw::SslContext;

/// What callbacks leave behind for the Rust method that made the call.
#[derive(Default)]
pub(crate) struct Stash {
    /// First error of the inner stream, and what it was asked for.
    pub(crate) io: Option<(Interest, io::Error)>,
    /// Panic of user code. Never locked: the mutex makes a stream `Sync`, which a panic by itself is not.
    pub(crate) panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// What is demanded of the peer's certificate, and what became of that.
    pub(crate) verify: Verify,
    /// What callbacks need of the context; none outside of connections.
    pub(crate) hooks: Option<Arc<Hooks>>,
    /// Contexts that C holds pointers to, the connection's own first; the last one is in effect.
    pub(crate) contexts: Vec<Arc<SslContext>>,
    /// Name under which a client's sessions are remembered.
    pub(crate) session_key: Option<SessionKey>,
    /// Error of a callback that ends the handshake.
    pub(crate) failure: Option<Error>,
    /// A server's certificate is chosen by the client's first message, whatever the name.
    pub(crate) identity_chosen: bool,
    /// The program's function asked to be asked later.
    pub(crate) suspended: bool,
    /// Name of the last pre-shared key that a server gave to the library.
    pub(crate) psk_identity: Option<String>,
    /// The server shares no application protocol with the client.
    pub(crate) alpn_refused: bool,
    /// The first handshake is done.
    pub(crate) established: bool,
    /// Socket that C reads by itself, to be shut down when nothing else keeps C from going on.
    pub(crate) cut: Option<i32>,
    /// The peer asked for a new handshake on a library where we refuse it ourselves.
    pub(crate) renegotiation: bool,
}

impl Stash {
    pub(crate) fn panic(&mut self) -> &mut Option<Box<dyn Any + Send>> {
        self.panic.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether callbacks have said nothing about the call that was just made.
    #[inline]
    pub(crate) fn is_silent(&self) -> bool {
        self.io.is_none() && !self.renegotiation
    }

    /// Goes on with a panic of user code, once C has returned.
    pub(super) fn go_on_with_panic(&mut self) {
        if let Some(panic) = self.panic().take() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Runs `call` with callbacks connected to `bio` and `stash`; afterwards goes on with a panic that one of them caught.
///
/// What was in the queue before is there again afterwards.
pub(crate) fn enter<R>(library: &Library, bio: Option<&mut dyn Bio>, stash: &mut Stash, call: impl FnOnce() -> R) -> R {
    let outer = set_aside(library);
    // A trait object behind `&mut` is tied to one lifetime until it is named anew.
    let bio = bio.map(|bio| -> &mut dyn Bio { bio });
    let result = callback::with_frame(Frame { library, bio, stash: &mut *stash }, call);
    put_back(library, outer);
    stash.go_on_with_panic();
    result
}

/// What was in the queue before a call: it belongs to a host that shares the library, or to the call in whose callback this
/// one runs (TLS in TLS).
pub(super) type Outer = Option<Box<[ErrorEntry]>>;

/// Makes the queue empty before a call.
pub(super) fn set_aside(library: &Library) -> Outer {
    if queue::is_empty(library.functions()) {
        return None;
    }
    if !callback::is_inside() {
        queue::note_others(library);
    }
    Some(queue::drain(library.functions(), library.flavour(), library.version()).into())
}

/// Whether a call on the data path has to make the queue empty first: where others are known to leave entries there, and
/// inside of another call, whose entries are to survive.
#[inline(always)]
pub(super) fn must_set_aside(library: &Library) -> bool {
    queue::others_leave_entries(library) || callback::is_inside()
}

/// Puts back what was there.
pub(super) fn put_back(library: &Library, outer: Outer) {
    if let Some(outer) = outer {
        queue::clear(library.functions());
        queue::restore(library.functions(), &outer);
    }
}

/// Runs a call that has no callbacks: configuration, parsing. Gives its result, or the drained queue when `failed`.
pub(crate) fn plain<R>(
    library: &Library,
    call: impl FnOnce() -> R,
    failed: impl FnOnce(&R) -> bool,
) -> Result<R, ErrorStack> {
    let mut errors = ErrorStack::default();
    let mut stash = Stash::default();
    let result = enter(library, None, &mut stash, || {
        let result = call();
        let failed = failed(&result);
        if failed {
            errors = library.take_errors();
        } else {
            tidy(library);
        }
        (result, failed)
    });
    if result.1 { Err(errors) } else { Ok(result.0) }
}

/// Empties the queue after a success that may have left entries (a configuration file that is not there, an algorithm
/// that was tried): the host may share the library and look at it. Not for the data path.
pub(crate) fn tidy(library: &Library) {
    if !queue::is_empty(library.functions()) {
        queue::clear(library.functions());
    }
}
