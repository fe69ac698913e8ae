//! What a library can do, feature by feature: a symbol that exists may still do nothing.

use serde::Serialize;

use crate::compat::protocol::speaks_tls13;
use crate::library::Library;
use crate::version::Flavour;

/// One feature and what this library makes of it.
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
    /// The library does not have it.
    Absent,
    /// The function is there and does nothing.
    WithoutEffect,
}

impl std::fmt::Display for CapabilityState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Present => "present",
            Self::Absent => "absent",
            Self::WithoutEffect => "present, without effect",
        })
    }
}

impl Library {
    /// Asks for every feature that differs between versions.
    #[must_use]
    pub fn capabilities(&self) -> Vec<Capability> {
        use CapabilityState::{Absent, Present, WithoutEffect};
        let ssl = &self.functions().ssl;
        let when = |present: bool| if present { Present } else { Absent };
        // LibreSSL documents its key log callback as never called, and its early data as always failing.
        let hollow_on_libressl = |present: bool| match (present, self.flavour()) {
            (true, Flavour::LibreSsl) => WithoutEffect,
            (present, _) => when(present),
        };
        [
            ("TLS 1.2", Present),
            ("TLS 1.3", when(speaks_tls13(self.flavour(), self.version()))),
            ("TLS 1.3 cipher suites by name", when(ssl.SSL_CTX_set_ciphersuites.is_some())),
            ("key log", hollow_on_libressl(ssl.SSL_CTX_set_keylog_callback.is_some())),
            ("early data", hollow_on_libressl(ssl.SSL_write_early_data.is_some())),
            ("client hello callback", when(ssl.SSL_CTX_set_client_hello_cb.is_some())),
            ("verified chain", when(ssl.SSL_get0_verified_chain.is_some())),
            ("kernel TLS sendfile", when(ssl.SSL_sendfile.is_some())),
        ]
        .map(|(name, state)| Capability { name, state })
        .into()
    }
}
