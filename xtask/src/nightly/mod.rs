//! `cargo xtask nightly`: what CI has no time for. A *step* is a row of [`STEPS`] and a row of docs/nightly.md, where its last
//! figures stand.

mod deny;
mod memory;
mod minimal;
mod msrv;
mod semver;
pub(crate) mod step;

use std::time::Instant;

use crate::args::{NightlyOptions, TestOptions};
use crate::report::{BAD, GOOD, NOTE, seconds};
use crate::test::{self, Totals};
use crate::{Fallible, fuzz, report, targets, workspace};

use step::Verdict;

struct Step {
    /// What it is called on the command line and in docs/nightly.md.
    name: &'static str,
    /// What it does, in a few words.
    about: &'static str,
    run: fn() -> Fallible<Verdict>,
}

/// All there are, in the order in which they run. An error of one is its failure, and the next one runs.
const STEPS: &[Step] = &[
    Step { name: "tests", about: "every test on every build, the long ones at full length", run: tests },
    Step {
        name: "kernel-tls",
        about: "the tests of kernel TLS in a virtual machine, on each OpenSSL from 3.0 on (qemu)",
        run: kernel_tls,
    },
    Step {
        name: "msrv",
        about: "the oldest Rust that is promised builds the crates and their tests",
        run: msrv::check,
    },
    Step {
        name: "minimal",
        about: "the oldest versions of dependencies that are allowed build the crates",
        run: minimal::check,
    },
    Step {
        name: "targets",
        about: "the crates for other platforms, checked, and run where this machine can",
        run: other_targets,
    },
    Step { name: "deny", about: "licences, sources and advisories of dependencies (cargo-deny)", run: deny::check },
    Step { name: "semver", about: "what the last release promised is kept (cargo-semver-checks)", run: semver::check },
    Step { name: "memcheck", about: "valgrind over the tests that hold C objects", run: memory::memcheck },
    Step { name: "sanitizer", about: "AddressSanitizer and LeakSanitizer over the same", run: memory::sanitizer },
    Step { name: "miri", about: "Miri over what calls no C", run: memory::miri },
    Step { name: "fuzz", about: "a minute for each reader of bytes from outside", run: blind },
    Step { name: "fuzz-guided", about: "the same by libFuzzer, which goes by coverage (a C++ compiler)", run: guided },
];

pub(crate) fn command(options: &NightlyOptions) -> Fallible<bool> {
    let unknown = options.steps.iter().find(|name| !STEPS.iter().any(|step| step.name == **name));
    if let Some(name) = unknown {
        return Err(format!("there is no step {name}; `cargo xtask nightly --list` shows them").into());
    }
    if options.list {
        for step in STEPS {
            anstream::println!("{:18} {}", step.name, step.about);
        }
        return Ok(true);
    }
    let chosen = |step: &&Step| options.steps.is_empty() || options.steps.iter().any(|name| name == step.name);
    let mut rows = String::new();
    let mut sum = Totals::default();
    for step in STEPS.iter().filter(chosen) {
        report::heading(&format!("nightly: {}", step.name));
        let start = Instant::now();
        let verdict = (step.run)().unwrap_or_else(|error| Verdict::failed(error.to_string()));
        let row = row(step.name, &verdict, &seconds(start.elapsed()));
        anstream::print!("{row}");
        rows += &row;
        sum = sum + verdict.totals;
    }
    report::heading("nightly");
    anstream::print!("{rows}");
    anstream::println!("{}", sum.last_line());
    Ok(sum.failed == 0)
}

fn row(name: &str, verdict: &Verdict, took: &str) -> String {
    let (style, word) = match verdict.totals {
        Totals { failed: 0, passed: 0, .. } => (NOTE, "skipped"),
        Totals { failed: 0, .. } => (GOOD, "ok"),
        _ => (BAD, "FAILED"),
    };
    format!("{style}{word:8}{style:#} {name:18} {took:>9}  {}\n", verdict.note)
}

fn tests() -> Fallible<Verdict> {
    let totals = test::run(&TestOptions { nightly: true, ..Default::default() })?;
    let note = format!("{} passed, {} failed, {} skipped", totals.passed, totals.failed, totals.skipped);
    Ok(Verdict { totals, note })
}

fn kernel_tls() -> Fallible<Verdict> {
    let totals = test::kernel_tls(workspace::is_ci())?;
    let note = format!("{} passed, {} failed, {} skipped", totals.passed, totals.failed, totals.skipped);
    Ok(Verdict { totals, note })
}

fn blind() -> Fallible<Verdict> {
    const SECONDS: u32 = 60;
    let good = fuzz::command(SECONDS, &[])?;
    Ok(if good { Verdict::passed("no promise broken") } else { Verdict::failed("an input breaks a promise") })
}

fn guided() -> Fallible<Verdict> {
    const SECONDS: u32 = 60;
    if let Some(reason) = fuzz::guided::missing()? {
        return Ok(Verdict::skipped(reason));
    }
    let sum = fuzz::guided::run(SECONDS, false, &[])?;
    let (passed, failed) = (sum.good.len(), sum.bad.len());
    let totals = Totals { passed, failed, ..Default::default() };
    Ok(Verdict { totals, note: sum.to_string() })
}

fn other_targets() -> Fallible<Verdict> {
    let totals = targets::targets(workspace::is_ci(), &[])?;
    let note =
        format!("{} targets good, {} failed, {} not to be had here", totals.passed, totals.failed, totals.skipped);
    Ok(Verdict { totals, note })
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/nightly.md");

    #[test]
    fn each_step_has_one_name_and_a_row_in_the_page() {
        for step in STEPS {
            assert_eq!(STEPS.iter().filter(|other| other.name == step.name).count(), 1, "{}", step.name);
            assert!(PAGE.contains(&format!("\n| `{}` |", step.name)), "docs/nightly.md has no row for {}", step.name);
        }
    }

    #[test]
    fn the_page_has_no_other_rows() {
        let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        for name in rows {
            assert!(STEPS.iter().any(|step| step.name == name), "{name} is no step");
        }
    }

    #[test]
    fn a_row_says_what_became_of_it() {
        let text = |verdict: &Verdict| anstream::adapter::strip_str(&row("fuzz", verdict, "1.0 s")).to_string();
        assert!(text(&Verdict::passed("1,000 runs")).starts_with("ok       fuzz "));
        assert!(text(&Verdict::failed("a crash")).contains("FAILED"));
        let skipped = Verdict::skipped("no valgrind here");
        assert_eq!(skipped.totals, Totals { skipped: 1, ..Default::default() });
        assert!(text(&skipped).starts_with("skipped  fuzz "), "{}", text(&skipped));
    }
}
