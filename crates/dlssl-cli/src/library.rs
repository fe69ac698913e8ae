//! The options that choose a library, shared by all commands, and the load they lead to.

use std::path::{Path, PathBuf};

use clap::Args;
use dlssl::{Isolation, LoadError, Loader};

/// Which library to load; without these, the environment and then the platform's own names.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which library")]
pub(crate) struct LibraryOptions {
    /// Load this libssl
    #[arg(long, value_name = "FILE", requires = "libcrypto")]
    pub(crate) libssl: Option<PathBuf>,

    /// Load this libcrypto
    #[arg(long, value_name = "FILE", requires = "libssl")]
    pub(crate) libcrypto: Option<PathBuf>,

    /// Load both from this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["libssl", "libcrypto"])]
    pub(crate) lib_dir: Option<PathBuf>,

    /// Whether to load a private copy of the files
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(crate) isolation: When,
}

/// When to load a private copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum When {
    /// Where the files as they are would not make a pair of their own
    #[default]
    Auto,
    /// Never
    Never,
    /// Always
    Always,
}

impl From<When> for Isolation {
    fn from(when: When) -> Self {
        match when {
            When::Auto => Self::Auto,
            When::Never => Self::Never,
            When::Always => Self::Always,
        }
    }
}

/// A loader for a directory that was named on the command line.
#[allow(unsafe_code)]
pub(crate) fn directory(directory: &Path) -> Loader {
    // SAFETY: whoever may run this command may run any code as this user, and named this directory for it to run.
    unsafe { Loader::new().directory(directory) }
}

impl LibraryOptions {
    /// Turns the options into a loader.
    #[allow(unsafe_code)]
    pub(crate) fn loader(&self) -> Loader {
        let loader = Loader::new().isolation(self.isolation.into());
        match self {
            Self { libssl: Some(libssl), libcrypto: Some(libcrypto), .. } => {
                // SAFETY: whoever may run this command may run any code as this user, and named
                // these files for it to run.
                unsafe { loader.files(libssl, libcrypto) }
            }
            Self { lib_dir: Some(folder), .. } => directory(folder).isolation(self.isolation.into()),
            _ => loader,
        }
    }

    /// Whether one was named, so that the environment has no say.
    pub(crate) fn names_a_library(&self) -> bool {
        self.libssl.is_some() || self.lib_dir.is_some()
    }

    /// Loads the chosen library.
    pub(crate) fn load(&self) -> Result<dlssl::Library, LoadError> {
        self.loader().load()
    }
}
