//! The files behind what is mapped, as the kernel tells: Linux only.

use std::path::Path;

/// The process's map, read once for several questions.
pub(crate) struct MappedFiles {
    #[cfg(target_os = "linux")]
    map: Vec<u8>,
}

#[cfg(target_os = "linux")]
impl MappedFiles {
    /// Reads the map; `None` where there is none.
    pub(crate) fn read() -> Option<Self> {
        use std::io::Read as _;
        /// More than most processes have.
        const USUAL: usize = 16 * 1024;
        let file = std::fs::File::open("/proc/self/maps").ok()?;
        let mut map = Vec::with_capacity(USUAL);
        // With room beforehand, and not by the file itself, which would ask for a length that there is not: small reads would
        // follow, and the kernel walks the mappings for each.
        file.take(u64::MAX).read_to_end(&mut map).ok()?;
        Some(Self { map })
    }

    /// Number of the file that is mapped at an address, and whether nothing goes by its name any more.
    fn at(&self, address: usize) -> Option<MappedFile> {
        // Any file's name may be no Unicode, and what is asked for are numbers.
        self.map.split(|byte| *byte == b'\n').find_map(|line| mapped_file(&String::from_utf8_lossy(line), address))
    }

    /// Whether the file of this number is what is mapped at `address`; `false` where that cannot be told.
    pub(crate) fn is_at(&self, address: usize, inode: u64) -> bool {
        self.at(address).is_some_and(|file| file.inode == inode)
    }

    /// Whether the file under `path` is another one than the file that is mapped at `address`. `None` where that cannot be
    /// told.
    pub(crate) fn was_replaced(&self, path: &Path, address: usize) -> Option<bool> {
        use std::os::unix::fs::MetadataExt as _;
        let file = self.at(address)?;
        Some(file.deleted || std::fs::metadata(path).ok()?.ino() != file.inode)
    }
}

#[cfg(not(target_os = "linux"))]
impl MappedFiles {
    pub(crate) fn read() -> Option<Self> {
        None
    }

    pub(crate) fn is_at(&self, _: usize, _: u64) -> bool {
        false
    }

    pub(crate) fn was_replaced(&self, _: &Path, _: usize) -> Option<bool> {
        None
    }
}

/// As [`MappedFiles::was_replaced`], for one question.
pub(crate) fn replaced_on_disk(path: &Path, address: usize) -> Option<bool> {
    MappedFiles::read()?.was_replaced(path, address)
}

/// A file as the process's map has it.
#[cfg(target_os = "linux")]
#[derive(Debug, PartialEq, Eq)]
struct MappedFile {
    inode: u64,
    /// Nothing goes by its name any more.
    deleted: bool,
}

/// Reads the file from a line of `/proc/self/maps`, when the line covers `address` and maps one.
#[cfg(target_os = "linux")]
fn mapped_file(line: &str, address: usize) -> Option<MappedFile> {
    let (low, rest) = line.split_once('-')?;
    let (high, _) = rest.split_once(' ')?;
    let inside = usize::from_str_radix(low, 16).ok()? <= address && address < usize::from_str_radix(high, 16).ok()?;
    if !inside {
        return None;
    }
    let inode: u64 = line.split_ascii_whitespace().nth(4)?.parse().ok()?;
    (inode != 0).then(|| MappedFile { inode, deleted: line.ends_with(" (deleted)") })
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_of_the_map_gives_its_file() {
        let line = "7f001000-7f002000 r-xp 00001000 08:01 4242   /usr/lib/libx.so (deleted)";
        assert_eq!(mapped_file(line, 0x7f00_1800), Some(MappedFile { inode: 4242, deleted: true }));
        assert!(!mapped_file(line.trim_end_matches(" (deleted)"), 0x7f00_1800).unwrap().deleted);
        assert_eq!(mapped_file(line, 0x7f00_2000), None);
        assert_eq!(mapped_file("nonsense", 1), None);
    }

    #[test]
    fn this_program_is_mapped_from_its_file() {
        let (path, here) = (std::env::current_exe().unwrap(), mapped_file as *const () as usize);
        let files = MappedFiles::read().unwrap();
        let inode = path.metadata().unwrap().ino();
        assert!(files.is_at(here, inode) && !files.is_at(here, inode + 1) && !files.is_at(1, inode));
        assert_eq!(files.was_replaced(&path, here), Some(false));
        assert_eq!(files.was_replaced(Path::new("/nowhere"), here), None);
        assert_eq!(files.was_replaced(&path, 1), None);
    }

    #[test]
    fn a_name_that_is_no_unicode_hides_no_other_file() {
        let map =
            b"1000-2000 r--p 00000000 08:01 7   /caf\xe9/data\n2000-3000 r-xp 00000000 08:01 8   /caf\xe9/libx.so\n";
        let files = MappedFiles { map: map.to_vec() };
        assert!(files.is_at(0x1000, 7) && files.is_at(0x2fff, 8) && !files.is_at(0x3000, 8));
    }

    proptest! {
        #[test]
        fn any_line_of_the_map_is_read(line in ".{0,80}", address: usize) {
            let _ = mapped_file(&line, address);
        }
    }
}
