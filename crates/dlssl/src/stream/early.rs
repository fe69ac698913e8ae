//! Early data (0-RTT): what goes with the first message of a resumed handshake.

use super::TlsStream;
use super::attempt::Verdict;
use super::connection::Connection;
use crate::error::Error;
use crate::raw::Handle;

/// What is to be done before the handshake proper.
#[derive(Default)]
pub(super) enum Early {
    #[default]
    Nothing,
    /// A client sends this.
    Send(Vec<u8>),
    /// A server takes what comes; this came already.
    Take(Vec<u8>),
}

impl<S> Connection<S> {
    /// Goes one step on with the handshake, early data first.
    pub(super) fn attempt_handshake(&mut self) -> Result<Verdict, Error> {
        match std::mem::take(&mut self.early) {
            Early::Nothing => {}
            Early::Send(data) => {
                let outcome = self.attempt(Handle::EarlyWrite(&data));
                if !matches!(outcome, Ok(Verdict::Done(_))) {
                    // The same bytes again after a pause.
                    self.early = Early::Send(data);
                    return outcome;
                }
            }
            Early::Take(mut taken) => {
                let mut finished = false;
                while !finished {
                    let outcome = self.attempt(Handle::EarlyRead(&mut taken, &mut finished));
                    if !matches!(outcome, Ok(Verdict::Done(_))) {
                        self.early = Early::Take(taken);
                        return outcome;
                    }
                }
                self.taken_early = taken;
            }
        }
        self.attempt(Handle::Handshake)
    }
}

impl<S> TlsStream<S> {
    /// Whether the server took the client's early data. If not, it is to be sent again in the ordinary way.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let server = scene.server();
    /// use std::io::{Read, Write};
    ///
    /// let library = dlssl::current()?;
    /// let connector = dlssl::Connector::builder(&library).roots(dlssl::Roots::file("ca.pem")).build()?;
    /// let configuration = connector.configure("example.org")?;
    /// let request = b"GET / HTTP/1.0\r\n\r\n";
    /// // Where the library has none of it, nothing goes early.
    /// let configuration = match configuration.clone().danger_early_data(request) {
    ///     Ok(early) => early,
    ///     Err(_) => configuration,
    /// };
    /// let mut tls = configuration.connect(std::net::TcpStream::connect(server)?)?;
    /// if !tls.early_data_accepted() {
    ///     tls.write_all(request)?;
    /// }
    /// tls.read_exact(&mut [0; 8])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[doc(alias = "SSL_get_early_data_status")]
    pub fn early_data_accepted(&self) -> bool {
        self.connection.ssl().is_early_data_accepted()
    }

    /// Takes what a client sent early, on the server's side. **Who listened can send it again**, to this server or to
    /// another with the same ticket keys: only what does no harm when it is done twice may be done on it.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// use std::num::NonZeroU32;
    ///
    /// let library = dlssl::current()?;
    /// let identity = dlssl::Identity::pem_files("chain.pem", "key.pem");
    /// let built = dlssl::Acceptor::builder(&library, identity).danger_early_data(NonZeroU32::MIN).build();
    /// # if let Err(error) = &built { assert_eq!(error.kind(), dlssl::ErrorKind::Unsupported); return Ok(()); }
    /// let mut tls = built?.accept(scene.caller())?;
    /// assert!(tls.danger_take_early_data().is_empty(), "a client that comes for the first time has none");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "SSL_read_early_data")]
    pub fn danger_take_early_data(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.connection.taken_early)
    }
}
