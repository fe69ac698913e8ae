//! The examples as built by cargo: programs and the plugin, built anew where there is a cargo.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The file of an example, such as `prefork` or `libplugin.so`.
///
/// # Panics
/// When it does not build, or is not there.
pub fn path(name: &str, file: &str) -> PathBuf {
    // Test executables live in `target/<profile>/deps`, examples beside that folder.
    let own = std::env::current_exe().unwrap();
    let profile_dir = own.parent().and_then(Path::parent).unwrap();
    build(profile_dir, name);
    let file = profile_dir.join("examples").join(file);
    assert!(file.is_file(), "no {}", file.display());
    file
}

/// An old file would test old code. Cargo does nothing when it is fresh, as it is after the build of a whole test run: that is
/// of the whole workspace too, and one package by itself would be built with other features of what it depends on.
fn build(profile_dir: &Path, name: &str) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--workspace", "--example", name])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env_remove("LD_LIBRARY_PATH");
    if profile_dir.file_name().is_some_and(|profile| profile == "release") {
        command.arg("--release");
    }
    command.args(crate::cli::as_this_one(profile_dir));
    // Without a cargo (tests copied to another machine), what lies there is what is tested.
    if let Ok(status) = command.status() {
        assert!(status.success(), "the example {name} does not build");
    }
}
