//! `cargo xtask bench`: dlssl beside its peers on one OpenSSL, every build of the catalogue, loading, and growth. In parts,
//! one after the other, each of which can be run by itself.
//!
//! The peers link OpenSSL and need its headers, so they are a package of their own: `benches/`.

mod each;
mod program;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::args::{BenchOptions, BenchPart};
use crate::libs::{self, Located};
use crate::{Fallible, report, workspace};
use program::Built;

pub(crate) fn command(options: &BenchOptions) -> Fallible<bool> {
    let folder = folder(options);
    fs::create_dir_all(&folder)?;
    let chosen = |part: &&BenchPart| options.part.is_empty() || options.part.contains(part);
    // This part builds for itself, once for each library.
    let (each, on_one): (Vec<BenchPart>, Vec<BenchPart>) =
        BenchPart::value_variants().iter().filter(chosen).partition(|part| **part == BenchPart::Each);
    let mut fine = true;
    if !on_one.is_empty() {
        let located = located(options)?;
        let name = options.lib.as_deref().unwrap_or("system");
        let build = || program::build(name, &located);
        let built = report::phase("build", build, |built| matches!(built, Built::Program(_)))?;
        let program = match built {
            Built::Program(program) => program,
            Built::Refused(why) => return Err(format!("rust-openssl does not build on {name}: {why}").into()),
            Built::Failed => return Ok(false),
        };
        let bench = Bench { options, folder: folder.clone(), located, program };
        for part in on_one {
            fine &= report::phase(words(part), || bench.part(part), |good| *good)?;
        }
    }
    if !each.is_empty() {
        let run = || each::run(options.lib.as_deref(), options.rounds, &folder);
        fine &= report::phase(words(BenchPart::Each), run, |good| *good)?;
    }
    anstream::println!("written to {}", folder.display());
    Ok(fine)
}

fn words(part: BenchPart) -> &'static str {
    match part {
        BenchPart::Times => "times of the peers",
        BenchPart::Held => "connections held",
        BenchPart::Counts => "counts",
        BenchPart::Builds => "every build",
        BenchPart::Load => "load and reload",
        BenchPart::Growth => "growth",
        BenchPart::Tokio => "tokio",
        BenchPart::Each => "rust-openssl on every build",
    }
}

/// Where everything goes.
fn folder(options: &BenchOptions) -> PathBuf {
    let kept = options.keep.then(|| workspace::root().join("docs/performance"));
    kept.or_else(|| options.into.clone()).unwrap_or_else(|| workspace::root().join("target/bench/report"))
}

fn located(options: &BenchOptions) -> Fallible<Located> {
    let name = options.lib.as_deref().unwrap_or("system");
    libs::locate(name)?.ok_or_else(|| format!("{name} is not built; `cargo xtask libs get {name}` makes it").into())
}

struct Bench<'a> {
    options: &'a BenchOptions,
    folder: PathBuf,
    /// The library that the peers are linked to.
    located: Located,
    program: PathBuf,
}

impl Bench<'_> {
    fn part(&self, part: BenchPart) -> Fallible<bool> {
        let mut bench = self.program();
        match part {
            BenchPart::Times => bench.args(["suite", "--update", "--no-held", "--no-counts"]).args(&self.options.rest),
            BenchPart::Held => bench.args(["suite", "--update", "--no-times", "--no-counts"]).args(&self.options.rest),
            BenchPart::Counts => bench.args(["suite", "--update", "--no-times", "--no-held"]).args(&self.options.rest),
            BenchPart::Builds => bench.arg("builds").args(folders()?),
            BenchPart::Growth => bench.arg("growth"),
            BenchPart::Tokio => bench.arg("tokio"),
            BenchPart::Load => {
                let mut cargo = workspace::cargo();
                cargo.args(["run", "--release", "--package", "dlssl-tests", "--bin", "reload_cost", "--"]);
                return self.table(cargo.args(&self.located.lib_dir), "load");
            }
            BenchPart::Each => return Ok(true),
        };
        if let Some(rounds) = self.options.rounds {
            bench.arg("--rounds").arg(rounds.to_string());
        }
        if part == BenchPart::Tokio {
            return self.table(&mut bench, "tokio");
        }
        Ok(bench.arg("--into").arg(&self.folder).status()?.success())
    }

    fn program(&self) -> Command {
        let mut bench = Command::new(&self.program);
        bench.envs(self.located.lib_dir.as_ref().map(|folder| ("LD_LIBRARY_PATH", folder)));
        bench
    }

    /// Runs a program that writes a table to its standard output: shown, and kept under this name.
    fn table(&self, program: &mut Command, name: &str) -> Fallible<bool> {
        let output = program.stderr(Stdio::inherit()).output()?;
        let text = String::from_utf8(output.stdout)?;
        print!("{text}");
        if !output.status.success() {
            return Ok(false);
        }
        fs::write(self.folder.join(format!("{name}.md")), text.trim_end().to_owned() + "\n")?;
        fs::write(self.folder.join(format!("{name}.json")), serde_json::to_string_pretty(&rows(&text))? + "\n")?;
        Ok(true)
    }
}

/// Folders of the builds that are there, the system's first. Those that need `LD_LIBRARY_PATH` cannot share a process with
/// the others.
fn folders() -> Fallible<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for row in libs::catalogue().iter().filter(|row| !row.needs_library_path) {
        if let Some(located) = libs::locate(row.name)? {
            folders.extend(match located.lib_dir {
                Some(folder) => Some(folder),
                None => libs::identity_of(row)?.and_then(|identity| Some(identity.libssl.parent()?.to_owned())),
            });
        }
    }
    Ok(folders)
}

/// The rows of Markdown tables by their heads.
fn rows(markdown: &str) -> Value {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()
    };
    let is_rule = |line: &&&str| line.starts_with("|---");
    let lines: Vec<&str> = markdown.lines().filter(|line| line.starts_with('|')).collect();
    let mut heads = Vec::new();
    let mut rows = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if lines.get(at + 1).as_ref().is_some_and(is_rule) {
            heads = cells(line);
        } else if !is_rule(&line) {
            let row: Value = heads.iter().cloned().zip(cells(line).into_iter().map(Value::from)).collect();
            rows.push(row);
        }
    }
    json!(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_become_rows() {
        let text = "words\n\n| work | time |\n|---|---|\n| `load` | 2 ms |\n";
        assert_eq!(rows(text), json!([{"work": "load", "time": "2 ms"}]));
        let two = format!("{text}\n| held |\n|---|\n| 5 |\n");
        assert_eq!(rows(&two), json!([{"work": "load", "time": "2 ms"}, {"held": "5"}]));
        assert_eq!(rows(""), json!([]));
    }

    #[test]
    fn what_is_kept_goes_to_the_documents() {
        let options =
            |keep| BenchOptions { lib: None, part: Vec::new(), rounds: None, keep, into: None, rest: Vec::new() };
        assert!(folder(&options(true)).ends_with("docs/performance"));
        assert!(folder(&options(false)).starts_with(workspace::root().join("target")));
    }
}
