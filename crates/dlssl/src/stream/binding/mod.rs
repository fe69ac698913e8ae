//! Values that bind a protocol above to this very connection: exported keying material and channel bindings.

mod signature;

use dlssl_core::ffi::constants::TLS1_3_VERSION;

use super::TlsStream;
use crate::error::{Error, ErrorKind};
use crate::raw;

/// A kind of channel binding: a value that both ends of a connection know, and nobody in between has another
/// connection with. SCRAM (`-PLUS`) and others tie a login to it.
///
/// # Examples
/// ```
/// assert_eq!(dlssl::ChannelBinding::Exporter.name(), "tls-exporter");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// `tls-exporter` ([RFC 9266](https://www.rfc-editor.org/rfc/rfc9266)): 32 bytes of exported keying material. The
    /// one to use. On TLS 1.2 it needs the extended master secret, which OpenSSL has from 1.1.0 on.
    Exporter,
    /// `tls-unique` ([RFC 5929](https://www.rfc-editor.org/rfc/rfc5929#section-3)): the first `Finished` message. Up to
    /// TLS 1.2 only.
    Unique,
    /// `tls-server-end-point` ([RFC 5929](https://www.rfc-editor.org/rfc/rfc5929#section-4)): the digest of the
    /// server's certificate, by the algorithm of its signature. It says which server it is, not which connection, and
    /// so survives a proxy that has the same certificate.
    ServerEndPoint,
}

impl ChannelBinding {
    /// The registered name, such as `tls-exporter`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exporter => "tls-exporter",
            Self::Unique => "tls-unique",
            Self::ServerEndPoint => "tls-server-end-point",
        }
    }
}

impl<S> TlsStream<S> {
    /// Fills `out` with a secret that both ends derive for this label, and for this context
    /// ([`SSL_export_keying_material`](https://docs.openssl.org/master/man3/SSL_export_keying_material/), RFC 5705 and
    /// RFC 8446, section 7.5). On TLS 1.2 no context is another thing than an empty one.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where the library refuses it: TLS keeps some labels to itself, and a context on
    /// TLS 1.2 has at most 65,535 bytes. [`ErrorKind::Inherited`] in a child of a fork.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let mut tls = scene.tls();
    /// let mut key = [0; 32];
    /// tls.export_keying_material(&mut key, "EXPORTER-example", Some(b"session 1"))?;
    /// assert_ne!(key, [0; 32]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "SSL_export_keying_material")]
    pub fn export_keying_material(&mut self, out: &mut [u8], label: &str, context: Option<&[u8]>) -> Result<(), Error> {
        let connection = &mut self.connection;
        connection.check_process()?;
        connection.ssl.export(out, label.as_bytes(), context).map_err(|queue| {
            let words = format!("no keying material can be exported for the label \"{label}\"");
            connection.error(ErrorKind::Configuration, words).with_queue(queue)
        })
    }

    /// A value that binds a protocol above to this connection.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: `tls-unique` on TLS 1.3; `tls-exporter` on TLS 1.2 without the extended master
    /// secret; `tls-server-end-point` for a certificate whose signature has no digest of its own (Ed25519), or one that
    /// the library does not know. [`ErrorKind::Inherited`] in a child of a fork.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let mut tls = scene.tls();
    /// use dlssl::{ChannelBinding, ErrorKind};
    ///
    /// match tls.channel_binding(ChannelBinding::Exporter) {
    ///     Ok(binding) => assert_eq!(binding.len(), 32),
    ///     // TLS 1.2 on OpenSSL 1.0.2 and LibreSSL.
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// assert_eq!(tls.channel_binding(ChannelBinding::ServerEndPoint)?.len(), 32);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "SSL_get_finished")]
    #[doc(alias = "SSL_get_peer_finished")]
    pub fn channel_binding(&mut self, kind: ChannelBinding) -> Result<Vec<u8>, Error> {
        self.connection.check_process()?;
        let is_tls13 = self.connection.ssl().version() >= TLS1_3_VERSION;
        match kind {
            ChannelBinding::Exporter if !is_tls13 && !self.connection.ssl().has_extended_master_secret() => {
                Err(self.unsupported("tls-exporter needs TLS 1.3, or the extended master secret"))
            }
            ChannelBinding::Exporter => {
                let mut out = vec![0; 32];
                self.export_keying_material(&mut out, "EXPORTER-Channel-Binding", Some(&[]))?;
                Ok(out)
            }
            ChannelBinding::Unique if is_tls13 => Err(self.unsupported("TLS 1.3 has no tls-unique; use tls-exporter")),
            ChannelBinding::Unique => Ok(self.connection.ssl().first_finished()),
            ChannelBinding::ServerEndPoint => self.server_end_point(),
        }
    }

    /// [`ChannelBinding::ServerEndPoint`] for who has no more than a shared reference: it comes from the certificate alone.
    ///
    /// # Errors
    /// As for [`channel_binding`](Self::channel_binding).
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let mut tls = scene.tls();
    /// let binding = tls.server_end_point()?;
    /// assert_eq!(binding, tls.channel_binding(dlssl::ChannelBinding::ServerEndPoint)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn server_end_point(&self) -> Result<Vec<u8>, Error> {
        self.connection.check_process()?;
        let ssl = self.connection.ssl();
        let certificate = if ssl.is_server() { ssl.own_certificate_der() } else { self.peer_certificate_der() };
        let certificate = certificate.ok_or_else(|| self.unsupported("the server showed no certificate"))?;
        let digest = signature::digest(&certificate)
            .ok_or_else(|| self.unsupported("the signature of the server's certificate has no digest of its own"))?;
        raw::digest(self.library(), digest.name(), &certificate)
            .and_then(Result::ok)
            .ok_or_else(|| self.unsupported("the library does not have the digest of the certificate's signature"))
    }

    fn unsupported(&self, words: &str) -> Error {
        self.connection.error(ErrorKind::Unsupported, words)
    }
}
