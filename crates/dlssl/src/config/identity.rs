//! Who this side is: a certificate chain and its private key.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::x509::{Certificate, Password, PrivateKey};

/// Certificate chain (the own certificate first) and private key, in PEM or DER. Read and checked when a context is built.
#[derive(Clone)]
pub struct Identity {
    pub(crate) chain: Source,
    pub(crate) key: Source,
    pub(crate) password: Option<Password>,
}

/// Where PEM comes from.
#[derive(Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Bytes(Bytes),
}

/// Bytes that may hold a key: overwritten in memory with the last clone.
pub(crate) type Bytes = Arc<Zeroizing<Vec<u8>>>;

impl Source {
    pub(crate) fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(Arc::new(Zeroizing::new(bytes.into())))
    }

    /// Name for errors.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes(_) => "the given bytes".into(),
        }
    }
}

impl Identity {
    /// Takes chain and key as PEM bytes; both may be in one text.
    pub fn pem(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { chain: Source::bytes(chain), key: Source::bytes(key), password: None }
    }

    /// Takes parsed ones. They are kept as PEM, so that a context can be built on another library.
    ///
    /// # Errors
    /// [`ErrorKind::Library`](crate::ErrorKind::Library) for a key that its library does not give out.
    pub fn new<'a>(chain: impl IntoIterator<Item = &'a Certificate>, key: &PrivateKey) -> Result<Self, Error> {
        let chain = chain.into_iter().map(Certificate::to_pem).collect::<Result<String, Error>>()?;
        Ok(Self::pem(chain, key.to_pem()?.as_bytes()))
    }

    /// Takes chain and key from PEM files.
    pub fn pem_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { chain: Source::File(chain.into()), key: Source::File(key.into()), password: None }
    }

    /// Password of the private key, where it is encrypted.
    #[must_use]
    #[doc(alias = "SSL_CTX_set_default_passwd_cb")]
    pub fn password(mut self, password: impl Into<Password>) -> Self {
        self.password = Some(password.into());
        self
    }
}

/// Never shows the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("chain", &self.chain.describe()).field("key", &self.key.describe()).finish()
    }
}
