//! Which file names to try, in which order, on each platform: pure data and functions.

use std::path::{Path, PathBuf};

use crate::error::LoadFailure;
use crate::ffi::Half;

/// One pair of names to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Where the names come from, for the explanation.
    pub(crate) origin: &'static str,
    pub(crate) libssl: PathBuf,
    pub(crate) libcrypto: PathBuf,
}

/// Operating system, as far as library names go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // each machine constructs its own; tests construct all
pub(crate) enum Platform {
    Linux,
    MacOs,
    Windows(Architecture),
    FreeBsd,
    OpenBsd,
    Solaris,
    Cygwin,
}

/// Architecture, as far as Windows' library names go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // as above
pub(crate) enum Architecture {
    X86,
    X64,
    Arm64,
}

impl Platform {
    /// The platform this was compiled for.
    pub(crate) const fn here() -> Self {
        if cfg!(target_os = "macos") {
            Self::MacOs
        } else if cfg!(target_os = "cygwin") {
            Self::Cygwin
        } else if cfg!(windows) {
            Self::Windows(if cfg!(target_arch = "aarch64") {
                Architecture::Arm64
            } else if cfg!(target_pointer_width = "64") {
                Architecture::X64
            } else {
                Architecture::X86
            })
        } else if cfg!(any(target_os = "freebsd", target_os = "dragonfly")) {
            Self::FreeBsd
        } else if cfg!(target_os = "openbsd") {
            Self::OpenBsd
        } else if cfg!(any(target_os = "solaris", target_os = "illumos")) {
            Self::Solaris
        } else {
            Self::Linux
        }
    }

    /// Names of libssl and libcrypto without a folder, newest first. A pair is always named as a pair: two lists
    /// searched apart could mix builds.
    fn names(self) -> Vec<(String, String)> {
        let unix = |tails: &[(&str, &str)]| -> Vec<(String, String)> {
            tails.iter().map(|(ssl, crypto)| (format!("libssl{ssl}"), format!("libcrypto{crypto}"))).collect()
        };
        match self {
            Self::Linux => unix(LINUX),
            Self::MacOs => unix(MACOS),
            Self::FreeBsd => unix(FREEBSD),
            Self::OpenBsd => unix(OPENBSD),
            Self::Solaris => unix(SOLARIS),
            Self::Cygwin => ["-4", "-3", "-1.1", "-1.0.0"]
                .iter()
                .map(|tail| (format!("cygssl{tail}.dll"), format!("cygcrypto{tail}.dll")))
                .collect(),
            Self::Windows(architecture) => {
                let suffix = match architecture {
                    Architecture::X86 => "",
                    Architecture::X64 => "-x64",
                    Architecture::Arm64 => "-arm64",
                };
                let mut names: Vec<_> = ["-4", "-3", "-1_1"]
                    .iter()
                    .map(|tail| (format!("libssl{tail}{suffix}.dll"), format!("libcrypto{tail}{suffix}.dll")))
                    .collect();
                // 1.0.x went by the old Eric Young names on Windows.
                names.push(("ssleay32.dll".into(), "libeay32.dll".into()));
                names
            }
        }
    }

    /// Folders that the dynamic linker does not search, and the packagers use all the same.
    fn folders(self) -> &'static [&'static str] {
        match self {
            Self::MacOs => MACOS_FOLDERS,
            Self::OpenBsd => OPENBSD_FOLDERS,
            Self::Solaris => SOLARIS_FOLDERS,
            Self::FreeBsd => &["/usr/local/lib"],
            Self::Linux | Self::Windows(_) | Self::Cygwin => &[],
        }
    }

    /// Whether a name without a folder may be handed to the dynamic linker.
    ///
    /// Not on macOS: the system's own unversioned `libssl.dylib` aborts the process that opens it, and a bare
    /// name can reach it through the shared cache.
    fn bare_names(self) -> bool {
        self != Self::MacOs
    }
}

/// OpenSSL by SONAME, then LibreSSL, whose two libraries count apart; then what only a development package has.
const LINUX: &[(&str, &str)] = &[
    (".so.4", ".so.4"),
    (".so.3", ".so.3"),
    (".so.1.1", ".so.1.1"),
    (".so.1.0.2", ".so.1.0.2"), // Debian 9 renamed 1.0.2's SONAME
    (".so.1.0.0", ".so.1.0.0"),
    (".so.10", ".so.10"), // RHEL and Fedora named 1.0.x so
    (".so.60", ".so.57"), // LibreSSL 4.2, 4.3
    (".so.59", ".so.56"), // 4.1
    (".so.58", ".so.55"), // 4.0
    (".so.56", ".so.53"), // 3.9
    (".so.55", ".so.52"), // 3.8
    (".so.53", ".so.50"), // 3.6, 3.7
    (".so.52", ".so.49"), // 3.5
    (".so.50", ".so.47"), // 3.4
    (".so.48", ".so.46"), // 3.1 to 3.3
    (".so.47", ".so.45"), // 2.9, 3.0
    (".so.46", ".so.44"), // 2.8
    (".so.45", ".so.43"), // 2.7
    (".so", ".so"),
];

