//! The readers of certificates and of pins over any bytes; see `fuzzing`.

use super::der::Reader;
use super::parse::{Parts, issuer_der, subject_der};
use super::{Pin, alt_name, string};

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
    if let Ok(Some(names)) = parts.extension(alt_name::EXTENSION) {
        let _ = alt_name::holds_dns(names);
    }
}

/// A pin is refused or reads back.
pub fn pin(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match text.parse::<Pin>() {
        Ok(pin) => assert_eq!(pin.to_string(), text),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
