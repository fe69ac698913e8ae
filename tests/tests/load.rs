//! Loading: every way to choose a library, every way it can be wrong, and what the explanation then says.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use dlssl::{Half, Loader, Slot};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{Choice, OTHER_LIB_DIR, choice, clear_environment, library, loader, set_environment};
use dlssl_tests::load_report::{self, Report};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process;
use dlssl_tests::talk::{send, shake};
use dlssl_tests::wire::pipe;
use tempfile::TempDir;

fn main() -> ExitCode {
    let plain = || "the library under test has no plain file names".to_owned();
    let other = std::env::var_os(OTHER_LIB_DIR).is_some();
    run(vec![
        test("default_search", default_search),
        test("explicit_files", explicit_files),
        test("explicit_directory", explicit_directory).only_if(plain_names(), plain),
        test("environment_directory", environment_directory).only_if(plain_names(), plain),
        test("environment_files", environment_files),
        test("environment_libssl_alone", environment_libssl_alone).only_if(plain_names(), plain),
        test("environment_that_does_not_work", environment_errors),
        test("environment_with_a_contradiction", environment_contradiction),
        test("environment_switched_off", environment_off),
        test("already_loaded", already_loaded).needs_linux(),
        test("already_loaded_without_any", already_loaded_without_any),
        test("missing_path", missing_path),
        test("missing_directory", missing_directory),
        test("a_directory_for_a_file", directory_for_a_file),
        test("text_file", || not_a_library(b"I am a text.\n")),
        test("empty_file", || not_a_library(b"")),
        test("header_only", header_only).needs_linux(),
        test("truncated_library", truncated_library).needs_linux(),
        test("unreadable_bytes", || not_a_library(&[0x7f, b'E', b'L', b'F'])),
        test("another_architecture", another_architecture).needs_linux(),
        test("another_word_size", another_word_size).needs_linux(),
        test("libcrypto_without_libssl", || alone("libssl")).only_if(plain_names(), plain),
        test("libssl_without_libcrypto", || alone("libcrypto")).only_if(plain_names(), plain),
        test("two_empty_libraries", two_empty_libraries).needs_linux().needs("cc"),
        test("a_pretender", pretender).needs_linux().needs("cc"),
        test("below_the_floor", below_the_floor).needs_linux().needs("cc"),
        test("unknown_flavour", unknown_flavour).needs_linux().needs("cc"),
        test("missing_dependency", missing_dependency).needs_linux().needs("cc"),
        test("mismatched_twin", mismatched_twin).needs_linux().only_if(plain_names(), plain),
        test("mismatched_builds", mismatched_builds).only_if(other, || format!("{OTHER_LIB_DIR} is not set")),
        test("halves_swapped", halves_swapped),
        test("the_next_candidate_is_tried", next_candidate).needs_sonames(),
        test("explanation_of_success", explanation_of_success),
        test("symbols_by_name", symbols_by_name),
        test("random_bytes", random_bytes),
        test("capabilities", capabilities),
        test("current_is_the_same_twice", current_twice),
        test("reload_makes_a_new_generation", reload),
        test("a_failed_reload_changes_nothing", failed_reload),
        test("reports_of_paths_that_are_no_unicode", no_unicode).needs_linux().needs_private_copies(),
    ])
}

fn probe() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
    command.arg("load");
    clear_environment(&mut command);
    command
}

fn files(libssl: &Path, libcrypto: &Path) -> Report {
    load_report::run(probe().arg("--files").arg(libssl).arg(libcrypto))
}

/// The real files, links resolved: those that a copy can be made of.
fn real() -> (PathBuf, PathBuf) {
    let real = |path: &Path| path.canonicalize().unwrap();
    (real(library().libssl_path()), real(library().libcrypto_path()))
}

/// Whether the files are called as the platform calls them; some packages hide theirs behind other names.
fn plain_names() -> bool {
    let plain = |path: &Path, stem: &str| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("{stem}.so")) || name.ends_with(".dylib") || name.ends_with(".dll")
    };
    plain(library().libssl_path(), "libssl") && plain(library().libcrypto_path(), "libcrypto")
}

fn is_the_one_under_test(report: &Report) {
    assert!(report.ok(), "{}", report.all());
    assert_eq!(report.text("version"), library().version_text());
    let (ssl, crypto) = real();
    assert_eq!(Path::new(report.text("libssl")).canonicalize().unwrap(), ssl);
    assert_eq!(Path::new(report.text("libcrypto")).canonicalize().unwrap(), crypto);
}

fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

// ---- the choices ----

fn default_search() {
    let mut command = probe();
    set_environment(&mut command);
    is_the_one_under_test(&load_report::run(&mut command));
}

fn explicit_files() {
    let (ssl, crypto) = real();
    is_the_one_under_test(&files(&ssl, &crypto));
}

fn explicit_directory() {
    let report = load_report::run(probe().arg("--dir").arg(library().libssl_path().parent().unwrap()));
    is_the_one_under_test(&report);
    // Another place than the linker's own, where only links lie.
    let dir = TempDir::new().unwrap();
    let (ssl, crypto) = (library().libssl_path(), library().libcrypto_path());
    std::fs::copy(ssl, dir.path().join(name_of(ssl))).unwrap();
    std::fs::copy(crypto, dir.path().join(name_of(crypto))).unwrap();
    let report = load_report::run(probe().arg("--dir").arg(dir.path()));
    assert!(report.ok(), "{}", report.all());
    assert_eq!(report.text("version"), library().version_text());
    for half in ["libssl", "libcrypto"] {
        assert!(Path::new(report.text(half)).starts_with(dir.path().canonicalize().unwrap()), "{}", report.all());
    }
}

fn environment_directory() {
    let mut command = probe();
    command.env("DLSSL_DIR", library().libssl_path().parent().unwrap());
    let report = load_report::run(&mut command);
    is_the_one_under_test(&report);
    assert!(report.text("text").contains("DLSSL_DIR"), "{}", report.all());
}

fn environment_files() {
    let (ssl, crypto) = real();
    let mut command = probe();
    command.env("DLSSL_LIBSSL", ssl).env("DLSSL_LIBCRYPTO", crypto);
    let report = load_report::run(&mut command);
    is_the_one_under_test(&report);
    assert!(report.text("text").contains("DLSSL_LIBSSL"), "{}", report.all());
}

fn environment_libssl_alone() {
    let mut command = probe();
    command.env("DLSSL_LIBSSL", library().libssl_path());
    is_the_one_under_test(&load_report::run(&mut command));
}

/// An operator's mistake must show, with the name of the variable; nothing else is loaded in silence.
fn environment_errors() {
    let dir = TempDir::new().unwrap();
    let text = dir.path().join("notes.txt");
    std::fs::write(&text, "no library").unwrap();
    let (ssl, _) = real();
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let missing = dir.path().join("missing");
    let cases: Vec<(&str, Vec<(&str, &Path)>)> = vec![
        ("DLSSL_DIR", vec![("DLSSL_DIR", &missing)]),
        ("DLSSL_DIR", vec![("DLSSL_DIR", &empty)]),
        ("DLSSL_DIR", vec![("DLSSL_DIR", &text)]),
        ("DLSSL_LIBSSL", vec![("DLSSL_LIBSSL", &text)]),
        ("DLSSL_LIBSSL", vec![("DLSSL_LIBSSL", &missing)]),
        ("DLSSL_LIBCRYPTO", vec![("DLSSL_LIBSSL", &ssl), ("DLSSL_LIBCRYPTO", &text)]),
        ("DLSSL_LIBCRYPTO", vec![("DLSSL_LIBSSL", &ssl), ("DLSSL_LIBCRYPTO", &missing)]),
    ];
    for (variable, settings) in cases {
        let mut command = probe();
        for (name, value) in &settings {
            command.env(name, value);
        }
        let report = load_report::run(&mut command);
        assert!(!report.ok(), "{settings:?}: {}", report.0);
        assert_eq!(report.text("code"), "environment", "{settings:?}: {}", report.all());
        assert!(report.text("message").contains(variable), "{settings:?}: {}", report.all());
        assert!(report.text("text").contains(variable), "{settings:?}: {}", report.all());
    }
}

fn environment_contradiction() {
    let (ssl, crypto) = real();
    let mut command = probe();
    command.env("DLSSL_DIR", ssl.parent().unwrap()).env("DLSSL_LIBSSL", &ssl).env("DLSSL_LIBCRYPTO", crypto);
    let report = load_report::run(&mut command);
    assert!(!report.ok(), "{}", report.0);
    for name in ["DLSSL_DIR", "DLSSL_LIBSSL"] {
        assert!(report.text("message").contains(name), "{}", report.all());
    }
}

