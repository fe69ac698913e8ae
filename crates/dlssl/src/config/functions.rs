//! Functions of the program that contexts call: shared, and shown by name only.

use std::ffi::c_int;
use std::fmt;
use std::sync::Arc;

use super::{AlpnAnswer, ClientHello, HelloAnswer, Identity};

/// A function of the program.
pub(crate) struct Function<F: ?Sized>(pub(crate) Arc<F>);

impl<F: ?Sized> Clone for Function<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: ?Sized> fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("function")
    }
}

pub(crate) type ServerNameFunction = dyn Fn(&str) -> Option<Identity> + Send + Sync;
pub(crate) type AlpnFunction = dyn for<'a> Fn(&[&'a [u8]]) -> AlpnAnswer<'a> + Send + Sync;
pub(crate) type HelloFunction = dyn Fn(&ClientHello<'_>) -> HelloAnswer + Send + Sync;
pub(crate) type KeyLogFunction = dyn Fn(&str) + Send + Sync;
pub(crate) type InfoFunction = dyn Fn(&InfoEvent) + Send + Sync;
pub(crate) type StapleFunction = dyn Fn(Option<&str>) -> Option<Vec<u8>> + Send + Sync;
pub(crate) type PskFunction = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

/// Functions of one side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Functions {
    pub(crate) client_hello: Option<Function<HelloFunction>>,
    pub(crate) server_name: Option<Function<ServerNameFunction>>,
    pub(crate) refuse_unknown_names: bool,
    pub(crate) alpn: Option<Function<AlpnFunction>>,
    pub(crate) key_log: Option<KeyLog>,
    pub(crate) info: Option<Function<InfoFunction>>,
    pub(crate) staple: Option<Function<StapleFunction>>,
    pub(crate) psk: Option<Psk>,
}

/// Where secrets of connections are written to.
#[derive(Clone, Debug)]
pub(crate) enum KeyLog {
    Function(Function<KeyLogFunction>),
    /// The file that `SSLKEYLOGFILE` names, if it is set.
    Environment,
}

/// Pre-shared keys of one side.
#[derive(Clone)]
pub(crate) enum Psk {
    Client { identity: String, key: Arc<[u8]> },
    Server(Function<PskFunction>),
}

/// Shows no key.
impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Psk")
    }
}

/// One event of a connection, as the library tells it.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// let library = dlssl::current()?;
/// let connector = dlssl::Connector::builder(&library)
///     .roots(dlssl::Roots::file("ca.pem"))
///     .info(|event| match event.alert() {
///         Some(alert) => eprintln!("alert, received: {}: {alert}", event.is_received()),
///         None => eprintln!("{} ({:#x}, {})", event.state(), event.bits(), event.value()),
///     })
///     .build()?;
/// connector.connect("example.org", std::net::TcpStream::connect(server)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "SSL_CTX_set_info_callback")]
pub struct InfoEvent {
    pub(crate) place: c_int,
    pub(crate) value: c_int,
    pub(crate) state: String,
    pub(crate) alert: Option<String>,
}

impl InfoEvent {
    /// C's bits that say what happens (`SSL_CB_…`).
    #[must_use]
    pub fn bits(&self) -> i32 {
        self.place
    }

    /// C's value that goes with them.
    #[must_use]
    pub fn value(&self) -> i32 {
        self.value
    }

    /// State of the handshake in the library's words.
    #[must_use]
    #[doc(alias = "SSL_state_string_long")]
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Level and name of an alert, such as `fatal handshake failure`, when that is what happens.
    #[must_use]
    #[doc(alias = "SSL_alert_desc_string_long")]
    pub fn alert(&self) -> Option<&str> {
        self.alert.as_deref()
    }

    /// Whether that alert came from the peer.
    #[must_use]
    pub fn is_received(&self) -> bool {
        self.place & dlssl_core::ffi::constants::SSL_CB_READ != 0
    }
}
