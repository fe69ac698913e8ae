//! Why a load failed, and the error queue of C as plain data.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::explanation::Explanation;
use crate::ffi::Half;
use crate::version::Flavour;

/// No library could be loaded: what went wrong, and the record of everything that was tried.
///
/// # Examples
/// ```
/// let nowhere = std::env::temp_dir().join("no such folder");
/// // SAFETY: there is nothing there.
/// let error = unsafe { dlssl_core::Loader::new().directory(nowhere) }.load().unwrap_err();
/// assert_eq!(error.code(), "unreadable");
/// eprintln!("{error}: {:?}\n{}", error.failure(), error.explanation());
/// ```
#[derive(Clone)]
pub struct LoadError {
    failure: LoadFailure,
    explanation: Box<Explanation>,
}

impl LoadError {
    pub(crate) fn new(failure: LoadFailure, explanation: Explanation) -> Self {
        log::warn!(target: "dlssl::load", "{failure}");
        Self { failure, explanation: Box::new(explanation) }
    }

    /// What went wrong.
    #[must_use]
    pub fn failure(&self) -> &LoadFailure {
        &self.failure
    }

    /// Everything that was tried.
    #[must_use]
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// Stable word for the failure, for programs: see [`LoadFailure::code`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.failure.code()
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl fmt::Debug for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadError").field("failure", &self.failure).finish_non_exhaustive()
    }
}

impl std::error::Error for LoadError {}

/// What a child can do that has a library from before the fork.
const INSTEAD_OF_INHERITED: &str =
    if crate::isolate::POSSIBLE { "allow private copies (Isolation::Auto)" } else { "load first in the child" };

