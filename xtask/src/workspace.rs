//! Where the workspace is, how cargo is called in it, what its compiler is for, and whether this is a CI run.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Fallible;

/// The top folder of the checkout.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The cargo that runs us, so that one toolchain serves all steps.
pub(crate) fn cargo() -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Where cargo builds.
pub(crate) fn target_folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The machine's own target.
pub(crate) fn host() -> Fallible<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc does not tell its host")?;
    Ok(host.to_owned())
}

/// Whether the compiler in use has the sanitizer's runtime.
pub(crate) fn has_sanitizer(host: &str) -> Fallible<bool> {
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", host]).output()?;
    let folder = String::from_utf8(output.stdout)?;
    let files = std::fs::read_dir(folder.trim())?.flatten();
    Ok(files.map(|file| file.file_name()).any(|name| name.to_string_lossy().ends_with("rt.asan.a")))
}

/// Whether the environment says that this is an unattended run.
pub(crate) fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| matches!(value.as_str(), "true" | "1"))
}
