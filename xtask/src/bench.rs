//! `cargo xtask bench`: dlssl beside its peers on one OpenSSL, what loading costs, and which build is the fastest here.
//!
//! The peers link OpenSSL and need its headers, so they are a package of their own: `benches/`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::args::BenchOptions;
use crate::libs::{self, Located};
use crate::{Fallible, report, workspace};

pub(crate) fn command(options: &BenchOptions) -> Fallible<bool> {
    let folder = options.into.clone().unwrap_or_else(|| workspace::root().join("target/bench/report"));
    fs::create_dir_all(&folder)?;
    let all = !(options.peers || options.load || options.builds);
    let good = |good: &bool| *good;
    let mut fine = true;
    if all || options.peers {
        fine &= report::phase("peers", || peers(options, &folder), good)?;
    }
    if all || options.load {
        fine &= report::phase("load and reload", || load(options, &folder), good)?;
    }
    if all || options.builds {
        fine &= report::phase("builds", || builds(options, &folder), good)?;
    }
    anstream::println!("written to {}", folder.display());
    Ok(fine)
}

fn peers(options: &BenchOptions, folder: &Path) -> Fallible<bool> {
    let package = workspace::root().join("benches");
    let located = located(options)?;
    // A folder for each library: the headers are built in.
    let target = workspace::root().join("target/bench").join(options.lib.as_deref().unwrap_or("system"));
    let mut cargo = workspace::cargo();
    cargo.current_dir(&package).args(["build", "--release", "--locked"]).env("CARGO_TARGET_DIR", &target);
    if let Some(located) = &located {
        let (Some(lib), Some(include)) = (&located.lib_dir, &located.include_dir) else {
            return Err("this build has no headers, which the peers need".into());
        };
        cargo.env("OPENSSL_LIB_DIR", lib).env("OPENSSL_INCLUDE_DIR", include);
    }
    if !cargo.status()?.success() {
        return Ok(false);
    }
    let mut bench = Command::new(target.join("release/dlssl-bench"));
    bench.arg("suite").arg("--json").arg(folder.join("peers.json")).arg("--svg").arg(folder).args(&options.rest);
    if let Some(lib) = located.and_then(|located| located.lib_dir) {
        bench.env("LD_LIBRARY_PATH", lib);
    }
    written(bench, &folder.join("peers.md"))
}

fn load(options: &BenchOptions, folder: &Path) -> Fallible<bool> {
    let mut cargo = workspace::cargo();
    cargo.args(["run", "--release", "--quiet", "--package", "dlssl-tests", "--bin", "reload_cost", "--"]);
    if let Some(lib) = located(options)?.and_then(|located| located.lib_dir) {
        cargo.arg(lib);
    }
    written(cargo, &folder.join("load.md"))
}

/// The short form of the measure, on every build that is there.
fn builds(options: &BenchOptions, folder: &Path) -> Fallible<bool> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--quiet", "--package", "dlssl-cli"]);
    if !cargo.status()?.success() {
        return Ok(false);
    }
    let mut command = Command::new(workspace::target_folder().join("release/dlssl"));
    command.args(["bench", "--json", "--rounds", &options.build_rounds.to_string()]);
    // Those that need LD_LIBRARY_PATH cannot share a process with the others.
    for row in libs::catalogue().iter().filter(|row| !row.needs_library_path) {
        if let Some(located) = libs::locate(row.name)?
            && let Some(lib) = located.lib_dir
        {
            command.arg("--also").arg(lib);
        }
    }
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    fs::write(folder.join("builds.json"), &text)?;
    let table = table(&serde_json::from_str(&text)?);
    print!("{table}");
    fs::write(folder.join("builds.md"), table)?;
    Ok(output.status.success())
}

/// The builds' figures as Markdown.
fn table(report: &Value) -> String {
    let libraries = report["libraries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let works = libraries.first().and_then(|library| library["works"].as_array());
    let works: Vec<&str> = works.into_iter().flatten().filter_map(|work| work["work"].as_str()).collect();
    let mut text = format!("| library | {} |\n|---|{}\n", works.join(" | "), "---|".repeat(works.len()));
    for library in libraries {
        let cells: Vec<String> = library["works"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|work| {
                let number = |key: &str| work[key].as_f64().unwrap_or(f64::NAN);
                format!("{:.2} {} ({:.2})", number("value"), work["unit"].as_str().unwrap_or(""), number("time_ratio"))
            })
            .collect();
        text += &format!("| {} | {} |\n", library["version"].as_str().unwrap_or("?"), cells.join(" | "));
    }
    text
}

fn located(options: &BenchOptions) -> Fallible<Option<Located>> {
    let Some(name) = &options.lib else { return Ok(None) };
    match libs::locate(name)? {
        Some(located) => Ok(Some(located)),
        None => Err(format!("{name} is not built; `cargo xtask libs get {name}` makes it").into()),
    }
}

/// Runs a program whose standard output is a table: shown, and kept.
fn written(mut command: Command, file: &Path) -> Fallible<bool> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    print!("{text}");
    fs::write(file, text)?;
    Ok(output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_become_a_table() {
        let work = serde_json::json!({"work": "bulk", "value": 3.5, "unit": "GB/s", "time_ratio": 1.0});
        let report = serde_json::json!({"libraries": [{"version": "OpenSSL 3.0", "works": [work]}]});
        assert_eq!(table(&report), "| library | bulk |\n|---|---|\n| OpenSSL 3.0 | 3.50 GB/s (1.00) |\n");
    }
}