/// What went wrong with a load. Each says what, where and what to do.
///
/// # Examples
/// ```
/// use dlssl_core::LoadFailure;
///
/// // SAFETY: the file is no library.
/// let error = unsafe { dlssl_core::Loader::new().files("/dev/null", "/dev/null") }.load().unwrap_err();
/// match error.failure() {
///     LoadFailure::NotFound { .. } => println!("nothing is installed"),
///     other => println!("{}: {:?} is no good", other.code(), other.path()),
/// }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadFailure {
    /// Nothing was found under any of the names tried.
    #[error(
        "no OpenSSL or LibreSSL was found ({tried} places tried); install the system's OpenSSL runtime \
         (Debian: libssl3), or set DLSSL_DIR to the directory that holds libssl and libcrypto"
    )]
    NotFound {
        /// How many pairs of names were tried.
        tried: usize,
    },
    /// No library of this name is known to the dynamic linker.
    #[error("no library is named {}", name.display())]
    Absent {
        /// The name.
        name: PathBuf,
    },
    /// A directory that was asked for holds neither library.
    #[error("{} holds no libssl and libcrypto; name the directory in which the library files lie", path.display())]
    NothingInDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// A file that was asked for is not there, or may not be read.
    #[error("cannot read {}: {os}; check the path and its permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        os: String,
    },
    /// A file is there, but is not a shared library.
    #[error("{} is {found}, not a shared library; name the library file itself", path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        found: String,
    },
    /// A shared library for another machine.
    #[error("{} is built for {found}, this process needs {wanted}; use a build for this architecture", path.display())]
    WrongArchitecture {
        /// The file.
        path: PathBuf,
        /// What it is built for.
        found: String,
        /// What this process is.
        wanted: String,
    },
    /// The library needs another that was not found.
    #[error(
        "{} needs {dependency}, which the dynamic linker did not find ({os}); install it, put it on the linker's \
         path (LD_LIBRARY_PATH), or load it first", path.display()
    )]
    MissingDependency {
        /// The library.
        path: PathBuf,
        /// What it needs.
        dependency: String,
        /// The dynamic linker's words.
        os: String,
    },
    /// One library of the pair is there, the other is not.
    #[error("found {} but no {missing} beside it ({looked_for}); both must come from one build", present.display())]
    Incomplete {
        /// The library that is there.
        present: PathBuf,
        /// The one that is not.
        missing: Half,
        /// Names that were looked for.
        looked_for: String,
    },
    /// The dynamic linker refused the file.
    #[error("the dynamic linker refused {}: {os}", path.display())]
    Unopenable {
        /// The file.
        path: PathBuf,
        /// The dynamic linker's words.
        os: String,
    },
    /// A shared library, but neither OpenSSL nor LibreSSL.
    #[error("{} is not OpenSSL or LibreSSL: {found}", path.display())]
    NotOpenSsl {
        /// The file.
        path: PathBuf,
        /// What tells.
        found: String,
    },
    /// A version older than the floor.
    #[error("{} is {text}; the oldest supported version is {flavour} {}", path.display(), flavour.floor())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Its own version text.
        text: String,
        /// Its flavour.
        flavour: Flavour,
    },
    /// Functions that TLS cannot work without are missing.
    #[error("{text} ({}) lacks functions that TLS cannot work without: {}", path.display(), names.join(", "))]
    MissingSymbols {
        /// The file.
        path: PathBuf,
        /// Its own version text.
        text: String,
        /// Every missing function.
        names: Vec<&'static str>,
    },
    /// libssl does not run on the libcrypto that was opened for it.
    #[error(
        "{} and {} do not belong together: {evidence}; name both files of one build, or load before another \
         OpenSSL enters the process", libssl.display(), libcrypto.display()
    )]
    MismatchedPair {
        /// libssl as mapped.
        libssl: PathBuf,
        /// libcrypto as mapped.
        libcrypto: PathBuf,
        /// What proved it.
        evidence: String,
    },
    /// A module (provider or engine) of a configuration file is bound to another libcrypto than the library that reads the file:
    /// an engine asks for libcrypto by name, and beside a private copy gets another one. No other candidate is tried then.
    #[error(
        "the module {} of a configuration file is not bound to this library's libcrypto: {evidence}; take a file that does not \
         name it, or `Configuration::None`", path.display()
    )]
    ForeignModule {
        /// The module.
        path: PathBuf,
        /// What proved it.
        evidence: String,
    },
    /// The file on disk is not the one that the process has mapped under that name.
    #[error(
        "{} was replaced on disk, but this process still has the old file mapped and the dynamic linker gives \
         that one again; put the new files under another path or name and reload from there, or restart the process", path.display()
    )]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// A private copy of the file cannot be made.
    #[error(
        "no private copy can be made of {}: {why}; load before another OpenSSL enters the process, or choose a library \
         of another name", path.display()
    )]
    Isolation {
        /// The file.
        path: PathBuf,
        /// What stands in the way.
        why: String,
    },
    /// The process has few thread-local keys left, of which each private copy takes some for good.
    #[error(
        "another private copy would take the last thread-local keys of this process (they are never given back); \
         leave out `fresh_copy`, so that equal files are mapped once, or restart the process"
    )]
    TooManyCopies,
    /// The random generators of a library could not be given a new seed.
    #[error("the random generators of {text} could not be seeded anew: {why}; nothing was changed")]
    Reseed {
        /// The library's version text.
        text: String,
        /// What stands in the way.
        why: String,
    },
    /// The library was mapped before a fork that made this process.
    #[error(
        "{} was mapped before this process was forked, and its locks may be held by threads that this process does not \
         have; {instead}, or vouch for the fork", path.display(), instead = INSTEAD_OF_INHERITED
    )]
    Inherited {
        /// The file, or the name that it was looked up by.
        path: PathBuf,
    },
    /// An environment variable names something that does not work.
    #[error("{variable}={value} does not work: {cause}")]
    Environment {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        cause: Box<LoadFailure>,
    },
    /// Two settings that exclude each other.
    #[error("{0}")]
    Contradiction(String),
    /// The library's own initialisation failed.
    #[error("{text} could not be initialised: {queue}")]
    Initialisation {
        /// The library's version text.
        text: String,
        /// Its error queue.
        queue: ErrorStack,
    },
    /// A setting of the loader that this library does not have.
    #[error("{text} cannot {what}")]
    Setting {
        /// The library's version text.
        text: String,
        /// What was asked for.
        what: &'static str,
    },
}

impl LoadFailure {
    /// Stable word for programs, such as `wrong-architecture`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } | Self::Absent { .. } | Self::NothingInDirectory { .. } => "not-found",
            Self::Unreadable { .. } => "unreadable",
            Self::NotALibrary { .. } => "not-a-library",
            Self::WrongArchitecture { .. } => "wrong-architecture",
            Self::MissingDependency { .. } => "missing-dependency",
            Self::Incomplete { .. } => "incomplete",
            Self::Unopenable { .. } => "unopenable",
            Self::NotOpenSsl { .. } => "not-openssl",
            Self::Unsupported { .. } => "unsupported",
            Self::MissingSymbols { .. } => "missing-symbols",
            Self::MismatchedPair { .. } => "mismatched-pair",
            Self::ForeignModule { .. } => "foreign-module",
            Self::Replaced { .. } => "replaced",
            Self::Isolation { .. } => "isolation",
            Self::TooManyCopies => "too-many-copies",
            Self::Inherited { .. } => "inherited",
            Self::Reseed { .. } => "reseed",
            Self::Environment { .. } => "environment",
            Self::Contradiction(_) => "contradiction",
            Self::Initialisation { .. } => "initialisation",
            Self::Setting { .. } => "setting",
        }
    }

    /// The file that it is about, where it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unreadable { path, .. }
            | Self::NotALibrary { path, .. }
            | Self::WrongArchitecture { path, .. }
            | Self::MissingDependency { path, .. }
            | Self::Unopenable { path, .. }
            | Self::NotOpenSsl { path, .. }
            | Self::Unsupported { path, .. }
            | Self::MissingSymbols { path, .. }
            | Self::NothingInDirectory { path }
            | Self::Replaced { path }
            | Self::Isolation { path, .. }
            | Self::Inherited { path }
            | Self::Absent { name: path } => Some(path),
            Self::Environment { cause, .. } => cause.path(),
            _ => None,
        }
    }

    /// Whether it says that something is not there, as against being there and wrong.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Absent { .. } | Self::Unreadable { .. })
    }
}

