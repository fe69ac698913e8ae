//! Who this side is: a certificate chain and its private key.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Certificate chain (the own certificate first) and private key, in PEM. Read and checked when a context is built.
#[derive(Clone)]
pub struct Identity {
    pub(crate) chain: Source,
    pub(crate) key: Source,
}

/// Where PEM comes from.
#[derive(Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

impl Source {
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
        Self { chain: Source::Bytes(chain.into().into()), key: Source::Bytes(key.into().into()) }
    }

    /// Takes chain and key from PEM files.
    pub fn pem_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { chain: Source::File(chain.into()), key: Source::File(key.into()) }
    }
}

/// Never shows the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("chain", &self.chain.describe()).field("key", &self.key.describe()).finish()
    }
}
