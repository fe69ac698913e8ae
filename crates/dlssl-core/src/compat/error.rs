//! The error queue: both packings of its codes, with or without the name of the function.

use std::ffi::{CString, c_char, c_int, c_ulong};
use std::sync::atomic::Ordering;

use crate::Library;
use crate::error::ErrorEntry;
use crate::ffi::constants::{ERR_LIB_SYS, ERR_TXT_STRING};
use crate::ffi::{Functions, memory};
use crate::version::{Flavour, Version};

/// How a version packs library and reason into one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Packing {
    /// `library << 24 | function << 12 | reason`: OpenSSL before 3.0, every LibreSSL.
    WithFunction,
    /// `library << 23 | reason`, or bit 31 and an `errno`: OpenSSL from 3.0.
    WithoutFunction,
}

impl Packing {
    fn of(flavour: Flavour, version: Version) -> Self {
        match flavour {
            Flavour::OpenSsl if version >= Version::new(3, 0, 0) => Self::WithoutFunction,
            _ => Self::WithFunction,
        }
    }

    /// Numbers of library and reason.
    fn unpack(self, code: u64) -> (i32, i32) {
        match self {
            Self::WithFunction => (((code >> 24) & 0xFF) as i32, (code & 0xFFF) as i32),
            Self::WithoutFunction if code & 0x8000_0000 != 0 => (ERR_LIB_SYS, (code & 0x7FFF_FFFF) as i32),
            Self::WithoutFunction => (((code >> 23) & 0xFF) as i32, (code & 0x007F_FFFF) as i32),
        }
    }
}

/// Empties the queue of this thread.
pub fn clear(functions: &Functions) {
    // SAFETY: no arguments; the queue belongs to the calling thread.
    unsafe { (functions.err.ERR_clear_error)() };
}

/// Whether the queue of this thread is empty. Much cheaper than clearing it.
#[must_use]
#[inline]
pub fn is_empty(functions: &Functions) -> bool {
    // SAFETY: no arguments; only looks.
    unsafe { (functions.err.ERR_peek_error)() == 0 }
}

/// Whether code that is not ours has left entries in queues of this library: a host that shares it, or functions that a
/// program calls by pointer.
#[must_use]
#[inline]
pub fn others_leave_entries(library: &Library) -> bool {
    library.parts().mapping.others_leave_errors.load(Ordering::Relaxed)
}

/// Notes that they do. It is not forgotten.
#[cold]
pub fn note_others(library: &Library) {
    library.parts().mapping.others_leave_errors.store(true, Ordering::Relaxed);
}

/// Most entries that one drain takes: more than any version's queue holds (16).
const MOST_ENTRIES: usize = 64;

/// Takes every entry of this thread's queue, oldest first.
#[must_use]
pub fn drain(functions: &Functions, flavour: Flavour, version: Version) -> Vec<ErrorEntry> {
    let packing = Packing::of(flavour, version);
    let mut entries = Vec::new();
    while entries.len() < MOST_ENTRIES {
        let Some(entry) = pop(functions, packing) else { break };
        entries.push(entry);
    }
    entries
}

fn pop(functions: &Functions, packing: Packing) -> Option<ErrorEntry> {
    let err = &functions.err;
    let (mut file, mut function, mut data) = (std::ptr::null(), std::ptr::null(), std::ptr::null());
    let (mut line, mut flags): (c_int, c_int) = (0, 0);
    // SAFETY: every pointer is to a live local; the strings given back stay valid until the queue is next
    // written to, and are copied below before that.
    unsafe {
        let code: c_ulong = if let Some(get) = err.ERR_get_error_all {
            get(&raw mut file, &raw mut line, &raw mut function, &raw mut data, &raw mut flags)
        } else if let Some(get) = err.ERR_get_error_line_data {
            get(&raw mut file, &raw mut line, &raw mut data, &raw mut flags)
        } else {
            (err.ERR_get_error)()
        };
        if code == 0 {
            return None;
        }
        #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // 32 bits wide on Windows
        let wide = code as u64;
        let (library_number, reason_number) = packing.unpack(wide);
        if function.is_null()
            && packing == Packing::WithFunction
            && let Some(name) = err.ERR_func_error_string
        {
            function = name(code);
        }
        let data = if flags & ERR_TXT_STRING != 0 { memory::text(data) } else { None };
        Some(ErrorEntry {
            code: wide,
            library_number,
            reason_number,
            library: memory::text((err.ERR_lib_error_string)(code)),
            function: memory::text(function).filter(|name| !name.is_empty()),
            reason: memory::text((err.ERR_reason_error_string)(code)),
            data: data.filter(|data| !data.is_empty()),
            file: memory::text(file).filter(|file| !file.is_empty()),
            line,
        })
    }
}

/// Puts drained entries back, oldest first: for calls that run inside another call whose queue must survive.
///
/// Codes and (from OpenSSL 3.0) texts come back; file names do not, because older versions keep the pointer.
pub fn restore(functions: &Functions, entries: &[ErrorEntry]) {
    const FILE: *const c_char = c"dlssl".as_ptr();
    let err = &functions.err;
    for entry in entries {
        let (library, reason) = (entry.library_number as c_int, entry.reason_number as c_int);
        // SAFETY: file and format are static strings; the text argument lives through the call, which copies it.
        unsafe {
            if let (Some(new), Some(debug), Some(set)) = (err.ERR_new, err.ERR_set_debug, err.ERR_set_error) {
                let data = CString::new(entry.data.as_deref().unwrap_or_default()).unwrap_or_default();
                new();
                debug(FILE, entry.line, FILE);
                set(library, reason, c"%s".as_ptr(), data.as_ptr());
            } else if let Some(put) = err.ERR_put_error {
                put(library, ((entry.code >> 12) & 0xFFF) as c_int, reason, FILE, entry.line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_packings_unpack() {
        assert_eq!(Packing::WithoutFunction.unpack(0x0A00_0126), (20, 294));
        assert_eq!(Packing::WithoutFunction.unpack(0x8000_0020), (ERR_LIB_SYS, 32));
        assert_eq!(Packing::WithFunction.unpack(0x1409_0086), (20, 134));
    }

    #[test]
    fn libressl_never_packs_the_new_way() {
        assert_eq!(Packing::of(Flavour::LibreSsl, Version::new(4, 3, 0)), Packing::WithFunction);
        assert_eq!(Packing::of(Flavour::OpenSsl, Version::new(1, 1, 1)), Packing::WithFunction);
        assert_eq!(Packing::of(Flavour::OpenSsl, Version::new(4, 0, 3)), Packing::WithoutFunction);
    }
}
