//! What is open is proved, identified, resolved and initialised: in this order, each only after the last.

use std::path::Path;

use super::files::replaced_on_disk;
use super::identify::{self, Identity};
use super::init::{self, Configuration};
use super::lookup::Lookup;
use super::open::Opened;
use super::pair::{self, Places};
use super::registry;
use super::resolve;
use super::source::Opener;
use crate::error::LoadFailure;
use crate::explanation::{Attempt, Taken};
use crate::fork::Hold;
use crate::library::Parts;
use crate::mapping::Mapping;
use crate::provider::bring_all;

/// How the pair was opened.
#[derive(Debug)]
pub(super) enum Placement {
    /// As the files are, or as the process has them.
    Files,
    /// A private copy, for this reason.
    Private { why: String, renamed: (String, String) },
}

/// A pair that passed.
pub(super) struct Checked {
    pub(super) parts: Parts,
    pub(super) taken: Taken,
    /// Configuration file that the pair was initialised with.
    pub(super) configuration: Configuration,
}

/// Proof by addresses, identity, table, initialisation, proof by error.
pub(super) fn check(
    opener: &dyn Opener,
    opened: &Opened,
    configuration: Option<&Configuration>,
    placement: &Placement,
    attempt: &mut Attempt,
    hold: &Hold,
) -> Result<Checked, LoadFailure> {
    let process = opener.process();
    let examined = pair::Pair {
        ssl: &*opened.ssl,
        crypto: &*opened.crypto,
        libssl: &opened.libssl,
        libcrypto: &opened.libcrypto,
        held_before: opened.held_before,
        process: process.as_deref(),
    };
    let places = pair::prove_by_address(&examined)?;
    attempt.step("pair, by addresses", &places.proof);
    let ssl = Lookup::new(&*opened.ssl, &places.objects, places.inside_libssl);
    let crypto = Lookup::new(&*opened.crypto, &places.objects, places.inside_libcrypto);
    let identity = identify::identify(&crypto, &places.libcrypto)?;
    attempt.step("identify", &identity.text);
    attempt.step("pair, by version", pair::prove_by_version(&places, &identity)?);
    let resolved = resolve::resolve(&ssl, &crypto, &identity, &places.libssl)?;
    attempt.step(
        "resolve",
        format!("{} functions listed, none of the required ones missing", crate::ffi::specs().count()),
    );
    // A private copy reads a configuration file only when told to: modules that it may name want libcrypto by its own name.
    let configuration = match (configuration, placement) {
        (Some(chosen), _) => chosen,
        (None, Placement::Files) => &Configuration::Library,
        (None, Placement::Private { .. }) => &Configuration::None,
    };
    let strangers = *configuration == Configuration::Library
        && init::believes_the_environment(&identity)
        && !super::environment_is_trusted();
    if strangers {
        attempt.step(
            "configuration",
            "left out: this version would read what OPENSSL_CONF names, and the process runs set-user-id",
        );
    }
    let configuration = if strangers { &Configuration::None } else { configuration };
    // What a person looks for is the file that was asked for, not the name of its copy.
    let (libssl, libcrypto) = match placement {
        Placement::Files => (places.libssl.clone(), places.libcrypto.clone()),
        Placement::Private { .. } => (opened.libssl.clone(), opened.libcrypto.clone()),
    };
    let taken = Taken {
        flavour: identity.flavour,
        version: identity.version,
        version_text: identity.text.clone(),
        notes: notes(&identity, opened, &places, [&libssl, &libcrypto], placement),
        libssl: libssl.clone(),
        libcrypto: libcrypto.clone(),
        generation: 0, // given by `Library::new`
        private_copy: match placement {
            Placement::Files => None,
            Placement::Private { why, .. } => Some(why.clone()),
        },
        unexpectedly_absent: resolved.unexpectedly_absent.clone(),
    };
    let known = registry::mapped(hold)
        .iter()
        .find(|entry| entry.parts.inside_libcrypto == places.inside_libcrypto && !entry.parts.mapping.is_inherited())
        .map(|entry| entry.parts.mapping);
    let parts = Parts {
        functions: resolved.functions,
        flavour: identity.flavour,
        version: identity.version,
        text: identity.text.clone(),
        libssl,
        libcrypto,
        inside_libssl: places.inside_libssl,
        inside_libcrypto: places.inside_libcrypto,
        is_reused: false,
        renamed: match placement {
            Placement::Files => None,
            Placement::Private { renamed, .. } => Some(renamed.clone()),
        },
        mapping: known.unwrap_or_else(Mapping::new),
        ssl: opened.ssl.clone(),
        crypto: opened.crypto.clone(),
    };
    if known.is_some() {
        // Again would be harmless, but for OpenSSL before 1.1.0: it fills its tables anew, under threads that read them.
        attempt.step("initialise", "done by an earlier load of this process");
    } else {
        initialise(&parts, &identity, configuration, &examined, &places, attempt, hold)?;
    }
    pair::prove_by_error(&parts.functions, &places)?;
    attempt.step("pair, by error", "an error raised in libssl reached this libcrypto's queue");
    Ok(Checked { parts, taken, configuration: configuration.clone() })
}

