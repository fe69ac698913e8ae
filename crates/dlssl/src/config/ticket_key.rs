//! Keys that a server encrypts its session tickets with.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use dlssl_core::Library;

use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;

/// Key for session tickets: who has it can read every connection that was resumed with its tickets before TLS 1.3, and
/// can resume all of them. Servers that share one can resume each other's sessions.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl::TicketKey;
///
/// let library = dlssl::current()?;
/// let (new, old) = (TicketKey::generate(&library)?, TicketKey::from_bytes(&[7; 80]));
/// let identity = dlssl::Identity::pem_files("chain.pem", "key.pem");
/// // The first encrypts; tickets of both are taken.
/// let acceptor = dlssl::Acceptor::builder(&library, identity).ticket_keys([new.clone(), old]).build()?;
/// // An hour later:
/// acceptor.set_ticket_keys([TicketKey::generate(&library)?, new])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TicketKey {
    name: [u8; 16],
    cipher: [u8; 32],
    mac: [u8; 32],
}

impl TicketKey {
    /// Makes one of random bytes of the library.
    ///
    /// # Errors
    /// [`ErrorKind::Library`] when its generator is not seeded.
    pub fn generate(library: &Library) -> Result<Self, Error> {
        let mut bytes = [0; 80];
        library.random(&mut bytes).map_err(|error| Error::from(error).of(library))?;
        Ok(Self::from_bytes(&bytes))
    }

    /// Takes a key as 80 bytes that nobody can guess: 16 of name, which stands in each ticket, 32 for AES-256, 32 for
    /// HMAC-SHA-256.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 80]) -> Self {
        let mut key = Self { name: [0; 16], cipher: [0; 32], mac: [0; 32] };
        key.name.copy_from_slice(&bytes[..16]);
        key.cipher.copy_from_slice(&bytes[16..48]);
        key.mac.copy_from_slice(&bytes[48..]);
        key
    }

    pub(crate) fn name(&self) -> &[u8; 16] {
        &self.name
    }

    pub(crate) fn cipher_key(&self) -> &[u8; 32] {
        &self.cipher
    }

    pub(crate) fn mac_key(&self) -> &[u8; 32] {
        &self.mac
    }
}

/// Shows nothing of the key.
impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKey").finish_non_exhaustive()
    }
}

/// The keys that are in use; clones share them, so that all of a server's contexts follow a rotation. Without a lock: a
/// child of a fork could find one held.
#[derive(Clone, Default)]
pub(crate) struct TicketKeys(Arc<ArcSwapOption<Vec<TicketKey>>>);

impl TicketKeys {
    pub(crate) fn current(&self) -> Option<Arc<Vec<TicketKey>>> {
        self.0.load_full()
    }

    pub(crate) fn set(&self, keys: impl IntoIterator<Item = TicketKey>) {
        self.0.store(Some(Arc::new(keys.into_iter().collect())));
    }

    /// The same keys, shared with nobody.
    pub(crate) fn detached(&self) -> Self {
        Self(Arc::new(ArcSwapOption::new(self.current())))
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.current().is_some() { "explicit" } else { "automatic" })
    }
}
