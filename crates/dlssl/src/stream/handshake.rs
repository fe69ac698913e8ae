//! From a context to a stream: the handshake, and its pause where the inner stream is not ready.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Read, Write};
use std::time::Instant;

use dlssl_core::ErrorStack;

use super::attempt::Verdict;
use super::connection::{Connection, Step, Transport};
#[cfg(unix)]
use super::library_socket::LibrarySocket;
use super::limits::{Limits, Operation, Timeouts, Turn};
use super::{TlsStream, alert};
use crate::bio::Interest;
use crate::bio::stream::{AHEAD, Functions, StreamBio, is_pause};
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::hostname::ServerName;
use crate::raw::{Handle, MOST_IN_RECORD, Ssl};

/// What a connection starts with.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// Bytes of the peer that were read already.
    pub(crate) received: Vec<u8>,
    pub(crate) limits: Limits,
    /// Size of the read-ahead buffer in bytes.
    pub(crate) read_ahead: usize,
    /// Most bytes of plain text in one record of ours.
    pub(crate) record_size: usize,
}

impl Default for Start {
    fn default() -> Self {
        Self { received: Vec::new(), limits: Limits::default(), read_ahead: AHEAD, record_size: MOST_IN_RECORD }
    }
}

impl Start {
    fn check(&self) -> Result<(), Error> {
        let sizes = [
            ("the read-ahead buffer", self.read_ahead, 512, 1024 * 1024),
            ("a record", self.record_size, 512, MOST_IN_RECORD),
        ];
        for (what, size, least, most) in sizes {
            if !(least..=most).contains(&size) {
                let words = format!("{what} has {least} to {most} bytes, not {size}");
                return Err(Error::new(ErrorKind::Configuration, words));
            }
        }
        Ok(())
    }
}

/// A connection that has no transport yet.
pub(crate) struct Opening {
    ssl: Ssl,
    context: Context,
    start: Start,
}

impl Opening {
    pub(crate) fn new(context: &Context, start: Start) -> Result<Self, Error> {
        context.library().check_process().map_err(|inherited| Error::from(inherited).of(context.library()))?;
        start.check().map_err(|error| error.of(context.library()))?;
        let ssl = Ssl::new(context.raw()).map_err(failed(context, "cannot make a connection"))?;
        Ok(Self { ssl, context: context.clone(), start })
    }

    pub(crate) fn client(&self, name: &ServerName, check_name: bool, sni: bool) -> Result<(), Error> {
        self.ssl.set_client();
        if check_name {
            self.ssl.expect_name(name).map_err(failed(&self.context, "cannot set the name to verify"))?;
        }
        match name {
            ServerName::Dns(host) if sni => self
                .ssl
                .set_server_name_indication(host)
                .map_err(failed(&self.context, "cannot set the name to send (SNI)")),
            // SNI has no IP addresses (RFC 6066).
            _ => Ok(()),
        }
    }

    pub(crate) fn server(self) -> Self {
        self.ssl.set_server();
        self
    }

    pub(crate) fn stream<S: Read + Write>(self, stream: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        self.ours(stream, Functions::of_stream())
    }

    #[cfg(unix)]
    pub(crate) fn socket<S: std::os::fd::AsFd>(self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        self.ours(socket, Functions::of_socket())
    }

    #[cfg(unix)]
    pub(crate) fn openssl_socket<S: std::os::fd::AsFd>(self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        match self.use_descriptor(&socket) {
            Ok(descriptor) => self.handshake(Transport::Library(LibrarySocket::new(socket, descriptor))),
            Err(error) => Err(HandshakeError::before(error, socket)),
        }
    }

    #[cfg(unix)]
    fn use_descriptor(&self, socket: &impl std::os::fd::AsFd) -> Result<std::os::fd::OwnedFd, Error> {
        use std::os::fd::AsRawFd;
        if !self.start.received.is_empty() {
            let words = "OpenSSL's socket BIO cannot start on received bytes";
            return Err(Error::new(ErrorKind::Configuration, words).of(self.context.library()));
        }
        let descriptor = socket.as_fd().try_clone_to_owned().map_err(|error| {
            Error::new(ErrorKind::Io, "cannot duplicate the socket's descriptor")
                .with_io(error)
                .of(self.context.library())
        })?;
        self.ssl.use_descriptor(descriptor.as_raw_fd()).map_err(failed(&self.context, "cannot use the socket"))?;
        Ok(descriptor)
    }

