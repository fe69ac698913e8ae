//! `pem_password_cb`: the answer to a question for a password.

use std::ffi::{c_char, c_int, c_void};

use dlssl_core::ffi::memory;

use super::in_callback;
use crate::raw::Answer;
use crate::x509::Password;

/// What the callback is asked with.
pub(crate) struct Question<'a> {
    pub(crate) password: Option<&'a Password>,
    pub(crate) answer: Answer,
}

/// Refuses. Without a callback the library would ask on the terminal and wait for ever.
pub(crate) unsafe extern "C" fn none(_: *mut c_char, _: c_int, _: c_int, _: *mut c_void) -> c_int {
    -1
}

/// Answers with the password of the [`Question`] that `data` points at.
pub(crate) unsafe extern "C" fn answer(out: *mut c_char, size: c_int, _: c_int, data: *mut c_void) -> c_int {
    in_callback(-1, |_| {
        // SAFETY: who gave this callback to C gave a live question with it, which nobody else uses meanwhile.
        let question = unsafe { &mut *data.cast::<Question<'_>>() };
        question.answer.asked = true;
        let Some(password) = question.password.and_then(Password::get) else { return -1 };
        question.answer.given = true;
        // SAFETY: C's buffer of `size` bytes, for this answer.
        let out = unsafe { memory::slice_mut(out.cast(), size as isize) };
        match out.get_mut(..password.len()) {
            Some(place) => {
                place.copy_from_slice(&password);
                // Not longer than C's buffer.
                password.len() as c_int
            }
            None => {
                question.answer.too_long = true;
                -1
            }
        }
    })
}
