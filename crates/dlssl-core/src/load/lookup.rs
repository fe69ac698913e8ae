//! Where the functions of one half are looked up: in the library's own table of exports, else by the dynamic linker.
//!
//! The linker looks in a library and, where that has no such function, in everything that it depends on; that costs more, and
//! what it finds there is not the pair's. Its word is taken where the own table cannot be read or is not sure.

use std::ffi::{CString, c_void};
use std::ptr::NonNull;

use super::mapped::{Export, Exports, Object, object_at};
use super::source::Image;
use crate::ffi::name::Name;

/// One half to look in.
#[derive(Clone, Copy)]
pub(crate) struct Lookup<'a> {
    image: &'a dyn Image,
    /// Of the very object that the image is a handle of.
    exports: Option<Exports<'a>>,
}

impl<'a> Lookup<'a> {
    /// Looks in `image`, some function of which lies at `inside`.
    pub(crate) fn new(image: &'a dyn Image, objects: &'a [Object], inside: usize) -> Self {
        match object_at(objects, inside) {
            Some(object) => Self::of(image, object),
            None => Self { image, exports: None },
        }
    }

    /// Looks in `image`, some function of which lies in `object`.
    pub(crate) fn of(image: &'a dyn Image, object: &'a Object) -> Self {
        // A handle of the whole process, or of a library whose functions come from another, has no table of its own here.
        let is_own = object.dynamic != 0 && image.dynamic() == Some(object.dynamic);
        Self { image, exports: if is_own { Exports::of(object) } else { None } }
    }

    /// Looks a function up that may be absent.
    pub(crate) fn optional(&self, name: Name<'_>) -> Option<NonNull<c_void>> {
        match self.own(name) {
            Export::At(address) => Some(address),
            Export::Absent => None,
            Export::Unsure => self.linker(name),
        }
    }

    /// Looks a function up as the dynamic linker does.
    pub(crate) fn linker(&self, name: Name<'_>) -> Option<NonNull<c_void>> {
        self.image.symbol(&CString::new(name.text()).ok()?)
    }

    fn own(&self, name: Name<'_>) -> Export {
        self.exports.as_ref().map_or(Export::Unsure, |exports| exports.find(name))
    }
}