/// Initialises, and proves that what the configuration file brought in belongs to this pair.
fn initialise(
    parts: &Parts,
    identity: &Identity,
    configuration: &Configuration,
    examined: &pair::Pair<'_>,
    places: &Places,
    attempt: &mut Attempt,
    hold: &Hold,
) -> Result<(), LoadFailure> {
    let functions = &parts.functions;
    if *configuration == Configuration::None {
        init::initialise(functions, identity, configuration)?;
        attempt.step("initialise", "configuration file: none");
        return Ok(());
    }
    if parts.renamed.is_some() && functions.provider.OSSL_PROVIDER_add_builtin.is_some() {
        // Modules first: those that the file names are to be the ones that belong to the copy.
        init::initialise(functions, identity, &Configuration::None)?;
        let (handed, own) = bring_all(parts, hold)
            .map_err(|error| LoadFailure::Isolation { path: parts.libcrypto.clone(), why: error.to_string() })?;
        attempt.step("modules", format!("brought beside the private copy: {}", list(&handed)));
        let read = init::read_configuration(functions, identity, configuration);
        drop(own);
        read?;
    } else {
        init::initialise(functions, identity, configuration)?;
    }
    attempt.step("initialise", format!("configuration file: {}", words(configuration)));
    pair::prove_modules(examined, places, parts.renamed.is_some())
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// What a reader of the explanation should know.
fn notes(
    identity: &Identity,
    opened: &Opened,
    places: &Places,
    [libssl, libcrypto]: [&Path; 2],
    placement: &Placement,
) -> Vec<String> {
    let mut notes = Vec::new();
    if identity.version.major > identity.flavour.newest_known_major() {
        notes.push(format!(
            "{} {} is newer than any version this release was checked with ({0} {})",
            identity.flavour,
            identity.version,
            identity.flavour.newest_known_major()
        ));
    }
    if libssl.parent() != libcrypto.parent() {
        notes.push("libssl and libcrypto lie in different directories; see to it that they are of one build".into());
    }
    if opened.held_before {
        for (path, inside) in [(libssl, places.inside_libssl), (libcrypto, places.inside_libcrypto)] {
            if replaced_on_disk(path, inside) == Some(true) {
                notes.push(format!("{} was replaced on disk; this process still has the old file", path.display()));
            }
        }
        notes.push("this process held the library before; it is shared with whoever loaded it".into());
    }
    match placement {
        Placement::Files => notes.push(
            "mapped from the files as they are: replace them by renaming, as package managers do; overwriting them in \
             place would damage this process (Isolation::Always is proof against that)"
                .into(),
        ),
        Placement::Private { .. } => notes.push(
            "private copy: other users of OpenSSL in this process and changes of the files do not touch it; its \
             configuration file is read only when Loader::configuration asks for it"
                .into(),
        ),
    }
    notes
}

fn words(configuration: &Configuration) -> String {
    match configuration {
        Configuration::Library => "the library's own".into(),
        Configuration::None => "none".into(),
        Configuration::File(file) => file.display().to_string(),
    }
}
