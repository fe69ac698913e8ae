//! `PrivateKey`: read with or without a password, and written again.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use dlssl_core::Library;
use dlssl_core::ffi::EVP_PKEY;
use zeroize::Zeroizing;

use super::{Password, PublicKey, pem};
use crate::config::Source;
use crate::error::{Error, ErrorKind};
use crate::raw;

/// A private key. Cheap to clone; keeps the library that read it, which erases it with the last clone.
///
/// A missing or wrong password is [`ErrorKind::Password`], a broken key [`ErrorKind::Pem`], on every library. (An
/// encrypted key whose encrypted part was damaged looks like one with a wrong password: there is no checksum.)
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl::{ErrorKind, PrivateKey};
///
/// let library = dlssl::current()?;
/// let key = PrivateKey::from_file(&library, "encrypted-key.pem", Some(&"secret".into()))?;
/// let wrong = PrivateKey::from_file(&library, "encrypted-key.pem", Some(&"wrong".into()));
/// assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Password);
///
/// let (plain, encrypted) = (key.to_pem()?, key.to_encrypted_pem(&"other".into())?);
/// let again = PrivateKey::from_pem(&library, &*plain, None)?;
/// assert_eq!(PrivateKey::from_pem(&library, &*encrypted, Some(&"other".into()))?.to_der()?, again.to_der()?);
/// let der = PrivateKey::from_der(&library, &key.to_der()?, None)?;
/// assert_eq!(der.public_key()?, key.public_key()?);
/// // For a function of C that is not wrapped.
/// assert!(!key.as_ptr().is_null());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PrivateKey {
    raw: Arc<raw::PrivateKey>,
}

impl PrivateKey {
    /// Reads the first private key of a PEM text, of any kind that the library knows.
    ///
    /// # Errors
    /// [`ErrorKind::Password`], [`ErrorKind::Pem`], or [`ErrorKind::Unsupported`] for an encryption that the library
    /// does not know.
    #[doc(alias = "PEM_read_bio_PrivateKey")]
    pub fn from_pem(library: &Library, text: impl AsRef<[u8]>, password: Option<&Password>) -> Result<Self, Error> {
        Self::of_source(library, &Source::bytes(text.as_ref()), password)
    }

    /// Reads a private key in DER: PKCS#8, encrypted or not, or the older forms for RSA and elliptic curves.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem).
    #[doc(alias = "d2i_AutoPrivateKey")]
    #[doc(alias = "d2i_PKCS8PrivateKey_bio")]
    pub fn from_der(library: &Library, der: &[u8], password: Option<&Password>) -> Result<Self, Error> {
        let raw = pem::der_key(library, der, password).map_err(|error| error.of(library))?;
        Ok(Self { raw: Arc::new(raw) })
    }

    /// Reads the private key of a file, PEM or DER.
    ///
    /// # Errors
    /// As for [`from_pem`](Self::from_pem); [`ErrorKind::Io`] when the file cannot be read.
    pub fn from_file(library: &Library, path: impl AsRef<Path>, password: Option<&Password>) -> Result<Self, Error> {
        Self::of_source(library, &Source::File(path.as_ref().to_owned()), password)
    }

    fn of_source(library: &Library, source: &Source, password: Option<&Password>) -> Result<Self, Error> {
        let raw = pem::private_key(library, source, password).map_err(|error| error.of(library))?;
        Ok(Self { raw: Arc::new(raw) })
    }

    /// The key in PEM (PKCS#8), not encrypted.
    ///
    /// # Errors
    /// [`ErrorKind::Library`] for a key that the library does not give out.
    #[doc(alias = "PEM_write_bio_PKCS8PrivateKey")]
    pub fn to_pem(&self) -> Result<Zeroizing<String>, Error> {
        self.text(None)
    }

    /// The key in PEM (PKCS#8), encrypted with AES-256-CBC.
    ///
    /// # Errors
    /// As for [`to_pem`](Self::to_pem); [`ErrorKind::Password`] when the password is empty or was not given.
    pub fn to_encrypted_pem(&self, password: &Password) -> Result<Zeroizing<String>, Error> {
        let password = password.get().filter(|password| !password.is_empty());
        let password = password.ok_or_else(|| self.error(ErrorKind::Password, "no password to encrypt with"))?;
        self.text(Some(&password))
    }

    /// The key in DER (PKCS#8), not encrypted.
    ///
    /// # Errors
    /// As for [`to_pem`](Self::to_pem).
    #[doc(alias = "i2d_PKCS8PrivateKey_bio")]
    pub fn to_der(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.raw.to_der().map_err(|queue| self.error(ErrorKind::Library, "cannot write the key").with_queue(queue))
    }

    fn text(&self, password: Option<&[u8]>) -> Result<Zeroizing<String>, Error> {
        let failed = |queue| self.error(ErrorKind::Library, "cannot write the key").with_queue(queue);
        let mut pem = self.raw.to_pem(password).map_err(failed)?;
        // PEM is ASCII.
        Ok(Zeroizing::new(String::from_utf8(std::mem::take(&mut *pem)).unwrap_or_default()))
    }

    /// Its public half.
    ///
    /// # Errors
    /// [`ErrorKind::Library`] when the library cannot encode it.
    #[doc(alias = "i2d_PUBKEY")]
    pub fn public_key(&self) -> Result<PublicKey, Error> {
        let failed = || self.error(ErrorKind::Library, "cannot encode the public key");
        let der = self.raw.public_der().ok_or_else(failed)?;
        PublicKey::new(self.library(), &der, self.raw.bits()).map_err(|_| failed())
    }

    /// The library that read it.
    #[must_use]
    pub fn library(&self) -> &Library {
        self.raw.library()
    }

    /// The pointer, for functions that are not wrapped; freed with the last clone.
    #[must_use]
    pub fn as_ptr(&self) -> *mut EVP_PKEY {
        self.raw.as_ptr()
    }

    fn error(&self, kind: ErrorKind, message: &str) -> Error {
        Error::new(kind, message).of(self.library())
    }
}

/// Shows the kind, never the key.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.public_key() {
            Ok(key) => write!(f, "PrivateKey({key})"),
            Err(_) => f.write_str("PrivateKey"),
        }
    }
}
