//! What the process and its operator bring: variables, folders, rights. As data, so that tests can make it up.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::candidates::{self, Candidate, Platform};
use crate::error::LoadFailure;
use crate::explanation::Explanation;

/// What a search depends on besides the loader's own choices: data, so that tests can make it up.
pub(super) struct Surroundings<'a> {
    pub(super) platform: Platform,
    pub(super) variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// Whether the variables may choose files.
    pub(super) trusted: bool,
    pub(super) list: &'a dyn Fn(&Path) -> std::io::Result<Vec<String>>,
}

impl Surroundings<'_> {
    pub(super) fn real() -> Self {
        Self {
            platform: Platform::here(),
            variable: &|name| std::env::var_os(name),
            trusted: environment_is_trusted(),
            list: &|folder| {
                let entries = std::fs::read_dir(folder)?;
                Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
            },
        }
    }
}

/// Whether the environment may choose files: not when the process runs set-user-id, with more rights than who
/// started it.
///
/// # Examples
/// ```
/// assert!(dlssl_core::environment_is_trusted()); // a test does not run set-user-id
/// ```
#[must_use]
pub fn environment_is_trusted() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // SAFETY: reads the process's own auxiliary vector.
        unsafe { libc::getauxval(libc::AT_SECURE) == 0 }
    }
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    {
        // SAFETY: plain getters.
        unsafe { libc::geteuid() == libc::getuid() && libc::getegid() == libc::getgid() }
    }
    #[cfg(not(unix))]
    {
        true
    }
}

const DIRECTORY: &str = "DLSSL_DIR";
const LIBSSL: &str = "DLSSL_LIBSSL";
const LIBCRYPTO: &str = "DLSSL_LIBCRYPTO";

/// What the environment asks for.
pub(super) struct Asked {
    /// The variables that are set, with their values.
    set: Vec<(&'static str, PathBuf)>,
    /// What to try, or what is wrong with the values.
    pub(super) candidates: Result<Vec<Candidate>, LoadFailure>,
}

impl Asked {
    /// Says that a variable does not work: the one that names the file of the failure, else the first.
    pub(super) fn blame(&self, cause: LoadFailure) -> LoadFailure {
        let named = self.set.iter().find(|(_, value)| cause.path() == Some(value));
        match named.or(self.set.first()) {
            Some((variable, value)) => {
                LoadFailure::Environment { variable, value: value.display().to_string(), cause: Box::new(cause) }
            }
            None => cause,
        }
    }
}

/// Reads the environment; `None` when none of the variables is set, or they have no say, which the explanation then tells.
pub(super) fn from_environment(
    surroundings: &Surroundings<'_>,
    explanation: &mut Explanation,
) -> Option<Result<Asked, LoadFailure>> {
    let set: Vec<(&'static str, PathBuf)> = [DIRECTORY, LIBSSL, LIBCRYPTO]
        .into_iter()
        .filter_map(|name| {
            let value = (surroundings.variable)(name).filter(|value| !value.is_empty())?;
            let value = PathBuf::from(value);
            Some((name, if name == DIRECTORY { value } else { super::as_file(value) }))
        })
        .collect();
    if set.is_empty() {
        return None;
    }
    if !surroundings.trusted {
        let names: Vec<&str> = set.iter().map(|(name, _)| *name).collect();
        explanation.choice = format!("{} is ignored, since this process runs set-user-id; ", names.join(" and "));
        return None;
    }
    let words: Vec<String> = set.iter().map(|(name, value)| format!("{name}={}", value.display())).collect();
    explanation.choice = words.join(" and ");
    let list = |folder: &Path| (surroundings.list)(folder);
    let one = |libssl: &PathBuf, libcrypto| vec![Candidate { origin: LIBSSL, libssl: libssl.clone(), libcrypto }];
    let candidates = match &set[..] {
        [(DIRECTORY, directory)] => in_directory(surroundings.platform, DIRECTORY, directory, list),
        [(LIBSSL, libssl)] => {
            let folder = libssl.parent().unwrap_or(Path::new("."));
            list(folder)
                .map_err(|error| unreadable(folder, &error))
                .and_then(|files| {
                    let found = candidates::libcrypto_beside(surroundings.platform, libssl, &files);
                    // Without libssl itself, it is not libcrypto that is missed.
                    found.map_err(|failure| if is_among(libssl, &files) { failure } else { absent(libssl) })
                })
                .map(|libcrypto| one(libssl, libcrypto))
        }
        [(LIBSSL, libssl), (LIBCRYPTO, libcrypto)] => Ok(one(libssl, libcrypto.clone())),
        [(LIBCRYPTO, _)] => {
            return Some(Err(LoadFailure::Contradiction(format!(
                "{LIBCRYPTO} is set without {LIBSSL}; set {LIBSSL} too, or {DIRECTORY}"
            ))));
        }
        _ => {
            return Some(Err(LoadFailure::Contradiction(format!(
                "{DIRECTORY} and {LIBSSL} or {LIBCRYPTO} are both set; set the directory or the files, not both"
            ))));
        }
    };
    Some(Ok(Asked { set, candidates }))
}

/// Whether a file is among those of its folder, or has a name that these lists leave out.
fn is_among(file: &Path, files: &[String]) -> bool {
    let name = file.file_name().and_then(|name| name.to_str());
    name.is_none_or(|name| files.iter().any(|file| file == name))
}

fn absent(path: &Path) -> LoadFailure {
    LoadFailure::Unreadable { path: path.to_owned(), os: "there is no such file".into() }
}

fn unreadable(path: &Path, error: &std::io::Error) -> LoadFailure {
    LoadFailure::Unreadable { path: path.to_owned(), os: error.to_string() }
}

/// Pairs in a directory, or in the library folders of a prefix.
pub(super) fn in_directory(
    platform: Platform,
    origin: &'static str,
    directory: &Path,
    list: impl Fn(&Path) -> std::io::Result<Vec<String>>,
) -> Result<Vec<Candidate>, LoadFailure> {
    let files = list(directory).map_err(|error| unreadable(directory, &error))?;
    let here = candidates::directory(platform, origin, directory, &files);
    if !matches!(here, Err(LoadFailure::NothingInDirectory { .. })) {
        return here;
    }
    // OpenSSL installs 64-bit builds of 3.0 and later in lib64.
    for below in ["lib64", "lib"] {
        let folder = directory.join(below);
        if let Ok(files) = list(&folder)
            && let Ok(found) = candidates::directory(platform, origin, &folder, &files)
        {
            return Ok(found);
        }
    }
    here
}
