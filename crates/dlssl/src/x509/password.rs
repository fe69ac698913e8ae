//! Passwords of private keys: a value, or a question asked when one is needed.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// Password of an encrypted private key. Cheap to clone; overwritten in memory with the last clone.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl::{Password, PrivateKey};
///
/// let library = dlssl::current()?;
/// # let ask_for_it = || Some(b"secret".to_vec());
/// for password in [Password::new("secret"), "secret".into(), Password::ask(ask_for_it)] {
///     PrivateKey::from_file(&library, "encrypted-key.pem", Some(&password))?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Password {
    kind: Kind,
}

type Ask = dyn Fn() -> Option<Vec<u8>> + Send + Sync;

#[derive(Clone)]
enum Kind {
    Value(Arc<Zeroizing<Vec<u8>>>),
    Ask(Arc<Ask>),
}

impl Password {
    /// A known password.
    pub fn new(password: impl Into<Vec<u8>>) -> Self {
        Self { kind: Kind::Value(Arc::new(Zeroizing::new(password.into()))) }
    }

    /// Asks when a password is needed, which it is only for encrypted keys; `None` gives up. The answer is overwritten
    /// once it was used. A panic comes out of the method that reads the key.
    #[doc(alias = "SSL_CTX_set_default_passwd_cb")]
    pub fn ask(ask: impl Fn() -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self { kind: Kind::Ask(Arc::new(ask)) }
    }

    pub(crate) fn get(&self) -> Option<Zeroizing<Vec<u8>>> {
        match &self.kind {
            Kind::Value(value) => Some(Zeroizing::clone(value)),
            Kind::Ask(ask) => ask().map(Zeroizing::new),
        }
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        Self::new(password)
    }
}

/// Never shows it.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Value(_) => "Password(value)",
            Kind::Ask(_) => "Password(asked for)",
        })
    }
}
