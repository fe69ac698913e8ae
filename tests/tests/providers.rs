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
        match process::task().as_deref() {
            Some("fips") => fips_active(Path::new(&file)),
            Some("fips by name") => fips_by_name_here(Path::new(&file)),
            Some("bad") => bad(Path::new(&file)),
            Some("engine") => engine_here(Path::new(&file), true),
            Some("engine alone") => engine_here(Path::new(&file), false),
            _ => configured(Path::new(&file)),
        }
        return ExitCode::SUCCESS;
    }
    let has_module = module("legacy").is_some();
    let (has_fips, no_fips) = (module("fips").is_some(), || "the library has no fips.so beside it".to_owned());
    let no_module = || "the library has no legacy.so beside it".to_owned();
    run(vec![
        test("legacy_by_name", || legacy(&loader().load().unwrap())).only_if(has_module, no_module),
        test("legacy_by_name_in_a_private_copy", || legacy(&private()))
            .needs_private_copies()
            .only_if(has_module, no_module),
        test("legacy_by_configuration_file_in_a_private_copy", legacy_by_file)
            .needs_linux()
            .only_if(has_module, no_module),
        test("fips_by_configuration_file_as_files_and_beside_them_in_private_copies", || {
            in_child("fips", &fips_file(true, &mac()));
        })
        .needs_linux()
        .only_if(has_fips, no_fips),
        test("fips_by_name", || in_child("fips by name", &fips_file(false, &mac())))
            .needs_linux()
            .only_if(has_fips, no_fips),
        test("fips_without_its_checksum_by_name", || {
            let error = library().load_provider("fips").unwrap_err();
            assert!(matches!(&error, ProviderError::Library { name, .. } if name == "fips"), "{error}");
            assert!(!library().has_provider("fips"));
        })
        .only_if(has_fips, no_fips),
        test("a_module_with_a_wrong_checksum_has_no_substitute", || {
            in_child("bad", &fips_file(true, &format!("{}00", "00:".repeat(31))));
        })
        .needs_linux()
        .only_if(has_fips, no_fips),
        test("an_engine_of_a_configuration_file", engine)
            .needs_linux()
            .only_if(engine_module().is_some(), || "the library has no engine loader_attic.so".to_owned()),
        test("an_unknown_provider", unknown),
        test("a_name_that_is_none", || {
            assert!(matches!(
                library().load_provider("a\0b"),
                Err(ProviderError::Name | ProviderError::Unsupported { .. })
            ));
            assert!(!library().has_provider("a\0b"));
        }),
        test("no_configuration_file_in_a_private_copy_unless_asked", quiet).needs_private_copies(),
    ])
}

fn private() -> Library {
    let library = loader().isolation(Isolation::Always).load().unwrap();
    assert!(library.is_private_copy());
    library
}

/// A module of the library under test.
fn module(name: &str) -> Option<PathBuf> {
    let folder = library().libcrypto_path().canonicalize().unwrap().parent()?.join("ossl-modules");
    Some(folder.join(name).with_extension("so")).filter(|file| file.is_file())
}

/// An engine of the library under test that needs no device.
fn engine_module() -> Option<PathBuf> {
    let folder = library().libcrypto_path().canonicalize().unwrap().parent()?.join("engines-3");
    Some(folder.join("loader_attic.so")).filter(|file| file.is_file())
}

/// Runs `task` with a configuration file in a process of its own: a file is read once.
fn in_child(task: &str, text: &str) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("openssl.cnf");
    std::fs::write(&file, text).unwrap();
    let mut command = process::for_task(task);
    // An engine asks the linker for libcrypto by name, and the library under test may lie where it does not look.
    command.env("LD_LIBRARY_PATH", library().libcrypto_path().parent().unwrap());
    process::run(command.env(FILE, file), b"").success();
}

fn file_with(providers: &str) -> String {
    format!("openssl_conf = init\n[init]\nproviders = list\n[list]\n{providers}")
}

/// A configuration with the FIPS module and its checksum, as `openssl fipsinstall` writes it.
fn fips_file(active: bool, mac: &str) -> String {
    let activate = if active { "activate = 1\n" } else { "" };
    file_with(&format!(
        "fips = fips\nbase = on\n[on]\nactivate = 1\n[fips]\n{activate}conditional-errors = 1\nsecurity-checks = 1\n\
         module-mac = {mac}\n"
    ))
}

