//! Verification settings of a context: the methods of both builders, and how they reach the library.

use std::collections::HashSet;

use dlssl_core::{ErrorStack, Library};

use super::settings::{PeerCertificate, Settings, Side};
use crate::callback::VerifyPolicy;
use crate::config::{VerifyFlag, VerifySettings};
use crate::error::{Error, ErrorKind};
use crate::raw::{Certificate, SslContext};
use crate::x509::{Pin, digest, pem, seconds, subject_der};

/// What is left for callbacks.
pub(super) fn policy(settings: &Settings) -> VerifyPolicy {
    let VerifySettings { depth, pins, allow_weak, callback, .. } = settings.verify.clone();
    let ignored = settings.peer_certificate == PeerCertificate::Ignored;
    VerifyPolicy { ignored, depth, allow_weak, pins, callback }
}

/// Applies everything but the roots.
pub(super) fn apply(library: &Library, context: &SslContext, settings: &Settings) -> Result<(), Error> {
    let VerifySettings { depth, flags, time, crls, pins, .. } = &settings.verify;
    let mut bits = VerifyFlag::TrustedFirst.bits();
    for flag in flags {
        bits |= flag.bits();
    }
    if !crls.is_empty() {
        bits |= VerifyFlag::CrlCheck.bits();
    }
    context.set_verify_flags(bits).map_err(|queue| {
        let words = format!("{} cannot verify with {flags:?}", library.version_text());
        Error::new(ErrorKind::Unsupported, words).with_queue(queue)
    })?;
    if let Some(depth) = depth {
        context.set_verify_depth(*depth);
    }
    if let Some(time) = time {
        let moment = seconds(*time);
        context.set_verify_time(moment).map_err(|()| {
            Error::new(ErrorKind::Unsupported, format!("this platform cannot count {moment} seconds from 1970"))
        })?;
    }
    for source in crls {
        for list in pem::crls(library, source)? {
            context.add_crl(&list).map_err(library_failed("cannot add a revocation list"))?;
        }
    }
    if settings.side == Side::Client && !pins.is_empty() {
        // A session from a context with other pins is not resumed here: nobody would look at the pins. (A server's name in
        // sessions is its own.)
        let id = pins_id(library, pins)?;
        context.set_session_id_context(&id).map_err(library_failed("cannot tie sessions to the pins"))?;
    }
    context.verify_by_ours();
    Ok(())
}

fn pins_id(library: &Library, pins: &[Pin]) -> Result<Vec<u8>, Error> {
    let mut pins: Vec<_> = pins.iter().map(Pin::bytes).collect();
    pins.sort_unstable();
    Ok(digest(library, "SHA256", &pins.concat())?.as_bytes().to_vec())
}

/// Tells clients whose certificates are taken, each name once.
pub(super) fn name_authorities(
    context: &SslContext,
    certificates: &[Certificate],
    named: &mut HashSet<Vec<u8>>,
) -> Result<(), Error> {
    for certificate in certificates {
        let subject = certificate.der().and_then(|der| subject_der(&der)).unwrap_or_default();
        if named.insert(subject) {
            context.add_client_authority(certificate).map_err(library_failed("cannot name an authority"))?;
        }
    }
    Ok(())
}

fn library_failed(what: &'static str) -> impl Fn(ErrorStack) -> Error {
    move |queue| Error::new(ErrorKind::Library, what).with_queue(queue)
}

