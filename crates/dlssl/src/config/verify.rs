//! How a peer's certificate is verified, beyond the roots: plain data, no C.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use dlssl_core::ffi::constants::{
    X509_V_FLAG_ALLOW_PROXY_CERTS, X509_V_FLAG_CHECK_SS_SIGNATURE, X509_V_FLAG_CRL_CHECK, X509_V_FLAG_CRL_CHECK_ALL,
    X509_V_FLAG_EXPLICIT_POLICY, X509_V_FLAG_EXTENDED_CRL_SUPPORT, X509_V_FLAG_NO_ALT_CHAINS,
    X509_V_FLAG_PARTIAL_CHAIN, X509_V_FLAG_POLICY_CHECK, X509_V_FLAG_TRUSTED_FIRST, X509_V_FLAG_USE_DELTAS,
    X509_V_FLAG_X509_STRICT,
};

use super::Source;
use crate::x509::{Certificate, Pin};

/// What a context is told about verification.
#[derive(Clone, Default)]
pub(crate) struct VerifySettings {
    pub(crate) depth: Option<u32>,
    pub(crate) flags: Vec<VerifyFlag>,
    pub(crate) time: Option<SystemTime>,
    pub(crate) crls: Vec<Source>,
    pub(crate) pins: Vec<Pin>,
    pub(crate) no_wildcards: bool,
    pub(crate) allow_weak: bool,
    pub(crate) callback: Option<VerifyCallback>,
}

impl fmt::Debug for VerifySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifySettings")
            .field("depth", &self.depth)
            .field("flags", &self.flags)
            .field("time", &self.time)
            .field("crls", &self.crls.iter().map(Source::describe).collect::<Vec<_>>())
            .field("pins", &self.pins)
            .field("allow_weak", &self.allow_weak)
            .field("callback", &self.callback.is_some())
            .finish_non_exhaustive()
    }
}

/// User code that judges certificates.
#[derive(Clone)]
pub(crate) struct VerifyCallback {
    pub(crate) judge: Arc<dyn Fn(&Verification) -> bool + Send + Sync>,
    /// Whether it may accept what the library has refused.
    pub(crate) decides: bool,
}

/// A setting of the library's verification (`X509_V_FLAG_…`).
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// let library = dlssl::current()?;
/// let connector = dlssl::Connector::builder(&library)
///     .roots(dlssl::Roots::file("intermediate.pem")) // which is no root
///     .verify_flags([dlssl::VerifyFlag::PartialChain])
///     .build()?;
/// connector.connect("example.org", std::net::TcpStream::connect(server)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "X509_VERIFY_PARAM_set_flags")]
pub enum VerifyFlag {
    /// The peer's own certificate must not be revoked: a revocation list of its issuer must be there. Comes with
    /// revocation lists by itself.
    #[doc(alias = "X509_V_FLAG_CRL_CHECK")]
    CrlCheck,
    /// No certificate of the chain may be revoked: a revocation list of each issuer must be there.
    #[doc(alias = "X509_V_FLAG_CRL_CHECK_ALL")]
    CrlCheckAll,
    /// Revocation lists may be indirect and come from other keys.
    #[doc(alias = "X509_V_FLAG_EXTENDED_CRL_SUPPORT")]
    ExtendedCrlSupport,
    /// Delta revocation lists count.
    #[doc(alias = "X509_V_FLAG_USE_DELTAS")]
    UseDeltas,
    /// No allowance for certificates that break the standard.
    #[doc(alias = "X509_V_FLAG_X509_STRICT")]
    X509Strict,
    /// Proxy certificates (RFC 3820) are taken.
    #[doc(alias = "X509_V_FLAG_ALLOW_PROXY_CERTS")]
    AllowProxyCerts,
    /// Certificate policies are checked.
    #[doc(alias = "X509_V_FLAG_POLICY_CHECK")]
    PolicyCheck,
    /// A certificate policy must be there.
    #[doc(alias = "X509_V_FLAG_EXPLICIT_POLICY")]
    ExplicitPolicy,
    /// Also the signature of a root on itself is checked.
    #[doc(alias = "X509_V_FLAG_CHECK_SS_SIGNATURE")]
    CheckRootSignature,
    /// A trusted certificate that is not self-signed, an intermediate or the peer's own, ends the chain.
    #[doc(alias = "X509_V_FLAG_PARTIAL_CHAIN")]
    PartialChain,
    /// No other chain is looked for when the first one fails.
    #[doc(alias = "X509_V_FLAG_NO_ALT_CHAINS")]
    NoAltChains,
    /// Issuers are looked for among the trusted certificates first, then among those that the peer sent. Always on, so
    /// that an old cross-signature in a peer's chain hurts nowhere.
    #[doc(alias = "X509_V_FLAG_TRUSTED_FIRST")]
    TrustedFirst,
}

