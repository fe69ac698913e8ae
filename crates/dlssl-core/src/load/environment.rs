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
    pub(super) list: &'a dyn Fn(&Path) -> std::io::Result<Vec<String>>,
}

impl Surroundings<'_> {
    pub(super) fn real() -> Self {
        Self {
            platform: Platform::here(),
            variable: &|name| if environment_is_trusted() { std::env::var_os(name) } else { None },
            list: &|folder| {
                let entries = std::fs::read_dir(folder)?;
                Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
            },
        }
    }
}

/// Whether the environment may choose files: not when the process runs set-user-id, with more rights than who
/// started it.
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

/// What the environment asks for: the variable, its value, and the candidates or what is wrong with it.
pub(super) type Asked = (&'static str, String, Result<Vec<Candidate>, LoadFailure>);

/// Reads the environment; `None` when none of the variables is set.
pub(super) fn from_environment(
    surroundings: &Surroundings<'_>,
    explanation: &mut Explanation,
) -> Option<Result<Asked, LoadFailure>> {
    const DIRECTORY: &str = "DLSSL_DIR";
    const LIBSSL: &str = "DLSSL_LIBSSL";
    const LIBCRYPTO: &str = "DLSSL_LIBCRYPTO";
    let read = |name| (surroundings.variable)(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let list = |folder: &Path| (surroundings.list)(folder);
    match (read(DIRECTORY), read(LIBSSL), read(LIBCRYPTO)) {
        (None, None, None) => None,
        (Some(directory), None, None) => {
            explanation.choice = format!("{DIRECTORY}={}", directory.display());
            let found = in_directory(surroundings.platform, DIRECTORY, &directory, list);
            Some(Ok((DIRECTORY, directory.display().to_string(), found)))
        }
        (None, Some(libssl), libcrypto) => {
            explanation.choice = match &libcrypto {
                Some(libcrypto) => format!("{LIBSSL}={} and {LIBCRYPTO}={}", libssl.display(), libcrypto.display()),
                None => format!("{LIBSSL}={}, libcrypto beside it", libssl.display()),
            };
            let value = libssl.display().to_string();
            let found = libcrypto
                .map_or_else(
                    || {
                        let folder = libssl.parent().unwrap_or(Path::new("."));
                        let files = list(folder).map_err(|error| unreadable(folder, &error))?;
                        candidates::libcrypto_beside(surroundings.platform, &libssl, &files)
                    },
                    Ok,
                )
                .map(|libcrypto| vec![Candidate { origin: LIBSSL, libssl, libcrypto }]);
            Some(Ok((LIBSSL, value, found)))
        }
        (Some(_), ..) => Some(Err(LoadFailure::Contradiction(format!(
            "{DIRECTORY} and {LIBSSL} or {LIBCRYPTO} are both set; set the directory or the files, not both"
        )))),
        (None, None, Some(_)) => Some(Err(LoadFailure::Contradiction(format!(
            "{LIBCRYPTO} is set without {LIBSSL}; set {LIBSSL} too, or {DIRECTORY}"
        )))),
    }
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
