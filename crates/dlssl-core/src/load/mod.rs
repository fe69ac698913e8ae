//! From a choice to a checked library. Each step is a module and leaves a line in the explanation.

mod candidates;
mod environment;
mod identify;
mod init;
mod inspect;
mod mapped;
mod open;
mod pair;
mod resolve;
mod source;

use std::path::{Path, PathBuf};

pub use environment::environment_is_trusted;
pub use init::Configuration;
pub(crate) use mapped::replaced_on_disk;
pub(crate) use source::Image;

use crate::error::{LoadError, LoadFailure};
use crate::explanation::{Attempt, Explanation, Failure, Taken};
use crate::ffi::Half;
use crate::library::{Library, Parts};
use candidates::Candidate;
use environment::{Surroundings, from_environment, in_directory};
use open::{Opened, open};
use source::{Opener, System};

/// Chooses a libssl and a libcrypto, opens them, proves that they belong together and initialises them.
///
/// Without a choice it looks at the environment (`DLSSL_DIR`, or `DLSSL_LIBSSL` and `DLSSL_LIBCRYPTO`), then at the
/// platform's names, newest version first. A choice that does not work is an error, never a silent fall-back.
///
/// # Examples
/// ```no_run
/// let library = dlssl_core::Loader::new().load()?;
/// println!("{}", library.explain());
/// # Ok::<(), dlssl_core::LoadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Loader {
    choice: Choice,
    environment: bool,
    configuration: Configuration,
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
    pub fn new() -> Self {
        Self { choice: Choice::Default, environment: true, configuration: Configuration::Library }
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

    /// Chooses the configuration file that the library reads when it is initialised.
    ///
    /// Of no effect on a library that this process has initialised before.
    #[must_use]
    pub fn configuration(mut self, configuration: Configuration) -> Self {
        self.configuration = configuration;
        self
    }

    /// Loads. Each call makes a new generation, even where the files are mapped already.
    ///
    /// # Errors
    /// [`LoadError`] with the failure and the record of everything that was tried: the failure of the one choice,
    /// or of the first candidate that was there and could not be used, or [`LoadFailure::NotFound`].
    pub fn load(&self) -> Result<Library, LoadError> {
        self.load_with(&System, &Surroundings::real())
    }

    fn load_with(&self, opener: &dyn Opener, surroundings: &Surroundings<'_>) -> Result<Library, LoadError> {
        let mut explanation = Explanation::default();
        let outcome = self.search(opener, surroundings, &mut explanation);
        match outcome {
            Ok((parts, taken)) => {
                explanation.taken = Some(taken);
                Ok(Library::new(parts, explanation))
            }
            Err(failure) => {
                explanation.failure = Some(note(&failure));
                Err(LoadError::new(failure, explanation))
            }
        }
    }

    fn search(
        &self,
        opener: &dyn Opener,
        surroundings: &Surroundings<'_>,
        explanation: &mut Explanation,
    ) -> Result<(Parts, Taken), LoadFailure> {
        let platform = surroundings.platform;
        let list = |folder: &Path| (surroundings.list)(folder);
        match &self.choice {
            Choice::Files { libssl, libcrypto } => {
                explanation.choice = format!("the files {} and {}", libssl.display(), libcrypto.display());
                let candidate =
                    Candidate { origin: "named by the program", libssl: libssl.clone(), libcrypto: libcrypto.clone() };
                self.first_that_works(opener, &[candidate], explanation)
            }
            Choice::Directory(directory) => {
                explanation.choice = format!("the directory {}", directory.display());
                let found = in_directory(platform, "directory named by the program", directory, list)?;
                self.first_that_works(opener, &found, explanation)
            }
            Choice::AlreadyLoaded => {
                explanation.choice = "what this process holds already".into();
                self.already_held(opener, explanation)
            }
            Choice::Default => {
                if self.environment
                    && let Some(found) = from_environment(surroundings, explanation)
                {
                    let asked = found?;
                    return asked
                        .candidates
                        .as_ref()
                        .map_err(Clone::clone)
                        .and_then(|candidates| self.first_that_works(opener, candidates, explanation))
                        .map_err(|cause| asked.blame(cause));
                }
                explanation.choice = "the default search".into();
                self.first_that_works(opener, &candidates::platform(platform), explanation)
            }
        }
    }

    /// Tries each candidate in order.
    fn first_that_works(
        &self,
        opener: &dyn Opener,
        candidates: &[Candidate],
        explanation: &mut Explanation,
    ) -> Result<(Parts, Taken), LoadFailure> {
        let mut telling: Option<LoadFailure> = None;
        for candidate in candidates {
            let mut attempt = Attempt {
                origin: candidate.origin.to_owned(),
                libcrypto: candidate.libcrypto.display().to_string(),
                libssl: candidate.libssl.display().to_string(),
                steps: Vec::new(),
                failure: None,
            };
            let result =
                open(opener, candidate, &mut attempt).and_then(|opened| self.check(&opened, opener, &mut attempt));
            match result {
                Ok(done) => {
                    explanation.attempts.push(attempt);
                    return Ok(done);
                }
                Err(failure) => {
                    attempt.failure = Some(note(&failure));
                    explanation.attempts.push(attempt);
                    // What was there and could not be used tells more than what was not there.
                    if telling.is_none() && (candidates.len() == 1 || !failure.is_absence()) {
                        telling = Some(failure);
                    }
                }
            }
        }
        Err(telling.unwrap_or(LoadFailure::NotFound { tried: candidates.len() }))
    }

    /// Tries every pair of mapped objects that are named like the two halves, then the program itself.
    fn already_held(&self, opener: &dyn Opener, explanation: &mut Explanation) -> Result<(Parts, Taken), LoadFailure> {
        let mapped = mapped::objects();
        let named = |half: Half| -> Vec<PathBuf> {
            let is_named = |path: &&PathBuf| {
                path.file_name().and_then(|name| name.to_str()).is_some_and(|name| candidates::is_half(name, half))
            };
            mapped.iter().map(|object| &object.path).filter(is_named).cloned().collect()
        };
        let origin = "held by this process";
        let mut found = Vec::new();
        for libssl in named(Half::Ssl) {
            for libcrypto in named(Half::Crypto) {
                found.push(Candidate { origin, libssl: libssl.clone(), libcrypto });
            }
        }
        let outcome = self.first_that_works(opener, &found, explanation);
        let Err(failure) = outcome else { return outcome };
        // Linked into the program, whose own exports are what others see.
        let Some(process) = opener.process() else { return Err(failure) };
        if identify::mark(&*process, &identify::MARKS_OF_LIBSSL).is_none() {
            return Err(failure);
        }
        let mut attempt = Attempt {
            origin: origin.to_owned(),
            libcrypto: "the program itself".into(),
            libssl: "the program itself".into(),
            steps: Vec::new(),
            failure: None,
        };
        let opened = Opened {
            crypto: process.clone(),
            ssl: process,
            libssl: "the program itself".into(),
            libcrypto: "the program itself".into(),
            held_before: true,
        };
        let result = self.check(&opened, opener, &mut attempt);
        attempt.failure = result.as_ref().err().map(note);
        explanation.attempts.push(attempt);
        result
    }

    /// Proof by addresses, identity, table, initialisation, proof by error: in this order, each only after the last.
    fn check(
        &self,
        opened: &Opened,
        opener: &dyn Opener,
        attempt: &mut Attempt,
    ) -> Result<(Parts, Taken), LoadFailure> {
        let process = opener.process();
        let places = pair::prove_by_address(&pair::Pair {
            ssl: &*opened.ssl,
            crypto: &*opened.crypto,
            libssl: &opened.libssl,
            libcrypto: &opened.libcrypto,
            held_before: opened.held_before,
            process: process.as_deref(),
        })?;
        attempt.step("pair, by addresses", &places.proof);
        let identity = identify::identify(&*opened.crypto, &places.libcrypto)?;
        attempt.step("identify", &identity.text);
        attempt.step("pair, by version", pair::prove_by_version(&places, &identity)?);
        let resolved = resolve::resolve(&*opened.ssl, &*opened.crypto, &identity, &places.libssl)?;
        attempt.step(
            "resolve",
            format!("{} functions listed, none of the required ones missing", crate::ffi::specs().count()),
        );
        init::initialise(&resolved.functions, &identity, &self.configuration)?;
        attempt.step("initialise", format!("configuration file: {}", words(&self.configuration)));
        pair::prove_by_error(&resolved.functions, &places)?;
        attempt.step("pair, by error", "an error raised in libssl reached this libcrypto's queue");

        let mut notes = Vec::new();
        if identity.version.major > identity.flavour.newest_known_major() {
            notes.push(format!(
                "{} {} is newer than any version this release was checked with ({0} {})",
                identity.flavour,
                identity.version,
                identity.flavour.newest_known_major()
            ));
        }
        if places.libssl.parent() != places.libcrypto.parent() {
            notes
                .push("libssl and libcrypto lie in different directories; see to it that they are of one build".into());
        }
        for (path, inside) in [(&places.libssl, places.inside_libssl), (&places.libcrypto, places.inside_libcrypto)] {
            if opened.held_before && replaced_on_disk(path, inside) == Some(true) {
                notes.push(format!("{} was replaced on disk; this process still has the old file", path.display()));
            }
        }
        if opened.held_before {
            notes.push("this process held the library before; it is shared with whoever loaded it".into());
        }
        let taken = Taken {
            flavour: identity.flavour,
            version: identity.version,
            version_text: identity.text.clone(),
            libssl: places.libssl.clone(),
            libcrypto: places.libcrypto.clone(),
            generation: 0, // given by `Library::new`
            unexpectedly_absent: resolved.unexpectedly_absent,
            notes,
        };
        let parts = Parts {
            functions: resolved.functions,
            flavour: identity.flavour,
            version: identity.version,
            text: identity.text,
            libssl: places.libssl,
            libcrypto: places.libcrypto,
            inside_libssl: places.inside_libssl,
            inside_libcrypto: places.inside_libcrypto,
            ssl: opened.ssl.clone(),
            crypto: opened.crypto.clone(),
        };
        Ok((parts, taken))
    }
}

/// A file that was named is that file: a name without a folder is one in the working directory, and not what the dynamic
/// linker finds by that name.
fn as_file(path: PathBuf) -> PathBuf {
    if path.components().count() == 1 { Path::new(".").join(path) } else { path }
}

fn note(failure: &LoadFailure) -> Failure {
    Failure { code: failure.code(), message: failure.to_string() }
}

fn words(configuration: &Configuration) -> String {
    match configuration {
        Configuration::Library => "the library's own".into(),
        Configuration::None => "none".into(),
        Configuration::File(file) => file.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::ffi::OsString;

    use super::candidates::Platform;
    use super::source::fake::{FakeImage, FakeOpener};
    use super::*;

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
            list: &|folder| folders.get(folder).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into()),
        };
        loader.load_with(opener, &surroundings)
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