    fn ours<S>(mut self, stream: S, functions: Functions<S>) -> Result<TlsStream<S>, HandshakeError<S>> {
        if let Err(queue) = self.ssl.use_our_bio(self.context.method()) {
            return Err(HandshakeError::before(failed(&self.context, "cannot make a BIO")(queue), stream));
        }
        let received = std::mem::take(&mut self.start.received);
        let bio = StreamBio::new(stream, functions, received, self.start.read_ahead);
        self.handshake(Transport::Ours(bio))
    }

    fn handshake<S>(self, transport: Transport<S>) -> Result<TlsStream<S>, HandshakeError<S>> {
        let Start { limits, record_size, .. } = self.start;
        let connection = Box::new(Connection::new(self.ssl, transport, self.context, limits, record_size));
        handshake(connection, None)
    }
}

fn failed<'a>(context: &'a Context, what: &'static str) -> impl Fn(ErrorStack) -> Error + 'a {
    move |queue| Error::new(ErrorKind::Library, what).with_queue(queue).of(context.library())
}

/// Handshakes until it is done, fails, or the inner stream is not ready. `turn` is the time of a handshake that has
/// begun.
fn handshake<S>(mut connection: Box<Connection<S>>, turn: Option<Turn>) -> Result<TlsStream<S>, HandshakeError<S>> {
    let mut turn = match connection.begin_handshake(turn) {
        Ok(turn) => turn,
        Err(error) => return Err(paused(connection, None, error)),
    };
    loop {
        let pause = match connection.handshake_step() {
            Ok(Step::Done(())) => return Ok(TlsStream::new(*connection)),
            Ok(Step::Pause(interest, error)) => connection.wait(&mut turn, interest, error),
            Err(Failure::InnerStream(error)) => Err(error),
            Err(Failure::Tls(error)) => return Err(HandshakeError::failed(error, *connection)),
        };
        if let Err(error) = pause {
            return Err(paused(connection, Some(turn), error));
        }
    }
}

/// Why a step of a handshake failed.
enum Failure {
    InnerStream(io::Error),
    Tls(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Tls(error)
    }
}

impl<S> Connection<S> {
    /// A handshake's time runs from its beginning, through all its resumptions.
    fn begin_handshake(&mut self, turn: Option<Turn>) -> io::Result<Turn> {
        let mut new = self.begin(Operation::Handshake)?;
        if let Some(turn) = turn {
            new.goes_on_with(&turn);
            new.check()?;
        }
        // It runs from here, and not from the first wait: who polls a non-blocking socket never waits here.
        new.until();
        Ok(new)
    }

    fn handshake_step(&mut self) -> Result<Step<()>, Failure> {
        loop {
            // Some versions do not flush a flight and go on to read the answer: what waits goes first.
            if let Step::Pause(interest, error) = self.send_step().map_err(Failure::InnerStream)? {
                return Ok(Step::Pause(interest, error));
            }
            let outcome = self.attempt(Handle::Handshake);
            if self.has_refused_alpn() {
                self.send_some();
                let words = "the handshake failed: no application protocol (ALPN) in common with the peer";
                return Err(self.error(ErrorKind::Handshake, words).into());
            }
            match outcome {
                // Suites without authentication do not come by default, but a program's own list may hold some.
                Ok(Verdict::Done(_)) if self.lacks_certificate() => {
                    return Err(self.error(ErrorKind::Certificate, "the peer showed no certificate").into());
                }
                Ok(Verdict::Done(_)) => {
                    self.set_established();
                    // The last flight may still wait to be sent; the first write or read goes on with it.
                    return self.send_step().map(|_| Step::Done(())).map_err(Failure::InnerStream);
                }
                Ok(Verdict::Later(..)) if self.unsent() > 0 => {}
                Ok(Verdict::Later(interest, pause)) => return Ok(Step::Pause(interest, pause)),
                Ok(Verdict::Closed) => {
                    let words = "the peer closed the connection in the handshake";
                    return Err(self.error(ErrorKind::Handshake, words).into());
                }
                Err(error) => {
                    // The alert that says why is for the peer; that it arrives cannot be made sure of. An inner stream
                    // that has failed is left alone.
                    if error.kind() != ErrorKind::Io {
                        self.send_some();
                    }
                    return Err(in_handshake(error).into());
                }
            }
        }
    }
}

