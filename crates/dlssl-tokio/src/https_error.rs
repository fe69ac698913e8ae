//! Why an [`HttpsConnector`](crate::HttpsConnector) has no connection.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// Error of an [`HttpsConnector`](crate::HttpsConnector): to which address, and why.
///
/// Hyper's client has errors of its own, which say that connecting failed and no more; [`find`](Self::find) gets this one out.
///
/// # Examples
/// ```no_run
/// # fn look(error: &(dyn std::error::Error + 'static)) {
/// use dlssl_tokio::{HttpsError, HttpsErrorKind};
///
/// // Of the client, or of whoever has wrapped that.
/// if let Some(error) = HttpsError::find(error) {
///     eprintln!("{error:#}");
///     if error.kind() == HttpsErrorKind::Tls {
///         eprintln!("{} by {:?}", error.address(), error.tls().and_then(|tls| tls.library()));
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct HttpsError {
    address: String,
    cause: Cause,
}

#[derive(Debug)]
pub(crate) enum Cause {
    PlainHttp,
    Scheme,
    NoHost,
    Below(BoxError),
    Tls(dlssl::Error),
    Late { limit: Duration, handshakes: bool },
}

/// Kind of an [`HttpsError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpsErrorKind {
    /// The address is for plain HTTP, and that was not allowed.
    PlainHttp,
    /// The address is for something else than HTTP, or has no host.
    Address,
    /// No connection to do TLS over: name, network, proxy.
    Connect,
    /// The handshake, the name that it is for, or the loading of a library; [`HttpsError::tls`] says more.
    Tls,
    /// Connecting and the handshake took longer than the connector's limit.
    TimedOut,
}

impl HttpsError {
    pub(crate) fn new(uri: &hyper::Uri, cause: Cause) -> Self {
        // Neither a path nor a password: what is in a log is read by others.
        let host = uri.host().unwrap_or_default();
        let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
        let scheme = uri.scheme_str().map(|scheme| format!("{scheme}://")).unwrap_or_default();
        Self { address: format!("{scheme}{host}{port}"), cause }
    }

    /// Looks for it in an error and in all that lie below.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> HttpsErrorKind {
        match &self.cause {
            Cause::PlainHttp => HttpsErrorKind::PlainHttp,
            Cause::Scheme | Cause::NoHost => HttpsErrorKind::Address,
            Cause::Below(_) => HttpsErrorKind::Connect,
            Cause::Tls(_) => HttpsErrorKind::Tls,
            Cause::Late { .. } => HttpsErrorKind::TimedOut,
        }
    }

    /// Scheme, host and port that were to be connected to.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The error of dlssl's, when TLS is what failed.
    #[must_use]
    pub fn tls(&self) -> Option<&dlssl::Error> {
        match &self.cause {
            Cause::Tls(error) => Some(error),
            _ => None,
        }
    }
}

/// The address and what was wrong there; `{:#}` adds what lies below ([`source`](StdError::source)), such as the
/// system's words.
impl fmt::Display for HttpsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.address)?;
        match &self.cause {
            Cause::PlainHttp => f.write_str("plain HTTP is refused (HttpsConnector::allow_plain_http allows it)"),
            Cause::Scheme => f.write_str("the address begins neither with https:// nor with http://"),
            Cause::NoHost => f.write_str("the address has no host"),
            Cause::Below(_) => f.write_str("no connection"),
            Cause::Tls(_) => f.write_str("no TLS"),
            Cause::Late { limit, handshakes } => {
                let what = if *handshakes { "the handshake has not ended" } else { "no connection" };
                write!(f, "{what} within {limit:?}")
            }
        }?;
        let mut next = self.source().filter(|_| f.alternate());
        let mut said = String::new();
        while let Some(error) = next {
            let words = error.to_string();
            // Some errors say by themselves what lies below them.
            if !said.ends_with(&words) {
                write!(f, ": {words}")?;
                said = words;
            }
            next = error.source();
        }
        Ok(())
    }
}

impl StdError for HttpsError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.cause {
            Cause::Below(error) => Some(&**error),
            Cause::Tls(error) => Some(error),
            _ => None,
        }
    }
}
