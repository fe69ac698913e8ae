//! `Identity`: a certificate chain and its key, looked at when it is read.

use crate::{Error, Result};

/// Certificate chain and private key of a server, or of a client that shows itself.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl_native_tls::Identity;
///
/// let identity = Identity::from_pkcs8(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// let encrypted = Identity::from_pkcs8(&std::fs::read("chain.pem")?, &std::fs::read("encrypted-key.pem")?);
/// assert!(encrypted.is_err(), "a password goes with PKCS#12");
/// assert!(Identity::from_pkcs12(b"no such file", "secret").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Identity(pub(crate) dlssl::Identity);

impl Identity {
    /// Reads a PKCS#12 file (`.p12`, `.pfx`) with its password; see [`dlssl::Identity::pkcs12`] for old ones.
    ///
    /// # Errors
    /// A wrong password, what is no such file, one without key or certificate, and algorithms that the library does not have:
    /// each of its own [kind](dlssl::ErrorKind).
    pub fn from_pkcs12(der: &[u8], password: &str) -> Result<Self> {
        Self::checked(dlssl::Identity::pkcs12(der, password))
    }

    /// Reads a chain in PEM, the own certificate first, and its key in PEM: PKCS#8, not encrypted.
    ///
    /// # Errors
    /// Another form of key, what cannot be read, and a key that does not belong to the certificate.
    pub fn from_pkcs8(pem: &[u8], key: &[u8]) -> Result<Self> {
        if !is_pkcs8(key) {
            return Err(Error::NOT_PKCS8);
        }
        Self::checked(dlssl::Identity::pem(pem, key))
    }

    /// dlssl reads an identity when a context is built. Here its faults are to be told at once: by a context for that alone.
    fn checked(identity: dlssl::Identity) -> Result<Self> {
        dlssl::Acceptor::builder(&dlssl::current()?, identity.clone()).build()?;
        Ok(Self(identity))
    }
}

/// Whether the first thing of a PEM text is a key in this form.
fn is_pkcs8(pem: &[u8]) -> bool {
    let mut lines = pem.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.find(|line| line.starts_with(b"-----BEGIN ")) == Some(b"-----BEGIN PRIVATE KEY-----")
}

#[cfg(test)]
mod tests {
    use super::is_pkcs8;

    #[test]
    fn pkcs8_is_told_by_the_first_line_that_begins_something() {
        assert!(is_pkcs8(b"-----BEGIN PRIVATE KEY-----\nMIG"));
        assert!(is_pkcs8(b"Bag Attributes\r\n-----BEGIN PRIVATE KEY-----\r\nMIG"));
        for other in ["RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PARAMETERS", "CERTIFICATE"] {
            assert!(!is_pkcs8(format!("-----BEGIN {other}-----\n-----BEGIN PRIVATE KEY-----\n").as_bytes()), "{other}");
        }
        assert!(!is_pkcs8(b""));
    }
}
