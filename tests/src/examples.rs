//! The examples as built by cargo: programs and the plugin, built anew where there is a cargo.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The file of an example of the crate `dlssl`, such as `prefork` or `libplugin.so`.
///
/// # Panics
/// When it does not build, or is not there.
pub fn path(name: &str, file: &str) -> PathBuf {
    of_package("dlssl", name, file)
}

/// The same of another crate.
///
/// # Panics
/// When it does not build, or is not there.
pub fn of_package(package: &str, name: &str, file: &str) -> PathBuf {
    // Test executables live in `target/<profile>/deps`, examples beside that folder.
    let own = std::env::current_exe().unwrap();
    let profile_dir = own.parent().and_then(Path::parent).unwrap();
    build(profile_dir, package, name);
    let file = profile_dir.join("examples").join(file);
    assert!(file.is_file(), "no {}", file.display());
    file
}

/// An old file would test old code. Cargo does nothing when it is fresh.
fn build(profile_dir: &Path, package: &str, name: &str) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--package", package, "--example", name])
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
