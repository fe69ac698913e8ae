//! Licences, sources and advisories of all dependencies, by cargo-deny and deny.toml.

use std::process::Command;

use super::step::{self, Verdict};
use crate::test::Totals;
use crate::{Fallible, workspace};

/// What cargo-deny says when the advisories cannot be fetched, which is no fault of ours.
const UNREACHED: &str = "failed to fetch advisory database";

pub(super) fn check() -> Fallible<Verdict> {
    let deny = |arguments: &[&str]| -> Command {
        let mut cargo = workspace::cargo();
        cargo.arg("deny").args(arguments);
        cargo
    };
    if !step::is_there(deny(&["--version"])) {
        return Ok(Verdict::skipped("cargo-deny is not installed: cargo install cargo-deny --locked"));
    }
    step::run(deny(&["check", "licenses", "bans", "sources"]))?;
    let advisories = deny(&["check", "advisories"]).output()?;
    let said = String::from_utf8_lossy(&advisories.stderr);
    let mut verdict = Verdict::passed("licences, bans and sources");
    if said.contains(UNREACHED) {
        verdict.totals = verdict.totals + Totals { skipped: 1, ..Default::default() };
        verdict.note += "; the advisories could not be fetched";
    } else if advisories.status.success() {
        verdict.note += " and advisories";
    } else {
        anstream::eprint!("{said}");
        return Ok(Verdict::failed("there are advisories"));
    }
    Ok(verdict)
}
