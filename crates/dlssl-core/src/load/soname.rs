//! What a library's file says of itself, read with a few small reads: the name that it goes by, and how it is to be relocated.

use std::fs::File;
use std::path::Path;

use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::{NativeEndian, ReadCache, ReadRef, elf};

#[cfg(target_pointer_width = "64")]
type Header = elf::FileHeader64<NativeEndian>;
#[cfg(target_pointer_width = "32")]
type Header = elf::FileHeader32<NativeEndian>;

type Segment = <Header as FileHeader>::ProgramHeader;
type Dyn = <Header as FileHeader>::Dyn;

const ENDIAN: NativeEndian = NativeEndian;
/// Longer than any name of a library.
const LONGEST: u64 = 4096;

/// Reads the name; `None` where the file has none or is no ELF file of this machine.
pub(super) fn soname(path: &Path) -> Option<String> {
    with_dynamic(path, |data, segments, dynamic| {
        #[allow(clippy::useless_conversion)] // 32 bits wide on 32-bit machines
        let value =
            |tag| dynamic.iter().find(|entry| entry.d_tag(ENDIAN) == tag).map(|entry| entry.d_val(ENDIAN).into());
        let (strings, name): (u64, u64) = (value(elf::DT_STRTAB)?, value(elf::DT_SONAME)?);
        let start = place(segments, strings)?.checked_add(name)?;
        // Tools that rename libraries put the name last in the file.
        let end = start.checked_add(LONGEST)?.min(data.len().ok()?);
        let text = data.read_bytes_at_until(start..end, 0).ok()?;
        std::str::from_utf8(text).ok().map(str::to_owned)
    })
}

/// Whether relative relocations of the file are packed (`DT_RELR`).
#[cfg(any(target_env = "musl", all(test, target_os = "linux")))]
pub(super) fn is_packed(path: &Path) -> bool {
    let packed = |dynamic: &[Dyn]| dynamic.iter().any(|entry| entry.d_tag(ENDIAN) == elf::DT_RELR);
    with_dynamic(path, |_, _, dynamic| Some(packed(dynamic))).unwrap_or(false)
}

/// Where in the file lies what is mapped at an address.
#[allow(clippy::useless_conversion)] // 32 bits wide on 32-bit machines
fn place(segments: &[Segment], address: u64) -> Option<u64> {
    segments.iter().filter(|segment| segment.p_type(ENDIAN) == elf::PT_LOAD).find_map(|segment| {
        let inside = address.checked_sub(segment.p_vaddr(ENDIAN).into())?;
        let (size, offset): (u64, u64) = (segment.p_filesz(ENDIAN).into(), segment.p_offset(ENDIAN).into());
        (inside < size).then(|| offset.checked_add(inside))?
    })
}

/// Gives a file, its segments and its dynamic section.
fn with_dynamic<T>(path: &Path, look: impl FnOnce(&ReadCache<File>, &[Segment], &[Dyn]) -> Option<T>) -> Option<T> {
    let cache = ReadCache::new(File::open(path).ok()?);
    let data = &cache;
    let header = Header::parse(data).ok()?;
    let segments = header.program_headers(ENDIAN, data).ok()?;
    let dynamic = segments.iter().find_map(|segment| segment.dynamic(ENDIAN, data).ok().flatten())?;
    look(data, segments, dynamic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn the_c_librarys_name_is_read() {
        let path = super::super::locate::locate(Path::new("libc.so.6")).unwrap();
        assert_eq!(soname(&path).as_deref(), Some("libc.so.6"));
        assert_eq!(soname(Path::new("/etc/passwd")), None);
        assert_eq!(soname(Path::new("/nowhere")), None);
    }

    /// A small library, and a copy of it whose entries of one kind were edited, with something behind its end.
    #[cfg(target_os = "linux")]
    fn edited(kind: elf::DynamicTag, edit: impl Fn(&mut [u8], u64), tail: &[u8]) -> tempfile::NamedTempFile {
        let objects = super::super::mapped_objects();
        let libraries = objects.iter().filter(|path| path.to_string_lossy().contains("libgcc_s"));
        let (library, mut bytes) =
            libraries.filter_map(|path| Some((path, std::fs::read(path).ok()?))).next().expect("Rust's unwinder");
        let len = bytes.len() as u64;
        with_dynamic(library, |_, segments, dynamic| {
            let segment = segments.iter().find(|segment| segment.p_type(ENDIAN) == elf::PT_DYNAMIC)?;
            let start = usize::try_from(segment.p_offset(ENDIAN)).ok()?;
            let strings = dynamic.iter().find(|entry| entry.d_tag(ENDIAN) == elf::DT_STRTAB)?.d_val(ENDIAN);
            #[allow(clippy::useless_conversion)] // as above
            let strings = place(segments, strings.into())?;
            for index in (0..dynamic.len()).filter(|index| dynamic[*index].d_tag(ENDIAN) == kind) {
                edit(&mut bytes[start + index * size_of::<Dyn>()..][..size_of::<Dyn>()], len - strings);
            }
            Some(())
        })
        .unwrap();
        bytes.extend(tail);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, bytes).unwrap();
        file
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_name_at_the_very_end_of_the_file_is_read() {
        let to_the_end = |entry: &mut [u8], from_names: u64| {
            let value = (from_names as usize).to_ne_bytes();
            entry[value.len()..].copy_from_slice(&value);
        };
        assert_eq!(
            soname(edited(elf::DT_SONAME, to_the_end, b"liblast.so.1\0").path()).as_deref(),
            Some("liblast.so.1")
        );
        assert_eq!(soname(edited(elf::DT_SONAME, to_the_end, b"liblast.so.1").path()), None, "it does not end");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn packed_relocations_are_seen() {
        let packed_with = |old, new: elf::DynamicTag| {
            let retag = |entry: &mut [u8], _| {
                let tag = (new.0 as usize).to_ne_bytes();
                entry[..tag.len()].copy_from_slice(&tag);
            };
            is_packed(edited(old, retag, b"").path())
        };
        assert!(packed_with(elf::DT_STRSZ, elf::DT_RELR));
        assert!(!packed_with(elf::DT_RELR, elf::DT_DEBUG));
        assert!(!is_packed(Path::new("/etc/passwd")) && !is_packed(Path::new("/nowhere")));
    }
}
