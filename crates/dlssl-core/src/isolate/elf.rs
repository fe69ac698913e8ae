//! Names in an ELF file: which ones its dynamic section holds, and their exchange for others of the same length.
//!
//! A pure function over bytes. Names are exchanged where they stand, in the string table, so nothing moves and nothing
//! grows. Files of this machine's class and byte order only; anything else, and anything malformed, is an error.

use object::elf;
use object::read::elf::{
    Dyn as _, FileHeader, GnuHashTable, HashTable, ProgramHeader as _, SectionHeader as _, Sym as _,
};
use object::{NativeEndian, pod};

#[cfg(target_pointer_width = "64")]
type Header = elf::FileHeader64<NativeEndian>;
#[cfg(target_pointer_width = "32")]
type Header = elf::FileHeader32<NativeEndian>;
type Symbol = <Header as FileHeader>::Sym;

const ENDIAN: NativeEndian = NativeEndian;

/// No library has more version records; a bound for malformed lists.
const MOST_RECORDS: usize = 16_384;

/// Why names cannot be read or exchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ElfError {
    /// Not what its own headers say.
    #[error("its {0} is malformed")]
    Malformed(&'static str),
    /// Something else uses the bytes of the name.
    #[error("its {what} shares the bytes of the name {name}, which therefore cannot be exchanged")]
    Shared { what: &'static str, name: String },
    /// The new name is not as long as the old one.
    #[error("a name of another length was asked for")]
    Length,
}

/// Names that a dynamic section holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// What others find it by.
    pub(crate) soname: Option<String>,
    /// Files that it wants, in order.
    pub(crate) needed: Vec<String>,
    /// Folders that these are looked for in, before the usual ones; may begin with `$ORIGIN`.
    pub(crate) search: Vec<String>,
}

/// Reads the names.
///
/// # Errors
/// [`ElfError::Malformed`].
pub(crate) fn names(bytes: &[u8]) -> Result<Names, ElfError> {
    let image = Image::parse(bytes)?;
    let mut names = Names::default();
    for used in &image.uses {
        let text = || String::from_utf8_lossy(image.string(used.start)).into_owned();
        match used.by {
            By::Soname => names.soname = Some(text()),
            By::Needed => names.needed.push(text()),
            By::Search => names.search.extend(text().split(':').filter(|folder| !folder.is_empty()).map(str::to_owned)),
            By::VersionNeeded | By::VersionDefined | By::Symbol | By::Other => {}
        }
    }
    Ok(names)
}

/// A place in the file, and what stood there.
pub(crate) type Replaced = (usize, Box<[u8]>);

/// Exchanges names wherever the file states its own name or the name of a file that it needs. Gives each place with what
/// stood there.
///
/// # Errors
/// [`ElfError`]; `bytes` are as they were then.
pub(crate) fn rename(bytes: &mut [u8], exchanges: &[(&str, &str)]) -> Result<Vec<Replaced>, ElfError> {
    let mut places = Vec::new();
    let image = Image::parse(bytes)?;
    for (old, new) in exchanges {
        if old.len() != new.len() || old.is_empty() || new.contains('\0') {
            return Err(ElfError::Length);
        }
        for start in image.places(old)? {
            places.push((image.strings.start + start, new.as_bytes()));
        }
    }
    let mut replaced = Vec::new();
    for (at, new) in places {
        // In range: `places` found the old name of the same length there.
        if let Some(range) = bytes.get_mut(at..at + new.len()) {
            replaced.push((at, Box::from(&*range)));
            range.copy_from_slice(new);
        }
    }
    Ok(replaced)
}

/// Who uses a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Soname,
    Needed,
    Search,
    VersionNeeded,
    VersionDefined,
    Symbol,
    /// A version's name, or a filter: never exchanged.
    Other,
}

impl By {
    /// Whether the use names a file, so that it is exchanged with it.
    fn names_a_file(self) -> bool {
        matches!(self, Self::Soname | Self::Needed | Self::VersionNeeded | Self::VersionDefined)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Soname => "own name",
            Self::Needed => "list of needed files",
            Self::Search => "search path",
            Self::VersionNeeded | Self::VersionDefined => "version record",
            Self::Symbol => "symbol table",
            Self::Other => "dynamic section",
        }
    }
}

