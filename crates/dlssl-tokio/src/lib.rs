//! TLS streams for [tokio], on an OpenSSL or LibreSSL that is loaded when the program runs.
//!
//! [`connect`] and [`accept`] take dlssl's own [`Connector`](dlssl::Connector) and [`Acceptor`](dlssl::Acceptor), and any
//! stream that tokio reads and writes. What they give is [`AsyncRead`](tokio::io::AsyncRead) and
//! [`AsyncWrite`](tokio::io::AsyncWrite).
//!
//! ```no_run
//! # async fn page() -> Result<(), Box<dyn std::error::Error>> {
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! // The platform's library, roots that exist, TLS 1.2 or newer, certificate and name verified.
//! let connector = dlssl::Connector::following().build()?;
//! let tcp = tokio::net::TcpStream::connect(("example.org", 443)).await?;
//! let mut tls = dlssl_tokio::connect(&connector, "example.org", tcp).await?;
//! tls.write_all(b"GET / HTTP/1.0\r\nHost: example.org\r\n\r\n").await?;
//! let mut page = Vec::new();
//! tls.read_to_end(&mut page).await?;
//! println!("{} on {}", tls.get_ref().protocol_name(), tls.get_ref().library().version_text());
//! # Ok(()) }
//! ```
//!
//! # Time
//! Every future here can be dropped at any point, so time is tokio's: `tokio::time::timeout` around any of them. A deadline
//! ([`ConnectConfiguration::deadline`](dlssl::ConnectConfiguration::deadline), [`TlsStream::set_deadline`]) and the
//! handshake's limit ([`Timeouts::handshake`](dlssl::Timeouts::handshake)) are kept too, with tokio's timers: the runtime must
//! have them enabled then. The limits for each read, write and shutdown are not: a call that was dropped and one that comes
//! after it cannot be told apart.
//!
//! # What is dropped
//! A read, write, flush or shutdown that is dropped has done nothing, or what it did is kept in the stream and goes on with
//! the next call: no byte is lost, and none is sent twice. A handshake that is dropped takes its inner stream with it.
//!
//! # Who is woken
//! The halves of `tokio::io::split` may be polled by two tasks. A reader may have to send and a writer may have to receive;
//! each is woken for what it waits for, and neither takes the other's place.//!
//! # Features
//! None is on by default.
//!
//! - `hyper`: `HttpsConnector`, connections for hyper's client.
//! - `listener`: `TlsListener`, which does handshakes in tasks of their own and bounds them, for servers of any kind.
//! - `axum`: that listener as `axum::serve` takes it, and `TlsPeer` for its handlers.
//! - `postgres`: `PostgresConnector`, TLS for tokio-postgres.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "listener")]
mod accept_error;
mod alarm;
#[cfg(feature = "axum")]
mod axum_listener;
mod handshake;
#[cfg(feature = "hyper")]
mod https_connector;
#[cfg(feature = "hyper")]
mod https_error;
#[cfg(feature = "listener")]
mod listener;
mod polled;
#[cfg(feature = "postgres")]
mod postgres;
mod stream;
mod tasks;
mod tls_info;

#[cfg(feature = "listener")]
pub use accept_error::{AcceptError, AcceptErrorKind};
#[cfg(feature = "axum")]
pub use axum_listener::TlsPeer;
pub use handshake::{accept, accept_with, connect, connect_with};
#[cfg(feature = "hyper")]
pub use https_connector::{HttpsConnector, HttpsStream};
#[cfg(feature = "hyper")]
pub use https_error::{HttpsError, HttpsErrorKind};
#[cfg(feature = "listener")]
pub use listener::TlsListener;
pub use polled::Polled;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresConnector, PostgresHandshake};
pub use stream::{IntoInnerError, TlsStream};
pub use tls_info::TlsInfo;
