//! Asking a build who it is, by loading it: in a process of its own, which ends right after.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dlssl_core::{Configuration, Loader};
use serde::{Deserialize, Serialize};

use crate::process::{self, End};

const LIMIT: Duration = Duration::from_secs(60);

/// What a loaded library says of itself, and the files it was really taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) text: String,
    pub(crate) libssl: PathBuf,
    pub(crate) libcrypto: PathBuf,
}

/// Asks the pair in `folder`, or the system's without one, in a child process with these variables.
///
/// # Errors
///
/// The words of the child when the pair does not load, or how the child ended.
pub(crate) fn ask(folder: Option<&Path>, environment: &[(&str, OsString)]) -> Result<Identity, String> {
    let mut child = Command::new(own_program().map_err(|error| error.to_string())?);
    child.args(["libs", "identify"]).args(folder).envs(environment.iter().map(|(name, value)| (name, value)));
    let finished = process::run(child, LIMIT, |_| {}).map_err(|error| error.to_string())?;
    match finished.end {
        End::TimedOut => Err(format!("did not load within {} s", LIMIT.as_secs())),
        End::Exited(status) if status.success() => {
            read(&finished.output).ok_or_else(|| format!("no answer: {}", finished.output.trim()))
        }
        End::Exited(_) if !finished.output.trim().is_empty() => {
            let words = finished.output.trim();
            Err(words.strip_prefix("error: ").unwrap_or(words).to_owned())
        }
        End::Exited(status) => Err(format!("died while it was loaded: {status}")),
    }
}

/// The child's side: loads, answers in one line, and has no other use.
pub(crate) fn answer(folder: Option<&Path>) -> crate::Fallible<bool> {
    let loader = Loader::new().environment(false).configuration(Configuration::None);
    let loader = match folder {
        // SAFETY: this process does nothing but run the initialisers of what the developer chose to test.
        Some(folder) => unsafe { loader.directory(folder) },
        None => loader,
    };
    let library = loader.load()?;
    let identity = Identity {
        text: library.version_text().to_owned(),
        libssl: library.libssl_path().to_owned(),
        libcrypto: library.libcrypto_path().to_owned(),
    };
    println!("{}", serde_json::to_string(&identity)?);
    Ok(true)
}

/// The answer among whatever else a library printed.
fn read(output: &str) -> Option<Identity> {
    output.lines().rev().find_map(|line| serde_json::from_str(line).ok())
}

/// On Linux by a name that stays good when cargo has meanwhile put a newer program in our place.
fn own_program() -> std::io::Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() { Ok(own.to_owned()) } else { env::current_exe() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_found_among_other_lines() {
        let identity =
            Identity { text: "OpenSSL 3.0.8 7 Feb 2023".into(), libssl: "/a".into(), libcrypto: "/b".into() };
        let line = serde_json::to_string(&identity).unwrap();
        assert_eq!(read(&format!("warning: x\n{line}\n")), Some(identity));
        assert_eq!(read("warning: x\n"), None);
    }
}