/// One use of a string, by its offset in the string table.
#[derive(Clone, Copy, Debug)]
struct Use {
    start: usize,
    by: By,
}

/// The parts of a file that matter here.
struct Image<'a> {
    bytes: &'a [u8],
    /// String table, in the file.
    strings: std::ops::Range<usize>,
    uses: Vec<Use>,
}

impl<'a> Image<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, ElfError> {
        let bad = |what| move |_| ElfError::Malformed(what);
        let header = Header::parse(bytes).map_err(bad("header"))?;
        if header.is_big_endian() != cfg!(target_endian = "big") {
            return Err(ElfError::Malformed("byte order"));
        }
        let segments = header.program_headers(ENDIAN, bytes).map_err(bad("table of segments"))?;
        #[allow(clippy::useless_conversion)] // 32 bits wide on 32-bit machines
        let in_file = |address: u64| -> Option<usize> {
            segments.iter().filter(|segment| segment.p_type(ENDIAN) == elf::PT_LOAD).find_map(|segment| {
                let inside = address.checked_sub(segment.p_vaddr(ENDIAN).into())?;
                let size: u64 = segment.p_filesz(ENDIAN).into();
                let offset: u64 = segment.p_offset(ENDIAN).into();
                (inside < size).then(|| offset.checked_add(inside)).flatten()?.try_into().ok()
            })
        };
        let dynamic = segments
            .iter()
            .find_map(|segment| segment.dynamic(ENDIAN, bytes).transpose())
            .ok_or(ElfError::Malformed("lack of a dynamic section"))?
            .map_err(bad("dynamic section"))?;

        let mut tables = Tables::default();
        let mut uses = Vec::new();
        for entry in dynamic {
            let (tag, value) = (entry.d_tag(ENDIAN), entry.d_val(ENDIAN));
            #[allow(clippy::useless_conversion)] // 32 bits wide on 32-bit machines
            let value: u64 = value.into();
            let number = || usize::try_from(value).map_err(|_| ElfError::Malformed("dynamic section"));
            let mut uses_string = |by| -> Result<(), ElfError> {
                uses.push(Use { start: number()?, by });
                Ok(())
            };
            match tag {
                elf::DT_NULL => break,
                elf::DT_SONAME => uses_string(By::Soname)?,
                elf::DT_NEEDED => uses_string(By::Needed)?,
                elf::DT_RPATH | elf::DT_RUNPATH => uses_string(By::Search)?,
                elf::DT_AUXILIARY | elf::DT_FILTER => uses_string(By::Other)?,
                elf::DT_STRTAB => tables.strings = in_file(value),
                elf::DT_STRSZ => tables.strings_len = number()?,
                elf::DT_SYMTAB => tables.symbols = in_file(value),
                elf::DT_HASH => tables.hash = in_file(value),
                elf::DT_GNU_HASH => tables.gnu_hash = in_file(value),
                elf::DT_VERNEED => tables.needed = in_file(value),
                elf::DT_VERDEF => tables.defined = in_file(value),
                _ => {}
            }
        }
        let start = tables.strings.ok_or(ElfError::Malformed("string table"))?;
        let strings = start..start.checked_add(tables.strings_len).ok_or(ElfError::Malformed("string table"))?;
        if bytes.get(strings.clone()).and_then(<[u8]>::last) != Some(&0) {
            return Err(ElfError::Malformed("string table"));
        }
        let mut image = Self { bytes, strings, uses };
        if let Some(at) = tables.needed {
            image.version_needs(at)?;
        }
        if let Some(at) = tables.defined {
            image.version_definitions(at)?;
        }
        image.symbols(header, &tables)?;
        let len = image.strings.len();
        if image.uses.iter().any(|used| used.start >= len) {
            return Err(ElfError::Malformed("string table"));
        }
        Ok(image)
    }

    /// Offsets of a file's name in the string table; refused when something that is no file's name needs its bytes.
    fn places(&self, name: &str) -> Result<Vec<usize>, ElfError> {
        let named = |used: &&Use| used.by.names_a_file() && self.string(used.start) == name.as_bytes();
        let mut starts: Vec<usize> = self.uses.iter().filter(named).map(|used| used.start).collect();
        starts.sort_unstable();
        starts.dedup();
        let shared = |what| ElfError::Shared { what, name: name.to_owned() };
        for start in &starts {
            let range = *start..start + name.len();
            let other =
                |used: &&Use| range.contains(&used.start) && !(used.by.names_a_file() && used.start == range.start);
            if let Some(used) = self.uses.iter().find(other) {
                return Err(shared(used.by.words()));
            }
            // The tail of a longer string: somebody begins before it.
            if start.checked_sub(1).is_some_and(|before| self.bytes.get(self.strings.start + before) != Some(&0)) {
                return Err(shared("string table"));
            }
        }
        Ok(starts)
    }

    /// String at an offset of the table, without its NUL; empty when out of range.
    fn string(&self, start: usize) -> &'a [u8] {
        let table = self.bytes.get(self.strings.clone()).unwrap_or_default();
        table.get(start..).and_then(|rest| rest.split(|byte| *byte == 0).next()).unwrap_or_default()
    }

    fn read<T: pod::Pod>(&self, at: usize) -> Result<&'a T, ElfError> {
        let bytes = self.bytes.get(at..).ok_or(ElfError::Malformed("version records"))?;
        pod::from_bytes(bytes).map(|(value, _)| value).map_err(|()| ElfError::Malformed("version records"))
    }

    fn version_needs(&mut self, mut at: usize) -> Result<(), ElfError> {
        while self.uses.len() < MOST_RECORDS {
            let record: &elf::Verneed<NativeEndian> = self.read(at)?;
            self.uses.push(Use { start: record.vn_file.get(ENDIAN) as usize, by: By::VersionNeeded });
            let mut inner = at.saturating_add(record.vn_aux.get(ENDIAN) as usize);
            for _ in 0..record.vn_cnt.get(ENDIAN) {
                let version: &elf::Vernaux<NativeEndian> = self.read(inner)?;
                self.uses.push(Use { start: version.vna_name.get(ENDIAN) as usize, by: By::Other });
                inner = inner.saturating_add(version.vna_next.get(ENDIAN) as usize);
            }
            match record.vn_next.get(ENDIAN) {
                0 => return Ok(()),
                next => at = at.saturating_add(next as usize),
            }
        }
        Err(ElfError::Malformed("list of version records"))
    }

    fn version_definitions(&mut self, mut at: usize) -> Result<(), ElfError> {
        while self.uses.len() < MOST_RECORDS {
            let record: &elf::Verdef<NativeEndian> = self.read(at)?;
            // The record of the file itself repeats its name.
            let by =
                if record.vd_flags.get(ENDIAN).0 & elf::VER_FLG_BASE.0 != 0 { By::VersionDefined } else { By::Other };
            let mut inner = at.saturating_add(record.vd_aux.get(ENDIAN) as usize);
            for _ in 0..record.vd_cnt.get(ENDIAN) {
                let name: &elf::Verdaux<NativeEndian> = self.read(inner)?;
                self.uses.push(Use { start: name.vda_name.get(ENDIAN) as usize, by });
                inner = inner.saturating_add(name.vda_next.get(ENDIAN) as usize);
            }
            match record.vd_next.get(ENDIAN) {
                0 => return Ok(()),
                next => at = at.saturating_add(next as usize),
            }
        }
        Err(ElfError::Malformed("list of version records"))
    }

    /// Notes the name of every dynamic symbol. How many there are stands in the sections, or follows from a hash
    /// table.
    fn symbols(&mut self, header: &Header, tables: &Tables) -> Result<(), ElfError> {
        let Some(at) = tables.symbols else { return Ok(()) };
        let bad = ElfError::Malformed("symbol table");
        let of_sections = header.sections(ENDIAN, self.bytes).ok().and_then(|sections| {
            let section = sections.iter().find(|section| section.sh_type(ENDIAN) == elf::SHT_DYNSYM)?;
            #[allow(clippy::useless_conversion)] // 32 bits wide on 32-bit machines
            let size: u64 = section.sh_size(ENDIAN).into();
            usize::try_from(size).ok().map(|size| size / size_of::<Symbol>())
        });
        let of_hash = || {
            let data = self.bytes.get(tables.hash?..)?;
            HashTable::<Header>::parse(ENDIAN, data).ok().map(|table| table.symbol_table_length() as usize)
        };
        let of_gnu_hash = || {
            let data = self.bytes.get(tables.gnu_hash?..)?;
            let table = GnuHashTable::<Header>::parse(ENDIAN, data).ok()?;
            table.symbol_table_length(ENDIAN).map(|len| len as usize)
        };
        let count = of_sections.or_else(of_hash).or_else(of_gnu_hash).ok_or_else(|| bad.clone())?;
        let data = self.bytes.get(at..).ok_or_else(|| bad.clone())?;
        let (symbols, _) = pod::slice_from_bytes::<Symbol>(data, count).map_err(|()| bad)?;
        self.uses.extend(
            symbols
                .iter()
                .map(|symbol| symbol.st_name(ENDIAN) as usize)
                .filter(|start| *start != 0)
                .map(|start| Use { start, by: By::Symbol }),
        );
        Ok(())
    }
}

