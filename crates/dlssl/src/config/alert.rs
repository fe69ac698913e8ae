//! Alerts that a program ends a handshake with.

use std::fmt;

/// Why a program ends a handshake, as the peer is told (RFC 8446, section 6.2).
///
/// # Examples
/// ```
/// assert_eq!(dlssl::Alert::UNRECOGNIZED_NAME.code(), 112);
/// assert_eq!(dlssl::Alert::new(49), dlssl::Alert::ACCESS_DENIED);
/// assert_eq!(dlssl::Alert::ACCESS_DENIED.to_string(), "access_denied");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alert(u8);

macro_rules! alerts {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        impl Alert {
            $($(#[$doc])* pub const $name: Self = Self($code);)*
        }

        /// Names as the standards write them.
        const NAMES: &[(u8, &str)] = &[$(($code, $text)),*];
    };
}

alerts! {
    /// No settings in common.
    HANDSHAKE_FAILURE = 40, "handshake_failure";
    /// A certificate that is no good for reasons of its own.
    BAD_CERTIFICATE = 42, "bad_certificate";
    /// The peer is known and may not.
    ACCESS_DENIED = 49, "access_denied";
    /// No version of the protocol in common.
    PROTOCOL_VERSION = 70, "protocol_version";
    /// Settings in common, but too weak.
    INSUFFICIENT_SECURITY = 71, "insufficient_security";
    /// A fault of this side's own.
    INTERNAL_ERROR = 80, "internal_error";
    /// No such name here.
    UNRECOGNIZED_NAME = 112, "unrecognized_name";
    /// A pre-shared key of a name that is not known.
    UNKNOWN_PSK_IDENTITY = 115, "unknown_psk_identity";
    /// No application protocol in common.
    NO_APPLICATION_PROTOCOL = 120, "no_application_protocol";
}

impl Alert {
    /// The alert with this number.
    #[must_use]
    pub const fn new(code: u8) -> Self {
        Self(code)
    }

    /// Its number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }
}

/// The name of the standards, or the number.
impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(code, _)| *code == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "alert {}", self.0),
        }
    }
}
