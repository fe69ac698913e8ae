//! `cargo xtask targets`: the published crates checked for other platforms, and run where this machine can. Each target is one of:
//! run, checked, cannot be had here (and why), failed; none is left out silently. Figures are in docs/platforms.md.

mod debian;
mod musl;
mod run;
mod toolchain;

use std::process::Command;

use crate::report::{BAD, GOOD, NOTE};
use crate::test::Totals;
use crate::{Fallible, report, workspace};

use run::Runner;
use toolchain::{Toolchain, program};

/// A target, the C compiler that `dlssl-cli` needs for it (`ring`, in its self-test), and how it can be run.
struct Target {
    name: &'static str,
    compiler: Option<&'static str>,
    runner: Option<Runner>,
}

const TARGETS: &[Target] = &[
    Target { name: "i686-unknown-linux-gnu", compiler: Some("cc"), runner: Some(Runner::I386) },
    Target { name: "aarch64-unknown-linux-gnu", compiler: Some("aarch64-linux-gnu-gcc"), runner: Some(Runner::Arm64) },
    Target { name: "x86_64-unknown-linux-musl", compiler: Some("musl-gcc"), runner: Some(Runner::Musl) },
    Target { name: "x86_64-pc-windows-gnu", compiler: Some("x86_64-w64-mingw32-gcc"), runner: Some(Runner::Wine) },
    Target { name: "aarch64-apple-darwin", compiler: None, runner: None },
    Target { name: "x86_64-unknown-freebsd", compiler: None, runner: None },
];

/// The crates that need no C compiler.
const LIBRARIES: [&str; 4] = ["dlssl-core", "dlssl", "dlssl-tokio", "dlssl-native-tls"];

#[derive(Debug)]
enum Outcome {
    Ran(String),
    Checked(String),
    /// Why it cannot be had here.
    Absent(String),
    Failed(String),
}

pub(crate) fn command(install: bool, only: &[String]) -> Fallible<bool> {
    Ok(targets(install, only)?.failed == 0)
}

/// Checks and runs; what became of each target counts as one test.
pub(crate) fn targets(install: bool, only: &[String]) -> Fallible<Totals> {
    if let Some(name) = only.iter().find(|name| !TARGETS.iter().any(|target| target.name == **name)) {
        return Err(format!("{name} is none of the targets").into());
    }
    if install {
        report::phase("install", || toolchain::install().and_then(|()| run::install()), |()| true)?;
    }
    let mut rows = String::new();
    let mut totals = Totals::default();
    for target in TARGETS.iter().filter(|target| only.is_empty() || only.iter().any(|name| name == target.name)) {
        report::heading(target.name);
        let outcome = judge(target);
        let (style, word, note) = match &outcome {
            Outcome::Ran(note) => (GOOD, "run", note),
            Outcome::Checked(note) => (GOOD, "checked", note),
            Outcome::Absent(why) => (NOTE, "cannot be had here", why),
            Outcome::Failed(what) => (BAD, "FAILED", what),
        };
        match outcome {
            Outcome::Ran(_) | Outcome::Checked(_) => totals.passed += 1,
            Outcome::Absent(_) => totals.skipped += 1,
            Outcome::Failed(_) => totals.failed += 1,
        }
        let row = format!("{:27} {style}{word}{style:#}: {note}\n", target.name);
        anstream::print!("{row}");
        rows += &row;
    }
    report::heading("targets");
    anstream::print!("{rows}");
    Ok(totals)
}

fn judge(target: &Target) -> Outcome {
    let toolchain = match toolchain::find(target.name) {
        Ok(toolchain) => toolchain,
        Err(why) => return Outcome::Absent(why),
    };
    let compiler = match target.compiler {
        Some(name) => program(name).map(|_| ()).ok_or(format!("{name} is not installed")),
        None => Err("no C compiler for it".to_owned()),
    };
    let mut packages = LIBRARIES.to_vec();
    if compiler.is_ok() {
        packages.push("dlssl-cli");
    }
    if let Err(what) = check(&toolchain, target, &packages) {
        return Outcome::Failed(what);
    }
    let checked = format!("{} by {}", packages.join(", "), toolchain.words());
    let why = match (target.runner, compiler) {
        (None, Ok(())) => "nothing here runs it".to_owned(),
        (None, Err(why)) => format!("dlssl-cli is not: {why}"),
        (Some(_), Err(why)) => format!("not run: {why}"),
        (Some(runner), Ok(())) => match run::run(runner, target.name, &toolchain) {
            Ok(figures) => return Outcome::Ran(format!("{figures}; {checked}")),
            Err(Err(what)) => return Outcome::Failed(what),
            Err(Ok(why)) => format!("not run: {why}"),
        },
    };
    Outcome::Checked(format!("{checked} ({why})"))
}

fn check(toolchain: &Toolchain, target: &Target, packages: &[&str]) -> Result<(), String> {
    let mut cargo: Command = toolchain.cargo("check", target.name);
    cargo.args(["--quiet", "--all-features"]).current_dir(workspace::root());
    for package in packages {
        cargo.args(["--package", package]);
    }
    let status = cargo.status().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err("it does not compile".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/platforms.md");

    #[test]
    fn the_page_has_a_row_for_each_target() {
        for target in TARGETS {
            assert!(PAGE.contains(&format!("\n| `{}` |", target.name)), "docs/platforms.md lacks {}", target.name);
        }
    }
}