/// A pause that the caller can go on from, or the end.
fn paused<S>(connection: Box<Connection<S>>, turn: Option<Turn>, error: io::Error) -> HandshakeError<S> {
    if is_pause(&error) {
        // A time that is over is no time to go on with.
        let turn = turn.filter(|turn| turn.check().is_ok());
        HandshakeError::Blocked(MidHandshake { connection, turn, pause: error })
    } else {
        let error = connection.error(ErrorKind::Io, "the inner stream failed").with_io(error);
        HandshakeError::failed(error, *connection)
    }
}

/// A breach of the protocol during the handshake is a failed handshake.
fn in_handshake(error: Error) -> Error {
    if error.kind() == ErrorKind::Protocol {
        let words = alert::words(error.queue())
            .map_or_else(|| "the handshake failed".to_owned(), |words| format!("the handshake failed: {words}"));
        error.rephrased(ErrorKind::Handshake, words)
    } else if error.kind() == ErrorKind::UnexpectedEof {
        error.rephrased(ErrorKind::UnexpectedEof, "the peer closed the connection in the handshake")
    } else {
        error
    }
}

/// Why a handshake is not done.
pub enum HandshakeError<S> {
    /// It failed for good.
    Failed(FailedHandshake<S>),
    /// The inner stream is not ready, or a deadline has passed: it can be gone on with.
    Blocked(MidHandshake<S>),
}

impl<S> HandshakeError<S> {
    fn failed(error: Error, connection: Connection<S>) -> Self {
        Self::Failed(FailedHandshake { error, stream: Some(connection.into_parts().0) })
    }

    /// A handshake that could not begin.
    pub(crate) fn before(error: Error, stream: S) -> Self {
        Self::Failed(FailedHandshake { error, stream: Some(stream) })
    }

    /// Kind of the error; [`ErrorKind::WouldBlock`] or [`ErrorKind::TimedOut`] where it can be gone on with.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Failed(failed) => failed.error.kind(),
            Self::Blocked(blocked) => blocked.kind(),
        }
    }
}

/// A handshake that failed: why, and the inner stream.
pub struct FailedHandshake<S> {
    error: Error,
    stream: Option<S>,
}

impl<S> FailedHandshake<S> {
    /// Why.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Why, without the stream.
    #[must_use]
    pub fn into_error(self) -> Error {
        self.error
    }

    /// The inner stream, in the state in which the handshake left it: bytes of the peer may be read already. `None`
    /// where the error came about without a stream.
    #[must_use]
    pub fn into_inner(self) -> Option<S> {
        self.stream
    }
}

impl<S> fmt::Display for FailedHandshake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<S> fmt::Debug for FailedHandshake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedHandshake").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<S> StdError for FailedHandshake<S> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}

/// A handshake that waits for its inner stream.
pub struct MidHandshake<S> {
    connection: Box<Connection<S>>,
    /// What is left of its time.
    turn: Option<Turn>,
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

    /// Time limits for what follows; see [`Timeouts`].
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.connection.limits.timeouts = timeouts;
        self.turn = None;
    }

    /// Gives up: the inner stream, in the state in which the handshake left it.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.connection.into_parts().0
    }

    /// Goes on.
    ///
    /// # Errors
    /// As for the call that began the handshake.
    pub fn resume(self) -> Result<TlsStream<S>, HandshakeError<S>> {
        handshake(self.connection, self.turn)
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
        Self::Failed(FailedHandshake { error, stream: None })
    }
}

impl<S> From<FailedHandshake<S>> for Error {
    fn from(failed: FailedHandshake<S>) -> Self {
        failed.error
    }
}

/// Gives up a handshake that could be gone on with.
impl<S> From<HandshakeError<S>> for Error {
    fn from(error: HandshakeError<S>) -> Self {
        match error {
            HandshakeError::Failed(failed) => failed.error,
            HandshakeError::Blocked(blocked) => {
                let kind = blocked.kind();
                let MidHandshake { connection, pause, .. } = blocked;
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
            Self::Failed(failed) => failed.fmt(f),
            Self::Blocked(blocked) => write!(f, "the handshake waits for its inner stream: {}", blocked.pause),
        }
    }
}

impl<S> fmt::Debug for HandshakeError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failed) => f.debug_tuple("Failed").field(&failed.error).finish(),
            Self::Blocked(blocked) => f.debug_tuple("Blocked").field(blocked).finish(),
        }
    }
}

impl<S> StdError for HandshakeError<S> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(failed) => failed.source(),
            Self::Blocked(blocked) => Some(&blocked.pause),
        }
    }
}
