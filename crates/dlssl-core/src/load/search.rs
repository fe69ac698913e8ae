//! From a choice to candidates, and through them in order.

use std::path::{Path, PathBuf};

use super::attempt::Plan;
use super::candidates::{self, Candidate};
use super::environment::{Surroundings, from_environment, in_directory};
use super::open::Opened;
use super::{Choice, Loader, identify, mapped};
use crate::error::LoadFailure;
use crate::explanation::{Attempt, Explanation, Failure, Taken};
use crate::ffi::Half;
use crate::fork;
use crate::library::Parts;

/// Looks for what `loader` asks for.
pub(super) fn search(
    loader: &Loader,
    plan: &Plan<'_>,
    surroundings: &Surroundings<'_>,
    explanation: &mut Explanation,
) -> Result<(Parts, Taken), LoadFailure> {
    let platform = surroundings.platform;
    let list = |folder: &Path| (surroundings.list)(folder);
    match &loader.choice {
        Choice::Files { libssl, libcrypto } => {
            explanation.choice = format!("the files {} and {}", libssl.display(), libcrypto.display());
            let candidate =
                Candidate { origin: "named by the program", libssl: libssl.clone(), libcrypto: libcrypto.clone() };
            first_that_works(plan, &[candidate], explanation)
        }
        Choice::Directory(directory) => {
            explanation.choice = format!("the directory {}", directory.display());
            let found = in_directory(platform, "directory named by the program", directory, list)?;
            first_that_works(plan, &found, explanation)
        }
        Choice::AlreadyLoaded => {
            explanation.choice = "what this process holds already".into();
            already_held(plan, explanation)
        }
        Choice::Default => {
            if loader.environment
                && let Some(found) = from_environment(surroundings, explanation)
            {
                let asked = found?;
                return asked
                    .candidates
                    .as_ref()
                    .map_err(Clone::clone)
                    .and_then(|candidates| first_that_works(plan, candidates, explanation))
                    .map_err(|cause| asked.blame(cause));
            }
            explanation.choice += "the default search";
            first_that_works(plan, &candidates::platform(platform), explanation)
        }
    }
}

/// Tries each candidate in order.
fn first_that_works(
    plan: &Plan<'_>,
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
        match plan.attempt(candidate, &mut attempt) {
            Ok(done) => {
                explanation.attempts.push(attempt);
                return Ok(done);
            }
            Err(failure) => {
                attempt.failure = Some(Failure::of(&failure));
                explanation.attempts.push(attempt);
                // The file names it for every candidate.
                if matches!(failure, LoadFailure::ForeignModule { .. }) {
                    return Err(failure);
                }
                // What was there and could not be used tells more than what was not there.
                if telling.is_none() && (candidates.len() == 1 || !failure.is_absence()) {
                    telling = Some(failure);
                }
            }
        }
    }
    Err(telling.unwrap_or(LoadFailure::NotFound { tried: candidates.len() }))
}

/// How a program is named that has both halves in itself.
const PROGRAM: &str = "the program itself";

/// Tries every pair of mapped objects that are named like the two halves, then the program itself.
fn already_held(plan: &Plan<'_>, explanation: &mut Explanation) -> Result<(Parts, Taken), LoadFailure> {
    let mapped = mapped::objects();
    let named = |half: Half| -> Vec<PathBuf> {
        let is_named = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| candidates::is_half(name, half))
        };
        mapped.iter().map(|object| object.path().into_owned()).filter(is_named).collect()
    };
    let origin = "held by this process";
    let mut found = Vec::new();
    for libssl in named(Half::Ssl) {
        for libcrypto in named(Half::Crypto) {
            found.push(Candidate { origin, libssl: libssl.clone(), libcrypto });
        }
    }
    let outcome = first_that_works(plan, &found, explanation);
    let Err(failure) = outcome else { return outcome };
    // Linked into the program, whose own exports are what others see.
    let Some(process) = plan.opener.process() else { return Err(failure) };
    if identify::mark(&*process, &identify::MARKS_OF_LIBSSL).is_none() {
        return Err(failure);
    }
    if fork::is_child() {
        return Err(LoadFailure::Inherited { path: PROGRAM.into() });
    }
    let mut attempt = Attempt {
        origin: origin.to_owned(),
        libcrypto: PROGRAM.into(),
        libssl: PROGRAM.into(),
        steps: Vec::new(),
        failure: None,
    };
    let opened = Opened {
        crypto: process.clone(),
        ssl: process,
        libssl: PROGRAM.into(),
        libcrypto: PROGRAM.into(),
        held_before: true,
        files: [None, None],
    };
    let result = plan.held(opened, &mut attempt);
    attempt.failure = result.as_ref().err().map(Failure::of);
    explanation.attempts.push(attempt);
    result
}
