//! What both sides agreed on beyond protocol and cipher suite, and the certificate that is asked for after that.

use std::io;

use super::TlsStream;
use super::attempt::Verdict;
use super::connection::{Connection, Step};
use super::limits::Operation;
use crate::config::Protocol;
use crate::config::functions::Psk;
use crate::error::{Error, ErrorKind};
use crate::raw::act;

impl<S> Connection<S> {
    fn protocol(&self) -> Option<Protocol> {
        Protocol::from_number(self.ssl().version())
    }

    /// Name of the pre-shared key in use.
    fn psk_identity(&self) -> Option<String> {
        if self.protocol() < Some(Protocol::Tls13) {
            return self.ssl().psk_identity();
        }
        // Such a key is a session to TLS 1.3. Whether it was that or a real one, the library does not tell.
        if !self.ssl().session_reused() {
            return None;
        }
        match &self.context().hooks().psk {
            Some(Psk::Client { identity, .. }) if self.ssl().offered().is_none() => Some(identity.clone()),
            Some(Psk::Server(_)) => self.stash.psk_identity().map(str::to_owned),
            _ => None,
        }
    }

    /// Makes C ask for the client's certificate.
    fn ask_for_certificate(&self) -> Result<(), Error> {
        let library = self.context().library();
        let unsupported = |words: String| Err(self.error(ErrorKind::Unsupported, words));
        if !self.context().asks_on_request() {
            let words = "a certificate is asked for by servers that were built with client_roots_on_request";
            return Err(self.error(ErrorKind::Configuration, words));
        }
        if self.protocol() < Some(Protocol::Tls13) {
            return unsupported(format!("{} has no certificates after the handshake", self.ssl().version_name()));
        }
        match self.ssl().ask_for_certificate() {
            Ok(Some(())) => Ok(()),
            Ok(None) => unsupported(format!("{} cannot ask after the handshake", library.version_text())),
            Err(queue) => {
                let words = "the client cannot be asked for a certificate after the handshake";
                Err(self.error(ErrorKind::Unsupported, words).with_queue(queue))
            }
        }
    }

    /// Sends what C has to say.
    fn request_step(&mut self) -> io::Result<Step<()>> {
        if let Step::Pause(interest, error) = self.send_step()? {
            return Ok(Step::Pause(interest, error));
        }
        match self.attempt(act::Handshake)? {
            Verdict::Later(interest, error) => Ok(Step::Pause(interest, error)),
            Verdict::Done(_) | Verdict::Closed => self.send_step(),
        }
    }
}

impl<S> TlsStream<S> {
    /// Name of the group for key exchange that was agreed on, as IANA has it: `x25519`, `secp256r1`, `X25519MLKEM768`.
    ///
    /// `None` where keys were exchanged without one, on a session of TLS 1.2 that was resumed, and on the server's side
    /// of LibreSSL, which does not tell.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let tls = scene.tls();
    /// println!("{} over {}", tls.cipher(), tls.group().unwrap_or_default());
    /// # assert!(tls.group().is_some());
    /// ```
    #[must_use]
    #[doc(alias = "SSL_get_negotiated_group")]
    #[doc(alias = "SSL_get_peer_tmp_key")]
    pub fn group(&self) -> Option<String> {
        let exchanged = !self.session_reused() || self.protocol() >= Some(Protocol::Tls13);
        exchanged.then(|| self.connection.ssl().group()).flatten()
    }

    /// Name of the pre-shared key by which the two sides know each other, on either side: what a server may let the client
    /// do depends on it. `None` where certificates are used, and on a session of TLS 1.3 that was resumed: the library does
    /// not keep the name there. A server that needs it in every connection gives no tickets
    /// ([`ticket_count(0)`](crate::AcceptorBuilder::ticket_count)).
    ///
    /// # Examples
    /// ```no_run
    /// # let library = dlssl::current()?;
    /// # let (tcp, _) = std::net::TcpListener::bind("127.0.0.1:4433")?.accept()?;
    /// let acceptor = dlssl::Acceptor::builder(&library, dlssl::Identity::pem_files("chain.pem", "key.pem"))
    ///     .psk_with(|name| (name == "sensor 7").then(|| vec![0x5a; 32]))
    ///     .build()?;
    /// let tls = acceptor.accept(tcp)?;
    /// assert_eq!(tls.psk_identity().as_deref(), Some("sensor 7"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[doc(alias = "SSL_get_psk_identity")]
    pub fn psk_identity(&self) -> Option<String> {
        self.connection.psk_identity()
    }

    /// Asks the client for its certificate, which it then has to show: a server that was built with
    /// [`client_roots_on_request`](crate::AcceptorBuilder::client_roots_on_request), with TLS 1.3. After `WouldBlock` or
    /// `TimedOut` call it again.
    ///
    /// The answer comes in from within later reads; [`peer_certificate`](Self::peer_certificate) tells when it is there.
    /// One that does not verify, or an answer without one, is the error of that read ([`ErrorKind::Certificate`]), and
    /// ends the connection. Until then what is read comes from a client that has shown none.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] before TLS 1.3, and where the client did not say that it can be asked
    /// ([`post_handshake_auth`](crate::ConnectorBuilder::post_handshake_auth)); [`ErrorKind::Configuration`] for a server that
    /// was not built for it, and for clients; those of the inner stream.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// use dlssl::{Acceptor, ErrorKind, Identity, Roots};
    /// use std::io::{Read, Write};
    ///
    /// let library = dlssl::current()?;
    /// let built = Acceptor::builder(&library, Identity::pem_files("chain.pem", "key.pem"))
    ///     .client_roots_on_request(Roots::file("ca.pem"))
    ///     .build();
    /// # if let Err(error) = &built { assert_eq!(error.kind(), ErrorKind::Unsupported); return Ok(()); }
    /// # let tcp = scene.caller_with(|client| {
    /// #     client.post_handshake_auth(true).identity(Identity::pem_files("client.pem", "client-key.pem"))
    /// # });
    /// let mut tls = built?.accept(tcp)?;
    /// let mut request = [0; 5];
    /// tls.read_exact(&mut request)?;
    /// assert!(tls.peer_certificate().is_none());
    /// tls.request_certificate()?;
    /// // What comes next is the answer, if the client waits for one of ours.
    /// # tls.write_all(b"go on")?;
    /// while tls.peer_certificate().is_none() {
    ///     tls.peek(&mut [0; 1])?;
    /// }
    /// println!("{:?}", tls.peer_subject());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "SSL_verify_client_post_handshake")]
    pub fn request_certificate(&mut self) -> io::Result<()> {
        self.connection.check_alive()?;
        self.connection.ask_for_certificate()?;
        self.connection.drive(Operation::Handshake, Connection::request_step)
    }
}
