//! Where a test executable runs: which library, if any, it can find there.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::build::{Built, Suite};
use super::hide::Hiding;

/// What selects the library under test in the integration tests.
const TEST_LIBRARY: &str = "DLSSL_TEST_LIB_DIR";

/// Another build, for integration tests that mix two.
const OTHER_LIBRARY: &str = "DLSSL_TEST_OTHER_LIB_DIR";

/// Every build, for tests of several together.
const ALL_BUILDS: &str = "DLSSL_TEST_BUILDS";

/// Where the integration tests find the `dlssl` command that was built with them.
const TEST_COMMAND: &str = "DLSSL_TEST_CLI";

/// All that selects a library, in dlssl itself and in its tests: a developer's own setting must not decide a run.
const OWN_CHOICES: [&str; 8] = [
    "DLSSL_DIR",
    "DLSSL_LIBSSL",
    "DLSSL_LIBCRYPTO",
    "DLSSL_TEST_LIBSSL",
    "DLSSL_TEST_LIBCRYPTO",
    TEST_LIBRARY,
    OTHER_LIBRARY,
    ALL_BUILDS,
];

/// A build of the catalogue.
#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) name: &'static str,
    /// Its folder; `None` for the system's library.
    pub(crate) lib_dir: Option<PathBuf>,
    /// Another build of the same SONAME, for tests that mix two.
    pub(crate) other: Option<PathBuf>,
    /// What a program needs to run on it.
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

#[derive(Debug)]
pub(crate) enum Place {
    /// As it is: the system's library.
    System,
    /// The pair in this folder.
    Folder(PathBuf),
    /// A build of the catalogue.
    Build(Build),
    /// All builds at once, for tests that choose by themselves: a line each.
    All(String),
    /// Where there is none.
    NoLibrary(Hiding),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::System => f.write_str("system"),
            Place::Folder(folder) => write!(f, "{}", folder.display()),
            Place::Build(build) => f.write_str(build.name),
            Place::All(_) => f.write_str("all builds"),
            Place::NoLibrary(_) => f.write_str("no library"),
        }
    }
}

impl Place {
    /// The call of one suite in this place.
    pub(crate) fn suite(&self, suite: &Suite, built: &Built, filter: &[String]) -> Command {
        let mut command = self.program(&suite.executable.to_string_lossy());
        command.args(["--color", "never"]).args(filter);
        // What cargo would set. Our own values are there instead: cargo started us.
        command.current_dir(&suite.folder);
        command.env("CARGO_MANIFEST_DIR", &suite.folder);
        command.env("CARGO_PKG_NAME", &suite.package);
        command.env(TEST_COMMAND, &built.dlssl);
        command
    }

    /// The folder of its library; `None` where nothing selects one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Place::Folder(folder) => Some(folder),
            Place::Build(build) => build.lib_dir.as_deref(),
            Place::System | Place::All(_) | Place::NoLibrary(_) => None,
        }
    }

    /// Has the examples of the documentation, which take the library that is current, run in this place.
    pub(crate) fn for_documentation(&self, mut command: Command) -> Command {
        for name in OWN_CHOICES {
            command.env_remove(name);
        }
        if let Some(folder) = self.folder() {
            command.env("DLSSL_DIR", folder);
        }
        if let Place::Build(build) = self {
            command.envs(build.environment.iter().map(|(name, value)| (name, value)));
        }
        command
    }

    /// The call of any program in this place.
    pub(crate) fn program(&self, program: &str) -> Command {
        let mut command = match self {
            Place::NoLibrary(hiding) => hiding.wrap(program),
            _ => Command::new(program),
        };
        for name in OWN_CHOICES {
            command.env_remove(name);
        }
        match self {
            Place::System => {}
            Place::Folder(folder) => {
                command.env(TEST_LIBRARY, folder);
            }
            Place::Build(build) => {
                let folders = [(TEST_LIBRARY, &build.lib_dir), (OTHER_LIBRARY, &build.other)];
                for (name, folder) in folders {
                    if let Some(folder) = folder {
                        command.env(name, folder);
                    }
                }
                command.envs(build.environment.iter().map(|(name, value)| (name, value)));
            }
            Place::All(list) => {
                command.env(ALL_BUILDS, list);
            }
            Place::NoLibrary(hiding) => hiding.set_environment(&mut command),
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn variable(command: &Command, name: &str) -> Option<Option<String>> {
        let own = |value: &OsStr| value.to_string_lossy().into_owned();
        let mut all = command.get_envs();
        let found = all.find(|(key, _)| *key == OsStr::new(name))?;
        Some(found.1.map(own))
    }

    #[test]
    fn a_folder_is_named_in_the_environment() {
        let command = Place::Folder("/opt/pair".into()).program("true");
        assert_eq!(variable(&command, TEST_LIBRARY), Some(Some("/opt/pair".to_owned())));
    }

    #[test]
    fn examples_find_the_folder() {
        let command = Place::Folder("/opt/pair".into()).for_documentation(Command::new("true"));
        assert_eq!(variable(&command, "DLSSL_DIR"), Some(Some("/opt/pair".to_owned())));
        let command = Place::System.for_documentation(Command::new("true"));
        assert_eq!(variable(&command, "DLSSL_DIR"), Some(None));
    }

    #[test]
    fn a_choice_of_the_developer_does_not_reach_the_tests() {
        let command = Place::System.program("true");
        for name in OWN_CHOICES {
            assert_eq!(variable(&command, name), Some(None), "{name}");
        }
    }
}
