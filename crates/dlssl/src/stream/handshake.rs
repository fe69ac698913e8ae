//! From a context to a stream: the handshake, and its pause where the inner stream is not ready.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use dlssl_core::ErrorStack;
use dlssl_core::compat::configure::Applied;

use super::connection::{Connection, LibrarySocket, Transport, Verdict, check_session};
use super::early::Early;
use super::{TlsStream, alert};
use crate::bio::Interest;
use crate::bio::stream::{Functions, StreamBio, is_pause};
use crate::context::{Context, Identities, SessionKey};
use crate::error::{Error, ErrorKind};
use crate::hostname::ServerName;
use crate::raw::{Ssl, SslContext};
use crate::session::Session;

/// A connection that has no transport yet.
pub(crate) struct Opening {
    ssl: Ssl,
    context: Context,
    deadline: Option<Instant>,
    /// Whom a client asks for.
    key: Option<SessionKey>,
    /// Context of the certificate that took the first one's place.
    replaced: Option<Arc<SslContext>>,
    early: Early,
}

impl Opening {
    pub(crate) fn new(context: &Context, deadline: Option<Instant>) -> Result<Self, Error> {
        context.library().check_process().map_err(|inherited| Error::from(inherited).of(context.library()))?;
        let ssl = Ssl::new(context.raw()).map_err(failed(context, "cannot make a connection"))?;
        Ok(Self { ssl, context: context.clone(), deadline, key: None, replaced: None, early: Early::default() })
    }

    /// Makes this the client's side: the name to ask for and to check, and a session to go on with.
    pub(crate) fn client(
        mut self,
        key: SessionKey,
        session: Option<Session>,
        early: Option<Vec<u8>>,
    ) -> Result<Self, Error> {
        self.ssl.set_client();
        if key.check_name {
            let no_wildcards = self.context.refuses_wildcards();
            self.ssl
                .expect_name(&key.name, no_wildcards)
                .map_err(failed(&self.context, "cannot set the name to verify"))?;
        }
        match &key.name {
            ServerName::Dns(host) if key.sni => self
                .ssl
                .set_server_name_indication(host)
                .map_err(failed(&self.context, "cannot set the name to send (SNI)"))?,
            // SNI has no IP addresses (RFC 6066).
            _ => {}
        }
        let hooks = self.context.hooks();
        if hooks.request_ocsp && self.ssl.request_status() != Applied::Done {
            let words = "the library cannot ask for a certificate status";
            return Err(Error::new(ErrorKind::Unsupported, words).of(self.context.library()));
        }
        let remembered = || hooks.sessions.as_ref()?.take(&key);
        if let Some(session) = session.or_else(remembered) {
            let offer = self.ssl.offer_session(session.raw());
            offer.map_err(failed(&self.context, "cannot offer the session"))?;
            if let Some(data) = early.filter(|data| (1..=session.raw().most_early_data()).contains(&data.len())) {
                // The session decides who can read it: so that is looked at before, and not only after.
                check_session(&self.ssl, &self.context, &key)?;
                self.early = Early::Send(data);
            }
        }
        self.key = Some(key);
        Ok(self)
    }

    pub(crate) fn server(mut self) -> Self {
        self.ssl.set_server();
        self.replaced = self.context.hooks().identities.as_ref().and_then(Identities::replaced);
        if let Some(context) = &self.replaced {
            self.ssl.switch_context(context);
        }
        if self.context.hooks().takes_early_data {
            self.early = Early::Take(Vec::new());
        }
        self
    }

    pub(crate) fn stream<S: Read + Write>(
        self,
        stream: S,
        received: Vec<u8>,
    ) -> Result<TlsStream<S>, HandshakeError<S>> {
        self.ours(StreamBio::new(stream, Functions::of_stream(), received))
    }

    #[cfg(unix)]
    pub(crate) fn socket<S: std::os::fd::AsFd>(
        self,
        socket: S,
        received: Vec<u8>,
    ) -> Result<TlsStream<S>, HandshakeError<S>> {
        self.ours(StreamBio::new(socket, Functions::of_socket(), received))
    }

    #[cfg(unix)]
    pub(crate) fn openssl_socket<S: std::os::fd::AsFd>(self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        use std::os::fd::AsRawFd;
        let descriptor = socket.as_fd().try_clone_to_owned().map_err(|error| {
            Error::new(ErrorKind::Io, "cannot duplicate the socket's descriptor")
                .with_io(error)
                .of(self.context.library())
        })?;
        self.ssl.use_descriptor(descriptor.as_raw_fd()).map_err(failed(&self.context, "cannot use the socket"))?;
        self.begin(Transport::Library(LibrarySocket { socket, descriptor, again: Vec::new() }))
    }

