//! A host program that exports a few libcrypto functions of its own, and then loads the library.

use std::ffi::{c_int, c_void};

/// Shadows the function of libcrypto for everything that the dynamic linker binds globally.
///
/// # Safety
/// Both pointers are readable for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn CRYPTO_memcmp(a: *const c_void, b: *const c_void, len: usize) -> c_int {
    // SAFETY: the caller's promise, passed on.
    unsafe { libc::memcmp(a, b, len) }
}

/// Shadows the function of libcrypto; there is nothing useful to return.
#[unsafe(no_mangle)]
pub extern "C" fn EVP_MD_CTX_new() -> *mut c_void {
    std::ptr::null_mut()
}

fn main() {
    dlssl_tests::load_report::main(std::env::args_os().skip(1));
}
