//! Readers of bytes from outside: each input of the corpus (`tests/corpus/<target>`), and changed copies of them for a while.
//!
//! `DLSSL_FUZZ_SECONDS` says how long for each target. What breaks a promise is written to `target/fuzz` and named; once
//! mended it becomes a file of the corpus.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use dlssl::{Certificate, Password, PrivateKey};
use dlssl_tests::harness::{nightly, run, test};
use dlssl_tests::library::{Choice, choice, library};
use dlssl_tests::mutate::Mutator;

type Target = (&'static str, fn(&[u8]));

/// Readers in Rust alone.
const PLAIN: [Target; 7] = [
    ("elf", dlssl_core::fuzzing::elf),
    ("version", dlssl_core::fuzzing::version),
    ("explanation", dlssl_core::fuzzing::explanation),
    ("cache", dlssl_core::fuzzing::cache),
    ("host_name", dlssl::fuzzing::host_name),
    ("pin", dlssl::fuzzing::pin),
    ("certificate", dlssl::fuzzing::certificate),
];
/// Those that C takes part in.
const WITH_LIBRARY: [Target; 2] = [("pem", pem), ("der", der)];

fn main() -> ExitCode {
    // Once for all libraries is enough where no library has a say.
    let once = matches!(choice(), Choice::Default);
    let only_once = || "runs on the system's library: no other has a say in it".to_owned();
    let mut tests = Vec::new();
    for target in PLAIN {
        tests.push(test(&format!("{}_corpus", target.0), move || corpus(target)).only_if(once, only_once));
        tests.push(test(&format!("{}_changed", target.0), move || changed(target)).only_if(once, only_once));
    }
    for target in WITH_LIBRARY {
        tests.push(test(&format!("{}_corpus", target.0), move || corpus(target)));
        tests.push(test(&format!("{}_changed", target.0), move || changed(target)));
    }
    run(tests)
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no corpus for {name}");
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn corpus((name, target): Target) {
    seeds(name).iter().for_each(|input| target(input));
}

fn changed((name, target): Target) {
    let told = std::env::var("DLSSL_FUZZ_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    let time = Duration::from_secs_f64(told.unwrap_or(if nightly() { 60.0 } else { 0.3 }));
    // An ordinary run is the same each time; who asks for time looks for something new.
    let process = if told.is_some() || nightly() { std::process::id() } else { 1 };
    let number = u64::from(process) << 32 ^ u64::try_from(name.len()).unwrap();
    let mut mutator = Mutator::new(number, seeds(name));
    let (begin, mut runs) = (Instant::now(), 0_u64);
    while begin.elapsed() < time {
        let input = mutator.next_input();
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let file = keep(name, &input);
            panic!("{name}: input {runs} of generator {number} breaks a promise; it is in {}", file.display());
        }
        runs += 1;
    }
    println!("{name}: {runs} inputs");
}

fn keep(name: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}-{}", std::process::id()));
    std::fs::write(&file, input).unwrap();
    file
}

/// All that can be asked of a certificate.
fn ask(certificate: &Certificate) {
    let asked = [
        certificate.subject().map(drop),
        certificate.issuer().map(drop),
        certificate.alt_names().map(drop),
        certificate.validity().map(drop),
        certificate.serial().map(drop),
        certificate.public_key().map(drop),
        certificate.signature_algorithm().map(drop),
        certificate.is_ca().map(drop),
        certificate.is_for("server.test").map(drop),
    ];
    for error in asked.into_iter().filter_map(Result::err) {
        assert!(!error.to_string().is_empty());
    }
    let again = Certificate::from_pem(library(), certificate.to_pem().unwrap()).unwrap();
    assert_eq!(again.der(), certificate.der());
}

fn pem(data: &[u8]) {
    match Certificate::chain_from_pem(library(), data) {
        Ok(chain) => chain.iter().for_each(ask),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let password = Password::new("secret");
    for password in [None, Some(&password)] {
        match PrivateKey::from_pem(library(), data, password) {
            Ok(key) => drop(key.public_key().unwrap()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let left = library().take_errors();
    assert!(left.is_empty(), "an error was left in the queue: {left}");
}

fn der(data: &[u8]) {
    match Certificate::from_der(library(), data) {
        Ok(certificate) => ask(&certificate),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(key) = PrivateKey::from_der(library(), data, None) {
        key.public_key().unwrap();
    }
    let left = library().take_errors();
    assert!(left.is_empty(), "an error was left in the queue: {left}");
}
