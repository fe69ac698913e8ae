//! The archive that a Linux kernel unpacks as its first file system: cpio in its "newc" form, uncompressed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Files, folders and links by their path in the guest, without the leading slash.
#[derive(Default)]
pub(super) struct Archive {
    entries: BTreeMap<PathBuf, Entry>,
}

struct Entry {
    mode: u32,
    content: Vec<u8>,
}

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_777;

impl Archive {
    pub(super) fn folder(&mut self, at: &str) {
        self.put(Path::new(at), FOLDER, Vec::new());
    }

    pub(super) fn link(&mut self, at: &str, to: &str) {
        self.put(Path::new(at), LINK, to.into());
    }

    pub(super) fn program(&mut self, at: &str, content: &[u8]) {
        self.put(Path::new(at), FILE | 0o755, content.to_owned());
    }

    /// A file of this machine, its links followed, under another path or its own.
    pub(super) fn file(&mut self, from: &Path, at: &Path) -> io::Result<()> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", from.display()));
        let mode = fs::metadata(from).map_err(named)?.permissions().mode() & 0o777;
        self.put(at, FILE | mode, fs::read(from).map_err(named)?);
        Ok(())
    }

    /// A folder with all that is in it.
    pub(super) fn tree(&mut self, from: &Path, at: &Path) -> io::Result<()> {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (from, at) = (entry.path(), at.join(entry.file_name()));
            if from.is_dir() {
                self.tree(&from, &at)?;
            } else if from.is_file() {
                self.file(&from, &at)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, at: &Path, mode: u32, content: Vec<u8>) {
        let at: PathBuf = at.strip_prefix("/").unwrap_or(at).to_owned();
        // The kernel makes no folder by itself.
        for parent in at.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            self.entries.entry(parent.to_owned()).or_insert(Entry { mode: FOLDER, content: Vec::new() });
        }
        self.entries.insert(at, Entry { mode, content });
    }

    /// The archive's bytes. A parent sorts before what is in it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, (path, entry)) in self.entries.iter().enumerate() {
            append(&mut bytes, number + 1, &path.to_string_lossy(), entry);
        }
        append(&mut bytes, 0, "TRAILER!!!", &Entry { mode: 0, content: Vec::new() });
        bytes
    }
}

fn append(bytes: &mut Vec<u8>, number: usize, name: &str, entry: &Entry) {
    let mode = entry.mode as usize;
    // Inode, mode, owner and group, links, time, size, device and special device, length of the name, checksum.
    let fields = [number, mode, 0, 0, 1, 0, entry.content.len(), 0, 0, 0, 0, name.len() + 1, 0];
    let mut head = "070701".to_owned();
    for field in fields {
        let _ = write!(head, "{field:08x}");
    }
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(0);
    pad(bytes);
    bytes.extend_from_slice(&entry.content);
    pad(bytes);
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first_and_all_is_aligned() {
        let mut archive = Archive::default();
        archive.program("init", b"#!");
        archive.link("sbin/modprobe", "/bin/busybox");
        let bytes = archive.bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let at = |name: &str| text.find(name).unwrap();
        assert!(at("init\0") < at("sbin\0") && at("sbin\0") < at("sbin/modprobe\0"));
        assert!(at("sbin/modprobe\0") < at("TRAILER!!!\0"));
        assert_eq!(bytes.len() % 4, 0);
        let heads: Vec<usize> = text.match_indices("070701").map(|(at, _)| at).collect();
        assert_eq!(heads.len(), 4);
        assert!(heads.iter().all(|at| at % 4 == 0), "{heads:?}");
    }
}
