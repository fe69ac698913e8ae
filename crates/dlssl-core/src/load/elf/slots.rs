//! The slots of an object that the linker fills with addresses of symbols.

use std::ffi::CStr;
use std::ops::Range;

use object::elf;
use object::read::elf::{Rel, Rela, Sym};

use super::super::mapped::Object;
use super::tables::{Array, Table};
use super::{ENDIAN, RelEntry, RelaEntry, SymEntry};
use crate::ffi::memory;
use crate::ffi::name::Name;

/// One slot that the dynamic linker fills with the address of a symbol.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'a, 'p> {
    place: &'p Place<'a>,
    symbol: u32,
    /// Where the slot points now.
    pub(crate) target: usize,
    /// A call through the procedure linkage table, which may be bound late.
    pub(crate) call: bool,
}

impl<'a> Slot<'a, '_> {
    /// The symbol's name; empty where the object has none for it. Read when it is asked for: a library has thousands of slots,
    /// and few are looked at twice.
    pub(crate) fn symbol(&self) -> &'a CStr {
        CStr::from_bytes_until_nul(self.table()).unwrap_or_default()
    }

    /// The same, to be looked up.
    pub(crate) fn name(&self) -> Name<'a> {
        Name::until_nul(self.table())
    }

    /// The object's table of names, from this one on.
    fn table(&self) -> &'a [u8] {
        let Place { symbols, strings, .. } = self.place;
        let entry = symbols.get(self.symbol as usize);
        entry.and_then(|entry| strings.get(entry.st_name(ENDIAN) as usize..)).unwrap_or_default()
    }
}

/// Relocation types that put the address of a symbol into a slot.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Data,
    Call,
}

/// Judges a relocation type; `None` for those that bind no symbol's address (relative, copy, thread-local).
#[inline]
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

/// Whether the linker reads tables of the short kind (`DT_REL`): machines of 64 bits have none.
const SHORT: bool = cfg!(target_pointer_width = "32");

/// How many entries at the start of a table name no symbol, because the linker takes them so unread: glibc adds the base to as
/// many as the table says and looks at no type. Other linkers look, and so do we there.
fn relative(object: &Object) -> usize {
    if cfg!(all(target_os = "linux", target_env = "gnu")) { object.tables.relative } else { 0 }
}

/// Calls `each` for every slot of `object`, until it says stop.
pub(crate) fn slots<'a>(object: &'a Object, mut each: impl FnMut(Slot<'a, '_>) -> bool) {
    let tables = &object.tables;
    let strings = tables.strings(object);
    if tables.symbols == 0 || strings.is_empty() {
        return;
    }
    let place = Place { object, symbols: Array::at(object, tables.symbols), strings };
    let (plt_rela, plt_rel) = if tables.plt_is_rela { (tables.plt, (0, 0)) } else { ((0, 0), tables.plt) };
    // Most slots lie in the segment of the one before.
    let mut segment = 0..0;
    for (table, skip) in [(tables.rela, relative(object)), (plt_rela, 0)] {
        for entry in entries::<RelaEntry>(object, table).get(skip..).unwrap_or_default() {
            #[allow(clippy::useless_conversion)] // 32 bits wide on 32-bit machines
            let offset: u64 = entry.r_offset(ENDIAN).into();
            // The trait's methods take the same arguments on every machine, the types' own do not.
            let (symbol, kind) = (Rela::r_sym(entry, ENDIAN, false), kind(Rela::r_type(entry, ENDIAN, false).0));
            if !place.visit(symbol, kind, offset, &mut segment, &mut each) {
                return;
            }
        }
    }
    for (table, skip) in [(tables.rel, relative(object)), (plt_rel, 0)].into_iter().filter(|_| SHORT) {
        for entry in entries::<RelEntry>(object, table).get(skip..).unwrap_or_default() {
            #[allow(clippy::useless_conversion)] // as above
            let offset: u64 = entry.r_offset(ENDIAN).into();
            let (symbol, kind) = (entry.r_sym(ENDIAN), kind(entry.r_type(ENDIAN).0));
            if !place.visit(symbol, kind, offset, &mut segment, &mut each) {
                return;
            }
        }
    }
}

/// Views a table of relocations; empty where it is not all inside one segment.
fn entries<T: object::Pod>(object: &Object, (start, len): Table) -> &[T] {
    // A table that is not all inside the object is none of ours to read.
    let inside =
        start % align_of::<T>() == 0 && object.segment(start).is_some_and(|segment| segment.range.end - start >= len);
    let count = if inside { isize::try_from(len / size_of::<T>()).unwrap_or(0) } else { 0 };
    // SAFETY: the object's own relocation table: mapped for as long as the object is (we never unload, and hold a
    // handle), aligned, of the length that its dynamic section says, not written to once it is linked. Any bytes are a `T`.
    unsafe { memory::slice(start as *const T, count) }
}

/// An object whose slots are visited.
struct Place<'a> {
    object: &'a Object,
    symbols: Array<'a, SymEntry>,
    strings: &'a [u8],
}

impl<'a> Place<'a> {
    #[inline]
    fn visit(
        &self,
        symbol: u32,
        kind: Option<Kind>,
        offset: u64,
        segment: &mut Range<usize>,
        each: &mut impl FnMut(Slot<'a, '_>) -> bool,
    ) -> bool {
        let (Some(kind), true) = (kind, symbol != 0) else { return true };
        let slot = self.object.base.wrapping_add(offset as usize);
        if !segment.contains(&slot) {
            let Some(other) = self.object.segment(slot) else { return true };
            *segment = other.range.clone();
        }
        if segment.end - slot < size_of::<usize>() {
            return true;
        }
        let slot = slot as *const usize;
        // SAFETY: a slot inside the object's mapped segments, of the width of a pointer; the linker has filled it
        // and, if it is bound late, replaces it with one aligned store.
        let target = unsafe { if slot.is_aligned() { slot.read_volatile() } else { slot.read_unaligned() } };
        each(Slot { place: self, symbol, target, call: kind == Kind::Call })
    }
}
