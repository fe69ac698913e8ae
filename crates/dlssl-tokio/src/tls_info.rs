//! What is known of a connection once it stands, apart from the connection: for handlers and responses, which do not have it.

use std::sync::Arc;

use dlssl::{Certificate, Library, Protocol};

/// What two ends agreed on, who the peer is, and the library that did it. A clone is cheap.
///
/// # Examples
/// ```no_run
/// # async fn page(tcp: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// let connector = dlssl::Connector::following().alpn(["h2", "http/1.1"]).build()?;
/// let tls = dlssl_tokio::connect(&connector, "example.org", tcp).await?;
/// let info: dlssl_tokio::TlsInfo = tls.info();
/// println!("{} {} on {}", info.protocol_name(), info.cipher(), info.library().version_text());
/// println!("{:?}, {:?}, again: {}", info.protocol(), info.alpn(), info.session_reused());
/// println!("{:?} for {:?}", info.peer_certificate(), info.server_name());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct TlsInfo(Arc<Known>);

#[derive(Debug)]
struct Known {
    protocol: Option<Protocol>,
    protocol_name: String,
    cipher: String,
    alpn: Option<Vec<u8>>,
    server_name: Option<String>,
    session_reused: bool,
    peer_certificate: Option<Certificate>,
    library: Library,
}

impl TlsInfo {
    pub(crate) fn of<S>(tls: &dlssl::TlsStream<S>) -> Self {
        Self(Arc::new(Known {
            protocol: tls.protocol(),
            protocol_name: tls.protocol_name().to_owned(),
            cipher: tls.cipher().to_owned(),
            alpn: tls.alpn().map(<[u8]>::to_vec),
            server_name: tls.server_name().map(str::to_owned),
            session_reused: tls.session_reused(),
            peer_certificate: tls.peer_certificate(),
            library: tls.library().clone(),
        }))
    }

    /// Negotiated version; `None` for one that this release does not know.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        self.0.protocol
    }

    /// Name of the negotiated version, such as `TLSv1.3`.
    #[must_use]
    pub fn protocol_name(&self) -> &str {
        &self.0.protocol_name
    }

    /// Name of the negotiated cipher suite.
    #[must_use]
    pub fn cipher(&self) -> &str {
        &self.0.cipher
    }

    /// Application protocol that ALPN selected, such as `h2`.
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.0.alpn.as_deref()
    }

    /// Host name that the client asked for, on the server's side.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.0.server_name.as_deref()
    }

    /// Whether an earlier session was resumed.
    #[must_use]
    pub fn session_reused(&self) -> bool {
        self.0.session_reused
    }

    /// The peer's own certificate; `None` where it showed none.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&Certificate> {
        self.0.peer_certificate.as_ref()
    }

    /// The library that the connection runs on.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.0.library
    }
}
