//! `Error`: dlssl's own, or one of the two things that only these names can ask for.

use std::error::Error as StdError;
use std::fmt;

/// Gives a value, or why there is none.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something failed: what, where, and on which library.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use dlssl_native_tls::{HandshakeError, TlsConnector, dlssl};
///
/// # let root = dlssl_native_tls::Certificate::from_pem(&std::fs::read("ca.pem")?)?;
/// let connector = TlsConnector::builder().add_root_certificate(root).disable_built_in_roots(true).build()?;
/// match connector.connect("other.test", std::net::TcpStream::connect(server)?) {
///     Err(HandshakeError::Failure(error)) => {
///         println!("{error}");
///         let kind = error.as_dlssl().map(dlssl::Error::kind);
///         assert_eq!(kind, Some(dlssl::ErrorKind::Certificate), "it is not for that name");
///     }
///     other => return Err(format!("{other:?}").into()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Error(Fault);

enum Fault {
    Tls(dlssl::Error),
    /// Nothing newer than SSL 3.0 was allowed.
    OnlySslv3,
    /// The key of an identity is in another form, or there is none.
    NotPkcs8,
}

impl Error {
    pub(crate) const ONLY_SSLV3: Self = Self(Fault::OnlySslv3);
    pub(crate) const NOT_PKCS8: Self = Self(Fault::NotPkcs8);

    /// The error of dlssl, with its kind, the library's error queue and the verdict on a certificate. native-tls has no such
    /// method. `None` where dlssl was not asked: for SSL 3.0, and for a key that is not in PKCS#8.
    #[must_use]
    pub fn as_dlssl(&self) -> Option<&dlssl::Error> {
        match &self.0 {
            Fault::Tls(error) => Some(error),
            Fault::OnlySslv3 | Fault::NotPkcs8 => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Fault::Tls(error) => return error.fmt(f),
            Fault::OnlySslv3 => "SSL 3.0 is broken and not spoken here; allow a newer protocol by max_protocol_version",
            Fault::NotPkcs8 => {
                "the key holds no -----BEGIN PRIVATE KEY----- (PKCS#8, not encrypted); `openssl pkcs8 -topk8 -nocrypt` \
                 makes one of another form"
            }
        })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Fault::Tls(error) => error.fmt(f),
            Fault::OnlySslv3 => f.write_str("OnlySslv3"),
            Fault::NotPkcs8 => f.write_str("NotPkcs8"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // Its text is in ours already.
        self.as_dlssl().and_then(StdError::source)
    }
}

impl From<dlssl::Error> for Error {
    fn from(error: dlssl::Error) -> Self {
        Self(Fault::Tls(error))
    }
}

impl From<dlssl::LoadError> for Error {
    fn from(error: dlssl::LoadError) -> Self {
        dlssl::Error::from(error).into()
    }
}
