//! Lists what is mapped.

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd"))]
mod listed {
    use std::ffi::{CStr, OsStr, c_int, c_void};
    use std::os::unix::ffi::OsStrExt;
    use std::path::PathBuf;

    use super::super::super::mapped::{Object, Segment};
    use super::super::exports::Exports;
    use super::super::{DynEntry, Tables};
    use crate::ffi::memory;

    /// `PF_X`, `PF_W` and `PF_R`, of ELF itself.
    const EXECUTE: u32 = 1;
    const WRITE: u32 = 2;
    const READ: u32 = 4;

    /// Lists everything that is mapped.
    pub(crate) fn objects() -> Vec<Object> {
        list(true)
    }

    /// The same without what each goes by, and without a look at what it exports.
    pub(crate) fn places() -> Vec<Object> {
        list(false)
    }

    struct List {
        objects: Vec<Object>,
        with_names: bool,
    }

    fn list(with_names: bool) -> Vec<Object> {
        let mut list = List { objects: Vec::with_capacity(16), with_names };
        // SAFETY: `note` matches the callback's signature, and the pointer it gets is `list`, alive and used by
        // nobody else until the call returns.
        unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut list).cast()) };
        list.objects
    }

    /// How many objects were mapped since the process began; what is listed is all there is while that stays the same. `None`
    /// where the linker does not count.
    pub(crate) fn count() -> Option<u64> {
        #[cfg(not(target_os = "openbsd"))]
        {
            unsafe extern "C" fn first(info: *mut libc::dl_phdr_info, size: usize, count: *mut c_void) -> c_int {
                const END: usize = std::mem::offset_of!(libc::dl_phdr_info, dlpi_adds) + size_of::<u64>();
                if size >= END {
                    // SAFETY: the linker hands a record that goes as far; `count` is what `count()` passed.
                    unsafe { *count.cast::<Option<u64>>() = Some((*info).dlpi_adds) };
                }
                1
            }
            let mut count = None;
            // SAFETY: as for `list`.
            unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut count).cast()) };
            count
        }
        #[cfg(target_os = "openbsd")]
        None
    }

    unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _: usize, list: *mut c_void) -> c_int {
        // SAFETY: the linker hands a valid record; `list` is what `list()` passed.
        let (info, list) = unsafe { (&*info, &mut *list.cast::<List>()) };
        // SAFETY: the linker's own array of program headers, of the length that it says.
        let headers = unsafe { memory::slice(info.dlpi_phdr, isize::try_from(info.dlpi_phnum).unwrap_or(0)) };
        let base = info.dlpi_addr as usize;
        let mut segments = Vec::with_capacity(headers.len());
        let (mut dynamic, mut unwinding) = (None, None);
        for header in headers {
            let start = base.wrapping_add(header.p_vaddr as usize);
            match header.p_type {
                libc::PT_LOAD => segments.push(Segment {
                    range: start..start.wrapping_add(header.p_memsz as usize),
                    in_file: header.p_filesz as usize,
                    readable: header.p_flags & READ != 0,
                    writable: header.p_flags & WRITE != 0,
                    code: header.p_flags & EXECUTE != 0,
                }),
                libc::PT_DYNAMIC => dynamic = Some((start, header.p_memsz as usize / size_of::<DynEntry>())),
                libc::PT_GNU_EH_FRAME => unwinding = Some((start, header.p_memsz as usize)),
                _ => {}
            }
        }
        let mut name = OsStr::new("");
        if !info.dlpi_name.is_null() {
            // SAFETY: not null, so the linker's string that ends with NUL.
            name = OsStr::from_bytes(unsafe { CStr::from_ptr(info.dlpi_name) }.to_bytes());
        }
        let mut object = Object::new(PathBuf::from(name), base, segments);
        object.unwinding = unwinding.unwrap_or_default();
        // Now: the linker unloads nothing while it calls us.
        if let Some((start, len)) = dynamic {
            object.dynamic = start;
            object.tables = Tables::read(&object, start, len);
        }
        if list.with_names {
            describe(&mut object);
        }
        list.objects.push(object);
        0
    }

    fn describe(object: &mut Object) {
        object.soname = object.tables.soname(object).map(str::to_owned);
        let exports_a_mark = || Exports::of(object).is_none_or(|exports| exports.may_have_a_mark());
        object.may_be_half = object.is_named_like_a_half() || object.tables.has_symbols() && exports_a_mark();
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd"))]
pub(crate) use listed::{count, objects, places};

/// Nothing is known of what is mapped.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd")))]
pub(crate) fn objects() -> Vec<super::super::mapped::Object> {
    Vec::new()
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd")))]
pub(crate) fn places() -> Vec<super::super::mapped::Object> {
    Vec::new()
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd")))]
pub(crate) fn count() -> Option<u64> {
    None
}
