//! The server's side: `Acceptor`, its builder, and the settings of one connection.

use std::io::{Read, Write};
use std::num::NonZeroU32;
use std::sync::Arc;

use dlssl_core::{Library, Slot};

use super::Context;
use super::settings::{PeerCertificate, Settings, shared_settings};
use super::shared::{Base, SharedContext};
use super::start::shared_start;
use super::verify::verify_settings;
use crate::config::functions::{Function, Psk};
use crate::config::sessions::Store;
use crate::config::{AlpnAnswer, ClientHello, HelloAnswer, Identity, Roots, TicketKey, TicketKeys};
use crate::error::{Error, ErrorKind};
use crate::session::SessionStore;
use crate::stream::{HandshakeError, Opening, Start, TlsStream};

/// Takes TLS connections from clients. Cheap to clone; made once and shared.
///
/// Unless told otherwise it speaks TLS 1.2 or newer and asks clients for no certificate.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use std::io::Write;
/// use std::net::TcpListener;
///
/// let identity = dlssl::Identity::pem_files("chain.pem", "key.pem");
/// let acceptor = dlssl::Acceptor::new(identity)?;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// std::thread::spawn(move || {
///     for tcp in listener.incoming().map_while(Result::ok) {
///         let acceptor = acceptor.clone();
///         std::thread::spawn(move || match acceptor.accept_socket(tcp) {
///             Ok(mut tls) => drop(tls.write_all(b"hello\n")),
///             Err(error) => eprintln!("{error}"),
///         });
///     }
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Acceptor {
    context: SharedContext,
}

impl Acceptor {
    /// Makes one with the defaults, on the process's current library (loaded on first use), with which it stays.
    ///
    /// # Errors
    /// As for [`AcceptorBuilder::build`], and [`ErrorKind::Load`] when no library can be loaded.
    pub fn new(identity: Identity) -> Result<Self, Error> {
        Self::builder(&dlssl_core::current()?, identity).build()
    }

    /// Starts with the defaults on a chosen library, with which it stays.
    pub fn builder(library: &Library, identity: Identity) -> AcceptorBuilder {
        AcceptorBuilder { base: Base::Fixed(library.clone()), settings: Settings::server(identity) }
    }

    /// Starts with the defaults on the process's current library, which it *follows*: after a
    /// [`reload`](crate::reload), and in a child of a fork, the next connection is taken on the library that is current
    /// then, with a context built anew from the same settings. That a setting cannot be applied there is that
    /// connection's error. Certificate and key files are read again.
    pub fn following(identity: Identity) -> AcceptorBuilder {
        AcceptorBuilder { base: Base::Process, settings: Settings::server(identity) }
    }

