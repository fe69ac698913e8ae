//! Which library it is: flavour, version, and ranges of versions.

use std::fmt;

use serde::{Serialize, Serializer};

/// Family of libraries that share a history, a set of symbols and a numbering.
///
/// # Examples
/// ```
/// let library = dlssl_core::current()?;
/// let flavour = library.flavour();
/// if flavour == dlssl_core::Flavour::LibreSsl {
///     println!("no pre-shared keys");
/// }
/// assert!(library.version() >= flavour.floor());
/// println!("{flavour} is known up to {}.x", flavour.newest_known_major());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Flavour {
    /// OpenSSL, from the OpenSSL project.
    OpenSsl,
    /// LibreSSL, from OpenBSD. Its symbols are its own; it is never "an old OpenSSL".
    LibreSsl,
}

impl Flavour {
    /// Oldest version that is loaded; anything below is refused by name.
    #[must_use]
    pub const fn floor(self) -> Version {
        match self {
            Self::OpenSsl => Version::new(1, 0, 2),
            Self::LibreSsl => Version::new(2, 7, 0),
        }
    }

    /// Newest major version that this release has been checked against.
    #[must_use]
    pub const fn newest_known_major(self) -> u16 {
        4
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenSsl => "OpenSSL",
            Self::LibreSsl => "LibreSSL",
        })
    }
}

/// Version of a library, such as `3.0.19`, `1.1.1w` or (LibreSSL) `4.3.0`.
///
/// The letter is what OpenSSL before 3.0 counted its patches with; two letters (`0.9.8zh`) continue after `z`.
///
/// # Examples
/// ```
/// let version = dlssl_core::Version::parse("1.1.1w");
/// assert!(version > Some(dlssl_core::Version::new(1, 1, 0)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
    /// Patch letter counted from `a` = 1; 0 where there is none.
    pub letter: u16,
}

impl Version {
    /// Makes a version without a patch letter.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch, letter: 0 }
    }

    /// Reads `MAJOR.MINOR[.PATCH][LETTER…]`; what follows (`-dev`, ` 27 Jan 2026`) is ignored.
    ///
    /// `None` when the text does not begin with two numbers, or a number does not fit.
    #[must_use]
    pub const fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (major, at) = match number(bytes, 0) {
            Some(found) => found,
            None => return None,
        };
        if at >= bytes.len() || bytes[at] != b'.' {
            return None;
        }
        let (minor, mut at) = match number(bytes, at + 1) {
            Some(found) => found,
            None => return None,
        };
        let mut patch = 0;
        if at < bytes.len() && bytes[at] == b'.' {
            (patch, at) = match number(bytes, at + 1) {
                Some(found) => found,
                None => return None,
            };
        }
        // Another letter counts only after `z`; the bound is for texts of nothing but `z`.
        let mut letter = 0;
        while at < bytes.len() && bytes[at].is_ascii_lowercase() && letter % 26 == 0 && letter < 26 * 26 {
            letter += (bytes[at] - b'a') as u16 + 1;
            at += 1;
        }
        Some(Self { major, minor, patch, letter })
    }

    /// Reads OpenSSL's packed number: `0xMNNFFPPS` before 3.0, `0xMNN00PP0` from 3.0 on.
    ///
    /// LibreSSL always says `0x20000000`: its version is only in its text.
    ///
    /// # Examples
    /// ```
    /// let version = dlssl_core::Version::from_openssl_number(0x1010_117f);
    /// assert_eq!(Some(version), dlssl_core::Version::parse("1.1.1w"));
    /// ```
    #[must_use]
    pub const fn from_openssl_number(number: u64) -> Self {
        let major = ((number >> 28) & 0xF) as u16;
        let minor = ((number >> 20) & 0xFF) as u16;
        if major >= 3 {
            return Self::new(major, minor, ((number >> 4) & 0xFF) as u16);
        }
        Self { major, minor, patch: ((number >> 12) & 0xFF) as u16, letter: ((number >> 4) & 0xFF) as u16 }
    }
}

/// Reads the digits that begin at `at`: the number and where it ends.
const fn number(bytes: &[u8], mut at: usize) -> Option<(u16, usize)> {
    let begin = at;
    let mut value: u32 = 0;
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        value = value * 10 + (bytes[at] - b'0') as u32;
        if value > u16::MAX as u32 {
            return None;
        }
        at += 1;
    }
    if at == begin { None } else { Some((value as u16, at)) }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        let mut left = self.letter;
        while left > 26 {
            f.write_str("z")?;
            left -= 26;
        }
        if left > 0 {
            let letter = b'a' + (left - 1) as u8;
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Range of versions of one flavour: from `since` (inclusive) up to `removed` (exclusive), or no version at all.
///
/// # Examples
/// ```
/// use dlssl_core::{Version, VersionRange};
///
/// let range = VersionRange::parse("1.1.1..3.0");
/// assert!(range.contains(Version::new(1, 1, 1)) && !range.contains(Version::new(3, 0, 0)));
/// assert_eq!((range.since(), range.removed()), (Version::parse("1.1.1"), Version::parse("3.0")));
/// assert!(VersionRange::parse("never").is_never() && !VersionRange::ALL.is_never());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    since: Option<Version>,
    removed: Option<Version>,
    never: bool,
}

