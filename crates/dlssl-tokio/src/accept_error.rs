//! Why a client of a [`TlsListener`](crate::TlsListener) was not served.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// One connection of a [`TlsListener`](crate::TlsListener) that came to nothing: whose, and why.
///
/// # Examples
/// ```no_run
/// # fn watched(listener: dlssl_tokio::TlsListener) {
/// use dlssl_tokio::AcceptErrorKind;
///
/// let listener = listener.on_failure(|error| match error.kind() {
///     AcceptErrorKind::Listener => eprintln!("{error}: {:?}", error.io_error()),
///     // Anybody may do that, as often as they like.
///     _ if error.tls().is_some_and(|tls| tls.verify().is_none()) => {}
///     _ => eprintln!("{:?}: {error}", error.peer()),
/// });
/// # }
/// ```
#[derive(Debug)]
pub struct AcceptError {
    peer: Option<SocketAddr>,
    cause: Cause,
}

#[derive(Debug)]
pub(crate) enum Cause {
    Listener(io::Error),
    Handshake(dlssl::Error),
    Late(Duration),
    Displaced,
    Panicked,
}

/// Kind of an [`AcceptError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AcceptErrorKind {
    /// The system gave no connection. Unless the client had gone already, it is asked again after a tenth of a second.
    Listener,
    /// The handshake failed; [`AcceptError::tls`] says why.
    Handshake,
    /// The handshake took longer than its limit.
    TimedOut,
    /// All places for handshakes were taken, and this one had been waited for longest.
    Displaced,
    /// A function of the program's that was called in the handshake has panicked.
    Panicked,
}

impl AcceptError {
    pub(crate) fn new(peer: Option<SocketAddr>, cause: Cause) -> Self {
        Self { peer, cause }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> AcceptErrorKind {
        match &self.cause {
            Cause::Listener(_) => AcceptErrorKind::Listener,
            Cause::Handshake(_) => AcceptErrorKind::Handshake,
            Cause::Late(_) => AcceptErrorKind::TimedOut,
            Cause::Displaced => AcceptErrorKind::Displaced,
            Cause::Panicked => AcceptErrorKind::Panicked,
        }
    }

    /// The client's address; none when there was no client.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The error of dlssl's, when the handshake failed.
    #[must_use]
    pub fn tls(&self) -> Option<&dlssl::Error> {
        match &self.cause {
            Cause::Handshake(error) => Some(error),
            _ => None,
        }
    }

    /// The system's error, when it gave no connection.
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.cause {
            Cause::Listener(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(peer) = self.peer {
            write!(f, "{peer}: ")?;
        }
        match &self.cause {
            Cause::Listener(error) => write!(f, "the listener has no connection: {error}"),
            Cause::Handshake(error) => error.fmt(f),
            Cause::Late(limit) => write!(f, "the handshake has not ended within {limit:?}"),
            Cause::Displaced => f.write_str("the handshake had to make room for another client's"),
            Cause::Panicked => f.write_str("a function that is called in the handshake has panicked"),
        }
    }
}

impl StdError for AcceptError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.cause {
            Cause::Listener(error) => Some(error),
            Cause::Handshake(error) => Some(error),
            _ => None,
        }
    }
}
