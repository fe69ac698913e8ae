//! Stacks: `OPENSSL_sk_…` from OpenSSL 1.1.0 on, `sk_…` before and in LibreSSL. The table knows both names; here they get
//! the type of their items.

use std::ffi::c_int;

use crate::ffi::{Functions, OPENSSL_STACK, X509, stack_st_X509};

/// Certificates of a stack, first to last; none for null.
///
/// # Safety
/// `stack` must be null or a live stack of certificates of this library. The pointers are its own.
pub unsafe fn certificates(functions: &Functions, stack: *const stack_st_X509) -> impl Iterator<Item = *mut X509> {
    let stack: *const OPENSSL_STACK = stack.cast();
    // SAFETY: by contract; null has -1 items.
    let count = unsafe { (functions.stack.OPENSSL_sk_num)(stack) };
    (0..count.max(0)).map(move |index: c_int| {
        // SAFETY: by contract; the index is inside the stack.
        unsafe { (functions.stack.OPENSSL_sk_value)(stack, index).cast() }
    })
}

/// Frees a stack and none of its items.
///
/// # Safety
/// `stack` must be null or a live stack of this library that nobody else uses.
pub unsafe fn free(functions: &Functions, stack: *mut stack_st_X509) {
    // SAFETY: by contract.
    unsafe { (functions.stack.OPENSSL_sk_free)(stack.cast()) };
}
