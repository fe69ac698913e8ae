//! What takes bytes from outside, for fuzzing: each function takes any bytes, and panics when a promise is broken.
//!
//! Behind the feature `fuzzing`, and no part of what the crate promises.

use std::path::PathBuf;

use crate::explanation::{Attempt, Explanation, Failure, Taken};
use crate::isolate::elf;
use crate::load::{from_text, in_cache};
use crate::version::{Flavour, Version};

/// Names in an ELF file are read or refused; an exchange changes them alone, and can be taken back.
pub fn elf(data: &[u8]) {
    let mut bytes = data.to_vec();
    let Ok(names) = elf::names(data) else {
        assert!(elf::rename(&mut bytes, &[]).is_err() && bytes == data);
        return;
    };
    for old in names.soname.iter().chain(&names.needed).filter(|name| !name.is_empty()) {
        let new = "~".repeat(old.len());
        if let Ok(replaced) = elf::rename(&mut bytes, &[(old, &new)]) {
            for (at, was) in replaced.iter().rev() {
                bytes[*at..*at + was.len()].copy_from_slice(was);
            }
        }
        assert!(bytes == data, "an exchange has changed something else");
    }
}

/// The version in a library's own words; what is shown reads back.
pub fn version(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let number = data.iter().fold(0u64, |number, byte| number.rotate_left(8) ^ u64::from(*byte));
    if let Some(identity) = from_text(&text, number) {
        assert!(!identity.version.to_string().is_empty());
    }
    if let Some(version) = Version::parse(&text) {
        assert_eq!(Version::parse(&version.to_string()), Some(version));
    }
}

/// An explanation of any texts is one line of JSON, and a text.
pub fn explanation(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == b'|').cycle();
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let mut attempt = Attempt {
        origin: text(),
        libcrypto: text(),
        libssl: text(),
        steps: Vec::new(),
        failure: Some(Failure { code: "not-found", message: text() }),
    };
    attempt.step("open", text());
    let taken = Taken {
        flavour: Flavour::OpenSsl,
        version: Version::new(3, 0, 0),
        version_text: text(),
        libssl: path(data),
        libcrypto: path(data),
        generation: 1,
        private_copy: Some(text()),
        unexpectedly_absent: vec!["a function"],
        notes: vec![text(), text()],
    };
    let explanation = Explanation { choice: text(), attempts: vec![attempt], taken: Some(taken), failure: None };
    let json = explanation.to_json();
    assert!(!json.contains('\n') && !explanation.to_string().is_empty());
    let value: serde_json::Value = serde_json::from_str(&json).unwrap_or_default();
    assert!(value.is_object() && value["choice"] == explanation.choice.as_str(), "{json:?}");
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;

    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// The linker's cache: what is found lies in it.
pub fn cache(data: &[u8]) {
    for found in in_cache(data, "libssl.so.3") {
        let found = found.to_string_lossy();
        assert!(found.is_empty() || memchr::memmem::find(data, found.as_bytes()).is_some());
    }
}
