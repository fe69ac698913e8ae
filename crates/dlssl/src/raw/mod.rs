//! C objects with their library: owners that free themselves, and safe methods over the table of functions.
//!
//! `unsafe` ends here: `context` and `stream` are written on these methods.

pub(crate) mod act;
mod binding;
pub(crate) mod call;
mod configure;
mod context;
mod early_data;
mod handshake;
mod kernel_tls;
mod key;
mod memory;
mod pkcs12;
mod roots;
mod session;
mod ssl;
pub(crate) mod stash;
mod x509;

pub(crate) use act::MOST_IN_RECORD;
pub(crate) use context::SslContext;
#[cfg(unix)]
pub(crate) use kernel_tls::FilePart;
pub(crate) use key::{Answer, PrivateKey};
pub(crate) use memory::MemBuf;
pub(crate) use pkcs12::{Pkcs12Failure, parse_pkcs12};
pub(crate) use session::RawSession;
pub(crate) use ssl::{Offered, Outcome, Ssl};
pub(crate) use x509::{Certificate, Crl, digest, locations as x509_locations, object_names, verify_error_text};

/// Defines an owner: a pointer that is not null, its library, and the function that frees it.
macro_rules! owner {
    ($(#[$doc:meta])* $name:ident, $c_type:ident, $table:ident.$free:ident) => {
        $(#[$doc])*
        pub(crate) struct $name {
            pointer: std::ptr::NonNull<dlssl_core::ffi::$c_type>,
            pub(super) library: dlssl_core::Library,
        }

        impl $name {
            /// Takes ownership of a pointer that C just handed out; null is `None`.
            ///
            /// # Safety
            /// `pointer` must be null, or made by `library` and owned by nobody else.
            pub(crate) unsafe fn from_raw(
                library: &dlssl_core::Library,
                pointer: *mut dlssl_core::ffi::$c_type,
            ) -> Option<Self> {
                Some(Self { pointer: std::ptr::NonNull::new(pointer)?, library: library.clone() })
            }

            /// Gives the object up, for C to own; the library is let go of.
            #[allow(dead_code, reason = "few objects change their owner")]
            pub(crate) fn into_raw(self) -> *mut dlssl_core::ffi::$c_type {
                let mut this = std::mem::ManuallyDrop::new(self);
                // SAFETY: never dropped again, nor used: only the pointer is.
                unsafe { std::ptr::drop_in_place(&raw mut this.library) };
                this.pointer.as_ptr()
            }

            /// The pointer, for C.
            #[inline]
            pub(crate) fn as_ptr(&self) -> *mut dlssl_core::ffi::$c_type {
                self.pointer.as_ptr()
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // What a process inherited is left alone: to free it could wait for a lock that nobody will give back.
                if self.library.is_inherited() {
                    return;
                }
                // SAFETY: owned by us, made by this library, freed once.
                unsafe { (self.library.functions().$table.$free)(self.pointer.as_ptr()) };
            }
        }

        // SAFETY: these objects have no ties to the thread that made them; C guards its shared counters itself.
        unsafe impl Send for $name {}
        // SAFETY: what changes them is called before they are shared (contexts) or by the one owner (connections,
        // buffers); what is public on a shared reference only reads.
        unsafe impl Sync for $name {}
    };
}
pub(crate) use owner;
