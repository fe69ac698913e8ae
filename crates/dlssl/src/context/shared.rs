//! The context of a `Connector` or `Acceptor`: built once, and anew when its time has come.
//!
//! Its time has come when the process renewed what it must not share with its past (a reload, a fork that was vouched
//! for): session caches and ticket keys are then to be others. One that follows a slot is also built anew on the library
//! that the slot has by then.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use dlssl_core::{Library, Slot, process_slot, renewals};

use super::settings::Settings;
use super::{Context, build};
use crate::error::Error;

/// Which library contexts are built on.
#[derive(Clone)]
pub(crate) enum Base {
    /// This one.
    Fixed(Library),
    /// What the process-wide slot has.
    Process,
    /// What this slot has.
    Slot(Arc<Slot>),
}

impl Base {
    fn library(&self) -> Result<Library, Error> {
        match self {
            Self::Fixed(library) => Ok(library.clone()),
            Self::Process => Ok(process_slot().current()?),
            Self::Slot(slot) => Ok(slot.current()?),
        }
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed",
            Self::Process => "Process",
            Self::Slot(_) => "Slot",
        })
    }
}

/// A context, with what it takes to build it again. Cheap to clone; clones share the context.
#[derive(Clone)]
pub(crate) struct SharedContext {
    inner: Arc<Inner>,
}

struct Inner {
    base: Base,
    settings: Settings,
    /// Read without a lock: a child of a fork could find one held.
    built: ArcSwap<Built>,
}

struct Built {
    context: Context,
    /// Count of renewals before it was built.
    renewals: u64,
}

impl Built {
    fn new(library: &Library, settings: &Settings) -> Result<Self, Error> {
        let renewals = renewals();
        Ok(Self { context: build::build(library, settings)?, renewals })
    }

    fn is_good_for(&self, library: &Library) -> bool {
        self.renewals == renewals() && self.context.library().is_same_generation(library)
    }
}

impl SharedContext {
    pub(super) fn build(base: Base, settings: Settings) -> Result<Self, Error> {
        let built = Built::new(&base.library()?, &settings)?;
        Ok(Self { inner: Arc::new(Inner { base, settings, built: ArcSwap::from_pointee(built) }) })
    }

    /// The context for the next connection.
    pub(super) fn for_connection(&self) -> Result<Context, Error> {
        let library = self.inner.base.library()?;
        let built = self.inner.built.load();
        if built.is_good_for(&library) {
            return Ok(built.context.clone());
        }
        let anew = Arc::new(Built::new(&library, &self.inner.settings)?);
        // Of threads that race the first wins, so that all have one session cache and one set of ticket keys.
        let before = self.inner.built.compare_and_swap(&*built, Arc::clone(&anew));
        let winner = if before.is_good_for(&library) { &before.context } else { &anew.context };
        Ok(winner.clone())
    }

    /// The context as it was built last.
    pub(super) fn last(&self) -> Context {
        self.inner.built.load().context.clone()
    }
}

impl fmt::Debug for SharedContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedContext")
            .field("base", &self.inner.base)
            .field("context", &self.last())
            .finish_non_exhaustive()
    }
}