/// Always with a version: see `bare_names`.
const MACOS: &[(&str, &str)] = &[
    (".4.dylib", ".4.dylib"),
    (".3.dylib", ".3.dylib"),
    (".1.1.dylib", ".1.1.dylib"),
    (".1.0.0.dylib", ".1.0.0.dylib"),
    (".60.dylib", ".57.dylib"),
    (".59.dylib", ".56.dylib"),
    (".58.dylib", ".55.dylib"),
    (".56.dylib", ".53.dylib"),
];

const MACOS_FOLDERS: &[&str] = &[
    "/opt/homebrew/opt/openssl@4/lib", // Homebrew on Apple silicon
    "/opt/homebrew/opt/openssl@3/lib",
    "/opt/homebrew/opt/openssl/lib",
    "/opt/homebrew/opt/openssl@1.1/lib",
    "/opt/homebrew/opt/libressl/lib",
    "/usr/local/opt/openssl@4/lib", // Homebrew on Intel
    "/usr/local/opt/openssl@3/lib",
    "/usr/local/opt/openssl/lib",
    "/usr/local/opt/openssl@1.1/lib",
    "/usr/local/opt/libressl/lib",
    "/opt/local/libexec/openssl4/lib", // MacPorts keeps each version apart
    "/opt/local/libexec/openssl3/lib",
    "/opt/local/libexec/openssl11/lib",
    "/opt/local/lib",
    "/sw/lib", // Fink
    "/usr/local/lib",
];

/// The base system numbers by its own count; ports use OpenSSL's.
const FREEBSD: &[(&str, &str)] = &[
    (".so.35", ".so.35"),   // FreeBSD 15: OpenSSL 3.5
    (".so.30", ".so.30"),   // FreeBSD 14: OpenSSL 3.0
    (".so.111", ".so.111"), // FreeBSD 12 and 13: OpenSSL 1.1.1
    (".so.4", ".so.4"),
    (".so.3", ".so.3"),
    (".so.12", ".so.12"), // ports' OpenSSL 3.0
    (".so.11", ".so.11"), // ports' OpenSSL 1.1.1
    (".so.8", ".so.8"),   // FreeBSD 10 and 11: OpenSSL 1.0
    (".so", ".so"),
];

/// The linker of OpenBSD takes the highest `.so.X.Y` for a name without numbers.
const OPENBSD: &[(&str, &str)] = &[(".so", ".so")];

const OPENBSD_FOLDERS: &[&str] = &[
    "/usr/local/lib/eopenssl40", // the ports' OpenSSLs, each beside the base system's LibreSSL
    "/usr/local/lib/eopenssl36",
    "/usr/local/lib/eopenssl35",
    "/usr/local/lib/eopenssl34",
    "/usr/local/lib/eopenssl33",
    "/usr/local/lib/eopenssl32",
    "/usr/local/lib/eopenssl31",
    "/usr/local/lib/eopenssl30",
    "/usr/local/lib/eopenssl11",
];

const SOLARIS: &[(&str, &str)] =
    &[(".so.4", ".so.4"), (".so.3", ".so.3"), (".so.1.1", ".so.1.1"), (".so.1.0.0", ".so.1.0.0"), (".so", ".so")];

const SOLARIS_FOLDERS: &[&str] = &["/usr/openssl/3/lib/64", "/lib/64", "/usr/lib/64"];

/// Every pair that the default search tries on one platform.
pub(crate) fn platform(platform: Platform) -> Vec<Candidate> {
    let names = platform.names();
    let mut candidates = Vec::new();
    if platform.bare_names() {
        candidates.extend(names.iter().map(|(ssl, crypto)| Candidate {
            origin: "platform default",
            libssl: ssl.into(),
            libcrypto: crypto.into(),
        }));
    }
    for folder in platform.folders() {
        candidates.extend(names.iter().map(|(ssl, crypto)| Candidate {
            origin: "platform folder",
            libssl: Path::new(folder).join(ssl),
            libcrypto: Path::new(folder).join(crypto),
        }));
    }
    candidates
}

