//! The crates build with the oldest versions of what they depend on that their manifests allow.
//!
//! Cargo can choose those only where its unstable options are allowed. So each direct dependency is put to its oldest version by
//! `cargo update --precise`, in a copy of the workspace, again and again until nothing moves: one may hold another up.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::step::{self, Verdict};
use crate::{Fallible, workspace};

/// The parts that are not published, and would hold versions up by what they want.
const OURS_ALONE: &str = r#", "tests", "xtask""#;

pub(super) fn check() -> Fallible<Verdict> {
    let folder = tempfile::tempdir()?;
    copy(&workspace::root().join("crates"), &folder.path().join("crates"))?;
    for entry in fs::read_dir(folder.path().join("crates"))? {
        let place = entry?.path();
        let manifest = place.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        // What is not published promises nothing.
        if text.lines().any(|line| line == "publish = false") {
            fs::remove_dir_all(&place)?;
        } else {
            fs::write(&manifest, without_tests(&text))?;
        }
    }
    fs::copy(workspace::root().join("Cargo.lock"), folder.path().join("Cargo.lock"))?;
    let manifest = fs::read_to_string(workspace::root().join("Cargo.toml"))?;
    if !manifest.contains(OURS_ALONE) {
        return Err(format!("the workspace's members do not end with {OURS_ALONE}").into());
    }
    fs::write(folder.path().join("Cargo.toml"), manifest.replace(OURS_ALONE, ""))?;

    let cargo = |arguments: &[&str]| {
        let mut cargo = workspace::cargo();
        cargo.current_dir(folder.path()).args(arguments);
        cargo
    };
    // Drops from the lock file what only the left-out parts wanted.
    step::run(cargo(&["update", "--workspace", "--quiet"]))?;
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let wanted = oldest(&serde_json::from_slice(&metadata.stdout)?);
    let lock = folder.path().join("Cargo.lock");
    let left = settle(&wanted, &lock, &cargo)?;
    for (name, (oldest, now)) in &left {
        anstream::println!("{name}: {oldest} is allowed, but others of our dependencies want {now}");
    }
    if !left.is_empty() {
        return Ok(Verdict::failed(format!("{} could not be had at the oldest version", names(&left))));
    }
    let mut check = cargo(&["check", "--workspace", "--all-features", "--locked"]);
    check.env("CARGO_TARGET_DIR", workspace::root().join("target/nightly/minimal"));
    step::run(check)?;
    Ok(Verdict::passed(format!("builds with {} direct dependencies at their oldest", wanted.len())))
}

/// Puts down what can be put down, until a whole round changes nothing. Returns what stayed, with its oldest and its present
/// version.
fn settle(
    wanted: &BTreeMap<String, String>,
    lock: &Path,
    cargo: &dyn Fn(&[&str]) -> Command,
) -> Fallible<BTreeMap<String, (String, String)>> {
    loop {
        let before = fs::read_to_string(lock)?;
        let mut left = BTreeMap::new();
        for (name, oldest) in wanted {
            // Several may be locked; ours is the one that the requirement allows.
            let text = fs::read_to_string(lock)?;
            let Some(now) = locked(&text, name).into_iter().find(|now| compatible(now, oldest)) else { continue };
            if now != *oldest && !put_down(&format!("{name}@{now}"), oldest, cargo)? {
                left.insert(name.clone(), (oldest.clone(), now));
            }
        }
        if left.is_empty() || fs::read_to_string(lock)? == before {
            return Ok(left);
        }
    }
}

/// Puts a dependency down, and before it the releases of others that want a newer one: they are in the lock file by chance, and
/// older ones may want less.
fn put_down(package: &str, version: &str, cargo: &dyn Fn(&[&str]) -> Command) -> Fallible<bool> {
    const MOST: usize = 100;
    let mut holders: Vec<(String, String)> = Vec::new();
    for _ in 0..MOST {
        let outcome = cargo(&["update", "--precise", version, package]).output()?;
        if outcome.status.success() {
            return Ok(true);
        }
        let Some((holder, now)) = holder(&String::from_utf8_lossy(&outcome.stderr)) else { return Ok(false) };
        // One by one: a number that was never released is stepped over.
        let tried = holders.iter().rev().find(|(name, _)| *name == holder).map_or(&now, |(_, tried)| tried);
        let Some(before) = earlier(tried) else { return Ok(false) };
        step::is_there(cargo(&["update", "--precise", &before, &format!("{holder}@{now}"), "--quiet"]));
        holders.push((holder, before));
    }
    Ok(false)
}

/// Who wants a newer one, and its own version, by cargo's complaint.
fn holder(said: &str) -> Option<(String, String)> {
    let named = said.lines().find_map(|line| line.trim().strip_prefix("required by package `"))?;
    let (name, rest) = named.split_once(" v")?;
    let end = rest.find(['`', ' '])?;
    Some((name.to_owned(), rest[..end].to_owned()))
}

