//! Readers of bytes from outside: each input of the corpus, and changed copies of them for a while (`dlssl_tests::fuzz`).
//!
//! The readers of answers before STARTTLS are in the command, and tested so there.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl::{Certificate, Password, PrivateKey};
use dlssl_tests::fuzz::{Target, changed, corpus, time};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{Choice, choice, library};

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
    let most = time() * 2;
    let mut tests = Vec::new();
    for target in PLAIN {
        tests.push(test(&format!("{}_corpus", target.0), move || corpus(target)).only_if(once, only_once));
        tests
            .push(test(&format!("{}_changed", target.0), move || changed(target)).takes(most).only_if(once, only_once));
    }
    for target in WITH_LIBRARY {
        tests.push(test(&format!("{}_corpus", target.0), move || corpus(target)));
        tests.push(test(&format!("{}_changed", target.0), move || changed(target)).takes(most));
    }
    run(tests)
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
