//! From C's pointers to Rust's slices and text, null allowed.

use std::borrow::Cow;
use std::ffi::{CStr, c_char};

/// Views `len` items at `data` as a slice; null or a length of nought or less is the empty slice.
///
/// # Safety
/// Where `data` is not null and `len` is positive, `data` must point at `len` initialised items that nobody
/// writes to for as long as `'a`.
#[allow(clippy::disallowed_methods)] // the one place that may
#[must_use]
pub unsafe fn slice<'a, T>(data: *const T, len: isize) -> &'a [T] {
    match usize::try_from(len) {
        // SAFETY: not null and of positive length, so the caller vouches for the rest.
        Ok(len) if len > 0 && !data.is_null() => unsafe { std::slice::from_raw_parts(data, len) },
        _ => &[],
    }
}

/// Views `len` bytes at `data` as a mutable slice; null or a length of nought or less is the empty slice.
///
/// # Safety
/// Where `data` is not null and `len` is positive, `data` must point at `len` bytes that nobody else uses for
/// as long as `'a`. What they hold does not matter (C's heap, for bytes to come), and who is handed the slice may see it.
#[allow(clippy::disallowed_methods)] // the one place that may
#[must_use]
pub unsafe fn slice_mut<'a>(data: *mut u8, len: isize) -> &'a mut [u8] {
    match usize::try_from(len) {
        // SAFETY: not null and of positive length, so the caller vouches for the rest.
        Ok(len) if len > 0 && !data.is_null() => unsafe { std::slice::from_raw_parts_mut(data, len) },
        _ => &mut [],
    }
}

/// Copies a C string out; null is `None`, bytes that are not UTF-8 are replaced.
///
/// # Safety
/// `text` must be null or point at a string that ends with NUL.
#[must_use]
pub unsafe fn text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, so by contract a string that ends with NUL.
    let text = unsafe { CStr::from_ptr(text) };
    Some(match text.to_string_lossy() {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_negative_lengths_are_empty() {
        let byte = 7u8;
        // SAFETY: null, nought and negative lengths are allowed; the last views one live byte.
        unsafe {
            assert!(slice::<u8>(std::ptr::null(), 5).is_empty());
            assert!(slice(&raw const byte, -1).is_empty());
            assert!(slice_mut(std::ptr::null_mut(), 3).is_empty());
            assert_eq!(slice(&raw const byte, 1), [7]);
            assert_eq!(text(std::ptr::null()), None);
            assert_eq!(text(c"x".as_ptr()).as_deref(), Some("x"));
        }
    }
}
