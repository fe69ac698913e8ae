//! Loading again while the program runs: generations beside each other, and the slot that says which is current.

use std::fmt;

use parking_lot::{Mutex, RwLock};

use crate::error::{LoadError, LoadFailure};
use crate::library::Library;
use crate::load::Loader;

/// Place that holds the current library and knows how to load the next.
///
/// Loads on first use. What was made from an older generation keeps it until it is dropped.
#[derive(Debug)]
pub struct Slot {
    loader: Mutex<Loader>,
    current: RwLock<Option<Library>>,
    /// One load at a time, so that two first uses do not make two generations.
    loading: Mutex<()>,
}

/// What a reload did.
#[derive(Clone, Debug)]
pub struct Reloaded {
    old: Option<Library>,
    new: Library,
}

impl Reloaded {
    /// Library that was current before; `None` when none was loaded yet.
    #[must_use]
    pub fn old(&self) -> Option<&Library> {
        self.old.as_ref()
    }

    /// Library that is current now.
    #[must_use]
    pub fn new_library(&self) -> &Library {
        &self.new
    }

    /// Whether the new generation shares the old one's mapping: nothing on disk had changed.
    #[must_use]
    pub fn is_same_mapping(&self) -> bool {
        self.old.as_ref().is_some_and(|old| old.mapping() == self.new.mapping())
    }
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |library: &Library| {
            format!("{} {} (generation {})", library.flavour(), library.version(), library.generation())
        };
        match &self.old {
            None => write!(f, "nothing loaded -> {}", name(&self.new)),
            Some(old) => {
                write!(f, "{} -> {}: ", name(old), name(&self.new))?;
                f.write_str(if self.is_same_mapping() {
                    "the same files, mapped once"
                } else if old.version() == self.new.version() {
                    "the same version from other files"
                } else {
                    "another version"
                })
            }
        }
    }
}

impl Slot {
    /// Makes a slot that loads with `loader` on first use.
    #[must_use]
    pub fn new(loader: Loader) -> Self {
        Self { loader: Mutex::new(loader), current: RwLock::new(None), loading: Mutex::new(()) }
    }

    /// Gives the current library, loading it on first use.
    ///
    /// # Errors
    /// [`LoadError`]; a later call tries again.
    pub fn current(&self) -> Result<Library, LoadError> {
        if let Some(library) = &*self.current.read() {
            return Ok(library.clone());
        }
        let _one_at_a_time = self.loading.lock();
        if let Some(library) = &*self.current.read() {
            return Ok(library.clone());
        }
        let library = self.loader.lock().load()?;
        *self.current.write() = Some(library.clone());
        Ok(library)
    }

    /// Loads a new generation beside the old and makes it current.
    ///
    /// # Errors
    /// [`LoadError`]; the old generation stays current then. [`LoadFailure::Replaced`] when the file on disk was
    /// replaced and the dynamic linker gives the old one again.
    pub fn reload(&self) -> Result<Reloaded, LoadError> {
        let loader = self.loader.lock().clone();
        self.reload_with(loader)
    }

    /// Like [`reload`](Self::reload) with another loader, which the slot keeps when it succeeds.
    ///
    /// # Errors
    /// As for [`reload`](Self::reload).
    pub fn reload_with(&self, loader: Loader) -> Result<Reloaded, LoadError> {
        let _one_at_a_time = self.loading.lock();
        let new = loader.load()?;
        if let Some(path) = new.replaced_on_disk() {
            let failure = LoadFailure::Replaced { path: path.to_owned() };
            return Err(LoadError::new(failure, new.explain().clone()));
        }
        *self.loader.lock() = loader;
        let old = self.current.write().replace(new.clone());
        Ok(Reloaded { old, new })
    }
}

static PROCESS: once_cell::sync::Lazy<Slot> = once_cell::sync::Lazy::new(|| Slot::new(Loader::new()));

/// Gives the library of the process-wide slot, loading it with [`Loader::new`] on first use.
///
/// # Errors
/// As for [`Slot::current`].
pub fn current() -> Result<Library, LoadError> {
    PROCESS.current()
}

/// Reloads the process-wide slot.
///
/// # Errors
/// As for [`Slot::reload`].
pub fn reload() -> Result<Reloaded, LoadError> {
    PROCESS.reload()
}

/// Reloads the process-wide slot with another loader, which it keeps: the way to choose the library at start-up.
///
/// # Errors
/// As for [`Slot::reload_with`].
pub fn reload_with(loader: Loader) -> Result<Reloaded, LoadError> {
    PROCESS.reload_with(loader)
}
