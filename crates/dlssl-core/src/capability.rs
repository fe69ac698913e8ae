//! What a library can do, feature by feature: a symbol that exists may still do nothing.

use std::ffi::CString;

use serde::Serialize;

use crate::compat::protocol::speaks_tls13;
use crate::ffi::options::{NO_CLIENT_RENEGOTIATION, NO_COMPRESSION, NO_SSLV3, OptionSpec, Setting};
use crate::ffi::specs;
use crate::library::Library;
use crate::version::{Flavour, Version};

/// One feature and what a library makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Capability {
    /// Feature.
    pub name: &'static str,
    /// What the library makes of it.
    pub state: CapabilityState,
}

/// What a library makes of a feature.
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
    /// The function is there and does nothing.
    WithoutEffect,
    /// Neither the library nor dlssl does it.
    Absent,
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

/// A feature as plain data: what decides about it, and what happens where it is absent.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// Name.
    pub name: &'static str,
    /// What a program meets where the library does not have it.
    pub otherwise: &'static str,
    basis: Basis,
}

#[derive(Clone, Copy, Debug)]
enum Basis {
    /// On every supported version.
    Always,
    /// Where this function is, and does something.
    Function { symbol: &'static str, hollow_on_libressl: bool },
    /// A setting by name.
    Option(OptionSpec),
    /// By flavour and version.
    Version(fn(Flavour, Version) -> bool),
}

const fn function(name: &'static str, symbol: &'static str, otherwise: &'static str) -> Feature {
    Feature { name, otherwise, basis: Basis::Function { symbol, hollow_on_libressl: false } }
}

/// A function that LibreSSL documents as without effect: it is never called, or always fails.
const fn hollow(name: &'static str, symbol: &'static str, otherwise: &'static str) -> Feature {
    Feature { name, otherwise, basis: Basis::Function { symbol, hollow_on_libressl: true } }
}

const fn always(name: &'static str) -> Feature {
    Feature { name, otherwise: "", basis: Basis::Always }
}

const fn option(name: &'static str, option: OptionSpec) -> Feature {
    Feature { name, otherwise: "no context can be built", basis: Basis::Option(option) }
}

/// Every feature that a program may ask for, in the order of the documents.
pub const FEATURES: &[Feature] = &[
    always("TLS 1.2"),
    Feature {
        name: "TLS 1.3",
        otherwise: "TLS 1.2 is negotiated; to demand 1.3 is an error (Unsupported)",
        basis: Basis::Version(speaks_tls13),
    },
    always("bounds on the protocol version"),
    always("host name and IP verification"),
    always("SNI"),
    always("ALPN"),
    always("a cut connection told from an orderly end"),
    option("SSL 3.0 refused", NO_SSLV3),
    option("compression refused", NO_COMPRESSION),
    option("renegotiation by the client refused", NO_CLIENT_RENEGOTIATION),
    function("TLS 1.3 cipher suites by name", "SSL_CTX_set_ciphersuites", "to choose them is an error (Unsupported)"),
    function("pending bytes that are not decrypted yet", "SSL_has_pending", "decrypted bytes alone are seen"),
    hollow("key log", "SSL_CTX_set_keylog_callback", "not offered by dlssl yet"),
    hollow("early data", "SSL_write_early_data", "not offered by dlssl yet"),
    function("client hello callback", "SSL_CTX_set_client_hello_cb", "not offered by dlssl yet"),
    function("verified chain", "SSL_get0_verified_chain", "not offered by dlssl yet"),
    function("sendfile by kernel TLS", "SSL_sendfile", "not offered by dlssl yet"),
];

impl Feature {
    /// What a version is expected to make of it, by the lists.
    #[must_use]
    pub fn expected(&self, flavour: Flavour, version: Version) -> CapabilityState {
        self.judge(flavour, version, &|symbol| {
            specs().any(|spec| spec.field() == symbol && spec.expected_in(flavour, version))
        })
    }

    fn judge(&self, flavour: Flavour, version: Version, has: &dyn Fn(&str) -> bool) -> CapabilityState {
        let when = |present| if present { CapabilityState::Present } else { CapabilityState::Absent };
        match self.basis {
            Basis::Always => CapabilityState::Present,
            Basis::Version(rule) => when(rule(flavour, version)),
            Basis::Function { symbol, hollow_on_libressl } => match (has(symbol), flavour) {
                (true, Flavour::LibreSsl) if hollow_on_libressl => CapabilityState::WithoutEffect,
                (present, _) => when(present),
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
        FEATURES
            .iter()
            .map(|feature| Capability {
                name: feature.name,
                state: feature.judge(self.flavour(), self.version(), &has),
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
    fn each_way_of_refusing_is_told() {
        let name = "renegotiation by the client refused";
        assert_eq!(state(name, Flavour::OpenSsl, "1.0.2n"), CapabilityState::Emulated);
        assert_eq!(state(name, Flavour::OpenSsl, "3.0.19"), CapabilityState::Present);
        assert_eq!(state("compression refused", Flavour::LibreSsl, "3.1.0"), CapabilityState::Inherent);
    }

    #[test]
    fn functions_that_decide_are_in_the_lists() {
        for feature in FEATURES {
            if let Basis::Function { symbol, .. } = feature.basis {
                assert!(specs().any(|spec| spec.field() == symbol), "{symbol}");
            }
        }
    }
}
