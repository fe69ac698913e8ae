//! TLS streams: one phase of a connection's life in each file, the judgement of what C said in `connection`.

mod agreed;
mod alert;
mod attempt;
mod binding;
mod connection;
mod early;
mod handshake;
mod handshake_error;
mod io;
mod kernel_tls;
#[cfg(unix)]
mod library_socket;
mod limits;
mod opening;
mod pace;
mod resumed;
mod shutdown;
mod split;
mod straight;
mod trouble;

use std::fmt;
use std::time::Instant;

use dlssl_core::Library;
use dlssl_core::ffi::SSL;

pub use binding::ChannelBinding;
pub use handshake_error::{FailedHandshake, HandshakeError, MidHandshake};
pub use kernel_tls::KernelTls;
pub use limits::Timeouts;
pub(crate) use opening::{Opening, Start};
pub use shutdown::{IntoInnerError, Shutdown};
pub use split::{Divide, Duplex, ReadHalf, RejoinError, SplitError, WriteHalf};

use crate::bio::Interest;
use crate::config::Protocol;
use crate::context::Context;
use crate::raw::verify_error_text;
use crate::session::Session;
use crate::x509::Certificate;
use connection::Connection;

/// TLS over an inner stream: `Read` and `Write` of plain bytes.
///
/// A `write` that returns has handed its bytes to the inner stream, or, where that said `WouldBlock` in the middle of a
/// record, keeps the rest of that one record for the next call; the caller's buffer is free either way. Dropping the
/// stream closes nothing in an orderly way: call [`shutdown`](Self::shutdown) first. The library's object is freed
/// before the inner stream is dropped, so a `Drop` of that one is the last to run.
///
/// Errors and panics of the inner stream come out of the method that was called, as they are. Other errors carry a
/// [`dlssl::Error`](crate::Error) as payload.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use std::io::{BufRead, BufReader, Write};
///
/// let library = dlssl::current()?;
/// let connector = dlssl::Connector::builder(&library).roots(dlssl::Roots::file("ca.pem")).alpn(["http/1.1"]).build()?;
/// let mut tls = connector.connect("example.org", std::net::TcpStream::connect(server)?)?;
/// println!("{} {} ({} bits)", tls.protocol_name(), tls.cipher(), tls.cipher_bits());
/// assert!(tls.protocol() >= Some(dlssl::Protocol::Tls12) && !tls.is_server());
/// assert_eq!(tls.alpn(), Some(&b"http/1.1"[..]));
///
/// // Who it is: its own certificate, what it sent, and what verification made of that.
/// println!("{:?}: {:?}", tls.peer_subject(), tls.peer_certificate());
/// let (sent, verified) = (tls.peer_chain(), tls.verified_chain().ok_or("resumed")?);
/// assert_eq!((sent.len(), verified.len()), (2, 3));
/// assert_eq!(tls.peer_certificate_der().as_deref(), Some(sent[0].der()));
/// assert!(tls.ocsp_response().is_none(), "nobody asked for it");
///
/// tls.write_all(b"HEAD / HTTP/1.0\r\nHost: example.org\r\n\r\n")?;
/// assert!(!tls.has_unsent());
/// let mut line = String::new();
/// BufReader::new(&mut tls).read_line(&mut line)?;
/// println!("{line}; {} bytes more, whether decrypted or not: {}", tls.pending(), tls.has_pending());
///
/// // The inner stream, for what TLS does not use; and the object, for functions of C that are not wrapped.
/// tls.get_ref().set_nodelay(true)?;
/// tls.get_mut().set_ttl(64)?;
/// assert!(!tls.as_ptr().is_null());
/// tls.shutdown()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TlsStream<S> {
    connection: Connection<S>,
    gather: io::Gather,
}

impl<S> TlsStream<S> {
    fn new(connection: Connection<S>) -> Self {
        Self { connection, gather: None }
    }