    /// Like [`following`](Self::following), for a slot of the program's own.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// let slot = std::sync::Arc::new(dlssl::Slot::new(dlssl::Loader::new()));
    /// let identity = dlssl::Identity::pem_files("chain.pem", "key.pem");
    /// let acceptor = dlssl::Acceptor::following_slot(slot, identity).build()?;
    /// println!("{} {}", acceptor.library().version_text(), acceptor.context().library().generation().get());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn following_slot(slot: Arc<Slot>, identity: Identity) -> AcceptorBuilder {
        AcceptorBuilder { base: Base::Slot(slot), settings: Settings::server(identity) }
    }

    /// Handshakes over any stream.
    ///
    /// # Errors
    /// [`HandshakeError::Blocked`] when the stream is not ready, to be gone on with; else
    /// [`HandshakeError::Failed`].
    #[doc(alias = "SSL_accept")]
    pub fn accept<S: Read + Write>(&self, stream: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        match self.configure() {
            Ok(configuration) => configuration.accept(stream),
            Err(error) => Err(HandshakeError::before(error, stream)),
        }
    }

    /// Handshakes over a socket by its descriptor: see [`AcceptConfiguration::accept_socket`].
    ///
    /// # Errors
    /// As for [`accept`](Self::accept).
    #[cfg(unix)]
    pub fn accept_socket<S: std::os::fd::AsFd>(&self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        match self.configure() {
            Ok(configuration) => configuration.accept_socket(socket),
            Err(error) => Err(HandshakeError::before(error, socket)),
        }
    }

    /// Starts one connection whose settings differ.
    ///
    /// # Errors
    /// [`ErrorKind::Inherited`] in a child of a fork. One that has to be built anew first: as for
    /// [`build`](AcceptorBuilder::build).
    pub fn configure(&self) -> Result<AcceptConfiguration, Error> {
        Ok(AcceptConfiguration { context: self.context.for_connection()?, start: Start::default() })
    }

    /// Takes another certificate in the place of the one it was built with, for connections that begin from now on, on
    /// all clones of this acceptor; those that are open go on. Sessions stay good.
    ///
    /// # Errors
    /// As for [`AcceptorBuilder::build`]; the old one stays in use then.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// let identity = || dlssl::Identity::pem_files("chain.pem", "key.pem");
    /// let acceptor = dlssl::Acceptor::new(identity())?;
    /// // Later, when the files are new ones:
    /// acceptor.replace_identity(&identity())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace_identity(&self, identity: &Identity) -> Result<(), Error> {
        loop {
            let context = self.context.for_connection()?;
            if let Some(identities) = &context.hooks().identities {
                identities.replace(identity)?;
            }
            // A context that was built meanwhile may not have seen it.
            if context.is_same(&self.context.last()) {
                return Ok(());
            }
        }
    }

    /// Exchanges the ticket keys, for connections that begin from now on, on all clones: the first encrypts, all
    /// decrypt. Rotate by putting a new one first and dropping the last.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] for an empty list, or when the acceptor was built without
    /// [`ticket_keys`](AcceptorBuilder::ticket_keys).
    pub fn set_ticket_keys(&self, keys: impl IntoIterator<Item = TicketKey>) -> Result<(), Error> {
        let keys: Vec<_> = keys.into_iter().collect();
        let context = self.context.last();
        let current = &context.hooks().ticket_keys;
        if keys.is_empty() || current.current().is_none() {
            let words = "ticket keys are exchanged where there are some, for at least one";
            return Err(Error::new(ErrorKind::Configuration, words).of(context.library()));
        }
        current.set(keys);
        Ok(())
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

/// Settings of an [`Acceptor`], as plain data until [`build`](Self::build).
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl::{Acceptor, AlpnAnswer, ErrorKind, Identity, Roots};
///
/// let library = dlssl::current()?;
/// let identity = || Identity::pem_files("chain.pem", "key.pem");
/// let other = identity();
/// let builder = Acceptor::builder(&library, identity())
///     .identity_for("*.example.org", identity())
///     .identity_with(move |name| (name == "example.org").then(|| other.clone()))
///     .refuse_unknown_names(true)
///     .alpn_with(|offered| match offered.contains(&&b"h2"[..]) {
///         true => AlpnAnswer::Protocol(b"h2"),
///         false => AlpnAnswer::Nothing,
///     })
///     .ocsp_with(|name| name.and(None)) // no response at hand
///     .session_id_context("one service")
///     .session_timeout(std::time::Duration::from_secs(3600));
/// let acceptor = builder.clone().optional_client_roots(Roots::file("ca.pem")).build()?;
/// assert_eq!(acceptor.accept(scene.caller())?.server_name(), Some("example.org"));
///
/// let strict = builder.clone().client_roots(Roots::file("ca.pem")).build()?;
/// let error = dlssl::Error::from(strict.accept(scene.caller()).unwrap_err());
/// assert_eq!(error.kind(), ErrorKind::Certificate, "the caller has none");
///
/// // Where there is no TLS 1.3.
/// if let Err(error) = builder.ticket_count(1).build() {
///     assert_eq!(error.kind(), ErrorKind::Unsupported);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AcceptorBuilder {
    base: Base,
    settings: Settings,
}

impl AcceptorBuilder {
    shared_settings!();
    verify_settings!();

    /// Requires a certificate from each client, issued under one of these roots. Clients are told their names, but for
    /// default roots.
    #[doc(alias = "SSL_CTX_set_verify")]
    pub fn client_roots(mut self, roots: Roots) -> Self {
        self.settings.roots = roots;
        self.settings.peer_certificate = PeerCertificate::Required;
        self
    }

    /// Asks each client for a certificate issued under one of these roots. Who shows none is let in, which
    /// [`TlsStream::peer_certificate`] tells; one that is shown must verify.
    #[doc(alias = "SSL_CTX_set_verify")]
    pub fn optional_client_roots(mut self, roots: Roots) -> Self {
        self.settings.roots = roots;
        self.settings.peer_certificate = PeerCertificate::Optional;
        self
    }