    fn ours<S>(self, bio: StreamBio<S>) -> Result<TlsStream<S>, HandshakeError<S>> {
        self.ssl.use_our_bio(self.context.method()).map_err(failed(&self.context, "cannot make a BIO"))?;
        self.begin(Transport::Ours(bio))
    }

    fn begin<S>(self, transport: Transport<S>) -> Result<TlsStream<S>, HandshakeError<S>> {
        let mut connection = Connection::new(self.ssl, transport, self.context, self.deadline);
        connection.set_up(self.key, self.replaced, self.early);
        handshake(Box::new(connection))
    }
}

fn failed<'a>(context: &'a Context, what: &'static str) -> impl Fn(ErrorStack) -> Error + 'a {
    move |queue| Error::new(ErrorKind::Library, what).with_queue(queue).of(context.library())
}

/// Handshakes, and tells the log what came of it.
fn handshake<S>(connection: Box<Connection<S>>) -> Result<TlsStream<S>, HandshakeError<S>> {
    let (key, context) = (connection.session_key().cloned(), connection.context().clone());
    let outcome = drive(connection);
    match &outcome {
        Ok(tls) => log_success(tls, key.as_ref()),
        Err(HandshakeError::Blocked(_)) => {}
        Err(HandshakeError::Failed(error)) => {
            // Nothing that led here is tried a second time.
            if let (Some(cache), Some(key)) = (&context.hooks().sessions, &key) {
                cache.forget(key);
            }
            let level = if error.verify().is_some() { log::Level::Warn } else { log::Level::Debug };
            match &key {
                Some(key) => log::log!(target: "dlssl::handshake", level, "with {} failed: {error}", key.name),
                None => log::log!(target: "dlssl::handshake", level, "with a client failed: {error}"),
            }
        }
    }
    outcome
}

fn log_success<S>(tls: &TlsStream<S>, key: Option<&SessionKey>) {
    if !log::log_enabled!(target: "dlssl::handshake", log::Level::Debug) {
        return;
    }
    let peer = match key {
        Some(key) => key.name.to_string(),
        None => format!("a client for {}", tls.server_name().unwrap_or("no name")),
    };
    let how = if tls.session_reused() { ", resumed" } else { "" };
    let library = tls.library();
    log::debug!(
        target: "dlssl::handshake",
        "with {peer} done: {} {}{how} ({} {})", tls.protocol_name(), tls.cipher(), library.flavour(), library.version(),
    );
}

/// Handshakes until it is done, fails, or the inner stream is not ready.
fn drive<S>(mut connection: Box<Connection<S>>) -> Result<TlsStream<S>, HandshakeError<S>> {
    loop {
        // Some versions do not flush a flight and go on to read the answer: what waits goes first.
        if let Err(error) = connection.send_waiting() {
            return Err(paused(connection, error));
        }
        let outcome = connection.handshake_step();
        if connection.has_refused_alpn() {
            connection.send_some();
            let words = "the handshake failed: no application protocol (ALPN) in common with the peer";
            return Err(connection.error(ErrorKind::Handshake, words).into());
        }
        if let Some(error) = connection.take_failure() {
            connection.send_some();
            return Err(error.into());
        }
        let (interest, pause) = match outcome {
            // Suites without authentication do not come by default, but a program's own list may hold some.
            Ok(Verdict::Done(_)) if connection.lacks_certificate() => {
                let error = connection.error(ErrorKind::Certificate, "the peer showed no certificate");
                return Err(error.into());
            }
            Ok(Verdict::Done(_)) if connection.lacks_pin() => {
                let error = connection.error(ErrorKind::Certificate, "the peer's certificate fits none of the pins");
                return Err(error.into());
            }
            Ok(Verdict::Done(_)) => {
                connection.check_resumed()?;
                connection.set_established();
                return match connection.send_waiting() {
                    // The last flight may still wait to be sent; the first write or read goes on with it.
                    Err(error) if !is_pause(&error) => Err(paused(connection, error)),
                    _ => Ok(TlsStream { connection: *connection }),
                };
            }
            Ok(Verdict::Later(interest, pause)) => (interest, pause),
            Ok(Verdict::Closed) => {
                let error = connection.error(ErrorKind::Handshake, "the peer closed the connection in the handshake");
                return Err(error.into());
            }
            Err(error) => {
                // The alert that says why is for the peer; that it arrives cannot be made sure of. An inner stream that
                // has failed is left alone.
                if error.kind() != ErrorKind::Io {
                    connection.send_some();
                }
                return Err(in_handshake(error).into());
            }
        };
        if connection.unsent() > 0 {
            continue;
        }
        if let Err(error) = connection.wait(interest, pause) {
            return Err(paused(connection, error));
        }
    }
}

