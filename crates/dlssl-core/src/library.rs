//! A loaded library: its functions, its identity, and what else can be asked of it.

use std::ffi::{CStr, c_int, c_void};
use std::fmt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use serde::Serialize;

use crate::compat;
use crate::compat::roots::Roots;
use crate::error::{ErrorStack, Inherited, RandomError};
use crate::explanation::Explanation;
use crate::ffi::{Functions, Half, memory};
use crate::fork;
use crate::load::Image;
use crate::mapping::Mapping;
use crate::version::{Flavour, Version};

/// A libssl and a libcrypto that belong together, loaded, proved and initialised.
///
/// A cheap clone of a shared record. The libraries behind it are never unloaded: exit handlers, thread-local
/// destructors and error strings of theirs outlive any handle.
///
/// # Examples
/// ```
/// let library: dlssl_core::Library = dlssl_core::current()?;
/// println!("{}: {} {}", library.version_text(), library.flavour(), library.version());
/// println!("{} and {}", library.libssl_path().display(), library.libcrypto_path().display());
/// println!("its own folder is {:?}", library.openssl_dir());
/// println!("a version that was checked: {}; a private copy: {}", library.is_known_version(), library.is_private_copy());
/// println!("{} users of mapping {:#x}", library.users(), library.mapping());
/// assert!(library.is_current() && library.is_same_generation(&library.clone()) && !library.is_inherited());
/// let mut bytes = [0; 16];
/// library.random(&mut bytes)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Library {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    generation: Generation,
    explanation: Explanation,
    /// What contexts share. Without a lock: a child of a fork could find one held.
    roots: ArcSwapOption<Roots>,
}

/// What a load hands over; equal for all generations on one mapping.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) functions: Functions,
    pub(crate) flavour: Flavour,
    pub(crate) version: Version,
    pub(crate) text: String,
    pub(crate) libssl: PathBuf,
    pub(crate) libcrypto: PathBuf,
    pub(crate) inside_libssl: usize,
    pub(crate) inside_libcrypto: usize,
    /// Found mapped by its content: the paths are not those that it was mapped from.
    pub(crate) is_reused: bool,
    /// Of a private copy: libcrypto's own name, and the one that it has in this process.
    pub(crate) renamed: Option<(String, String)>,
    pub(crate) mapping: &'static Mapping,
    pub(crate) ssl: Arc<dyn Image>,
    pub(crate) crypto: Arc<dyn Image>,
}

/// Number of one load in this process, from 1.
///
/// # Examples
/// ```
/// let generation: dlssl_core::Generation = dlssl_core::current()?.generation();
/// assert!(generation.get() >= 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Generation(u64);

impl Generation {
    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

static LAST_GENERATION: AtomicU64 = AtomicU64::new(0);

impl Library {
    pub(crate) fn new(parts: Parts, mut explanation: Explanation) -> Self {
        let generation = Generation(LAST_GENERATION.fetch_add(1, Ordering::Relaxed) + 1);
        if let Some(taken) = &mut explanation.taken {
            taken.generation = generation.0;
        }
        log::info!(
            target: "dlssl::load",
            "generation {generation}: {} from {} and {}", parts.text, parts.libssl.display(), parts.libcrypto.display(),
        );
        Self { inner: Arc::new(Inner { parts, generation, explanation, roots: ArcSwapOption::empty() }) }
    }

    /// Table of C functions.
    ///
    /// # Examples
    /// ```
    /// let library = dlssl_core::current()?;
    /// // SAFETY: takes nothing, changes nothing.
    /// let method = unsafe { (library.functions().ssl.TLS_method)() };
    /// assert!(!method.is_null());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn functions(&self) -> &Functions {
        &self.inner.parts.functions
    }

