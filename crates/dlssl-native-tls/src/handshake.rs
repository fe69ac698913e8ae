//! A handshake that is not done: it failed, or waits for its inner stream.

use std::error::Error as StdError;
use std::fmt;
use std::io::{Read, Write};

use crate::records::Records;
use crate::{Error, TlsStream};

/// Why a handshake is not done.
#[derive(Debug)]
pub enum HandshakeError<S> {
    /// It failed for good.
    Failure(Error),
    /// The inner stream is not ready: it can be gone on with.
    WouldBlock(MidHandshakeTlsStream<S>),
}

impl<S> From<Error> for HandshakeError<S> {
    fn from(error: Error) -> Self {
        Self::Failure(error)
    }
}

impl<S> fmt::Display for HandshakeError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(error) => error.fmt(f),
            Self::WouldBlock(waiting) => write!(f, "the handshake waits for its inner stream: {}", waiting.0.error()),
        }
    }
}

impl<S: fmt::Debug> StdError for HandshakeError<S> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failure(error) => error.source(),
            Self::WouldBlock(_) => None,
        }
    }
}

/// A handshake that waits for its inner stream.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use dlssl_native_tls::{HandshakeError, TlsConnector};
///
/// # let root = dlssl_native_tls::Certificate::from_pem(&std::fs::read("ca.pem")?)?;
/// let connector = TlsConnector::builder().add_root_certificate(root).disable_built_in_roots(true).build()?;
/// let tcp = std::net::TcpStream::connect(server)?;
/// tcp.set_nonblocking(true)?;
/// let mut step = connector.connect("example.org", tcp);
/// let tls = loop {
///     match step {
///         Ok(tls) => break tls,
///         Err(HandshakeError::WouldBlock(mut waiting)) => {
///             waiting.get_mut().set_ttl(64)?;
///             println!("poll {:?} here", waiting.get_ref());
///             step = waiting.handshake();
///         }
///         Err(HandshakeError::Failure(error)) => return Err(error.into()),
///     }
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MidHandshakeTlsStream<S>(dlssl::MidHandshake<Records<S>>);

impl<S> MidHandshakeTlsStream<S> {
    /// The inner stream.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        self.0.get_ref().get_ref()
    }

    /// The inner stream. Reading from it or writing to it breaks the connection.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut S {
        self.0.get_mut().get_mut()
    }
}

impl<S: Read + Write> MidHandshakeTlsStream<S> {
    /// Goes on.
    ///
    /// # Errors
    /// As for the call that began the handshake.
    pub fn handshake(self) -> Result<TlsStream<S>, HandshakeError<S>> {
        finish(self.0.resume())
    }
}

impl<S> fmt::Debug for MidHandshakeTlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MidHandshakeTlsStream").field(&self.0).finish()
    }
}

type Outcome<S> = Result<dlssl::TlsStream<Records<S>>, dlssl::HandshakeError<Records<S>>>;

/// What became of a step of a handshake, under these names.
pub(crate) fn finish<S>(outcome: Outcome<S>) -> Result<TlsStream<S>, HandshakeError<S>> {
    match outcome {
        Ok(tls) => Ok(TlsStream::new(tls)),
        Err(dlssl::HandshakeError::Blocked(waiting)) => Err(HandshakeError::WouldBlock(MidHandshakeTlsStream(waiting))),
        Err(dlssl::HandshakeError::Failed(failed)) => Err(Error::from(failed.into_error()).into()),
    }
}