    /// Asks a client for a certificate issued under one of these roots when the program says so, after the handshake, by
    /// [`TlsStream::request_certificate`]. Before TLS 1.3 there is no such thing: as
    /// [`optional_client_roots`](Self::optional_client_roots). An error where the library has none of it (before TLS 1.3,
    /// LibreSSL).
    #[doc(alias = "SSL_VERIFY_POST_HANDSHAKE")]
    pub fn client_roots_on_request(mut self, roots: Roots) -> Self {
        self.settings.roots = roots;
        self.settings.peer_certificate = PeerCertificate::OnRequest;
        self
    }

    /// Function that sees what a client says first, before anything is agreed on, and says what to do about it: go on, use
    /// this certificate, wait, refuse. Where a client has to try another group for key exchange it is asked twice. An error
    /// where the library has none of it (OpenSSL before 1.1.1, LibreSSL). A panic comes out of the method that handshakes.
    #[doc(alias = "SSL_CTX_set_client_hello_cb")]
    pub fn client_hello_with(
        mut self,
        judge: impl Fn(&ClientHello<'_>) -> HelloAnswer + Send + Sync + 'static,
    ) -> Self {
        self.settings.functions.client_hello = Some(Function(Arc::new(judge)));
        self
    }

    /// Certificate for clients that ask for this name (SNI): a host name, or `*.` and a domain for every name with one
    /// more part. An exact name goes before a wildcard. Clients that ask for no name, or for another, get the identity
    /// that the builder began with.
    #[doc(alias = "SSL_CTX_set_tlsext_servername_callback")]
    pub fn identity_for(mut self, name: impl Into<String>, identity: Identity) -> Self {
        self.settings.server_names.push((name.into().to_ascii_lowercase(), identity));
        self
    }

    /// Function that gives the certificate for a name, in small letters, that a client asks for; `None` goes on to
    /// [`identity_for`](Self::identity_for) and the identity that the builder began with. Give clones of identities that
    /// you keep: each is read once. A panic comes out of the method that handshakes.
    #[doc(alias = "SSL_CTX_set_tlsext_servername_callback")]
    pub fn identity_with(mut self, choose: impl Fn(&str) -> Option<Identity> + Send + Sync + 'static) -> Self {
        self.settings.functions.server_name = Some(Function(Arc::new(choose)));
        self
    }

    /// Refuses a client that asks for a name for which there is neither [`identity_for`](Self::identity_for) nor an answer
    /// of [`identity_with`](Self::identity_with), by the alert `unrecognized_name`. The identity that the builder began
    /// with is then for clients that ask for no name.
    #[doc(alias = "SSL_CTX_set_tlsext_servername_callback")]
    pub fn refuse_unknown_names(mut self, refuse: bool) -> Self {
        self.settings.functions.refuse_unknown_names = refuse;
        self
    }

    /// Function that chooses among the application protocols that a client offers, refuses the client, or goes on without
    /// any; one that was not offered refuses. In the place of [`alpn`](Self::alpn).
    #[doc(alias = "SSL_CTX_set_alpn_select_cb")]
    pub fn alpn_with(mut self, choose: impl for<'a> Fn(&[&'a [u8]]) -> AlpnAnswer<'a> + Send + Sync + 'static) -> Self {
        self.settings.functions.alpn = Some(Function(Arc::new(choose)));
        self
    }

    /// Function that gives the OCSP response (DER) to staple, by the name that the client asked for; `None` goes on to
    /// what came with the identity ([`Identity::ocsp_response`]).
    #[doc(alias = "SSL_CTX_set_tlsext_status_cb")]
    pub fn ocsp_with(mut self, respond: impl Fn(Option<&str>) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        self.settings.functions.staple = Some(Function(Arc::new(respond)));
        self
    }

    /// Function that gives the key of a client that names itself, in the place of certificates; `None` is "not known".
    /// An error on LibreSSL, which has none of this.
    #[doc(alias = "SSL_CTX_set_psk_server_callback")]
    pub fn psk_with(mut self, key: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        self.settings.functions.psk = Some(Psk::Server(Function(Arc::new(key))));
        self
    }

    /// Keys for session tickets: the first encrypts, all decrypt. Unless told, the library makes one at random that
    /// nobody else has; see also [`Acceptor::set_ticket_keys`].
    #[doc(alias = "SSL_CTX_set_tlsext_ticket_key_evp_cb")]
    #[doc(alias = "SSL_CTX_set_tlsext_ticket_key_cb")]
    pub fn ticket_keys(mut self, keys: impl IntoIterator<Item = TicketKey>) -> Self {
        self.settings.sessions.ticket_keys = TicketKeys::default();
        self.settings.sessions.ticket_keys.set(keys);
        self
    }

    /// How many tickets a client gets after a full TLS 1.3 handshake; the library's own number, 2, unless told
    /// otherwise. An error where the library cannot be told (before TLS 1.3, LibreSSL).
    #[doc(alias = "SSL_CTX_set_num_tickets")]
    pub fn ticket_count(mut self, count: usize) -> Self {
        self.settings.sessions.ticket_count = Some(count);
        self
    }

    /// **Takes so many bytes that a client sends before its handshake is done** (0-RTT), to be had from
    /// [`TlsStream::danger_take_early_data`]: who listened can send them again. The library refuses what it sees twice
    /// itself, by its session cache; another server with the same ticket keys does not know of it. An error where the
    /// library has none of it (before TLS 1.3, LibreSSL).
    #[doc(alias = "SSL_CTX_set_max_early_data")]
    pub fn danger_early_data(mut self, most: NonZeroU32) -> Self {
        self.settings.sessions.early_data = Some(most);
        self
    }

    /// Name of the application in sessions, 1 to 32 bytes: only sessions with the same name are resumed. For servers
    /// that share ticket keys or a store, and ask for client certificates under the same rules.
    #[doc(alias = "SSL_CTX_set_session_id_context")]
    pub fn session_id_context(mut self, id: impl Into<Vec<u8>>) -> Self {
        self.settings.sessions.id_context = Some(id.into());
        self
    }

    /// Keeps sessions of clients without tickets with the program, and none in the library's memory.
    #[doc(alias = "SSL_CTX_sess_set_new_cb")]
    #[doc(alias = "SSL_CTX_sess_set_get_cb")]
    #[doc(alias = "SSL_CTX_sess_set_remove_cb")]
    pub fn session_store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.settings.sessions.store = Some(Store(store));
        self
    }

    /// Applies the settings.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] and [`ErrorKind::Pem`] for settings that are wrong, [`ErrorKind::Unsupported`]
    /// for those that the library cannot keep, [`ErrorKind::NoRoots`], [`ErrorKind::Io`] for files.
    pub fn build(&self) -> Result<Acceptor, Error> {
        Ok(Acceptor { context: SharedContext::build(self.base.clone(), self.settings.detached())? })
    }
}

