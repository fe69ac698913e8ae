//! Trusted certificates that the contexts of one generation share: to read a machine's own takes OpenSSL 3 milliseconds.
//!
//! They are lent to a context beside its own store (`SSL_CTX_set1_verify_cert_store`), which stays its own: what a program
//! puts there is in no other context. LibreSSL cannot lend; there each context reads them for itself.

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use crate::ffi::constants::{SSL_CTRL_SET_CHAIN_CERT_STORE, SSL_CTRL_SET_VERIFY_CERT_STORE};
use crate::ffi::{Functions, SSL_CTX};
use crate::library::Library;
use crate::mapping::Mapping;
use crate::version::Flavour;

/// Certificates that were read, and the state of their files then.
///
/// Has no [`Library`]: it is kept by one, and would keep it alive.
#[derive(Debug)]
pub struct Roots {
    state: Box<[u8]>,
    /// Never makes a connection; they are in its store.
    holder: NonNull<SSL_CTX>,
    free: unsafe extern "C" fn(*mut SSL_CTX),
    mapping: &'static Mapping,
}

// SAFETY: contexts have no ties to threads, and this one is not changed once it is made.
unsafe impl Send for Roots {}
// SAFETY: as above; C guards the counter of the store's owners itself.
unsafe impl Sync for Roots {}

impl Drop for Roots {
    fn drop(&mut self) {
        // As for every object of C: what was inherited could wait for a lock.
        if !self.mapping.is_inherited() {
            // SAFETY: ours, made by this library, freed once.
            unsafe { (self.free)(self.holder.as_ptr()) };
        }
    }
}

/// Whether contexts of this library can share.
#[must_use]
pub fn can_share(library: &Library) -> bool {
    library.flavour() == Flavour::OpenSsl
}

/// Those that are kept for this generation, if they were read in this state of their files.
#[must_use]
pub fn kept(library: &Library, state: &[u8]) -> Option<Arc<Roots>> {
    library.roots().load_full().filter(|roots| *roots.state == *state)
}

/// Keeps certificates for the contexts to come, in the place of those before.
pub fn keep(library: &Library, roots: Arc<Roots>) {
    library.roots().store(Some(roots));
}

/// Reads a file or a directory of certificates, or both; `None`, with what C says about it in the queue, when that fails.
/// `state` is what their files were like right before.
#[must_use]
pub fn read(library: &Library, state: Vec<u8>, file: Option<&CStr>, directory: Option<&CStr>) -> Option<Arc<Roots>> {
    let ssl = &library.functions().ssl;
    // SAFETY: the library's own method.
    let holder = NonNull::new(unsafe { (ssl.SSL_CTX_new)((ssl.TLS_method)()) })?;
    let roots = Roots { state: state.into(), holder, free: ssl.SSL_CTX_free, mapping: library.parts().mapping };
    let name = |name: Option<&CStr>| name.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: a live context; strings that end with NUL, or null for none.
    let read = unsafe { (ssl.SSL_CTX_load_verify_locations)(holder.as_ptr(), name(file), name(directory)) };
    (read == 1).then(|| Arc::new(roots))
}

/// Has a context verify peers by these, and look among them for what completes its own chain, in the place of its own
/// store; whether it does.
///
/// # Safety
/// `ctx` must be a live context of the generation that keeps `roots`, which makes no connections yet.
#[must_use]
pub unsafe fn lend(functions: &Functions, roots: &Roots, ctx: *mut SSL_CTX) -> bool {
    /// The context becomes an owner of the store beside us.
    const SHARED: std::ffi::c_long = 1;
    // SAFETY: by contract; both commands take a store, of which a live context is an owner.
    unsafe {
        let store = (functions.ssl.SSL_CTX_get_cert_store)(roots.holder.as_ptr());
        let lend = |command: c_int| (functions.ssl.SSL_CTX_ctrl)(ctx, command, SHARED, store.cast()) == 1;
        lend(SSL_CTRL_SET_VERIFY_CERT_STORE) && lend(SSL_CTRL_SET_CHAIN_CERT_STORE)
    }
}
