//! `cargo xtask test`: everything is built once, then run in one place after the other.
//!
//! A *pass* is a set of suites in a [`Place`]. More library builds mean more passes: each runs the same
//! integration executables, told by the environment which library is under test.

mod build;
mod doctor;
#[cfg(unix)]
mod guest;
mod hide;
mod matrix;
mod output;
mod place;
mod summary;

use std::fs;
use std::io;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use crate::args::TestOptions;
use crate::process::{self, End};
use crate::{Fallible, peers, report, workspace};

use build::{Built, Kind, Suite};
use hide::Hiding;
use matrix::Matrix;
pub(crate) use matrix::headers_command;
use place::Place;
use summary::Outcome;
pub(crate) use summary::Totals;

/// No executable may take longer; one that does hangs.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// The test executables that run once, on all builds.
const ALL: [&str; 4] = ["pairs", "coexist", "upgrade", "troubleshooting"];

/// Tells the tests to take their time.
const NIGHTLY: &str = "DLSSL_TEST_NIGHTLY";

/// What the tests write as the reason of a skip when a program is missing, and only then.
const MISSING_PROGRAM: &str = "not installed";

/// Everything, and the last line.
pub(crate) fn command(options: &TestOptions) -> Fallible<bool> {
    let totals = run(options)?;
    anstream::println!("{}", totals.last_line());
    Ok(totals.failed == 0)
}

/// Everything but the last line.
pub(crate) fn run(options: &TestOptions) -> Fallible<Totals> {
    let strict = options.strict || workspace::is_ci();
    if options.install_peers || workspace::is_ci() {
        report::phase("peers", || peers::ensure(true), |_| true)?;
    }
    let built = report::phase("build", build::everything, |_| true)?;
    let matrix = report::phase(
        "libraries",
        || Matrix::gather(options, strict),
        |matrix| matrix.absent.iter().all(Outcome::is_good),
    )?;
    let mut outcomes = matrix.absent.clone();
    let all_good = |checked: &Vec<Outcome>| checked.iter().all(Outcome::is_good);
    let checked = report::phase("headers and exports", || matrix.headers(), all_good)?;
    for outcome in &checked {
        anstream::println!("{} [{}]", outcome.line(), outcome.pass);
    }
    outcomes.extend(checked);
    for pass in passes(options, &built, &matrix)? {
        report::phase(
            &pass.title,
            || {
                let start = outcomes.len();
                pass.run(strict, &mut outcomes)?;
                Ok(outcomes[start..].iter().all(Outcome::is_good))
            },
            |all_good| *all_good,
        )?;
    }
    conclude(options, &outcomes)
}

/// The tests of kernel TLS in a virtual machine, and nothing else.
#[cfg(unix)]
pub(crate) fn kernel_tls(install: bool) -> Fallible<Totals> {
    let suite = report::phase("build", || build::one("dlssl-tests", guest::TARGET), |_| true)?;
    let all_good = |outcomes: &Vec<Outcome>| outcomes.iter().all(Outcome::is_good);
    let outcomes = report::phase("virtual machine", || guest::run(&suite, install), all_good)?;
    for outcome in &outcomes {
        anstream::println!("{}", outcome.line());
    }
    conclude(&TestOptions::default(), &outcomes)
}

#[cfg(not(unix))]
pub(crate) fn kernel_tls(_install: bool) -> Fallible<Totals> {
    Ok(Totals { skipped: 1, ..Default::default() })
}

/// `cargo xtask kernel-tls`.
pub(crate) fn kernel_tls_command(install: bool) -> Fallible<bool> {
    let totals = kernel_tls(install)?;
    anstream::println!("{}", totals.last_line());
    Ok(totals.failed == 0)
}

/// The table and the file.
fn conclude(options: &TestOptions, outcomes: &[Outcome]) -> Fallible<Totals> {
    report::heading("results");
    anstream::print!("{}", summary::table(outcomes));
    if let Some(file) = &options.json {
        fs::write(file, summary::json(outcomes)? + "\n")?;
    }
    Ok(summary::totals(outcomes))
}

/// A set of things to run in one place.
struct Pass<'a> {
    title: String,
    /// How the table calls it.
    label: String,
    place: Place,
    work: Vec<Work<'a>>,
    built: &'a Built,
    options: &'a TestOptions,
}

enum Work<'a> {
    Suite(&'a Suite),
    Documentation,
    /// The `dlssl doctor` command must fail, and say why.
    Doctor,
}

fn passes<'a>(options: &'a TestOptions, built: &'a Built, matrix: &Matrix) -> io::Result<Vec<Pass<'a>>> {
    let of_kind = |kind| {
        let suites = built.suites.iter().filter(move |suite| suite.kind == kind);
        suites.map(Work::Suite).collect::<Vec<_>>()
    };
    let pass = |title: String, label: String, place, work| Pass { title, label, place, work, built, options };
    let mut passes = vec![
        pass("unit tests".into(), "unit".into(), Place::System, of_kind(Kind::Unit)),
        pass("documentation tests".into(), "documentation".into(), Place::System, vec![Work::Documentation]),
    ];
    let folders = options.lib_dir.iter().cloned().map(Place::Folder);
    let is_for_all = |work: &Work<'_>| matches!(work, Work::Suite(suite) if ALL.contains(&suite.target.as_str()));
    for place in matrix.places().into_iter().chain(folders) {
        let mut work = of_kind(Kind::Integration);
        work.retain(|work| !is_for_all(work));
        if options.nightly && place.folder().is_some() {
            work.push(Work::Documentation);
        }
        passes.push(pass(format!("integration tests, library: {place}"), place.to_string(), place, work));
    }
    if !options.system {
        let mut work = of_kind(Kind::Integration);
        work.retain(is_for_all);
        let place = Place::All(matrix.list());
        passes.push(pass("all builds together".into(), place.to_string(), place, work));
    }
    if !options.system {
        let hiding = Hiding::find()?;
        let mut work = of_kind(Kind::Unit);
        work.push(Work::Doctor);
        passes.push(pass(format!("no library ({hiding})"), "no library".into(), Place::NoLibrary(hiding), work));
    }
    Ok(passes)
}

