//! `cargo xtask fuzz --guided`: the same targets, with inputs that libFuzzer makes from those that reached new code. They are
//! built with its counters at each branch, and with AddressSanitizer where that is to be had.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use super::{OF_THE_COMMAND, TESTS, TESTS_OF_THE_COMMAND};
use crate::nightly::step;
use crate::process::{self, End, Finished};
use crate::{Fallible, report, workspace};

/// `fuzzing` makes the tests hand their targets to libFuzzer; the rest is what it needs, and checks that a release leaves out.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions";

/// What became of the targets.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) good: Vec<Figures>,
    /// Names.
    pub(crate) bad: Vec<String>,
}

/// What libFuzzer says of a target.
#[derive(Debug, PartialEq)]
pub(crate) struct Figures {
    inputs: u64,
    /// *Features*, which are branches and how often they were taken: of the corpus and what earlier runs found, and at the end.
    from: u64,
    to: u64,
}

pub(crate) fn command(seconds: u32, keep: bool, targets: &[String]) -> Fallible<bool> {
    if let Some(reason) = missing()? {
        return Err(reason.into());
    }
    let outcome = run(seconds, keep, targets)?;
    anstream::println!("{outcome}");
    Ok(outcome.bad.is_empty())
}

/// Why it cannot be run here, if so, with the way to get what is missing.
pub(crate) fn missing() -> Fallible<Option<String>> {
    if !cfg!(target_os = "linux") {
        return Ok(Some("libFuzzer is used on Linux only".to_owned()));
    }
    let mut compiler = Command::new("c++");
    compiler.arg("--version");
    if !step::is_there(compiler) {
        return Ok(Some("no C++ compiler: apt-get install g++".to_owned()));
    }
    let fetched = step::is_there(cargo(&["fetch"])?);
    Ok((!fetched).then(|| "the crate libfuzzer-sys cannot be had: cargo fetch".to_owned()))
}

/// Fuzzes each target whose name contains one of `names`, or all.
pub(crate) fn run(seconds: u32, keep: bool, names: &[String]) -> Fallible<Outcome> {
    let chosen = |target: &String| names.is_empty() || names.iter().any(|name| target.contains(name));
    let mut outcome = Outcome::default();
    for target in targets()?.into_iter().filter(chosen) {
        let mut build = test(&target)?;
        build.arg("--no-run");
        step::run(build)?;

        let limit = Duration::from_secs(u64::from(seconds) * 2 + 120);
        let finished = process::run(alone(&target, seconds)?, limit, |_| ())?;
        let Some(figures) = well_ended(&finished) else {
            report::error(&format!("{target}: libFuzzer did not come to its end"));
            anstream::println!("{}", complaint(&finished.output));
            outcome.bad.push(target);
            continue;
        };
        anstream::println!("{target}: {figures}");
        outcome.good.push(figures);
        if keep {
            let mut keep = alone(&target, seconds)?;
            keep.env("DLSSL_FUZZ_KEEP", "1");
            step::run(keep)?;
        }
    }
    if outcome.good.is_empty() && outcome.bad.is_empty() {
        return Err("there is no such target; tests/corpus has a folder for each".into());
    }
    Ok(outcome)
}

/// The tests among which a target is.
fn test(target: &str) -> Fallible<Command> {
    let tests: &[&str] = if target == OF_THE_COMMAND { &TESTS_OF_THE_COMMAND } else { &TESTS };
    cargo(&[&["test", "--release"], tests].concat())
}

/// A target by itself: libFuzzer ends the process.
fn alone(target: &str, seconds: u32) -> Fallible<Command> {
    let mut test = test(target)?;
    test.args(["--", "--nocapture", "--test-threads=1", &format!("{target}_changed")]);
    // In the command, a test's name has its module's before it.
    if target != OF_THE_COMMAND {
        test.arg("--exact");
    }
    test.env("DLSSL_FUZZ_SECONDS", seconds.to_string());
    Ok(test)
}

/// Each has a corpus.
fn targets() -> Fallible<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(workspace::root().join("tests/corpus"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// A command of cargo with libFuzzer among the dependencies.
fn cargo(arguments: &[&str]) -> Fallible<Command> {
    let host = workspace::host()?;
    let mut cargo = workspace::cargo();
    // With a target named, the flags are not for macros and build scripts.
    cargo.args(arguments).args(["--locked", "--target", &host]);
    cargo.env("CARGO_TARGET_DIR", workspace::root().join("target/nightly/guided"));
    if workspace::has_sanitizer(&host)? {
        cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", format!("{FLAGS} -Zsanitizer=address"));
    } else {
        cargo.env("RUSTFLAGS", FLAGS);
    }
    Ok(cargo)
}

fn well_ended(finished: &Finished) -> Option<Figures> {
    match finished.end {
        End::Exited(status) if status.success() => figures(&finished.output),
        _ => None,
    }
}

/// The figures in libFuzzer's lines, which are there if it ran and came to its end.
fn figures(output: &str) -> Option<Figures> {
    let features = |line: &str| line.split_once(" ft: ")?.1.split(' ').next()?.parse().ok();
    let first = output.lines().find(|line| line.contains("\tINITED "))?;
    let last = output.lines().rfind(|line| line.contains("\tDONE "))?;
    let inputs = last.strip_prefix('#')?.split('\t').next()?.parse().ok()?;
    Some(Figures { inputs, from: features(first)?, to: features(last)? })
}

/// From where somebody complained on.
fn complaint(output: &str) -> &str {
    let at = ["panicked at", "ERROR: ", "error: "].iter().filter_map(|word| output.find(word)).min();
    &output[at.unwrap_or_default()..]
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} inputs, {} → {} features", self.inputs, self.from, self.to)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |part: fn(&Figures) -> u64| self.good.iter().map(part).sum();
        let sum = Figures { inputs: sum(|one| one.inputs), from: sum(|one| one.from), to: sum(|one| one.to) };
        write!(f, "readers: {}, {sum}", self.good.len())?;
        if !self.bad.is_empty() {
            write!(f, "; an input breaks a promise of {}", self.bad.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "INFO: Seed: 1\n\
        #13\tINITED cov: 1039 ft: 1668 corp: 7/4142b exec/s: 0 rss: 60Mb\n\
        #15\tNEW    cov: 1039 ft: 1669 corp: 8/4593b lim: 1044 exec/s: 0 rss: 61Mb\n";

    #[test]
    fn the_figures_are_those_at_the_ends() {
        let whole = format!("{SAID}#4515\tDONE   cov: 1100 ft: 2010 corp: 80/30Kb lim: 1044 exec/s: 752 rss: 90Mb\n");
        assert_eq!(figures(&whole), Some(Figures { inputs: 4515, from: 1668, to: 2010 }));
    }

    #[test]
    fn no_end_is_no_success() {
        assert_eq!(figures(SAID), None);
        assert_eq!(figures("test result: ok. 0 passed"), None);
    }

    #[test]
    fn a_complaint_is_shown_from_its_beginning() {
        let said = format!("{SAID}thread 'main' panicked at a.rs:1\n==1== ERROR: libFuzzer: deadly signal\n");
        assert!(complaint(&said).starts_with("panicked at a.rs"));
    }
}
