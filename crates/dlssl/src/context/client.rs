//! The client's side: `Connector`, its builder, and the settings of one connection.

use std::io::{Read, Write};

use dlssl_core::{Library, Slot};

use super::Context;
use super::cache::SessionKey;
use super::settings::{PeerCertificate, Settings, shared_settings};
use super::shared::{Base, SharedContext};
use super::start::shared_start;
use super::verify::verify_settings;
use crate::config::functions::Psk;
use crate::config::{Identity, Roots};
use crate::error::{Error, ErrorKind, check_same_generation};
use crate::hostname::ServerName;
use crate::session::Session;
use crate::stream::{HandshakeError, Opening, Start, TlsStream};

/// Makes TLS connections to servers. Cheap to clone; made once and shared.
///
/// Unless told otherwise it verifies the server's certificate and name, speaks TLS 1.2 or newer, and trusts the
/// roots that the library or the distribution has.
///
/// # Examples
/// ```no_run
/// use std::io::{Read, Write};
///
/// let tcp = std::net::TcpStream::connect(("example.org", 443))?;
/// let mut tls = dlssl::Connector::new()?.connect("example.org", tcp)?;
/// tls.write_all(b"GET / HTTP/1.0\r\nHost: example.org\r\n\r\n")?;
/// let mut page = Vec::new();
/// tls.read_to_end(&mut page)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Connector {
    context: SharedContext,
    check_name: bool,
}

impl Connector {
    /// Makes one with the defaults, on the process's current library (loaded on first use), with which it stays.
    ///
    /// # Errors
    /// [`ErrorKind::Load`] when no library can be loaded, [`ErrorKind::NoRoots`] when no roots are found.
    pub fn new() -> Result<Self, Error> {
        Self::builder(&dlssl_core::current()?).build()
    }

    /// Starts with the defaults on a chosen library, with which it stays.
    pub fn builder(library: &Library) -> ConnectorBuilder {
        ConnectorBuilder { base: Base::Fixed(library.clone()), settings: Settings::client() }
    }

    /// Starts with the defaults on the process's current library, which it *follows*: after a
    /// [`reload`](crate::reload), and in a child of a fork, the next connection is made on the library that is current
    /// then, with a context built anew from the same settings. That a setting cannot be applied there is that
    /// connection's error.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// let connector = dlssl::Connector::following().roots(dlssl::Roots::file("ca.pem")).build()?;
    /// dlssl::reload()?; // the next connection is on the new library
    /// println!("{}", connector.library().version_text());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn following() -> ConnectorBuilder {
        ConnectorBuilder { base: Base::Process, settings: Settings::client() }
    }

    /// Like [`following`](Self::following), for a slot of the program's own.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// use std::sync::Arc;
    ///
    /// let slot = Arc::new(dlssl::Slot::new(dlssl::Loader::new()));
    /// let roots = dlssl::Roots::file("ca.pem");
    /// let connector = dlssl::Connector::following_slot(Arc::clone(&slot)).roots(roots).build()?;
    /// slot.reload()?;
    /// println!("{}", connector.context().library().version_text());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn following_slot(slot: std::sync::Arc<Slot>) -> ConnectorBuilder {
        ConnectorBuilder { base: Base::Slot(slot), settings: Settings::client() }
    }

    /// Handshakes over any stream. `name` is the host name or IP address that the certificate must be for.
    ///
    /// # Errors
    /// [`HandshakeError::Blocked`] when the stream is not ready, to be gone on with; else
    /// [`HandshakeError::Failed`].
    #[doc(alias = "SSL_connect")]
    pub fn connect<S: Read + Write>(&self, name: &str, stream: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        match self.configure(name) {
            Ok(configuration) => configuration.connect(stream),
            Err(error) => Err(HandshakeError::before(error, stream)),
        }
    }

    /// Handshakes over a socket by its descriptor: see [`ConnectConfiguration::connect_socket`].
    ///
    /// # Errors
    /// As for [`connect`](Self::connect).
    #[cfg(unix)]
    pub fn connect_socket<S: std::os::fd::AsFd>(
        &self,
        name: &str,
        socket: S,
    ) -> Result<TlsStream<S>, HandshakeError<S>> {
        match self.configure(name) {
            Ok(configuration) => configuration.connect_socket(socket),
            Err(error) => Err(HandshakeError::before(error, socket)),
        }
    }

    /// Starts one connection whose settings differ.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] when `name` is neither a host name nor an IP address; [`ErrorKind::Inherited`] in a
    /// child of a fork. One that has to be built anew first: as for [`build`](ConnectorBuilder::build).
    pub fn configure(&self, name: &str) -> Result<ConnectConfiguration, Error> {
        Ok(ConnectConfiguration {
            context: self.context.for_connection()?,
            name: ServerName::parse(name)?,
            check_name: self.check_name,
            sni: true,
            session: None,
            early_data: None,
            start: Start::default(),
        })
    }

    /// The context that the last connection was made from; the next may have another, after a reload.
    #[must_use]
    pub fn context(&self) -> Context {
        self.context.last()
    }

    /// The library that the last connection was made on.
    #[must_use]
    pub fn library(&self) -> Library {
        self.context.last().library().clone()
    }
}

