//! From a choice to a checked library. Each step is a module and leaves a line in the explanation.

mod attempt;
mod candidates;
mod check;
mod decide;
mod elf;
mod environment;
mod files;
mod identify;
mod init;
mod inspect;
mod locate;
pub(crate) mod locks;
mod lookup;
mod mapped;
mod open;
mod pair;
pub(crate) mod registry;
mod resolve;
mod scene;
mod search;
mod soname;
mod source;

use std::path::{Path, PathBuf};

#[cfg(feature = "fuzzing")]
pub(crate) use {identify::from_text, locate::in_cache};

pub use decide::Isolation;
pub use environment::environment_is_trusted;
pub(crate) use files::replaced_on_disk;
pub use init::Configuration;
pub(crate) use mapped::imports;
pub(crate) use open::{refusal, wants_another_libcrypto, with_dependencies};
pub(crate) use source::{Image, Opener, System};

use crate::error::{LoadError, LoadFailure};
use crate::explanation::{Explanation, Failure};
use crate::fork::{self, Hold};
use crate::library::Library;
use attempt::Plan;
use environment::Surroundings;

/// Chooses a libssl and a libcrypto, opens them, proves that they belong together and initialises them.
///
/// Without a choice it looks at the environment (`DLSSL_DIR`, or `DLSSL_LIBSSL` and `DLSSL_LIBCRYPTO`), then at the
/// platform's names, newest version first. A choice that does not work is an error, never a silent fall-back.
///
/// # Examples
/// ```
/// use dlssl_core::{Isolation, Loader};
///
/// let library = Loader::new().load()?;
/// println!("{}", library.explain());
///
/// // The same files, by name, and not what the environment says.
/// // SAFETY: they are in use already.
/// let exact = unsafe { Loader::new().files(library.libssl_path(), library.libcrypto_path()) };
/// assert!(exact.load()?.is_same_generation(&library) || cfg!(unix));
/// let of_the_system = Loader::new().environment(false);
/// // What the program or its host brought along; a copy that shares nothing with anybody.
/// let (of_the_host, alone) = (Loader::new().already_loaded(), Loader::new().fresh_copy(true));
/// # Ok::<(), dlssl_core::LoadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Loader {
    choice: Choice,
    environment: bool,
    /// `None`: the library's own, but none for a private copy.
    configuration: Option<Configuration>,
    isolation: Isolation,
    fresh: bool,
}

/// What the program asked for.
#[derive(Clone, Debug)]
enum Choice {
    Default,
    Files { libssl: PathBuf, libcrypto: PathBuf },
    Directory(PathBuf),
    AlreadyLoaded,
}

impl Default for Loader {
    fn default() -> Self {
        Self::new()
    }
}

