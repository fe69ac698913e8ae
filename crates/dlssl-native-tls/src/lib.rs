//! The names of native-tls 0.2 over [`dlssl`], for programs that are written to those.
#![cfg_attr(not(doctest), doc = "\n")]
#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![forbid(unsafe_code)]

mod acceptor;
mod certificate;
mod connector;
mod error;
mod handshake;
mod identity;
mod protocol;
mod records;
mod stream;

pub use acceptor::{TlsAcceptor, TlsAcceptorBuilder};
pub use certificate::Certificate;
pub use connector::{TlsConnector, TlsConnectorBuilder};
/// What lies below: for a program that chooses its library, or wants more of it than native-tls has names for.
pub use dlssl;
pub use error::{Error, Result};
pub use handshake::{HandshakeError, MidHandshakeTlsStream};
pub use identity::Identity;
pub use protocol::Protocol;
pub use stream::TlsStream;