fn environment_off() {
    let (ssl, crypto) = real();
    let mut command = probe();
    command.env("DLSSL_DIR", "/nonexistent").arg("--no-environment");
    command.arg("--files").arg(&ssl).arg(&crypto);
    is_the_one_under_test(&load_report::run(&mut command));
    if matches!(choice(), Choice::Default) {
        let report = load_report::run(probe().env("DLSSL_DIR", "/nonexistent").arg("--no-environment"));
        assert!(report.ok(), "{}", report.all());
    }
}

/// What some other part of the process brought in: here the dynamic linker, by its own variable.
fn already_loaded() {
    let (ssl, crypto) = real();
    let preload = format!("{}:{}", ssl.display(), crypto.display());
    let report = load_report::run(probe().env("LD_PRELOAD", preload).arg("--already-loaded"));
    is_the_one_under_test(&report);
}

fn already_loaded_without_any() {
    let report = load_report::run(probe().arg("--already-loaded"));
    report.refused_as("not-found", &[]);
}

// ---- what can be wrong ----

fn missing_path() {
    let (ssl, crypto) = real();
    let missing = Path::new("/nonexistent/libfoo.so.9");
    for report in [files(missing, &crypto), files(&ssl, missing)] {
        assert!(!report.ok());
        assert!(matches!(report.text("code"), "unreadable" | "not-found"), "{}", report.all());
        assert!(report.all().contains("No such file"), "the system's words: {}", report.all());
        report.refused_as(report.text("code"), &["/nonexistent/libfoo.so.9"]);
    }
}

fn missing_directory() {
    let report = load_report::run(probe().args(["--dir", "/nonexistent/lib"]));
    assert!(matches!(report.text("code"), "not-found" | "unreadable"), "{}", report.all());
    report.refused_as(report.text("code"), &["/nonexistent/lib"]);
    let dir = TempDir::new().unwrap();
    let report = load_report::run(probe().arg("--dir").arg(dir.path()));
    report.refused_as("not-found", &[dir.path().to_str().unwrap()]);
}

fn directory_for_a_file() {
    let (_, crypto) = real();
    let dir = TempDir::new().unwrap();
    let report = files(dir.path(), &crypto);
    assert!(!report.ok());
    assert!(matches!(report.text("code"), "not-a-library" | "unreadable"), "{}", report.all());
}

/// Both halves in turn: the other one is good.
fn each_half(make: impl Fn(&Path, &Path), codes: &[&str]) {
    let (ssl, crypto) = real();
    let dir = TempDir::new().unwrap();
    for (i, good) in [&ssl, &crypto].into_iter().enumerate() {
        let bad = dir.path().join(name_of(good));
        make(good, &bad);
        let report = if i == 0 { files(&bad, &crypto) } else { files(&ssl, &bad) };
        let code = report.text("code").to_owned();
        assert!(codes.contains(&&*code), "{code}: {}", report.all());
        report.refused_as(&code, &[bad.to_str().unwrap()]);
        assert!(report.text("message").contains(bad.to_str().unwrap()), "{}", report.all());
    }
}

fn not_a_library(content: &[u8]) {
    each_half(|_, bad| std::fs::write(bad, content).unwrap(), &["not-a-library"]);
}

fn header_only() {
    each_half(
        |good, bad| {
            let bytes = std::fs::read(good).unwrap();
            std::fs::write(bad, &bytes[..64]).unwrap();
        },
        &["not-a-library", "unopenable"],
    );
}

/// An interrupted copy. The dynamic linker maps what is not there, so that touching it would be a SIGBUS.
fn truncated_library() {
    let (ssl, crypto) = real();
    let dir = TempDir::new().unwrap();
    for (i, good) in [&ssl, &crypto].into_iter().enumerate() {
        let bytes = std::fs::read(good).unwrap();
        for keep in [bytes.len() / 4, bytes.len() / 2, bytes.len() - bytes.len() / 8] {
            let bad = dir.path().join(name_of(good));
            std::fs::write(&bad, &bytes[..keep]).unwrap();
            let report = if i == 0 { files(&bad, &crypto) } else { files(&ssl, &bad) };
            assert!(!report.ok(), "{keep} of {}: {}", bytes.len(), report.0);
            assert!(matches!(report.text("code"), "not-a-library" | "unopenable"), "{}", report.all());
        }
    }
}

/// A copy with one number in its ELF header changed.
fn patched(good: &Path, bad: &Path, at: usize, value: u8) {
    let mut bytes = std::fs::read(good).unwrap();
    bytes[at] = value;
    std::fs::write(bad, bytes).unwrap();
}

