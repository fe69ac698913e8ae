//! The peers' program: built with one library's headers after another, in one folder, and a copy kept of each; run on that
//! library or on another of its name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::libs::{self, Located, Row};
use crate::process::{self, End};
use crate::{Fallible, workspace};

/// A build from nothing takes three minutes on two cores.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// What became of a build.
pub(super) enum Built {
    /// Where the program is.
    Program(PathBuf),
    /// The crates of rust-openssl do not take this library; in their words.
    Refused(String),
    /// Something else went wrong, and was shown.
    Failed,
}

/// Builds with the headers of `located`, unless the copy of an earlier time is newer than all that it is made of.
pub(super) fn build(name: &str, located: &Located) -> Fallible<Built> {
    let target = workspace::root().join("target/bench");
    let program = target.join("programs").join(name);
    if is_current(&program, &target.join("release/dlssl-bench.d")) {
        return Ok(Built::Program(program));
    }
    let folder = workspace::root().join("benches");
    let mut cargo = workspace::cargo();
    cargo.current_dir(&folder).args(["build", "--release", "--locked"]).env("CARGO_TARGET_DIR", &target);
    if let Some(lib) = &located.lib_dir {
        let include = located.include_dir.as_ref().ok_or("this build has no headers, which the peers need")?;
        // By the name for one target: aws-lc's crate builds anew when the plain ones change.
        let target = format!("{}_UNKNOWN_LINUX_GNU_OPENSSL", std::env::consts::ARCH.to_uppercase());
        cargo.env(format!("{target}_LIB_DIR"), lib).env(format!("{target}_INCLUDE_DIR"), include);
    }
    let finished = process::run(cargo, LIMIT, |line| anstream::eprintln!("{line}"))?;
    if !matches!(finished.end, End::Exited(status) if status.success()) {
        return Ok(refusal(&finished.output).map_or(Built::Failed, Built::Refused));
    }
    fs::create_dir_all(target.join("programs"))?;
    fs::copy(target.join("release/dlssl-bench"), &program)?;
    Ok(Built::Program(program))
}

/// Whether no file that cargo names in its list is newer, nor the list of dependencies.
fn is_current(program: &Path, list: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let (Some(made), Ok(list)) = (time(program), fs::read_to_string(list)) else { return false };
    let files = list.lines().filter_map(|line| line.split_once(": ")).flat_map(|(_, files)| files.split(' '));
    let lock = workspace::root().join("benches/Cargo.lock");
    files.map(Path::new).chain([lock.as_path()]).all(|file| time(file).is_some_and(|time| time < made))
}

/// Why rust-openssl's crates do not build: what the first of them to give up said.
fn refusal(output: &str) -> Option<String> {
    let mut lines = output.lines().skip_while(|line| {
        !line.contains("custom build command for `openssl") && !line.contains("could not compile `openssl")
    });
    lines.next()?;
    let after = lines.map(str::trim).skip_while(|line| !line.contains("panicked at")).skip(1);
    let said: Vec<&str> = after.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()).collect();
    Some(if said.is_empty() { "its crates do not compile".to_owned() } else { said.join(" ") })
}

/// The build whose headers serve for a program on `row`: its own, or those of the nearest version whose files have the
/// same names, the older one first.
pub(super) fn headers(row: &'static Row, located: &Located) -> Fallible<Option<(&'static str, Located)>> {
    if located.include_dir.is_some() {
        return Ok(Some((row.name, located.clone())));
    }
    let Some(identity) = libs::identity_of(row)? else { return Ok(None) };
    let name = format!("libssl.so.{}", ending(&identity.libssl));
    let mut known = Vec::new();
    for other in libs::catalogue() {
        let Some(there) = libs::locate(other.name)? else { continue };
        let named_so = there.lib_dir.as_ref().is_some_and(|folder| folder.join(&name).exists());
        if named_so && there.include_dir.is_some() {
            known.push((other, there));
        }
    }
    known.sort_by_key(|(other, _)| other.version());
    let older = known.iter().rposition(|(other, _)| other.version() <= row.version()).unwrap_or(0);
    Ok((!known.is_empty()).then(|| known.swap_remove(older)).map(|(other, there)| (other.name, there)))
}

/// The program, to be run on `row`. The linker looks for the names that it was linked with: a library that goes by
/// another name gets them in a folder of links.
pub(super) fn on(program: &Path, row: &'static Row, located: &Located) -> Fallible<Command> {
    let mut command = Command::new(program);
    let Some(folder) = &located.lib_dir else { return Ok(command) };
    let mut path = folder.clone().into_os_string();
    if located.include_dir.is_none() {
        let identity = libs::identity_of(row)?.ok_or("a library that does not load")?;
        let links = workspace::root().join("target/bench/links").join(row.name);
        if links.exists() {
            fs::remove_dir_all(&links)?;
        }
        fs::create_dir_all(&links)?;
        for (name, file) in [("libssl", &identity.libssl), ("libcrypto", &identity.libcrypto)] {
            std::os::unix::fs::symlink(file, links.join(format!("{name}.so.{}", ending(file))))?;
        }
        path = [links.as_os_str(), path.as_os_str()].join(":".as_ref());
    }
    command.env("LD_LIBRARY_PATH", path);
    Ok(command)
}

/// `1.1` of `libssl-3e69114b.so.1.1`.
fn ending(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.split_once(".so.").map_or_else(String::new, |(_, ending)| ending.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_refusal_are_found() {
        let output = "   Compiling openssl-sys v0.9.118\n\
            error: failed to run custom build command for `openssl-sys v0.9.118`\n\n--- stderr\n\n\
            thread 'main' (7) panicked at build/main.rs:451:5:\n\n\nThis crate is only for\nothers.\n\n\nnote: run\n";
        assert_eq!(refusal(output).as_deref(), Some("This crate is only for others."));
        let output = "error[E0425]: no such\nerror: could not compile `openssl` (lib) due to 1 error\n";
        assert_eq!(refusal(output).as_deref(), Some("its crates do not compile"));
        assert_eq!(refusal("error: could not compile `dlssl-bench` (bin)\n"), None);
    }

    #[test]
    fn a_program_is_current_until_a_source_is_newer() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, seconds: u64| {
            let path = folder.path().join(name);
            let time = std::time::SystemTime::now() + Duration::from_secs(seconds);
            fs::File::create(&path).unwrap().set_modified(time).unwrap();
            path
        };
        let (program, list) = (file("program", 10), folder.path().join("list.d"));
        assert!(!is_current(&program, &list));
        let source = file("a.rs", 5);
        fs::write(&list, format!("program: {}\n", source.display())).unwrap();
        assert!(is_current(&program, &list));
        file("a.rs", 15);
        assert!(!is_current(&program, &list));
    }

    #[test]
    fn a_file_says_by_what_name_it_can_be_linked() {
        assert_eq!(ending(Path::new("/c/lib/libssl-3e69114b.so.1.1")), "1.1");
        assert_eq!(ending(Path::new("/c/lib/libssl.so")), "");
    }
}
