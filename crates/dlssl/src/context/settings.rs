//! Everything a context can be told, as plain data: kept by builders, applied by `build`.

use crate::config::{Identity, Protocol, Roots, VerifySettings};

/// Which side of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// What is demanded of the peer's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerCertificate {
    /// Not asked for (server), or not looked at (client, by a method with `danger` in its name).
    Ignored,
    /// Asked for; one that is shown is verified (server).
    Optional,
    /// Required and verified.
    Required,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) side: Side,
    pub(crate) peer_certificate: PeerCertificate,
    /// Whether a client checks the name in the certificate.
    pub(crate) check_name: bool,
    pub(crate) verify: VerifySettings,
    pub(crate) roots: Roots,
    pub(crate) identity: Option<Identity>,
    pub(crate) alpn: Vec<Vec<u8>>,
    /// `None`: TLS 1.2, or what the library's configuration demands if that is newer.
    pub(crate) min_protocol: Option<Protocol>,
    pub(crate) max_protocol: Option<Protocol>,
    pub(crate) cipher_list: Option<String>,
    pub(crate) ciphersuites: Option<String>,
    pub(crate) tolerate_missing_close_notify: bool,
}

impl Settings {
    /// Verifies the server and its name, TLS 1.2 or newer, the default roots.
    pub(crate) fn client() -> Self {
        Self {
            side: Side::Client,
            peer_certificate: PeerCertificate::Required,
            check_name: true,
            verify: VerifySettings::default(),
            roots: Roots::default(),
            identity: None,
            alpn: Vec::new(),
            min_protocol: None,
            max_protocol: None,
            cipher_list: None,
            ciphersuites: None,
            tolerate_missing_close_notify: false,
        }
    }

    /// Shows its identity and asks clients for none; TLS 1.2 or newer.
    pub(crate) fn server(identity: Identity) -> Self {
        Self {
            side: Side::Server,
            peer_certificate: PeerCertificate::Ignored,
            check_name: false,
            roots: Roots::none(),
            identity: Some(identity),
            ..Self::client()
        }
    }
}

/// Methods that the builders of both sides have.
macro_rules! shared_settings {
    () => {
        /// Offers (client) or takes (server) application protocols, most wanted first, such as `h2`.
        ///
        /// A server that shares none with a client that offers some ends the handshake, as RFC 7301 has it.
        #[doc(alias = "SSL_CTX_set_alpn_protos")]
        #[doc(alias = "SSL_CTX_set_alpn_select_cb")]
        pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
            self.settings.alpn = protocols.into_iter().map(|protocol| protocol.as_ref().to_vec()).collect();
            self
        }

        /// Oldest version to speak. Unless told otherwise TLS 1.2, or what the library's configuration file demands if
        /// that is newer. A library that does not know it is an error.
        #[doc(alias = "SSL_CTX_set_min_proto_version")]
        pub fn min_protocol(mut self, oldest: $crate::Protocol) -> Self {
            self.settings.min_protocol = Some(oldest);
            self
        }

        /// Newest version to speak; the library's newest unless told otherwise.
        #[doc(alias = "SSL_CTX_set_max_proto_version")]
        pub fn max_protocol(mut self, newest: $crate::Protocol) -> Self {
            self.settings.max_protocol = Some(newest);
            self
        }

        /// Cipher suites for TLS 1.2 and older, in
        /// [OpenSSL's notation](https://docs.openssl.org/master/man1/openssl-ciphers/); names that the library does not
        /// know are passed over as long as one is left. Suites without encryption or authentication are always taken
        /// out. Unless told otherwise the library's own list, which may be the distribution's policy; on OpenSSL before
        /// 1.1.0 and on LibreSSL without what is broken.
        #[doc(alias = "SSL_CTX_set_cipher_list")]
        pub fn cipher_list(mut self, list: impl Into<String>) -> Self {
            self.settings.cipher_list = Some(list.into());
            self
        }

        /// Cipher suites for TLS 1.3, separated by colons. An error where the library lets nobody choose.
        #[doc(alias = "SSL_CTX_set_ciphersuites")]
        pub fn ciphersuites(mut self, list: impl Into<String>) -> Self {
            self.settings.ciphersuites = Some(list.into());
            self
        }

        /// Takes the end of the inner stream without `close_notify` for an orderly end. Who can cut the connection can
        /// then cut data short unseen between two records, unless the protocol above knows its lengths. An end inside
        /// a record stays an error (but for OpenSSL's own socket BIO, which cannot tell).
        #[doc(alias = "SSL_OP_IGNORE_UNEXPECTED_EOF")]
        pub fn tolerate_missing_close_notify(mut self, tolerate: bool) -> Self {
            self.settings.tolerate_missing_close_notify = tolerate;
            self
        }
    };
}
pub(crate) use shared_settings;
