//! Sessions: what two sides remember to make the next handshake short.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dlssl_core::Library;

use crate::config::Protocol;
use crate::error::{Error, ErrorKind};
use crate::raw::{Offered, RawSession};

/// What two sides agreed on, for a shorter handshake the next time. Cheap to clone.
///
/// Belongs to the library generation that made it. Its bytes ([`to_der`](Self::to_der)) hold the secrets of the
/// connection: who reads them can read what was sent, and who writes them decides whom a client believes to talk to.
///
/// A client needs none of this in the ordinary case: a [`Connector`](crate::Connector) remembers sessions by itself.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use std::io::{Read, Write};
/// # let server = scene.server();
///
/// let library = dlssl::current()?;
/// let connector = dlssl::Connector::builder(&library).roots(dlssl::Roots::file("ca.pem")).build()?;
/// let tcp = || std::net::TcpStream::connect(server);
/// let mut tls = connector.connect("example.org", tcp()?)?;
/// // A server that speaks TLS 1.3 sends its tickets after the handshake: read first.
/// tls.write_all(b"?")?;
/// tls.read_exact(&mut [0; 1])?;
///
/// let session = tls.session().ok_or("no session")?;
/// println!("{:?}, made {:?}, good for {:?}", session.protocol(), session.created(), session.timeout());
/// // As bytes it can go to another process, with the same library and nothing else in common.
/// let kept = session.to_der()?;
/// let session = dlssl::Session::from_der(&library, &kept)?;
/// assert!(!session.has_expired() && session.id().len() <= 32);
/// let tls = connector.configure("example.org")?.session(&session)?.connect(tcp()?)?;
/// println!("resumed: {}", tls.session_reused());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[doc(alias = "SSL_SESSION")]
pub struct Session {
    raw: Arc<RawSession>,
    /// Made from bytes, not by a handshake.
    is_read: bool,
    offered: Offered,
}

impl Session {
    pub(crate) fn new(raw: RawSession) -> Self {
        Self { raw: Arc::new(raw), is_read: false, offered: Offered::Unchecked }
    }

    /// The same, for a context to keep under the name of the connection that it came from, and to offer like this.
    pub(crate) fn offered_as(self, offered: Offered) -> Self {
        Self { offered, ..self }
    }

    pub(crate) fn offered(&self) -> Offered {
        self.offered
    }

    /// One to offer, over and over: itself, but for libraries that mark what they make.
    pub(crate) fn for_offer(self) -> Option<Self> {
        if self.is_read || !self.raw.may_be_marked() {
            return Some(self);
        }
        Some(Self::from_der(self.library(), &self.to_der().ok()?).ok()?.offered_as(self.offered))
    }

    pub(crate) fn raw(&self) -> &RawSession {
        &self.raw
    }

    /// Reads a session from the bytes of [`to_der`](Self::to_der). Versions of a library may differ in what they can
    /// read. ([`d2i_SSL_SESSION`](https://docs.openssl.org/master/man3/d2i_SSL_SESSION/).)
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] for bytes that are no session of this library.
    #[doc(alias = "d2i_SSL_SESSION")]
    pub fn from_der(library: &Library, der: &[u8]) -> Result<Self, Error> {
        let read = RawSession::from_der(library, der).map_err(|queue| {
            Error::new(ErrorKind::Configuration, "the bytes are no session that the library can read")
                .with_queue(queue)
                .of(library)
        })?;
        Ok(Self { is_read: true, ..Self::new(read) })
    }

    /// The session as bytes, secrets included.
    /// ([`i2d_SSL_SESSION`](https://docs.openssl.org/master/man3/i2d_SSL_SESSION/).)
    ///
    /// # Errors
    /// [`ErrorKind::Library`] when the library cannot write it.
    #[doc(alias = "i2d_SSL_SESSION")]
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        self.raw.der().ok_or_else(|| Error::new(ErrorKind::Library, "the session cannot be written").of(self.library()))
    }

    /// Name that the server, or for a ticket the client, gave it; up to 32 bytes.
    #[must_use]
    #[doc(alias = "SSL_SESSION_get_id")]
    pub fn id(&self) -> &[u8] {
        self.raw.id()
    }

    /// Version that it is of; `None` for one that this release does not know.
    #[must_use]
    #[doc(alias = "SSL_SESSION_get_protocol_version")]
    pub fn protocol(&self) -> Option<Protocol> {
        Protocol::from_number(self.raw.protocol())
    }

    /// When it was made, to the second.
    #[must_use]
    #[doc(alias = "SSL_SESSION_get_time")]
    pub fn created(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.raw.created())
    }

    /// How long after that it may be resumed.
    #[must_use]
    #[doc(alias = "SSL_SESSION_get_timeout")]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.raw.timeout())
    }

    /// Whether that time is over.
    #[must_use]
    pub fn has_expired(&self) -> bool {
        self.created().checked_add(self.timeout()).is_some_and(|end| SystemTime::now() > end)
    }

    /// The library that it belongs to.
    #[must_use]
    pub fn library(&self) -> &Library {
        self.raw.library()
    }
}

/// Shows no secrets.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("protocol", &self.protocol())
            .field("created", &self.created())
            .field("timeout", &self.timeout())
            .finish_non_exhaustive()
    }
}

/// Where a server keeps sessions outside of its own memory, such as for several processes.
///
/// Only for clients that take no tickets, or with
/// [`session_tickets(false)`](crate::AcceptorBuilder::session_tickets): a ticket is kept by the client. The methods are
/// called during handshakes, from whichever thread does one. A panic comes out of the method that handshakes.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Shared(Mutex<HashMap<Vec<u8>, Vec<u8>>>);
///
/// impl dlssl::SessionStore for Shared {
///     fn insert(&self, id: &[u8], session: Vec<u8>, _: std::time::Duration) {
///         self.0.lock().unwrap().insert(id.to_vec(), session);
///     }
///     fn find(&self, id: &[u8]) -> Option<Vec<u8>> {
///         self.0.lock().unwrap().get(id).cloned()
///     }
///     fn remove(&self, id: &[u8]) {
///         self.0.lock().unwrap().remove(id);
///     }
/// }
///
/// let library = dlssl::current()?;
/// let acceptor = dlssl::Acceptor::builder(&library, dlssl::Identity::pem_files("chain.pem", "key.pem"))
///     .session_store(Arc::new(Shared::default()))
///     .session_tickets(false) // all of them in the store
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "SSL_CTX_sess_set_new_cb")]
#[doc(alias = "SSL_CTX_sess_set_get_cb")]
#[doc(alias = "SSL_CTX_sess_set_remove_cb")]
pub trait SessionStore: Send + Sync {
    /// Keeps a session, as the bytes of [`Session::to_der`], for at most this long.
    fn insert(&self, id: &[u8], session: Vec<u8>, timeout: Duration);

    /// Gives a session back; `None` when there is none under this name. Bytes that are no session are as good as none.
    fn find(&self, id: &[u8]) -> Option<Vec<u8>>;

    /// Forgets a session that must not be resumed any more.
    fn remove(&self, id: &[u8]);
}
