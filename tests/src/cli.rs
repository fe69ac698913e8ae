//! The `dlssl` command under test: found beside the test executable, or built.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::library;

/// The command to test instead of the one in the target directory.
pub const CLI: &str = "DLSSL_TEST_CLI";

/// The executable.
///
/// # Panics
/// When there is none and it cannot be built.
pub fn path() -> &'static Path {
    static CLI_PATH: OnceLock<PathBuf> = OnceLock::new();
    CLI_PATH.get_or_init(|| match std::env::var_os(CLI) {
        Some(file) => file.into(),
        None => in_target(),
    })
}

/// A `dlssl` command with a subcommand and the options that choose the library under test.
pub fn command(subcommand: &str) -> Command {
    let mut command = Command::new(path());
    let options = library::cli_options();
    // Options win over variables, but a variable beside them may be an error of its own.
    if !options.is_empty() {
        library::clear_environment(&mut command);
    }
    command.arg(subcommand).args(options);
    command
}

/// A `dlssl` command with a subcommand and no library chosen, not even by the environment.
pub fn bare(subcommand: &str) -> Command {
    let mut command = Command::new(path());
    library::clear_environment(&mut command);
    command.arg(subcommand);
    command
}

/// Test executables live in `target/<profile>/deps`, binaries one above.
fn in_target() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile_dir = own.parent().and_then(Path::parent).unwrap();
    let file = profile_dir.join(format!("dlssl{}", std::env::consts::EXE_SUFFIX));
    build(profile_dir);
    assert!(file.is_file(), "no {}: set {CLI}", file.display());
    file
}

/// Builds it: an old executable would test old code. Cargo does nothing when it is fresh.
fn build(profile_dir: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile = profile_dir.file_name().and_then(|n| n.to_str());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--package", "dlssl-cli"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env_remove("LD_LIBRARY_PATH");
    if profile == Some("release") {
        command.arg("--release");
    }
    command.args(as_this_one(profile_dir));
    // Without a cargo (tests copied to another machine), what lies there is what is tested.
    if let Ok(status) = command.status() {
        assert!(status.success(), "dlssl-cli does not build");
    }
}

/// Options by which cargo builds for the target, and into the folder, of this executable.
pub(crate) fn as_this_one(profile_dir: &Path) -> Vec<OsString> {
    let mut options = Vec::new();
    // Below a folder of the target where that is another than the machine's own.
    let mut folder = profile_dir.parent();
    let target = env!("DLSSL_TEST_TARGET");
    if !target.is_empty() {
        options.extend(["--target".into(), target.into()]);
        folder = folder.and_then(Path::parent);
    }
    options.extend(folder.into_iter().flat_map(|folder| ["--target-dir".into(), folder.into()]));
    options
}
