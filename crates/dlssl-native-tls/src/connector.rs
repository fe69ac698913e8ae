//! The client's side: `TlsConnector` and its builder.

use std::io::{Read, Write};

use dlssl::{ErrorKind, Roots};

use crate::handshake::finish;
use crate::protocol::Bounds;
use crate::records::Records;
use crate::{Certificate, HandshakeError, Identity, Protocol, Result, TlsStream};

/// Stands for a name that nobody looks at and that is none (RFC 2606 keeps it free).
const NOBODY: &str = "name.invalid";

/// Makes TLS connections to servers. Cheap to clone; made once and shared.
///
/// One that dlssl has built, with settings that native-tls has no names for, becomes one of these by `from`.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use dlssl_native_tls::{TlsConnector, dlssl};
///
/// let roots = dlssl::Roots::file("ca.pem");
/// let connector = TlsConnector::from(dlssl::Connector::following().roots(roots).groups("P-256").build()?);
/// connector.connect("example.org", std::net::TcpStream::connect(server)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TlsConnector {
    connector: dlssl::Connector,
    sni: bool,
    /// Whether the name is neither sent nor checked.
    ignores_name: bool,
}

impl TlsConnector {
    /// Makes one with the defaults.
    ///
    /// # Errors
    /// As for [`TlsConnectorBuilder::build`].
    ///
    /// # Examples
    /// ```no_run
    /// use dlssl_native_tls::TlsConnector;
    ///
    /// let tcp = std::net::TcpStream::connect(("example.org", 443))?;
    /// let tls = TlsConnector::new()?.connect("example.org", tcp)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// Starts with the defaults: certificate and name are verified, TLS 1.2 or newer, the machine's own roots.
    #[must_use]
    pub fn builder() -> TlsConnectorBuilder {
        TlsConnectorBuilder {
            identity: None,
            bounds: Bounds::default(),
            roots: Vec::new(),
            built_in_roots: true,
            accept_invalid_certs: false,
            accept_invalid_hostnames: false,
            sni: true,
            alpn: Vec::new(),
        }
    }

    /// Handshakes over any stream. `domain` is the host name or IP address that the certificate must be for; it may be
    /// anything where it is neither sent nor checked.
    ///
    /// # Errors
    /// [`HandshakeError::WouldBlock`] when the stream is not ready, to be gone on with; else [`HandshakeError::Failure`].
    pub fn connect<S>(&self, domain: &str, stream: S) -> std::result::Result<TlsStream<S>, HandshakeError<S>>
    where
        S: Read + Write,
    {
        let configuration = match self.connector.configure(domain) {
            Err(error) if self.ignores_name && error.kind() == ErrorKind::InvalidName => {
                self.connector.configure(NOBODY)
            }
            outcome => outcome,
        };
        let configuration = configuration.map_err(crate::Error::from)?;
        finish(configuration.sni(self.sni).connect(Records::new(stream)))
    }
}

impl From<dlssl::Connector> for TlsConnector {
    fn from(connector: dlssl::Connector) -> Self {
        Self { connector, sni: true, ignores_name: false }
    }
}

/// Settings of a [`TlsConnector`].
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use dlssl_native_tls::{Certificate, Identity, Protocol, TlsConnector};
///
/// let mut builder = TlsConnector::builder();
/// builder
///     .add_root_certificate(Certificate::from_pem(&std::fs::read("ca.pem")?)?)
///     .disable_built_in_roots(true)
///     .identity(Identity::from_pkcs8(&std::fs::read("client.pem")?, &std::fs::read("client-key.pem")?)?)
///     .min_protocol_version(Some(Protocol::Tlsv12))
///     .max_protocol_version(None)
///     .request_alpns(&["h2", "http/1.1"]);
/// builder.build()?.connect("example.org", std::net::TcpStream::connect(server)?)?;
///
/// // A server at hand that is not what it should be.
/// builder.danger_accept_invalid_hostnames(true).use_sni(false);
/// builder.build()?.connect("", std::net::TcpStream::connect(server)?)?;
/// builder.danger_accept_invalid_certs(true);
/// builder.build()?.connect("", std::net::TcpStream::connect(server)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TlsConnectorBuilder {
    identity: Option<Identity>,
    bounds: Bounds,
    roots: Vec<Certificate>,
    built_in_roots: bool,
    accept_invalid_certs: bool,
    accept_invalid_hostnames: bool,
    sni: bool,
    alpn: Vec<String>,
}

