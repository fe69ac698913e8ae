//! The oldest Rust that the crates promise builds them, and the tests. Not xtask: it is ours alone.

use std::fs;
use std::process::Command;

use super::step::{self, Verdict};
use crate::{Fallible, workspace};

pub(super) fn check() -> Fallible<Verdict> {
    let manifest = fs::read_to_string(workspace::root().join("Cargo.toml"))?;
    let version = promised(&manifest).ok_or("Cargo.toml promises no rust-version")?;
    // The CARGO that runs us is one toolchain's own, and cannot be told to be another.
    let rust = |arguments: &[&str]| {
        let mut rustup = Command::new("rustup");
        rustup.args(["run", version, "cargo"]).args(arguments).current_dir(workspace::root());
        rustup
    };
    if !step::is_there(rust(&["--version"])) {
        return Ok(Verdict::skipped(format!("Rust {version} is not installed: rustup toolchain install {version}")));
    }
    let mut check = rust(&["check", "--workspace", "--exclude", "xtask", "--all-targets", "--locked"]);
    check.env("CARGO_TARGET_DIR", workspace::root().join("target/nightly/msrv"));
    step::run(check)?;
    Ok(Verdict::passed(format!("builds with Rust {version}")))
}

/// The value of `rust-version` in the workspace's manifest.
fn promised(manifest: &str) -> Option<&str> {
    let line = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "))?;
    line.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promise_is_read() {
        assert_eq!(promised("[workspace.package]\nrust-version = \"1.88\"\n"), Some("1.88"));
        assert_eq!(promised("[workspace]\n"), None);
    }
}
