//! Pins: which certificates or keys a verified chain must hold one of.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Certificate, PublicKey};
use crate::error::{Error, ErrorKind};

/// A certificate or a public key by its SHA-256. A peer is taken when one pin fits one certificate of its chain.
///
/// Reads and writes the form of curl, `sha256//` and Base64 of the key's hash.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use dlssl::{Certificate, Connector, Pin, Roots};
///
/// let library = dlssl::current()?;
/// let certificate = Certificate::from_file(&library, "chain.pem")?;
/// let key = Pin::key(&certificate.public_key()?)?;
/// assert!(key.fits(&certificate) && Pin::certificate(&certificate)?.fits(&certificate));
/// // As the command line of curl has it, and a second one for the day when the first is lost.
/// let written: Pin = key.to_string().parse()?;
/// let spare = [Pin::key_sha256([7; 32]), Pin::certificate_sha256([8; 32])];
///
/// let builder = Connector::builder(&library).roots(Roots::file("ca.pem"));
/// let (pinned, lost) = (builder.clone().pins([written]).build()?, builder.pins(spare).build()?);
/// let tcp = || std::net::TcpStream::connect(server);
/// pinned.connect("example.org", tcp()?)?;
/// assert!(lost.connect("example.org", tcp()?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pin {
    subject: Subject,
    sha256: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Subject {
    Certificate,
    Key,
}

impl Pin {
    /// The certificate whose DER has this SHA-256 ([`Certificate::fingerprint`]).
    #[must_use]
    pub fn certificate_sha256(sha256: [u8; 32]) -> Self {
        Self { subject: Subject::Certificate, sha256 }
    }

    /// Any certificate for the public key with this SHA-256 ([`PublicKey::sha256`], RFC 7469).
    #[must_use]
    pub fn key_sha256(sha256: [u8; 32]) -> Self {
        Self { subject: Subject::Key, sha256 }
    }

    /// This very certificate.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the library has no SHA-256.
    pub fn certificate(certificate: &Certificate) -> Result<Self, Error> {
        Ok(Self::certificate_sha256(hash(&certificate.fingerprint("SHA256")?)?))
    }

    /// Any certificate for this public key.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the library has no SHA-256.
    pub fn key(key: &PublicKey) -> Result<Self, Error> {
        Ok(Self::key_sha256(hash(&key.sha256()?)?))
    }

    /// Whether it fits this certificate; not when that cannot be told.
    #[must_use]
    pub fn fits(&self, certificate: &Certificate) -> bool {
        let actual = match self.subject {
            Subject::Certificate => Self::certificate(certificate),
            Subject::Key => certificate.public_key().and_then(|key| Self::key(&key)),
        };
        actual.is_ok_and(|actual| actual == *self)
    }

    /// What distinguishes it, as bytes.
    pub(crate) fn bytes(&self) -> [u8; 33] {
        let mut bytes = [0; 33];
        bytes[0] = u8::from(self.subject == Subject::Key);
        bytes[1..].copy_from_slice(&self.sha256);
        bytes
    }
}

fn hash(digest: &super::Digest) -> Result<[u8; 32], Error> {
    digest.as_bytes().try_into().map_err(|_| Error::new(ErrorKind::Library, "a SHA-256 of a wrong length"))
}

const KEY: &str = "sha256//";

impl FromStr for Pin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.strip_prefix(KEY)
            .and_then(|text| BASE64.decode(text).ok())
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(Self::key_sha256)
            .ok_or_else(|| {
                let words = format!("\"{}\" is not sha256// and 32 bytes in Base64", text.escape_default());
                Error::new(ErrorKind::Configuration, words)
            })
    }
}

/// `sha256//…` for a key, `certificate sha256//…` for a certificate.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subject == Subject::Certificate {
            f.write_str("certificate ")?;
        }
        write!(f, "{KEY}{}", BASE64.encode(self.sha256))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_pin_is_refused() {
        for text in ["", "sha256//", "sha256//AAAA", "sha1//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="] {
            assert_eq!(text.parse::<Pin>().unwrap_err().kind(), ErrorKind::Configuration, "{text}");
        }
    }

    proptest! {
        #[test]
        fn pins_read_back(sha256 in any::<[u8; 32]>()) {
            let pin = Pin::key_sha256(sha256);
            prop_assert_eq!(pin.to_string().parse::<Pin>().unwrap(), pin);
            prop_assert_ne!(pin, Pin::certificate_sha256(sha256));
        }

        #[test]
        fn any_text_is_read(text in ".{0,60}") {
            let _ = text.parse::<Pin>();
        }
    }
}
