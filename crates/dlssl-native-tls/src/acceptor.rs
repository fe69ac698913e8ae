//! The server's side: `TlsAcceptor` and its builder.

use std::io::{Read, Write};

use crate::handshake::finish;
use crate::protocol::Bounds;
use crate::records::Records;
use crate::{HandshakeError, Identity, Protocol, Result, TlsStream};

/// Takes TLS connections from clients. Cheap to clone; made once and shared.
///
/// One that dlssl has built, with settings that native-tls has no names for, becomes one of these by `from`.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl_native_tls::{TlsAcceptor, dlssl};
///
/// let identity = dlssl::Identity::pem_files("chain.pem", "key.pem");
/// let roots = dlssl::Roots::file("ca.pem");
/// let acceptor = TlsAcceptor::from(dlssl::Acceptor::following(identity).optional_client_roots(roots).build()?);
/// let tls = acceptor.accept(scene.caller())?;
/// assert!(tls.peer_certificate()?.is_none(), "the caller has none");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TlsAcceptor(dlssl::Acceptor);

impl TlsAcceptor {
    /// Makes one with the defaults.
    ///
    /// # Errors
    /// As for [`TlsAcceptorBuilder::build`].
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// use dlssl_native_tls::{Identity, TlsAcceptor};
    ///
    /// let identity = Identity::from_pkcs8(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
    /// let tls = TlsAcceptor::new(identity)?.accept(scene.caller())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(identity: Identity) -> Result<Self> {
        Self::builder(identity).build()
    }

    /// Starts with the defaults: TLS 1.2 or newer, no certificates of clients.
    #[must_use]
    pub fn builder(identity: Identity) -> TlsAcceptorBuilder {
        TlsAcceptorBuilder { identity, bounds: Bounds::default(), alpn: Vec::new() }
    }

    /// Handshakes over any stream.
    ///
    /// # Errors
    /// [`HandshakeError::WouldBlock`] when the stream is not ready, to be gone on with; else [`HandshakeError::Failure`].
    pub fn accept<S>(&self, stream: S) -> std::result::Result<TlsStream<S>, HandshakeError<S>>
    where
        S: Read + Write,
    {
        finish(self.0.accept(Records::new(stream)))
    }
}

impl From<dlssl::Acceptor> for TlsAcceptor {
    fn from(acceptor: dlssl::Acceptor) -> Self {
        Self(acceptor)
    }
}

/// Settings of a [`TlsAcceptor`].
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl_native_tls::{Identity, Protocol, TlsAcceptor};
///
/// let identity = Identity::from_pkcs8(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// let mut builder = TlsAcceptor::builder(identity);
/// builder
///     .min_protocol_version(Some(Protocol::Tlsv12))
///     .max_protocol_version(Some(Protocol::Tlsv12))
///     .accept_alpn(&["h2", "http/1.1"]);
/// let tls = builder.build()?.accept(scene.caller())?;
/// assert_eq!(tls.negotiated_alpn()?, None, "the caller offered nothing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TlsAcceptorBuilder {
    identity: Identity,
    bounds: Bounds,
    alpn: Vec<String>,
}

impl TlsAcceptorBuilder {
    /// Oldest version to speak; as [for clients](crate::TlsConnectorBuilder::min_protocol_version).
    pub fn min_protocol_version(&mut self, protocol: Option<Protocol>) -> &mut Self {
        self.bounds.oldest = protocol;
        self
    }

    /// Newest version to speak; the library's newest where it is `None`, as without this call.
    pub fn max_protocol_version(&mut self, protocol: Option<Protocol>) -> &mut Self {
        self.bounds.newest = protocol;
        self
    }

    /// Application protocols to take, most wanted first. A client that offers some and none of these is refused.
    pub fn accept_alpn(&mut self, protocols: &[impl AsRef<str>]) -> &mut Self {
        self.alpn = protocols.iter().map(|protocol| protocol.as_ref().to_owned()).collect();
        self
    }

    /// Applies the settings, on the process's current library.
    ///
    /// # Errors
    /// Settings that are wrong or that the library cannot keep, and a library that cannot be loaded.
    pub fn build(&self) -> Result<TlsAcceptor> {
        let mut builder = dlssl::Acceptor::following(self.identity.0.clone()).alpn(&self.alpn);
        if let Some(oldest) = self.bounds.oldest() {
            builder = builder.min_protocol(oldest);
        }
        if let Some(newest) = self.bounds.newest()? {
            builder = builder.max_protocol(newest);
        }
        Ok(TlsAcceptor(builder.build()?))
    }
}
