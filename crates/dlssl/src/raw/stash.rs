//! What callbacks find of their connection, and what they leave behind for the Rust method that made the call.

use std::any::Any;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::bio::Interest;
use crate::callback::Chain;
use crate::context::SessionKey;
use crate::error::{Error, VerifyFailure};
use crate::raw::SslContext;

/// That of one connection, or of a call that has none. Connections are held by the thousand, so what most of them never have is
/// behind one pointer.
#[derive(Default)]
pub(crate) struct Stash {
    /// First error of the inner stream, and what it was asked for.
    pub(crate) io: Option<(Interest, io::Error)>,
    rare: Option<Box<Rare>>,
    /// The chain that was verified.
    pub(crate) chain: Chain,
    /// Whom a client asks for: the name under which its sessions are remembered.
    pub(crate) session_key: Option<Box<SessionKey>>,
    /// The certificate must be for a host name, which then is among its alternative names.
    pub(crate) expects_dns: bool,
    /// The name that a client expects, if any, was found in the server's certificate; not if the program may have said so.
    pub(crate) vouches: bool,
    /// A server's certificate is chosen by the client's first message, whatever the name.
    pub(crate) identity_chosen: bool,
    /// The program's function asked to be asked later.
    pub(crate) suspended: bool,
    /// The server shares no application protocol with the client.
    pub(crate) alpn_refused: bool,
    /// The first handshake is done.
    pub(crate) established: bool,
    /// The peer asked for a new handshake on a library where we refuse it ourselves.
    pub(crate) renegotiation: bool,
    /// The last call of our BIO said "not now", and its flags still do.
    pub(crate) unready: bool,
}

#[derive(Default)]
struct Rare {
    /// Panic of user code. Never locked: the mutex makes a stream `Sync`, which a panic by itself is not.
    panic: Option<Mutex<Panic>>,
    /// Error of a callback that ends the handshake.
    failure: Option<Error>,
    /// First refusal of a certificate.
    refusal: Option<VerifyFailure>,
    /// Contexts that took the first one's place, to which C holds pointers; the last one is in effect.
    replaced: Vec<Arc<SslContext>>,
    /// Name of the last pre-shared key that a server gave to the library.
    psk_identity: Option<String>,
    /// Socket that C reads by itself, to be shut down when nothing else keeps C from going on.
    #[cfg(unix)]
    cut: Option<i32>,
}

type Panic = Box<dyn Any + Send>;

impl Stash {
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Whether callbacks have said nothing about the call that was just made.
    #[inline]
    pub(crate) fn is_silent(&self) -> bool {
        self.io.is_none() && !self.renegotiation
    }

    /// Notes a panic of user code; the first is the cause.
    #[cold]
    pub(crate) fn panicked(&mut self, panic: Panic) {
        self.rare().panic.get_or_insert_with(|| Mutex::new(panic));
    }

    #[inline]
    pub(crate) fn has_panicked(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.panic.is_some())
    }

    /// Goes on with a panic of user code, once C has returned.
    pub(super) fn go_on_with_panic(&mut self) {
        if let Some(panic) = self.rare.as_mut().and_then(|rare| rare.panic.take()) {
            std::panic::resume_unwind(panic.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Notes an error of a callback that ends the handshake; the first one stays.
    pub(crate) fn fail(&mut self, error: Error) {
        self.rare().failure.get_or_insert(error);
    }

    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.rare.as_mut()?.failure.take()
    }

    /// Notes why a certificate is refused; the first refusal is the one that ends the handshake.
    pub(crate) fn refuse(&mut self, why: impl FnOnce() -> VerifyFailure) {
        self.rare().refusal.get_or_insert_with(why);
    }

    pub(crate) fn take_refusal(&mut self) -> Option<VerifyFailure> {
        self.rare.as_mut()?.refusal.take()
    }

    /// Notes the socket that C reads by itself.
    #[cfg(unix)]
    pub(crate) fn set_cut(&mut self, descriptor: i32) {
        self.rare().cut = Some(descriptor);
    }

    /// That socket, to be shut down when nothing else keeps C from going on.
    #[cfg(unix)]
    pub(crate) fn cut(&self) -> Option<i32> {
        self.rare.as_ref()?.cut
    }

    /// Keeps a context that C goes on with, in place of the one before.
    pub(crate) fn replace_context(&mut self, context: Arc<SslContext>) {
        self.rare().replaced.push(context);
    }

    /// The context that C goes on with in place of the connection's own.
    pub(crate) fn replacement(&self) -> Option<&SslContext> {
        self.rare.as_ref()?.replaced.last().map(|context| &**context)
    }

    /// Notes the name of the pre-shared key that the library was given, if it was.
    pub(crate) fn set_psk_identity(&mut self, identity: Option<String>) {
        self.rare().psk_identity = identity;
    }

    /// Name of the last pre-shared key that a server gave to the library.
    pub(crate) fn psk_identity(&self) -> Option<&str> {
        self.rare.as_ref()?.psk_identity.as_deref()
    }
}
