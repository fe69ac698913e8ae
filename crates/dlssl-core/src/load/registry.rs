//! What we have mapped in this process: so that equal content is mapped once, and that all of it can be renewed.

use std::cell::OnceCell;
use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::files::MappedFiles;
use super::init::Configuration;
use crate::explanation::Taken;
use crate::fork::Hold;
use crate::isolate::Content;
use crate::library::Parts;

/// One mapped pair.
pub(crate) struct Mapped {
    pub(crate) parts: Parts,
    pub(crate) contents: Contents,
    /// Configuration file that it was initialised with, as far as we did it.
    pub(crate) configuration: Configuration,
    /// What its first load said of it.
    pub(crate) taken: Taken,
}

/// Content of libssl and of libcrypto, where it could be kept.
pub(crate) struct Contents {
    kept: Option<[Content; 2]>,
    /// Whether it is what is mapped: asked when somebody wants to know. The kept files and the mappings stay, so the answer is
    /// the same at any time.
    is_mapped: OnceCell<bool>,
}

impl Contents {
    /// Of files that are certainly mapped, if any.
    pub(crate) fn known(kept: Option<[Content; 2]>) -> Self {
        Self { kept, is_mapped: OnceCell::from(true) }
    }

    /// Of files that were opened when these were mapped, under the same names.
    pub(crate) fn probable(kept: Option<[Content; 2]>) -> Self {
        Self { kept, is_mapped: OnceCell::new() }
    }

    fn of(&self, parts: &Parts) -> Option<&[Content; 2]> {
        let kept = self.kept.as_ref()?;
        let compare = || {
            let places = [parts.inside_libssl, parts.inside_libcrypto];
            let is_at = |files: MappedFiles| {
                kept.iter().zip(places).all(|(content, place)| files.is_at(place, content.stamp().file.1))
            };
            MappedFiles::read().is_some_and(is_at)
        };
        self.is_mapped.get_or_init(compare).then_some(kept)
    }
}

impl Mapped {
    /// Content of libssl and of libcrypto, where it is known.
    pub(crate) fn contents(&self) -> Option<&[Content; 2]> {
        self.contents.of(&self.parts)
    }
}

/// Locked only by who holds loads: so never locked when a child is forked.
static MAPPED: Mutex<Vec<Mapped>> = Mutex::new(Vec::new());

/// Everything that was mapped, in order, with what was inherited.
pub(crate) fn mapped(_: &Hold) -> MutexGuard<'static, Vec<Mapped>> {
    MAPPED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Finds a pair with the same content, mapped in this process; when `private`, as a private copy; initialised with
/// `configuration`, where one is asked for.
pub(crate) fn with_content(
    hold: &Hold,
    libssl: &Path,
    libcrypto: &Path,
    private: bool,
    configuration: Option<&Configuration>,
) -> Option<(Parts, Taken)> {
    let holds = |content: &Content, path: &Path| File::open(path).is_ok_and(|file| content.is(file));
    let mapped = mapped(hold);
    let same = |entry: &&Mapped| {
        !entry.parts.mapping.is_inherited()
            && (entry.parts.renamed.is_some() || !private)
            && configuration.is_none_or(|wanted| *wanted == entry.configuration)
            && entry.contents().is_some_and(|[ssl, crypto]| holds(ssl, libssl) && holds(crypto, libcrypto))
    };
    mapped.iter().find(same).map(|entry| (entry.parts.clone(), entry.taken.clone()))
}
