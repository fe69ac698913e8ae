//! The shared objects that this process has mapped: their files, address ranges and bound slots.
//!
//! ELF only. Elsewhere nothing is listed, and the pair's proof says so.

use std::ops::Range;
use std::path::PathBuf;

use crate::ffi::memory;

/// One mapped object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// File, as the dynamic linker knows it; the program itself is its executable.
    pub(crate) path: PathBuf,
    /// What it goes by among others.
    pub(crate) soname: Option<String>,
    base: usize,
    segments: Vec<Range<usize>>,
    /// Those that can be read and not be written to; without code, where the linker put constants apart from it.
    constant: Vec<Range<usize>>,
    dynamic: usize,
    dynamic_len: usize,
}

impl Object {
    /// An address inside the object.
    pub(crate) fn address(&self) -> usize {
        self.segments.first().map_or(self.base, |segment| segment.start)
    }

    /// Whether an address lies in the object.
    pub(crate) fn contains(&self, address: usize) -> bool {
        self.segment(address).is_some()
    }

    /// The segment that holds an address.
    fn segment(&self, address: usize) -> Option<&Range<usize>> {
        self.segments.iter().find(|segment| segment.contains(&address))
    }
}

/// Finds every text in an object's constant data that begins with `start` and ends with NUL, until `each` says stop.
pub(crate) fn constant_texts(object: &Object, start: &str, each: &mut dyn FnMut(&str) -> bool) {
    /// Longer than any version text.
    const LONGEST: usize = 200;
    let finder = memchr::memmem::Finder::new(start);
    for range in &object.constant {
        // SAFETY: a segment that the dynamic linker mapped readable and not writable, of the length that the file
        // gives it; it stays mapped, since no library is ever unloaded.
        let bytes = unsafe { memory::slice(range.start as *const u8, isize::try_from(range.len()).unwrap_or(0)) };
        for at in finder.find_iter(bytes) {
            let tail = &bytes[at..bytes.len().min(at + LONGEST)];
            let text = tail.split(|byte| *byte == 0).next().unwrap_or_default();
            if std::str::from_utf8(text).is_ok_and(|text| !each(text)) {
                return;
            }
        }
    }
}

/// One slot that the dynamic linker fills with the address of a symbol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<'a> {
    /// The symbol's name in the object's string table, from its first byte to the table's end, which is a NUL.
    name: &'a [u8],
    /// Where the slot points now.
    pub(crate) target: usize,
    /// A call through the procedure linkage table, which may be bound late.
    pub(crate) call: bool,
}

impl<'a> Slot<'a> {
    /// The symbol's name. Measured when it is asked for: a library has thousands of slots, and few are looked at twice.
    pub(crate) fn symbol(&self) -> &'a std::ffi::CStr {
        std::ffi::CStr::from_bytes_until_nul(self.name).unwrap_or_default()
    }
}

