//! Names of servers: host names and IP addresses, told apart and checked before they reach C.

use std::net::IpAddr;

use crate::error::{Error, ErrorKind};

/// What a client asks for and checks the certificate against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ServerName {
    /// Host name, without a dot at its end.
    Dns(String),
    Ip(IpAddr),
}

impl std::fmt::Display for ServerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dns(host) => f.write_str(host),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

/// Longest host name that DNS has.
const LONGEST: usize = 253;

impl ServerName {
    /// Reads a host name or an IP address (IPv6 with or without brackets).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`].
    pub(crate) fn parse(name: &str) -> Result<Self, Error> {
        // A dot at the end says "from the root" to a resolver; certificates and SNI do not have it.
        let host = name.strip_suffix('.').unwrap_or(name);
        // No address is without fault as a name: it ends with a number, or has a colon.
        let Some(fault) = fault(host) else { return Ok(Self::Dns(host.to_owned())) };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        bare.parse().map(Self::Ip).map_err(|_| {
            let words = format!("\"{}\" is neither a host name nor an IP address: {fault}", name.escape_default());
            Error::new(ErrorKind::InvalidName, words)
        })
    }
}

/// Says what is wrong with a host name.
fn fault(host: &str) -> Option<&'static str> {
    if host.is_empty() {
        return Some("it is empty");
    }
    if host.len() > LONGEST {
        return Some("it is longer than 253 bytes");
    }
    if !host.is_ascii() {
        return Some("it is not ASCII; give an international name in its xn-- form");
    }
    let mut last: &[u8] = b"";
    for label in host.as_bytes().split(|byte| *byte == b'.') {
        if label.is_empty() || label.len() > 63 {
            return Some("each part between dots has 1 to 63 characters");
        }
        if !label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return Some("a part holds a character other than letters, digits, - and _");
        }
        last = label;
    }
    last.iter().all(u8::is_ascii_digit).then_some("its last part is a number")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        let dns = |name: &str| ServerName::Dns(name.to_owned());
        assert_eq!(ServerName::parse("example.org").unwrap(), dns("example.org"));
        assert_eq!(ServerName::parse("example.org.").unwrap(), dns("example.org"));
        assert_eq!(ServerName::parse("_dmarc.x").unwrap(), dns("_dmarc.x"));
        assert_eq!(ServerName::parse("127.0.0.1").unwrap(), ServerName::Ip([127, 0, 0, 1].into()));
        assert_eq!(ServerName::parse("[::1]").unwrap(), ServerName::parse("::1").unwrap());
    }

    #[test]
    fn what_is_neither_is_refused_with_a_reason() {
        for (name, reason) in [
            ("", "empty"),
            ("exa mple.org", "character"),
            ("a\0b.org", "character"),
            ("b\u{fc}cher.example", "xn--"),
            ("a..b", "1 to 63"),
            ("1.2.3", "number"),
            ("*.example.org", "character"),
        ] {
            let error = ServerName::parse(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidName);
            assert!(error.to_string().contains(reason), "{name:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_address_is_read_as_one(ip: IpAddr) {
            prop_assert_eq!(ServerName::parse(&ip.to_string()).unwrap(), ServerName::Ip(ip));
        }

        #[test]
        fn any_name_is_read_or_refused(name in ".{0,300}") {
            if let Ok(ServerName::Dns(host)) = ServerName::parse(&name) {
                prop_assert!(!host.is_empty() && host.is_ascii() && !host.contains('\0'));
            }
        }
    }
}
