//! `cargo xtask ci`: the steps of a CI run, in order, each with its time. The first that fails ends it; the tests' last line
//! is the run's.

use std::process::Command;

use crate::args::TestOptions;
use crate::{Fallible, budget, docs, package, report, test, tidy, workspace};

/// A name, the words after `cargo`, and variables to set.
type Step = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

const STEPS: [Step; 3] = [
    ("format", &["fmt", "--all", "--check"], &[]),
    ("clippy", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[]),
    ("rustdoc", &["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")]),
];

pub(crate) fn command() -> Fallible<bool> {
    for (name, arguments, variables) in STEPS {
        let mut cargo = workspace::cargo();
        cargo.args(arguments).envs(variables.iter().copied());
        if !report::phase(name, || succeeds(cargo), |good| *good)? {
            return Ok(false);
        }
    }
    if !report::phase("tidy", tidy::command, |good| *good)? {
        return Ok(false);
    }
    if !report::phase("documents", || docs::command(true), |good| *good)? {
        return Ok(false);
    }
    if !report::phase("packages", package::command, |good| *good)? {
        return Ok(false);
    }
    let totals = test::run(&TestOptions::default())?;
    report::heading("time");
    anstream::print!("{}", budget::table(&report::ended()));
    anstream::println!("{}", totals.last_line());
    Ok(totals.failed == 0)
}

fn succeeds(mut command: Command) -> Fallible<bool> {
    Ok(command.status()?.success())
}
