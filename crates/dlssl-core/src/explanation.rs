//! The record of a load: what was tried, what was taken and why, as text and as JSON.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::LoadFailure;
use crate::version::{Flavour, Version};

/// Record of one load, successful or not.
///
/// `Display` gives readable text, [`to_json`](Self::to_json) one JSON object whose keys stay.
///
/// # Examples
/// ```
/// use dlssl_core::{Attempt, Explanation};
///
/// let library = dlssl_core::current()?;
/// let explanation: &Explanation = library.explain();
/// println!("{explanation}");
/// println!("{}", explanation.to_json());
/// for Attempt { origin, libssl, libcrypto, steps, failure, .. } in &explanation.attempts {
///     println!("{origin}: {libssl}, {libcrypto}, {} steps, {}", steps.len(), failure.is_none());
/// }
/// let taken = explanation.taken.as_ref().ok_or("none was taken")?;
/// println!("{} {} as generation {}", taken.flavour, taken.version, taken.generation);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Serialize)]
pub struct Explanation {
    /// What the program and its operator asked for.
    pub choice: String,
    /// Every candidate, in the order tried.
    pub attempts: Vec<Attempt>,
    /// The library that was taken.
    pub taken: Option<Taken>,
    /// Why none was taken.
    pub failure: Option<Failure>,
}

/// One candidate pair.
///
/// # Examples
/// ```
/// let nowhere = std::env::temp_dir().join("no such folder");
/// // SAFETY: there is nothing there.
/// let error = unsafe { dlssl_core::Loader::new().directory(nowhere) }.load().unwrap_err();
/// for attempt in &error.explanation().attempts {
///     let dlssl_core::Attempt { origin, steps, failure, .. } = attempt;
///     println!("{origin}: {} steps, {failure:?}", steps.len());
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// Where the names came from, such as `platform default` or `DLSSL_DIR`.
    pub origin: String,
    /// Name that libcrypto was looked up by.
    pub libcrypto: String,
    /// Name that libssl was looked up by.
    pub libssl: String,
    /// What happened, step by step.
    pub steps: Vec<Step>,
    /// Why it was refused; absent for the one that was taken.
    pub failure: Option<Failure>,
}

/// One step of an attempt.
///
/// # Examples
/// ```
/// let library = dlssl_core::current()?;
/// for dlssl_core::Step { step, detail } in library.explain().attempts.iter().flat_map(|attempt| &attempt.steps) {
///     println!("{step}: {detail}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What was done.
    pub step: &'static str,
    /// What came of it.
    pub detail: String,
}

/// Why something was refused.
///
/// # Examples
/// ```
/// // SAFETY: the file is no library.
/// let error = unsafe { dlssl_core::Loader::new().files("/dev/null", "/dev/null") }.load().unwrap_err();
/// let failure: &dlssl_core::Failure = error.explanation().failure.as_ref().expect("it failed");
/// assert_eq!(failure.code, error.code());
/// println!("{}", failure.message);
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Stable word: see [`LoadFailure::code`](crate::LoadFailure::code).
    pub code: &'static str,
    /// Sentence for people.
    pub message: String,
}

impl Failure {
    pub(crate) fn of(failure: &LoadFailure) -> Self {
        Self { code: failure.code(), message: failure.to_string() }
    }
}

/// The library that was taken.
///
/// # Examples
/// ```
/// let library = dlssl_core::current()?;
/// let taken: &dlssl_core::Taken = library.explain().taken.as_ref().ok_or("none was taken")?;
/// println!("{} from {} and {}", taken.version_text, taken.libssl.display(), taken.libcrypto.display());
/// println!("{:?} {:?} {:?}", taken.private_copy, taken.unexpectedly_absent, taken.notes);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Taken {
    /// Flavour.
    pub flavour: Flavour,
    /// Version.
    pub version: Version,
    /// The library's own words.
    pub version_text: String,
    /// File that is mapped as libssl. In JSON, what of it is no Unicode is replaced.
    #[serde(serialize_with = "lossy")]
    pub libssl: PathBuf,
    /// File that is mapped as libcrypto.
    #[serde(serialize_with = "lossy")]
    pub libcrypto: PathBuf,
    /// Number of the generation.
    pub generation: u64,
    /// Why it is a private copy of these files; absent when the files are mapped as they are.
    pub private_copy: Option<String>,
    /// Optional functions that this version should have and does not.
    pub unexpectedly_absent: Vec<&'static str>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Any path: the whole explanation would be lost for one name in Latin-1.
fn lossy<S: serde::Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&path.to_string_lossy())
}

impl Explanation {
    /// One JSON object on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Plain data with text keys always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Attempt {
    /// Notes one step.
    pub(crate) fn step(&mut self, step: &'static str, detail: impl Into<String>) {
        self.steps.push(Step { step, detail: detail.into() });
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "asked for: {}", self.choice)?;
        for attempt in &self.attempts {
            let verdict = match &attempt.failure {
                None => "taken",
                Some(failure) => failure.code,
            };
            writeln!(f, "tried {} + {} ({}): {verdict}", attempt.libssl, attempt.libcrypto, attempt.origin)?;
            // A name that is simply not there needs no more than the one line.
            if attempt.failure.as_ref().is_some_and(|failure| failure.code == "not-found") {
                continue;
            }
            for step in &attempt.steps {
                writeln!(f, "    {}: {}", step.step, step.detail)?;
            }
            if let Some(failure) = &attempt.failure {
                writeln!(f, "    refused: {}", failure.message)?;
            }
        }
        if let Some(taken) = &self.taken {
            writeln!(f, "taken: {} (generation {})", taken.version_text, taken.generation)?;
            writeln!(f, "    libssl:    {}", taken.libssl.display())?;
            writeln!(f, "    libcrypto: {}", taken.libcrypto.display())?;
            if let Some(why) = &taken.private_copy {
                writeln!(f, "    private copy, because {why}")?;
            }
            for note in &taken.notes {
                writeln!(f, "    note: {note}")?;
            }
            if !taken.unexpectedly_absent.is_empty() {
                writeln!(f, "    built without: {}", taken.unexpectedly_absent.join(", "))?;
            }
        }
        if let Some(failure) = &self.failure {
            writeln!(f, "failed: {}", failure.message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Explanation {
        let mut attempt = Attempt {
            origin: "platform default".into(),
            libcrypto: "libcrypto.so.9".into(),
            libssl: "libssl.so.9".into(),
            steps: Vec::new(),
            failure: None,
        };
        attempt.step("open libcrypto", "no such \"file\"");
        attempt.failure = Some(Failure { code: "unopenable", message: "refused by the linker".into() });
        Explanation {
            choice: "the default search".into(),
            attempts: vec![attempt],
            taken: None,
            failure: Some(Failure { code: "not-found", message: "nothing".into() }),
        }
    }

    #[test]
    fn text_names_each_candidate_its_origin_and_the_systems_words() {
        let text = sample().to_string();
        for part in
            ["libssl.so.9", "libcrypto.so.9", "platform default", "no such \"file\"", "refused", "failed: nothing"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn json_reads_back() {
        let value: serde_json::Value = serde_json::from_str(&sample().to_json()).unwrap();
        assert_eq!(value["attempts"][0]["steps"][0]["detail"], "no such \"file\"");
        assert_eq!(value["failure"]["code"], "not-found");
        assert!(value["taken"].is_null());
    }
}
