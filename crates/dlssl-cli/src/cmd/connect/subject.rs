//! The subject of a certificate as one line, read from its DER.
//!
//! Only for the summary: nothing is decided by it. The bytes are the peer's, so every length is checked.

use std::fmt::Write;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const VERSION: u8 = 0xA0;
const BMP_STRING: u8 = 0x1E;

/// The subject as `CN=…, O=…` in the order of the certificate; `None` when empty or not understood.
pub(super) fn subject(certificate: &[u8]) -> Option<String> {
    let certificate = Der(certificate).take(SEQUENCE)?;
    let mut fields = Der(Der(certificate).take(SEQUENCE)?);
    if fields.tag() == Some(VERSION) {
        fields.next()?;
    }
    // Serial number, signature algorithm, issuer, validity.
    for _ in 0..4 {
        fields.next()?;
    }
    let mut names = Der(fields.take(SEQUENCE)?);

    let mut line = String::new();
    while !names.0.is_empty() {
        let mut set = Der(names.take(SET)?);
        while !set.0.is_empty() {
            let mut pair = Der(set.take(SEQUENCE)?);
            let key = label(pair.take(OBJECT_IDENTIFIER)?);
            let (tag, value) = pair.next()?;
            let separator = if line.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(line, "{separator}{key}={}", text(tag, value));
        }
    }
    (!line.is_empty()).then_some(line)
}

/// The usual short name of an attribute, by the content of its object identifier.
fn label(identifier: &[u8]) -> &'static str {
    match identifier {
        [0x55, 0x04, 3] => "CN",
        [0x55, 0x04, 6] => "C",
        [0x55, 0x04, 7] => "L",
        [0x55, 0x04, 8] => "ST",
        [0x55, 0x04, 10] => "O",
        [0x55, 0x04, 11] => "OU",
        _ => "other",
    }
}

fn text(tag: u8, value: &[u8]) -> String {
    if tag == BMP_STRING {
        let units = value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        String::from_utf8_lossy(value).into_owned()
    }
}

/// The rest of a sequence of DER values.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The content of the next value, which must have this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The next value: tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            // At most four bytes of length: certificates are far smaller than that can say.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
                let length = bytes.iter().fold(0u32, |sum, byte| (sum << 8) | u32::from(*byte));
                (usize::try_from(length).ok()?, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn certificate(names: &[(DnType, &str)]) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in names {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn common_subjects() {
        let der = certificate(&[(DnType::CommonName, "a.example"), (DnType::OrganizationName, "Ä")]);
        let line = subject(&der).unwrap();
        assert_eq!(line, "CN=a.example, O=Ä");
    }

    #[test]
    fn no_subject() {
        assert_eq!(subject(&certificate(&[])), None);
    }

    #[test]
    fn cut_or_changed_certificates_never_panic() {
        let der = certificate(&[(DnType::CommonName, "a.example")]);
        for length in 0..der.len() {
            let _ = subject(&der[..length]);
        }
        for at in 0..der.len().min(200) {
            for value in [0, 0x7F, 0x80, 0x84, 0xFF] {
                let mut der = der.clone();
                der[at] = value;
                let _ = subject(&der);
            }
        }
    }
}