impl Loader {
    /// Starts with the default search: the environment, then the platform's names.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            choice: Choice::Default,
            environment: true,
            configuration: None,
            isolation: Isolation::Auto,
            fresh: false,
        }
    }

    /// Takes exactly these two files.
    ///
    /// # Safety
    /// Loading runs the files' initialisers, and everything built on them trusts them. Both must be an OpenSSL or
    /// LibreSSL that the program trusts, now and whenever this loader loads again (as `reload` does).
    #[must_use]
    pub unsafe fn files(mut self, libssl: impl Into<PathBuf>, libcrypto: impl Into<PathBuf>) -> Self {
        self.choice = Choice::Files { libssl: as_file(libssl.into()), libcrypto: as_file(libcrypto.into()) };
        self
    }

    /// Takes the pair in this directory, or in its `lib64` or `lib` (a prefix that OpenSSL was installed under).
    ///
    /// # Safety
    /// As for [`files`](Self::files), for whatever pair lies there.
    #[must_use]
    pub unsafe fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.choice = Choice::Directory(directory.into());
        self
    }

    /// Takes only what this process holds already: opened by another component, linked to the program, or part of it.
    #[must_use]
    pub fn already_loaded(mut self) -> Self {
        self.choice = Choice::AlreadyLoaded;
        self
    }

    /// Whether the default search looks at `DLSSL_DIR`, `DLSSL_LIBSSL` and `DLSSL_LIBCRYPTO`; it does unless told not to.
    ///
    /// A process that runs set-user-id never looks.
    #[must_use]
    pub fn environment(mut self, look: bool) -> Self {
        self.environment = look;
        self
    }

    /// Chooses the configuration file that the library reads when it is initialised. Unless told otherwise its own; a
    /// private copy (see [`Isolation`]) reads none.
    ///
    /// Of no effect on a library that this process has initialised before.
    #[must_use]
    pub fn configuration(mut self, configuration: Configuration) -> Self {
        self.configuration = Some(configuration);
        self
    }

    /// Whether the pair may be a private copy: see [`Isolation`]. `Auto` unless told otherwise.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// Whether to map a private copy of its own even where the same content is mapped already. Its state (random
    /// generators, caches, counters) is then shared with nothing. Copies are never unmapped, and their number is bounded:
    /// see [`LoadFailure::TooManyCopies`]. [`LoadFailure::Isolation`] on platforms without private copies.
    #[must_use]
    pub fn fresh_copy(mut self, fresh: bool) -> Self {
        self.fresh = fresh;
        self
    }

    /// Loads. Each call makes a new generation, even where the files are mapped already. One load at a time; a `fork` in
    /// another thread waits until it is done.
    ///
    /// # Errors
    /// [`LoadError`] with the failure and the record of everything that was tried: the failure of the one choice,
    /// or of the first candidate that was there and could not be used, or [`LoadFailure::NotFound`].
    pub fn load(&self) -> Result<Library, LoadError> {
        self.load_held(&fork::hold())
    }

    /// Loads, for whoever holds loads already.
    pub(crate) fn load_held(&self, hold: &Hold) -> Result<Library, LoadError> {
        self.load_with(&System, &Surroundings::real(), hold)
    }

    fn load_with(
        &self,
        opener: &dyn Opener,
        surroundings: &Surroundings<'_>,
        hold: &Hold,
    ) -> Result<Library, LoadError> {
        let mut explanation = Explanation::default();
        let plan = Plan {
            opener,
            // A copy of what the process holds would be another library.
            isolation: if matches!(self.choice, Choice::AlreadyLoaded) { Isolation::Never } else { self.isolation },
            fresh: self.fresh,
            configuration: self.configuration.as_ref(),
            hold,
        };
        let outcome = self.agrees().and_then(|()| search::search(self, &plan, surroundings, &mut explanation));
        match outcome {
            Ok((parts, taken)) => {
                explanation.taken = Some(taken);
                Ok(Library::new(parts, explanation))
            }
            Err(failure) => {
                explanation.failure = Some(Failure::of(&failure));
                Err(LoadError::new(failure, explanation))
            }
        }
    }

    /// Refuses choices that exclude each other.
    fn agrees(&self) -> Result<(), LoadFailure> {
        let private = self.fresh || self.isolation == Isolation::Always;
        if self.fresh && self.isolation == Isolation::Never {
            return Err(LoadFailure::Contradiction(
                "a fresh copy is a private one, and Isolation::Never forbids those".into(),
            ));
        }
        if private && matches!(self.choice, Choice::AlreadyLoaded) {
            return Err(LoadFailure::Contradiction(
                "what the process holds already cannot be taken as a private copy; name its files".into(),
            ));
        }
        Ok(())
    }
}

/// A file that was named is that file: a name without a folder is one in the working directory, and not what the dynamic
/// linker finds by that name.
fn as_file(path: PathBuf) -> PathBuf {
    if path.components().count() == 1 { Path::new(".").join(path) } else { path }
}

