//! A place where no libssl and no libcrypto can be found, for one process at a time.
//!
//! Best is a mount namespace of its own, in which the system's library folders lack these files. The
//! folders themselves are never touched: the absence is an overlay whose upper layer says "deleted", or
//! an empty file mounted over each. Without namespaces there is only an empty `DLSSL_DIR`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Folders of the dynamic linker on the systems we know, besides those that `ldconfig -p` names.
const FOLDERS: [&str; 10] = [
    "/lib",
    "/lib64",
    "/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/local/lib",
    "/usr/local/lib64",
];

/// How the libraries are kept from being found.
#[derive(Debug)]
pub(crate) struct Hiding {
    way: Way,
    /// An empty folder: the mount point of the scratch space, or what `DLSSL_DIR` names.
    folder: TempDir,
}

#[derive(Debug)]
enum Way {
    Namespace {
        /// `-m`, or `-rm` for a user who is not root.
        unshare: &'static str,
        cover: Cover,
        script: String,
        files: usize,
    },
    EmptyFolder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cover {
    /// The files are not there at all.
    Overlay,
    /// The files are there, and empty.
    EmptyFiles,
}

impl fmt::Display for Hiding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Namespace { cover, files, .. } => {
                let how = match cover {
                    Cover::Overlay => "absent",
                    Cover::EmptyFiles => "covered by an empty file",
                };
                write!(f, "{files} files of the system are {how} in a mount namespace")
            }
            Way::EmptyFolder => {
                f.write_str("mount namespaces are not allowed here, so DLSSL_DIR names an empty folder")
            }
        }
    }
}

impl Hiding {
    /// Takes the best way that works on this machine.
    pub(crate) fn find() -> io::Result<Hiding> {
        let folder = TempDir::new()?;
        let files = library_files();
        for unshare in ["-m", "-rm"] {
            for cover in [Cover::Overlay, Cover::EmptyFiles] {
                let script = script(&files, cover, folder.path());
                let way = Way::Namespace { unshare, cover, script, files: files.len() };
                if way.works(folder.path()) {
                    return Ok(Hiding { way, folder });
                }
            }
        }
        Ok(Hiding { way: Way::EmptyFolder, folder })
    }

    /// The call of a program behind the curtain.
    pub(crate) fn wrap(&self, program: &str) -> Command {
        self.way.wrap(program)
    }

    /// Variables that keep a library from being found, or from being found by accident.
    pub(crate) fn set_environment(&self, command: &mut Command) {
        command.env_remove("LD_LIBRARY_PATH");
        if matches!(self.way, Way::EmptyFolder) {
            command.env("DLSSL_DIR", self.folder.path());
        }
    }
}

impl Way {
    fn wrap(&self, program: &str) -> Command {
        match self {
            Way::Namespace { unshare, script, .. } => {
                let mut command = Command::new("unshare");
                command.args([unshare, "sh", "-c", script, "sh", program]);
                command
            }
            Way::EmptyFolder => Command::new(program),
        }
    }

    fn works(&self, scratch: &Path) -> bool {
        if !scratch.is_absolute() {
            return false;
        }
        let mut probe = self.wrap("true");
        probe.stdin(Stdio::null()).stdout(Stdio::null());
        probe.stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    }
}

/// A shell script that hides `files` and then becomes the program it is given.
fn script(files: &[PathBuf], cover: Cover, scratch: &Path) -> String {
    let scratch = quoted(scratch);
    let mut lines = vec!["set -eu".to_owned(), format!("mount -t tmpfs tmpfs {scratch}")];
    match cover {
        Cover::Overlay => {
            for (number, (folder, names)) in by_folder(files).iter().enumerate() {
                let folder = quoted(folder);
                let layer = format!("{scratch}/{number}");
                lines.push(format!("mkdir -p {layer}/upper {layer}/work"));
                for name in names {
                    // A character device 0:0 in the upper layer is overlayfs' mark for "deleted".
                    lines.push(format!("mknod {layer}/upper/{} c 0 0", quoted(Path::new(name))));
                }
                lines.push(format!(
                    "mount -t overlay overlay -o lowerdir={folder},upperdir={layer}/upper,workdir={layer}/work {folder}"
                ));
            }
        }
        Cover::EmptyFiles => {
            lines.push(format!(": > {scratch}/empty"));
            for file in files {
                lines.push(format!("mount --bind {scratch}/empty {}", quoted(file)));
            }
        }
    }
    lines.push("exec \"$@\"".to_owned());
    lines.join("\n")
}