/// Settings of a [`Connector`], as plain data until [`build`](Self::build).
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl::{Connector, ErrorKind, Identity, Protocol, Roots};
/// use std::time::Duration;
///
/// let library = dlssl::current()?;
/// let builder = Connector::builder(&library)
///     .roots(Roots::file("ca.pem"))
///     .verify_depth(3)
///     .verify_time(std::time::SystemTime::now())
///     .allow_wildcards(false)
///     .identity(Identity::pem_files("client.pem", "client-key.pem"))
///     .min_protocol(Protocol::Tls11)
///     .disable_protocol(Protocol::Tls11)
///     .cipher_list("ECDHE+AESGCM")
///     .groups("P-256:P-384")
///     .request_ocsp(true)
///     .session_cache_size(1000)
///     .session_timeout(Duration::from_secs(3600))
///     .release_buffers(true);
/// let (plain, h2) = (builder.build()?, builder.clone().alpn(["h2"]).build()?);
///
/// // What not every library has is an error where it is not, and silent nowhere.
/// let more = [
///     builder.clone().max_protocol(Protocol::Tls13).ciphersuites("TLS_AES_128_GCM_SHA256"),
///     builder.clone().signature_algorithms("ECDSA+SHA256"),
///     builder.clone().security_level(2),
///     builder.clone().psk("sensor 7", [0x5a; 32]),
///     builder.clone().post_handshake_auth(true),
/// ];
/// for builder in more {
///     if let Err(error) = builder.build() {
///         assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ConnectorBuilder {
    base: Base,
    settings: Settings,
}

impl ConnectorBuilder {
    shared_settings!();
    verify_settings!();

    /// Certificates to trust.
    #[doc(alias = "SSL_CTX_load_verify_locations")]
    pub fn roots(mut self, roots: Roots) -> Self {
        self.settings.roots = roots;
        self
    }

