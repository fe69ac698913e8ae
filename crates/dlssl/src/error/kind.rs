//! Kinds of errors: the same on every library.

use std::io;

/// What sort of thing went wrong.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// let library = dlssl::current()?;
/// let builder = dlssl::Connector::builder(&library).roots(dlssl::Roots::file("ca.pem"));
/// match builder.min_protocol(dlssl::Protocol::Tls13).build() {
///     Err(error) if error.kind() == dlssl::ErrorKind::Unsupported => println!("too old for TLS 1.3"),
///     other => println!("{:?}", other?),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No library could be loaded.
    Load,
    /// A setting is wrong in itself.
    Configuration,
    /// The loaded library cannot do what a setting asks for.
    Unsupported,
    /// No certificates to trust were found.
    NoRoots,
    /// A name that is neither a host name nor an IP address.
    InvalidName,
    /// A certificate or key cannot be read, or the two do not belong together.
    Pem,
    /// A private key is encrypted, and the password is missing or wrong.
    Password,
    /// A certificate was read and says something that makes no sense.
    Malformed,
    /// An object of one library load was to be used with another.
    MixedGenerations,
    /// The peer's certificate was refused, or one is demanded and the peer showed none.
    Certificate,
    /// The handshake failed: the peer refused, or the two sides have nothing in common.
    Handshake,
    /// The peer broke the protocol, or sent an alert.
    Protocol,
    /// The connection ended without an orderly close.
    UnexpectedEof,
    /// Nothing can be sent any more: this side has closed, or an earlier write failed.
    Closed,
    /// The inner stream failed.
    Io,
    /// The inner stream is not ready.
    WouldBlock,
    /// A deadline has passed.
    TimedOut,
    /// It was made before the fork that made this process: see
    /// [`Library::is_inherited`](crate::Library::is_inherited).
    Inherited,
    /// The library failed for another reason, such as a lack of memory.
    Library,
}

impl ErrorKind {
    /// Kind for an [`io::Error`].
    pub(crate) fn io(self) -> io::ErrorKind {
        match self {
            Self::WouldBlock => io::ErrorKind::WouldBlock,
            Self::TimedOut => io::ErrorKind::TimedOut,
            Self::UnexpectedEof => io::ErrorKind::UnexpectedEof,
            Self::Closed => io::ErrorKind::BrokenPipe,
            Self::Unsupported => io::ErrorKind::Unsupported,
            Self::Configuration | Self::InvalidName | Self::Pem | Self::Password | Self::MixedGenerations => {
                io::ErrorKind::InvalidInput
            }
            Self::Certificate | Self::Handshake | Self::Protocol | Self::Malformed => io::ErrorKind::InvalidData,
            Self::Load | Self::NoRoots => io::ErrorKind::NotFound,
            Self::Io | Self::Inherited | Self::Library => io::ErrorKind::Other,
        }
    }
}
