//! BIO methods: by functions from OpenSSL 1.1.0 and LibreSSL 2.7 on, by the open structs of 1.0.2 before.

use std::ffi::{CStr, c_char, c_int, c_long, c_void};

use crate::Library;
use crate::ffi::constants::BIO_TYPE_SOURCE_SINK;
use crate::ffi::{BIO, BIO_METHOD, BIO_ctrl_fn, BIO_puts_fn, BIO_read_fn, BIO_write_fn, Functions};

/// C functions of a source/sink BIO.
#[derive(Clone, Copy, Debug)]
pub struct Callbacks {
    /// `BIO_read`.
    pub read: BIO_read_fn,
    /// `BIO_write`.
    pub write: BIO_write_fn,
    /// `BIO_puts`.
    pub puts: BIO_puts_fn,
    /// `BIO_ctrl`; must give 0 for commands it does not know.
    pub ctrl: BIO_ctrl_fn,
}

/// A method that lives as long as the program.
#[derive(Clone, Copy, Debug)]
pub struct Method(*const BIO_METHOD);

// SAFETY: never written to after it is made, and never freed.
unsafe impl Send for Method {}
// SAFETY: as above.
unsafe impl Sync for Method {}

/// `struct bio_method_st` of 1.0.2.
#[repr(C)]
struct LegacyMethod {
    kind: c_int,
    name: *const c_char,
    write: Option<BIO_write_fn>,
    read: Option<BIO_read_fn>,
    puts: Option<BIO_puts_fn>,
    gets: *const c_void,
    ctrl: Option<BIO_ctrl_fn>,
    create: *const c_void,
    destroy: *const c_void,
    callback_ctrl: *const c_void,
}

/// Head of `struct bio_st` of 1.0.2, up to the field that is written.
#[repr(C)]
struct LegacyBio {
    method: *const c_void,
    callback: *const c_void,
    callback_arg: *const c_char,
    init: c_int,
}

/// Makes a method; `None` when the library is out of memory or of BIO types.
///
/// Types are few (127 in all), so one method serves every BIO of a library.
#[must_use]
pub fn method(functions: &Functions, name: &'static CStr, callbacks: Callbacks) -> Option<Method> {
    let bio = &functions.bio;
    let (Some(new), Some(set_write), Some(set_read), Some(set_puts), Some(set_ctrl)) =
        (bio.BIO_meth_new, bio.BIO_meth_set_write, bio.BIO_meth_set_read, bio.BIO_meth_set_puts, bio.BIO_meth_set_ctrl)
    else {
        return Some(legacy_method(name, callbacks));
    };
    // SAFETY: the name is static; the callbacks have the types that the setters take; the method is not shared
    // before it is complete.
    unsafe {
        let index = match bio.BIO_get_new_index {
            Some(new_index) => new_index(),
            None => UNUSED_TYPE,
        };
        if index < 0 {
            return None;
        }
        let method = new(index | BIO_TYPE_SOURCE_SINK, name.as_ptr());
        if method.is_null() {
            return None;
        }
        let complete = set_write(method, callbacks.write) == 1
            && set_read(method, callbacks.read) == 1
            && set_puts(method, callbacks.puts) == 1
            && set_ctrl(method, callbacks.ctrl) == 1;
        complete.then_some(Method(method))
    }
}

/// Gives the method of a library, making it on first use: one for each mapping, since generations that share one share its
/// numbers for BIO types.
///
/// No lock is taken: a child of a fork could find it held. Threads that race may make two, of which one is used.
#[must_use]
pub fn method_of(library: &Library, name: &'static CStr, callbacks: Callbacks) -> Option<Method> {
    let make = || match method(library.functions(), name, callbacks) {
        Some(method) => Ok(&*Box::leak(Box::new(method))),
        None => Err(()),
    };
    library.parts().mapping.method.get_or_try_init(make).ok().copied()
}

/// A type number that no BIO of 1.0.2 has; above all not the socket's (5), which the library treats specially.
const UNUSED_TYPE: c_int = 0x7D;

fn legacy_method(name: &'static CStr, callbacks: Callbacks) -> Method {
    let method = Box::leak(Box::new(LegacyMethod {
        kind: UNUSED_TYPE | BIO_TYPE_SOURCE_SINK,
        name: name.as_ptr(),
        write: Some(callbacks.write),
        read: Some(callbacks.read),
        puts: Some(callbacks.puts),
        gets: std::ptr::null(),
        ctrl: Some(callbacks.ctrl),
        create: std::ptr::null(),
        destroy: std::ptr::null(),
        callback_ctrl: std::ptr::null(),
    }));
    Method((&raw const *method).cast())
}

/// Makes a BIO of a method, ready for use; null when out of memory.
#[must_use]
pub fn new(functions: &Functions, method: Method) -> *mut BIO {
    // SAFETY: the method is complete and lives for ever. Marking a new BIO as initialised is what its creator
    // does: by the function where there is one, else in the open struct of 1.0.2, whose layout is `LegacyBio`.
    unsafe {
        let bio = (functions.bio.BIO_new)(method.0);
        if !bio.is_null() {
            match functions.bio.BIO_set_init {
                Some(set_init) => set_init(bio, 1),
                None => (*bio.cast::<LegacyBio>()).init = 1,
            }
        }
        bio
    }
}

/// Says in the BIO's flags that the call just made is to be repeated, once it can read or write.
///
/// # Safety
/// `bio` must be a live BIO of this library.
#[inline]
pub unsafe fn set_retry(functions: &Functions, bio: *mut BIO, direction: c_int) {
    use crate::ffi::constants::BIO_FLAGS_SHOULD_RETRY;
    // SAFETY: by contract.
    unsafe { (functions.bio.BIO_set_flags)(bio, direction | BIO_FLAGS_SHOULD_RETRY) };
}

/// Takes the retry flags back.
///
/// # Safety
/// `bio` must be a live BIO of this library.
#[inline]
pub unsafe fn clear_retry(functions: &Functions, bio: *mut BIO) {
    use crate::ffi::constants::{BIO_FLAGS_READ, BIO_FLAGS_SHOULD_RETRY, BIO_FLAGS_WRITE};
    // SAFETY: by contract.
    unsafe { (functions.bio.BIO_clear_flags)(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY) };
}

/// `BIO_puts` for methods without a notion of lines: the text as bytes.
///
/// # Safety
/// `text` must be null or a string that ends with NUL.
#[must_use]
pub unsafe fn text_len(text: *const c_char) -> c_int {
    if text.is_null() {
        return 0;
    }
    // SAFETY: by contract.
    c_int::try_from(unsafe { CStr::from_ptr(text) }.count_bytes()).unwrap_or(0)
}

/// Commands that a BIO with neither buffer nor chain answers the same way always; `None` for all others.
#[must_use]
#[inline]
pub fn common_ctrl(command: c_int) -> Option<c_long> {
    use crate::ffi::constants::{BIO_CTRL_DUP, BIO_CTRL_POP, BIO_CTRL_PUSH};
    match command {
        BIO_CTRL_DUP => Some(1),
        BIO_CTRL_PUSH | BIO_CTRL_POP => Some(0),
        _ => None,
    }
}