impl VerifyFlag {
    pub(crate) fn bits(self) -> std::ffi::c_ulong {
        match self {
            Self::CrlCheck => X509_V_FLAG_CRL_CHECK,
            Self::CrlCheckAll => X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL,
            Self::ExtendedCrlSupport => X509_V_FLAG_EXTENDED_CRL_SUPPORT,
            Self::UseDeltas => X509_V_FLAG_USE_DELTAS,
            Self::X509Strict => X509_V_FLAG_X509_STRICT,
            Self::AllowProxyCerts => X509_V_FLAG_ALLOW_PROXY_CERTS,
            Self::PolicyCheck => X509_V_FLAG_POLICY_CHECK,
            Self::ExplicitPolicy => X509_V_FLAG_EXPLICIT_POLICY,
            Self::CheckRootSignature => X509_V_FLAG_CHECK_SS_SIGNATURE,
            Self::PartialChain => X509_V_FLAG_PARTIAL_CHAIN,
            Self::NoAltChains => X509_V_FLAG_NO_ALT_CHAINS,
            Self::TrustedFirst => X509_V_FLAG_TRUSTED_FIRST,
        }
    }
}

/// Certificate revocation lists, PEM or DER. Read when a context is built.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use dlssl::{Connector, Crls, Roots, VerifyFlag};
///
/// let library = dlssl::current()?;
/// let connector = Connector::builder(&library)
///     .roots(Roots::file("ca.pem"))
///     .crls(Crls::file("root.crl").and(Crls::bytes(std::fs::read("intermediate.crl")?)))
///     .verify_flags([VerifyFlag::CrlCheckAll])
///     .build()?;
/// connector.connect("example.org", std::net::TcpStream::connect(server)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Crls {
    pub(crate) sources: Vec<Source>,
}

impl Crls {
    /// The lists in a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { sources: vec![Source::File(path.into())] }
    }

    /// The lists in PEM bytes, or the one in DER bytes.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { sources: vec![Source::bytes(bytes)] }
    }

    /// The other's too.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.sources.extend(other.sources);
        self
    }
}

impl fmt::Debug for Crls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sources.iter().map(Source::describe)).finish()
    }
}

/// One step of a verification, as a callback sees it: a certificate, and what the library thinks of it.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// let library = dlssl::current()?;
/// let connector = dlssl::Connector::builder(&library)
///     .roots(dlssl::Roots::file("ca.pem"))
///     .verify_callback(|verification| {
///         println!("{} of {}: {}", verification.depth(), verification.chain().len(), verification.reason());
///         println!("{:?} ({})", verification.certificate(), verification.code());
///         verification.is_accepted()
///     })
///     .build()?;
/// connector.connect("example.org", std::net::TcpStream::connect(server)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verification {
    pub(crate) accepted: bool,
    pub(crate) code: i32,
    pub(crate) reason: String,
    pub(crate) depth: u32,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) chain: Vec<Certificate>,
}

impl Verification {
    /// Whether the library (or a check of dlssl's own) takes the certificate.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// C's number of the reason for refusing it (`X509_V_ERR_…`); 0 when it is accepted. Checks of dlssl's own have 50
    /// (`X509_V_ERR_APPLICATION_VERIFICATION`).
    #[must_use]
    #[doc(alias = "X509_STORE_CTX_get_error")]
    pub fn code(&self) -> i32 {
        self.code
    }

    /// Text for it, such as `certificate has expired`.
    #[must_use]
    #[doc(alias = "X509_verify_cert_error_string")]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Place in the chain: 0 is the peer's own certificate.
    #[must_use]
    #[doc(alias = "X509_STORE_CTX_get_error_depth")]
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The certificate at hand; `None` where the reason is about none, such as a missing revocation list.
    #[must_use]
    #[doc(alias = "X509_STORE_CTX_get_current_cert")]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// The chain as far as it is built, the peer's own certificate first.
    #[must_use]
    #[doc(alias = "X509_STORE_CTX_get1_chain")]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }
}
