//! The readers of certificates and of base64 over any bytes; see `fuzzing`.

use super::der::Reader;
use super::parse::{Parts, issuer_der, subject_der};
use super::{alt_name, string};

/// A certificate's DER.
pub fn certificate(data: &[u8]) {
    let mut reader = Reader::new(data);
    while let Ok(element) = reader.any() {
        assert!(element.whole.len() >= 2 && element.content.len() < element.whole.len());
        let _ = string::decode(element.tag, element.content);
    }
    let Ok(parts) = Parts::parse(data) else { return };
    assert_eq!(subject_der(data).as_deref(), Some(parts.subject.whole));
    assert_eq!(issuer_der(data).as_deref(), Some(parts.issuer.whole));
    let _ = parts.is_authority();
    if let Ok(Some(names)) = parts.extension("2.5.29.17") {
        let _ = alt_name::holds_dns(names);
    }
}

/// Base64 is refused or reads back.
pub fn base64(data: &[u8]) {
    let text = super::base64::encode(data);
    assert_eq!(super::base64::decode(&text).as_deref(), Some(data));
    let text = String::from_utf8_lossy(data);
    if let Some(bytes) = super::base64::decode(&text) {
        assert_eq!(super::base64::encode(&bytes), text);
    }
}
