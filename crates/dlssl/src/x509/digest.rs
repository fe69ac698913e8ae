//! Digests by name, as far as fingerprints need them.

use std::fmt;

use dlssl_core::Library;

use crate::error::{Error, ErrorKind};
use crate::raw;

/// Result of a digest, such as a fingerprint. `Display` writes it as `0A:1B:…`.
///
/// # Examples
/// ```
/// let library = dlssl::current()?;
/// let (one, two) = (dlssl::digest(&library, "SHA256", b"1")?, dlssl::digest(&library, "SHA256", b"2")?);
/// assert_ne!(one, two);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Digest {
    bytes: Vec<u8>,
}

impl Digest {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.bytes.iter().enumerate() {
            if index > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Digests `data` by the algorithm of this name, such as `SHA256`
/// ([`EVP_Digest`](https://docs.openssl.org/master/man3/EVP_Digest/)).
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a name that the library does not know, or an algorithm that its configuration forbids.
///
/// # Examples
/// ```
/// let sum = dlssl::digest(&dlssl::current()?, "SHA256", b"hello")?;
/// assert_eq!(sum.to_string().get(..11), Some("2C:F2:4D:BA"));
/// assert_eq!(sum.as_bytes().len(), 32);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "EVP_Digest")]
#[doc(alias = "EVP_get_digestbyname")]
pub fn digest(library: &Library, algorithm: &str, data: &[u8]) -> Result<Digest, Error> {
    let unsupported = || {
        Error::new(ErrorKind::Unsupported, format!("{} has no digest \"{algorithm}\"", library.version_text()))
            .of(library)
    };
    match raw::digest(library, algorithm, data) {
        None => Err(unsupported()),
        Some(Err(queue)) => Err(unsupported().with_queue(queue)),
        Some(Ok(bytes)) => Ok(Digest { bytes }),
    }
}