/// Where the tables of a dynamic section lie in the file.
#[derive(Default)]
struct Tables {
    strings: Option<usize>,
    strings_len: usize,
    symbols: Option<usize>,
    hash: Option<usize>,
    gnu_hash: Option<usize>,
    needed: Option<usize>,
    defined: Option<usize>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A library of this machine that is not OpenSSL: the one that unwinds. (musl's own has no SONAME.)
    #[cfg(target_os = "linux")]
    fn some_library() -> Vec<u8> {
        let objects = crate::load::mapped_objects();
        let library = objects.iter().find(|path| path.to_string_lossy().contains("libgcc_s")).unwrap();
        std::fs::read(library).unwrap()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn names_are_read_and_exchanged_everywhere() {
        let mut bytes = some_library();
        let before = names(&bytes).unwrap();
        let old = before.soname.clone().unwrap();
        let new = "x".repeat(old.len());
        rename(&mut bytes, &[(&old, &new)]).unwrap();
        let after = names(&bytes).unwrap();
        assert_eq!((after.soname.as_deref(), after.needed), (Some(new.as_str()), before.needed));
        let differing = bytes.iter().zip(some_library()).filter(|(a, b)| **a != *b).count();
        assert!(differing <= old.len(), "only the name has changed");
        rename(&mut bytes, &[(&new, &old)]).unwrap();
        assert!(bytes == some_library());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_name_of_another_length_or_with_a_nul_is_refused() {
        let mut bytes = some_library();
        let old = names(&bytes).unwrap().soname.unwrap();
        for new in ["short".to_owned(), "\0".repeat(old.len()), String::new()] {
            assert_eq!(rename(&mut bytes, &[(&old, &new)]), Err(ElfError::Length));
        }
    }

    #[test]
    fn foreign_and_cut_files_are_refused() {
        for bytes in [&b""[..], b"\x7fELF", b"#!/bin/sh\n", &[0; 4096]] {
            assert!(matches!(names(bytes), Err(ElfError::Malformed(_))));
        }
    }

    #[cfg(target_os = "linux")]
    proptest! {
        /// Whatever is done to a real file, reading it ends without a panic, and an exchange writes nothing but the name.
        #[test]
        fn any_damage_is_survived(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
            near in proptest::collection::vec((0usize..8192, any::<u8>()), 0..8),
            keep in any::<prop::sample::Index>(),
            cut: bool,
        ) {
            let mut bytes = some_library();
            for (at, value) in near {
                bytes[at] = value;
            }
            for (at, value) in damage {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if cut {
                bytes.truncate(keep.index(bytes.len()));
            }
            let before = bytes.clone();
            let old = names(&bytes).ok().and_then(|names| names.soname).unwrap_or_else(|| "libc.so.6".into());
            let new = "y".repeat(old.len());
            if rename(&mut bytes, &[(&old, &new)]).is_err() {
                prop_assert!(bytes == before);
            }
            prop_assert_eq!(bytes.len(), before.len());
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = names(&bytes);
        }
    }
}
