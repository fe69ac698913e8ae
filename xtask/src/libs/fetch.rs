//! Sources by the ordinary clients, which check what they deliver: crates by cargo, wheels by pip.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::log::Log;
use crate::{Fallible, workspace};

/// Brings the source of a crate below `folder` without building it, and returns where it is.
pub(crate) fn krate(package: &str, version: &str, folder: &Path, log: &mut Log) -> Fallible<PathBuf> {
    fs::write(folder.join("Cargo.toml"), manifest(package, version))?;
    fs::write(folder.join("lib.rs"), "")?;
    let mut cargo = workspace::cargo();
    cargo.current_dir(folder).args(["vendor", "--versioned-dirs", "vendor"]);
    log.step("fetch", cargo)?;
    let vendor = folder.join("vendor");
    for entry in fs::read_dir(&vendor)? {
        let entry = entry?;
        if is_folder_of(&entry.file_name().to_string_lossy(), package, version) {
            return Ok(entry.path());
        }
    }
    Err(format!("cargo brought no {package} {version} into {}", vendor.display()).into())
}

/// Brings a wheel into `folder`, unpacked, and returns where.
///
/// `python`, `abi` and `platform` are pip's words for the interpreter the wheel was made for.
pub(crate) fn wheel(
    (package, version): (&str, &str),
    (python, abi, platform): (&str, &str, &str),
    folder: &Path,
    log: &mut Log,
) -> Fallible<PathBuf> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
    pip.args(["--implementation", "cp", "--python-version", python, "--abi", abi, "--platform", platform]);
    pip.arg("--dest").arg(folder).arg(format!("{package}=={version}"));
    log.step("fetch", pip)?;
    let is_wheel = |path: &PathBuf| path.extension().is_some_and(|end| end == "whl");
    let wheel = fs::read_dir(folder)?.filter_map(|entry| entry.ok().map(|entry| entry.path())).find(is_wheel);
    let wheel = wheel.ok_or_else(|| format!("pip brought no wheel of {package} {version}"))?;
    let unpacked = folder.join("unpacked");
    let mut python = Command::new("python3");
    python.args(["-m", "zipfile", "-e"]).arg(wheel).arg(&unpacked);
    log.step("unpack", python)?;
    Ok(unpacked)
}

/// A manifest that depends on one version of one crate, and is no part of anybody's workspace.
fn manifest(package: &str, version: &str) -> String {
    format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\npublish = false\n\n\
         [lib]\npath = \"lib.rs\"\n\n[dependencies]\n{package} = \"={version}\"\n\n[workspace]\n"
    )
}

/// A vendored folder is called by name and version; what follows a `+` in a version is not asked for.
fn is_folder_of(folder: &str, package: &str, version: &str) -> bool {
    let rest = folder.strip_prefix(package).and_then(|rest| rest.strip_prefix('-'));
    rest.and_then(|rest| rest.strip_prefix(version)).is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_crate_is_told_from_its_neighbours() {
        assert!(is_folder_of("openssl-src-111.28.2+1.1.1w", "openssl-src", "111.28.2"));
        assert!(is_folder_of("libtls-sys-1.2.0", "libtls-sys", "1.2.0"));
        assert!(!is_folder_of("libtls-sys-1.2.01", "libtls-sys", "1.2.0"));
        assert!(!is_folder_of("openssl-src-extra-1.0.0", "openssl-src", "1.0.0"));
    }

    #[test]
    fn the_manifest_pins_the_version_and_stands_alone() {
        let text = manifest("openssl-src", "300.5.5");
        assert!(text.contains("\nopenssl-src = \"=300.5.5\"\n"), "{text}");
        assert!(text.ends_with("[workspace]\n"), "{text}");
    }
}