/// The library was loaded before the fork that made this process: see
/// [`Library::is_inherited`](crate::Library::is_inherited).
///
/// # Examples
/// ```
/// let library = dlssl_core::current()?;
/// let checked: Result<(), dlssl_core::Inherited> = library.check_process();
/// assert!(checked.is_ok(), "this process was not forked");
/// # Ok::<(), dlssl_core::LoadError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error(
    "made before this process was forked, and locks of the library may be held by threads that this process does not \
     have; take the library of `current()` in the child, or vouch for the fork"
)]
#[non_exhaustive]
pub struct Inherited;

/// Why there are no random bytes.
///
/// # Examples
/// ```
/// let mut key = [0; 32];
/// match dlssl_core::current()?.random(&mut key) {
///     Ok(()) => assert_ne!(key, [0; 32]),
///     Err(dlssl_core::RandomError::Inherited(_)) => println!("take the library of `current()` in the child"),
///     Err(other) => return Err(other.into()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RandomError {
    /// The library was loaded before the fork that made this process.
    #[error(transparent)]
    Inherited(#[from] Inherited),
    /// The library's generator could not be seeded.
    #[error("the library has no random bytes: {0}")]
    Library(ErrorStack),
}

/// The error queue of one thread, drained: oldest first. Empty where C reported nothing.
///
/// # Examples
/// ```
/// use dlssl_core::{ErrorEntry, ErrorStack};
///
/// let errors: ErrorStack = dlssl_core::current()?.take_errors();
/// let words = |entry: &ErrorEntry| format!("{:?} {:?} {:?}", entry.library(), entry.function(), entry.reason());
/// for entry in errors.entries() {
///     println!("{} ({:?})", words(entry), entry.data());
///     assert!(errors.has(entry.library_number(), entry.reason_number()), "{:#x}", entry.code());
/// }
/// assert!(errors.is_empty(), "nothing has failed yet");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ErrorStack {
    entries: Vec<ErrorEntry>,
}

impl ErrorStack {
    pub(crate) fn new(entries: Vec<ErrorEntry>) -> Self {
        Self { entries }
    }

    /// Entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[ErrorEntry] {
        &self.entries
    }

    /// Whether C reported nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether an entry has this library number and reason number.
    #[must_use]
    pub fn has(&self, library: i32, reason: i32) -> bool {
        self.entries.iter().any(|entry| entry.library_number == library && entry.reason_number == reason)
    }
}

impl fmt::Display for ErrorStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return f.write_str("the library gave no reason");
        }
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            entry.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ErrorStack {}

/// One entry of an error queue.
///
/// # Examples
/// ```
/// fn is_certificate_verify_failed(entry: &dlssl_core::ErrorEntry) -> bool {
///     (entry.library_number(), entry.reason_number()) == (20, 134)
/// }
/// assert!(!dlssl_core::current()?.take_errors().entries().iter().any(is_certificate_verify_failed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorEntry {
    pub(crate) code: u64,
    pub(crate) library_number: i32,
    pub(crate) reason_number: i32,
    pub(crate) library: Option<String>,
    pub(crate) function: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: i32,
}

impl ErrorEntry {
    /// Packed code as C gives it; its layout differs between versions.
    #[must_use]
    pub fn code(&self) -> u64 {
        self.code
    }

    /// Number of the part of the library (`ERR_LIB_…`).
    #[must_use]
    pub fn library_number(&self) -> i32 {
        self.library_number
    }

    /// Number of the reason (`SSL_R_…`, `PEM_R_…`).
    #[must_use]
    pub fn reason_number(&self) -> i32 {
        self.reason_number
    }

    /// Part of the library, such as `SSL routines`.
    #[must_use]
    pub fn library(&self) -> Option<&str> {
        self.library.as_deref()
    }

    /// C function, where the library tells.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        self.function.as_deref()
    }

    /// Reason, such as `certificate verify failed`.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Details that the library added.
    #[must_use]
    pub fn data(&self) -> Option<&str> {
        self.data.as_deref()
    }
}

impl fmt::Display for ErrorEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => f.write_str(reason)?,
            None => write!(f, "error {:08X}", self.code)?,
        }
        if let Some(data) = &self.data {
            write!(f, " ({data})")?;
        }
        match (&self.library, &self.function) {
            (Some(library), Some(function)) => write!(f, " [{library}, {function}]"),
            (Some(library), None) => write!(f, " [{library}]"),
            _ => Ok(()),
        }
    }
}
