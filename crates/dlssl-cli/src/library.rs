//! The options that choose a library, shared by all commands, and the load they lead to.

use std::path::PathBuf;

use clap::Args;
use dlssl::{LoadError, Loader};

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
}

impl LibraryOptions {
    /// Turns the options into a loader.
    #[allow(unsafe_code)]
    pub(crate) fn loader(&self) -> Loader {
        let loader = Loader::new();
        match self {
            Self { libssl: Some(libssl), libcrypto: Some(libcrypto), .. } => {
                // SAFETY: whoever may run this command may run any code as this user, and named
                // these files for it to run.
                unsafe { loader.files(libssl, libcrypto) }
            }
            Self { lib_dir: Some(directory), .. } => {
                // SAFETY: as above: the directory was named on the command line.
                unsafe { loader.directory(directory) }
            }
            _ => loader,
        }
    }

    /// Loads the chosen library.
    pub(crate) fn load(&self) -> Result<dlssl::Library, LoadError> {
        self.loader().load()
    }
}
