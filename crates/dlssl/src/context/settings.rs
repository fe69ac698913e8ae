//! Everything a context can be told, as plain data: kept by builders, applied by `build`.

use crate::config::functions::Functions;
use crate::config::identity::Replacement;
use crate::config::sessions::Sessions;
use crate::config::tuning::Tuning;
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
    /// As `Optional` before TLS 1.3; from there on asked for when the program says so (server).
    OnRequest,
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
    pub(crate) sessions: Sessions,
    pub(crate) tuning: Tuning,
    pub(crate) functions: Functions,
    /// A server's certificates by name, in small letters; `*.` stands for one part.
    pub(crate) server_names: Vec<(String, Identity)>,
    /// What took the place of `identity` since; shared by all that is built from these settings.
    pub(crate) replacement: Replacement,
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
            sessions: Sessions::default(),
            tuning: Tuning::default(),
            functions: Functions::default(),
            server_names: Vec::new(),
            replacement: Replacement::default(),
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

    /// The same settings for something new: what changes while that is in use (keys of tickets, a certificate that is
    /// replaced) is shared with nobody else.
    pub(crate) fn detached(&self) -> Self {
        let mut settings = self.clone();
        settings.sessions.ticket_keys = self.sessions.ticket_keys.detached();
        settings.replacement = Replacement::default();
        settings
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
        ///
        /// # Examples
        /// ```
        /// # let scene = dlssl_tests::example::scene();
        /// # use dlssl::{Connector, Identity, Roots};
        /// let library = dlssl::current()?;
        /// let builder = Connector::builder(&library).roots(Roots::file("ca.pem")).tolerate_missing_close_notify(true);
        /// builder.build()?;
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[doc(alias = "SSL_OP_IGNORE_UNEXPECTED_EOF")]
        pub fn tolerate_missing_close_notify(mut self, tolerate: bool) -> Self {
            self.settings.tolerate_missing_close_notify = tolerate;
            self
        }

        /// Leaves one version out, also from the middle of the range.
        #[doc(alias = "SSL_OP_NO_TLSv1_2")]
        pub fn disable_protocol(mut self, protocol: $crate::Protocol) -> Self {
            self.settings.tuning.disabled.push(protocol);
            self
        }

        /// Sets an option by name. An error where the library has none of that name.
        #[doc(alias = "SSL_CTX_set_options")]
        pub fn option(mut self, option: $crate::TlsOption) -> Self {
            self.settings.tuning.options.push(option);
            self
        }

        /// Groups for key exchange (elliptic curves and others), most wanted first, with colons between, such as
        /// `X25519:P-256`. The library's own unless told otherwise.
        #[doc(alias = "SSL_CTX_set1_groups_list")]
        #[doc(alias = "SSL_CTX_set1_curves_list")]
        pub fn groups(mut self, list: impl Into<String>) -> Self {
            self.settings.tuning.groups = Some(list.into());
            self
        }

        /// Signature algorithms for the handshake, with colons between, such as `ECDSA+SHA256:RSA+SHA256`. An error on
        /// LibreSSL, which lets nobody choose.
        #[doc(alias = "SSL_CTX_set1_sigalgs_list")]
        pub fn signature_algorithms(mut self, list: impl Into<String>) -> Self {
            self.settings.tuning.signature_algorithms = Some(list.into());
            self
        }

        /// Security level, 0 to 5: the higher, the stronger keys, digests and suites have to be. Levels below the
        /// library's own take [`danger_security_level`](Self::danger_security_level). An error where the library has no
        /// levels (OpenSSL before 1.1.0, LibreSSL before 3.6).
        #[doc(alias = "SSL_CTX_set_security_level")]
        pub fn security_level(mut self, level: u8) -> Self {
            self.settings.tuning.security_level = Some(level);
            self.settings.tuning.lower_security_level = false;
            self
        }

        /// **Security level, also one below the library's own**: 0 takes keys and digests that are broken.
        ///
        /// # Examples
        /// ```
        /// # let scene = dlssl_tests::example::scene();
        /// # use dlssl::{Connector, ErrorKind, Roots};
        /// let library = dlssl::current()?;
        /// let builder = Connector::builder(&library).roots(Roots::file("ca.pem")).danger_security_level(0);
        /// // For a device that speaks nothing better.
        /// if let Err(error) = builder.min_protocol(dlssl::Protocol::Tls10).build() {
        ///     assert_eq!(error.kind(), ErrorKind::Unsupported);
        /// }
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[doc(alias = "SSL_CTX_set_security_level")]
        pub fn danger_security_level(mut self, level: u8) -> Self {
            self.settings.tuning.security_level = Some(level);
            self.settings.tuning.lower_security_level = true;
            self
        }

        /// Leaves encryption to the kernel (kernel TLS), for connections over OpenSSL's own socket BIO, where the kernel
        /// and the connection's cipher suite are up to it; elsewhere OpenSSL encrypts as ever.
        /// [`TlsStream::kernel_tls`]($crate::TlsStream::kernel_tls) says which it is, and
        /// [`TlsStream::send_file`]($crate::TlsStream::send_file) is what one gains. On Linux the module `tls` has to be
        /// loaded. An error where the library has none of it (OpenSSL before 3.0, LibreSSL, a build without).
        #[doc(alias = "SSL_OP_ENABLE_KTLS")]
        pub fn kernel_tls(mut self, wanted: bool) -> Self {
            self.settings.tuning.kernel_tls = wanted;
            self
        }

        /// Gives the library's buffers of idle connections back to the heap: some 34 KB less for each, and an
        /// allocation for each burst of data.
        #[doc(alias = "SSL_MODE_RELEASE_BUFFERS")]
        pub fn release_buffers(mut self, release: bool) -> Self {
            self.settings.tuning.release_buffers = release;
            self
        }

        /// Whether sessions are remembered for shorter handshakes; they are unless told otherwise. A client keeps them
        /// by name in this process, and uses one of TLS 1.3 once only; a server keeps those of clients without tickets.
        ///
        /// # Examples
        /// ```
        /// # let scene = dlssl_tests::example::scene();
        /// # use dlssl::{Connector, Roots};
        /// let library = dlssl::current()?;
        /// // Each connection has a handshake of its own.
        /// let builder = Connector::builder(&library).roots(Roots::file("ca.pem")).session_cache(false).session_tickets(false);
        /// builder.build()?;
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[doc(alias = "SSL_CTX_set_session_cache_mode")]
        pub fn session_cache(mut self, remember: bool) -> Self {
            self.settings.sessions.cache = remember;
            self
        }

        /// Most names (client, 256 unless told otherwise) or sessions (server) that are remembered.
        #[doc(alias = "SSL_CTX_sess_set_cache_size")]
        pub fn session_cache_size(mut self, most: usize) -> Self {
            self.settings.sessions.most = Some(most);
            self
        }

        /// How long a session may be resumed, in whole seconds; a server's word counts for tickets of TLS 1.3.
        #[doc(alias = "SSL_CTX_set_timeout")]
        pub fn session_timeout(mut self, time: std::time::Duration) -> Self {
            self.settings.sessions.timeout = Some(time);
            self
        }

        /// Whether tickets that hold the session are given (server) and taken (client); they are unless told otherwise.
        #[doc(alias = "SSL_OP_NO_TICKET")]
        pub fn session_tickets(mut self, tickets: bool) -> Self {
            self.settings.sessions.tickets = tickets;
            self
        }

        /// **Hands the secrets of every connection to a function**, as lines of an
        /// [SSLKEYLOGFILE](https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-02.html): who has them can read
        /// all of it. For debugging with a packet sniffer. An error where the library tells nobody (OpenSSL before
        /// 1.1.1, LibreSSL).
        ///
        /// # Examples
        /// ```
        /// # let scene = dlssl_tests::example::scene();
        /// # use dlssl::{Connector, ErrorKind, Roots};
        /// let library = dlssl::current()?;
        /// let builder = Connector::builder(&library).roots(Roots::file("ca.pem"));
        /// let (by_function, by_variable) = (
        ///     builder.clone().danger_key_log(|line| eprintln!("{line}")).build(),
        ///     builder.danger_key_log_from_environment().build(),
        /// );
        /// if let Err(error) = by_function.and(by_variable) {
        ///     assert_eq!(error.kind(), ErrorKind::Unsupported);
        /// }
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[doc(alias = "SSL_CTX_set_keylog_callback")]
        pub fn danger_key_log(mut self, line: impl Fn(&str) + Send + Sync + 'static) -> Self {
            let function = $crate::config::functions::Function(std::sync::Arc::new(line) as std::sync::Arc<_>);
            self.settings.functions.key_log = Some($crate::config::functions::KeyLog::Function(function));
            self
        }

        /// **Appends the secrets of every connection to the file that `SSLKEYLOGFILE` names**, if it names one; see
        /// [`danger_key_log`](Self::danger_key_log). Without this call the variable has no effect.
        pub fn danger_key_log_from_environment(mut self) -> Self {
            self.settings.functions.key_log = Some($crate::config::functions::KeyLog::Environment);
            self
        }

        /// Function that hears each step of handshakes and each alert. It is called inside of the library: it should be
        /// quick. A panic comes out of the method at hand.
        #[doc(alias = "SSL_CTX_set_info_callback")]
        pub fn info(mut self, event: impl Fn(&$crate::InfoEvent) + Send + Sync + 'static) -> Self {
            self.settings.functions.info = Some($crate::config::functions::Function(std::sync::Arc::new(event)));
            self
        }
    };
}
pub(crate) use shared_settings;
