//! What a file is, before the dynamic linker sees it: so that a wrong file gets a better answer than its own.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use object::elf;
use object::read::elf::{FileHeader, ProgramHeader as _};
use object::{FileKind, NativeEndian};

use crate::error::LoadFailure;
use crate::isolate::Content;

/// Bytes that tell what a file is: ELF's header with the machine in it, and more than the other magics need.
const MAGIC: usize = 64;
/// Bytes that are read at once: a library's program headers are in there too.
const HEAD: usize = 1024;

#[cfg(target_pointer_width = "64")]
type Header = elf::FileHeader64<NativeEndian>;
#[cfg(target_pointer_width = "32")]
type Header = elf::FileHeader32<NativeEndian>;
type ProgramHeader = <Header as FileHeader>::ProgramHeader;

const ENDIAN: NativeEndian = NativeEndian;

/// Refuses a file that cannot be a shared library for this process. The file, open and as it was then.
///
/// # Errors
/// [`LoadFailure::Unreadable`], [`LoadFailure::NotALibrary`] or [`LoadFailure::WrongArchitecture`].
pub(crate) fn inspect(path: &Path) -> Result<Content, LoadFailure> {
    let unreadable = |error: std::io::Error| LoadFailure::Unreadable { path: path.to_owned(), os: error.to_string() };
    let mut file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(LoadFailure::NotALibrary { path: path.to_owned(), found: "a directory".into() });
    }
    let mut room = [0; HEAD];
    let len = read_full(&mut file, &mut room).map_err(unreadable)?;
    let head = &room[..len];
    judge(path, head.get(..MAGIC).unwrap_or(head))?;
    if head.starts_with(&elf::ELFMAG) && is_cut_short(&mut file, metadata.len(), head).map_err(unreadable)? {
        return Err(LoadFailure::NotALibrary { path: path.to_owned(), found: "an ELF file that is cut short".into() });
    }
    Ok(Content::with(file, &metadata))
}

/// Whether an ELF file of this machine ends before what it says that it holds. The dynamic linker would map it all the
/// same, and the process would die of SIGBUS at the first touch of what is not there.
#[allow(clippy::useless_conversion)] // 32 bits wide on 32-bit machines
fn is_cut_short(file: &mut File, len: u64, head: &[u8]) -> std::io::Result<bool> {
    let Ok(header) = Header::parse(head) else { return Ok(true) };
    let offset: u64 = header.e_phoff(ENDIAN).into();
    let size: u64 = header.e_phentsize(ENDIAN).into();
    let bytes = size.saturating_mul(header.e_phnum(ENDIAN).into());
    // The sections come last; a file that was stripped of them says nought.
    let sections: u64 = header.e_shoff(ENDIAN).into();
    let sections_len = u64::from(header.e_shentsize(ENDIAN)) * u64::from(header.e_shnum(ENDIAN));
    if offset.saturating_add(bytes) > len || sections.saturating_add(sections_len) > len {
        return Ok(true);
    }
    // Right behind the header, unless a tool has moved them.
    let range = usize::try_from(offset).unwrap_or(usize::MAX)..usize::try_from(offset + bytes).unwrap_or(usize::MAX);
    let mut moved = Vec::new();
    let table = match head.get(range) {
        Some(table) => table,
        None => {
            file.seek(SeekFrom::Start(offset))?;
            file.take(bytes).read_to_end(&mut moved)?;
            &moved
        }
    };
    let Ok((headers, _)) = object::pod::slice_from_bytes::<ProgramHeader>(table, header.e_phnum(ENDIAN).into()) else {
        return Ok(true);
    };
    Ok(headers.iter().any(|segment| {
        let (begin, size): (u64, u64) = (segment.p_offset(ENDIAN).into(), segment.p_filesz(ENDIAN).into());
        begin.saturating_add(size) > len
    }))
}