    /// Certificate and key to show to servers that ask.
    #[doc(alias = "SSL_CTX_use_certificate_chain_file")]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.settings.identity = Some(identity);
        self
    }

    /// Whether a wildcard in a certificate (`*.example.org`) matches; it does unless told otherwise, for one whole part of
    /// a name.
    #[doc(alias = "X509_CHECK_FLAG_NO_WILDCARDS")]
    pub fn allow_wildcards(mut self, allow: bool) -> Self {
        self.settings.verify.no_wildcards = !allow;
        self
    }

    /// **Takes any certificate from anyone**, whatever name it is for. The connection is then private against listeners only, not against
    /// who sits in the middle.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let server = scene.server();
    /// let library = dlssl::current()?;
    /// let connector = dlssl::Connector::builder(&library).danger_accept_invalid_certificates(true).build()?;
    /// let tls = connector.connect("other.test", std::net::TcpStream::connect(server)?)?;
    /// println!("{}", tls.verify_result());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "SSL_CTX_set_verify")]
    pub fn danger_accept_invalid_certificates(mut self, accept: bool) -> Self {
        self.settings.peer_certificate = if accept { PeerCertificate::Ignored } else { PeerCertificate::Required };
        self
    }

    /// **Takes a trusted certificate for any name.** Who holds a certificate for any host can then play this one.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let server = scene.server();
    /// let library = dlssl::current()?;
    /// let roots = dlssl::Roots::file("ca.pem");
    /// let connector = dlssl::Connector::builder(&library).roots(roots).danger_accept_invalid_names(true).build()?;
    /// connector.connect("other.test", std::net::TcpStream::connect(server)?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "X509_VERIFY_PARAM_set1_host")]
    pub fn danger_accept_invalid_names(mut self, accept: bool) -> Self {
        self.settings.check_name = !accept;
        self
    }

    /// Asks servers for the status of their certificate (OCSP stapling); see [`TlsStream::ocsp_response`]. What comes
    /// is not looked into.
    #[doc(alias = "SSL_set_tlsext_status_type")]
    pub fn request_ocsp(mut self, request: bool) -> Self {
        self.settings.tuning.request_ocsp = request;
        self
    }

    /// Lets a server ask for the certificate of [`identity`](Self::identity) also after the handshake, where TLS 1.3 is
    /// agreed on. The answer goes out from within a read. An error where the library has none of it (before TLS 1.3,
    /// LibreSSL).
    #[doc(alias = "SSL_CTX_set_post_handshake_auth")]
    pub fn post_handshake_auth(mut self, offer: bool) -> Self {
        self.settings.tuning.post_handshake_auth = offer;
        self
    }

    /// Key that the server has too, and the name that it knows it by: instead of a certificate. A server that does not
    /// take it has to show one. An error on LibreSSL, which has none of this.
    #[doc(alias = "SSL_CTX_set_psk_client_callback")]
    pub fn psk(mut self, identity: impl Into<String>, key: impl Into<Vec<u8>>) -> Self {
        self.settings.functions.psk = Some(Psk::Client { identity: identity.into(), key: key.into().into() });
        self
    }

    /// Applies the settings.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] and [`ErrorKind::Pem`] for settings that are wrong, [`ErrorKind::Unsupported`]
    /// for those that the library cannot keep, [`ErrorKind::NoRoots`], [`ErrorKind::Io`] for files.
    pub fn build(&self) -> Result<Connector, Error> {
        let context = SharedContext::build(self.base.clone(), self.settings.clone())?;
        Ok(Connector { context, check_name: self.settings.check_name })
    }
}

/// One connection's settings, then its handshake.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use std::time::{Duration, Instant};
///
/// let library = dlssl::current()?;
/// let connector = dlssl::Connector::builder(&library).roots(dlssl::Roots::file("ca.pem")).build()?;
/// let configuration = connector
///     .configure("example.org")?
///     .sni(false)
///     .deadline(Instant::now() + Duration::from_secs(10))
///     .timeouts(dlssl::Timeouts::new().read(Duration::from_secs(5)))
///     .read_ahead(64 * 1024)
///     .record_size(4096);
/// let tcp = || std::net::TcpStream::connect(server);
/// configuration.clone().connect_socket(tcp()?)?;
/// configuration.connect_openssl_socket(tcp()?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ConnectConfiguration {
    context: Context,
    name: ServerName,
    check_name: bool,
    sni: bool,
    session: Option<Session>,
    early_data: Option<Vec<u8>>,
    start: Start,
}

impl ConnectConfiguration {
    shared_start!();

    /// Whether the host name is sent in the clear with the first message (SNI); it is unless told otherwise.
    #[doc(alias = "SSL_set_tlsext_host_name")]
    pub fn sni(mut self, send: bool) -> Self {
        self.sni = send;
        self
    }

