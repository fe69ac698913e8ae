//! What the dynamic linker has mapped, read from memory as the linker itself reads it: ELF only.

mod exports;
mod objects;
mod slots;
mod tables;

use object::NativeEndian;
use object::elf;
use object::read::elf::FileHeader;

pub(crate) use exports::{Export, Exports};
pub(crate) use objects::{count, objects, places};
pub(crate) use slots::{KNOWN as SLOTS_KNOWN, Slot, slots};
pub(super) use tables::{Tables, without_texts};

#[cfg(target_pointer_width = "64")]
type Header = elf::FileHeader64<NativeEndian>;
#[cfg(target_pointer_width = "32")]
type Header = elf::FileHeader32<NativeEndian>;
type DynEntry = <Header as FileHeader>::Dyn;
type SymEntry = <Header as FileHeader>::Sym;
type RelEntry = <Header as FileHeader>::Rel;
type RelaEntry = <Header as FileHeader>::Rela;

const ENDIAN: NativeEndian = NativeEndian;
