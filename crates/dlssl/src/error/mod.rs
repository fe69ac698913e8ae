//! What can go wrong with TLS: kind, the library's error queue, the verdict on a certificate, the inner error.

mod generations;
mod kind;

use std::fmt;
use std::io;

use dlssl_core::ffi::constants::{
    X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_HOSTNAME_MISMATCH,
    X509_V_ERR_IP_ADDRESS_MISMATCH,
};
use dlssl_core::{ErrorStack, Inherited, Library, LoadError, RandomError};

pub(crate) use generations::check_same_generation;
pub use kind::ErrorKind;

use crate::x509::Certificate;

/// Error of this crate. One pointer wide.
///
/// `source()` is the inner stream's error or the load error, where there is one.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use dlssl::{Connector, Error, ErrorKind, Roots};
///
/// let library = dlssl::current()?;
/// let connector = Connector::builder(&library).roots(Roots::file("ca.pem")).build()?;
/// let tcp = std::net::TcpStream::connect(server)?;
/// let error = Error::from(connector.connect("other.test", tcp).unwrap_err());
/// assert_eq!(error.kind(), ErrorKind::Certificate);
/// println!("{error}; on {}", error.library().unwrap_or_default());
/// for entry in error.queue().entries() {
///     println!("{:?}", entry.reason());
/// }
/// // What lies below, where that is not the library's own.
/// assert!(error.verify().is_some() && error.io_error().is_none() && error.load_error().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    /// What was being done or what is wrong, in a few words.
    message: String,
    queue: ErrorStack,
    verify: Option<VerifyFailure>,
    source: Option<Source>,
    library: Option<String>,
}

enum Source {
    Io(io::Error),
    Load(LoadError),
}

/// Why a certificate was refused.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// let library = dlssl::current()?;
/// let connector = dlssl::Connector::builder(&library).roots(dlssl::Roots::file("client.pem")).build()?;
/// let tcp = std::net::TcpStream::connect(server)?;
/// let error = dlssl::Error::from(connector.connect("example.org", tcp).unwrap_err());
/// let failure = error.verify().ok_or("not refused")?;
/// println!("{} ({}): {}, by {}", failure.reason(), failure.code(), failure.subject(), failure.issuer());
/// println!("{:?} at {}", failure.certificate(), failure.depth());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyFailure {
    pub(crate) code: i32,
    pub(crate) reason: String,
    pub(crate) depth: u32,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) subject: String,
    pub(crate) issuer: String,
}

impl VerifyFailure {
    /// C's number of the reason (`X509_V_ERR_…`); 50 for checks of dlssl's own and of the program.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.code
    }

    /// The library's text for it, such as `certificate has expired`.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Place in the chain: 0 is the peer's own certificate.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The refused certificate; `None` where the reason is about none.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Subject of the refused certificate, such as `CN=example.org`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Issuer of the refused certificate.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// Reason of ours for a certificate that the library would take by the name in its subject.
pub(crate) const NO_HOST_NAME: &str = "hostname mismatch: no host name among the alternative names";

