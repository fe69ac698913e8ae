//! The server's side: `Acceptor`, its builder, and the settings of one connection.

use std::io::{Read, Write};
use std::time::Instant;

use dlssl_core::{Library, Slot};

use super::Context;
use super::settings::{PeerCertificate, Settings, shared_settings};
use super::shared::{Base, SharedContext};
use super::verify::verify_settings;
use crate::config::{Identity, Roots};
use crate::error::{Error, ErrorKind};
use crate::stream::{HandshakeError, Opening, TlsStream};

/// Takes TLS connections from clients. Cheap to clone; made once and shared.
///
/// Unless told otherwise it speaks TLS 1.2 or newer and asks clients for no certificate.
///
/// # Examples
/// ```no_run
/// let identity = dlssl::Identity::pem_files("chain.pem", "key.pem");
/// let acceptor = dlssl::Acceptor::new(identity)?;
/// let listener = std::net::TcpListener::bind("127.0.0.1:4433")?;
/// for tcp in listener.incoming() {
///     let acceptor = acceptor.clone();
///     let tcp = tcp?;
///     std::thread::spawn(move || match acceptor.accept(tcp) {
///         Ok(mut tls) => drop(std::io::Write::write_all(&mut tls, b"hello\n")),
///         Err(error) => eprintln!("{error}"),
///     });
/// }
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
    pub fn following_slot(slot: std::sync::Arc<Slot>, identity: Identity) -> AcceptorBuilder {
        AcceptorBuilder { base: Base::Slot(slot), settings: Settings::server(identity) }
    }

    /// Handshakes over any stream.
    ///
    /// # Errors
    /// [`HandshakeError::Blocked`] when the stream is not ready, to be gone on with; else
    /// [`HandshakeError::Failed`].
    #[doc(alias = "SSL_accept")]
    pub fn accept<S: Read + Write>(&self, stream: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        self.configure()?.accept(stream)
    }

    /// Handshakes over a socket by its descriptor: see [`AcceptConfiguration::accept_socket`].
    ///
    /// # Errors
    /// As for [`accept`](Self::accept).
    #[cfg(unix)]
    pub fn accept_socket<S: std::os::fd::AsFd>(&self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        self.configure()?.accept_socket(socket)
    }

    /// Starts one connection whose settings differ.
    ///
    /// # Errors
    /// [`ErrorKind::Inherited`] in a child of a fork. One that has to be built anew first: as for
    /// [`build`](AcceptorBuilder::build).
    pub fn configure(&self) -> Result<AcceptConfiguration, Error> {
        Ok(AcceptConfiguration { context: self.context.for_connection()?, received: Vec::new(), deadline: None })
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

    /// Applies the settings.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] and [`ErrorKind::Pem`] for settings that are wrong, [`ErrorKind::Unsupported`]
    /// for those that the library cannot keep, [`ErrorKind::NoRoots`], [`ErrorKind::Io`] for files.
    pub fn build(&self) -> Result<Acceptor, Error> {
        Ok(Acceptor { context: SharedContext::build(self.base.clone(), self.settings.clone())? })
    }
}

/// One connection's settings, then its handshake.
#[derive(Clone, Debug)]
#[must_use]
pub struct AcceptConfiguration {
    context: Context,
    received: Vec<u8>,
    deadline: Option<Instant>,
}

impl AcceptConfiguration {
    /// Starts on bytes of the peer that were read already.
    pub fn received(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.received = bytes.into();
        self
    }

    /// Latest time for the handshake and all that follows, for sockets by descriptor; see
    /// [`TlsStream::set_deadline`].
    pub fn deadline(mut self, at: Instant) -> Self {
        self.deadline = Some(at);
        self
    }

    /// Handshakes over any stream.
    ///
    /// # Errors
    /// As for [`Acceptor::accept`].
    pub fn accept<S: Read + Write>(self, stream: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        Opening::new(&self.context, self.deadline)?.server().stream(stream, self.received)
    }

    /// Handshakes over a socket by its descriptor. Its flags stay as they are; a blocking one waits with the
    /// deadline, a non-blocking one says `WouldBlock`; a closed peer raises no signal. Time-outs set on the socket itself
    /// (`set_read_timeout`) have no effect here: use the deadline.
    ///
    /// # Errors
    /// As for [`Acceptor::accept`].
    #[cfg(unix)]
    pub fn accept_socket<S: std::os::fd::AsFd>(self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        Opening::new(&self.context, self.deadline)?.server().socket(socket, self.received)
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
        if !self.received.is_empty() {
            return Err(
                Error::new(ErrorKind::Configuration, "OpenSSL's socket BIO cannot start on received bytes").into()
            );
        }
        Opening::new(&self.context, self.deadline)?.server().openssl_socket(socket)
    }
}