fn another_architecture() {
    const E_MACHINE: usize = 18;
    const AARCH64: u8 = 183;
    const X86_64: u8 = 62;
    let foreign = if cfg!(target_arch = "aarch64") { X86_64 } else { AARCH64 };
    each_half(|good, bad| patched(good, bad, E_MACHINE, foreign), &["wrong-architecture"]);
}

fn another_word_size() {
    const EI_CLASS: usize = 4;
    let other = if cfg!(target_pointer_width = "64") { 1 } else { 2 };
    each_half(|good, bad| patched(good, bad, EI_CLASS, other), &["wrong-architecture"]);
}

fn alone(missing: &str) {
    let (ssl, crypto) = (library().libssl_path(), library().libcrypto_path());
    let there = if missing == "libssl" { crypto } else { ssl };
    let dir = TempDir::new().unwrap();
    std::fs::copy(there, dir.path().join(name_of(there))).unwrap();
    let report = load_report::run(probe().arg("--dir").arg(dir.path()));
    report.refused_as("incomplete", &[name_of(there), missing]);
    assert!(report.text("message").contains(missing), "{}", report.all());
}

/// Compiles a shared library from C.
fn compile(dir: &Path, file: &str, source: &str, options: &[&str]) -> PathBuf {
    let (c, so) = (dir.join(format!("{file}.c")), dir.join(file));
    std::fs::write(&c, source).unwrap();
    let mut command = process::foreign("cc");
    if cfg!(target_arch = "x86") {
        command.arg("-m32");
    }
    command.args(["-shared", "-fPIC", "-o"]).arg(&so).arg(&c).args(options);
    process::run(command.arg(format!("-Wl,-soname,{file}")), b"").success();
    so
}

fn two_empty_libraries() {
    let dir = TempDir::new().unwrap();
    let crypto = compile(dir.path(), "libcrypto.so.77", "int dlssl_nothing(void) { return 0; }", &[]);
    let ssl = compile(dir.path(), "libssl.so.77", "int dlssl_nothing_either(void) { return 0; }", &[]);
    files(&ssl, &crypto).refused_as("not-openssl", &["libcrypto.so.77"]);
}

/// A libcrypto that gives this number and text as its version, in the newer and in the older spelling, and can do no more.
fn claims(number: &str, text: &str) -> String {
    format!(
        "unsigned long OpenSSL_version_num(void) {{ return {number}; }}\n\
         const char *OpenSSL_version(int t) {{ (void)t; return \"{text}\"; }}\n\
         unsigned long SSLeay(void) {{ return {number}; }}\n\
         const char *SSLeay_version(int t) {{ (void)t; return \"{text}\"; }}\n\
         void *BIO_new(const void *m) {{ (void)m; return 0; }}\n"
    )
}

fn claiming(number: &str, text: &str) -> Report {
    let dir = TempDir::new().unwrap();
    let crypto = compile(dir.path(), "libcrypto.so.77", &claims(number, text), &[]);
    let beside = crypto.to_str().unwrap();
    let source = "unsigned long OpenSSL_version_num(void); void *SSL_CTX_new(const void *m) { (void)m; return 0; }\n\
                  unsigned long dlssl_uses(void) { return OpenSSL_version_num(); }";
    let ssl = compile(dir.path(), "libssl.so.77", source, &[beside, "-Wl,-rpath,$ORIGIN"]);
    files(&ssl, &crypto)
}

/// All that is missing is named at once.
fn pretender() {
    let report = claiming("0x30000130UL", "OpenSSL 3.0.19 27 Jan 2026");
    report.refused_as("missing-symbols", &["SSL_new", "SSL_read", "SSL_write", "OpenSSL 3.0.19"]);
    assert!(report.text("message").contains("SSL_new"), "{}", report.all());
}

fn below_the_floor() {
    let report = claiming("0x0090819fL", "OpenSSL 0.9.8y 5 Feb 2013");
    report.refused_as("unsupported", &["0.9.8y", "1.0.2"]);
    let report = claiming("0x20000000L", "LibreSSL 2.5.5");
    report.refused_as("unsupported", &["2.5.5", "2.7"]);
}

fn unknown_flavour() {
    let report = claiming("0x1010107f", "BoringSSL");
    assert!(!report.ok());
    assert!(matches!(report.text("code"), "not-openssl" | "unsupported"), "{}", report.all());
    assert!(report.all().contains("BoringSSL"), "{}", report.all());
}