/// Finds the object that holds an address.
pub(crate) fn object_at(objects: &[Object], address: usize) -> Option<&Object> {
    objects.iter().find(|object| object.contains(address))
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd"))]
mod elf {
    use std::ffi::{CStr, c_int, c_void};
    use std::os::unix::ffi::OsStrExt;

    use object::NativeEndian;
    use object::elf;
    use object::read::elf::{Dyn, FileHeader, Rel, Rela, Sym};

    use super::{Object, PathBuf, Slot};
    use crate::ffi::memory;

    #[cfg(target_pointer_width = "64")]
    type Header = elf::FileHeader64<NativeEndian>;
    #[cfg(target_pointer_width = "32")]
    type Header = elf::FileHeader32<NativeEndian>;
    type DynEntry = <Header as FileHeader>::Dyn;
    type SymEntry = <Header as FileHeader>::Sym;
    type RelEntry = <Header as FileHeader>::Rel;
    type RelaEntry = <Header as FileHeader>::Rela;

    const ENDIAN: NativeEndian = NativeEndian;

    /// Lists everything that is mapped.
    pub(crate) fn objects() -> Vec<Object> {
        let mut objects: Vec<Object> = Vec::new();
        // SAFETY: `note` matches the callback's signature, and the pointer it gets is `objects`, alive and used by
        // nobody else until the call returns.
        unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut objects).cast()) };
        objects
    }

    unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _: usize, objects: *mut c_void) -> c_int {
        // SAFETY: the linker hands a valid record; `objects` is what `objects()` passed.
        let (info, objects) = unsafe { (&*info, &mut *objects.cast::<Vec<Object>>()) };
        // SAFETY: the linker's own array of program headers, of the length that it says.
        let headers = unsafe { memory::slice(info.dlpi_phdr, isize::try_from(info.dlpi_phnum).unwrap_or(0)) };
        let base = info.dlpi_addr as usize;
        let mut object = Object {
            path: PathBuf::new(),
            soname: None,
            base,
            segments: Vec::new(),
            constant: Vec::new(),
            dynamic: 0,
            dynamic_len: 0,
        };
        let mut code = Vec::new();
        for header in headers {
            let start = base.wrapping_add(header.p_vaddr as usize);
            match header.p_type {
                libc::PT_LOAD => {
                    object.segments.push(start..start.wrapping_add(header.p_memsz as usize));
                    if header.p_flags & (libc::PF_R | libc::PF_W) == libc::PF_R {
                        let list = if header.p_flags & libc::PF_X == 0 { &mut object.constant } else { &mut code };
                        list.push(start..start.wrapping_add(header.p_filesz as usize));
                    }
                }
                libc::PT_DYNAMIC => {
                    object.dynamic = start;
                    object.dynamic_len = header.p_memsz as usize / size_of::<DynEntry>();
                }
                _ => {}
            }
        }
        if object.constant.is_empty() {
            object.constant = code;
        }
        if !info.dlpi_name.is_null() {
            // SAFETY: not null, so the linker's string that ends with NUL.
            let name = unsafe { CStr::from_ptr(info.dlpi_name) };
            object.path = PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()));
        }
        if object.path.as_os_str().is_empty() {
            object.path = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("the program itself"));
        }
        // Now: the linker unloads nothing while it calls us.
        object.soname = soname(&object);
        objects.push(object);
        0
    }

    /// Relocation types that put the address of a symbol into a slot.
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Data,
        Call,
    }

    /// Judges a relocation type; `None` for those that bind no symbol's address (relative, copy, thread-local).
    fn kind(r_type: u32) -> Option<Kind> {
        let (data, call): (&[u32], u32) = if cfg!(target_arch = "x86_64") {
            (&[elf::R_X86_64_64.0, elf::R_X86_64_GLOB_DAT.0], elf::R_X86_64_JUMP_SLOT.0)
        } else if cfg!(target_arch = "aarch64") {
            (&[elf::R_AARCH64_ABS64.0, elf::R_AARCH64_GLOB_DAT.0], elf::R_AARCH64_JUMP_SLOT.0)
        } else if cfg!(target_arch = "x86") {
            (&[elf::R_386_32.0, elf::R_386_GLOB_DAT.0], elf::R_386_JMP_SLOT.0)
        } else if cfg!(target_arch = "arm") {
            (&[elf::R_ARM_ABS32.0, elf::R_ARM_GLOB_DAT.0], elf::R_ARM_JUMP_SLOT.0)
        } else if cfg!(any(target_arch = "riscv64", target_arch = "riscv32")) {
            (&[elf::R_RISCV_64.0, elf::R_RISCV_32.0], elf::R_RISCV_JUMP_SLOT.0)
        } else {
            (&[], u32::MAX)
        };
        if r_type == call { Some(Kind::Call) } else { data.contains(&r_type).then_some(Kind::Data) }
    }

    /// Whether this architecture's relocations are known.
    pub(crate) const KNOWN: bool = cfg!(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "x86",
        target_arch = "arm",
        target_arch = "riscv64",
        target_arch = "riscv32"
    ));

    /// Tables of one object's dynamic section.
    #[derive(Default)]
    struct Tables {
        symbols: usize,
        strings: usize,
        strings_len: usize,
        rela: (usize, usize),
        rel: (usize, usize),
        plt: (usize, usize),
        plt_is_rela: bool,
        soname: Option<usize>,
    }

    /// Reads the name that an object goes by.
    fn soname(object: &Object) -> Option<String> {
        let tables = tables(object);
        let start = tables.strings.checked_add(tables.soname?)?;
        let len = tables.strings_len.checked_sub(tables.soname?)?;
        if object.dynamic == 0
            || tables.strings == 0
            || len == 0
            || !object.contains(start)
            || !object.contains(start + len - 1)
        {
            return None;
        }
        // SAFETY: inside the object's string table, which lies in a mapped segment; `len` is what is left of it.
        let rest = unsafe { memory::slice(start as *const u8, isize::try_from(len).unwrap_or(0)) };
        std::str::from_utf8(rest.split(|byte| *byte == 0).next()?).ok().map(str::to_owned)
    }

    /// Calls `each` for every slot of `object`, until it says stop.
    pub(crate) fn slots<'a>(object: &'a Object, each: &mut dyn FnMut(Slot<'a>) -> bool) {
        if object.dynamic == 0 {
            return;
        }
        let tables = tables(object);
        let last = tables.strings.wrapping_add(tables.strings_len.saturating_sub(1));
        if tables.symbols == 0 || tables.strings == 0 || !object.contains(last) {
            return;
        }
        // Most slots lie in the segment of the one before.
        let mut place = Place { object, tables: &tables, symbols_end: 0, segment: 0..0 };
        place.symbols_end = object.segment(tables.symbols).map_or(0, |segment| segment.end);
        for (table, is_rela) in [(tables.rela, true), (tables.rel, false), (tables.plt, tables.plt_is_rela)] {
            // A table that is not all inside the object is none of ours to read.
            let inside = table.1 == 0 || object.contains(table.0) && object.contains(table.0.wrapping_add(table.1 - 1));
            let entries = |size: usize| if inside { isize::try_from(table.1 / size).unwrap_or(0) } else { 0 };
            if is_rela {
                // SAFETY: the object's own relocation table: mapped for as long as the object is (we never
                // unload, and hold a handle), read-only, of the length that its dynamic section says.
                let table = unsafe { memory::slice(table.0 as *const RelaEntry, entries(size_of::<RelaEntry>())) };
                for entry in table {
                    // The trait's methods take the same arguments on every machine, the types' own do not.
                    let symbol = Rela::r_sym(entry, ENDIAN, false);
                    #[allow(clippy::useless_conversion)] // 32 bits wide on 32-bit machines
                    let offset: u64 = entry.r_offset(ENDIAN).into();
                    if !place.visit(symbol, Rela::r_type(entry, ENDIAN, false).0, offset, each) {
                        return;
                    }
                }
            } else {
                // SAFETY: as above.
                let table = unsafe { memory::slice(table.0 as *const RelEntry, entries(size_of::<RelEntry>())) };
                for entry in table {
                    #[allow(clippy::useless_conversion)] // 32 bits wide on 32-bit machines
                    let offset: u64 = entry.r_offset(ENDIAN).into();
                    if !place.visit(entry.r_sym(ENDIAN), entry.r_type(ENDIAN).0, offset, each) {
                        return;
                    }
                }
            }
        }
    }

    /// An object whose slots are visited.
    struct Place<'a, 't> {
        object: &'a Object,
        tables: &'t Tables,
        /// End of the segment that the symbol table begins in.
        symbols_end: usize,
        /// Segment of the last slot.
        segment: std::ops::Range<usize>,
    }

    impl<'a> Place<'a, '_> {
        fn visit(&mut self, symbol: u32, r_type: u32, offset: u64, each: &mut dyn FnMut(Slot<'a>) -> bool) -> bool {
            let (Some(kind), true) = (kind(r_type), symbol != 0) else { return true };
            let slot = self.object.base.wrapping_add(offset as usize);
            if !self.segment.contains(&slot) {
                let Some(segment) = self.object.segment(slot) else { return true };
                self.segment = segment.clone();
            }
            if self.segment.end - slot < size_of::<usize>() {
                return true;
            }
            let tables = self.tables;
            let entry = tables.symbols.wrapping_add(symbol as usize * size_of::<SymEntry>());
            // Inside the segment that the table begins in, whole.
            if entry < tables.symbols || entry.saturating_add(size_of::<SymEntry>()) > self.symbols_end {
                return true;
            }
            let entry = entry as *const SymEntry;
            // SAFETY: the relocation names an entry of the object's own symbol table, mapped and read-only.
            let name = unsafe { &*entry }.st_name(ENDIAN) as usize;
            if name >= tables.strings_len {
                return true;
            }
            let len = isize::try_from(tables.strings_len - name).unwrap_or(0);
            // SAFETY: what is left of the string table, all of which lies in the object; it is never unmapped.
            let name = unsafe { memory::slice((tables.strings + name) as *const u8, len) };
            // SAFETY: a slot inside the object's mapped segments, of the width of a pointer; the linker has filled it
            // and, if it is bound late, replaces it with one aligned store.
            let target = unsafe { (slot as *const usize).read_volatile() };
            each(Slot { name, target, call: kind == Kind::Call })
        }
    }

    fn tables(object: &Object) -> Tables {
        let mut tables = Tables::default();
        // glibc writes absolute addresses into the dynamic section, musl leaves offsets.
        let absolute = |value: usize| match value.wrapping_add(object.base) {
            _ if object.contains(value) => value,
            moved if object.contains(moved) => moved,
            _ => 0,
        };
        // SAFETY: the object's dynamic section, where the linker's own record says it is.
        let dynamic = unsafe {
            memory::slice(object.dynamic as *const DynEntry, isize::try_from(object.dynamic_len).unwrap_or(0))
        };
        for entry in dynamic {
            let (tag, value) = (entry.d_tag(ENDIAN), entry.d_val(ENDIAN));
            #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // 32 bits wide on 32-bit machines
            let value = value as usize;
            match tag {
                elf::DT_NULL => break,
                elf::DT_SYMTAB => tables.symbols = absolute(value),
                elf::DT_STRTAB => tables.strings = absolute(value),
                elf::DT_STRSZ => tables.strings_len = value,
                elf::DT_SONAME => tables.soname = Some(value),
                elf::DT_RELA => tables.rela.0 = absolute(value),
                elf::DT_RELASZ => tables.rela.1 = value,
                elf::DT_REL => tables.rel.0 = absolute(value),
                elf::DT_RELSZ => tables.rel.1 = value,
                elf::DT_JMPREL => tables.plt.0 = absolute(value),
                elf::DT_PLTRELSZ => tables.plt.1 = value,
                elf::DT_PLTREL => tables.plt_is_rela = i64::try_from(value) == Ok(elf::DT_RELA.0),
                _ => {}
            }
        }
        tables
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd"))]
pub(crate) use elf::{KNOWN as SLOTS_KNOWN, objects, slots};

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd")))]
mod elsewhere {
    use super::{Object, Slot};

    pub(crate) const SLOTS_KNOWN: bool = false;

    pub(crate) fn objects() -> Vec<Object> {
        Vec::new()
    }

    pub(crate) fn slots<'a>(_: &'a Object, _: &mut dyn FnMut(Slot<'a>) -> bool) {}
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd")))]
pub(crate) use elsewhere::{SLOTS_KNOWN, objects, slots};

/// Whether the object that holds `address` takes `symbol` from elsewhere.
pub(crate) fn imports(address: usize, symbol: &std::ffi::CStr) -> bool {
    let objects = objects();
    let mut found = false;
    if let Some(object) = object_at(&objects, address) {
        slots(object, &mut |slot| {
            found |= !object.contains(slot.target) && slot.symbol() == symbol;
            !found
        });
    }
    found
}

/// Whether the file under `path` is another one than the file that is mapped at `address`.
///
/// `None` where that cannot be told.
pub(crate) fn replaced_on_disk(path: &std::path::Path, address: usize) -> Option<bool> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt;
        let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
        let file = maps.lines().find_map(|line| mapped_file(line, address))?;
        Some(file.deleted || std::fs::metadata(path).ok()?.ino() != file.inode)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (path, address);
        None
    }
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
    let mut fields = line.split_ascii_whitespace();
    let (low, high) = fields.next()?.split_once('-')?;
    let range = usize::from_str_radix(low, 16).ok()?..usize::from_str_radix(high, 16).ok()?;
    let inode: u64 = fields.nth(3)?.parse().ok()?;
    let file = MappedFile { inode, deleted: line.ends_with(" (deleted)") };
    (range.contains(&address) && inode != 0).then_some(file)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_program_and_its_c_library_are_listed_and_its_slots_point_at_mapped_code() {
        let objects = objects();
        let here = object_at(&objects, mapped_file as *const () as usize).unwrap();
        assert_eq!(here.path, std::env::current_exe().unwrap());
        let mut bound = 0;
        slots(here, &mut |slot| {
            assert!(!slot.symbol().is_empty());
            bound += usize::from(object_at(&objects, slot.target).is_some_and(|object| object.base != here.base));
            true
        });
        assert!(SLOTS_KNOWN && bound > 0, "a test program calls the C library through slots");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_line_of_the_map_gives_its_file() {
        let line = "7f0000001000-7f0000002000 r-xp 00001000 08:01 4242   /usr/lib/libx.so (deleted)";
        assert_eq!(mapped_file(line, 0x7f00_0000_1800), Some(MappedFile { inode: 4242, deleted: true }));
        assert!(!mapped_file(line.trim_end_matches(" (deleted)"), 0x7f00_0000_1800).unwrap().deleted);
        assert_eq!(mapped_file(line, 0x7f00_0000_2000), None);
        assert_eq!(mapped_file("nonsense", 1), None);
    }

    proptest! {
        #[test]
        #[cfg(target_os = "linux")]
        fn any_line_of_the_map_is_read(line in ".{0,80}", address: usize) {
            let _ = mapped_file(&line, address);
        }
    }
}
