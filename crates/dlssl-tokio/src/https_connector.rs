//! Connections for hyper's client: a connector that does TLS over what another connects, and the stream that it gives.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use dlssl::{ConnectConfiguration, Connector};
use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use crate::https_error::{BoxError, Cause, HttpsError};
use crate::{TlsInfo, TlsStream, handshake};

/// The longest that connecting and the handshake take together, unless it is told otherwise.
const LIMIT: Duration = Duration::from_secs(30);

/// Makes connections for hyper's client ([`hyper_util::client::legacy::Client`]) out of a [`dlssl::Connector`].
///
/// What it offers by ALPN, whom it trusts and which library it takes are the connector's. One that
/// [follows](Connector::following) takes the library that is current for each new connection; those in the client's pool go on
/// with theirs. A client that must not use these any more after a [`reload`](dlssl::reload()) is dropped, and another one made.
///
/// Every response has a [`TlsInfo`] among its extensions.
///
/// # Examples
/// ```no_run
/// # async fn page() -> Result<(), Box<dyn std::error::Error>> {
/// use dlssl_tokio::{HttpsConnector, TlsInfo};
/// use http_body_util::{BodyExt, Empty};
/// use hyper::body::Bytes;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
///
/// let tls = dlssl::Connector::following().alpn(["h2", "http/1.1"]).build()?;
/// let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(HttpsConnector::new(tls));
/// let answer = client.get("https://example.org/".parse()?).await?;
/// println!("{:?} by {:?}", answer.extensions().get::<TlsInfo>(), answer.version());
/// let page = answer.into_body().collect().await?.to_bytes();
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct HttpsConnector<C = HttpConnector> {
    tls: Connector,
    below: C,
    limit: Option<Duration>,
    plain_http: bool,
}

impl HttpsConnector {
    /// Connects by TCP, to all addresses of a host as hyper's own connector does, without delay for small packets.
    #[must_use]
    pub fn new(tls: Connector) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Self::over(tls, tcp)
    }
}

impl<C> HttpsConnector<C> {
    /// Does TLS over what `below` connects: an [`HttpConnector`] with other settings, which must not insist on `http://`
    /// ([`HttpConnector::enforce_http`]), a proxy, a socket of another kind.
    ///
    /// # Examples
    /// ```no_run
    /// use dlssl_tokio::HttpsConnector;
    /// use hyper_util::client::legacy::connect::HttpConnector;
    /// use hyper_util::client::legacy::connect::proxy::Tunnel;
    ///
    /// # fn connector() -> Result<(), Box<dyn std::error::Error>> {
    /// let proxy = Tunnel::new("http://proxy.example.org:3128".parse()?, HttpConnector::new());
    /// let connector = HttpsConnector::over(dlssl::Connector::following().build()?, proxy);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn over(tls: Connector, below: C) -> Self {
        Self { tls, below, limit: Some(LIMIT), plain_http: false }
    }

    /// How long connecting and the handshake may take together: 30 seconds, unless this says otherwise. With a limit, the
    /// runtime must have timers.
    ///
    /// # Examples
    /// ```no_run
    /// # fn connector(tls: dlssl::Connector) {
    /// let connector = dlssl_tokio::HttpsConnector::new(tls).limit(std::time::Duration::from_secs(5));
    /// # }
    /// ```
    #[must_use]
    pub fn limit(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limit = limit.into();
        self
    }

    /// Takes addresses with `http://` too, over connections without TLS. By default they are an error: a redirect or a slip
    /// in a configuration would otherwise send in the clear what was meant to be protected, and nobody would notice.
    ///
    /// # Examples
    /// ```no_run
    /// # fn connector(tls: dlssl::Connector) {
    /// let connector = dlssl_tokio::HttpsConnector::new(tls).allow_plain_http(true);
    /// # }
    /// ```
    #[must_use]
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.plain_http = allow;
        self
    }

    /// The settings for a handshake with the host of an address; none where there is to be no TLS.
    fn configure(&self, uri: &Uri) -> Result<Option<ConnectConfiguration>, Cause> {
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if self.plain_http => return Ok(None),
            Some("http") => return Err(Cause::PlainHttp),
            _ => return Err(Cause::Scheme),
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(Cause::NoHost)?;
        let configuration = self.tls.configure(host).map_err(Cause::Tls)?;
        Ok(Some(configuration.read_ahead(handshake::AHEAD)))
    }
}

