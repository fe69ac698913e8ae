//! The name that a library goes by, read from its file with a few small reads.

use std::fs::File;
use std::path::Path;

use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::{NativeEndian, ReadCache, ReadRef, elf};

#[cfg(target_pointer_width = "64")]
type Header = elf::FileHeader64<NativeEndian>;
#[cfg(target_pointer_width = "32")]
type Header = elf::FileHeader32<NativeEndian>;

const ENDIAN: NativeEndian = NativeEndian;
/// Longer than any name of a library.
const LONGEST: u64 = 4096;

/// Reads the name; `None` where the file has none or is no ELF file of this machine.
pub(super) fn soname(path: &Path) -> Option<String> {
    let cache = ReadCache::new(File::open(path).ok()?);
    let data = &cache;
    let header = Header::parse(data).ok()?;
    let segments = header.program_headers(ENDIAN, data).ok()?;
    let dynamic = segments.iter().find_map(|segment| segment.dynamic(ENDIAN, data).ok().flatten())?;
    #[allow(clippy::useless_conversion)] // 32 bits wide on 32-bit machines
    let value = |tag| dynamic.iter().find(|entry| entry.d_tag(ENDIAN) == tag).map(|entry| entry.d_val(ENDIAN).into());
    let (strings, name): (u64, u64) = (value(elf::DT_STRTAB)?, value(elf::DT_SONAME)?);
    #[allow(clippy::useless_conversion)] // as above
    let start = segments.iter().filter(|segment| segment.p_type(ENDIAN) == elf::PT_LOAD).find_map(|segment| {
        let inside = strings.checked_sub(segment.p_vaddr(ENDIAN).into())?;
        let (size, offset): (u64, u64) = (segment.p_filesz(ENDIAN).into(), segment.p_offset(ENDIAN).into());
        (inside < size).then(|| offset.checked_add(inside))?
    })?;
    let start = start.checked_add(name)?;
    let text = data.read_bytes_at_until(start..start.checked_add(LONGEST)?, 0).ok()?;
    std::str::from_utf8(text).ok().map(str::to_owned)
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
}
