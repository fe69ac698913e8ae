//! What the process holds under a pair's names before the pair is opened.

use std::path::Path;

use super::candidates::{Candidate, is_half};
use super::decide::{Before, Other, Same, same_path};
use super::files::replaced_on_disk;
use super::identify::{MARKS_OF_LIBCRYPTO, MARKS_OF_LIBSSL, mark};
use super::locate::locate;
use super::mapped::{Object, objects};
use super::registry::Mapped;
use super::soname::soname;
use super::source::Opener;
use crate::ffi::Half;
use crate::isolate::Stamp;

/// What the process has mapped before a candidate is opened.
pub(super) struct Scene {
    objects: Vec<Object>,
}

impl Scene {
    /// Looks.
    pub(super) fn look() -> Self {
        Self { objects: objects() }
    }

    /// Whether the process certainly has nothing of OpenSSL: no object is named like a half, or exports a function that every
    /// half has. Then no name is taken, no half is mapped and nothing is offered to all.
    pub(super) fn is_empty(&self) -> bool {
        !self.objects.is_empty() && !self.objects.iter().any(|object| object.may_be_half)
    }

    /// Both halves of a candidate, libssl first.
    pub(super) fn before(&self, candidate: &Candidate, ours: &[Mapped]) -> [Before; 2] {
        [(Half::Ssl, &candidate.libssl), (Half::Crypto, &candidate.libcrypto)]
            .map(|(half, name)| half_before(&self.objects, half, name, ours))
    }
}

/// First function of a pair that the process offers to every library, if it offers any.
pub(super) fn exported(opener: &dyn Opener) -> Option<&'static str> {
    let process = opener.process()?;
    let (name, _) = mark(&*process, &MARKS_OF_LIBCRYPTO).or_else(|| mark(&*process, &MARKS_OF_LIBSSL))?;
    name.to_str().ok()
}

fn half_before(objects: &[Object], half: Half, name: &Path, ours: &[Mapped]) -> Before {
    let mut before = Before::default();
    let named = name.components().count() > 1;
    let is_half = |object: &&Object| {
        if named { object.may_be_half } else { object.names().any(|name| is_half(name, half)) }
    };
    // Asked of the file system only when the process has something of the kind.
    let mut located = None;
    for object in objects.iter().filter(is_half) {
        let (file, wanted) = located.get_or_insert_with(|| {
            let file = if named { Some(name.to_owned()) } else { locate(name) };
            // A name may be a link to a file that goes by another.
            let wanted = file.as_deref().and_then(soname);
            (file, wanted)
        });
        let by_name = !named && object.soname.as_deref() == name.to_str();
        let taken = by_name || wanted.is_some() && object.soname == *wanted || named && object.path() == name;
        if !taken {
            continue;
        }
        let file = file.clone().unwrap_or_else(|| object.path().into_owned());
        match judge(object, half, &file, ours) {
            Ok(same) => before.same = Some(same),
            Err(other) => before.other = Some(other),
        }
    }
    before
}

/// Tells whether an object is this file.
fn judge(object: &Object, half: Half, file: &Path, ours: &[Mapped]) -> Result<Same, Other> {
    let entry = ours.iter().find(|entry| {
        object.contains(match half {
            Half::Ssl => entry.parts.inside_libssl,
            Half::Crypto => entry.parts.inside_libcrypto,
        })
    });
    let stamp = |entry: &Mapped| {
        let [ssl, crypto] = entry.contents()?;
        Some(match half {
            Half::Ssl => ssl.stamp(),
            Half::Crypto => crypto.stamp(),
        })
    };
    let now = std::fs::metadata(file).ok().map(|metadata| Stamp::of(&metadata));
    let by_us_here = entry.is_some_and(|entry| !entry.parts.mapping.is_inherited());
    let same = |overwritten| Same { path: object.path().into_owned(), overwritten, by_us_here };
    let other = || Other { path: object.path().into_owned(), replaced: same_path(&object.path(), file) };
    match (entry.and_then(stamp), now) {
        (Some(then), Some(now)) if then.file == now.file => Ok(same(then != now)),
        (Some(_), Some(_)) => Err(other()),
        _ => match replaced_on_disk(file, object.address()) {
            // A file that is gone cannot be told from what is mapped; nor can it be copied.
            Some(false) | None => Ok(same(false)),
            Some(true) => Err(other()),
        },
    }
}
