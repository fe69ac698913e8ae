//! Following a recipe: from nothing to a folder with `lib` and, where there are headers, `include`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use super::catalogue::{FIPS, Recipe};
use super::fetch;
use super::log::Log;
use crate::Fallible;

/// Raised when a step here changes what comes out: builds made before are then made again.
pub(crate) const REVISION: u32 = 1;

/// Writes the linker's version script where a trimmed source tree cannot.
pub(crate) const VERSION_SCRIPT: &str = include_str!("mkdef.pl");

/// What in a developer's environment would change a build.
const NOT_INHERITED: [&str; 10] = [
    "CFLAGS",
    "CPPFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "CROSS_COMPILE",
    "DESTDIR",
    "MAKEFLAGS",
    "MFLAGS",
    "MAKELEVEL",
    "OPENSSL_LOCAL_CONFIG_DIR",
];

/// The folders that a build uses.
#[derive(Debug)]
pub(crate) struct Folders {
    /// For sources; thrown away afterwards.
    pub(crate) work: PathBuf,
    /// Where the result is put together.
    pub(crate) out: PathBuf,
    /// Where the result will live: compiled into the libraries.
    pub(crate) prefix: PathBuf,
}

/// Makes the build. Nothing is to be made for the system's library.
pub(crate) fn run(recipe: &Recipe, folders: &Folders, log: &mut Log) -> Fallible<()> {
    let work = &folders.work;
    match *recipe {
        Recipe::System => Ok(()),
        Recipe::OpenSsl { version, options, trimmed } => {
            let tree = fetch::krate("openssl-src", version, work, log)?.join("openssl");
            if trimmed {
                fs::write(tree.join("util/mkdef.pl"), VERSION_SCRIPT)?;
            }
            openssl(&tree, options, folders, log)
        }
        Recipe::LibreSsl { version, archive } => {
            let krate = fetch::krate("libtls-sys", version, work, log)?;
            let mut tar = Command::new("tar");
            tar.arg("-xzf").arg(krate.join(format!("{archive}.tar.gz"))).arg("-C").arg(work);
            log.step("unpack", tar)?;
            libressl(&work.join(archive), folders, log)
        }
        Recipe::Wheel { package, version, python, abi, platform, folder } => {
            let unpacked = fetch::wheel((package, version), (python, abi, platform), work, log)?;
            // All of them: the two of interest link others of the folder.
            copy_files(&unpacked.join(folder), &folders.out.join("lib"), |name| name.contains(".so"))
        }
    }
}

/// Only the shared libraries are made: the static ones would compile everything a second time from 3.0 on.
fn openssl(tree: &Path, options: &[&str], folders: &Folders, log: &mut Log) -> Fallible<()> {
    let mut config = within(tree, Command::new("sh"));
    config.arg("./config").arg("shared").args(options).arg("--libdir=lib");
    config.arg(option("--prefix=", &folders.prefix)).arg(option("--openssldir=", &folders.prefix.join("ssl")));
    log.step("configure", config)?;
    // Headers first: rules for objects do not name the generated ones.
    log.step("make headers", make(tree, &["build_generated"]))?;
    log.step("make", make(tree, &["libcrypto.so", "libssl.so"]))?;
    if options.contains(&FIPS) {
        log.step("make modules", make(tree, &["providers/fips.so", "providers/legacy.so"]))?;
        copy_files(&tree.join("providers"), &folders.out.join("lib/ossl-modules"), |name| name.ends_with(".so"))?;
    }
    copy_files(tree, &folders.out.join("lib"), is_shared_library)?;
    copy_files(&tree.join("include/openssl"), &folders.out.join("include/openssl"), |name| name.ends_with(".h"))
}

/// Neither its programs nor its tests: the libraries and headers install without them.
fn libressl(tree: &Path, folders: &Folders, log: &mut Log) -> Fallible<()> {
    let mut configure = within(tree, Command::new("sh"));
    configure.args(["./configure", "--disable-static", "--disable-dependency-tracking"]);
    configure.arg(option("--prefix=", &folders.prefix)).arg(option("--with-openssldir=", &folders.prefix.join("ssl")));
    log.step("configure", configure)?;
    for part in ["crypto", "ssl"] {
        log.step(&format!("make {part}"), make(&tree.join(part), &[]))?;
    }
    let staged = folders.work.join("staged");
    for part in ["include", "crypto", "ssl"] {
        let mut install = make(&tree.join(part), &["install"]);
        install.arg(option("DESTDIR=", &staged));
        log.step("install", install)?;
    }
    let staged = staged.join(folders.prefix.strip_prefix("/").unwrap_or(&folders.prefix));
    copy_files(&staged.join("lib"), &folders.out.join("lib"), is_shared_library)?;
    copy_files(&staged.join("include/openssl"), &folders.out.join("include/openssl"), |name| name.ends_with(".h"))
}

fn make(folder: &Path, targets: &[&str]) -> Command {
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let mut nice = Command::new("nice");
    nice.args(["-n", "10", "make"]).arg(format!("-j{jobs}")).args(targets);
    within(folder, nice)
}

fn within(folder: &Path, mut command: Command) -> Command {
    command.current_dir(folder).env("LC_ALL", "C");
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    command
}

fn option(name: &str, path: &Path) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(name);
    option.push(path);
    option
}

fn is_shared_library(name: &str) -> bool {
    let stem = ["libssl.so", "libcrypto.so"].into_iter().find_map(|stem| name.strip_prefix(stem));
    stem.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Copies the files directly in `from` whose name is wanted; links stay links.
fn copy_files(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> Fallible<()> {
    fs::create_dir_all(to)?;
    let within = |error: io::Error| format!("{}: {error}", from.display());
    let mut copied = 0;
    for entry in fs::read_dir(from).map_err(within)? {
        let entry = entry.map_err(within)?;
        if !wanted(&entry.file_name().to_string_lossy()) || entry.path().is_dir() {
            continue;
        }
        copy(&entry.path(), &to.join(entry.file_name())).map_err(within)?;
        copied += 1;
    }
    if copied == 0 { Err(format!("nothing of use in {}", from.display()).into()) } else { Ok(()) }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if from.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_libraries_and_their_links_are_taken() {
        for name in ["libssl.so", "libcrypto.so.3", "libssl.so.48.0.1"] {
            assert!(is_shared_library(name), "{name}");
        }
        for name in ["libssl.a", "libssl.so-old", "libssl.sox", "libtls.so", "libcrypto.ld"] {
            assert!(!is_shared_library(name), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_nothing_at_all_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("libssl.so.9")).unwrap();
        fs::write(from.join("libssl.so.3"), "x").unwrap();
        fs::write(from.join("other"), "x").unwrap();
        std::os::unix::fs::symlink("libssl.so.3", from.join("libssl.so")).unwrap();
        copy_files(&from, &to, is_shared_library).unwrap();
        assert_eq!(fs::read_link(to.join("libssl.so")).unwrap(), Path::new("libssl.so.3"));
        assert_eq!(fs::read_dir(&to).unwrap().count(), 2);
        let message = copy_files(&from, &to, |_| false).unwrap_err().to_string();
        assert!(message.contains("nothing of use"), "{message}");
    }
}