/// Files that this process has mapped.
#[cfg(test)]
pub(crate) fn mapped_objects() -> Vec<PathBuf> {
    mapped::objects().into_iter().map(|object| object.path().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::ffi::OsString;

    use super::candidates::Platform;
    use super::source::fake::{FakeImage, FakeOpener};
    use super::*;

    /// Among the made-up variables: the process runs set-user-id.
    const SET_USER_ID: &str = "set-user-id";

    /// Loads with a made-up linker, environment and file system.
    fn load(
        loader: &Loader,
        opener: &FakeOpener,
        environment: &[(&str, &str)],
        folders: &[(&str, &[&str])],
    ) -> Result<Library, LoadError> {
        let environment: HashMap<String, OsString> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
        let folders: HashMap<PathBuf, Vec<String>> = folders
            .iter()
            .map(|(folder, files)| (PathBuf::from(folder), files.iter().map(|file| (*file).to_owned()).collect()))
            .collect();
        let surroundings = Surroundings {
            platform: Platform::Linux,
            variable: &|name| environment.get(name).cloned(),
            trusted: !environment.contains_key(SET_USER_ID),
            list: &|folder| folders.get(folder).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into()),
        };
        loader.load_with(opener, &surroundings, &fork::hold())
    }

    fn failure(
        loader: &Loader,
        opener: &FakeOpener,
        environment: &[(&str, &str)],
        folders: &[(&str, &[&str])],
    ) -> LoadError {
        load(loader, opener, environment, folders).unwrap_err()
    }

    #[test]
    fn nothing_anywhere_names_every_candidate_and_says_what_to_do() {
        let error = failure(&Loader::new(), &FakeOpener::default(), &[], &[]);
        assert_eq!(error.code(), "not-found");
        assert!(error.to_string().contains("DLSSL_DIR"), "{error}");
        let text = error.explanation().to_string();
        for name in ["libssl.so.4", "libssl.so.3", "libssl.so.1.1", "libssl.so.48"] {
            assert!(text.contains(name), "{name} in {text}");
        }
        assert!(error.explanation().to_json().contains("cannot open shared object file"));
    }

    #[test]
    fn a_broken_environment_is_an_error_that_names_it_and_never_falls_back() {
        let mut opener = FakeOpener::default();
        opener.images.insert("libcrypto.so.3".into(), FakeImage::default());
        let error = failure(&Loader::new(), &opener, &[("DLSSL_DIR", "/nowhere")], &[]);
        assert_eq!(error.code(), "environment");
        assert!(error.to_string().starts_with("DLSSL_DIR=/nowhere does not work"), "{error}");
        let ignoring = failure(&Loader::new().environment(false), &opener, &[("DLSSL_DIR", "/nowhere")], &[]);
        assert_ne!(ignoring.code(), "environment");
    }

    #[test]
    fn a_set_user_id_process_ignores_the_environment_and_says_so() {
        let error = failure(&Loader::new(), &FakeOpener::default(), &[("DLSSL_DIR", "/d"), (SET_USER_ID, "")], &[]);
        assert_eq!(error.code(), "not-found");
        let choice = &error.explanation().choice;
        assert_eq!(choice, "DLSSL_DIR is ignored, since this process runs set-user-id; the default search");
    }

    #[test]
    fn contradicting_variables_are_an_error() {
        let both = failure(&Loader::new(), &FakeOpener::default(), &[("DLSSL_DIR", "/d"), ("DLSSL_LIBSSL", "/x")], &[]);
        assert_eq!(both.code(), "contradiction");
        let half = failure(&Loader::new(), &FakeOpener::default(), &[("DLSSL_LIBCRYPTO", "/x")], &[]);
        assert!(half.to_string().contains("DLSSL_LIBSSL"), "{half}");
    }

    #[test]
    fn libssl_alone_takes_libcrypto_from_beside_it() {
        let files: &[(&str, &[&str])] = &[("/d", &["libssl.so.3", "libcrypto.so.3"])];
        let error = failure(&Loader::new(), &FakeOpener::default(), &[("DLSSL_LIBSSL", "/d/libssl.so.3")], files);
        assert_eq!(error.explanation().attempts[0].libcrypto, "/d/libcrypto.so.3");
    }

    #[test]
    fn libssl_that_is_not_there_is_what_is_missed_and_not_its_libcrypto() {
        for (file, missed) in [("/d/libssl.so", "cannot read /d/libssl.so"), ("/d/libssl.so.3", "no libcrypto beside")]
        {
            let environment = [("DLSSL_LIBSSL", file)];
            let error = failure(&Loader::new(), &FakeOpener::default(), &environment, &[("/d", &["libssl.so.3"])]);
            assert!(error.to_string().contains(missed), "{error}");
        }
    }

    #[test]
    fn a_named_file_is_that_file_and_not_what_the_linker_finds_by_the_name() {
        let mut opener = FakeOpener::default();
        opener.images.insert("libcrypto.so.3".into(), FakeImage::default());
        // SAFETY: a made-up linker opens nothing.
        let loader = unsafe { Loader::new().files("libssl.so.3", "libcrypto.so.3") };
        let error = failure(&loader, &opener, &[], &[]);
        assert_eq!(error.explanation().attempts[0].libcrypto, "./libcrypto.so.3");
        let error = failure(
            &Loader::new(),
            &opener,
            &[("DLSSL_LIBSSL", "libssl.so.3")],
            &[(".", &["libssl.so.3", "libcrypto.so.3"])],
        );
        assert_eq!(error.explanation().attempts[0].libssl, "./libssl.so.3");
    }

    #[test]
    fn a_prefix_serves_as_a_directory() {
        let files: &[(&str, &[&str])] =
            &[("/opt/o", &["bin", "lib64"]), ("/opt/o/lib64", &["libssl.so.3", "libcrypto.so.3"])];
        let error = failure(&Loader::new(), &FakeOpener::default(), &[("DLSSL_DIR", "/opt/o")], files);
        assert_eq!(error.explanation().attempts[0].libssl, "/opt/o/lib64/libssl.so.3");
    }

    #[test]
    fn a_missing_dependency_is_told_from_a_missing_library() {
        let mut opener = FakeOpener::default();
        opener.refusals.insert(
            "/d/libcrypto.so.3".into(),
            "libz-a147.so.1: cannot open shared object file: No such file or directory".into(),
        );
        // SAFETY: a made-up linker opens nothing.
        let loader = unsafe { Loader::new().files("/d/libssl.so.3", "/d/libcrypto.so.3") };
        let error = failure(&loader, &opener, &[], &[]);
        assert_eq!(error.code(), "missing-dependency");
        assert!(error.to_string().contains("libz-a147.so.1") && error.to_string().contains("LD_LIBRARY_PATH"));
    }

    #[test]
    fn libssl_that_wants_another_libcrypto_is_a_mismatch() {
        let mut opener = FakeOpener::default();
        opener.images.insert("/d/c".into(), FakeImage::default());
        opener.refusals.insert("/d/s".into(), "/d/c: version `OPENSSL_3.5.0' not found (required by /d/s)".into());
        // SAFETY: a made-up linker opens nothing.
        let loader = unsafe { Loader::new().files("/d/s", "/d/c") };
        assert_eq!(failure(&loader, &opener, &[], &[]).code(), "mismatched-pair");
    }

    #[test]
    fn libcrypto_without_libssl_is_half_a_pair() {
        let mut opener = FakeOpener::default();
        opener.images.insert("libcrypto.so.3".into(), FakeImage::default());
        let error = failure(&Loader::new(), &opener, &[], &[]);
        assert_eq!(error.code(), "incomplete");
        assert!(error.to_string().contains("libssl.so.3"), "{error}");
    }
}
