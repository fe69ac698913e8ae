//! Public keys: which kind, how long, and what pins hold of them.

use std::fmt;

use super::der::{Reader, SEQUENCE, dotted};
use super::parse::Algorithm;
use super::{Digest, Malformed};
use crate::error::Error;
use dlssl_core::Library;

/// Kind of a key.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// let library = dlssl::current()?;
/// let certificate = dlssl::Certificate::from_file(&library, "chain.pem")?;
/// assert_eq!(*certificate.public_key()?.kind(), dlssl::KeyKind::Ec);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// RSA, also for PSS only.
    Rsa,
    /// Elliptic curve (ECDSA).
    Ec,
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// DSA.
    Dsa,
    /// Anything else, by object identifier.
    Other(String),
}

impl KeyKind {
    fn from_oid(oid: &[u8]) -> Result<Self, Malformed> {
        Ok(match oid {
            // 1.2.840.113549.1.1.1, and .10 for PSS only
            [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1 | 10] => Self::Rsa,
            // 1.2.840.10045.2.1
            [0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1] => Self::Ec,
            // 1.3.101.112
            [0x2B, 0x65, 112] => Self::Ed25519,
            // 1.3.101.113
            [0x2B, 0x65, 113] => Self::Ed448,
            // 1.2.840.10040.4.1
            [0x2A, 0x86, 0x48, 0xCE, 0x38, 4, 1] => Self::Dsa,
            other => Self::Other(dotted(other)?),
        })
    }

    /// Fewest bits that are strong enough: those of OpenSSL's security level 1 (80 bits of work).
    pub(super) fn least_bits(&self) -> u32 {
        match self {
            Self::Rsa | Self::Dsa => 1024,
            Self::Ec => 160,
            _ => 0,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "RSA",
            Self::Ec => "EC",
            Self::Ed25519 => "Ed25519",
            Self::Ed448 => "Ed448",
            Self::Dsa => "DSA",
            Self::Other(oid) => oid,
        })
    }
}

/// Public key of a certificate or of a private key.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// let library = dlssl::current()?;
/// let key: dlssl::PublicKey = dlssl::Certificate::from_file(&library, "chain.pem")?.public_key()?;
/// println!("{}, {:?} bits, SHA-256 {}, {} bytes", key.kind(), key.bits(), key.sha256()?, key.der().len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PublicKey {
    library: Library,
    kind: KeyKind,
    bits: Option<u32>,
    der: Vec<u8>,
}

impl PublicKey {
    pub(super) fn new(library: &Library, der: &[u8], bits: Option<u32>) -> Result<Self, Malformed> {
        let kind = kind(der)?;
        Ok(Self { library: library.clone(), kind, bits, der: der.to_vec() })
    }

    /// Kind.
    #[must_use]
    pub fn kind(&self) -> &KeyKind {
        &self.kind
    }

    /// Length in bits; `None` where the library does not know this kind of key.
    #[must_use]
    #[doc(alias = "EVP_PKEY_get_bits")]
    pub fn bits(&self) -> Option<u32> {
        self.bits
    }

    /// The key with its algorithm in DER (SubjectPublicKeyInfo).
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of [`der`](Self::der), which pins hold (RFC 7469).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where the library has no SHA-256.
    pub fn sha256(&self) -> Result<Digest, Error> {
        super::digest(&self.library, "SHA256", &self.der)
    }
}

/// Kind of a key in DER.
pub(super) fn kind(der: &[u8]) -> Result<KeyKind, Malformed> {
    let algorithm = Reader::new(der).expect(SEQUENCE)?.inside().expect(SEQUENCE)?.inside();
    KeyKind::from_oid(Algorithm::parse(algorithm)?.oid)
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for PublicKey {}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bits {
            Some(bits) => write!(f, "{} ({bits} bits)", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("kind", &self.kind).field("bits", &self.bits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_identifier() {
        let known = [
            (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1][..], "1.2.840.113549.1.1.1", KeyKind::Rsa),
            (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 10], "1.2.840.113549.1.1.10", KeyKind::Rsa),
            (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1], "1.2.840.10045.2.1", KeyKind::Ec),
            (&[0x2B, 0x65, 112], "1.3.101.112", KeyKind::Ed25519),
            (&[0x2B, 0x65, 113], "1.3.101.113", KeyKind::Ed448),
            (&[0x2A, 0x86, 0x48, 0xCE, 0x38, 4, 1], "1.2.840.10040.4.1", KeyKind::Dsa),
            (&[0x2B, 0x65, 111], "1.3.101.111", KeyKind::Other("1.3.101.111".to_owned())),
        ];
        for (oid, text, kind) in known {
            assert_eq!(dotted(oid).unwrap(), text);
            assert_eq!(KeyKind::from_oid(oid).unwrap(), kind, "{text}");
        }
    }
}
