//! Private copies: a pair of files under names that nothing else in the process has, bound to each other only.
//!
//! The files are read, libcrypto and libssl are renamed inside (random names of the same length), put where nobody can
//! change them and opened so that their own functions win over whatever the process offers. The C library's limit on
//! thread-local keys bounds their number.

mod content;
pub(crate) mod elf;
mod limit;
mod names;
mod place;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use content::{Content, Stamp};
pub(crate) use place::Placed;

use crate::error::LoadFailure;
use crate::explanation::Attempt;
use crate::ffi::Half;
use crate::load::{Image, Opener, refusal, wants_another_libcrypto, with_dependencies};

/// Whether this platform has what private copies need: names bound within the copy first.
pub(crate) const POSSIBLE: bool = cfg!(all(target_os = "linux", target_env = "gnu"));

/// No libcrypto is larger; a bound for what is none.
const LARGEST: u64 = 512 * 1024 * 1024;

/// A pair of files, read.
pub(crate) struct Originals {
    pub(crate) libssl: PathBuf,
    pub(crate) libcrypto: PathBuf,
    pub(crate) ssl: Vec<u8>,
    pub(crate) crypto: Vec<u8>,
}

/// A private copy of a pair, open.
pub(crate) struct Copied {
    pub(crate) ssl: Arc<dyn Image>,
    pub(crate) crypto: Arc<dyn Image>,
    /// Content of libssl and of libcrypto.
    pub(crate) contents: [Content; 2],
    /// libcrypto's own name, and the one that it has here.
    pub(crate) renamed: (String, String),
}

impl Originals {
    /// Reads both files.
    ///
    /// # Errors
    /// [`LoadFailure::Unreadable`].
    pub(crate) fn read(libssl: &Path, libcrypto: &Path) -> Result<Self, LoadFailure> {
        let read = |path: &Path| {
            read(path).map_err(|error| LoadFailure::Unreadable { path: path.to_owned(), os: error.to_string() })
        };
        Ok(Self {
            libssl: libssl.to_owned(),
            libcrypto: libcrypto.to_owned(),
            ssl: read(libssl)?,
            crypto: read(libcrypto)?,
        })
    }
}

/// Reads a file whole.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let len = file.metadata()?.len();
    if len > LARGEST {
        return Err(std::io::Error::other("it is larger than any library"));
    }
    // The length is bounded above.
    let mut bytes = Vec::with_capacity(len as usize + 1);
    std::io::Read::read_to_end(&mut std::io::Read::take(file, LARGEST), &mut bytes)?;
    Ok(bytes)
}

/// Opens a private copy of a pair.
///
/// # Errors
/// [`LoadFailure::Isolation`] when the files or the system do not allow one, [`LoadFailure::TooManyCopies`],
/// [`LoadFailure::MismatchedPair`] when libssl asks for another libcrypto.
pub(crate) fn copy(
    opener: &dyn Opener,
    mut originals: Originals,
    attempt: &mut Attempt,
) -> Result<Copied, LoadFailure> {
    let refuse = |path: &Path, why: String| LoadFailure::Isolation { path: path.to_owned(), why };
    if !POSSIBLE {
        return Err(refuse(
            &originals.libssl,
            "this platform has no way to keep two libraries of one name apart".into(),
        ));
    }
    if opener.process().is_some_and(|process| process.symbol(c"__asan_init").is_some()) {
        let why = "under AddressSanitizer the process would abort; use valgrind, or Isolation::Never";
        return Err(refuse(&originals.libssl, why.into()));
    }
    limit::check()?;
    let system = |path: &Path| {
        let path = path.to_owned();
        move |error: &dyn std::fmt::Display| LoadFailure::Isolation { path, why: error.to_string() }
    };
    let crypto_names =
        elf::names(&originals.crypto).map_err(|error| refuse(&originals.libcrypto, error.to_string()))?;
    let ssl_names = elf::names(&originals.ssl).map_err(|error| refuse(&originals.libssl, error.to_string()))?;
    let old_crypto = own_name(&crypto_names, &originals.libcrypto)?;
    let old_ssl = own_name(&ssl_names, &originals.libssl)?;
    if !ssl_names.needed.contains(&old_crypto) {
        let asked: Vec<&str> =
            ssl_names.needed.iter().map(String::as_str).filter(|name| name.contains("crypto")).collect();
        let asked = if asked.is_empty() { "no libcrypto".to_owned() } else { asked.join(", ") };
        return Err(LoadFailure::MismatchedPair {
            libssl: originals.libssl.clone(),
            libcrypto: originals.libcrypto.clone(),
            evidence: format!("libssl asks for {asked}, not for {old_crypto}"),
        });
    }
    let new_name = |half, old: &str, path: &Path| {
        names::soname(half, old.len())
            .map_err(|error| system(path)(&error))?
            .ok_or_else(|| refuse(path, format!("its name {old} is too short to be exchanged for a random one")))
    };
    let new_crypto = new_name(Half::Crypto, &old_crypto, &originals.libcrypto)?;
    let new_ssl = new_name(Half::Ssl, &old_ssl, &originals.libssl)?;

    for (path, names) in [(&originals.libcrypto, &crypto_names), (&originals.libssl, &ssl_names)] {
        open_dependencies(opener, path, names, &[&old_crypto, &old_ssl], attempt)?;
    }
    attempt.step("rename", format!("{old_crypto} to {new_crypto}, {old_ssl} to {new_ssl}"));
    let exchanges = [(old_crypto.as_str(), new_crypto.as_str()), (old_ssl.as_str(), new_ssl.as_str())];
    // The linker speaks of the copies; a person knows the originals.
    let mut originals_of: Vec<(String, String)> = Vec::new();
    let mut open = |path: &Path, bytes: &mut [u8], step| -> Result<(Arc<dyn Image>, Content), LoadFailure> {
        let original = elf::rename(bytes, &exchanges).map_err(|error| refuse(path, error.to_string()))?;
        let label = format!("dlssl {}", path.file_name().unwrap_or(OsStr::new("library")).to_string_lossy());
        let placed = place::place(bytes, &label).map_err(|error| system(path)(&error))?;
        originals_of.push((placed.path.display().to_string(), path.display().to_string()));
        let opened = with_dependencies(opener, &placed.path, path, attempt, &mut |name| opener.open_private(name));
        let image = opened.map_err(|os| {
            let os = originals_of.iter().fold(os, |os, (copy, original)| os.replace(copy, original));
            attempt.step(step, os.clone());
            refusal(path, os)
        })?;
        attempt.step(step, format!("opened as a private copy from {} ({})", placed.words(), placed.path.display()));
        Ok((image, placed.content.with_original(original)))
    };
    let (crypto, crypto_content) = open(&originals.libcrypto, &mut originals.crypto, "open libcrypto")?;
    let ssl = open(&originals.libssl, &mut originals.ssl, "open libssl");
    let (ssl, ssl_content) = ssl.map_err(|failure| match failure {
        LoadFailure::Unopenable { os, .. } if wants_another_libcrypto(&os) => LoadFailure::MismatchedPair {
            libssl: originals.libssl.clone(),
            libcrypto: originals.libcrypto.clone(),
            evidence: os,
        },
        failure => failure,
    })?;
    Ok(Copied { ssl, crypto, contents: [ssl_content, crypto_content], renamed: (old_crypto, new_crypto) })
}

