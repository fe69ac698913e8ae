//! What a reload did, as text and as JSON.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::library::Library;

/// What a reload did.
///
/// # Examples
/// ```
/// dlssl_core::current()?;
/// let report: dlssl_core::Reloaded = dlssl_core::reload()?;
/// println!("{report}\ngained {:?}, lost {:?}", report.gained(), report.lost());
/// println!("{} generators have fresh seeds", report.reseeded());
/// assert!(report.is_same_mapping(), "nothing has changed on disk");
/// assert_ne!(report.old().map(dlssl_core::Library::generation), Some(report.new_library().generation()));
/// println!("{}", report.to_json());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reloaded {
    pub(crate) old: Option<Library>,
    pub(crate) new: Library,
    pub(crate) reseeded: usize,
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

    /// How many libraries of this process had their random generators seeded anew.
    #[must_use]
    pub fn reseeded(&self) -> usize {
        self.reseeded
    }

    /// Features that work now and did not before, by the names of [`Library::capabilities`].
    #[must_use]
    pub fn gained(&self) -> Vec<&'static str> {
        self.old.as_ref().map_or_else(Vec::new, |old| works_only_in(&self.new, old))
    }

    /// Features that worked before and do not now.
    #[must_use]
    pub fn lost(&self) -> Vec<&'static str> {
        self.old.as_ref().map_or_else(Vec::new, |old| works_only_in(old, &self.new))
    }

    /// One JSON object on one line: `old` (null when there was none) and `new` with version, files and generation, and
    /// what changed.
    #[must_use]
    pub fn to_json(&self) -> String {
        let report = Report {
            old: self.old.as_ref().map(Side::of),
            new: Side::of(&self.new),
            same_mapping: self.is_same_mapping(),
            gained: self.gained(),
            lost: self.lost(),
            reseeded: self.reseeded,
        };
        // Plain data with text keys always serialises.
        serde_json::to_string(&report).unwrap_or_default()
    }
}

fn works_only_in(one: &Library, other: &Library) -> Vec<&'static str> {
    let others = other.capabilities();
    one.capabilities()
        .into_iter()
        .filter(|capability| capability.state.works())
        .map(|capability| capability.name)
        .filter(|name| !others.iter().any(|other| other.name == *name && other.state.works()))
        .collect()
}

#[derive(Serialize)]
struct Report<'a> {
    old: Option<Side<'a>>,
    new: Side<'a>,
    same_mapping: bool,
    gained: Vec<&'static str>,
    lost: Vec<&'static str>,
    reseeded: usize,
}

#[derive(Serialize)]
struct Side<'a> {
    generation: u64,
    version_text: &'a str,
    /// Any path: the whole report would be lost for one that is no Unicode.
    libssl: Cow<'a, str>,
    libcrypto: Cow<'a, str>,
    private_copy: bool,
    inherited: bool,
}

impl<'a> Side<'a> {
    fn of(library: &'a Library) -> Self {
        Self {
            generation: library.generation().get(),
            version_text: library.version_text(),
            libssl: library.libssl_path().to_string_lossy(),
            libcrypto: library.libcrypto_path().to_string_lossy(),
            private_copy: library.is_private_copy(),
            inherited: library.is_inherited(),
        }
    }
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |library: &Library| {
            format!("{} {} (generation {})", library.flavour(), library.version(), library.generation())
        };
        match &self.old {
            None => write!(f, "nothing loaded -> {}", name(&self.new))?,
            Some(old) => {
                write!(f, "{} -> {}: ", name(old), name(&self.new))?;
                f.write_str(if old.is_inherited() {
                    "a mapping of this process's own, after a fork"
                } else if self.is_same_mapping() {
                    "the same content, mapped once"
                } else if old.version() == self.new.version() {
                    "the same version from other files"
                } else {
                    "another version"
                })?;
            }
        }
        if self.new.is_private_copy() {
            f.write_str(", as a private copy")?;
        }
        for (what, features) in [("gained", self.gained()), ("lost", self.lost())] {
            if !features.is_empty() {
                write!(f, "; {what}: {}", features.join(", "))?;
            }
        }
        match self.reseeded {
            0 => Ok(()),
            1 => f.write_str("; its random generators were seeded anew"),
            count => write!(f, "; the random generators of {count} libraries were seeded anew"),
        }
    }
}
