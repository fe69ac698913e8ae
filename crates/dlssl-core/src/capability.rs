//! What a library can do, feature by feature: a symbol that exists may still do nothing.

use std::ffi::CString;

use serde::Serialize;

use crate::compat::kernel_tls;
use crate::ffi::features::{Basis, FEATURES, Feature};
use crate::ffi::options::Setting;
use crate::ffi::specs;
use crate::library::Library;
use crate::version::{Flavour, Version};

/// One feature and what a library makes of it.
///
/// # Examples
/// ```
/// use dlssl_core::{Capability, CapabilityState};
///
/// for Capability { name, state, .. } in dlssl_core::current()?.capabilities() {
///     println!("{name}: {state}{}", if state.works() { "" } else { "; to ask for it is an error" });
///     assert_ne!((name, state), ("TLS 1.2", CapabilityState::Absent));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Capability {
    /// Feature.
    pub name: &'static str,
    /// What the library makes of it.
    pub state: CapabilityState,
}

/// What a library makes of a feature.
///
/// # Examples
/// ```
/// use dlssl_core::CapabilityState;
///
/// assert!(CapabilityState::Emulated.works() && !CapabilityState::WithoutEffect.works());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CapabilityState {
    /// It works.
    Present,
    /// The library always behaves so; there is nothing to set.
    Inherent,
    /// The library cannot, and dlssl does it itself.
    Emulated,
    /// The function or setting is there and does nothing, or always fails.
    WithoutEffect,
    /// Neither the library nor dlssl does it.
    Absent,
}

impl CapabilityState {
    /// Whether a program gets what the feature's name says.
    #[must_use]
    pub fn works(self) -> bool {
        matches!(self, Self::Present | Self::Inherent | Self::Emulated)
    }
}

impl std::fmt::Display for CapabilityState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Present => "present",
            Self::Inherent => "always so",
            Self::Emulated => "done by dlssl",
            Self::WithoutEffect => "present, without effect",
            Self::Absent => "absent",
        })
    }
}

/// What is known of kernel TLS beside the version.
#[derive(Clone, Copy)]
struct Kernel {
    /// The library was built with it.
    tls: bool,
    /// The width of its file offsets is known.
    offsets: bool,
}

impl Feature {
    /// What a version is expected to make of it, by the lists; of one that was built with kernel TLS.
    ///
    /// # Examples
    /// ```
    /// use dlssl_core::{FEATURES, Feature, Flavour, Version};
    ///
    /// let tls13: &Feature = FEATURES.iter().find(|feature| feature.name == "TLS 1.3").expect("it is listed");
    /// assert!(!tls13.expected(Flavour::OpenSsl, Version::new(1, 0, 2)).works());
    /// ```
    #[must_use]
    pub fn expected(&self, flavour: Flavour, version: Version) -> CapabilityState {
        let has = |symbol: &str| specs().any(|spec| spec.field() == symbol && spec.expected_in(flavour, version));
        self.judge(flavour, version, &has, Kernel { tls: true, offsets: true })
    }

    fn judge(&self, flavour: Flavour, version: Version, has: &dyn Fn(&str) -> bool, kernel: Kernel) -> CapabilityState {
        let when = |present| if present { CapabilityState::Present } else { CapabilityState::Absent };
        match self.basis {
            Basis::Always => CapabilityState::Present,
            Basis::Version(rule) => when(rule(flavour, version)),
            Basis::Function { symbol, hollow_on_libressl } => match (has(symbol), flavour) {
                (true, Flavour::LibreSsl) if hollow_on_libressl => CapabilityState::WithoutEffect,
                (present, _) => when(present),
            },
            Basis::KernelTls { symbol, takes_offsets } => match has(symbol) {
                true if !kernel.tls || takes_offsets && !kernel.offsets => CapabilityState::WithoutEffect,
                present => when(present),
            },
            Basis::Option(option) => match option.resolve(flavour, version) {
                Setting::Bits(_) => CapabilityState::Present,
                Setting::Inherent => CapabilityState::Inherent,
                Setting::Emulated => CapabilityState::Emulated,
                Setting::Missing => CapabilityState::Absent,
            },
        }
    }
}

impl Library {
    /// Asks for every feature that a program may care about.
    #[must_use]
    pub fn capabilities(&self) -> Vec<Capability> {
        let has = |symbol: &str| {
            let spec = specs().find(|spec| spec.field() == symbol);
            let name = CString::new(symbol).ok();
            // SAFETY: the address is compared with null only.
            spec.zip(name).is_some_and(|(spec, name)| unsafe { self.symbol(spec.half(), &name) }.is_some())
        };
        let kernel = Kernel { tls: kernel_tls::is_built_in(self.functions()), offsets: kernel_tls::SENDS_FILES };
        FEATURES
            .iter()
            .map(|feature| Capability {
                name: feature.name,
                state: feature.judge(self.flavour(), self.version(), &has, kernel),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(name: &str, flavour: Flavour, version: &str) -> CapabilityState {
        let feature = FEATURES.iter().find(|feature| feature.name == name).unwrap();
        feature.expected(flavour, Version::parse(version).unwrap())
    }

    #[test]
    fn a_hollow_function_is_not_present() {
        assert_eq!(state("key log", Flavour::LibreSsl, "4.3.0"), CapabilityState::WithoutEffect);
        assert_eq!(state("key log", Flavour::LibreSsl, "3.1.0"), CapabilityState::Absent);
        assert_eq!(state("key log", Flavour::OpenSsl, "1.1.1w"), CapabilityState::Present);
    }

    #[test]
    fn a_build_without_kernel_tls_is_told() {
        let feature = FEATURES.iter().find(|feature| feature.name == "option ENABLE_KTLS").unwrap();
        let version = Version::parse("3.0.8").unwrap();
        let judge = |feature: &Feature, tls, offsets| {
            feature.judge(Flavour::OpenSsl, version, &|_| true, Kernel { tls, offsets })
        };
        let without = judge(feature, false, true);
        assert_eq!(without, CapabilityState::WithoutEffect);
        assert!(!without.works());
        // Where the width of file offsets is not known, that alone does not work.
        let sends_files = FEATURES.iter().find(|feature| feature.name == "sendfile by kernel TLS").unwrap();
        assert!(judge(feature, true, false).works() && judge(sends_files, true, true).works());
        assert_eq!(judge(sends_files, true, false), CapabilityState::WithoutEffect);
        assert_eq!(state(feature.name, Flavour::OpenSsl, "3.0.8"), CapabilityState::Present);
        assert_eq!(state(feature.name, Flavour::OpenSsl, "1.1.1w"), CapabilityState::Absent);
    }

    #[test]
    fn each_way_of_refusing_is_told() {
        let name = "renegotiation by the client refused";
        assert_eq!(state(name, Flavour::OpenSsl, "1.0.2n"), CapabilityState::Emulated);
        assert_eq!(state(name, Flavour::OpenSsl, "3.0.19"), CapabilityState::Present);
        assert_eq!(state("compression refused", Flavour::LibreSsl, "3.1.0"), CapabilityState::Inherent);
    }

    #[test]
    fn functions_that_decide_are_in_the_lists() {
        for feature in FEATURES {
            if let Basis::Function { symbol, .. } | Basis::KernelTls { symbol, .. } = feature.basis {
                assert!(specs().any(|spec| spec.field() == symbol), "{symbol}");
            }
        }
    }
}
