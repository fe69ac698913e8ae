//! Providers by name and by configuration file, on the files as they are and on private copies.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use dlssl::{Configuration, Half, Isolation, Library, Loader, ProviderError};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{is_openssl_from, library, loader};
use dlssl_tests::process;
use tempfile::TempDir;

/// Set in the process of its own that a load with a configuration file needs.
const FILE: &str = "DLSSL_TEST_CONFIGURATION";

fn main() -> ExitCode {
    if let Some(file) = std::env::var_os(FILE) {
        configured(Path::new(&file));
        return ExitCode::SUCCESS;
    }
    let has_module = module().is_some();
    let no_module = || "the library has no legacy.so beside it".to_owned();
    run(vec![
        test("legacy_by_name", || legacy(&loader().load().unwrap())).only_if(has_module, no_module),
        test("legacy_by_name_in_a_private_copy", || legacy(&private())).needs_linux().only_if(has_module, no_module),
        test("legacy_by_configuration_file_in_a_private_copy", legacy_by_file)
            .needs_linux()
            .only_if(has_module, no_module),
        test("an_unknown_provider", unknown),
        test("a_name_that_is_none", || {
            assert!(matches!(
                library().load_provider("a\0b"),
                Err(ProviderError::Name | ProviderError::Unsupported { .. })
            ));
            assert!(!library().has_provider("a\0b"));
        }),
        test("no_configuration_file_in_a_private_copy_unless_asked", quiet).needs_linux(),
    ])
}

fn private() -> Library {
    let library = loader().isolation(Isolation::Always).load().unwrap();
    assert!(library.is_private_copy());
    library
}

/// The legacy module of the library under test.
fn module() -> Option<PathBuf> {
    let folder = library().libcrypto_path().canonicalize().unwrap().parent()?.join("ossl-modules/legacy.so");
    folder.is_file().then_some(folder)
}

/// MD4 comes with the legacy provider only.
fn has_md4(library: &Library) -> bool {
    type Fetch = unsafe extern "C" fn(*const (), *const std::ffi::c_char, *const std::ffi::c_char) -> *const ();
    // SAFETY: `EVP_MD_fetch` has had this signature since OpenSSL 3.0, which providers imply.
    let fetch: Fetch = unsafe { std::mem::transmute(library.symbol(Half::Crypto, c"EVP_MD_fetch").unwrap()) };
    // SAFETY: null is the default context, and no properties; the name ends with NUL.
    let found = !unsafe { fetch(std::ptr::null(), c"MD4".as_ptr(), std::ptr::null()) }.is_null();
    let _ = library.take_errors();
    found
}

fn legacy(library: &Library) {
    assert!(!library.has_provider("legacy") && !has_md4(library));
    library.load_provider("legacy").unwrap_or_else(|error| panic!("{error}"));
    assert!(library.has_provider("legacy") && library.has_provider("default") && has_md4(library));
    // Again is harmless.
    library.load_provider("legacy").unwrap();
    // What the module calls is the copy: no other libcrypto came into the process for its sake.
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let copies = maps.lines().filter(|line| line.contains("libcrypto") && line.contains("r-xp")).count();
    assert!(copies <= 2, "{maps}");
}

/// In a process of its own: a configuration file is read once.
fn legacy_by_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("openssl.cnf");
    std::fs::write(
        &file,
        "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = on\nlegacy = on\n[on]\nactivate = 1\n",
    )
    .unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    process::run(command.env(FILE, file), b"").success();
}

fn configured(file: &Path) {
    let load = |loader: Loader| loader.load().unwrap_or_else(|error| panic!("{error}\n{}", error.explanation()));
    let library = load(loader().isolation(Isolation::Always).configuration(Configuration::File(file.to_owned())));
    let text = library.explain().to_string();
    assert!(text.contains("brought beside the private copy: legacy"), "{text}");
    assert!(library.has_provider("legacy") && has_md4(&library), "{text}");
    let other = load(loader().isolation(Isolation::Always).fresh_copy(true));
    assert!(!other.has_provider("legacy"), "a copy has providers of its own");
}

fn unknown() {
    let error = library().load_provider("no-such-provider").unwrap_err();
    let text = error.to_string();
    if is_openssl_from("3.0.0") {
        assert!(matches!(&error, ProviderError::Library { name, .. } if name == "no-such-provider"), "{error:?}");
        assert!(text.contains("no-such-provider"), "{text}");
    } else {
        assert!(matches!(error, ProviderError::Unsupported { .. }), "{text}");
        assert!(text.contains(library().version_text()), "{text}");
    }
    assert!(library().take_errors().is_empty());
}

fn quiet() {
    let fresh = || loader().isolation(Isolation::Always).fresh_copy(true);
    let said = |library: &Library, what: &str| {
        let text = library.explain().to_string();
        assert!(text.contains(&format!("configuration file: {what}")), "{text}");
    };
    said(&fresh().load().unwrap(), "none");
    said(&fresh().configuration(Configuration::Library).load().unwrap(), "the library's own");
    // One that was initialised otherwise is not taken for it.
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("openssl.cnf");
    std::fs::write(&file, "").unwrap();
    let asked = loader().isolation(Isolation::Always).configuration(Configuration::File(file.clone()));
    let library = asked.load().unwrap();
    said(&library, &file.display().to_string());
    assert_eq!(asked.load().unwrap().mapping(), library.mapping());
}
