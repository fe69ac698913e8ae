//! `cargo xtask headers`: the lists of C functions and constants against real headers and real export tables.
//!
//! A wrong signature, a wrong value or a wrong range in `dlssl-core/src/ffi` is a complaint that names the line of the
//! list.

mod compile;
mod emit;
mod exports;

use std::path::{Path, PathBuf};

use dlssl_core::{Flavour, Version};

use crate::Fallible;

/// One build to check against.
#[derive(Debug)]
pub(crate) struct Build {
    flavour: Flavour,
    version: Version,
    libssl: PathBuf,
    libcrypto: PathBuf,
    /// Folder that holds `openssl/ssl.h`; builds without headers are checked by their exports alone.
    include: Option<PathBuf>,
}

impl Build {
    /// A build by its own version text and its files; `None` when the text names no version.
    pub(crate) fn of(text: &str, libssl: &Path, libcrypto: &Path) -> Option<Build> {
        let (flavour, rest) = match text.split_once(' ')? {
            ("OpenSSL", rest) => (Flavour::OpenSsl, rest),
            ("LibreSSL", rest) => (Flavour::LibreSsl, rest),
            _ => return None,
        };
        let version = Version::parse(rest)?;
        Some(Build { flavour, version, libssl: libssl.to_owned(), libcrypto: libcrypto.to_owned(), include: None })
    }

    pub(crate) fn with_headers(self, include: Option<&Path>) -> Build {
        Build { include: include.map(Path::to_owned), ..self }
    }
}

/// Checks one build; gives every complaint, each with a line of a list.
pub(crate) fn check(build: &Build, sources: &Path) -> Fallible<Vec<String>> {
    let mut complaints = exports::check(build, sources)?;
    if let Some(include) = &build.include {
        let program = emit::program(build, include, sources)?;
        complaints.extend(compile::compile(&program, include)?);
    }
    Ok(complaints)
}

/// Where an entry of a list stands: `file:line`, for complaints.
pub(crate) fn place(sources: &Path, file: &str, entry: &str) -> (PathBuf, usize) {
    let path = sources.join(file);
    let line = std::fs::read_to_string(&path)
        .ok()
        .and_then(|text| text.lines().position(|line| names(line, entry)))
        .map_or(1, |line| line + 1);
    (PathBuf::from(file), line)
}

/// Whether a line of a list declares `entry`: as a function, a constant or a row of an option.
fn names(line: &str, entry: &str) -> bool {
    let line = line.trim_start();
    let rest = line.strip_prefix("fn ").or_else(|| line.split_once("Bits(").map(|(_, rest)| rest)).unwrap_or(line);
    rest.strip_prefix(entry).is_some_and(|rest| rest.starts_with(['(', ':', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_declares_its_entry_and_no_longer_name() {
        assert!(names("        fn SSL_new(ctx: *mut SSL_CTX) -> *mut SSL;", "SSL_new"));
        assert!(names("        SSL_ERROR_SSL: c_int = 1;", "SSL_ERROR_SSL"));
        assert!(names(r#"OpenSsl ".." => Bits(SSL_OP_NO_SSLv3 = 0x0200_0000);"#, "SSL_OP_NO_SSLv3"));
        assert!(!names("        fn SSL_new_session_ticket(ssl: *mut SSL);", "SSL_new"));
    }
}