impl VersionRange {
    /// Every supported version.
    pub const ALL: Self = Self { since: None, removed: None, never: false };

    /// Reads `".."`, `"1.1.0.."`, `"..4.0"`, `"1.1.1..3.0"` or `"never"`.
    ///
    /// # Panics
    /// When the text is none of these. The lists of this crate are read at compile time, so a slip there is a
    /// compile error.
    #[must_use]
    pub const fn parse(text: &str) -> Self {
        let bytes = text.as_bytes();
        if matches!(bytes, b"never") {
            return Self { since: None, removed: None, never: true };
        }
        // The separator is the first ".." ; version numbers hold single dots only.
        let mut at = 0;
        while at + 1 < bytes.len() && !(bytes[at] == b'.' && bytes[at + 1] == b'.') {
            at += 1;
        }
        assert!(at + 1 < bytes.len(), "a version range is \"never\" or holds \"..\"");
        let (low, high) = text.split_at(at);
        let (_, high) = high.split_at(2);
        Self { since: bound(low), removed: bound(high), never: false }
    }

    /// Whether `version` lies in the range.
    #[must_use]
    pub fn contains(&self, version: Version) -> bool {
        !self.never
            && self.since.is_none_or(|since| version >= since)
            && self.removed.is_none_or(|removed| version < removed)
    }

    /// Whether no version lies in the range.
    #[must_use]
    pub const fn is_never(&self) -> bool {
        self.never
    }

    /// First version in the range, where it does not reach down to the floor.
    #[must_use]
    pub const fn since(&self) -> Option<Version> {
        self.since
    }

    /// First version after the range, where it ends.
    #[must_use]
    pub const fn removed(&self) -> Option<Version> {
        self.removed
    }
}

const fn bound(text: &str) -> Option<Version> {
    if text.is_empty() {
        return None;
    }
    let version = Version::parse(text);
    assert!(version.is_some(), "not a version in a version range");
    version
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.never, self.since, self.removed) {
            (true, ..) => f.write_str("never"),
            (_, None, None) => f.write_str("all"),
            (_, Some(since), None) => write!(f, "from {since}"),
            (_, None, Some(removed)) => write!(f, "before {removed}"),
            (_, Some(since), Some(removed)) => write!(f, "from {since}, before {removed}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn reads_the_forms_in_use() {
        assert_eq!(version("3.0.19 27 Jan 2026"), Version::new(3, 0, 19));
        assert_eq!(version("1.1.1w").letter, 23);
        assert_eq!(version("4.3"), Version::new(4, 3, 0));
        assert_eq!(version("0.9.8zh").to_string(), "0.9.8zh");
        assert_eq!(Version::parse(""), None);
        assert_eq!(Version::parse("3"), None);
        assert_eq!(Version::parse("99999.1"), None);
    }

    #[test]
    fn reads_packed_numbers_of_both_layouts() {
        assert_eq!(Version::from_openssl_number(0x1000_20ef).to_string(), "1.0.2n");
        assert_eq!(Version::from_openssl_number(0x1010_117f).to_string(), "1.1.1w");
        assert_eq!(Version::from_openssl_number(0x3000_0130), Version::new(3, 0, 19));
        assert_eq!(Version::from_openssl_number(0x4000_0030), Version::new(4, 0, 3));
    }

    #[test]
    fn letters_order_after_the_bare_version() {
        assert!(version("1.0.2") < version("1.0.2a"));
        assert!(version("1.0.2n") < version("1.0.2q"));
        assert!(version("1.0.2z") < version("1.0.2za"));
        assert!(version("1.1.1w") < version("3.0.0"));
    }

    #[test]
    fn letters_count_on_after_z_alone() {
        assert_eq!(version("1.1.1wv"), version("1.1.1w"));
        for letters in ["v".repeat(31), format!("{}h", "z".repeat(25)), "z".repeat(40)] {
            let many = version(&format!("5.0{letters}"));
            assert_eq!(version(&many.to_string()), many, "{letters}");
        }
    }

    #[test]
    fn ranges_are_half_open() {
        let range = VersionRange::parse("1.1.1..3.0");
        assert!(range.contains(version("1.1.1")) && range.contains(version("1.1.1w")));
        assert!(!range.contains(version("3.0.0")) && !range.contains(version("1.1.0i")));
        assert!(VersionRange::parse("..").contains(version("1.0.2")));
        assert!(!VersionRange::parse("..4.0").contains(version("4.0.3")));
        assert!(!VersionRange::parse("never").contains(version("3.0.0")));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = Version::parse(&text);
        }

        #[test]
        fn display_reads_back(major in 0u16..99, minor in 0u16..99, patch in 0u16..99, letter in 0u16..60) {
            let version = Version { major, minor, patch, letter };
            prop_assert_eq!(Version::parse(&version.to_string()), Some(version));
        }
    }
}