    /// Family of the library.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.inner.parts.flavour
    }

    /// Version of the library.
    #[must_use]
    pub fn version(&self) -> Version {
        self.inner.parts.version
    }

    /// The library's own words, such as `OpenSSL 3.0.19 27 Jan 2026`
    /// ([`OpenSSL_version`](https://docs.openssl.org/master/man3/OpenSSL_version/)).
    #[must_use]
    #[doc(alias = "OpenSSL_version")]
    pub fn version_text(&self) -> &str {
        &self.inner.parts.text
    }

    /// Whether this release was checked with the library's major version.
    #[must_use]
    pub fn is_known_version(&self) -> bool {
        self.version().major <= self.flavour().newest_known_major()
    }

    /// File that is mapped as libssl.
    #[must_use]
    pub fn libssl_path(&self) -> &Path {
        &self.inner.parts.libssl
    }

    /// File that is mapped as libcrypto.
    #[must_use]
    pub fn libcrypto_path(&self) -> &Path {
        &self.inner.parts.libcrypto
    }

    /// Record of the load: what was tried, what was taken and why.
    #[must_use]
    pub fn explain(&self) -> &Explanation {
        &self.inner.explanation
    }

    /// Number of the load that this is.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.inner.generation
    }

    /// Whether the process-wide slot would give this generation now: nothing was reloaded since, and no fork came between.
    #[must_use]
    pub fn is_current(&self) -> bool {
        crate::slot::process_slot().is_current(self)
    }

    /// How many handles hold this generation: contexts, connections and the program's own clones.
    #[must_use]
    pub fn users(&self) -> usize {
        Arc::strong_count(&self.inner)
    }

    /// Whether it is a private copy of its files, which nothing else in the process sees.
    #[must_use]
    pub fn is_private_copy(&self) -> bool {
        self.inner.parts.renamed.is_some()
    }

    /// Whether it was loaded before the fork that made this process. Its locks may then be held by threads that this
    /// process does not have: whatever uses it is an error, unless the program vouches for it
    /// ([`vouch_for_fork`](crate::vouch_for_fork)).
    #[must_use]
    #[inline]
    pub fn is_inherited(&self) -> bool {
        self.inner.parts.mapping.is_inherited()
    }

    /// Refuses a library that [is inherited](Self::is_inherited).
    ///
    /// # Errors
    /// [`Inherited`].
    #[inline]
    pub fn check_process(&self) -> Result<(), Inherited> {
        if self.is_inherited() { Err(Inherited) } else { Ok(()) }
    }

    /// Whether objects of both may meet in one call: they come from one generation.
    #[must_use]
    pub fn is_same_generation(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Directory of the library's configuration, certificates and modules, as compiled in; `None` where it does not
    /// tell (`OpenSSL_version(OPENSSL_DIR)`).
    #[must_use]
    pub fn openssl_dir(&self) -> Option<String> {
        const OPENSSL_DIR: c_int = 4;
        // 1.0.2 counts its texts otherwise: there 4 is the platform and 5 the directory.
        let kind = if self.functions().crypto.OPENSSL_init_crypto.is_some() { OPENSSL_DIR } else { 5 };
        // SAFETY: takes a number and gives a static string.
        let text = unsafe { memory::text((self.functions().crypto.OpenSSL_version)(kind)) }?;
        let inside =
            text.split_once('"').and_then(|(_, rest)| rest.split_once('"')).map(|(inside, _)| inside.to_owned());
        inside.filter(|inside| !inside.is_empty())
    }

    /// Fills `out` with random bytes from the library's own generator
    /// ([`RAND_bytes`](https://docs.openssl.org/master/man3/RAND_bytes/)).
    ///
    /// # Errors
    /// [`RandomError`]; `out` must not be used then.
    #[doc(alias = "RAND_bytes")]
    pub fn random(&self, out: &mut [u8]) -> Result<(), RandomError> {
        self.check_process()?;
        for chunk in out.chunks_mut(c_int::MAX as usize) {
            // A chunk is at most `c_int::MAX` bytes long.
            let len = chunk.len() as c_int;
            // SAFETY: writes `len` bytes into a slice of that length.
            if unsafe { (self.functions().rand.RAND_bytes)(chunk.as_mut_ptr(), len) } != 1 {
                return Err(RandomError::Library(self.take_errors()));
            }
        }
        Ok(())
    }

    /// Takes this thread's error queue; empty when C has reported nothing.
    #[must_use]
    pub fn take_errors(&self) -> ErrorStack {
        ErrorStack::new(compat::error::drain(self.functions(), self.flavour(), self.version()))
    }

    /// Address of any function or variable that the library exports, by C name.
    ///
    /// # Safety
    /// The address must be used as what C declares under that name *in this version*. Nothing made through it may
    /// meet an object of another generation.
    ///
    /// # Examples
    /// ```
    /// use std::ffi::{c_int, c_void};
    ///
    /// let library = dlssl_core::current()?;
    /// // SAFETY: declared so by every version; the type is the function's.
    /// let check = unsafe {
    ///     let address = library.symbol(dlssl_core::Half::Crypto, c"RAND_status").ok_or("not exported")?;
    ///     std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> c_int>(address.as_ptr())
    /// };
    /// // SAFETY: takes nothing.
    /// assert_eq!(unsafe { check() }, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub unsafe fn symbol(&self, half: Half, name: &CStr) -> Option<NonNull<c_void>> {
        // A child that is forked while the dynamic linker is at work could not use it.
        let _no_fork = fork::hold();
        match half {
            Half::Ssl => self.inner.parts.ssl.symbol(name),
            Half::Crypto => self.inner.parts.crypto.symbol(name),
        }
    }

    /// Number that is equal for two generations when they share one mapping, and with it C's own state.
    #[must_use]
    pub fn mapping(&self) -> usize {
        self.inner.parts.inside_libcrypto
    }

    #[inline]
    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    pub(crate) fn roots(&self) -> &ArcSwapOption<Roots> {
        &self.inner.roots
    }

    /// Whether a file under the library's path is another one than the file that is mapped from it.
    pub(crate) fn replaced_on_disk(&self) -> Option<&Path> {
        let parts = &self.inner.parts;
        if parts.renamed.is_some() || parts.is_reused {
            return None;
        }
        [(&parts.libssl, parts.inside_libssl), (&parts.libcrypto, parts.inside_libcrypto)]
            .into_iter()
            .find(|(path, address)| crate::load::replaced_on_disk(path, *address) == Some(true))
            .map(|(path, _)| path.as_path())
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library")
            .field("version", &self.version_text())
            .field("libssl", &self.libssl_path())
            .field("libcrypto", &self.libcrypto_path())
            .field("generation", &self.generation().0)
            .finish()
    }
}
