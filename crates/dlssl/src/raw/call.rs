//! One call into C: the queue is known to be empty before, and drained right after on the same thread.

use dlssl_core::compat::error as queue;
use dlssl_core::{ErrorEntry, ErrorStack, Library};

use super::stash::Stash;
use crate::bio::Bio;
use crate::callback::{self, Frame};

/// Runs `call` with callbacks connected to `bio` and `stash`; afterwards goes on with a panic that one of them caught.
///
/// What was in the queue before is there again afterwards.
pub(crate) fn enter<R>(library: &Library, bio: Option<&mut dyn Bio>, stash: &mut Stash, call: impl FnOnce() -> R) -> R {
    let outer = set_aside(library);
    // A trait object behind `&mut` is tied to one lifetime until it is named anew.
    let bio = bio.map(|bio| -> &mut dyn Bio { bio });
    let result = callback::with_frame(Frame { library, bio, stash: &mut *stash, context: None }, call);
    put_back(library, outer);
    stash.go_on_with_panic();
    result
}

/// What was in the queue before a call: it belongs to a host that shares the library, or to the call in whose callback this
/// one runs (TLS in TLS).
pub(super) type Outer = Option<Box<[ErrorEntry]>>;

/// Makes the queue empty before a call.
pub(super) fn set_aside(library: &Library) -> Outer {
    if queue::is_empty(library.functions()) {
        return None;
    }
    if !callback::is_inside() {
        queue::note_others(library);
    }
    Some(queue::drain(library.functions(), library.flavour(), library.version()).into())
}

/// Whether a call on the data path has to make the queue empty first: where others are known to leave entries there, and
/// inside of another call, whose entries are to survive.
#[inline(always)]
pub(super) fn must_set_aside(library: &Library) -> bool {
    queue::others_leave_entries(library) || callback::is_inside()
}

/// Puts back what was there.
pub(super) fn put_back(library: &Library, outer: Outer) {
    if let Some(outer) = outer {
        queue::clear(library.functions());
        queue::restore(library.functions(), &outer);
    }
}

/// Runs a call that has no callbacks: configuration, parsing. Gives its result, or the drained queue when `failed`.
pub(crate) fn plain<R>(
    library: &Library,
    call: impl FnOnce() -> R,
    failed: impl FnOnce(&R) -> bool,
) -> Result<R, ErrorStack> {
    let mut errors = ErrorStack::default();
    let mut stash = Stash::default();
    let result = enter(library, None, &mut stash, || {
        let result = call();
        let failed = failed(&result);
        if failed {
            errors = library.take_errors();
        } else {
            tidy(library);
        }
        (result, failed)
    });
    if result.1 { Err(errors) } else { Ok(result.0) }
}

/// Several calls that have no callbacks, as with [`plain`], with one look at the queue before them all and one after: a look costs as
/// much as many a call.
pub(crate) struct Row<'a> {
    library: &'a Library,
    outer: Outer,
}

impl<'a> Row<'a> {
    pub(crate) fn begin(library: &'a Library) -> Self {
        Self { library, outer: set_aside(library) }
    }

    /// Runs one of them. Gives its result, or the drained queue when `failed`.
    pub(crate) fn plain<R>(&self, call: impl FnOnce() -> R, failed: impl FnOnce(&R) -> bool) -> Result<R, ErrorStack> {
        let result = call();
        if failed(&result) { Err(self.library.take_errors()) } else { Ok(result) }
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        tidy(self.library);
        put_back(self.library, self.outer.take());
    }
}

/// Empties the queue after a success that may have left entries (a configuration file that is not there, an algorithm
/// that was tried): the host may share the library and look at it. Not for the data path.
pub(crate) fn tidy(library: &Library) {
    if !queue::is_empty(library.functions()) {
        queue::clear(library.functions());
    }
}
