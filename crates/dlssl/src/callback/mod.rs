//! User code behind C: how a callback finds its connection, and how errors and panics get back to Rust.
//!
//! C hands a callback neither the table of functions nor (most of them) our data. So each call into C leaves a frame
//! in the thread: the library, the connection's BIO and its stash. A callback takes the frame, runs user code under
//! `catch_unwind`, stores what went wrong and gives C a failure code; the method that made the call goes on with it
//! once C has returned. No panic crosses a C frame.

mod alpn;
mod client_hello;
mod info;
mod key_log;
mod password;
mod psk;
mod server_name;
mod session;
mod status;
mod ticket;
mod verify;

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use dlssl_core::Library;

pub(crate) use alpn::{AlpnChoice, select as alpn_select, wire as alpn_wire};
pub(crate) use client_hello::client_hello;
pub(crate) use info::{info, info_on_alerts};
pub(crate) use key_log::key_log;
pub(crate) use password::{Question, answer as password, none as no_password};
pub(crate) use psk::{psk_client, psk_server};
pub(crate) use server_name::server_name;
pub(crate) use session::{find_session, new_session, remove_session};
pub(crate) use status::status;
pub(crate) use ticket::{ticket_key_newer, ticket_key_older};
pub(crate) use verify::{Chain, Policy as VerifyPolicy, verify, verify_chain};

use crate::bio::Bio;
use crate::context::{Context, Hooks};
use crate::raw::SslContext;
use crate::raw::stash::Stash;

/// What callbacks of one call into C may touch.
pub(crate) struct Frame<'a> {
    pub(crate) library: &'a Library,
    pub(crate) bio: Option<&'a mut dyn Bio>,
    pub(crate) stash: &'a mut Stash,
    /// The connection's own; none outside of connections.
    pub(crate) context: Option<&'a Context>,
}

impl<'a> Frame<'a> {
    /// The program's functions and what goes with them.
    pub(crate) fn hooks(&self) -> Option<&'a Hooks> {
        self.context.map(Context::hooks)
    }

    /// The context that C goes on with.
    pub(crate) fn context_in_effect(&self) -> Option<&SslContext> {
        self.stash.replacement().or_else(|| self.context.map(Context::raw))
    }

    /// Why there is no BIO.
    #[cold]
    pub(crate) fn disconnected(&self) -> io::Error {
        io::Error::other(match self.stash.renegotiation {
            true => "a new handshake is refused",
            false => "the BIO was used outside of a call that may do I/O",
        })
    }
}

thread_local! {
    /// Frame of the innermost call into C, marked while one of its callbacks has it; null outside.
    static TOP: Cell<*mut Frame<'static>> = const { Cell::new(ptr::null_mut()) };
}

/// Marks a frame as taken: the lowest bit, which alignment leaves free.
const TAKEN: usize = 1;

/// Puts the thread back as it was, also when the call unwinds.
struct Restore {
    top: *mut Frame<'static>,
}

impl Drop for Restore {
    #[inline]
    fn drop(&mut self) {
        // Compiles to one instruction, which `set` does not everywhere.
        TOP.replace(self.top);
    }
}

/// Whether this thread is inside a call into C, so that this code runs in one of its callbacks.
#[inline]
pub(crate) fn is_inside() -> bool {
    !TOP.get().is_null()
}

/// Runs `call` with `frame` as the thread's innermost.
#[inline(always)]
pub(crate) fn with_frame<R>(mut frame: Frame<'_>, call: impl FnOnce() -> R) -> R {
    let _restore = Restore { top: TOP.replace((&raw mut frame).cast()) };
    call()
}

/// Runs the body of a callback with the frame of the call that C is in; `failure` when there is none (C was called
/// through a raw pointer) or the body panics.
#[inline]
pub(crate) fn in_callback<R>(failure: R, body: impl FnOnce(&mut Frame<'_>) -> R) -> R {
    let top = TOP.get();
    if top.is_null() || top.addr() & TAKEN != 0 {
        return failure;
    }
    TOP.set(top.map_addr(|address| address | TAKEN));
    let _restore = Restore { top };
    // SAFETY: `with_frame` put it there and is still below us on this thread's stack; the mark makes this the only
    // reference, and `_restore` takes it away only after the body.
    let frame = unsafe { &mut *top.cast::<Frame<'_>>() };
    match catch_unwind(AssertUnwindSafe(|| body(frame))) {
        Ok(result) => result,
        Err(panic) => {
            frame.stash.panicked(panic);
            failure
        }
    }
}
