//! Early data (0-RTT): what goes with the first message of a resumed handshake.

use super::TlsStream;
use super::attempt::Verdict;
use super::connection::Connection;
use crate::error::Error;
use crate::raw::act;

/// What is to be done before the handshake proper, and what came of it.
pub(super) enum Early {
    /// A client sends this.
    Send(Vec<u8>),
    /// A server takes what comes; this came already.
    Take(Vec<u8>),
    /// A server took this.
    Taken(Vec<u8>),
}

impl<S> Connection<S> {
    /// Goes one step on with the handshake, early data first.
    pub(super) fn attempt_handshake(&mut self) -> Result<Verdict, Error> {
        if let Some(early) = self.early.take() {
            let (early, outcome) = self.attempt_early(*early);
            self.early = early.map(Box::new);
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
        self.attempt(act::Handshake)
    }

    /// Gives what is left to be done or known, and what C said unless the handshake can go on.
    fn attempt_early(&mut self, early: Early) -> (Option<Early>, Option<Result<Verdict, Error>>) {
        match early {
            Early::Send(data) => match self.attempt(act::EarlyWrite(&data)) {
                Ok(Verdict::Done(_)) => (None, None),
                // The same bytes again after a pause.
                outcome => (Some(Early::Send(data)), Some(outcome)),
            },
            Early::Take(mut taken) => {
                let mut finished = false;
                while !finished {
                    let outcome = self.attempt(act::EarlyRead(&mut taken, &mut finished));
                    if !matches!(outcome, Ok(Verdict::Done(_))) {
                        return (Some(Early::Take(taken)), Some(outcome));
                    }
                }
                (Some(Early::Taken(taken)), None)
            }
            taken @ Early::Taken(_) => (Some(taken), None),
        }
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
        match self.connection.early.take().map(|early| *early) {
            Some(Early::Taken(data)) => data,
            _ => Vec::new(),
        }
    }
}