impl Pass<'_> {
    fn run(&self, strict: bool, outcomes: &mut Vec<Outcome>) -> io::Result<()> {
        for work in &self.work {
            let mut outcome = match work {
                Work::Suite(suite) => {
                    let mut command = self.place.suite(suite, self.built, &self.options.filter);
                    if self.options.nightly {
                        command.env(NIGHTLY, "1");
                    }
                    self.executable(&suite.name(), command)?
                }
                Work::Documentation => self.executable("doctests", self.documentation())?,
                Work::Doctor => doctor::must_explain(&self.place, self.built, &self.label)?,
            };
            if strict {
                refuse_missing_programs(&mut outcome);
            }
            anstream::println!("{}", outcome.line());
            outcomes.push(outcome);
        }
        Ok(())
    }

    fn documentation(&self) -> Command {
        let mut command = workspace::cargo();
        command.args(["test", "--workspace", "--doc", "--locked", "--"]);
        command.args(&self.options.filter);
        self.place.for_documentation(command)
    }

    fn executable(&self, name: &str, command: Command) -> io::Result<Outcome> {
        let bar = report::spinner(name);
        let finished = process::run(command, LIMIT, |line| {
            if let Some(test) = output::test_name(line) {
                bar.set_message(test.to_owned());
            }
        });
        bar.finish_and_clear();
        let finished =
            finished.map_err(|error| io::Error::new(error.kind(), format!("{name} could not be run: {error}")))?;
        let outcome = judge(name, &self.label, finished);
        Ok(outcome)
    }
}

/// Compares what an executable said with how it ended, and shows its output when it is needed.
fn judge(name: &str, label: &str, finished: process::Finished) -> Outcome {
    let counts = output::read(&finished.output);
    let fault = match &finished.end {
        End::TimedOut => Some(format!("took longer than {} and was killed", report::seconds(LIMIT))),
        End::Exited(status) if counts.summaries == 0 => Some(format!("died without a summary ({})", describe(*status))),
        End::Exited(status) if !status.success() && counts.failed == 0 => {
            Some(format!("no test failed, yet it ended with {}", describe(*status)))
        }
        End::Exited(_) => None,
    };
    if fault.is_some() || counts.failed > 0 {
        anstream::print!("{}", finished.output);
    }
    Outcome {
        pass: label.to_owned(),
        suite: name.to_owned(),
        passed: counts.passed,
        failed: counts.failed + usize::from(fault.is_some()),
        skipped: counts.ignored,
        failures: counts.failures,
        skips: counts.skips.into_iter().map(Into::into).collect(),
        fault,
        took: finished.took,
    }
}

fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    status.to_string()
}

/// Where all programs must be there, a test that misses one has not been run: that is a failure.
fn refuse_missing_programs(outcome: &mut Outcome) {
    let (missing, rest) = std::mem::take(&mut outcome.skips)
        .into_iter()
        .partition(|skip: &summary::SkipReport| skip.reason.contains(MISSING_PROGRAM));
    outcome.skips = rest;
    outcome.skipped -= missing.len().min(outcome.skipped);
    outcome.failed += missing.len();
    for skip in missing {
        let failure = format!("{} (skipped: {})", skip.test, skip.reason);
        outcome.failures.push(failure);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn finished(wait_status: i32, output: &str) -> process::Finished {
        process::Finished {
            end: End::Exited(ExitStatus::from_raw(wait_status)),
            output: output.to_owned(),
            took: Duration::ZERO,
        }
    }

    const ONE_GOOD: &str = "test a ... ok\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured";

    #[test]
    fn a_good_run_is_good() {
        let outcome = judge("s", "l", finished(0, ONE_GOOD));
        assert!(outcome.is_good());
        assert_eq!(outcome.passed, 1);
    }

    #[test]
    fn an_executable_that_dies_is_a_failure() {
        let outcome = judge("s", "l", finished(11, "test a ... ok\n"));
        assert_eq!(outcome.failed, 1);
        assert!(outcome.fault.unwrap().contains("signal 11"));
    }

    #[test]
    fn a_bad_exit_after_a_good_summary_is_a_failure() {
        let outcome = judge("s", "l", finished(6, ONE_GOOD));
        assert_eq!((outcome.passed, outcome.failed), (1, 1));
    }

    #[test]
    fn only_missing_programs_fail_a_strict_run() {
        let text = "test [nginx is not installed] peer ... ignored\n\
                    test [the library has no TLS 1.3] tls13 ... ignored\n\
                    test result: ok. 0 passed; 0 failed; 2 ignored; 0 measured";
        let mut outcome = judge("s", "l", finished(0, text));
        assert_eq!((outcome.failed, outcome.skipped), (0, 2));
        refuse_missing_programs(&mut outcome);
        assert_eq!((outcome.failed, outcome.skipped), (1, 1));
        assert_eq!(outcome.skips[0].test, "tls13");
    }
}
