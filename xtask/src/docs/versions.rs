//! `docs/versions.md`: for users, which feature works on which version.

use std::fmt::Write as _;

use dlssl_core::{CapabilityState, FEATURES};

use super::{COLUMNS, heading};

const INTRODUCTION: &str = "\
# What works on which version

Written by `cargo xtask docs` from the lists in `dlssl-core`; do not edit. `dlssl doctor` asks the library itself.

**yes**: the library does it. **always**: it never behaves otherwise. **dlssl**: the library cannot, dlssl does it
itself. **no effect**: the function is there and does nothing. **–**: absent; the last table says what a program meets
then. Between two columns, what the older one says holds until the version named in [symbols.md](symbols.md).

";

/// What no version decides alone: what, on what it depends, and what a program meets. Each row has a test.
const CONDITIONS: &[[&str; 3]] = &[
    [
        "PKCS#12 files and keys with old encryption (40-bit RC2, single DES, MD5)",
        "OpenSSL from 3.0: the provider `legacy` (`Library::load_provider`)",
        "an error (Unsupported) that names the provider",
    ],
    [
        "digests by name, in fingerprints and `digest`",
        "the providers that are active; a FIPS provider alone has no MD5",
        "an error (Unsupported)",
    ],
    [
        "groups and signature algorithms by name",
        "the version and its providers: `X25519MLKEM768` from OpenSSL 3.5 on",
        "an error (Configuration) that names the list",
    ],
    [
        "cipher suites by name",
        "the version, its providers and its security level",
        "names that are not there are passed over; an error (Configuration) when none is left",
    ],
    [
        "TLS 1.0 and 1.1, asked for",
        "OpenSSL from 3.0: security level 0 (`danger_security_level`)",
        "the handshake fails (Handshake)",
    ],
    [
        "keys and signatures of certificates",
        "the security level of the library or the distribution; dlssl's own floor stands below it",
        "the peer's: Certificate; one's own: an error when the context is built (Pem)",
    ],
    [
        "the lowest version of TLS",
        "the library's configuration file; dlssl's own floor of TLS 1.2 stands below it",
        "the handshake fails (Handshake)",
    ],
    [
        "providers by name",
        "whether their module is installed beside the library",
        "ProviderError::Library with C's reasons",
    ],
    [
        "encryption by the kernel",
        "how the library was built, the kernel, protocol, cipher suite and socket BIO",
        "the library encrypts; `TlsStream::kernel_tls` tells",
    ],
];

pub(super) fn text() -> String {
    let mut out = INTRODUCTION.to_owned();
    out.push_str(&heading("feature"));
    for feature in FEATURES {
        let _ = write!(out, "| {} |", feature.name);
        for column in COLUMNS {
            let word = match feature.expected(column.flavour, column.version()) {
                CapabilityState::Present => "yes",
                CapabilityState::Inherent => "always",
                CapabilityState::Emulated => "dlssl",
                CapabilityState::WithoutEffect => "no effect",
                _ => "–",
            };
            let _ = write!(out, " {word} |");
        }
        out.push('\n');
    }
    out.push_str("\n## Where it is absent\n\n| feature | what a program meets |\n|---|---|\n");
    for feature in FEATURES.iter().filter(|feature| !feature.otherwise.is_empty()) {
        let _ = writeln!(out, "| {} | {} |", feature.name, feature.otherwise);
    }
    out.push_str(
        "\n## What depends on more than the version\n\nProviders (OpenSSL from 3.0 on), security levels (OpenSSL from 1.1.0 on, \
         LibreSSL from 3.6 on) and configuration files have a say too.\n\n| what | depends on | where it is not so |\n|---|---|---|\n",
    );
    for [what, depends, otherwise] in CONDITIONS {
        let _ = writeln!(out, "| {what} | {depends} | {otherwise} |");
    }
    out
}
