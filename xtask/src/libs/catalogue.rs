//! The catalogue: every build that the tests can run on, where it comes from, and who it must say it is.
//!
//! A build is added here and nowhere else. `docs/libraries.md` has the reasons behind the odd ones.

use dlssl_core::{Flavour, Version};

use crate::Fallible;

/// One build.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What the library says of itself when it is loaded, letter for letter; `None` takes any.
    pub(crate) text: Option<&'static str>,
    pub(crate) recipe: Recipe,
    pub(crate) plan: Plan,
    /// Seconds it takes on two cores, sources included.
    pub(crate) estimate: u32,
    /// Its libraries need others of their folder and do not say where these are: they load only with the
    /// folder in `LD_LIBRARY_PATH`.
    pub(crate) needs_library_path: bool,
}

/// Which runs use a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Every run of the matrix.
    Ordinary,
    /// Only the long run: another row is close to it.
    Nightly,
}

/// Where a build comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recipe {
    /// What the machine has.
    System,
    /// Compiled from the OpenSSL tree inside the crate `openssl-src`, which is never itself built.
    OpenSsl {
        version: &'static str,
        options: &'static [&'static str],
        /// The tree lacks the script that writes the linker's version script: ours goes in.
        trimmed: bool,
    },
    /// Compiled from the release archive inside the crate `libtls-sys`, which is never itself built.
    LibreSsl { version: &'static str, archive: &'static str },
    /// Taken out of a Python wheel: as a packager made it, without headers.
    Wheel {
        package: &'static str,
        version: &'static str,
        /// Interpreter, ABI and platform as pip calls them: the machine's own Python does not matter.
        python: &'static str,
        abi: &'static str,
        platform: &'static str,
        /// The folder inside that holds the shared libraries.
        folder: &'static str,
    },
}

/// Builds the FIPS module, and with it the legacy one: into the library's own folder for modules.
pub(crate) const FIPS: &str = "enable-fips";

/// Trimmed trees hold no tests, and cannot export the symbols of loadable modules.
const TRIMMED: &[&str] = &["no-tests", "no-module", "no-legacy", "enable-ktls"];

const ROWS: [Row; 15] = [
    Row { text: None, ..row("system", "", Recipe::System, 0) },
    Row {
        needs_library_path: true,
        ..row(
            "openssl-1.0.2n",
            "OpenSSL 1.0.2n  7 Dec 2017",
            old_wheel("psycopg2-binary", "2.7.4", "psycopg2/.libs"),
            WHEEL_SECONDS,
        )
    },
    Row {
        needs_library_path: true,
        ..row(
            "openssl-1.0.2q",
            "OpenSSL 1.0.2q  20 Nov 2018",
            old_wheel("psycopg2-binary", "2.7.7", "psycopg2/.libs"),
            WHEEL_SECONDS,
        )
    },
    row("openssl-1.1.0i", "OpenSSL 1.1.0i  14 Aug 2018", openssl("110.0.7", &[]), 80),
    // Before 1.1.1d, which renewed the random generator in a forked child.
    Row {
        plan: Plan::Nightly,
        ..row("openssl-1.1.1c", "OpenSSL 1.1.1c  28 May 2019", openssl("111.5.0", &["no-tests"]), 100)
    },
    row("openssl-1.1.1w", "OpenSSL 1.1.1w  11 Sep 2023", openssl("111.28.2", &["no-tests"]), 100),
    row(
        "openssl-1.1.1w-wheel",
        "OpenSSL 1.1.1w  11 Sep 2023",
        wheel("psycopg2-binary", "2.9.9", "manylinux2014_x86_64", "psycopg2_binary.libs"),
        WHEEL_SECONDS,
    ),
    // The one tree here that is whole and has providers: with the FIPS module, which compiles half of libcrypto again.
    row("openssl-3.0.8", "OpenSSL 3.0.8 7 Feb 2023", openssl("300.0.13", &["no-tests", FIPS]), 320),
    row("openssl-3.5.5", "OpenSSL 3.5.5 27 Jan 2026", trimmed_openssl("300.5.5"), 240),
    row(
        "openssl-3.5.9",
        "OpenSSL 3.5.9 29 Sep 2026",
        wheel("psycopg-binary", "3.3.9", "manylinux2014_x86_64", "psycopg_binary.libs"),
        WHEEL_SECONDS,
    ),
    Row { plan: Plan::Nightly, ..row("openssl-3.6.3", "OpenSSL 3.6.3 9 Jun 2026", trimmed_openssl("300.6.1"), 240) },
    row(
        "openssl-3.6.5",
        "OpenSSL 3.6.5 29 Sep 2026",
        wheel("pycurl", "7.49.0", "manylinux_2_28_x86_64", "pycurl.libs"),
        WHEEL_SECONDS,
    ),
    row("openssl-4.0.3", "OpenSSL 4.0.3 29 Sep 2026", trimmed_openssl("400.0.2"), 240),
    row("libressl-3.0.2", "LibreSSL 3.0.2", libressl("1.1.1", "libressl-3.0.2"), 110),
    row("libressl-3.1.0", "LibreSSL 3.1.0", libressl("1.2.0", "libressl-3.1.0"), 110),
];

