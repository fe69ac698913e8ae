//! The place that says which library is current, and exchanges it while the program runs.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::error::{LoadError, LoadFailure};
use crate::fork::{self, Hold};
use crate::library::Library;
use crate::load::Loader;
use crate::reload::Reloaded;
use crate::renew;

/// Place that holds the current library and knows how to load the next.
///
/// Loads on first use. What was made from an older generation keeps it until it is dropped. In a child of a fork it loads
/// anew: see [`Library::is_inherited`].
///
/// Reading it takes no lock, so that a child finds none that is held by a thread of its parent.
///
/// # Examples
/// ```
/// let slot = dlssl_core::Slot::new(dlssl_core::Loader::new());
/// println!("{}", slot.current()?.explain());
/// let report = slot.reload()?;
/// assert!(slot.is_current(report.new_library()));
/// // Another choice, which the slot keeps when it works.
/// slot.reload_with(dlssl_core::Loader::new().configuration(dlssl_core::Configuration::None))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Slot {
    /// `None`: the default search.
    loader: ArcSwapOption<Loader>,
    current: ArcSwapOption<Library>,
}

impl Slot {
    /// Makes a slot that loads with `loader` on first use.
    #[must_use]
    pub fn new(loader: Loader) -> Self {
        Self { loader: ArcSwapOption::from_pointee(loader), current: ArcSwapOption::const_empty() }
    }

    /// Gives the current library, loading it on first use, and on first use in a child of a fork.
    ///
    /// # Errors
    /// [`LoadError`]; a later call tries again.
    pub fn current(&self) -> Result<Library, LoadError> {
        if let Some(library) = self.usable() {
            return Ok(library);
        }
        let hold = fork::hold();
        if let Some(library) = self.usable() {
            return Ok(library);
        }
        let library = self.loader().load_held(&hold)?;
        self.current.store(Some(Arc::new(library.clone())));
        Ok(library)
    }

    /// Loads a new generation beside the old, makes it current, and renews what a process must not share with its past:
    /// the generators of every library loaded so far get fresh bytes from the operating system, and contexts renew their
    /// session caches and ticket keys.
    ///
    /// Files whose content is mapped already are not mapped again. A file that was replaced under its path is mapped as a
    /// private copy beside the old one (see [`Isolation`](crate::Isolation)).
    ///
    /// # Errors
    /// [`LoadError`]; the old generation stays current then. [`LoadFailure::Replaced`] when the file on disk was
    /// replaced and no private copy is allowed or possible.
    pub fn reload(&self) -> Result<Reloaded, LoadError> {
        let hold = fork::hold();
        self.exchange(self.loader(), &hold)
    }

    /// Like [`reload`](Self::reload) with another loader, which the slot keeps when it succeeds.
    ///
    /// # Errors
    /// As for [`reload`](Self::reload).
    pub fn reload_with(&self, loader: Loader) -> Result<Reloaded, LoadError> {
        self.exchange(loader, &fork::hold())
    }

    /// Whether `library` is what [`current`](Self::current) would give now.
    #[must_use]
    pub fn is_current(&self, library: &Library) -> bool {
        self.usable().is_some_and(|current| current.is_same_generation(library))
    }

    fn usable(&self) -> Option<Library> {
        let current = self.current.load();
        current.as_deref().filter(|library| !library.is_inherited()).cloned()
    }

    fn loader(&self) -> Loader {
        self.loader.load().as_deref().cloned().unwrap_or_default()
    }

    fn exchange(&self, loader: Loader, hold: &Hold) -> Result<Reloaded, LoadError> {
        let new = loader.load_held(hold)?;
        let failed = |failure| LoadError::new(failure, new.explain().clone());
        if let Some(path) = new.replaced_on_disk() {
            return Err(failed(LoadFailure::Replaced { path: path.to_owned() }));
        }
        let reseeded = renew::renew(hold).map_err(failed)?;
        self.loader.store(Some(Arc::new(loader)));
        let old = self.current.swap(Some(Arc::new(new.clone()))).map(|old| (*old).clone());
        let reloaded = Reloaded { old, new, reseeded };
        log::info!(target: "dlssl::reload", "{reloaded}");
        Ok(reloaded)
    }
}

static PROCESS: Slot = Slot { loader: ArcSwapOption::const_empty(), current: ArcSwapOption::const_empty() };

/// The process-wide slot, which [`current`], [`reload`] and [`reload_with`] use.
///
/// # Examples
/// ```
/// assert!(dlssl_core::process_slot().is_current(&dlssl_core::current()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn process_slot() -> &'static Slot {
    &PROCESS
}

/// Gives the library of the process-wide slot, loading it with [`Loader::new`] on first use.
///
/// # Errors
/// As for [`Slot::current`].
///
/// # Examples
/// ```
/// println!("{}", dlssl_core::current()?.version_text());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn current() -> Result<Library, LoadError> {
    PROCESS.current()
}

/// Reloads the process-wide slot.
///
/// # Errors
/// As for [`Slot::reload`].
///
/// # Examples
/// ```
/// println!("{}", dlssl_core::reload()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reload() -> Result<Reloaded, LoadError> {
    PROCESS.reload()
}

/// Reloads the process-wide slot with another loader, which it keeps: the way to choose the library at start-up.
///
/// # Errors
/// As for [`Slot::reload_with`].
///
/// # Examples
/// ```
/// # let directory = dlssl_core::current()?.libssl_path().parent().ok_or("no folder")?.to_owned();
/// // SAFETY: the operator vouches for what lies in the directory.
/// let loader = unsafe { dlssl_core::Loader::new().directory(directory) };
/// println!("{}", dlssl_core::reload_with(loader)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reload_with(loader: Loader) -> Result<Reloaded, LoadError> {
    PROCESS.reload_with(loader)
}
