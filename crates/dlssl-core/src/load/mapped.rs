//! The shared objects that this process has mapped: their files, address ranges, exports and bound slots.
//!
//! ELF only. Elsewhere nothing is listed, and the pair's proof says so.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::candidates::is_half;
pub(crate) use super::elf::{Export, Exports, SLOTS_KNOWN, Slot, count, objects, places, slots};
use super::elf::{Tables, without_texts};
use crate::ffi::{Half, memory};

/// One mapped object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    /// File, as the dynamic linker knows it; empty for the program itself.
    name: PathBuf,
    /// What it goes by among others, where that was asked for.
    pub(crate) soname: Option<String>,
    pub(super) base: usize,
    /// From the first segment's beginning to the last one's end.
    span: Range<usize>,
    segments: Vec<Segment>,
    /// Where its dynamic section lies, by which the linker tells it; nought where it has none.
    pub(crate) dynamic: usize,
    pub(super) tables: Tables,
    /// The index of its tables for unwinding, by address and length.
    pub(super) unwinding: (usize, usize),
    /// It is named like a half of a pair, or exports a function that every libssl or every libcrypto has, or what it exports
    /// could not be read.
    pub(crate) may_be_half: bool,
}

/// One segment of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    pub(super) range: Range<usize>,
    /// As much of it as the file holds.
    pub(super) in_file: usize,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) code: bool,
}

impl Object {
    pub(super) fn new(name: PathBuf, base: usize, segments: Vec<Segment>) -> Self {
        let start = segments.iter().map(|segment| segment.range.start).min().unwrap_or(base);
        let end = segments.iter().map(|segment| segment.range.end).max().unwrap_or(base);
        Self { name, base, span: start..end, segments, ..Self::default() }
    }

    /// File, as the dynamic linker knows it; the program itself is its executable.
    pub(crate) fn path(&self) -> Cow<'_, Path> {
        if self.name.as_os_str().is_empty() {
            return Cow::Owned(std::env::current_exe().unwrap_or_else(|_| PathBuf::from("the program itself")));
        }
        Cow::Borrowed(&self.name)
    }

    /// The names that it goes by: its own, and its file's.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let file = self.name.file_name().and_then(|name| name.to_str());
        self.soname.as_deref().into_iter().chain(file)
    }

    /// Whether it goes by a name of either half.
    pub(super) fn is_named_like_a_half(&self) -> bool {
        self.names().any(|name| is_half(name, Half::Ssl) || is_half(name, Half::Crypto))
    }

    /// An address inside the object.
    pub(crate) fn address(&self) -> usize {
        self.segments.first().map_or(self.base, |segment| segment.range.start)
    }

    /// Whether an address lies in the object.
    #[inline]
    pub(crate) fn contains(&self, address: usize) -> bool {
        self.segment(address).is_some()
    }

    /// The range of the segment that holds an address.
    pub(crate) fn range_of(&self, address: usize) -> Option<Range<usize>> {
        self.segment(address).map(|segment| segment.range.clone())
    }

    /// The segment that holds an address.
    #[inline]
    pub(super) fn segment(&self, address: usize) -> Option<&Segment> {
        if !self.span.contains(&address) {
            return None;
        }
        self.segments.iter().find(|segment| segment.range.contains(&address))
    }

    /// Ranges that can be read and not be written to, as far as they hold constants: without code, where the linker put
    /// constants apart from it, and without tables of its own.
    fn constants(&self) -> Vec<Range<usize>> {
        let fixed = || self.segments.iter().filter(|segment| segment.readable && !segment.writable);
        let apart = fixed().any(|segment| !segment.code);
        let mut ranges: Vec<Range<usize>> = fixed()
            .filter(|segment| !apart || !segment.code)
            .map(|segment| segment.range.start..segment.range.start.saturating_add(segment.in_file))
            .collect();
        for (start, len) in without_texts(self) {
            let Some(at) = ranges.iter().position(|range| range.contains(&start) && range.end - start >= len) else {
                continue;
            };
            let rest = start + len..ranges[at].end;
            ranges[at].end = start;
            ranges.push(rest);
        }
        ranges
    }
}

/// Finds every text in an object's constant data that begins with `start` and ends with NUL, until `each` says stop.
pub(crate) fn constant_texts(object: &Object, start: &str, each: &mut dyn FnMut(&str) -> bool) {
    /// Longer than any version text.
    const LONGEST: usize = 200;
    let Some(first) = start.bytes().next() else { return };
    for range in object.constants() {
        // SAFETY: a segment that the dynamic linker mapped readable and not writable, of the length that the file
        // gives it; it stays mapped, since no library is ever unloaded.
        let bytes = unsafe { memory::slice(range.start as *const u8, isize::try_from(range.len()).unwrap_or(0)) };
        // By its first letter: a capital is rare enough in constants for that to be faster than looking for all of it.
        for at in memchr::memchr_iter(first, bytes) {
            let tail = &bytes[at..bytes.len().min(at + LONGEST)];
            if !tail.starts_with(start.as_bytes()) {
                continue;
            }
            let text = tail.split(|byte| *byte == 0).next().unwrap_or_default();
            if std::str::from_utf8(text).is_ok_and(|text| !each(text)) {
                return;
            }
        }
    }
}

/// Finds the object that holds an address.
pub(crate) fn object_at(objects: &[Object], address: usize) -> Option<&Object> {
    objects.iter().find(|object| object.contains(address))
}

/// Whether the object that holds `address` takes `symbol` from elsewhere.
pub(crate) fn imports(address: usize, symbol: &std::ffi::CStr) -> bool {
    let objects = places();
    let mut found = false;
    if let Some(object) = object_at(&objects, address) {
        slots(object, |slot| {
            found |= !object.contains(slot.target) && slot.symbol() == symbol;
            !found
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_program_and_its_c_library_are_listed_and_its_slots_point_at_mapped_code() {
        let objects = objects();
        let here = object_at(&objects, constant_texts as *const () as usize).unwrap();
        assert_eq!(here.path(), std::env::current_exe().unwrap());
        let mut bound = 0;
        slots(here, |slot| {
            assert!(!slot.symbol().is_empty());
            bound += usize::from(object_at(&objects, slot.target).is_some_and(|object| object.base != here.base));
            true
        });
        assert!(SLOTS_KNOWN && bound > 0, "a test program calls the C library through slots");
    }
}
