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
    out
}
