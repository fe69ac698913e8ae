//! Who this side is: a certificate chain and its private key.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::x509::{Certificate, Password, PrivateKey};

/// Certificate chain (the own certificate first) and private key. Read and checked when a context is built.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl::{Acceptor, Certificate, Identity, PrivateKey};
///
/// let library = dlssl::current()?;
/// let chain = Certificate::chain_from_file(&library, "chain.pem")?;
/// let key = PrivateKey::from_file(&library, "key.pem", None)?;
/// for identity in [
///     Identity::pem_files("chain.pem", "key.pem"),
///     Identity::pem_files("chain.pem", "encrypted-key.pem").password("secret"),
///     Identity::pem_files("chain.pem", "encrypted-key.pem").password_with(|| Some(b"secret".to_vec())),
///     Identity::pem(std::fs::read("chain.pem")?, std::fs::read("key.pem")?),
///     Identity::der(chain.iter().map(|one| one.der().to_vec()), key.to_der()?.to_vec()),
///     Identity::new(&chain, &key)?,
/// ] {
///     Acceptor::builder(&library, identity).build()?;
/// }
/// // Read when an acceptor or connector is built; an OCSP response goes with it.
/// let one_file = Identity::pkcs12_file("identity.p12", "secret").ocsp_response(b"DER");
/// let in_memory = Identity::pkcs12(b"the bytes of such a file", "secret");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Identity {
    pub(crate) form: Form,
    pub(crate) password: Option<Password>,
    /// OCSP response that a server staples.
    pub(crate) staple: Option<Arc<[u8]>>,
    /// The same in all clones: a context that was built for one serves them all.
    mark: Arc<()>,
}

/// What an identity is read from.
#[derive(Clone)]
pub(crate) enum Form {
    Pem { chain: Source, key: Source },
    Der { chain: Arc<[Vec<u8>]>, key: Bytes },
    Pkcs12(Source),
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
    fn of(form: Form) -> Self {
        Self { form, password: None, staple: None, mark: Arc::default() }
    }

    /// Takes chain and key as PEM bytes; both may be in one text.
    #[doc(alias = "SSL_CTX_use_certificate_chain_file")]
    pub fn pem(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self::of(Form::Pem { chain: Source::bytes(chain), key: Source::bytes(key) })
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
    #[doc(alias = "SSL_CTX_use_certificate_chain_file")]
    #[doc(alias = "SSL_CTX_use_PrivateKey_file")]
    pub fn pem_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::of(Form::Pem { chain: Source::File(chain.into()), key: Source::File(key.into()) })
    }

    /// Takes certificates, the own one first, and the key (PKCS#8, encrypted or not, PKCS#1 or SEC 1) in DER.
    #[doc(alias = "SSL_CTX_use_certificate_ASN1")]
    pub fn der(chain: impl IntoIterator<Item = Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self::of(Form::Der { chain: chain.into_iter().collect(), key: Arc::new(Zeroizing::new(key.into())) })
    }

    /// Takes certificates and key from the bytes of a PKCS#12 file (`.p12`, `.pfx`).
    ///
    /// OpenSSL 3 keeps the algorithms of old files (40-bit RC2) in its legacy provider: without that, such a file is an
    /// error of kind [`Unsupported`](crate::ErrorKind::Unsupported).
    #[doc(alias = "PKCS12_parse")]
    pub fn pkcs12(bytes: impl Into<Vec<u8>>, password: impl Into<Vec<u8>>) -> Self {
        Self::of(Form::Pkcs12(Source::bytes(bytes))).password(password)
    }

    /// Takes certificates and key from a PKCS#12 file; see [`pkcs12`](Self::pkcs12).
    #[doc(alias = "PKCS12_parse")]
    pub fn pkcs12_file(path: impl Into<PathBuf>, password: impl Into<Vec<u8>>) -> Self {
        Self::of(Form::Pkcs12(Source::File(path.into()))).password(password)
    }

    /// Password of the private key; not looked at where the key is not encrypted.
    #[doc(alias = "SSL_CTX_set_default_passwd_cb_userdata")]
    #[must_use]
    pub fn password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.password = Some(Password::new(password));
        self.mark = Arc::default();
        self
    }

    /// Function that gives the password, called whenever an encrypted key is read; `None` gives up. A panic comes out
    /// of the method that reads the key.
    #[doc(alias = "SSL_CTX_set_default_passwd_cb")]
    #[must_use]
    pub fn password_with(mut self, password: impl Fn() -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        self.password = Some(Password::ask(password));
        self.mark = Arc::default();
        self
    }

    /// OCSP response (DER) that a server shows with this certificate to clients that ask. Not looked into.
    #[doc(alias = "SSL_set_tlsext_status_ocsp_resp")]
    #[must_use]
    pub fn ocsp_response(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.staple = Some(der.into().into());
        self.mark = Arc::default();
        self
    }

    /// Whether one is a clone of the other.
    pub(crate) fn is_clone_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.mark, &other.mark)
    }
}

/// Never shows key or password.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Identity");
        match &self.form {
            Form::Pem { chain, key } => out.field("chain", &chain.describe()).field("key", &key.describe()),
            Form::Der { chain, .. } => out.field("certificates", &chain.len()),
            Form::Pkcs12(source) => out.field("pkcs12", &source.describe()),
        };
        out.finish_non_exhaustive()
    }
}

/// The identity that took the place of a server's first one; clones share it, so that a context that is built again
/// has it too. Without a lock: a child of a fork could find one held.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replacement(Arc<ArcSwapOption<Identity>>);

impl Replacement {
    pub(crate) fn current(&self) -> Option<Identity> {
        self.0.load().as_deref().cloned()
    }

    pub(crate) fn set(&self, identity: Identity) {
        self.0.store(Some(Arc::new(identity)));
    }
}
