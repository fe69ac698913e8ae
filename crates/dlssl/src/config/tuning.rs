//! Finer settings of contexts: options by name, protocols to leave out, groups, signature algorithms, levels, memory.

use dlssl_core::ffi::options;
use dlssl_core::ffi::options::OptionSpec;

use super::Protocol;

/// What is set beside bounds and cipher suites.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tuning {
    pub(crate) options: Vec<TlsOption>,
    pub(crate) disabled: Vec<Protocol>,
    pub(crate) groups: Option<String>,
    pub(crate) signature_algorithms: Option<String>,
    pub(crate) security_level: Option<u8>,
    /// Also one below the library's own.
    pub(crate) lower_security_level: bool,
    pub(crate) kernel_tls: bool,
    pub(crate) release_buffers: bool,
    pub(crate) request_ocsp: bool,
    /// A client can be asked for its certificate after the handshake.
    pub(crate) post_handshake_auth: bool,
}

impl Tuning {
    /// By its own setting or by the option's name.
    pub(crate) fn asks_for_kernel_tls(&self) -> bool {
        self.kernel_tls || self.options.iter().any(|option| option.0.name == options::ENABLE_KTLS.name)
    }
}

/// Option of a context by name, whatever bit it is in the loaded library; an error at
/// [`build`](crate::ConnectorBuilder::build) where the library has none of that name.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl::{Connector, ErrorKind, Roots, TlsOption};
///
/// let library = dlssl::current()?;
/// let option: TlsOption = "NO_TICKET".parse()?;
/// assert_eq!(option.name(), "NO_TICKET");
/// for (name, option) in TlsOption::ALL {
///     match Connector::builder(&library).roots(Roots::file("ca.pem")).option(*option).build() {
///         Ok(_) => println!("{name}"),
///         Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "SSL_CTX_set_options")]
pub struct TlsOption(pub(crate) OptionSpec);

macro_rules! tls_options {
    ($($(#[$doc:meta])* $name:ident = $spec:ident;)*) => {
        impl TlsOption {
            $($(#[$doc])* pub const $name: Self = Self(options::$spec);)*

            /// Every option, with its name.
            pub const ALL: &'static [(&'static str, Self)] = &[$((stringify!($name), Self::$name)),*];
        }
    };
}

tls_options! {
    /// Neither gives nor takes tickets that hold the session; as
    /// [`session_tickets(false)`](crate::AcceptorBuilder::session_tickets).
    NO_TICKET = NO_TICKET;
    /// A server puts ChaCha20 first where the client does. OpenSSL from 1.1.1 on.
    PRIORITIZE_CHACHA = PRIORITIZE_CHACHA;
    /// TLS 1.3 that looks like 1.2 to machines between the ends. OpenSSL from 1.1.1 on, where it is the default.
    ENABLE_MIDDLEBOX_COMPAT = ENABLE_MIDDLEBOX_COMPAT;
    /// Wipes plain text in the library's buffers once it is read. OpenSSL from 3.0 on.
    CLEANSE_PLAINTEXT = CLEANSE_PLAINTEXT;
    /// As [`kernel_tls(true)`](crate::ConnectorBuilder::kernel_tls).
    ENABLE_KTLS = ENABLE_KTLS;
    /// A server names no authorities when it asks for a certificate. OpenSSL from 3.0 on.
    DISABLE_TLSEXT_CA_NAMES = DISABLE_TLSEXT_CA_NAMES;
    /// Does without encrypt-then-MAC, for peers that get it wrong. Weaker with CBC suites.
    DANGER_NO_ENCRYPT_THEN_MAC = NO_ENCRYPT_THEN_MAC;
    /// **A client connects to servers without secure renegotiation** (RFC 5746), which lets who sits in the middle put
    /// data before the client's.
    DANGER_LEGACY_SERVER_CONNECT = LEGACY_SERVER_CONNECT;
}

impl TlsOption {
    /// Name, such as `NO_TICKET`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, option)| option.0.name == self.0.name).map_or(self.0.name, |(name, _)| name)
    }
}

/// Reads a name, such as `NO_TICKET`, or C's `SSL_OP_NO_TICKET`; what weakens carries `DANGER_` before it.
impl std::str::FromStr for TlsOption {
    type Err = crate::error::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.to_ascii_uppercase();
        let bare = upper.strip_prefix("SSL_OP_").unwrap_or(&upper);
        Self::ALL.iter().find(|(name, _)| *name == bare).map(|(_, option)| *option).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
            crate::error::Error::new(
                crate::error::ErrorKind::Configuration,
                format!("\"{}\" is no option; there are {}", text.escape_default(), known.join(", ")),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_read_back() {
        for (name, option) in TlsOption::ALL {
            assert_eq!(option.name(), *name);
            assert_eq!(name.parse::<TlsOption>().unwrap().0.name, option.0.name);
        }
        assert_eq!("ssl_op_no_ticket".parse::<TlsOption>().unwrap().name(), "NO_TICKET");
        let error = "LEGACY_SERVER_CONNECT".parse::<TlsOption>().unwrap_err();
        assert!(error.to_string().contains("DANGER_LEGACY_SERVER_CONNECT"), "{error}");
    }
}