/// The patch number before: `1.2.2` of `1.2.3`.
fn earlier(version: &str) -> Option<String> {
    let (rest, patch) = version.rsplit_once('.')?;
    Some(format!("{rest}.{}", patch.parse::<u32>().ok()?.checked_sub(1)?))
}

/// A manifest without what only tests and examples need: part of that is not published.
fn without_tests(manifest: &str) -> String {
    let mut kept = String::new();
    let mut left_out = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            left_out = line.contains("dev-dependencies");
        }
        if !left_out {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Name and oldest version of each dependency that is needed to build (not those of tests) and comes from a registry.
fn oldest(metadata: &Value) -> BTreeMap<String, String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut found = BTreeMap::new();
    for dependency in list(&metadata["packages"]).iter().flat_map(|package| list(&package["dependencies"])) {
        if dependency["kind"] == "dev" || dependency["source"].is_null() {
            continue;
        }
        let (Some(name), Some(requirement)) = (dependency["name"].as_str(), dependency["req"].as_str()) else {
            continue;
        };
        found.insert(name.to_owned(), full(requirement));
    }
    found
}

/// `^1.2` as `1.2.0`.
fn full(requirement: &str) -> String {
    let version = requirement.trim_start_matches(['^', '=', '~', '>', ' ']);
    let parts = version.split('.').count();
    format!("{version}{}", ".0".repeat(3_usize.saturating_sub(parts)))
}

/// The versions of a package in a lock file.
fn locked(lock: &str, name: &str) -> Vec<String> {
    let mut lines = lock.lines();
    let mut versions = Vec::new();
    while let Some(line) = lines.next() {
        if line == format!("name = \"{name}\"")
            && let Some(version) = lines.next().and_then(|line| line.strip_prefix("version = \""))
        {
            versions.push(version.trim_end_matches('"').to_owned());
        }
    }
    versions
}

/// Whether a caret requirement of one allows the other: the same first part that is not 0.
fn compatible(now: &str, oldest: &str) -> bool {
    let significant = |version: &str| {
        let parts: Vec<&str> = version.split('.').collect();
        let first = parts.iter().position(|part| *part != "0").unwrap_or(2);
        parts.into_iter().take(first + 1).map(str::to_owned).collect::<Vec<_>>()
    };
    significant(now) == significant(oldest)
}

fn names(left: &BTreeMap<String, (String, String)>) -> String {
    left.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn copy(from: &Path, to: &Path) -> Fallible<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        // Of a link, what it leads to.
        if fs::metadata(entry.path()).is_ok_and(|data| data.is_dir()) {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_version_up_is_named() {
        let said = "error: failed to select a version for the requirement `tokio = \"^1.51.0\"`\n\
                    required by package `tokio-util v0.7.20`\n    ... which satisfies";
        assert_eq!(holder(said), Some(("tokio-util".to_owned(), "0.7.20".to_owned())));
        assert_eq!(holder("error: no network"), None);
        assert_eq!(earlier("0.7.20").as_deref(), Some("0.7.19"));
        assert_eq!(earlier("0.7.0"), None);
    }

    #[test]
    fn requirements_become_versions() {
        assert_eq!(full("^1.2"), "1.2.0");
        assert_eq!(full("^0.2.170"), "0.2.170");
        assert_eq!(full(">=2"), "2.0.0");
    }

    #[test]
    fn what_tests_need_and_what_is_ours_does_not_count() {
        let metadata = serde_json::json!({"packages": [{"dependencies": [
            {"name": "log", "req": "^0.4", "kind": null, "source": "registry"},
            {"name": "proptest", "req": "^1.6", "kind": "dev", "source": "registry"},
            {"name": "dlssl-core", "req": "^0.1.0", "kind": null, "source": null},
        ]}]});
        assert_eq!(oldest(&metadata), BTreeMap::from([("log".to_owned(), "0.4.0".to_owned())]));
    }

    #[test]
    fn what_tests_need_is_left_out_of_a_manifest() {
        let manifest = "[dependencies]\nlog = \"1\"\n\n[dev-dependencies]\nours = { path = \"..\" }\n\n[lints]\nworkspace = true\n";
        assert_eq!(without_tests(manifest), "[dependencies]\nlog = \"1\"\n\n[lints]\nworkspace = true\n");
    }

    #[test]
    fn all_versions_of_a_name_are_found() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"0.3.4\"\n\n[[package]]\nname = \"ab\"\nversion = \"9.0.0\"\n\n\
                    [[package]]\nname = \"a\"\nversion = \"0.4.1\"\n";
        assert_eq!(locked(lock, "a"), ["0.3.4", "0.4.1"]);
    }

    #[test]
    fn versions_are_compatible_as_cargo_sees_it() {
        assert!(compatible("0.4.9", "0.4.0"));
        assert!(compatible("1.9.0", "1.2.3"));
        assert!(!compatible("0.3.4", "0.4.0"));
        assert!(!compatible("2.0.0", "1.2.3"));
    }
}
