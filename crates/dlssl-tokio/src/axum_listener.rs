//! What `axum::serve` takes and what its handlers can ask for: the listener, and who is at the other end.

use std::io;
use std::net::SocketAddr;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::TcpStream;

use crate::{TlsInfo, TlsListener, TlsStream};

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        Self::accept(self).await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Self::local_addr(self)
    }
}

/// Who is at the other end of a connection that axum serves, and by what TLS.
///
/// # Examples
/// ```no_run
/// use axum::extract::ConnectInfo;
/// use axum::{Router, routing::get};
/// use dlssl_tokio::{TlsListener, TlsPeer};
///
/// async fn hello(ConnectInfo(peer): ConnectInfo<TlsPeer>) -> String {
///     let who = peer.tls().peer_certificate().map_or("nobody known".to_owned(), |it| it.to_string());
///     format!("{who} from {} by {}\n", peer.address(), peer.tls().protocol_name())
/// }
///
/// # async fn serve(listener: TlsListener) -> std::io::Result<()> {
/// let pages = Router::new().route("/", get(hello));
/// axum::serve(listener, pages.into_make_service_with_connect_info::<TlsPeer>()).await
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TlsPeer {
    address: SocketAddr,
    tls: TlsInfo,
}

impl TlsPeer {
    /// The client's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was agreed on, and the client's certificate.
    #[must_use]
    pub fn tls(&self) -> &TlsInfo {
        &self.tls
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for TlsPeer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self { address: *stream.remote_addr(), tls: stream.io().info() }
    }
}