fn by_folder(files: &[PathBuf]) -> BTreeMap<&Path, Vec<&str>> {
    let mut folders: BTreeMap<&Path, Vec<&str>> = BTreeMap::new();
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str());
        if let (Some(folder), Some(name)) = (file.parent(), name) {
            folders.entry(folder).or_default().push(name);
        }
    }
    folders
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

/// Every libssl and libcrypto that the dynamic linker could find, once each.
fn library_files() -> Vec<PathBuf> {
    let mut folders: BTreeSet<PathBuf> = FOLDERS.iter().map(PathBuf::from).collect();
    folders.extend(ldconfig_folders());
    // Folders are often links to each other; a file must be covered once.
    let folders: BTreeSet<PathBuf> = folders.iter().filter_map(|folder| fs::canonicalize(folder).ok()).collect();
    let mut files = Vec::new();
    for folder in folders {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            if entry.file_name().to_str().is_some_and(is_library) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

fn ldconfig_folders() -> Vec<PathBuf> {
    let output =
        ["ldconfig", "/sbin/ldconfig"].iter().find_map(|program| Command::new(program).arg("-p").output().ok());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_once(" => "))
        .filter(|(_, path)| path.rsplit('/').next().is_some_and(is_library))
        .filter_map(|(_, path)| Path::new(path).parent().map(Path::to_path_buf))
        .collect()
}

/// `libssl.so.3`, `libcrypto-1.1.so`; not `libssl3.so`, which is another library's.
fn is_library(name: &str) -> bool {
    let rest = name.strip_prefix("libssl").or_else(|| name.strip_prefix("libcrypto"));
    rest.is_some_and(|rest| rest.starts_with(['.', '-']) && rest.contains(".so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_names_are_told_from_others() {
        for name in ["libssl.so", "libssl.so.3", "libcrypto.so.1.1", "libcrypto-3.so"] {
            assert!(is_library(name), "{name}");
        }
        for name in ["libssl3.so", "libssl.a", "libk5crypto.so.3", "libsslcommon.so"] {
            assert!(!is_library(name), "{name}");
        }
    }

    #[test]
    fn the_script_never_writes_outside_the_scratch_space() {
        let files = [PathBuf::from("/lib/a/libssl.so.3"), PathBuf::from("/lib/b/libssl.so")];
        for cover in [Cover::Overlay, Cover::EmptyFiles] {
            let script = script(&files, cover, Path::new("/tmp/it's"));
            for line in script.lines() {
                let harmless = line.starts_with("mount ")
                    || line.starts_with("set ")
                    || line.starts_with("exec ")
                    || line.contains(r"'/tmp/it'\''s'/");
                assert!(harmless, "{line}");
            }
            assert!(script.starts_with("set -eu\nmount -t tmpfs"), "{script}");
        }
    }

    #[test]
    fn one_overlay_per_folder() {
        let files = ["/l/libssl.so.3", "/l/libcrypto.so.3", "/m/libssl.so.3"].map(PathBuf::from);
        let script = script(&files, Cover::Overlay, Path::new("/tmp/x"));
        assert_eq!(script.matches("mount -t overlay").count(), 2);
        assert_eq!(script.matches("mknod").count(), 3);
    }

    #[test]
    fn what_is_hidden_is_hidden_for_one_process_only() {
        let hiding = Hiding::find().unwrap();
        if matches!(hiding.way, Way::EmptyFolder) {
            return; // This machine allows no namespaces: nothing is mounted.
        }
        for file in library_files() {
            let size = fs::metadata(&file).map(|data| data.len()).ok();
            let mut test = hiding.wrap("test");
            let seen = test.arg("-s").arg(&file).status().unwrap();
            assert!(!seen.success(), "{} is still there", file.display());
            assert_eq!(fs::metadata(&file).map(|data| data.len()).ok(), size);
        }
    }
}
