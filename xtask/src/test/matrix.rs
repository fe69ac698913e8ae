//! Which libraries the integration tests run on, and what is checked of each without running a test.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::place::{Build, Place};
use super::summary::{Outcome, SkipReport};
use crate::args::TestOptions;
use crate::libs::{self, Located, Plan, Recipe, Row};
use crate::{Fallible, headers, workspace};

/// A build that is there.
struct Ready {
    row: &'static Row,
    located: Located,
    identity: libs::Identity,
}

/// The builds of one run.
pub(crate) struct Matrix {
    ready: Vec<Ready>,
    /// Rows that are not there: skipped, or failed where nothing may be missing.
    pub(crate) absent: Vec<Outcome>,
}

impl Matrix {
    /// Makes what is missing of the rows that the options ask for.
    pub(crate) fn gather(options: &TestOptions, strict: bool) -> Fallible<Matrix> {
        let mut matrix = Matrix { ready: Vec::new(), absent: Vec::new() };
        for (row, outcome) in libs::ensure(&rows(options)?)? {
            match outcome {
                libs::Outcome::Ready(identity) => {
                    if let Some(located) = libs::locate(row.name)? {
                        matrix.ready.push(Ready { row, located, identity });
                    }
                }
                libs::Outcome::Unavailable(reason) => matrix.absent.push(absent(row, reason, strict)),
                libs::Outcome::Failed(reason) => matrix.absent.push(absent(row, reason, true)),
            }
        }
        Ok(matrix)
    }

    /// The lists of functions and constants against the headers and exports of each build.
    pub(crate) fn headers(&self) -> Fallible<Vec<Outcome>> {
        self.ready.iter().map(Ready::headers).collect()
    }

    /// Where the integration tests run.
    pub(crate) fn places(&self) -> Vec<Place> {
        self.ready.iter().map(|ready| Place::Build(self.build(ready))).collect()
    }

    fn build(&self, ready: &Ready) -> Build {
        let other = self.ready.iter().find(|other| other.is_sibling(ready));
        Build {
            name: ready.row.name,
            lib_dir: ready.located.lib_dir.clone(),
            other: other.and_then(|other| other.located.lib_dir.clone()),
            environment: ready.located.environment.clone(),
        }
    }

    /// Every build in the form that the test of all pairs takes: name, folder and `LD_LIBRARY_PATH`, a line each.
    pub(crate) fn list(&self) -> String {
        let mut list = String::new();
        for ready in &self.ready {
            let folder = ready.located.lib_dir.as_deref().map(|folder| folder.display().to_string());
            let path = ready.located.environment.iter().find(|(name, _)| *name == "LD_LIBRARY_PATH");
            let path = path.map(|(_, value)| value.display().to_string());
            let _ = writeln!(list, "{}\t{}\t{}", ready.row.name, folder.unwrap_or_default(), path.unwrap_or_default());
        }
        list
    }
}

/// Rows that the options ask for.
fn rows(options: &TestOptions) -> Fallible<Vec<&'static Row>> {
    if options.system || !options.lib_dir.is_empty() {
        return Ok(libs::catalogue().iter().filter(|row| row.recipe == Recipe::System).collect());
    }
    if !options.lib.is_empty() {
        return options.lib.iter().map(|name| libs::find(name)).collect();
    }
    Ok(libs::catalogue().iter().filter(|row| options.nightly || row.plan == Plan::Ordinary).collect())
}

impl Ready {
    /// Whether this is another build of the same SONAME: the two can be mixed up.
    fn is_sibling(&self, of: &Ready) -> bool {
        let soname = |ready: &Ready| {
            let version = dlssl_core::Version::parse(ready.identity.text.split(' ').nth(1)?)?;
            let minor = if version.major < 3 { version.minor } else { 0 };
            Some((ready.identity.text.split(' ').next()?.to_owned(), version.major, minor))
        };
        self.row.name != of.row.name && self.located.lib_dir.is_some() && soname(self) == soname(of)
    }

    fn headers(&self) -> Fallible<Outcome> {
        let start = Instant::now();
        let build = headers::Build::of(&self.identity.text, &self.identity.libssl, &self.identity.libcrypto)
            .ok_or_else(|| format!("\"{}\" names no version", self.identity.text))?
            .with_headers(self.located.include_dir.as_deref());
        let complaints = headers::check(&build, workspace::root())?;
        Ok(Outcome {
            // One check, whatever the number of entries.
            passed: usize::from(complaints.is_empty()),
            failed: complaints.len(),
            failures: complaints,
            took: start.elapsed(),
            ..outcome(self.row, "headers and exports")
        })
    }
}

fn absent(row: &Row, reason: String, is_failure: bool) -> Outcome {
    let mut outcome = outcome(row, "library");
    if is_failure {
        outcome.failed = 1;
        outcome.fault = Some(reason);
    } else {
        outcome.skipped = 1;
        outcome.skips.push(SkipReport { test: row.name.to_owned(), reason: format!("unavailable: {reason}") });
    }
    outcome
}

fn outcome(row: &Row, suite: &str) -> Outcome {
    Outcome {
        pass: row.name.to_owned(),
        suite: suite.to_owned(),
        passed: 0,
        failed: 0,
        skipped: 0,
        failures: Vec::new(),
        skips: Vec::new(),
        fault: None,
        took: Duration::ZERO,
    }
}

/// `cargo xtask headers`: the check alone, on what is there.
pub(crate) fn headers_command() -> Fallible<bool> {
    let matrix = Matrix::gather(&TestOptions::default(), true)?;
    let outcomes = matrix.headers()?;
    for outcome in &outcomes {
        anstream::println!("{} [{}]", outcome.line(), outcome.pass);
        for complaint in &outcome.failures {
            anstream::println!("    {complaint}");
        }
    }
    Ok(outcomes.iter().chain(&matrix.absent).all(Outcome::is_good))
}
