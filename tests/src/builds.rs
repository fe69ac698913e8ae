//! Every build of a run, for tests that choose among them: each with its folder and what a process needs to use it.

use std::path::PathBuf;
use std::process::Command;

use crate::library::clear_environment;

/// The builds, one to a line: name, directory (empty: the system's), search path that it needs (or empty); tabs between.
pub const BUILDS: &str = "DLSSL_TEST_BUILDS";

/// One build and where it is.
#[derive(Clone, Debug)]
pub struct Build {
    /// Name in the catalogue.
    pub name: String,
    /// Folder; `None` for the system's.
    pub directory: Option<PathBuf>,
    /// `LD_LIBRARY_PATH` that it needs.
    pub search_path: Option<String>,
}

/// Reads the list; empty when the run gives none.
pub fn builds() -> Vec<Build> {
    let text = std::env::var(BUILDS).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let given = |field: Option<&str>| field.filter(|f| !f.is_empty()).map(str::to_owned);
    lines
        .map(|line| {
            let mut fields = line.split('\t');
            Build {
                name: fields.next().unwrap_or_default().to_owned(),
                directory: given(fields.next()).map(PathBuf::from),
                search_path: given(fields.next()),
            }
        })
        .collect()
}

/// Why a test that needs the list cannot run.
pub fn none_given() -> String {
    format!("{BUILDS} names no builds; `cargo xtask test` sets it")
}

impl Build {
    /// Gives a child what it needs to use the build, and nothing that would choose another.
    pub fn set_environment(&self, command: &mut Command) {
        clear_environment(command);
        match &self.search_path {
            Some(path) => command.env("LD_LIBRARY_PATH", path),
            None => command.env_remove("LD_LIBRARY_PATH"),
        };
    }

    /// Whether the version in the catalogue's name is the one of the library's own words.
    pub fn is_of(&self, version_text: &str) -> bool {
        // `openssl-1.1.1w-wheel`, `libressl-3.1.0`, `system`.
        let Some(number) = self.name.split('-').nth(1) else { return true };
        version_text.split(' ').nth(1) == Some(number)
    }
}
