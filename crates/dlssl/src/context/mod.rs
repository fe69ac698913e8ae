//! Contexts: what many connections share. Configured as plain data, built once, then immutable.

mod build;
mod cache;
mod client;
mod default;
mod hooks;
mod identities;
mod identity;
mod roots;
mod server;
mod sessions;
mod settings;
mod shared;
mod start;
mod tuning;
mod verify;

use std::fmt;
use std::sync::Arc;

use dlssl_core::Library;
use dlssl_core::compat::bio::Method;
use dlssl_core::ffi::SSL_CTX;

pub(crate) use cache::SessionKey;
pub use client::{ConnectConfiguration, Connector, ConnectorBuilder};
pub use default::{default_connector, set_default_connector, with_default_connector};
pub(crate) use hooks::Hooks;
pub(crate) use identities::Identities;
pub use server::{AcceptConfiguration, Acceptor, AcceptorBuilder};

use crate::callback::VerifyPolicy;
use crate::config::Protocol;
use crate::raw::SslContext;

/// Settings that are applied and shared by connections; cheap to clone.
///
/// Belongs to the library generation it was built on and keeps it alive.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// let connector = dlssl::Connector::following().roots(dlssl::Roots::file("ca.pem")).build()?;
/// let context: dlssl::Context = connector.context();
/// println!("{}", context.library().version_text());
/// // For a function of C that is not wrapped.
/// assert!(!context.as_ptr().is_null());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    context: SslContext,
    method: Method,
    tolerate_missing_close_notify: bool,
    /// A peer without a certificate is refused, whatever the cipher suite makes of it.
    require_certificate: bool,
    /// A server asks for certificates when the program says so.
    asks_on_request: bool,
    /// What is demanded beyond the library's own verification.
    verify: VerifyPolicy,
    /// Wildcards in certificates match nothing.
    no_wildcards: bool,
    /// Kernel TLS was asked for.
    kernel_tls: bool,
    /// Versions that it speaks.
    spoken: Vec<Protocol>,
    /// Application protocols that a client offers.
    offered_alpn: Vec<Vec<u8>>,
    hooks: Hooks,
}

impl Context {
    /// The library that it was built on.
    #[must_use]
    #[inline]
    pub fn library(&self) -> &Library {
        self.inner.context.library()
    }

    /// The pointer, for functions that are not wrapped; freed with the last clone and connection.
    ///
    /// To change a context that connections are made from is not safe with every function of C. One that trusts the machine's roots
    /// alone may verify by a store beside its own: what is added to its own then has no effect. Name roots with
    /// [`Roots`](crate::Roots).
    #[must_use]
    pub fn as_ptr(&self) -> *mut SSL_CTX {
        self.inner.context.as_ptr()
    }

    pub(crate) fn raw(&self) -> &SslContext {
        &self.inner.context
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn hooks(&self) -> &Hooks {
        &self.inner.hooks
    }

    pub(crate) fn method(&self) -> Method {
        self.inner.method
    }

    pub(crate) fn requires_certificate(&self) -> bool {
        self.inner.require_certificate
    }

    pub(crate) fn asks_on_request(&self) -> bool {
        self.inner.asks_on_request
    }

    pub(crate) fn verify_policy(&self) -> &VerifyPolicy {
        &self.inner.verify
    }

    pub(crate) fn refuses_wildcards(&self) -> bool {
        self.inner.no_wildcards
    }

    /// Whether connections may be of this version.
    pub(crate) fn speaks(&self, protocol: Option<Protocol>) -> bool {
        protocol.is_some_and(|protocol| self.inner.spoken.contains(&protocol))
    }

    /// Whether a client offers this application protocol.
    pub(crate) fn offers(&self, protocol: &[u8]) -> bool {
        self.inner.offered_alpn.iter().any(|offered| offered == protocol)
    }

    #[cfg(unix)]
    pub(crate) fn asks_for_kernel_tls(&self) -> bool {
        self.inner.kernel_tls
    }

    pub(crate) fn tolerates_missing_close_notify(&self) -> bool {
        self.inner.tolerate_missing_close_notify
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("library", &self.library().version_text()).finish_non_exhaustive()
    }
}