/// Opens a copy of a module that asks for libcrypto by the name `old`, as one that asks for `new`. `None` when it asks for no
/// such name.
///
/// # Errors
/// What stands in the way, in words.
pub(crate) fn module(opener: &dyn Opener, path: &Path, old: &str, new: &str) -> Result<Option<Arc<dyn Image>>, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let mut bytes = read(path).map_err(|error| words(&error))?;
    let names = elf::names(&bytes).map_err(|error| words(&error))?;
    if !names.needed.iter().any(|needed| needed == old) {
        return Ok(None);
    }
    elf::rename(&mut bytes, &[(old, new)]).map_err(|error| words(&error))?;
    let label = format!("dlssl {}", path.file_name().unwrap_or(OsStr::new("module")).to_string_lossy());
    let placed = place::place(&bytes, &label).map_err(|error| words(&error))?;
    opener.open_private(&placed.path).map(Some)
}

/// Copies a module as it is, for a mapping of its own.
///
/// # Errors
/// What stands in the way, in words.
pub(crate) fn unchanged(path: &Path) -> Result<Placed, String> {
    let bytes = read(path).map_err(|error| error.to_string())?;
    let label = format!("dlssl {}", path.file_name().unwrap_or(OsStr::new("module")).to_string_lossy());
    place::place(&bytes, &label).map_err(|error| error.to_string())
}

/// Name that a library goes by.
fn own_name(names: &elf::Names, path: &Path) -> Result<String, LoadFailure> {
    names.soname.clone().ok_or_else(|| LoadFailure::Isolation {
        path: path.to_owned(),
        why: "it has no SONAME, by which a private libssl could find its libcrypto".into(),
    })
}

/// Opens what a library finds relative to itself, which a copy elsewhere would not.
fn open_dependencies(
    opener: &dyn Opener,
    path: &Path,
    names: &elf::Names,
    pair: &[&str],
    attempt: &mut Attempt,
) -> Result<(), LoadFailure> {
    let Some(origin) = path.parent().and_then(|folder| std::path::absolute(folder).ok()) else { return Ok(()) };
    let Some(origin) = origin.to_str() else { return Ok(()) };
    let folders = names.search.iter().filter(|folder| folder.contains("$ORIGIN") || folder.contains("${ORIGIN}"));
    let folders: Vec<PathBuf> =
        folders.map(|folder| PathBuf::from(folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin))).collect();
    for needed in names.needed.iter().filter(|needed| !pair.contains(&needed.as_str())) {
        let Some(found) = folders.iter().map(|folder| folder.join(needed)).find(|file| file.exists()) else { continue };
        opener.open(&found).map_err(|os| LoadFailure::MissingDependency {
            path: path.to_owned(),
            dependency: needed.clone(),
            os,
        })?;
        attempt.step("open dependency", found.display().to_string());
    }
    Ok(())
}