fn missing_dependency() {
    let dir = TempDir::new().unwrap();
    let (_, crypto) = real();
    let nowhere = compile(dir.path(), "libdlsslnowhere.so.1", "int dlssl_nowhere(void) { return 0; }", &[]);
    let source = "int dlssl_nowhere(void); int dlssl_ssl(void) { return dlssl_nowhere(); }";
    let ssl = compile(dir.path(), "libssl.so.77", source, &[nowhere.to_str().unwrap()]);
    std::fs::remove_file(nowhere).unwrap();
    let report = files(&ssl, &crypto);
    report.refused_as("missing-dependency", &["libdlsslnowhere.so.1", "No such file or directory"]);
}

/// libssl beside a libcrypto of the same code that calls itself something else: libssl brings its own.
fn mismatched_twin() {
    let (ssl, crypto) = real();
    let soname = name_of(library().libcrypto_path()).as_bytes().to_vec();
    let mut renamed = soname.clone();
    renamed[3..9].copy_from_slice(b"CRYPTO");
    let mut bytes = std::fs::read(&crypto).unwrap();
    let places: Vec<usize> =
        bytes.windows(soname.len()).enumerate().filter(|(_, w)| *w == soname).map(|(i, _)| i).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + soname.len()].copy_from_slice(&renamed);
    }
    let dir = TempDir::new().unwrap();
    let twin = dir.path().join(String::from_utf8(renamed).unwrap());
    std::fs::write(&twin, bytes).unwrap();
    let report = files(&ssl, &twin);
    report.refused_as("mismatched-pair", &[twin.to_str().unwrap(), name_of(&ssl)]);
}

fn mismatched_builds() {
    let other = PathBuf::from(std::env::var_os(OTHER_LIB_DIR).unwrap());
    let entries = std::fs::read_dir(&other).unwrap().map(|e| e.unwrap().path());
    let all: Vec<PathBuf> = entries.filter(|p| p.is_file()).collect();
    let find = |stem: &str| {
        let named = |p: &&PathBuf| name_of(p).starts_with(stem) && name_of(p).contains(".so");
        all.iter().find(named).unwrap().clone()
    };
    let (ssl, crypto) = real();
    for report in [files(&find("libssl"), &crypto), files(&ssl, &find("libcrypto"))] {
        if report.ok() {
            // From 3.0 on libssl does not tell its version: what is bound to the libcrypto that was named is taken, and
            // the explanation says what could not be proved.
            assert!(library().version() >= dlssl::Version::new(3, 0, 0), "{}", report.all());
            assert!(report.all().contains("lie in different directories"), "{}", report.all());
            continue;
        }
        let code = report.text("code");
        assert!(
            matches!(code, "mismatched-pair" | "unopenable" | "missing-symbols" | "missing-dependency"),
            "{}",
            report.all()
        );
    }
}

fn halves_swapped() {
    let (ssl, crypto) = real();
    let report = files(&crypto, &ssl);
    assert!(!report.ok(), "{}", report.0);
    assert!(!report.text("message").is_empty());
}

/// A bad file under one of the platform's names does not end a search by names.
fn next_candidate() {
    let dir = TempDir::new().unwrap();
    let (ssl, crypto) = real();
    std::os::unix::fs::symlink(ssl, dir.path().join("libssl.so.3")).unwrap();
    std::os::unix::fs::symlink(crypto, dir.path().join("libcrypto.so.3")).unwrap();
    for name in ["libssl.so.4", "libcrypto.so.4", "libssl.so", "libcrypto.so"] {
        std::fs::write(dir.path().join(name), "not this one").unwrap();
    }
    let report = load_report::run(probe().arg("--dir").arg(dir.path()));
    is_the_one_under_test(&report);
}

// ---- the loaded library ----

fn explanation_of_success() {
    let library = library();
    let text = library.explain().to_string();
    let json: serde_json::Value = serde_json::from_str(&library.explain().to_json()).unwrap();
    for part in [
        library.version_text().to_owned(),
        library.libssl_path().display().to_string(),
        library.libcrypto_path().display().to_string(),
    ] {
        assert!(text.contains(&part), "{part} is not in {text}");
        assert!(json.to_string().contains(&part), "{part} is not in {json}");
    }
    for attempt in json["attempts"].as_array().unwrap() {
        assert!(!attempt["origin"].as_str().unwrap().is_empty(), "{attempt}");
    }
    assert!(library.version_text().contains(&library.version().to_string()));
    assert!(library.libssl_path().is_file() && library.libcrypto_path().is_file());
}