/// Reads until `out` is full or the end has come.
fn read_full(file: &mut File, out: &mut [u8]) -> std::io::Result<usize> {
    let mut done = 0;
    while done < out.len() {
        match file.read(&mut out[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Judges a file by its first bytes.
pub(crate) fn judge(path: &Path, head: &[u8]) -> Result<(), LoadFailure> {
    let not_a_library = |found: &str| LoadFailure::NotALibrary { path: path.to_owned(), found: found.to_owned() };
    let found = match (head, FileKind::parse(head)) {
        ([], _) => return Err(not_a_library("an empty file")),
        ([0x7f, b'E', b'L', b'F', rest @ ..], _) => match elf_machine(rest) {
            Some(found) => found,
            None => return Err(not_a_library("a truncated ELF file")),
        },
        (_, Ok(FileKind::MachO64 | FileKind::MachO32 | FileKind::MachOFat32 | FileKind::MachOFat64)) => {
            "macOS".to_owned()
        }
        ([b'M', b'Z', ..], _) => "Windows".to_owned(),
        ([b'!', b'<', b'a', b'r', ..], _) => return Err(not_a_library("a static archive")),
        _ if head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => {
            return Err(not_a_library("a text file"));
        }
        _ => return Err(not_a_library("a file of an unknown kind")),
    };
    let wanted = wanted();
    if found == wanted {
        return Ok(());
    }
    Err(LoadFailure::WrongArchitecture { path: path.to_owned(), found, wanted })
}

/// Names the machine of an ELF file from what follows its magic; `None` when cut short.
fn elf_machine(rest: &[u8]) -> Option<String> {
    let class = *rest.first()?;
    let data = *rest.get(1)?;
    let machine = [*rest.get(14)?, *rest.get(15)?];
    let machine = if data == elf::ELFDATA2MSB.0 { u16::from_be_bytes(machine) } else { u16::from_le_bytes(machine) };
    let bits = if class == elf::ELFCLASS64.0 { 64 } else { 32 };
    let order = if data == elf::ELFDATA2MSB.0 { "big" } else { "little" };
    Some(format!("{} ({bits}-bit, {order}-endian ELF)", machine_name(machine)))
}

fn machine_name(machine: u16) -> String {
    let known = [
        (elf::EM_X86_64, "x86_64"),
        (elf::EM_386, "x86"),
        (elf::EM_AARCH64, "aarch64"),
        (elf::EM_ARM, "arm"),
        (elf::EM_RISCV, "riscv"),
        (elf::EM_PPC64, "powerpc64"),
        (elf::EM_S390, "s390x"),
        (elf::EM_MIPS, "mips"),
        (elf::EM_LOONGARCH, "loongarch64"),
    ];
    known
        .iter()
        .find(|(number, _)| number.0 == machine)
        .map_or_else(|| format!("machine {machine}"), |(_, name)| (*name).to_owned())
}

/// What this process can load, in the same words.
fn wanted() -> String {
    if cfg!(windows) {
        return "Windows".to_owned();
    }
    if cfg!(target_vendor = "apple") {
        return "macOS".to_owned();
    }
    let machine = match std::env::consts::ARCH {
        "riscv64" | "riscv32" => "riscv",
        "mips64" => "mips",
        same => same,
    };
    let order = if cfg!(target_endian = "big") { "big" } else { "little" };
    format!("{machine} ({}-bit, {order}-endian ELF)", usize::BITS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(head: &[u8]) -> &'static str {
        judge(Path::new("/x"), head).map_or_else(|failure| failure.code(), |()| "fits")
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn elf_head(class: u8, data: u8, machine: u16) -> Vec<u8> {
        let mut head = vec![0x7f, b'E', b'L', b'F', class, data];
        head.resize(18, 0);
        head.extend(machine.to_le_bytes());
        head.resize(64, 0);
        head
    }

    #[test]
    fn tells_text_empty_archive_and_truncated_files() {
        assert_eq!(code(b""), "not-a-library");
        assert_eq!(code(b"INPUT ( -lssl )\n"), "not-a-library");
        assert_eq!(code(b"!<arch>\n\0\0"), "not-a-library");
        assert_eq!(code(b"\x7fELF\x02"), "not-a-library");
        assert!(judge(Path::new("/x"), b"hello").unwrap_err().to_string().contains("a text file"));
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn tells_the_architecture() {
        assert_eq!(code(&elf_head(2, 1, 62)), "fits");
        for (class, machine, name) in [(2, 183, "aarch64"), (1, 3, "x86"), (1, 62, "32-bit")] {
            let failure = judge(Path::new("/x"), &elf_head(class, 1, machine)).unwrap_err();
            assert_eq!(failure.code(), "wrong-architecture");
            assert!(failure.to_string().contains(name), "{failure}");
        }
        assert_eq!(code(b"MZ\x90\0\x03\0\0\0"), "wrong-architecture");
    }

    proptest! {
        #[test]
        fn any_head_is_judged(head in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = judge(Path::new("/x"), &head);
        }
    }
}
