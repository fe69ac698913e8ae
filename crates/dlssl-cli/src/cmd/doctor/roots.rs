//! Where the default trust roots are, and how many certificates there are.

use std::fs;
use std::path::Path;

use dlssl::{Library, default_roots};
use serde::Serialize;

/// The default roots, as far as there are any.
#[derive(Debug, Serialize)]
pub(super) struct RootsReport {
    pub(super) found: bool,
    /// Whose idea the place was; `None` when there is none.
    pub(super) origin: Option<String>,
    pub(super) file: Option<String>,
    pub(super) file_certificates: Option<usize>,
    pub(super) directory: Option<String>,
    pub(super) directory_certificates: Option<usize>,
    pub(super) considered: Vec<String>,
    pub(super) error: Option<String>,
}

/// Asks for the default roots and counts what is there.
pub(super) fn examine(library: &Library) -> RootsReport {
    match default_roots(library) {
        Ok(found) => RootsReport {
            found: true,
            origin: Some(found.origin().to_string()),
            file: found.file().map(shown),
            file_certificates: found.file().and_then(in_file),
            directory: found.directory().map(shown),
            directory_certificates: found.directory().and_then(in_directory),
            considered: found.considered().to_vec(),
            error: None,
        },
        Err(error) => RootsReport {
            found: false,
            origin: None,
            file: None,
            file_certificates: None,
            directory: None,
            directory_certificates: None,
            considered: Vec::new(),
            error: Some(error.to_string()),
        },
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Certificates in a PEM file, counted by their first lines.
fn in_file(path: &Path) -> Option<usize> {
    let text = fs::read(path).ok()?;
    Some(text.split(|byte| *byte == b'\n').filter(|line| begins_certificate(line)).count())
}

fn begins_certificate(line: &[u8]) -> bool {
    matches!(
        line.trim_ascii_end(),
        b"-----BEGIN CERTIFICATE-----" | b"-----BEGIN TRUSTED CERTIFICATE-----" | b"-----BEGIN X509 CERTIFICATE-----"
    )
}

/// Certificates in a hashed directory, counted by their names: the library finds no others.
fn in_directory(path: &Path) -> Option<usize> {
    let names = fs::read_dir(path).ok()?.flatten().map(|entry| entry.file_name());
    Some(names.filter(|name| name.to_str().is_some_and(is_hashed)).count())
}

/// Eight hexadecimal digits, a dot, a number; a list of revocations has an `r` before the number.
fn is_hashed(name: &str) -> bool {
    let Some((hash, number)) = name.split_once('.') else {
        return false;
    };
    hash.len() == 8
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_library_would_look_up() {
        assert!(is_hashed("002c0b4f.0"));
        assert!(is_hashed("002c0b4f.12"));
        for other in ["002c0b4f.r0", "002c0b4f", "ca.pem", "002c0b4f.", "002c0b4.0", "zz2c0b4f.0"] {
            assert!(!is_hashed(other), "{other}");
        }
    }

    #[test]
    fn first_lines() {
        assert!(begins_certificate(b"-----BEGIN CERTIFICATE-----\r"));
        assert!(!begins_certificate(b"-----BEGIN PRIVATE KEY-----"));
    }
}