/// Methods that the builders of both sides have.
macro_rules! verify_settings {
    () => {
        /// Most certificates that may stand between the peer's own and the root; the library's 100 unless told otherwise.
        /// Means the same on every library.
        #[doc(alias = "SSL_CTX_set_verify_depth")]
        pub fn verify_depth(mut self, most: u32) -> Self {
            self.settings.verify.depth = Some(most);
            self
        }

        /// Settings of the library's verification, by name, added to those that were given before.
        #[doc(alias = "X509_VERIFY_PARAM_set_flags")]
        pub fn verify_flags(mut self, flags: impl IntoIterator<Item = $crate::VerifyFlag>) -> Self {
            self.settings.verify.flags.extend(flags);
            self
        }

        /// Verifies as of this moment, not of now.
        #[doc(alias = "X509_VERIFY_PARAM_set_time")]
        pub fn verify_time(mut self, moment: std::time::SystemTime) -> Self {
            self.settings.verify.time = Some(moment);
            self
        }

        /// Certificate revocation lists. The peer's own certificate must not be on that of its issuer, which must be
        /// there; see [`VerifyFlag::CrlCheckAll`](crate::VerifyFlag::CrlCheckAll) for the whole chain. A certificate that is revoked
        /// after its session was made is not found out by resuming it.
        #[doc(alias = "X509_STORE_add_crl")]
        pub fn crls(mut self, lists: $crate::Crls) -> Self {
            self.settings.verify.crls.extend(lists.sources);
            self
        }

        /// Takes only peers whose verified chain holds a certificate or key that one of these pins fits. Verification
        /// stays as it is; where certificates are not verified at all, the peer's own certificate must fit.
        pub fn pins(mut self, pins: impl IntoIterator<Item = $crate::Pin>) -> Self {
            self.settings.verify.pins.extend(pins);
            self
        }

        /// Has the program refuse certificates that the library accepts. `judge` is called for each certificate of the
        /// chain and for each fault; `false` refuses. What the library refuses stays refused, whatever it says. In a handshake
        /// that resumes a session nobody is asked: [`session_cache(false)`](Self::session_cache), on a server with
        /// [`session_tickets(false)`](Self::session_tickets), makes each a full one.
        ///
        /// A panic comes out of the method that handshakes.
        #[doc(alias = "SSL_CTX_set_verify")]
        pub fn verify_callback(
            mut self,
            judge: impl Fn(&$crate::Verification) -> bool + Send + Sync + 'static,
        ) -> Self {
            let judge = std::sync::Arc::new(judge);
            self.settings.verify.callback = Some($crate::config::VerifyCallback { judge, decides: false });
            self
        }

        /// **Has the program decide about each certificate and each fault**, also to accept what the library refuses.
        /// `judge` is called for each certificate of the chain and for each fault, and its answer counts. A pin that does
        /// not fit is refused all the same.
        ///
        /// In a handshake that resumes a session nobody is asked. So a client keeps no session with a certificate that was accepted
        /// against the library's word or a check of dlssl's own, and refuses one that the program offers
        /// ([`ErrorKind::Certificate`](crate::ErrorKind)).
        ///
        /// A panic comes out of the method that handshakes.
        ///
        /// # Examples
        /// ```
        /// # let scene = dlssl_tests::example::scene();
        /// # let server = scene.server();
        /// let library = dlssl::current()?;
        /// let connector = dlssl::Connector::builder(&library)
        ///     .roots(dlssl::Roots::file("client.pem")) // which signed nothing
        ///     .danger_verify_callback(|verification| verification.chain().len() < 5) // some reason to take it all the same
        ///     .build()?;
        /// connector.connect("example.org", std::net::TcpStream::connect(server)?)?;
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[doc(alias = "SSL_CTX_set_verify")]
        pub fn danger_verify_callback(
            mut self,
            judge: impl Fn(&$crate::Verification) -> bool + Send + Sync + 'static,
        ) -> Self {
            let judge = std::sync::Arc::new(judge);
            self.settings.verify.callback = Some($crate::config::VerifyCallback { judge, decides: true });
            self
        }

        /// **Takes keys and signatures that are too weak**: RSA below 1024 bits, elliptic curves below 160, MD5 and SHA-1.
        /// Unless told otherwise they are refused on every library; what the library's own security level forbids beyond
        /// that is too.
        ///
        /// # Examples
        /// ```
        /// # let scene = dlssl_tests::example::scene();
        /// # use dlssl::{Connector, Roots};
        /// let library = dlssl::current()?;
        /// Connector::builder(&library).roots(Roots::file("ca.pem")).danger_accept_weak_certificates(true).build()?;
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[doc(alias = "X509_VERIFY_PARAM_set_auth_level")]
        pub fn danger_accept_weak_certificates(mut self, accept: bool) -> Self {
            self.settings.verify.allow_weak = accept;
            self
        }
    };
}
pub(crate) use verify_settings;
