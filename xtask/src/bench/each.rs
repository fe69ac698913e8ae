//! rust-openssl beside dlssl on every build there is, one after the other, each in a process of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::program::{self, Built};
use crate::libs::{self, Located, Row};
use crate::{Fallible, report};

/// On all builds that are there, or on the one of that name; tables and figures go into `folder`.
pub(super) fn run(only: Option<&str>, rounds: Option<usize>, folder: &Path) -> Fallible<bool> {
    let mut builds = Vec::new();
    for row in libs::catalogue().iter().filter(|row| only.is_none_or(|name| name == row.name)) {
        if let Some(located) = libs::locate(row.name)? {
            builds.push((row, located));
        }
    }
    let mut fine = true;
    for (at, (row, located)) in builds.iter().enumerate() {
        let title = format!("{} ({} of {})", row.name, at + 1, builds.len());
        // What goes wrong on one build does not keep the others from their turn.
        let outcome = report::phase(&title, || one(row, located, rounds, folder), |good| *good);
        fine &= outcome.unwrap_or_else(|error| {
            report::error(&error.to_string());
            false
        });
    }
    print!("{}", fs::read_to_string(folder.join("each.md"))?);
    Ok(fine)
}

fn one(row: &'static Row, located: &Located, rounds: Option<usize>, folder: &Path) -> Fallible<bool> {
    let Some((headers, with)) = program::headers(row, located)? else {
        let why = "There are no headers: none of its own, nor of a build whose libssl has the same name.";
        return refused(row, why, folder);
    };
    let program = match program::build(headers, &with)? {
        Built::Program(program) => program,
        Built::Refused(why) => return refused(row, &why, folder),
        Built::Failed => return Ok(false),
    };
    let mut bench = program::on(&program, row, located)?;
    bench.args(["each", row.name, "--headers", headers]);
    if let Some(rounds) = rounds {
        bench.arg("--rounds").arg(rounds.to_string());
    }
    written(bench, folder)
}

/// Puts into the table why there is nothing to compare with. Any program can: the system's is built for other parts too.
fn refused(row: &Row, why: &str, folder: &Path) -> Fallible<bool> {
    anstream::println!("rust-openssl does not build: {why}");
    let system = libs::locate("system")?.ok_or("the system is not in the catalogue")?;
    let Built::Program(program) = program::build("system", &system)? else { return Ok(false) };
    let mut bench = Command::new(program);
    bench.args(["each", row.name, "--refused", why]);
    written(bench, folder)
}

fn written(mut bench: Command, folder: &Path) -> Fallible<bool> {
    Ok(bench.arg("--into").arg(folder).stdout(Stdio::null()).status()?.success())
}