/// The reason and the certificate; its dates where it is out of them, its alternative names where it is for others.
impl fmt::Display for VerifyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.reason)?;
        if self.subject.is_empty() {
            write!(f, "at depth {} of the chain", self.depth)?;
        } else {
            write!(f, "certificate {}, issued by {}, depth {}", self.subject, self.issuer, self.depth)?;
        }
        match (&self.certificate, self.code) {
            (Some(certificate), X509_V_ERR_CERT_NOT_YET_VALID | X509_V_ERR_CERT_HAS_EXPIRED) => {
                write!(f, ", valid {}", certificate.validity_line())?;
            }
            (Some(certificate), X509_V_ERR_HOSTNAME_MISMATCH | X509_V_ERR_IP_ADDRESS_MISMATCH) => {
                write!(f, ", {}", certificate.names_line())?;
            }
            (Some(certificate), _) if self.reason == NO_HOST_NAME => write!(f, ", {}", certificate.names_line())?,
            _ => {}
        }
        f.write_str(")")
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                message: message.into(),
                queue: ErrorStack::default(),
                verify: None,
                source: None,
                library: None,
            }),
        }
    }

    pub(crate) fn with_queue(mut self, queue: ErrorStack) -> Self {
        self.inner.queue = queue;
        self
    }

    pub(crate) fn with_verify(mut self, verify: VerifyFailure) -> Self {
        self.inner.verify = Some(verify);
        self
    }

    pub(crate) fn with_io(mut self, error: io::Error) -> Self {
        self.inner.source = Some(Source::Io(error));
        self
    }

    /// The same error said of a thing with this name.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.inner.message = format!("{name}: {}", self.inner.message);
        self
    }

    pub(crate) fn of(mut self, library: &Library) -> Self {
        self.inner.library = Some(library.version_text().to_owned());
        self
    }

    /// The same error said of a larger undertaking.
    pub(crate) fn rephrased(mut self, kind: ErrorKind, message: impl Into<String>) -> Self {
        self.inner.kind = kind;
        self.inner.message = message.into();
        self
    }

    /// Finds our error inside an [`io::Error`], as reads and writes give it, also below the errors of layers in between.
    ///
    /// ```
    /// let error = std::io::Error::other("not ours");
    /// assert!(dlssl::Error::from_io(&error).is_none());
    /// ```
    #[must_use]
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        let mut next: Option<&(dyn std::error::Error + 'static)> = error.get_ref().map(|inner| inner as _);
        while let Some(inner) = next {
            if let Some(ours) = inner.downcast_ref() {
                return Some(ours);
            }
            // An `io::Error` inside another skips its own payload in `source`.
            next = match inner.downcast_ref::<io::Error>() {
                Some(io) => io.get_ref().map(|inner| inner as _),
                None => inner.source(),
            };
        }
        None
    }

    /// Kind of the error; the same on every library.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The library's error queue, oldest entry first; empty where it reported nothing.
    #[must_use]
    pub fn queue(&self) -> &ErrorStack {
        &self.inner.queue
    }

    /// Why the peer's certificate was refused, when that is the error.
    #[must_use]
    pub fn verify(&self) -> Option<&VerifyFailure> {
        self.inner.verify.as_ref()
    }

    /// Version text of the library that said so.
    #[must_use]
    pub fn library(&self) -> Option<&str> {
        self.inner.library.as_deref()
    }

    /// The inner stream's error, when there is one.
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.inner.source {
            Some(Source::Io(error)) => Some(error),
            _ => None,
        }
    }

    /// The load error, when that is the cause.
    #[must_use]
    pub fn load_error(&self) -> Option<&LoadError> {
        match &self.inner.source {
            Some(Source::Load(error)) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)?;
        if let Some(verify) = &self.inner.verify {
            return write!(f, ": {verify}");
        }
        match &self.inner.source {
            Some(Source::Io(error)) => return write!(f, ": {error}"),
            Some(Source::Load(error)) => return write!(f, ": {error}"),
            None => {}
        }
        if !self.inner.queue.is_empty() {
            write!(f, ": {}", self.inner.queue)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.inner.kind)
            .field("message", &self.to_string())
            .field("library", &self.inner.library)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.inner.source {
            Some(Source::Io(error)) => Some(error),
            Some(Source::Load(error)) => Some(error),
            None => None,
        }
    }
}

impl From<Inherited> for Error {
    fn from(inherited: Inherited) -> Self {
        Self::new(ErrorKind::Inherited, inherited.to_string())
    }
}

impl From<RandomError> for Error {
    fn from(error: RandomError) -> Self {
        match error {
            RandomError::Inherited(inherited) => inherited.into(),
            RandomError::Library(queue) => {
                Self::new(ErrorKind::Library, "the library has no random bytes").with_queue(queue)
            }
            other => Self::new(ErrorKind::Library, other.to_string()),
        }
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        let mut this = Self::new(ErrorKind::Load, "no TLS library");
        this.inner.source = Some(Source::Load(error));
        this
    }
}

/// The inner stream's error comes out as it went in; everything else keeps this error as its payload.
impl From<Error> for io::Error {
    fn from(mut error: Error) -> Self {
        let kind = match (error.inner.kind, &error.inner.source) {
            (ErrorKind::Io | ErrorKind::WouldBlock | ErrorKind::TimedOut, Some(Source::Io(_))) => None,
            (kind, _) => Some(kind.io()),
        };
        match (kind, error.inner.source.take()) {
            (None, Some(Source::Io(inner))) => inner,
            (kind, source) => {
                error.inner.source = source;
                Self::new(kind.unwrap_or(io::ErrorKind::Other), error)
            }
        }
    }
}