/// Pairs in one folder, given the names of its files: the platform's names first, then names that packagers
/// made unique (`libssl-6a9b88ec.so.3`), paired by what follows the first `.so`.
///
/// # Errors
/// [`LoadFailure::Incomplete`] where only one half is there, [`LoadFailure::NothingInDirectory`] where neither is.
pub(crate) fn directory(
    platform: Platform,
    origin: &'static str,
    folder: &Path,
    files: &[String],
) -> Result<Vec<Candidate>, LoadFailure> {
    let candidate =
        |ssl: &str, crypto: &str| Candidate { origin, libssl: folder.join(ssl), libcrypto: folder.join(crypto) };
    let has = |name: &str| files.iter().any(|file| file == name);
    let mut found: Vec<Candidate> = platform
        .names()
        .iter()
        .filter(|(ssl, crypto)| has(ssl) && has(crypto))
        .map(|(ssl, crypto)| candidate(ssl, crypto))
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let half = |half: Half| -> Vec<(&str, &str)> {
        let mut names: Vec<_> =
            files.iter().filter_map(|file| tail(file, half).map(|tail| (file.as_str(), tail))).collect();
        names.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        names
    };
    let (libssl, libcrypto) = (half(Half::Ssl), half(Half::Crypto));
    for (ssl, ssl_tail) in &libssl {
        for (crypto, crypto_tail) in &libcrypto {
            if ssl_tail == crypto_tail {
                found.push(candidate(ssl, crypto));
            }
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    match (libssl.first(), libcrypto.first()) {
        // Different tails, as LibreSSL has them: with one of each there is no doubt which goes with which.
        (Some((ssl, _)), Some((crypto, _))) if libssl.len() == 1 && libcrypto.len() == 1 => {
            Ok(vec![candidate(ssl, crypto)])
        }
        (Some((ssl, tail)), _) => Err(LoadFailure::Incomplete {
            present: folder.join(ssl),
            missing: Half::Crypto,
            looked_for: format!("libcrypto*{tail}"),
        }),
        (None, Some((crypto, tail))) => Err(LoadFailure::Incomplete {
            present: folder.join(crypto),
            missing: Half::Ssl,
            looked_for: format!("libssl*{tail}"),
        }),
        (None, None) => Err(LoadFailure::NothingInDirectory { path: folder.to_owned() }),
    }
}

/// What follows the name proper, from `.so`, `.dylib` or `.dll` on, when `file` is named like one half.
fn tail(file: &str, half: Half) -> Option<&str> {
    let stems: &[&str] = match half {
        Half::Ssl => &["libssl", "cygssl", "ssleay32"],
        Half::Crypto => &["libcrypto", "cygcrypto", "libeay32"],
    };
    let rest = stems.iter().find_map(|stem| file.strip_prefix(stem))?;
    // "libssl3.so" is NSS's, not ours.
    if rest.starts_with(|first: char| first != '.' && first != '-') {
        return None;
    }
    if let Some(at) = rest.find(".so") {
        let tail = &rest[at..];
        return (tail.len() == 3 || tail.as_bytes()[3] == b'.').then_some(tail);
    }
    [".dylib", ".dll"].iter().find(|end| rest.ends_with(**end)).map(|_| rest)
}

/// Whether a file is named like one half of a pair.
pub(crate) fn is_half(file: &str, half: Half) -> bool {
    tail(file, half).is_some()
}

/// Where libcrypto lies for a libssl that was named alone: beside it, under the name that goes with it.
pub(crate) fn libcrypto_beside(platform: Platform, libssl: &Path, files: &[String]) -> Result<PathBuf, LoadFailure> {
    let folder = libssl.parent().unwrap_or(Path::new(""));
    let name = libssl.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some((_, crypto)) = platform.names().into_iter().find(|(ssl, _)| ssl == name)
        && files.contains(&crypto)
    {
        return Ok(folder.join(crypto));
    }
    let tail_of_ssl = tail(name, Half::Ssl).unwrap_or_default();
    let beside: Vec<&String> = files.iter().filter(|file| tail(file, Half::Crypto).is_some()).collect();
    let same: Vec<&&String> = beside.iter().filter(|file| tail(file, Half::Crypto) == Some(tail_of_ssl)).collect();
    match (same.as_slice(), beside.as_slice()) {
        ([crypto], _) => Ok(folder.join(crypto.as_str())),
        ([], [crypto]) => Ok(folder.join(crypto.as_str())),
        _ => Err(LoadFailure::Incomplete {
            present: libssl.to_owned(),
            missing: Half::Crypto,
            looked_for: format!("libcrypto*{tail_of_ssl} in {}", folder.display()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVERY: [Platform; 9] = [
        Platform::Linux,
        Platform::MacOs,
        Platform::Windows(Architecture::X86),
        Platform::Windows(Architecture::X64),
        Platform::Windows(Architecture::Arm64),
        Platform::FreeBsd,
        Platform::OpenBsd,
        Platform::Solaris,
        Platform::Cygwin,
    ];

    fn first(on: Platform) -> (String, String) {
        let first = platform(on).remove(0);
        (first.libssl.display().to_string(), first.libcrypto.display().to_string())
    }

    fn listing(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_platform_tries_the_newest_first_and_pairs_only() {
        assert_eq!(first(Platform::Linux), ("libssl.so.4".into(), "libcrypto.so.4".into()));
        assert_eq!(first(Platform::Windows(Architecture::X64)).0, "libssl-4-x64.dll");
        assert_eq!(first(Platform::Windows(Architecture::Arm64)).1, "libcrypto-4-arm64.dll");
        assert_eq!(first(Platform::Windows(Architecture::X86)).0, "libssl-4.dll");
        assert_eq!(first(Platform::Cygwin), ("cygssl-4.dll".into(), "cygcrypto-4.dll".into()));
        assert_eq!(first(Platform::OpenBsd).0, "libssl.so");
        for on in EVERY {
            let all = platform(on);
            assert!(!all.is_empty(), "{on:?}");
            for candidate in &all {
                assert_eq!(candidate.libssl.parent(), candidate.libcrypto.parent(), "{candidate:?}");
            }
            for (index, candidate) in all.iter().enumerate() {
                assert!(!all[..index].contains(candidate), "{candidate:?} twice");
            }
        }
    }

    #[test]
    fn macos_never_opens_a_name_without_version_or_folder() {
        for candidate in platform(Platform::MacOs) {
            assert!(candidate.libssl.is_absolute(), "{candidate:?}");
            let name = candidate.libssl.file_name().unwrap().to_str().unwrap();
            assert_ne!(name, "libssl.dylib");
        }
        let folders: Vec<_> = platform(Platform::MacOs).iter().map(|c| c.libssl.display().to_string()).collect();
        for part in ["/opt/homebrew/", "/opt/local/", "/sw/"] {
            assert!(folders.iter().any(|folder| folder.contains(part)), "{part}");
        }
    }

    #[test]
    fn libressl_pairs_by_its_two_counts() {
        let all = platform(Platform::Linux);
        let three_one = all.iter().find(|c| c.libssl.to_str() == Some("libssl.so.48")).unwrap();
        assert_eq!(three_one.libcrypto.to_str(), Some("libcrypto.so.46"));
    }

    #[test]
    fn a_folder_gives_known_names_before_odd_ones() {
        let files = listing(&["libssl.so", "libcrypto.so", "libssl.so.3", "libcrypto.so.3", "libssl-0a.so.3"]);
        let found = directory(Platform::Linux, "t", Path::new("/d"), &files).unwrap();
        assert_eq!(found[0].libssl, Path::new("/d/libssl.so.3"));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_folder_of_a_wheel_pairs_by_tail() {
        let files = listing(&["libpq.so.5", "libssl-3309e9a3.so.1.0.2n", "libcrypto-1e9dee74.so.1.0.2n"]);
        let found = directory(Platform::Linux, "t", Path::new("/d"), &files).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].libcrypto, Path::new("/d/libcrypto-1e9dee74.so.1.0.2n"));
    }

    #[test]
    fn half_a_pair_is_said_to_be_half() {
        let only = |names: &[&str]| directory(Platform::Linux, "t", Path::new("/d"), &listing(names)).unwrap_err();
        assert!(matches!(only(&["libcrypto.so.3"]), LoadFailure::Incomplete { missing: Half::Ssl, .. }));
        assert!(matches!(only(&["libssl.so.3"]), LoadFailure::Incomplete { missing: Half::Crypto, .. }));
        assert!(matches!(only(&["libssl3.so", "readme"]), LoadFailure::NothingInDirectory { .. }));
    }

    #[test]
    fn libssl_alone_finds_its_neighbour() {
        let beside = |ssl: &str, files: &[&str]| libcrypto_beside(Platform::Linux, Path::new(ssl), &listing(files));
        assert_eq!(beside("/d/libssl.so.48", &["libcrypto.so.46"]).unwrap(), Path::new("/d/libcrypto.so.46"));
        assert_eq!(
            beside("/d/libssl-a.so.3", &["libcrypto-b.so.3", "libcrypto.so.1.1"]).unwrap(),
            Path::new("/d/libcrypto-b.so.3")
        );
        assert!(beside("/d/libssl.so.3", &["libfoo.so"]).is_err());
    }

    proptest! {
        #[test]
        fn any_listing_gives_pairs_or_a_typed_error(files in proptest::collection::vec("(lib(ssl|crypto))?[-.a-z0-9]{0,8}(\\.so)?[.0-9]{0,4}", 0..8)) {
            for on in EVERY {
                if let Ok(found) = directory(on, "t", Path::new("/d"), &files) {
                    prop_assert!(!found.is_empty());
                }
                let _ = libcrypto_beside(on, Path::new("/d/libssl.so.3"), &files);
            }
        }
    }
}
