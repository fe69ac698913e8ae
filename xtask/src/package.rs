//! `cargo xtask package`: each crate that is published is packed, holds what belongs to it, and builds from what was packed,
//! the later ones on the tarballs of the earlier.
//!
//! It needs no network of its own: with `CARGO_NET_OFFLINE=true` cargo takes what the build before it has fetched.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::{Fallible, report, workspace};

/// What the reader of a crate has to find in it.
const IN_EACH: [&str; 4] = ["Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Where else files of a crate may lie, and what cargo adds.
const FOLDERS: [&str; 2] = ["src/", "examples/"];
const ADDED: [&str; 3] = ["Cargo.lock", "Cargo.toml.orig", ".cargo_vcs_info.json"];

pub(crate) fn command() -> Fallible<bool> {
    let crates = published()?;
    let mut fine = true;
    for name in &crates {
        let mut list = workspace::cargo();
        list.args(["package", "--list", "--allow-dirty", "--locked", "--package", name]);
        let output = list.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let listed = String::from_utf8(output.stdout)?;
        for fault in faults(listed.lines()) {
            report::error(&format!("{name}: {fault}"));
            fine = false;
        }
    }
    if !fine {
        return Ok(false);
    }
    // A folder that no earlier run had. The later crates build on the earlier through a registry in it, and what cargo unpacks
    // from a registry it keeps in the user's cache by the registry's path and the crate's version: at an old path it would
    // build on what was packed there the last time.
    let folder = tempfile::Builder::new().prefix("package-").tempdir_in(workspace::target_folder())?;
    build(&crates, folder.path())
}

fn build(crates: &[String], folder: &Path) -> Fallible<bool> {
    let mut cargo: Command = workspace::cargo();
    cargo.args(["package", "--allow-dirty", "--locked", "--target-dir"]).arg(folder);
    for name in crates {
        cargo.args(["--package", name]);
    }
    if !cargo.status()?.success() {
        return Ok(false);
    }
    anstream::println!("{} build from their own tarballs", crates.join(", "));
    Ok(true)
}

/// The names of the workspace's crates that may be published.
pub(crate) fn published() -> Fallible<Vec<String>> {
    let mut cargo = workspace::cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]);
    let output = cargo.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    names(&output.stdout)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    /// The registries it may go to; all when there is no list.
    publish: Option<Vec<String>>,
}

fn names(metadata: &[u8]) -> Fallible<Vec<String>> {
    let metadata: Metadata = serde_json::from_slice(metadata)?;
    let published = metadata.packages.into_iter().filter(|package| package.publish != Some(Vec::new()));
    Ok(published.map(|package| package.name).collect())
}

fn faults<'a>(listed: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let missing = IN_EACH.iter().filter(|name| !listed.clone().any(|file| file == **name));
    let mut faults: Vec<String> = missing.map(|name| format!("{name} would not be in the tarball")).collect();
    let known = |file: &str| {
        IN_EACH.contains(&file) || ADDED.contains(&file) || FOLDERS.iter().any(|folder| file.starts_with(folder))
    };
    faults.extend(listed.filter(|file| !known(file)).map(|file| format!("{file} does not belong into the tarball")));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_published_is_left_out() {
        let text = br#"{"packages": [{"name": "a", "publish": null}, {"name": "b", "publish": []},
            {"name": "c", "publish": ["mine"]}], "version": 1}"#;
        assert_eq!(names(text).unwrap(), ["a", "c"]);
    }

    #[test]
    fn a_whole_crate_has_no_faults() {
        let files = "Cargo.toml README.md LICENSE-MIT LICENSE-APACHE Cargo.lock src/lib.rs examples/a.c";
        assert!(faults(files.split(' ')).is_empty());
    }

    #[test]
    fn what_is_missing_and_what_is_too_much_is_named() {
        let found = faults("Cargo.toml README.md LICENSE-MIT tests/big.bin".split(' '));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("LICENSE-APACHE"));
        assert!(found[1].contains("tests/big.bin"));
    }
}
