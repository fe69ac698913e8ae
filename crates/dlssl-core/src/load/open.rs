//! Opens a pair, and makes typed failures of the dynamic linker's words.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::candidates::Candidate;
use super::inspect;
use super::soname::soname;
use super::source::{Image, Opener};
use crate::error::LoadFailure;
use crate::explanation::Attempt;
use crate::ffi::Half;
use crate::isolate::Content;

/// A pair that is open and not yet checked.
pub(super) struct Opened {
    pub(super) ssl: Arc<dyn Image>,
    pub(super) crypto: Arc<dyn Image>,
    pub(super) libssl: PathBuf,
    pub(super) libcrypto: PathBuf,
    pub(super) held_before: bool,
    /// The files of libssl and of libcrypto, where they were looked at before they were mapped.
    pub(super) files: [Option<Content>; 2],
}

/// Opens libcrypto, then libssl: the other way round, libssl would pull in a libcrypto of the linker's choice.
///
/// `may_be_held` is `false` when the process is known to hold neither.
pub(super) fn open(
    opener: &dyn Opener,
    candidate: &Candidate,
    may_be_held: bool,
    attempt: &mut Attempt,
) -> Result<Opened, LoadFailure> {
    let holds = |name: &Path| may_be_held && opener.holds(name);
    let held = [holds(&candidate.libssl), holds(&candidate.libcrypto)];
    let (crypto, crypto_file) = open_one(opener, Half::Crypto, &candidate.libcrypto, held[1], attempt)?;
    let (ssl, ssl_file) = match open_one(opener, Half::Ssl, &candidate.libssl, held[0], attempt) {
        Ok(ssl) => ssl,
        Err(LoadFailure::Absent { .. }) => {
            return Err(LoadFailure::Incomplete {
                present: candidate.libcrypto.clone(),
                missing: Half::Ssl,
                looked_for: candidate.libssl.display().to_string(),
            });
        }
        // libcrypto is open, and libssl wants functions or versions that it does not have.
        Err(LoadFailure::Unopenable { os, .. }) if wants_another_libcrypto(&os) => {
            return Err(LoadFailure::MismatchedPair {
                libssl: candidate.libssl.clone(),
                libcrypto: candidate.libcrypto.clone(),
                evidence: os,
            });
        }
        // It asks for a libcrypto by a name that the one we opened does not have. (musl knows a library that was opened by its
        // path by nothing else, so there the dependency may be missing with the right one open.)
        Err(LoadFailure::MissingDependency { dependency, .. })
            if dependency.contains("libcrypto")
                && soname(&candidate.libcrypto).as_deref() != Some(dependency.as_str()) =>
        {
            return Err(LoadFailure::MismatchedPair {
                libssl: candidate.libssl.clone(),
                libcrypto: candidate.libcrypto.clone(),
                evidence: format!("libssl asks for {dependency}, and this libcrypto goes by another name"),
            });
        }
        Err(failure) => return Err(failure),
    };
    Ok(Opened {
        ssl,
        crypto,
        libssl: candidate.libssl.clone(),
        libcrypto: candidate.libcrypto.clone(),
        held_before: held.contains(&true),
        files: [ssl_file, crypto_file],
    })
}

fn open_one(
    opener: &dyn Opener,
    half: Half,
    name: &Path,
    held: bool,
    attempt: &mut Attempt,
) -> Result<(Arc<dyn Image>, Option<Content>), LoadFailure> {
    let step = match half {
        Half::Crypto => "open libcrypto",
        Half::Ssl => "open libssl",
    };
    let is_file = name.components().count() > 1;
    // What is mapped already is not opened again, and its file may be gone.
    let mut file = None;
    if is_file && opener.is_real() && !held {
        file = Some(inspect::inspect(name).inspect_err(|failure| attempt.step(step, failure.to_string()))?);
    }
    match with_dependencies(opener, name, name, attempt, &mut |name| opener.open(name)) {
        Ok(image) => {
            attempt.step(step, "opened");
            Ok((image, file))
        }
        Err(words) => {
            attempt.step(step, words.clone());
            Err(refusal(name, words))
        }
    }
}

/// More than any library needs.
const MOST_DEPENDENCIES: usize = 64;

/// Opens `name`. A dependency that the dynamic linker does not find and that lies beside `beside` is opened from there
/// first: folders that carry all they need do not always say so.
pub(crate) fn with_dependencies<T>(
    opener: &dyn Opener,
    name: &Path,
    beside: &Path,
    attempt: &mut Attempt,
    open: &mut dyn FnMut(&Path) -> Result<T, String>,
) -> Result<T, String> {
    let mut wanted: Vec<PathBuf> = Vec::new();
    let mut opened: Vec<PathBuf> = Vec::new();
    loop {
        let words = match wanted.last() {
            None => match open(name) {
                Ok(done) => return Ok(done),
                Err(words) => words,
            },
            Some(dependency) => match opener.open(dependency) {
                Ok(_) => {
                    attempt.step("open dependency", dependency.display().to_string());
                    opened.extend(wanted.pop());
                    continue;
                }
                Err(words) => words,
            },
        };
        let found = absent(&words)
            .filter(|_| beside.components().count() > 1)
            .map(|missing| beside.with_file_name(missing))
            .filter(|path| path.is_file() && path != name && !wanted.contains(path) && !opened.contains(path));
        match found {
            Some(path) if opened.len() + wanted.len() < MOST_DEPENDENCIES => wanted.push(path),
            _ => return Err(words),
        }
    }
}

/// Makes a typed failure of the dynamic linker's words.
pub(crate) fn refusal(name: &Path, words: String) -> LoadFailure {
    match absent(&words) {
        Some(absent) if Path::new(absent) == name => LoadFailure::Absent { name: name.to_owned() },
        Some(absent) => {
            LoadFailure::MissingDependency { path: name.to_owned(), dependency: absent.to_owned(), os: words.clone() }
        }
        None => LoadFailure::Unopenable { path: name.to_owned(), os: words },
    }
}

/// Reads from the dynamic linker's words which library it did not find.
fn absent(words: &str) -> Option<&str> {
    // glibc and FreeBSD: "libx.so.1: cannot open shared object file: No such file or directory";
    // musl: "Error loading shared library libx.so.1: No such file or directory (needed by …)".
    let (before, _) = words
        .split_once(": cannot open shared object file")
        .or_else(|| words.split_once(": No such file or directory"))?;
    let name = before.rsplit_once("shared library ").map_or(before, |(_, name)| name);
    Some(name.trim_matches(|c| c == '"' || c == ' '))
}

/// Reads from the words on libssl whether its libcrypto lacks what it needs.
pub(crate) fn wants_another_libcrypto(words: &str) -> bool {
    // musl, which knows no versions: "Error relocating libssl.so.3: SSL_x: symbol not found".
    let missing = ["undefined symbol", ": symbol not found"].iter().any(|said| words.contains(said));
    missing || (words.contains("version `") && words.contains("not found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn musls_words_are_understood_too() {
        let words = "Error loading shared library libssl.so.4: No such file or directory";
        assert_eq!(absent(words), Some("libssl.so.4"));
        assert_eq!(absent("invalid ELF header"), None);
        let needed = "Error loading shared library libx.so.1: No such file or directory (needed by /opt/libssl.so.3)";
        assert_eq!(absent(needed), Some("libx.so.1"));
        assert!(wants_another_libcrypto("Error relocating /opt/libssl.so.3: EVP_x: symbol not found"));
        assert!(!wants_another_libcrypto(words) && !wants_another_libcrypto(needed));
    }
}
