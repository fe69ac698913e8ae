//! A handshake that is not done: it failed, and gives the inner stream back, or it waits for that stream.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Instant;

use super::TlsStream;
use super::connection::Connection;
use super::handshake::handshake;
use super::limits::{Timeouts, Turn};
use crate::bio::Interest;
use crate::error::{Error, ErrorKind};

/// Why a handshake is not done.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// let library = dlssl::current()?;
/// let connector = dlssl::Connector::builder(&library).roots(dlssl::Roots::file("ca.pem")).build()?;
/// match connector.connect("other.test", std::net::TcpStream::connect(server)?) {
///     Ok(tls) => println!("{}", tls.protocol_name()),
///     Err(error) if error.kind() == dlssl::ErrorKind::Certificate => println!("not trusted: {error}"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub enum HandshakeError<S> {
    /// It failed for good.
    Failed(FailedHandshake<S>),
    /// The inner stream is not ready, or a deadline has passed: it can be gone on with.
    Blocked(MidHandshake<S>),
}

impl<S> HandshakeError<S> {
    pub(super) fn failed(error: Error, connection: Connection<S>) -> Self {
        Self::Failed(FailedHandshake { error, stream: Some(connection.into_parts().0) })
    }

    /// A handshake that could not begin.
    pub(crate) fn before(error: Error, stream: S) -> Self {
        Self::Failed(FailedHandshake::new(error, stream))
    }

    /// Gives up: a handshake that could be gone on with has failed, for want of time.
    pub fn into_failed(self) -> FailedHandshake<S> {
        match self {
            Self::Failed(failed) => failed,
            Self::Blocked(blocked) => blocked.into_failed(),
        }
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

/// A handshake that failed: why, and the inner stream. Not every version tells the peer before it closes: for as long as
/// this is kept, the peer may wait for an answer.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use dlssl::{Connector, FailedHandshake, Roots};
/// use std::net::TcpStream;
///
/// let library = dlssl::current()?;
/// let connector = Connector::builder(&library).roots(Roots::file("ca.pem")).build()?;
/// let Err(error) = connector.connect("other.test", TcpStream::connect(server)?) else {
///     return Err("it is not for that name".into());
/// };
/// let failed: FailedHandshake<TcpStream> = error.into_failed();
/// println!("{}", failed.error());
/// let tcp = failed.into_inner();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FailedHandshake<S> {
    error: Error,
    stream: Option<S>,
}

impl<S> FailedHandshake<S> {
    /// Makes one of a reason for which a handshake could not begin.
    pub fn new(error: Error, stream: S) -> Self {
        Self { error, stream: Some(stream) }
    }

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

    /// Makes something else of the inner stream, for who had wrapped it.
    pub fn map<T>(self, change: impl FnOnce(S) -> T) -> FailedHandshake<T> {
        FailedHandshake { error: self.error, stream: self.stream.map(change) }
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
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use std::time::{Duration, Instant};
///
/// let library = dlssl::current()?;
/// let connector = dlssl::Connector::builder(&library).roots(dlssl::Roots::file("ca.pem")).build()?;
/// let tcp = std::net::TcpStream::connect(server)?;
/// tcp.set_nonblocking(true)?;
/// let mut step = connector.connect("example.org", tcp);
/// let tls = loop {
///     match step {
///         Ok(tls) => break tls,
///         Err(dlssl::HandshakeError::Blocked(mut waiting)) => {
///             waiting.set_deadline(Some(Instant::now() + Duration::from_secs(10)));
///             // Wait with poll or the like: for reading if `wants_read`, for writing if `wants_write`; until `until`.
///             println!("{:?}: {} {}", waiting.get_ref(), waiting.wants_read(), waiting.wants_write());
///             println!("at most until {:?}", waiting.until());
///             assert_eq!(waiting.error().kind(), std::io::ErrorKind::WouldBlock);
///             step = waiting.resume();
///         }
///         Err(dlssl::HandshakeError::Failed(failed)) => return Err(failed.into_error().into()),
///     }
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MidHandshake<S> {
    connection: Box<Connection<S>>,
    /// What is left of its time.
    turn: Option<Turn>,
    pause: io::Error,
}

impl<S> MidHandshake<S> {
    pub(super) fn new(connection: Box<Connection<S>>, turn: Option<Turn>, pause: io::Error) -> Self {
        Self { connection, turn, pause }
    }

    /// Whether it waits for the inner stream to become readable.
    #[must_use]
    #[doc(alias = "SSL_want_read")]
    pub fn wants_read(&self) -> bool {
        !self.is_suspended() && self.connection.waits_for() != Some(Interest::Write)
    }

    /// Whether it waits for the inner stream to become writable.
    #[must_use]
    #[doc(alias = "SSL_want_write")]
    pub fn wants_write(&self) -> bool {
        !self.is_suspended() && self.connection.waits_for() != Some(Interest::Read)
    }

    /// Whether it waits for the program alone: the function of
    /// [`client_hello_with`](crate::AcceptorBuilder::client_hello_with) answered
    /// [`HelloAnswer::Wait`](crate::HelloAnswer::Wait), and is asked again by [`resume`](Self::resume).
    #[must_use]
    #[doc(alias = "SSL_want_client_hello_cb")]
    pub fn is_suspended(&self) -> bool {
        self.connection.is_suspended()
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

    /// When its time is over: the deadline, or what is left of the limit for handshakes, whichever comes first; `None`
    /// where it has all the time. For who waits outside: [`resume`](Self::resume) after that fails with `TimedOut`.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        let limit = self.turn.as_ref().and_then(Turn::ends);
        let deadline = self.connection.limits.deadline();
        limit.into_iter().chain(deadline).min()
    }

    /// Time limits for what follows; see [`Timeouts`].
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.connection.limits.set_timeouts(timeouts);
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
        // Before the sessions are asked for: their lock may be one that a thread of the parent held.
        if let Err(error) = self.connection.check_process() {
            return Err(HandshakeError::failed(error, *self.connection));
        }
        handshake(self.connection, self.turn)
    }

    fn into_failed(self) -> FailedHandshake<S> {
        let kind = self.kind();
        let Self { connection, pause, .. } = self;
        let error = connection.error(kind, "the handshake is not done").with_io(pause);
        FailedHandshake { error, stream: Some(connection.into_parts().0) }
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
        error.into_failed().error
    }
}

impl<S> From<FailedHandshake<S>> for io::Error {
    fn from(failed: FailedHandshake<S>) -> Self {
        failed.error.into()
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
