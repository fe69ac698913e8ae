//! A small way to declare tests with needs, on libtest-mimic: a test whose needs are not met is shown as skipped, never as passed.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::{library, pki, process};

/// No single test may take longer, unless it says so; then the whole binary ends with an error that names the test.
const LONGEST_TEST: Duration = Duration::from_secs(300);

/// Asks for the long form of tests that have one; `cargo xtask nightly` sets it.
pub const NIGHTLY: &str = "DLSSL_TEST_NIGHTLY";

/// Whether the long form is asked for.
pub fn nightly() -> bool {
    std::env::var_os(NIGHTLY).is_some_and(|value| !value.is_empty())
}

/// Declares a property that is tried with many made-up cases, half of 2,000: on the system's library, of which every run has
/// one, and 100 on each other build. At night it is half of 100,000, and 5,000 on each other build, in parts that are tests of
/// their own. `PROPTEST_CASES` sets another number.
pub fn property(name: &str, run: impl FnOnce(u32) + Clone + Send + 'static) -> Vec<Test> {
    const PART: u32 = 5000;
    let told = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let cases: u32 = told.unwrap_or(match (matches!(library::choice(), library::Choice::Default), nightly()) {
        (true, false) => 1000,
        (false, false) => 100,
        (true, true) => 10 * PART,
        (false, true) => PART,
    });
    let parts = cases.div_ceil(PART).max(1);
    let one = |number| {
        let run = run.clone();
        let name = if parts == 1 { name.to_owned() } else { format!("{name}_{number}") };
        test(&name, move || run(cases / parts))
    };
    (1..=parts).map(one).collect()
}

/// One test and what it needs.
pub struct Test {
    name: String,
    unmet: Option<String>,
    /// How long it may take.
    limit: Duration,
    run: Box<dyn FnOnce() + Send>,
}

/// Declares a test; it fails by panicking.
pub fn test(name: &str, run: impl FnOnce() + Send + 'static) -> Test {
    Test { name: name.to_owned(), unmet: None, limit: LONGEST_TEST, run: Box::new(run) }
}

/// Stands for a file of tests that are for another platform, and is skipped by its name.
pub fn not_here(name: &str, platform: &str) -> Test {
    test(name, || ()).only_if(false, || format!("not on {platform}"))
}

impl Test {
    /// May take so long, where that is longer than any test may.
    pub fn takes(mut self, limit: Duration) -> Self {
        self.limit = limit.max(LONGEST_TEST);
        self
    }

    /// Needs a program on the `PATH`.
    pub fn needs(self, program: &str) -> Self {
        let found = process::find(program).is_some();
        self.only_if(found, || format!("{program} is not installed"))
    }

    /// Needs a library that speaks TLS 1.3.
    pub fn needs_tls13(self) -> Self {
        self.only_if(library::has_tls13(), || format!("{} has no TLS 1.3", library::library().version_text()))
    }

    /// Needs Linux.
    pub fn needs_linux(self) -> Self {
        self.only_if(cfg!(target_os = "linux"), || "not on Linux".to_owned())
    }

    /// Needs private copies of the library.
    pub fn needs_private_copies(self) -> Self {
        self.needs_linux().only_if(library::PRIVATE_COPIES, || "no private copies without glibc".to_owned())
    }

    /// Needs a linker that knows a library by its SONAME, however it was opened.
    pub fn needs_sonames(self) -> Self {
        let why = || "musl knows a library that was opened by its path by no other name".to_owned();
        self.needs_linux().only_if(!cfg!(target_env = "musl"), why)
    }

    /// Needs a condition of the test's own; `otherwise` says what is lacking.
    pub fn only_if(mut self, met: bool, otherwise: impl FnOnce() -> String) -> Self {
        if !met && self.unmet.is_none() {
            self.unmet = Some(otherwise());
        }
        self
    }
}

impl std::fmt::Debug for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Test").field("name", &self.name).field("unmet", &self.unmet).finish_non_exhaustive()
    }
}

/// Runs the tests of one binary as `cargo test` expects it.
pub fn run(tests: Vec<Test>) -> ExitCode {
    let arguments = Arguments::from_args();
    let running: Running = Arc::default();
    watch(Arc::clone(&running));
    let trials = tests.into_iter().map(|t| trial(t, Arc::clone(&running))).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    pki::remove_shared_files();
    conclusion.exit_code()
}

/// Names, and when they have taken too long.
type Running = Arc<Mutex<Vec<(String, Instant)>>>;

fn trial(test: Test, running: Running) -> Trial {
    let Test { name, unmet, limit, run } = test;
    match unmet {
        Some(reason) => {
            let message = reason.clone();
            Trial::test(name, move || Err(Failed::from(message)))
                .with_kind(format!("skipped: {reason}"))
                .with_ignored_flag(true)
        }
        None => Trial::test(name.clone(), move || {
            let _entry = Entry::new(name, limit, running);
            run();
            Ok(())
        }),
    }
}

/// A running test's line in the list that the watchdog reads.
struct Entry(String, Running);

impl Entry {
    fn new(name: String, limit: Duration, running: Running) -> Self {
        running.lock().unwrap().push((name.clone(), Instant::now() + limit));
        Entry(name, running)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Ok(mut list) = self.1.lock() {
            list.retain(|(name, _)| *name != self.0);
        }
    }
}

fn watch(running: Running) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let list = running.lock().unwrap();
            if let Some((name, _)) = list.iter().find(|(_, end)| *end < Instant::now()) {
                eprintln!("test {name} hangs: it has taken longer than it may");
                std::process::exit(101);
            }
        }
    });
}
