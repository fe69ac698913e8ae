//! Ranges against export tables: a symbol present outside its range, or absent inside.

use std::collections::BTreeSet;
use std::path::Path;

use dlssl_core::ffi::{Half, specs};
use object::{Object, ObjectSymbol};

use super::{Build, place};
use crate::Fallible;

/// Compares every entry with what the build exports.
pub(super) fn check(build: &Build, sources: &Path) -> Fallible<Vec<String>> {
    let (ssl, crypto) = (exports(&build.libssl)?, exports(&build.libcrypto)?);
    let mut complaints = Vec::new();
    for spec in specs() {
        let exported = match spec.half() {
            Half::Ssl => &ssl,
            Half::Crypto => &crypto,
        };
        let Some(name) = spec.names().next() else { continue };
        let (present, expected) = (exported.contains(name), spec.expected_in(build.flavour, build.version));
        // One symbol with two signatures has two entries: each is silent about the other's versions.
        if present == expected || spec.is_gated() && present {
            continue;
        }
        let (file, line) = place(sources, spec.file(), spec.field());
        let (what, range) = (if present { "exported" } else { "not exported" }, spec.range(build.flavour));
        complaints.push(format!(
            "{}:{line}: {name} is {what} by {} {}, and its range says: {range}",
            file.display(),
            build.flavour,
            build.version
        ));
    }
    Ok(complaints)
}

/// Names that a shared library exports.
fn exports(path: &Path) -> Fallible<BTreeSet<String>> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let file = object::File::parse(&*bytes)?;
    Ok(file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition())
        .filter_map(|symbol| symbol.name().ok().map(str::to_owned))
        .collect())
}
