//! Alternative names: what a certificate is for (RFC 5280, section 4.2.1.6).

use std::net::IpAddr;

use dlssl_core::Library;

use super::der::{Reader, SEQUENCE};
use super::{Malformed, Name, string};

/// One of the names that a certificate is for.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// let library = dlssl::current()?;
/// let certificate = dlssl::Certificate::from_file(&library, "chain.pem")?;
/// let host = certificate.alt_names()?.into_iter().find_map(|name| match name {
///     dlssl::AltName::Dns(host) => Some(host),
///     _ => None,
/// });
/// assert_eq!(host.as_deref(), Some("example.org"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AltName {
    /// Host name, perhaps with a wildcard.
    Dns(String),
    /// IP address.
    Ip(IpAddr),
    /// Mail address.
    Email(String),
    /// URI.
    Uri(String),
    /// Name as of a subject.
    Directory(Name),
    /// Anything else, in DER.
    Other(Vec<u8>),
}

impl AltName {
    /// For errors: short, and such that no name passes for another or for several.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Dns(name) | Self::Email(name) | Self::Uri(name) => quoted(name),
            Self::Ip(address) => address.to_string(),
            Self::Directory(name) => quoted(&name.to_string()),
            Self::Other(_) => "(of another kind)".to_owned(),
        }
    }
}

fn quoted(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Object identifier of the extension, 2.5.29.17.
pub(super) const EXTENSION: &[u8] = &[0x55, 0x1D, 17];

const EMAIL: u8 = 0x81;
pub(super) const DNS: u8 = 0x82;
const DIRECTORY: u8 = 0xA4;
const URI: u8 = 0x86;
const IP: u8 = 0x87;

/// Reads the extension's value.
pub(super) fn parse(library: &Library, mut value: Reader<'_>) -> Result<Vec<AltName>, Malformed> {
    let mut names = value.expect(SEQUENCE)?.inside();
    let mut found = Vec::new();
    while !names.is_at_end() {
        let name = names.any()?;
        found.push(match name.tag {
            DNS => AltName::Dns(string::ascii(name.content)?),
            EMAIL => AltName::Email(string::ascii(name.content)?),
            URI => AltName::Uri(string::ascii(name.content)?),
            IP => AltName::Ip(address(name.content)?),
            DIRECTORY => AltName::Directory(Name::parse(library, name.inside().expect(SEQUENCE)?.inside())?),
            _ => AltName::Other(name.whole.to_vec()),
        });
    }
    Ok(found)
}

/// Whether a host name is among the names, well-formed or not.
pub(super) fn holds_dns(mut value: Reader<'_>) -> bool {
    let Ok(names) = value.expect(SEQUENCE) else { return false };
    let mut names = names.inside();
    std::iter::from_fn(|| names.any().ok()).any(|name| name.tag == DNS)
}

fn address(bytes: &[u8]) -> Result<IpAddr, Malformed> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ok(four.into());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).map_err(|_| Malformed("an IP address of a wrong length"))?;
    Ok(sixteen.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(address(&[127, 0, 0, 1]).unwrap(), IpAddr::from([127, 0, 0, 1]));
        assert_eq!(address(&[0; 16]).unwrap(), IpAddr::from([0u16; 8]));
        assert!(address(&[1, 2, 3]).is_err());
    }

    #[test]
    fn shown_on_one_line_and_in_short() {
        let hostile = AltName::Dns("a\", \"good.test\n\x1b[2J\\".to_owned());
        assert_eq!(hostile.shown(), r#""a\", \"good.test\n\u{1b}[2J\\""#);
        assert_eq!(AltName::Uri("ü".repeat(100)).shown(), format!("\"{}\"", "ü".repeat(100)));
        assert_eq!(AltName::Uri("ü".repeat(101)).shown(), format!("\"{}\"…", "ü".repeat(100)));
        assert_eq!(AltName::Ip([127, 0, 0, 1].into()).shown(), "127.0.0.1");
    }

    #[test]
    fn host_names_are_found() {
        assert!(holds_dns(Reader::new(&[0x30, 7, 0x87, 2, 0, 0, 0x82, 1, b'a'])));
        assert!(!holds_dns(Reader::new(&[0x30, 4, 0x87, 2, 0, 0])));
        assert!(!holds_dns(Reader::new(&[])));
    }
}