fn symbols_by_name() {
    // SAFETY: the pointers are only compared with null.
    let find = |half, name| unsafe { library().symbol(half, name) };
    assert!(find(Half::Ssl, c"SSL_CTX_new").is_some());
    assert!(find(Half::Crypto, c"X509_free").is_some());
    assert!(find(Half::Ssl, c"no_such_function_here").is_none());
    assert!(find(Half::Crypto, c"no_such_function_here").is_none());
}

fn random_bytes() {
    let (mut a, mut b) = ([0; 64], [0; 64]);
    library().random(&mut a).unwrap();
    library().random(&mut b).unwrap();
    assert!(a != b && a != [0; 64] && b != [0; 64]);
    library().random(&mut []).unwrap();
    // More than one call of C could take on some versions.
    let mut large = vec![0; 1 << 20];
    library().random(&mut large).unwrap();
    assert!(large[large.len() - 64..].iter().any(|b| *b != 0));
}

fn capabilities() {
    let all = library().capabilities();
    assert!(!all.is_empty());
    let mut names: Vec<_> = all.iter().map(|c| c.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len(), "a capability is listed twice");
}

fn current_twice() {
    let slot = Slot::new(loader());
    let (a, b) = (slot.current().unwrap(), slot.current().unwrap());
    assert_eq!(a.generation(), b.generation());
    if matches!(choice(), Choice::Default) {
        let (a, b) = (dlssl::current().unwrap(), dlssl::current().unwrap());
        assert_eq!(a.generation(), b.generation());
    }
}

fn reload() {
    let slot = Slot::new(loader());
    let old = slot.current().unwrap();
    let reloaded = slot.reload().unwrap();
    assert_eq!(reloaded.old().unwrap().generation(), old.generation());
    assert!(reloaded.new_library().generation() != old.generation());
    assert_eq!(slot.current().unwrap().generation(), reloaded.new_library().generation());
    let text = reloaded.to_string();
    assert!(text.contains(&old.version().to_string()), "{text}");
    // Both generations work, and with each other.
    let pki = Pki::shared();
    let (old, new) = (&old, reloaded.new_library());
    for (of_client, of_server) in [(old, new), (new, old)] {
        let connector = dlssl::Connector::builder(of_client).roots(pki.authority.roots()).build().unwrap();
        let acceptor = dlssl::Acceptor::builder(of_server, pki.server.identity()).build().unwrap();
        let (client, server) = shake(&connector, &acceptor, NAME, pipe());
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        send(&mut client, &mut server, b"from one generation to the other");
        send(&mut server, &mut client, b"and back");
    }
}

fn failed_reload() {
    let slot = Slot::new(loader());
    let before = slot.current().unwrap().generation();
    // SAFETY: there is nothing at these paths that could run.
    let bad = unsafe { Loader::new().files("/nonexistent/libssl.so", "/nonexistent/libcrypto.so") };
    let error = slot.reload_with(bad).expect_err("there is nothing to load");
    assert!(!error.explanation().to_string().is_empty());
    assert_eq!(slot.current().unwrap().generation(), before);
}

#[cfg(target_os = "linux")]
fn no_unicode() {
    use std::os::unix::ffi::OsStrExt;

    let dir = TempDir::new().unwrap();
    let folder = dir.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    std::os::unix::fs::symlink(library().libssl_path().parent().unwrap(), &folder).unwrap();
    let file = |path: &Path| folder.join(path.file_name().unwrap());
    // SAFETY: the files of the library under test.
    let loader = unsafe { Loader::new().files(file(library().libssl_path()), file(library().libcrypto_path())) };
    // A copy of its own: content that is mapped already goes by the path that it was first found under.
    let reloaded = Slot::default().reload_with(loader.fresh_copy(true)).unwrap();
    let report: serde_json::Value = serde_json::from_str(&reloaded.to_json()).unwrap();
    let explanation: serde_json::Value = serde_json::from_str(&reloaded.new_library().explain().to_json()).unwrap();
    for path in [&report["new"]["libssl"], &report["new"]["libcrypto"], &explanation["taken"]["libssl"]] {
        assert!(path.as_str().unwrap().contains('\u{fffd}'), "{path}");
    }
}

#[cfg(not(target_os = "linux"))]
fn no_unicode() {}
