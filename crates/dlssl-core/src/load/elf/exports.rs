//! What a mapped object exports, read from its own hash table of names (`DT_GNU_HASH`): some 50 instructions for a name that is
//! there and 20 for one that is not, where the linker takes a thousand for either, and more for one that is not.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use object::elf;
use object::read::elf::Sym;

use super::super::identify::{MARKS_OF_LIBCRYPTO, MARKS_OF_LIBSSL};
use super::super::mapped::Object;
use super::tables::Array;
use super::{ENDIAN, SymEntry};
use crate::ffi::name::Name;

/// Answer of an object's own table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Export {
    /// Here, as the linker would say for a handle of this object.
    At(NonNull<c_void>),
    /// The object exports nothing of the name.
    Absent,
    /// It exports something of the name, but where that is only the linker can say (versions, indirect functions).
    Unsure,
}

/// The export table of one object.
#[derive(Clone, Copy)]
pub(crate) struct Exports<'a> {
    base: usize,
    /// A filter: two bits for each name. Of a length that is a power of two.
    bloom: Array<'a, [u8; WORD]>,
    bloom_mask: usize,
    bloom_shift: u32,
    /// For each remainder of a hash the first symbol, nought where there is none.
    buckets: Array<'a, u32>,
    bucket_count: u32,
    /// For each symbol from `first_hashed` on its hash, the lowest bit of which says that it is the last of its bucket.
    chains: Array<'a, u32>,
    first_hashed: u32,
    symbols: Array<'a, SymEntry>,
    versions: Option<Array<'a, u16>>,
    strings: &'a [u8],
}

const WORD: usize = size_of::<usize>();

impl<'a> Exports<'a> {
    /// The exports of an object; `None` where they cannot be read: a table of another kind, or none although there are symbols.
    pub(crate) fn of(object: &'a Object) -> Option<Self> {
        let tables = &object.tables;
        let [bucket_count, first_hashed, bloom_len, bloom_shift] = Array::<[u32; 4]>::at(object, tables.hash).get(0)?;
        if bucket_count == 0 || !bloom_len.is_power_of_two() || bloom_shift >= u32::BITS {
            return None;
        }
        let (bloom_len, buckets_len) = (usize::try_from(bloom_len).ok()?, usize::try_from(bucket_count).ok()?);
        let bloom = tables.hash + size_of::<[u32; 4]>();
        let buckets = bloom.checked_add(bloom_len.checked_mul(WORD)?)?;
        let chains = buckets.checked_add(buckets_len.checked_mul(size_of::<u32>())?)?;
        Some(Self {
            base: object.base,
            bloom: Array::at(object, bloom).first(bloom_len)?,
            bloom_mask: bloom_len - 1,
            bloom_shift,
            buckets: Array::at(object, buckets).first(buckets_len)?,
            bucket_count,
            chains: Array::at(object, chains),
            first_hashed,
            symbols: Array::at(object, tables.symbols),
            versions: (tables.versions != 0).then(|| Array::at(object, tables.versions)),
            strings: tables.strings(object),
        })
    }

    /// Looks a name up.
    #[inline]
    pub(crate) fn find(&self, name: Name<'_>) -> Export {
        let hash = name.hash();
        let word =
            self.bloom.get((hash / usize::BITS) as usize & self.bloom_mask).map_or(usize::MAX, usize::from_ne_bytes);
        let bits = 1_usize << (hash % usize::BITS) | 1_usize << ((hash >> self.bloom_shift) % usize::BITS);
        // Most names that are not there end here.
        if word & bits != bits {
            return Export::Absent;
        }
        // What lies outside of its table belongs to no object that a linker has made.
        self.look(name).unwrap_or(Export::Unsure)
    }

    fn look(&self, name: Name<'_>) -> Option<Export> {
        let hash = name.hash();
        let mut index = self.buckets.get((hash % self.bucket_count) as usize)?;
        if index < self.first_hashed {
            return Some(Export::Absent);
        }
        let mut unsure = false;
        loop {
            let chained = self.chains.get((index - self.first_hashed) as usize)?;
            if chained | 1 == hash | 1 {
                match self.symbol(index as usize, name)? {
                    Export::At(address) => return Some(Export::At(address)),
                    Export::Unsure => unsure = true,
                    Export::Absent => {}
                }
            }
            if chained & 1 == 1 {
                return Some(if unsure { Export::Unsure } else { Export::Absent });
            }
            index = index.checked_add(1)?;
        }
    }

