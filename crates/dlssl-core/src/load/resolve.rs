//! From images to the table: kinds and ranges applied, everything that is missing collected.

use std::ffi::c_void;
use std::path::Path;
use std::ptr::NonNull;

use super::identify::Identity;
use super::lookup::Lookup;
use crate::error::LoadFailure;
use crate::ffi::{Functions, Half, SymbolSpec, specs};

/// The table, and the optional functions that this version should have and does not (`no-…` builds).
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) functions: Functions,
    pub(crate) unexpectedly_absent: Vec<&'static str>,
}

/// Looks every function up.
///
/// # Errors
/// [`LoadFailure::MissingSymbols`] with every missing required function.
pub(crate) fn resolve(
    ssl: &Lookup<'_>,
    crypto: &Lookup<'_>,
    identity: &Identity,
    path: &Path,
) -> Result<Resolved, LoadFailure> {
    let mut pointers = Vec::with_capacity(specs().count());
    let mut missing = Vec::new();
    let mut unexpectedly_absent = Vec::new();
    for spec in specs() {
        let half = match spec.half() {
            Half::Ssl => ssl,
            Half::Crypto => crypto,
        };
        let pointer = look_up(spec, half, identity);
        if pointer.is_none() {
            if spec.is_required() {
                missing.push(spec.field());
            } else if spec.expected_in(identity.flavour, identity.version) {
                unexpectedly_absent.push(spec.field());
            }
        }
        pointers.push(pointer);
    }
    // SAFETY: each pointer was looked up under the names of the entry in the same place, in its library; where a
    // signature depends on the version, only inside the ranges of that signature.
    match unsafe { Functions::fill(&pointers) } {
        Some(functions) if missing.is_empty() => Ok(Resolved { functions, unexpectedly_absent }),
        _ => Err(LoadFailure::MissingSymbols { path: path.to_owned(), text: identity.text.clone(), names: missing }),
    }
}

fn look_up(spec: &SymbolSpec, half: &Lookup<'_>, identity: &Identity) -> Option<NonNull<c_void>> {
    if spec.is_gated() && !spec.expected_in(identity.flavour, identity.version) {
        return None;
    }
    let found = spec.find(|name| half.optional(name));
    // Before a library is refused, the linker has the last word.
    if found.is_none() && spec.is_required() { spec.find(|name| half.linker(name)) } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::source::fake::FakeImage;
    use crate::version::{Flavour, Version};

    fn identity(flavour: Flavour, version: &str) -> Identity {
        Identity { flavour, version: Version::parse(version).unwrap(), text: format!("{flavour} {version}") }
    }

    /// An image that has every symbol, under its newest name or (where there is one) only under its older name.
    fn complete(old_names: bool) -> FakeImage {
        let names = specs().map(|spec| {
            let mut names = spec.names();
            let newest = names.next().unwrap();
            if old_names { names.next().unwrap_or(newest) } else { newest }
        });
        FakeImage(names.map(|name| (name, 0x1000)).collect())
    }

    fn resolved(image: &FakeImage, identity: &Identity, path: &Path) -> Result<Resolved, LoadFailure> {
        let half = Lookup::new(image, &[], 0);
        resolve(&half, &half, identity, path)
    }

    #[test]
    fn all_missing_required_functions_are_named_at_once() {
        let mut image = complete(false);
        image.0.remove("SSL_read");
        image.0.remove("RAND_bytes");
        image.0.remove("SSL_CTX_set_ciphersuites");
        let failure = resolved(&image, &identity(Flavour::OpenSsl, "3.0.8"), Path::new("/x")).unwrap_err();
        let LoadFailure::MissingSymbols { names, .. } = &failure else { panic!("{failure}") };
        assert_eq!(names.len(), 2);
        assert!(names.contains(&"SSL_read") && names.contains(&"RAND_bytes"), "{names:?}");
    }

    #[test]
    fn a_missing_optional_function_is_noted_only_where_expected() {
        let mut image = complete(false);
        image.0.remove("SSL_CTX_set_ciphersuites");
        let absent = |version| {
            resolved(&image, &identity(Flavour::OpenSsl, version), Path::new("/x")).unwrap().unexpectedly_absent
        };
        assert_eq!(absent("3.0.8"), ["SSL_CTX_set_ciphersuites"]);
        assert!(!absent("1.1.0i").contains(&"SSL_CTX_set_ciphersuites"));
    }

    #[test]
    fn older_names_serve() {
        let image = complete(true);
        assert!(resolved(&image, &identity(Flavour::OpenSsl, "1.0.2n"), Path::new("/x")).is_ok());
    }

    #[test]
    fn one_name_with_two_signatures_is_taken_by_range() {
        let image = complete(false);
        let functions =
            |flavour, version| resolved(&image, &identity(flavour, version), Path::new("/x")).unwrap().functions;
        let new = functions(Flavour::OpenSsl, "3.0.8");
        assert!(new.ssl.SSL_CTX_set_options.is_some() && new.ssl.SSL_CTX_set_options_long.is_none());
        let old = functions(Flavour::OpenSsl, "1.1.1w");
        assert!(old.ssl.SSL_CTX_set_options.is_none() && old.ssl.SSL_CTX_set_options_long.is_some());
        let libre = functions(Flavour::LibreSsl, "3.1.0");
        assert!(libre.ssl.SSL_CTX_set_options.is_none() && libre.ssl.SSL_CTX_set_options_long.is_none());
    }

    #[test]
    fn no_field_stands_twice() {
        let mut fields: Vec<_> = specs().map(|spec| (spec.half(), spec.field())).collect();
        let count = fields.len();
        fields.sort_by_key(|(_, field)| *field);
        fields.dedup();
        assert_eq!(fields.len(), count);
    }
}