/// A download and an unpacking.
const WHEEL_SECONDS: u32 = 5;

const fn row(name: &'static str, text: &'static str, recipe: Recipe, estimate: u32) -> Row {
    Row { name, text: Some(text), recipe, plan: Plan::Ordinary, estimate, needs_library_path: false }
}

const fn openssl(version: &'static str, options: &'static [&'static str]) -> Recipe {
    Recipe::OpenSsl { version, options, trimmed: false }
}

const fn trimmed_openssl(version: &'static str) -> Recipe {
    Recipe::OpenSsl { version, options: TRIMMED, trimmed: true }
}

const fn libressl(version: &'static str, archive: &'static str) -> Recipe {
    Recipe::LibreSsl { version, archive }
}

const fn wheel(package: &'static str, version: &'static str, platform: &'static str, folder: &'static str) -> Recipe {
    Recipe::Wheel { package, version, python: "3.11", abi: "cp311", platform, folder }
}

/// From the time when OpenSSL 1.0.2 was current.
const fn old_wheel(package: &'static str, version: &'static str, folder: &'static str) -> Recipe {
    Recipe::Wheel { package, version, python: "3.6", abi: "cp36m", platform: "manylinux1_x86_64", folder }
}

/// All rows, oldest first, the system's library before all.
pub(crate) fn catalogue() -> &'static [Row] {
    &ROWS
}

/// The row of that name.
///
/// # Errors
///
/// When there is none; the message lists the names there are.
pub(crate) fn find(name: &str) -> Fallible<&'static Row> {
    catalogue().iter().find(|row| row.name == name).ok_or_else(|| {
        let names: Vec<_> = catalogue().iter().map(|row| row.name).collect();
        format!("no build is called {name}; there are: {}", names.join(", ")).into()
    })
}

impl Row {
    /// `None` for the system's library, which may be of either.
    pub(crate) fn flavour(&self) -> Option<Flavour> {
        let word = self.text?.split(' ').next()?;
        [Flavour::OpenSsl, Flavour::LibreSsl].into_iter().find(|flavour| flavour.to_string() == word)
    }

    /// `None` for the system's library.
    pub(crate) fn version(&self) -> Option<Version> {
        Version::parse(self.text?.split(' ').nth(1)?)
    }

    /// Whether the build comes with its headers; the system's may or may not.
    pub(crate) fn has_headers(&self) -> bool {
        matches!(self.recipe, Recipe::OpenSsl { .. } | Recipe::LibreSsl { .. })
    }
}

impl Recipe {
    /// The source in a few words.
    pub(crate) fn source(&self) -> String {
        match self {
            Recipe::System => "the machine's own".to_owned(),
            Recipe::OpenSsl { version, .. } => format!("crate openssl-src {version}"),
            Recipe::LibreSsl { version, .. } => format!("crate libtls-sys {version}"),
            Recipe::Wheel { package, version, .. } => format!("wheel {package} {version}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_fit_for_a_folder() {
        let mut seen = HashSet::new();
        for row in catalogue() {
            assert!(seen.insert(row.name), "{} is there twice", row.name);
            assert!(row.name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b)), "{}", row.name);
            assert!(row.name.starts_with(|c: char| c.is_ascii_lowercase()), "{}", row.name);
        }
    }

    #[test]
    fn a_name_says_flavour_and_version() {
        for row in catalogue().iter().filter(|row| row.recipe != Recipe::System) {
            let flavour = row.flavour().unwrap().to_string().to_lowercase();
            let expected = format!("{flavour}-{}", row.version().unwrap());
            assert!(row.name == expected || row.name == format!("{expected}-wheel"), "{}: {expected}", row.name);
        }
    }

    #[test]
    fn what_was_promised_is_there() {
        let promised = ["system", "openssl-1.0.2n", "openssl-1.0.2q", "openssl-1.1.0i", "openssl-1.1.1w"];
        let promised = promised.into_iter().chain(["openssl-1.1.1w-wheel", "openssl-3.0.8", "openssl-4.0.3"]);
        for name in promised.chain(["libressl-3.0.2", "libressl-3.1.0"]) {
            assert_eq!(find(name).unwrap().plan, Plan::Ordinary, "{name}");
        }
        for series in ["openssl-3.5.", "openssl-3.6."] {
            let ordinary = |row: &Row| row.name.starts_with(series) && row.plan == Plan::Ordinary;
            assert!(catalogue().iter().any(ordinary), "{series}");
        }
    }

    #[test]
    fn a_cold_start_leaves_time_for_the_tests() {
        let ordinary = catalogue().iter().filter(|row| row.plan == Plan::Ordinary);
        let sum: u32 = ordinary.map(|row| row.estimate).sum();
        assert!(sum < 35 * 60, "{sum} s");
    }

    #[test]
    fn only_what_was_compiled_here_has_headers() {
        assert!(find("openssl-3.0.8").unwrap().has_headers());
        assert!(find("libressl-3.0.2").unwrap().has_headers());
        assert!(!find("openssl-1.0.2n").unwrap().has_headers());
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let message = find("openssl-0.9.8").unwrap_err().to_string();
        assert!(message.contains("openssl-0.9.8") && message.contains("libressl-3.1.0"), "{message}");
    }
}
