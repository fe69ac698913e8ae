//! Versions of the TLS protocol.

use std::ffi::c_int;
use std::fmt;
use std::str::FromStr;

use dlssl_core::ffi::constants::{TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION, TLS1_VERSION};

use crate::error::{Error, ErrorKind};

/// Version of TLS. Ordered: older is less.
///
/// # Examples
/// ```
/// assert!(dlssl::Protocol::Tls12 < dlssl::Protocol::Tls13);
/// assert_eq!(dlssl::Protocol::Tls13.name(), "TLSv1.3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// TLS 1.0, obsolete (RFC 8996).
    Tls10,
    /// TLS 1.1, obsolete (RFC 8996).
    Tls11,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl Protocol {
    pub(crate) const ALL: [Self; 4] = [Self::Tls10, Self::Tls11, Self::Tls12, Self::Tls13];

    /// C's number (`TLS1_2_VERSION`).
    pub(crate) fn number(self) -> c_int {
        match self {
            Self::Tls10 => TLS1_VERSION,
            Self::Tls11 => TLS1_1_VERSION,
            Self::Tls12 => TLS1_2_VERSION,
            Self::Tls13 => TLS1_3_VERSION,
        }
    }

    pub(crate) fn from_number(number: c_int) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.number() == number)
    }

    /// Name as OpenSSL writes it, such as `TLSv1.3`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls10 => "TLSv1",
            Self::Tls11 => "TLSv1.1",
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads `1.2`, `TLSv1.2`, `tls1.2` or `TLS 1.2`.
impl FromStr for Protocol {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let lower = text.to_ascii_lowercase();
        let number = lower.strip_prefix("tls").unwrap_or(&lower);
        match number.trim_start_matches([' ', 'v']) {
            "1" | "1.0" => Ok(Self::Tls10),
            "1.1" => Ok(Self::Tls11),
            "1.2" => Ok(Self::Tls12),
            "1.3" => Ok(Self::Tls13),
            _ => Err(Error::new(
                ErrorKind::Configuration,
                format!("\"{}\" is not a TLS version; write 1.0, 1.1, 1.2 or 1.3", text.escape_default()),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_common_spellings() {
        for (text, protocol) in [
            ("1.2", Protocol::Tls12),
            ("TLSv1.3", Protocol::Tls13),
            ("tls 1.1", Protocol::Tls11),
            ("TLSv1", Protocol::Tls10),
        ] {
            assert_eq!(text.parse::<Protocol>().unwrap(), protocol);
        }
        assert!("ssl3".parse::<Protocol>().is_err());
        for protocol in Protocol::ALL {
            assert_eq!(protocol.name().parse::<Protocol>().unwrap(), protocol);
            assert_eq!(Protocol::from_number(protocol.number()), Some(protocol));
        }
        assert!(Protocol::Tls12 < Protocol::Tls13);
    }
}
