//! Connections of tokio-postgres, with channel binding.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use dlssl::{ConnectConfiguration, Connector, Error};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream as PostgresStream};

use crate::TlsStream;
use crate::handshake::{AHEAD, connect_with};

/// TLS for tokio-postgres, and for pools over it. Clones are cheap, and share what the connector has.
///
/// Say `sslmode=require`: `prefer`, the default there, goes on in the clear when the server has no TLS. With
/// `channel_binding=require` the password's proof holds for the certificate that was seen (`tls-server-end-point`), and a man
/// in the middle is found out even if his certificate was taken. Where the certificate's signature has no digest of its
/// own (Ed25519), there is nothing to bind to, and `require` is an error of tokio-postgres.
///
/// A connector that [follows](Connector::following) takes the library that is current, for each new connection. For
/// `sslnegotiation=direct` (from PostgreSQL 17) give it [`alpn(["postgresql"])`](dlssl::ConnectorBuilder::alpn).
///
/// # Examples
/// ```no_run
/// # async fn rows() -> Result<(), Box<dyn std::error::Error>> {
/// use dlssl_tokio::PostgresConnector;
///
/// let tls = PostgresConnector::new(dlssl::Connector::following().build()?);
/// let address = "host=db.example.org user=me password=secret sslmode=require channel_binding=require";
/// let (client, connection) = tokio_postgres::connect(address, tls).await?;
/// tokio::spawn(connection);
/// let row = client.query_one("SELECT version()", &[]).await?;
/// println!("{}", row.get::<_, &str>(0));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresConnector {
    connector: Connector,
}

impl PostgresConnector {
    /// Connections by this connector.
    #[must_use]
    pub fn new(connector: Connector) -> Self {
        Self { connector }
    }
}

impl fmt::Debug for PostgresConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConnector").finish_non_exhaustive()
    }
}

impl<S> MakeTlsConnect<S> for PostgresConnector
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = TlsStream<S>;
    type TlsConnect = PostgresHandshake;
    type Error = Error;

    fn make_tls_connect(&mut self, name: &str) -> Result<PostgresHandshake, Error> {
        let configuration = self.connector.configure(name)?.read_ahead(AHEAD);
        Ok(PostgresHandshake { configuration: Box::new(configuration) })
    }
}

/// One connection before its handshake, as [`PostgresConnector`] makes them for tokio-postgres. Made by hand, for
/// `tokio_postgres::Config::connect_raw`, it has settings of this connection's own.
///
/// # Examples
/// ```no_run
/// # async fn raw(tcp: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::{Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_secs(10);
/// let configuration = dlssl::Connector::new()?.configure("db.example.org")?.deadline(deadline);
/// let handshake = dlssl_tokio::PostgresHandshake::new(configuration);
/// let config: tokio_postgres::Config = "user=me password=secret sslmode=require".parse()?;
/// let (client, connection) = config.connect_raw(tcp, handshake).await?;
/// # Ok(()) }
/// ```
pub struct PostgresHandshake {
    /// In a box: it moves through futures of tokio-postgres that are large anyway.
    configuration: Box<ConnectConfiguration>,
}

impl PostgresHandshake {
    /// A connection with these settings.
    #[must_use]
    pub fn new(configuration: ConnectConfiguration) -> Self {
        Self { configuration: Box::new(configuration) }
    }
}

impl fmt::Debug for PostgresHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresHandshake").finish_non_exhaustive()
    }
}

impl<S> TlsConnect<S> for PostgresHandshake
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = TlsStream<S>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<TlsStream<S>, Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { Ok(connect_with(*self.configuration, stream).await?) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> PostgresStream for TlsStream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        // Whether it can do without is said by the program, and judged by tokio-postgres.
        let binding = self.get_ref().server_end_point();
        binding.map_or_else(|_| ChannelBinding::none(), ChannelBinding::tls_server_end_point)
    }
}
