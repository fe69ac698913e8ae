//! Where the tables of a mapped object lie: its dynamic section.

use std::marker::PhantomData;

use object::read::elf::Dyn;
use object::{Pod, elf};

use super::super::mapped::Object;
use super::{DynEntry, ENDIAN};
use crate::ffi::memory;

/// A table by its address and its length in bytes.
pub(super) type Table = (usize, usize);

/// Tables of one object's dynamic section; nought where it has none.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::load) struct Tables {
    pub(super) symbols: usize,
    pub(super) strings: Table,
    pub(super) rela: Table,
    pub(super) rel: Table,
    /// Entries at the start of `rela` or `rel` that name no symbol.
    pub(super) relative: usize,
    pub(super) plt: Table,
    pub(super) plt_is_rela: bool,
    pub(super) hash: usize,
    pub(super) versions: usize,
    soname: Option<usize>,
}

impl Tables {
    /// Reads the dynamic section at `dynamic`, of at most `len` entries.
    pub(super) fn read(object: &Object, dynamic: usize, len: usize) -> Self {
        let mut tables = Self::default();
        // glibc writes absolute addresses into the dynamic section, musl leaves offsets.
        let absolute = |value: usize| match value.wrapping_add(object.base) {
            _ if object.contains(value) => value,
            moved if object.contains(moved) => moved,
            _ => 0,
        };
        // SAFETY: the object's dynamic section, where the linker's own record says it is.
        let dynamic = unsafe { memory::slice(dynamic as *const DynEntry, isize::try_from(len).unwrap_or(0)) };
        for entry in dynamic {
            let (tag, value) = (entry.d_tag(ENDIAN), entry.d_val(ENDIAN));
            #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // 32 bits wide on 32-bit machines
            let value = value as usize;
            match tag {
                elf::DT_NULL => break,
                elf::DT_SYMTAB => tables.symbols = absolute(value),
                elf::DT_STRTAB => tables.strings.0 = absolute(value),
                elf::DT_STRSZ => tables.strings.1 = value,
                elf::DT_SONAME => tables.soname = Some(value),
                elf::DT_RELA => tables.rela.0 = absolute(value),
                elf::DT_RELASZ => tables.rela.1 = value,
                elf::DT_REL => tables.rel.0 = absolute(value),
                elf::DT_RELSZ => tables.rel.1 = value,
                elf::DT_RELACOUNT | elf::DT_RELCOUNT => tables.relative = value,
                elf::DT_JMPREL => tables.plt.0 = absolute(value),
                elf::DT_PLTRELSZ => tables.plt.1 = value,
                elf::DT_PLTREL => tables.plt_is_rela = i64::try_from(value) == Ok(elf::DT_RELA.0),
                elf::DT_GNU_HASH => tables.hash = absolute(value),
                elf::DT_VERSYM => tables.versions = absolute(value),
                _ => {}
            }
        }
        tables
    }

    /// Whether there is anything that could be exported.
    pub(super) fn has_symbols(&self) -> bool {
        self.symbols != 0
    }

    /// The names of the symbols, each with a NUL behind it; empty where they are not all inside the object.
    pub(super) fn strings<'a>(&self, object: &'a Object) -> &'a [u8] {
        let (start, len) = self.strings;
        let inside = object.segment(start).is_some_and(|segment| segment.range.end - start >= len);
        // SAFETY: the object's string table, inside one mapped segment, which nobody writes to once it is linked.
        unsafe { memory::slice(start as *const u8, if inside { isize::try_from(len).unwrap_or(0) } else { 0 }) }
    }

    /// The name that the object goes by.
    pub(super) fn soname<'a>(&self, object: &'a Object) -> Option<&'a str> {
        let rest = self.strings(object).get(self.soname?..)?;
        std::str::from_utf8(rest.split(|byte| *byte == 0).next()?).ok()
    }
}

/// Tables of an object that hold no text of the program's: names, relocations, and how to unwind its functions.
pub(in crate::load) fn without_texts(object: &Object) -> [Table; 6] {
    let Tables { strings, rela, rel, plt, .. } = object.tables;
    [strings, rela, rel, plt, object.unwinding, unwinding(object).unwrap_or_default()]
}

/// The entries that the index of unwinding tables is about: from the first one to its last function's.
fn unwinding(object: &Object) -> Option<Table> {
    /// What every linker writes: version 1; where entries begin, 4 bytes from here on; a count; pairs of 4 bytes from the
    /// index's beginning on.
    const USUAL: [u8; 4] = [1, 0x1b, 0x03, 0x3b];
    let (index, len) = object.unwinding;
    let bytes = Array::<u8>::at(object, index).first(len)?;
    let four = |at: usize| Some([bytes.get(at)?, bytes.get(at + 1)?, bytes.get(at + 2)?, bytes.get(at + 3)?]);
    if four(0)? != USUAL {
        return None;
    }
    let signed = |at: usize| four(at).map(|four| i32::from_ne_bytes(four) as isize);
    let first = (index + 4).checked_add_signed(signed(4)?)?;
    let count = u32::from_ne_bytes(four(8)?) as usize;
    let last = index.checked_add_signed(signed(12 + count.checked_sub(1)? * 8 + 4)?)?;
    // All entries lie in one run; each begins with its length.
    let end = last.checked_add(4 + Array::<u32>::at(object, last).get(0)? as usize)?;
    Some((first, end.checked_sub(first)?))
}

/// A table in one segment of a mapped object, to be read without knowing beforehand how much of it there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Array<'a, T> {
    start: *const T,
    len: usize,
    object: PhantomData<&'a Object>,
}

impl<'a, T: Pod> Array<'a, T> {
    /// What lies from `start` to the end of its segment; empty where `start` lies in none.
    #[allow(clippy::cast_ptr_alignment)] // read unaligned
    pub(super) fn at(object: &'a Object, start: usize) -> Self {
        let len = object.segment(start).map_or(0, |segment| (segment.range.end - start) / size_of::<T>());
        Self { start: start as *const T, len, object: PhantomData }
    }

    /// The first `len`; `None` where there are not so many.
    pub(super) fn first(self, len: usize) -> Option<Self> {
        (len <= self.len).then_some(Self { len, ..self })
    }

    /// Reads one; `None` where it is not all inside.
    #[inline]
    pub(super) fn get(self, index: usize) -> Option<T> {
        // SAFETY: it lies in one segment of an object that is mapped for as long as anybody looks: libraries that we hold are
        // never unloaded, and at others we look while the linker waits for us. Any bytes are a `T`.
        (index < self.len).then(|| unsafe { self.start.add(index).read_unaligned() })
    }
}