impl<C> Service<Uri> for HttpsConnector<C>
where
    C: Service<Uri, Future: Send + 'static>,
    C::Response: Read + Write + Connection + Unpin + Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = HttpsStream<C::Response>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.below.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // Before anything is sent: what is wrong with the address or with the library is known without a network.
        let configuration = match self.configure(&uri) {
            Ok(configuration) => configuration,
            Err(cause) => {
                let error = HttpsError::new(&uri, cause).into();
                return Box::pin(std::future::ready(Err(error)));
            }
        };
        let connects = self.below.call(uri.clone());
        let limit = self.limit;
        Box::pin(async move {
            connect(connects, configuration, limit).await.map_err(|cause| HttpsError::new(&uri, cause).into())
        })
    }
}

async fn connect<S, E>(
    connects: impl Future<Output = Result<S, E>>,
    configuration: Option<ConnectConfiguration>,
    limit: Option<Duration>,
) -> Result<HttpsStream<S>, Cause>
where
    S: Read + Write + Unpin,
    E: Into<BoxError>,
{
    let until = limit.and_then(|limit| Some((limit, Instant::now().checked_add(limit)?)));
    let stream = within(until, false, connects).await?.map_err(|error| Cause::Below(error.into()))?;
    let Some(configuration) = configuration else {
        return Ok(HttpsStream { stream: Stream::Plain(stream), info: None });
    };
    let shakes = handshake::connect_with(configuration, TokioIo::new(stream));
    let tls = within(until, true, shakes).await?.map_err(|failed| Cause::Tls(failed.into_error()))?;
    let info = Some(tls.info());
    Ok(HttpsStream { stream: Stream::Tls(Box::new(TokioIo::new(tls))), info })
}

async fn within<T>(
    until: Option<(Duration, Instant)>,
    handshakes: bool,
    future: impl Future<Output = T>,
) -> Result<T, Cause> {
    match until {
        None => Ok(future.await),
        Some((limit, at)) => timeout_at(at, future).await.map_err(|_| Cause::Late { limit, handshakes }),
    }
}

/// What an [`HttpsConnector`] connects: TLS, or the stream below as it is where plain HTTP is allowed.
///
/// # Examples
/// ```no_run
/// # fn look<S>(stream: &dlssl_tokio::HttpsStream<S>) {
/// match stream.info() {
///     Some(info) => println!("{} on {}", info.cipher(), info.library().version_text()),
///     None => println!("in the clear"),
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct HttpsStream<S> {
    stream: Stream<S>,
    info: Option<TlsInfo>,
}

#[derive(Debug)]
enum Stream<S> {
    Plain(S),
    Tls(Box<TokioIo<TlsStream<TokioIo<S>>>>),
}

impl<S> HttpsStream<S> {
    /// What is known of the connection; none without TLS.
    #[must_use]
    pub fn info(&self) -> Option<&TlsInfo> {
        self.info.as_ref()
    }

    /// The stream below.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(tls) => tls.inner().inner().inner(),
        }
    }
}

/// What the stream below says of itself, and what came of the handshake.
impl<S: Connection> Connection for HttpsStream<S> {
    fn connected(&self) -> Connected {
        let connected = self.get_ref().connected();
        let Some(info) = &self.info else { return connected };
        let connected = connected.extra(info.clone());
        if info.alpn() == Some(b"h2") { connected.negotiated_h2() } else { connected }
    }
}

impl<S: Read + Write + Unpin> Read for HttpsStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl<S: Read + Write + Unpin> Write for HttpsStream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, data),
            Stream::Tls(tls) => Pin::new(tls).poll_write(context, data),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
            Stream::Tls(tls) => Pin::new(tls).poll_write_vectored(context, buffers),
        }
    }
}
