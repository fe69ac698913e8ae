//! A Linux kernel with its modules: Debian's package, fetched and unpacked into the user's cache, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Fallible;
use crate::libs;

/// The package that stands for the newest kernel; it depends on the one that has the files.
const PACKAGE: &str = "linux-image-cloud-amd64";

/// An unpacked kernel.
pub(super) struct Kernel {
    pub(super) image: PathBuf,
    /// `lib/modules/VERSION`.
    pub(super) modules: PathBuf,
    pub(super) version: String,
}

/// Takes the one in the cache, or fetches it.
///
/// # Errors
/// When there is none and it cannot be had here.
pub(super) fn ensure() -> Fallible<Kernel> {
    let cache = libs::cache_beside("kernel")?;
    if let Some(kernel) = unpacked(&cache) {
        return Ok(kernel);
    }
    fs::create_dir_all(&cache)?;
    let work = tempfile::Builder::new().prefix(".unpacking-").tempdir_in(&cache)?;
    let package = package()?;
    run(Command::new("apt-get").args(["download", "-qq", &package]).current_dir(work.path()))?;
    let file = fs::read_dir(work.path())?.flatten().map(|entry| entry.path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|end| end == "deb"));
    let file = file.ok_or_else(|| format!("apt-get download {package} left no file"))?;
    let out = work.path().join("out");
    run(Command::new("dpkg-deb").arg("-x").arg(file).arg(&out))?;
    fs::rename(out, cache.join(&package))?;
    unpacked(&cache).ok_or_else(|| format!("{package} has no kernel in it").into())
}

fn unpacked(cache: &Path) -> Option<Kernel> {
    fs::read_dir(cache).ok()?.flatten().find_map(|entry| {
        let root = entry.path();
        // Both places, before and after Debian moved them.
        let modules = ["lib/modules", "usr/lib/modules"].map(|folder| root.join(folder));
        let modules = modules.iter().find_map(|folder| Some(fs::read_dir(folder).ok()?.next()?.ok()?.path()))?;
        let version = modules.file_name()?.to_str()?.to_owned();
        let image = root.join(format!("boot/vmlinuz-{version}"));
        image.is_file().then_some(Kernel { image, modules, version })
    })
}

/// The package that the standing one depends on.
fn package() -> Fallible<String> {
    let output = Command::new("apt-cache").args(["depends", PACKAGE]).output();
    let output = output.map_err(|error| format!("apt-cache: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let name = depends(&text);
    name.ok_or_else(|| format!("apt-cache knows no {PACKAGE} (apt-get update may help)").into())
}

fn depends(text: &str) -> Option<String> {
    let mut names = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    names.find(|name| name.starts_with("linux-image-")).map(str::to_owned)
}

fn run(command: &mut Command) -> Fallible<()> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_with_the_files_is_found() {
        let text = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n  Suggests: x\n";
        assert_eq!(depends(text).as_deref(), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(depends("linux-image-cloud-amd64\n"), None);
    }

    #[test]
    fn both_places_of_modules_are_known() {
        for place in ["lib/modules/6.1.0", "usr/lib/modules/6.1.0"] {
            let cache = tempfile::tempdir().unwrap();
            assert!(unpacked(cache.path()).is_none());
            let root = cache.path().join("linux-image");
            fs::create_dir_all(root.join(place)).unwrap();
            fs::create_dir_all(root.join("boot")).unwrap();
            fs::write(root.join("boot/vmlinuz-6.1.0"), "").unwrap();
            assert_eq!(unpacked(cache.path()).unwrap().version, "6.1.0");
        }
    }
}
