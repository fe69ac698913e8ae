//! Whether the crates keep what their version promises, against the last release, by cargo-semver-checks.

use std::process::Command;

use super::step::{self, Verdict};
use crate::{Fallible, package, workspace};

pub(super) fn check() -> Fallible<Verdict> {
    let mut git = Command::new("git");
    git.args(["describe", "--tags", "--abbrev=0", "--match", "v[0-9]*"]).current_dir(workspace::root());
    let described = git.output()?;
    if !described.status.success() {
        return Ok(Verdict::skipped("nothing to compare with: no tag v… leads here, since nothing is released yet"));
    }
    let tag = String::from_utf8(described.stdout)?.trim().to_owned();
    let checks = |arguments: &[&str]| {
        let mut cargo = workspace::cargo();
        cargo.arg("semver-checks").args(arguments);
        cargo
    };
    if !step::is_there(checks(&["--version"])) {
        return Ok(Verdict::skipped(
            "cargo-semver-checks is not installed: cargo install cargo-semver-checks --locked",
        ));
    }
    let mut check = checks(&["--baseline-rev", &tag]);
    for name in package::published()? {
        // A command has no interface that other crates could use.
        if name != "dlssl-cli" {
            check.args(["--package", &name]);
        }
    }
    step::run(check)?;
    Ok(Verdict::passed(format!("compatible with {tag}, as the versions say")))
}
