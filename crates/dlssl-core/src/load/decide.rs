//! Whether a pair is opened as it is or as a private copy: judged before anything is opened, since nothing is ever
//! unloaded.

use std::fmt;
use std::path::{Path, PathBuf};

/// Whether a pair may be mapped from a private copy of its files, beside another OpenSSL in the same process.
///
/// Private copies need glibc on Linux. Elsewhere `Auto` is as `Never`, and `Always` is
/// [`LoadFailure::Isolation`](crate::LoadFailure::Isolation).
///
/// # Examples
/// ```
/// use dlssl_core::{Isolation, Loader};
///
/// match Loader::new().isolation(Isolation::Always).load() {
///     Ok(library) => assert!(library.is_private_copy()),
///     // Elsewhere than on Linux with glibc.
///     Err(error) => println!("{error}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isolation {
    /// A private copy where the files as they are would not give a pair of their own: the process holds another library
    /// of that name, or an older file, or offers OpenSSL functions to everyone, or is a child of a fork.
    ///
    /// Otherwise the files are mapped as they are, and must not be overwritten in place while they are in use (package
    /// managers do not: they rename).
    #[default]
    Auto,
    /// The files as they are; what does not make a pair is an error.
    Never,
    /// Always a private copy, which no change to the files can touch.
    Always,
}

/// Why a private copy is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The program asked.
    Asked,
    /// This process is a child: locks in the library may be held by threads that it does not have.
    Child,
    /// The file was replaced under its path, and the process has the old one.
    Replaced(PathBuf),
    /// The file was written to while it was mapped: what is mapped is neither the old nor the new.
    Overwritten(PathBuf),
    /// Another file is mapped under that name.
    NameTaken(PathBuf),
    /// The process offers functions of OpenSSL to everyone, and they would win.
    Exported(&'static str),
    /// Opened as they are, the two did not make a pair.
    NotAPair(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("the program asked for one"),
            Self::Child => f.write_str(
                "this process was forked, and locks of the library that it inherited may be held by threads that it \
                 does not have",
            ),
            Self::Replaced(path) => write!(f, "{} was replaced, and the process has the old file", path.display()),
            Self::Overwritten(path) => write!(
                f,
                "{} was overwritten in place while it was mapped, which damages what uses the old mapping",
                path.display()
            ),
            Self::NameTaken(path) => write!(f, "the process holds {} under that name", path.display()),
            Self::Exported(symbol) => {
                write!(f, "the process offers {symbol} to every library, which would be taken for the pair's own")
            }
            Self::NotAPair(evidence) => write!(f, "as they are, the two files do not make a pair here: {evidence}"),
        }
    }
}

/// One half before it is opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    /// What is mapped under its name, other than this file.
    pub(crate) other: Option<Other>,
    /// This very file is mapped.
    pub(crate) same: Option<Same>,
}

/// Another file under a half's name.
#[derive(Clone, Debug)]
pub(crate) struct Other {
    pub(crate) path: PathBuf,
    /// It lay under the same path, so it was replaced.
    pub(crate) replaced: bool,
}

/// The same file, mapped before.
#[derive(Clone, Debug)]
pub(crate) struct Same {
    pub(crate) path: PathBuf,
    /// It was written to since it was mapped.
    pub(crate) overwritten: bool,
    /// It was mapped by us, in this process.
    pub(crate) by_us_here: bool,
}

/// Judges; `None` means the files as they are. Whether this process is a child is asked only when it matters.
pub(crate) fn decide(
    halves: [&Before; 2],
    exported: Option<&'static str>,
    is_child: impl FnOnce() -> bool,
) -> Option<Why> {
    let same = || halves.into_iter().filter_map(|half| half.same.as_ref());
    if same().any(|same| !same.by_us_here) && is_child() {
        return Some(Why::Child);
    }
    if let Some(other) = halves.into_iter().find_map(|half| half.other.as_ref()) {
        let path = other.path.clone();
        return Some(if other.replaced { Why::Replaced(path) } else { Why::NameTaken(path) });
    }
    if let Some(overwritten) = same().find(|same| same.overwritten) {
        return Some(Why::Overwritten(overwritten.path.clone()));
    }
    // What is mapped is bound already; the proof tells to what.
    if same().next().is_some() {
        return None;
    }
    exported.map(Why::Exported)
}

/// Whether two paths are spelled alike, as far as a dynamic linker may spell them.
pub(crate) fn same_path(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(replaced: bool) -> Before {
        Before { other: Some(Other { path: "/a".into(), replaced }), same: None }
    }

    fn same(overwritten: bool, by_us_here: bool) -> Before {
        Before { other: None, same: Some(Same { path: "/a".into(), overwritten, by_us_here }) }
    }

    #[test]
    fn a_free_name_needs_no_copy() {
        let free = Before::default();
        assert_eq!(decide([&free, &free], None, || false), None);
        assert_eq!(decide([&free, &free], None, || true), None);
        assert_eq!(decide([&free, &free], Some("RAND_bytes"), || false), Some(Why::Exported("RAND_bytes")));
    }

    #[test]
    fn what_is_mapped_is_shared_only_when_it_is_the_same_and_sound() {
        let free = Before::default();
        assert_eq!(decide([&same(false, false), &free], Some("RAND_bytes"), || false), None);
        assert_eq!(decide([&free, &other(false)], None, || false), Some(Why::NameTaken("/a".into())));
        assert_eq!(decide([&other(true), &free], None, || false), Some(Why::Replaced("/a".into())));
        assert_eq!(decide([&same(true, true), &free], None, || false), Some(Why::Overwritten("/a".into())));
    }

    #[test]
    fn a_child_shares_only_what_it_has_loaded_itself() {
        assert_eq!(decide([&same(false, false), &same(false, false)], None, || true), Some(Why::Child));
        assert_eq!(decide([&same(false, true), &same(false, true)], None, || true), None);
        assert_eq!(decide([&other(false), &same(false, true)], None, || true), Some(Why::NameTaken("/a".into())));
        assert_eq!(decide([&other(false), &same(false, false)], None, || true), Some(Why::Child));
    }
}
