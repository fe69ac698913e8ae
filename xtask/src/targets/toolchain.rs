//! A Rust that can build for another target: the one in use where it has the target's standard library, else Debian's newest,
//! unpacked into the cache, which has some of them and the source of all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::debian::{self, Archive};
use crate::{Fallible, workspace};

/// Its place in the cache.
const NAME: &str = "rust";
/// Debian's suite with a Rust that is new enough.
const SUITE: &str = "sid";
/// Architectures whose standard library comes built.
const BUILT: [&str; 2] = ["i386", "arm64"];
/// The shell script in the unpacked folder that starts the compiler with its own C library.
const START: &str = "rustc";

/// How cargo is to be called for a target.
#[derive(Debug)]
pub(super) struct Toolchain {
    /// `None` for the one in use.
    rustc: Option<PathBuf>,
    /// The standard library is built from its source.
    builds_std: bool,
}

/// Finds one.
///
/// # Errors
/// Why there is none, and how to get it.
pub(super) fn find(target: &str) -> Result<Toolchain, String> {
    if has_std(Command::new("rustc"), target) {
        return Ok(Toolchain { rustc: None, builds_std: false });
    }
    let unpacked = debian::unpacked(NAME).map_err(|error| error.to_string())?;
    let rustc = unpacked.map(|folder| folder.join(START)).ok_or(
        "rustc has no standard library for it, and Debian's is not in the cache: `cargo xtask targets --install` fetches it",
    )?;
    let builds_std = !has_std(Command::new(&rustc), target);
    Ok(Toolchain { rustc: Some(rustc), builds_std })
}

fn has_std(mut rustc: Command, target: &str) -> bool {
    let output = rustc.args(["--print", "target-libdir", "--target", target]).output();
    let folder = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let folder = folder.and_then(|folder| Some(PathBuf::from(String::from_utf8(folder).ok()?.trim())));
    let mut files = folder.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    files.any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
}

impl Toolchain {
    /// A cargo command for the target, with a folder of its own to build in.
    pub(super) fn cargo(&self, command: &str, target: &str) -> Command {
        let mut cargo = workspace::cargo();
        cargo.args([command, "--locked", "--target", target]);
        cargo.env("CARGO_TARGET_DIR", folder());
        if let Some(rustc) = &self.rustc {
            cargo.env("RUSTC", rustc);
        }
        if self.builds_std {
            // The source belongs to just this compiler, which calls itself stable.
            // In the environment, so that tests that build programs do it likewise.
            cargo.env("RUSTC_BOOTSTRAP", "1").env("CARGO_UNSTABLE_BUILD_STD", "std,panic_unwind");
        }
        cargo
    }

    /// For the table.
    pub(super) fn words(&self) -> &'static str {
        match (&self.rustc, self.builds_std) {
            (None, _) => "the Rust in use",
            (Some(_), false) => "Debian's Rust",
            (Some(_), true) => "Debian's Rust, std from source",
        }
    }
}

/// Where all targets are built.
pub(super) fn folder() -> PathBuf {
    workspace::target_folder().join("targets")
}

/// Fetches Debian's Rust.
pub(super) fn install() -> Fallible<()> {
    if debian::unpacked(NAME)?.is_some() {
        return Ok(());
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("Debian's Rust is fetched for x86-64 Linux only".into());
    }
    let architectures: Vec<_> = ["amd64"].into_iter().chain(BUILT).collect();
    let archive = Archive::open(SUITE, &architectures)?;
    let mut packages = archive.with_needs("libstd-rust-dev")?;
    packages.extend(["rustc", "rust-src"].map(str::to_owned));
    packages.extend(BUILT.map(|architecture| format!("libstd-rust-dev:{architecture}")));
    archive.unpack(&packages, NAME, |out| {
        let script = out.join(START);
        fs::write(&script, SCRIPT)?;
        Ok(fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?)
    })?;
    Ok(())
}

/// Its C library is newer than the system's may be.
const SCRIPT: &str = r#"#!/bin/sh
here=$(dirname "$0")/usr
exec "$here/lib64/ld-linux-x86-64.so.2" --library-path "$here/lib/x86_64-linux-gnu" "$here/bin/rustc" "$@"
"#;

/// Whether a program is to be found.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = std::env::split_paths(&path).collect();
    // Where Debian keeps Wine's own.
    places.push(Path::new("/usr/lib/wine").to_owned());
    places.into_iter().map(|folder| folder.join(name)).find(|file| file.is_file())
}