/// One connection's settings, then its handshake.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use std::io::Read;
///
/// let acceptor = dlssl::Acceptor::new(dlssl::Identity::pem_files("chain.pem", "key.pem"))?;
/// // A server that looks at the first byte to tell TLS from plain text.
/// let mut tcp = scene.caller();
/// let mut first = [0; 1];
/// tcp.read_exact(&mut first)?;
/// if first[0] == 22 {
///     acceptor.configure()?.received(first).accept(tcp)?;
/// }
/// acceptor.configure()?.accept_socket(scene.caller())?;
/// acceptor.configure()?.accept_openssl_socket(scene.caller())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AcceptConfiguration {
    context: Context,
    start: Start,
}

impl AcceptConfiguration {
    shared_start!();

    /// Handshakes over any stream.
    ///
    /// # Errors
    /// As for [`Acceptor::accept`].
    pub fn accept<S: Read + Write>(self, stream: S) -> Result<TlsStream<S>, HandshakeError<S>> {
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
    /// As for [`Acceptor::accept`].
    #[cfg(unix)]
    pub fn accept_socket<S: std::os::fd::AsFd>(self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        match self.opening() {
            Ok(opening) => opening.socket(socket),
            Err(error) => Err(HandshakeError::before(error, socket)),
        }
    }

    /// Handshakes over a socket by OpenSSL's own BIO; see
    /// [`connect_openssl_socket`](crate::ConnectConfiguration::connect_openssl_socket).
    ///
    /// # Errors
    /// As for [`Acceptor::accept`]; [`ErrorKind::Configuration`] with [`received`](Self::received) bytes, which
    /// that BIO cannot take.
    #[cfg(unix)]
    #[doc(alias = "SSL_set_fd")]
    pub fn accept_openssl_socket<S: std::os::fd::AsFd>(self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        match self.opening() {
            Ok(opening) => opening.openssl_socket(socket),
            Err(error) => Err(HandshakeError::before(error, socket)),
        }
    }

    fn opening(self) -> Result<Opening, Error> {
        Opening::server(&self.context, self.start)
    }
}