    /// Offers this session to the server, instead of one that the connector remembers. The server may go on with it
    /// or not: see [`TlsStream::session_reused`]. Its certificate must be valid for the name all the same, and it must
    /// come from a connector with the same [`pins`](ConnectorBuilder::pins), or the handshake fails. One of a version of TLS
    /// that this connector does not speak is passed over.
    ///
    /// # Errors
    /// [`ErrorKind::MixedGenerations`] when the session belongs to another load of a library; as for [`Session::to_der`].
    #[doc(alias = "SSL_set_session")]
    pub fn session(mut self, session: &Session) -> Result<Self, Error> {
        check_same_generation(self.context.library(), session.library(), "the session")?;
        // 1.0.2 and LibreSSL would speak the session's version whatever the bounds say.
        if !self.context.speaks(session.protocol()) {
            return Ok(self);
        }
        // OpenSSL marks a session of TLS 1.3 as used up in all its holders.
        self.session = Some(Session::from_der(session.library(), &session.to_der()?)?);
        Ok(self)
    }

    /// **Sends these bytes before the handshake is done** (0-RTT), where a session is resumed whose server takes so
    /// many: who listens can send them to the server again, so they must do no harm when they are acted on twice. They
    /// are not sent at all without such a session, nor where its name (SNI) or application protocol is not asked for again,
    /// and the server may leave them unread: look at
    /// [`TlsStream::early_data_accepted`], and send them again in the ordinary way if it is `false`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the library has none of it (before TLS 1.3, LibreSSL).
    #[doc(alias = "SSL_write_early_data")]
    pub fn danger_early_data(mut self, bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        if !self.context.raw().has_early_data() {
            let library = self.context.library();
            let words = format!("{} cannot do early data", library.version_text());
            return Err(Error::new(ErrorKind::Unsupported, words).of(library));
        }
        self.early_data = Some(bytes.into());
        Ok(self)
    }

    /// Handshakes over any stream.
    ///
    /// # Errors
    /// As for [`Connector::connect`].
    pub fn connect<S: Read + Write>(self, stream: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        match self.opening() {
            Ok(opening) => opening.stream(stream),
            Err(error) => Err(HandshakeError::before(error, stream)),
        }
    }

    /// Handshakes over a socket by its descriptor. Its flags stay as they are; a blocking one waits with the
    /// deadline, a non-blocking one says `WouldBlock`; a closed peer raises no signal. Time-outs set on the socket itself
    /// (`set_read_timeout`) have no effect here: use the deadline or the time limits.
    ///
    /// # Errors
    /// As for [`Connector::connect`].
    #[cfg(unix)]
    pub fn connect_socket<S: std::os::fd::AsFd>(self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        match self.opening() {
            Ok(opening) => opening.socket(socket),
            Err(error) => Err(HandshakeError::before(error, socket)),
        }
    }

    /// Handshakes over a socket by OpenSSL's own BIO ([`SSL_set_fd`](https://docs.openssl.org/master/man3/SSL_set_fd/)):
    /// the way to kernel TLS.
    ///
    /// A closed peer raises SIGPIPE where the program does not ignore it (Rust's runtime does). While a deadline or a
    /// time limit is set, the socket is made non-blocking for the time of each call, which all who share it see; without
    /// one its flags stay as they are.
    ///
    /// # Errors
    /// As for [`Connector::connect`]; [`ErrorKind::Configuration`] with [`received`](Self::received) bytes, which
    /// that BIO cannot take.
    #[cfg(unix)]
    #[doc(alias = "SSL_set_fd")]
    pub fn connect_openssl_socket<S: std::os::fd::AsFd>(self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        match self.opening() {
            Ok(opening) => opening.openssl_socket(socket),
            Err(error) => Err(HandshakeError::before(error, socket)),
        }
    }

    fn opening(self) -> Result<Opening, Error> {
        let key = SessionKey { name: self.name, check_name: self.check_name, sni: self.sni };
        Opening::client(&self.context, self.start, key, self.session, self.early_data)
    }
}
