//! What a mapped file holds, kept to know it again: the open file itself, and what was exchanged in a copy of it.

use std::fs::File;
use std::io::Read;

use super::elf::Replaced;

/// Content of a file that is mapped.
///
/// Kept for as long as the mapping, which is for good. A host that closes descriptors which it does not know may have given
/// the number to another file by then: so the file is looked at again before it is read.
#[derive(Debug)]
pub(crate) struct Content {
    file: File,
    stamp: Stamp,
    /// Where a copy differs from its original, and what the original has there.
    original: Vec<Replaced>,
}

/// What tells a file, and whether it was written to since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Device and number, where the system has them.
    pub(crate) file: (u64, u64),
    len: u64,
    written: Option<std::time::SystemTime>,
}

impl Stamp {
    pub(crate) fn of(metadata: &std::fs::Metadata) -> Self {
        #[cfg(unix)]
        let file = {
            use std::os::unix::fs::MetadataExt as _;
            (metadata.dev(), metadata.ino())
        };
        #[cfg(not(unix))]
        let file = (0, 0);
        Self { file, len: metadata.len(), written: metadata.modified().ok() }
    }
}

impl Content {
    /// Takes over an open file.
    pub(crate) fn of(file: File) -> std::io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self::with(file, &metadata))
    }

    /// The same, with what was just asked about it.
    pub(crate) fn with(file: File, metadata: &std::fs::Metadata) -> Self {
        Self { file, stamp: Stamp::of(metadata), original: Vec::new() }
    }

    /// Notes what the original of this copy has where the copy differs.
    pub(super) fn with_original(mut self, original: Vec<Replaced>) -> Self {
        self.original = original;
        self
    }

    /// What the file was like when it was mapped.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Whether the file, or the original of the copy, holds exactly what is read from `other`. `false` when it can no longer
    /// be told.
    pub(crate) fn is(&self, mut other: impl Read) -> bool {
        const CHUNK: usize = 128 * 1024;
        if !self.file.metadata().is_ok_and(|now| Stamp::of(&now) == self.stamp) {
            return false;
        }
        let (mut own, mut theirs) = (vec![0; CHUNK], vec![0; CHUNK]);
        let mut at = 0;
        loop {
            let Ok(count) = read_full(&mut other, &mut theirs) else { return false };
            if count == 0 {
                return at as u64 == self.stamp.len;
            }
            let (own, theirs) = (&mut own[..count], &theirs[..count]);
            if read_at(&self.file, own, at as u64).is_err() {
                return false;
            }
            for (start, old) in &self.original {
                for (offset, byte) in old.iter().enumerate() {
                    if let Some(place) = (start + offset).checked_sub(at).and_then(|inside| own.get_mut(inside)) {
                        *place = *byte;
                    }
                }
            }
            if own != theirs {
                return false;
            }
            at += count;
        }
    }
}

/// Reads until `out` is full or the end has come.
fn read_full(from: &mut impl Read, out: &mut [u8]) -> std::io::Result<usize> {
    let mut done = 0;
    while done < out.len() {
        match from.read(&mut out[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, at)
}

#[cfg(not(unix))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_copy_is_known_by_its_originals_bytes() {
        let mut file = tempfile::tempfile().unwrap();
        let copy = b"one TWO three".repeat(20_000);
        file.write_all(&copy).unwrap();
        let mut original = copy.clone();
        // Across the border of two chunks too.
        let places = [4, 128 * 1024 - 2];
        let content =
            Content::of(file).unwrap().with_original(places.iter().map(|at| (*at, b"two"[..].into())).collect());
        for at in places {
            original[at..at + 3].copy_from_slice(b"two");
        }
        assert!(content.is(&original[..]));
        assert!(!content.is(&copy[..]));
        assert!(!content.is(&original[1..]));
    }

    #[test]
    fn a_file_that_was_written_to_is_no_longer_known() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"bytes").unwrap();
        let mut again = file.try_clone().unwrap();
        let content = Content::of(file).unwrap();
        assert!(content.is(&b"bytes"[..]));
        again.write_all(b"more").unwrap();
        assert!(!content.is(&b"bytes"[..]));
    }
}
