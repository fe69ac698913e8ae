//! One candidate, from its names to a checked pair: as the files are, or as a private copy.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::candidates::Candidate;
use super::check::{Checked, Placement, check};
use super::decide::{Isolation, Why, decide};
use super::init::Configuration;
use super::inspect;
use super::locate::locate;
use super::open::{Opened, open};
use super::registry::{self, Contents, Mapped};
use super::scene::{self, Scene};
use super::source::Opener;
use crate::error::LoadFailure;
use crate::explanation::{Attempt, Taken};
use crate::fork::{self, Hold};
use crate::isolate::{self, Content, Originals};
use crate::library::Parts;

/// How candidates of one load are tried.
pub(super) struct Plan<'a> {
    pub(super) opener: &'a dyn Opener,
    pub(super) isolation: Isolation,
    /// Map again what is mapped already.
    pub(super) fresh: bool,
    pub(super) configuration: Option<&'a Configuration>,
    pub(super) hold: &'a Hold,
}

impl Plan<'_> {
    /// Tries one candidate.
    pub(super) fn attempt(&self, candidate: &Candidate, attempt: &mut Attempt) -> Result<(Parts, Taken), LoadFailure> {
        match self.isolation {
            Isolation::Always => self.private(candidate, &Why::Asked, attempt),
            // Asked for, so an error where there can be none.
            Isolation::Auto if self.fresh && self.opener.is_real() => self.private(candidate, &Why::Asked, attempt),
            Isolation::Auto if isolate::POSSIBLE && self.opener.is_real() => {
                let scene = Scene::look();
                if let Some(why) = self.judge(candidate, &scene, fork::was_forked) {
                    return self.private(candidate, &why, attempt);
                }
                match self.as_they_are(candidate, &scene, attempt) {
                    Err(LoadFailure::MismatchedPair { evidence, .. } | LoadFailure::ForeignModule { evidence, .. }) => {
                        self.private(candidate, &Why::NotAPair(evidence), attempt)
                    }
                    outcome => outcome,
                }
            }
            Isolation::Auto | Isolation::Never => {
                let scene = Scene::look();
                if self.opener.is_real()
                    && let Some(Why::Child) = self.judge(candidate, &scene, fork::is_child)
                {
                    return Err(LoadFailure::Inherited { path: candidate.libssl.clone() });
                }
                self.as_they_are(candidate, &scene, attempt)
            }
        }
    }

    /// Checks what is open already and belongs to the process.
    pub(super) fn held(&self, opened: Opened, attempt: &mut Attempt) -> Result<(Parts, Taken), LoadFailure> {
        let checked = check(self.opener, &opened, self.configuration, &Placement::Files, attempt, self.hold)?;
        Ok(self.keep(checked, |_| Contents::known(None)))
    }

    fn judge(&self, candidate: &Candidate, scene: &Scene, is_child: impl FnOnce() -> bool) -> Option<Why> {
        if scene.is_empty() {
            return None;
        }
        let ours = registry::mapped(self.hold);
        let [ssl, crypto] = scene.before(candidate, &ours);
        decide([&ssl, &crypto], scene::exported(self.opener), is_child)
    }

    fn as_they_are(
        &self,
        candidate: &Candidate,
        scene: &Scene,
        attempt: &mut Attempt,
    ) -> Result<(Parts, Taken), LoadFailure> {
        let mut opened = open(self.opener, candidate, !scene.is_empty(), attempt)?;
        let checked = check(self.opener, &opened, self.configuration, &Placement::Files, attempt, self.hold)?;
        Ok(self.keep(checked, |parts| contents_of(parts, std::mem::take(&mut opened.files))))
    }

    fn private(&self, candidate: &Candidate, why: &Why, attempt: &mut Attempt) -> Result<(Parts, Taken), LoadFailure> {
        attempt.step("private copy", why.to_string());
        let (libssl, libcrypto) = (file(&candidate.libssl)?, file(&candidate.libcrypto)?);
        for path in [&libcrypto, &libssl] {
            inspect::inspect(path)?;
        }
        let always = self.isolation == Isolation::Always;
        if !self.fresh
            && let Some((mut parts, mut taken)) =
                registry::with_content(self.hold, &libssl, &libcrypto, always, self.configuration)
        {
            attempt.step("reuse", "files with this content are mapped already");
            (taken.libssl, taken.libcrypto) = (libssl.clone(), libcrypto.clone());
            (parts.libssl, parts.libcrypto) = (libssl, libcrypto);
            parts.is_reused = true;
            return Ok((parts, taken));
        }
        let copied = isolate::copy(self.opener, Originals::read(&libssl, &libcrypto)?, attempt)?;
        let opened = Opened {
            ssl: copied.ssl,
            crypto: copied.crypto,
            libssl,
            libcrypto,
            held_before: false,
            files: [None, None],
        };
        let placement = Placement::Private { why: why.to_string(), renamed: copied.renamed };
        let checked = check(self.opener, &opened, self.configuration, &placement, attempt, self.hold)?;
        Ok(self.keep(checked, |_| Contents::known(Some(copied.contents))))
    }

    /// Notes what was mapped; its contents too, when it is new.
    fn keep(&self, checked: Checked, contents: impl FnOnce(&Parts) -> Contents) -> (Parts, Taken) {
        let Checked { parts, mut taken, configuration } = checked;
        let mut mapped = registry::mapped(self.hold);
        match mapped.iter().find(|entry| std::ptr::eq(entry.parts.mapping, parts.mapping)) {
            Some(entry) if self.configuration.is_some() && entry.configuration != configuration => taken.notes.push(
                "the library was initialised before; the configuration file that was asked for now is not read".into(),
            ),
            Some(_) => {}
            None => mapped.push(Mapped {
                contents: contents(&parts),
                parts: parts.clone(),
                taken: taken.clone(),
                configuration,
            }),
        }
        (parts, taken)
    }
}

/// The file that a candidate's name stands for.
fn file(name: &Path) -> Result<PathBuf, LoadFailure> {
    if name.components().count() > 1 {
        return Ok(name.to_owned());
    }
    locate(name).ok_or_else(|| LoadFailure::Absent { name: name.to_owned() })
}

/// Keeps the files of a pair that was mapped as it is, libssl first: `files` where they were opened before, else what goes by
/// their names now.
fn contents_of(parts: &Parts, [ssl, crypto]: [Option<Content>; 2]) -> Contents {
    let content = |file: Option<Content>, path: &Path| file.or_else(|| Content::of(File::open(path).ok()?).ok());
    let both = || Some([content(ssl, &parts.libssl)?, content(crypto, &parts.libcrypto)?]);
    Contents::probable(both())
}
