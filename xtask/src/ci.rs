//! `cargo xtask ci`: the steps of a CI run, in order, each with its time. The first that fails ends it.

use std::process::Command;

use crate::args::TestOptions;
use crate::{Fallible, docs, report, test, tidy, workspace};

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
    test::command(&TestOptions::default())
}

fn succeeds(mut command: Command) -> Fallible<bool> {
    Ok(command.status()?.success())
}