    /// The inner stream.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        self.connection.inner()
    }

    /// The inner stream. Reading from it or writing to it breaks the connection.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut S {
        self.connection.inner_mut()
    }

    /// Negotiated version; `None` for one that this release does not know.
    #[must_use]
    #[doc(alias = "SSL_version")]
    pub fn protocol(&self) -> Option<Protocol> {
        Protocol::from_number(self.connection.ssl().version())
    }

    /// Name of the negotiated version in the library's words, such as `TLSv1.3`.
    #[must_use]
    #[doc(alias = "SSL_get_version")]
    pub fn protocol_name(&self) -> &str {
        self.connection.ssl().version_name()
    }

    /// Name of the negotiated cipher suite, such as `TLS_AES_256_GCM_SHA384`.
    #[must_use]
    #[doc(alias = "SSL_get_current_cipher")]
    pub fn cipher(&self) -> &str {
        self.connection.ssl().cipher_name()
    }

    /// Strength of the negotiated cipher suite's encryption, in bits: 128 or 256 for the usual ones.
    #[must_use]
    #[doc(alias = "SSL_CIPHER_get_bits")]
    pub fn cipher_bits(&self) -> u32 {
        self.connection.ssl().cipher_bits()
    }

    /// Whether this is the server's side.
    #[must_use]
    #[doc(alias = "SSL_is_server")]
    pub fn is_server(&self) -> bool {
        self.connection.ssl().is_server()
    }

    /// Application protocol that ALPN selected.
    #[must_use]
    #[doc(alias = "SSL_get0_alpn_selected")]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.connection.ssl().alpn()
    }

    /// Host name that the client asked for (SNI), on the server's side. OpenSSL 1.1.1 before 1.1.1e forgets it where a session of TLS 1.3 was
    /// resumed: then `None`.
    #[must_use]
    #[doc(alias = "SSL_get_servername")]
    pub fn server_name(&self) -> Option<&str> {
        self.connection.ssl().server_name()
    }

    /// The peer's own certificate; `None` where it showed none.
    #[must_use]
    #[doc(alias = "SSL_get1_peer_certificate")]
    pub fn peer_certificate(&self) -> Option<Certificate> {
        self.connection.ssl().peer_certificate().and_then(Certificate::new)
    }

    /// The certificates as the peer sent them, its own first; none of them but its own need have played a part in
    /// verification. On a resumed session what the session kept, which may be the peer's own alone.
    #[must_use]
    #[doc(alias = "SSL_get_peer_cert_chain")]
    pub fn peer_chain(&self) -> Vec<Certificate> {
        self.connection.ssl().peer_chain().into_iter().filter_map(Certificate::new).collect()
    }

    /// The chain that verification found, from the peer's own certificate to a trusted one. `None` where the peer showed
    /// none, where it was not verified or not accepted by the library, and on a resumed session, which verifies nothing.
    #[must_use]
    #[doc(alias = "SSL_get0_verified_chain")]
    pub fn verified_chain(&self) -> Option<&[Certificate]> {
        Some(self.connection.verified_chain()).filter(|chain| !chain.is_empty())
    }

    /// The peer's own certificate in DER.
    #[must_use]
    #[doc(alias = "SSL_get1_peer_certificate")]
    pub fn peer_certificate_der(&self) -> Option<Vec<u8>> {
        Some(self.peer_certificate()?.der().to_vec())
    }

    /// Subject of the peer's certificate on one line, such as `CN=example.org`.
    #[must_use]
    #[doc(alias = "X509_get_subject_name")]
    pub fn peer_subject(&self) -> Option<String> {
        Some(self.peer_certificate()?.subject_line())
    }

    /// What the library thinks of the peer's certificate, also where that was to be ignored.
    #[must_use]
    #[doc(alias = "SSL_get_verify_result")]
    pub fn verify_result(&self) -> VerifyResult {
        let code = self.connection.ssl().verify_result();
        VerifyResult { code, text: verify_error_text(self.library(), code) }
    }

    /// Whether an earlier session was resumed.
    #[must_use]
    #[doc(alias = "SSL_session_reused")]
    pub fn session_reused(&self) -> bool {
        self.connection.ssl().session_reused()
    }

    /// The session of this connection, to be resumed later. With TLS 1.3, a client has one that can be resumed only
    /// after it has read what the server sent after the handshake.
    #[must_use]
    #[doc(alias = "SSL_get1_session")]
    pub fn session(&self) -> Option<Session> {
        self.connection.ssl().session().map(Session::new)
    }

    /// Status of the server's certificate (an OCSP response in DER) as the server stapled it, where the client
    /// [asked](crate::ConnectorBuilder::request_ocsp). Nobody has looked into it. `None` where a session is resumed: a server
    /// shows no certificate then, and no status.
    #[must_use]
    #[doc(alias = "SSL_get_tlsext_status_ocsp_resp")]
    pub fn ocsp_response(&self) -> Option<&[u8]> {
        self.connection.ssl().stapled_status()
    }

    /// Decrypted bytes that the next reads give without touching the inner stream.
    #[must_use]
    #[doc(alias = "SSL_pending")]
    pub fn pending(&self) -> usize {
        self.connection.ssl().pending()
    }

    /// Whether bytes of the peer wait inside: decrypted, in the library, or in the read-ahead buffer. Before waiting
    /// for the inner stream to become readable, read until this is `false` or the read says `WouldBlock`.
    #[must_use]
    #[doc(alias = "SSL_has_pending")]
    pub fn has_pending(&self) -> bool {
        self.connection.has_pending()
    }

    /// Whether bytes wait that the inner stream did not take; any later call sends them first.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        self.connection.unsent() > 0
    }

    /// Whether the last `WouldBlock` or `TimedOut` waits for the inner stream to become readable.
    #[must_use]
    #[doc(alias = "SSL_want_read")]
    pub fn wants_read(&self) -> bool {
        self.connection.waits_for().is_some_and(Interest::reads)
    }

    /// Whether the last `WouldBlock` or `TimedOut` waits for the inner stream to become writable, or bytes wait to be
    /// sent.
    #[must_use]
    #[doc(alias = "SSL_want_write")]
    pub fn wants_write(&self) -> bool {
        self.connection.waits_for().is_some_and(Interest::writes) || self.has_unsent()
    }

    /// Gives the buffers of the connection back to the heap until they are needed again: the one for read-ahead and, from
    /// OpenSSL 1.1.1 on, the library's own, some 40 KiB together. Whether all were; not while bytes of the peer wait inside,
    /// or bytes for it.
    ///
    /// A stream does that by itself while it does little, and when it has nothing to read for a while. It does not for the
    /// end of much at once, which only the program can know of.
    ///
    /// # Examples
    /// ```no_run
    /// # let tcp = std::net::TcpStream::connect(("example.org", 443))?;
    /// # let mut tls = dlssl::Connector::new()?.connect("example.org", tcp)?;
    /// std::io::copy(&mut std::fs::File::open("large")?, &mut tls)?;
    /// tls.release_idle(); // the next request may be hours away
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "SSL_free_buffers")]
    pub fn release_idle(&mut self) -> bool {
        self.gather = None;
        self.connection.check_process().is_ok() && self.connection.release()
    }

    /// Latest time for everything that follows, or none. Past it, calls fail with `TimedOut`, and the stream stays
    /// usable with a new deadline.
    ///
    /// It covers all calls together, however many small ones there are. For sockets by descriptor that block. Any other inner stream waits by itself: its own time-out error comes
    /// out unchanged.
    ///
    /// Over OpenSSL's own socket BIO a deadline or a time limit makes the socket non-blocking during each call.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let mut tls = scene.tls();
    /// use std::io::{ErrorKind, Read};
    /// use std::time::{Duration, Instant};
    ///
    /// tls.set_deadline(Some(Instant::now() + Duration::from_millis(20)));
    /// assert_eq!(tls.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// assert!(tls.wants_read() && !tls.wants_write() && tls.deadline().is_some());
    /// // It goes on with another one, or with limits for each call.
    /// tls.set_deadline(None);
    /// tls.set_timeouts(dlssl::Timeouts::all(Duration::from_millis(20)));
    /// assert_eq!(tls.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// println!("{:?}", tls.timeouts());
    /// ```
    pub fn set_deadline(&mut self, at: Option<Instant>) {
        self.connection.set_deadline(at);
    }

    /// The deadline, if one is set.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.connection.limits.deadline()
    }

    /// Time limits for each kind of operation that follows; the deadline holds beside them.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.connection.limits.set_timeouts(timeouts);
    }

    /// The time limits.
    pub fn timeouts(&self) -> Timeouts {
        self.connection.limits.timeouts()
    }

    /// The context that it was made from.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.connection.context()
    }

    /// The library that it runs on.
    #[must_use]
    pub fn library(&self) -> &Library {
        self.connection.context().library()
    }

    /// The pointer, for functions that are not wrapped; freed when `self` is dropped.
    ///
    /// Functions of C that do I/O fail through it: our BIO works only inside this type's own methods.
    #[must_use]
    pub fn as_ptr(&self) -> *mut SSL {
        self.connection.ssl().as_ptr()
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("protocol", &self.protocol_name())
            .field("cipher", &self.cipher())
            .field("library", &self.library().version_text())
            .finish_non_exhaustive()
    }
}

/// Verdict of the library on the peer's certificate.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let tls = scene.tls();
/// let verdict: dlssl::VerifyResult = tls.verify_result();
/// assert!(verdict.is_ok());
/// println!("{} ({})", verdict.text(), verdict.code());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyResult {
    code: i64,
    text: String,
}

impl VerifyResult {
    /// Whether it was accepted, or there was none to judge.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.code == 0
    }

    /// C's number (`X509_V_…`).
    #[must_use]
    pub fn code(&self) -> i64 {
        self.code
    }

    /// The library's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for VerifyResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