/// HMAC of the module with SHA-256 and the key that every OpenSSL has for it.
fn mac() -> String {
    const KEY: &str = "f4556650ac31d35461610bac4ed81b1a181b2d8a43ea2854cbae22ca74560813";
    let mut key: Vec<u8> =
        (0..KEY.len()).step_by(2).map(|at| u8::from_str_radix(&KEY[at..at + 2], 16).unwrap()).collect();
    key.resize(64, 0);
    let keyed = |pad: u8, rest: &[u8]| {
        let data: Vec<u8> = key.iter().map(|byte| byte ^ pad).chain(rest.iter().copied()).collect();
        dlssl::digest(library(), "SHA256", &data).unwrap().as_ref().to_vec()
    };
    let bytes = std::fs::read(module("fips").unwrap()).unwrap();
    let mac = keyed(0x5c, &keyed(0x36, &bytes));
    mac.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Loads with a configuration file.
fn with_file(loader: Loader, file: &Path) -> Library {
    let asked = loader.configuration(Configuration::File(file.to_owned()));
    asked.load().unwrap_or_else(|error| panic!("{error}\n{}", error.explanation()))
}

/// Whether MD5 can be had, which the FIPS module does not have, and SHA-256, which it has.
fn has_fips_only(library: &Library) {
    assert!(library.has_provider("fips") && !library.has_provider("default"), "{}", library.explain());
    assert!(dlssl::digest(library, "SHA256", b"x").is_ok());
    assert!(dlssl::digest(library, "MD5", b"x").is_err(), "nothing but FIPS");
}

/// How often a module is mapped.
fn mapped(name: &str) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains(name) && line.contains("r-xp")).count()
}

fn fips_active(file: &Path) {
    let files = with_file(loader(), file);
    has_fips_only(&files);
    assert_eq!(mapped("fips.so"), 1);
    // Beside it, a private copy has a module of its own: they share no state.
    for copies in 1..=2 {
        let copy = with_file(loader().isolation(Isolation::Always).fresh_copy(true), file);
        has_fips_only(&copy);
        assert_eq!(mapped("fips.so"), 1 + copies);
    }
    has_fips_only(&files);
}

fn fips_by_name_here(file: &Path) {
    for loader in [loader(), loader().isolation(Isolation::Always)] {
        let library = with_file(loader, file);
        assert!(!library.has_provider("fips"));
        library.load_provider("fips").unwrap_or_else(|error| panic!("{error}"));
        assert!(library.has_provider("fips"));
    }
    assert_eq!(mapped("fips.so"), 2);
}

/// OpenSSL goes on without a provider that it cannot load. Nothing takes its place: the file names no other that could.
fn bad(file: &Path) {
    for loader in [loader().isolation(Isolation::Always), loader()] {
        let library = with_file(loader, file);
        assert!(!library.has_provider("fips") && !library.has_provider("default"), "{}", library.explain());
        assert!(dlssl::digest(&library, "SHA256", b"x").is_err());
        assert!(matches!(library.load_provider("fips"), Err(ProviderError::Library { .. })));
    }
}

fn engine() {
    let path = engine_module().unwrap();
    let text = format!(
        "openssl_conf = init\n[init]\nengines = list\n[list]\nattic = attic\n[attic]\nengine_id = loader_attic\n\
         dynamic_path = {}\ninit = 0\n",
        path.display()
    );
    in_child("engine", &text);
    in_child("engine alone", &text);
}

/// An engine asks for libcrypto by name. Files as they are: it works. A private copy: never with the other libcrypto, whether
/// the engine came with it or was there before.
fn engine_here(file: &Path, files_first: bool) {
    if files_first {
        let files = with_file(loader(), file);
        assert!(!files.is_private_copy() && mapped("loader_attic.so") == 1, "{}", files.explain());
    }
    let asked = loader().isolation(Isolation::Always).configuration(Configuration::File(file.to_owned()));
    for _ in 0..2 {
        let error = asked.load().unwrap_err();
        assert_eq!(error.code(), "foreign-module", "{error}");
        assert!(error.to_string().contains("loader_attic.so"), "{error}");
    }
    assert!(private().explain().to_string().contains("configuration file: none"));
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