/// A pause that the caller can go on from, or the end.
fn paused<S>(connection: Box<Connection<S>>, error: io::Error) -> HandshakeError<S> {
    if is_pause(&error) {
        HandshakeError::Blocked(MidHandshake { connection, pause: error })
    } else {
        connection.error(ErrorKind::Io, "the inner stream failed").with_io(error).into()
    }
}

/// A breach of the protocol during the handshake is a failed handshake.
fn in_handshake(error: Error) -> Error {
    if error.kind() == ErrorKind::Protocol {
        let words = alert::words(error.queue())
            .map_or_else(|| "the handshake failed".to_owned(), |words| format!("the handshake failed: {words}"));
        let kind = if alert::lacks_certificate(error.queue()) { ErrorKind::Certificate } else { ErrorKind::Handshake };
        error.rephrased(kind, words)
    } else if error.kind() == ErrorKind::UnexpectedEof {
        error.rephrased(ErrorKind::UnexpectedEof, "the peer closed the connection in the handshake")
    } else {
        error
    }
}

/// Why a handshake is not done.
pub enum HandshakeError<S> {
    /// It failed for good.
    Failed(Error),
    /// The inner stream is not ready, or a deadline has passed: it can be gone on with.
    Blocked(MidHandshake<S>),
}

impl<S> HandshakeError<S> {
    /// Kind of the error; [`ErrorKind::WouldBlock`] or [`ErrorKind::TimedOut`] where it can be gone on with.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Failed(error) => error.kind(),
            Self::Blocked(blocked) => blocked.kind(),
        }
    }
}

/// A handshake that waits for its inner stream.
pub struct MidHandshake<S> {
    connection: Box<Connection<S>>,
    pause: io::Error,
}

impl<S> MidHandshake<S> {
    /// Whether it waits for the inner stream to become readable.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.connection.waits_for() != Some(Interest::Write)
    }

    /// Whether it waits for the inner stream to become writable.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.connection.waits_for() != Some(Interest::Read)
    }

    /// What the inner stream said: `WouldBlock` or `TimedOut`.
    #[must_use]
    pub fn error(&self) -> &io::Error {
        &self.pause
    }

    /// The inner stream.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        self.connection.inner()
    }

    /// The inner stream. Reading from it or writing to it breaks the connection.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut S {
        self.connection.inner_mut()
    }

    /// Latest time for what follows, or none; see [`TlsStream::set_deadline`].
    pub fn set_deadline(&mut self, at: Option<Instant>) {
        self.connection.set_deadline(at);
    }

    /// Goes on.
    ///
    /// # Errors
    /// As for the call that began the handshake.
    pub fn resume(self) -> Result<TlsStream<S>, HandshakeError<S>> {
        self.connection.check_process()?;
        handshake(self.connection)
    }

    fn kind(&self) -> ErrorKind {
        if self.pause.kind() == io::ErrorKind::TimedOut { ErrorKind::TimedOut } else { ErrorKind::WouldBlock }
    }
}

impl<S> fmt::Debug for MidHandshake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MidHandshake").field("pause", &self.pause).finish_non_exhaustive()
    }
}

impl<S> From<Error> for HandshakeError<S> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Gives up a handshake that could be gone on with.
impl<S> From<HandshakeError<S>> for Error {
    fn from(error: HandshakeError<S>) -> Self {
        match error {
            HandshakeError::Failed(error) => error,
            HandshakeError::Blocked(blocked) => {
                let kind = blocked.kind();
                let MidHandshake { connection, pause } = blocked;
                connection.error(kind, "the handshake is not done").with_io(pause)
            }
        }
    }
}

impl<S> From<HandshakeError<S>> for io::Error {
    fn from(error: HandshakeError<S>) -> Self {
        Error::from(error).into()
    }
}

impl<S> fmt::Display for HandshakeError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Blocked(blocked) => write!(f, "the handshake waits for its inner stream: {}", blocked.pause),
        }
    }
}

impl<S> fmt::Debug for HandshakeError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::Blocked(blocked) => f.debug_tuple("Blocked").field(blocked).finish(),
        }
    }
}

impl<S> StdError for HandshakeError<S> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::Blocked(blocked) => Some(&blocked.pause),
        }
    }
}