    /// Judges one symbol whose hash fits.
    fn symbol(&self, index: usize, name: Name<'_>) -> Option<Export> {
        let symbol = self.symbols.get(index)?;
        let text = name.text();
        let named = self.strings.get(symbol.st_name(ENDIAN) as usize..)?;
        if named.get(text.len()) != Some(&0) || !named.starts_with(text) {
            return Some(Export::Absent);
        }
        let section = symbol.st_shndx(ENDIAN);
        #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // 32 bits wide on 32-bit machines
        let value = symbol.st_value(ENDIAN) as usize;
        // An executable may give an address to what it takes from elsewhere.
        if section == elf::SHN_UNDEF && value == 0 {
            return Some(Export::Absent);
        }
        let plain = matches!(symbol.st_type(), elf::STT_NOTYPE | elf::STT_OBJECT | elf::STT_FUNC)
            && matches!(symbol.st_bind(), elf::STB_GLOBAL | elf::STB_WEAK)
            && section != elf::SHN_UNDEF
            && section != elf::SHN_ABS
            && value != 0;
        let is_default = match self.versions {
            None => true,
            Some(versions) => versions.get(index)? & elf::VERSYM_HIDDEN.0 == 0,
        };
        let address = NonNull::new(self.base.wrapping_add(value) as *mut c_void);
        Some(match address.filter(|_| plain && is_default) {
            Some(address) => Export::At(address),
            None => Export::Unsure,
        })
    }

    /// Whether the object may be half of a pair: it exports, or may export, one of the functions that every half has.
    pub(super) fn may_have_a_mark(&self) -> bool {
        let marks: [&[&CStr]; 2] = [&MARKS_OF_LIBCRYPTO, &MARKS_OF_LIBSSL];
        marks.into_iter().flatten().any(|mark| self.find(Name::new(mark.to_bytes())) != Export::Absent)
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod tests {
    use proptest::prelude::*;

    use super::super::super::mapped::{object_at, objects};
    use super::super::super::source::{Opener, System};
    use super::*;

    /// The C library, as this program has it mapped.
    fn c_library(objects: &[Object]) -> &Object {
        object_at(objects, libc::getppid as *const () as usize).unwrap()
    }

    /// Every name in an object's list of symbols, exported by it or not.
    fn names(object: &Object) -> Vec<Vec<u8>> {
        let (start, end) = (object.tables.symbols, object.tables.strings.0);
        assert!(start < end, "linkers put the names behind the symbols");
        let symbols = Array::<SymEntry>::at(object, start).first((end - start) / size_of::<SymEntry>()).unwrap();
        let symbols = (0..).map_while(|index| symbols.get(index));
        let strings = object.tables.strings(object);
        let text = |at: usize| strings[at..].split(|byte| *byte == 0).next().unwrap().to_vec();
        symbols.map(|symbol| text(symbol.st_name(ENDIAN) as usize)).filter(|name| !name.is_empty()).collect()
    }

    #[test]
    fn the_table_says_what_the_linker_says_of_every_name() {
        let objects = objects();
        let c = c_library(&objects);
        let exports = Exports::of(c).unwrap();
        let image = System.open(&c.path()).unwrap();
        assert_eq!(image.dynamic(), Some(c.dynamic));
        let (mut found, mut unsure) = (0, 0);
        for name in names(c) {
            let linker = image.symbol(&std::ffi::CString::new(name.clone()).unwrap());
            match exports.find(Name::new(&name)) {
                Export::At(address) => {
                    found += 1;
                    assert_eq!(Some(address), linker, "{}", String::from_utf8_lossy(&name));
                }
                Export::Unsure => unsure += 1,
                // The linker goes on into the dependencies.
                Export::Absent => assert!(
                    linker.is_none_or(|address| !c.contains(address.as_ptr() as usize)),
                    "{}",
                    String::from_utf8_lossy(&name)
                ),
            }
        }
        assert!(found > 1000 && unsure < found, "{found} found, {unsure} unsure");
    }

    #[test]
    fn a_program_without_openssl_has_none_of_its_marks() {
        let objects = objects();
        assert!(!c_library(&objects).may_be_half);
        assert!(objects.iter().all(|object| !object.may_be_half), "a test program has nothing of OpenSSL");
    }

    proptest! {
        #[test]
        fn any_name_is_answered(name in "[a-z_]{0,12}") {
            let objects = objects();
            let exports = Exports::of(c_library(&objects)).unwrap();
            let found = exports.find(Name::new(name.as_bytes()));
            let image = System.open(&c_library(&objects).path()).unwrap();
            let linker = image.symbol(&std::ffi::CString::new(name).unwrap());
            prop_assert!(matches!(found, Export::Unsure) || matches!(found, Export::At(_)) == linker.is_some());
        }
    }
}