impl TlsConnectorBuilder {
    /// Certificate and key to show to servers that ask.
    pub fn identity(&mut self, identity: Identity) -> &mut Self {
        self.identity = Some(identity);
        self
    }

    /// Oldest version to speak. `None`, as without this call, is TLS 1.2, or what the library's configuration demands if that
    /// is newer.
    pub fn min_protocol_version(&mut self, protocol: Option<Protocol>) -> &mut Self {
        self.bounds.oldest = protocol;
        self
    }

    /// Newest version to speak; the library's newest where it is `None`, as without this call.
    pub fn max_protocol_version(&mut self, protocol: Option<Protocol>) -> &mut Self {
        self.bounds.newest = protocol;
        self
    }

    /// Trusts this one too.
    pub fn add_root_certificate(&mut self, certificate: Certificate) -> &mut Self {
        self.roots.push(certificate);
        self
    }

    /// Whether the machine's own roots are left out; they are trusted unless told otherwise.
    pub fn disable_built_in_roots(&mut self, disable: bool) -> &mut Self {
        self.built_in_roots = !disable;
        self
    }

    /// Application protocols to offer, most wanted first.
    pub fn request_alpns(&mut self, protocols: &[&str]) -> &mut Self {
        self.alpn = protocols.iter().map(ToString::to_string).collect();
        self
    }

    /// **Takes any certificate from anyone**, whatever name it is for.
    pub fn danger_accept_invalid_certs(&mut self, accept: bool) -> &mut Self {
        self.accept_invalid_certs = accept;
        self
    }

    /// Whether the host name is sent in the clear with the first message; it is unless told otherwise.
    pub fn use_sni(&mut self, send: bool) -> &mut Self {
        self.sni = send;
        self
    }

    /// **Takes a trusted certificate for any name.**
    pub fn danger_accept_invalid_hostnames(&mut self, accept: bool) -> &mut Self {
        self.accept_invalid_hostnames = accept;
        self
    }

    /// Applies the settings, on the process's current library.
    ///
    /// # Errors
    /// Settings that are wrong or that the library cannot keep, a library that cannot be loaded, and no roots at all where
    /// certificates are to be verified.
    pub fn build(&self) -> Result<TlsConnector> {
        let ignores_name = !self.sni && (self.accept_invalid_certs || self.accept_invalid_hostnames);
        let mut builder = dlssl::Connector::following()
            .roots(self.trusted()?)
            .danger_accept_invalid_certificates(self.accept_invalid_certs)
            .danger_accept_invalid_names(self.accept_invalid_hostnames)
            // By name; and where names may be anything, a session could go to a server that it is not of.
            .session_cache(!ignores_name)
            .alpn(&self.alpn);
        if let Some(oldest) = self.bounds.oldest() {
            builder = builder.min_protocol(oldest);
        }
        if let Some(newest) = self.bounds.newest()? {
            builder = builder.max_protocol(newest);
        }
        if let Some(identity) = &self.identity {
            builder = builder.identity(identity.0.clone());
        }
        Ok(TlsConnector { connector: builder.build()?, sni: self.sni, ignores_name })
    }

    /// The machine's own roots where there are some, and the program's. Where there are neither, dlssl says so.
    fn trusted(&self) -> Result<Roots> {
        if self.built_in_roots && self.roots.is_empty() {
            return Ok(Roots::default());
        }
        let own = self.roots.iter().map(|root| Roots::pem(root.0.der())).fold(Roots::none(), Roots::and);
        let has_built_in = || match dlssl::default_roots(&dlssl::current()?) {
            Ok(_) => Ok(true),
            // A container with nothing but the program, which has a root of its own.
            Err(error) if error.kind() == ErrorKind::NoRoots => Ok(false),
            Err(error) => Err(crate::Error::from(error)),
        };
        Ok(if self.built_in_roots && has_built_in()? { Roots::default().and(own) } else { own })
    }
}
