//! Private keys: every form, with and without passwords, and how a wrong password differs from a broken file.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dlssl::{Acceptor, Certificate, ErrorKind, Identity, KeyKind, Password, PrivateKey};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::library;
use dlssl_tests::openssl_pki::OpensslPki;
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process::{self, foreign};
use dlssl_tests::talk::{connector, shake};
use dlssl_tests::wire::pipe;
use tempfile::TempDir;

fn main() -> ExitCode {
    run(vec![
        test("pem_and_der_read_back", read_back),
        test("every_form", every_form).needs("openssl"),
        test("encrypted_by_us", encrypted_by_us),
        test("encrypted_by_us_for_openssl", for_openssl).needs("openssl"),
        test("wrong_passwords", wrong_passwords),
        test("wrong_passwords_for_every_form", wrong_for_every_form).needs("openssl"),
        test("no_password", no_password),
        test("passwords_are_asked_for", asked_for),
        test("a_panic_of_who_is_asked", panics),
        test("odd_passwords", odd_passwords),
        test("broken_keys", broken),
        test("unknown_encryption", unknown_encryption).needs("openssl"),
        test("nothing_is_shown", nothing_is_shown),
        test("identities_with_passwords", identities),
        test("identities_of_parsed_ones", parsed_identities),
    ])
}

fn plain() -> PrivateKey {
    PrivateKey::from_pem(library(), &Pki::shared().server.key, None).unwrap()
}

fn public(key: &PrivateKey) -> Vec<u8> {
    key.public_key().unwrap().der().to_vec()
}

fn read_back() {
    let key = plain();
    let certificate = Certificate::from_der(library(), &Pki::shared().server.der).unwrap();
    assert_eq!(key.public_key().unwrap(), certificate.public_key().unwrap());
    assert_eq!(*key.public_key().unwrap().kind(), KeyKind::Ec);
    let (pem, der) = (key.to_pem().unwrap(), key.to_der().unwrap());
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "not PKCS#8");
    let again = [
        PrivateKey::from_pem(library(), pem.as_bytes(), None).unwrap(),
        PrivateKey::from_der(library(), &der, None).unwrap(),
        // A password that is not needed does no harm.
        PrivateKey::from_pem(library(), pem.as_bytes(), Some(&"unneeded".into())).unwrap(),
        PrivateKey::from_der(library(), &der, Some(&"unneeded".into())).unwrap(),
    ];
    for other in again {
        assert_eq!(public(&other), public(&key));
        assert_eq!(*other.to_der().unwrap(), *der);
    }
    let dir = TempDir::new().unwrap();
    for (name, content) in [("key.pem", pem.as_bytes()), ("key.der", &der)] {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        assert_eq!(public(&PrivateKey::from_file(library(), &path, None).unwrap()), public(&key));
    }
    let error = PrivateKey::from_file(library(), dir.path().join("none"), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

/// A key in the forms that `openssl` writes: the file, and whether it is encrypted (with "secret").
fn forms(dir: &TempDir) -> Vec<(&'static str, Vec<u8>, bool)> {
    let pki = OpensslPki::new();
    let rsa = dir.path().join("rsa.pem");
    std::fs::write(&rsa, pki.issue("rsa:2048", "-sha256").key).unwrap();
    let ec = Pki::shared().server_key_path();
    let mut forms = Vec::new();
    for key in [rsa.as_path(), ec] {
        let cases: [(&'static str, &[&str], bool); 8] = [
            ("old PEM", &["pkey", "-traditional"], false),
            ("old PEM, encrypted", &["pkey", "-traditional", "-aes128"], true),
            ("old DER", &["pkey", "-traditional", "-outform", "DER"], false),
            ("PKCS#8 PEM", &["pkcs8", "-topk8", "-nocrypt"], false),
            ("PKCS#8 DER", &["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], false),
            ("PKCS#8 PEM, AES", &["pkcs8", "-topk8", "-v2", "aes-256-cbc"], true),
            ("PKCS#8 DER, AES", &["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-outform", "DER"], true),
            ("PKCS#8 DER, 3DES", &["pkcs8", "-topk8", "-v2", "des3", "-outform", "DER"], true),
        ];
        for (name, options, encrypted) in cases {
            let out = dir.path().join("out");
            let mut command = foreign("openssl");
            command.args(options).arg("-in").arg(key).arg("-out").arg(&out);
            if encrypted {
                command.args(["-passout", "pass:secret"]);
            }
            process::run(&mut command, b"").success();
            forms.push((name, std::fs::read(&out).unwrap(), encrypted));
        }
    }
    forms
}

fn read(bytes: &[u8], password: Option<&Password>) -> Result<PrivateKey, dlssl::Error> {
    if bytes.starts_with(b"-----") {
        PrivateKey::from_pem(library(), bytes, password)
    } else {
        PrivateKey::from_der(library(), bytes, password)
    }
}

fn every_form() {
    let dir = TempDir::new().unwrap();
    for (name, bytes, encrypted) in forms(&dir) {
        let password = Password::new("secret");
        let key = read(&bytes, encrypted.then_some(&password)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(matches!(key.public_key().unwrap().kind(), KeyKind::Rsa | KeyKind::Ec), "{name}");
        let path = dir.path().join("one");
        std::fs::write(&path, &bytes).unwrap();
        let from_file = PrivateKey::from_file(library(), &path, Some(&password)).unwrap();
        assert_eq!(public(&from_file), public(&key), "{name}");
    }
}

fn encrypted() -> String {
    plain().to_encrypted_pem(&"secret".into()).unwrap().to_string()
}

fn encrypted_by_us() {
    let pem = encrypted();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{pem}");
    let key = PrivateKey::from_pem(library(), &pem, Some(&"secret".into())).unwrap();
    assert_eq!(public(&key), public(&plain()));
    let error = plain().to_encrypted_pem(&"".into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Password);
}

fn for_openssl() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("key.pem");
    std::fs::write(&path, encrypted()).unwrap();
    process::run(foreign("openssl").args(["pkey", "-noout", "-passin", "pass:secret", "-in"]).arg(&path), b"")
        .success();
}

/// Often enough that a wrong password once leaves a padding that looks right.
fn wrong_passwords() {
    let pem = encrypted();
    for number in 0..600 {
        let error = PrivateKey::from_pem(library(), &pem, Some(&Password::new(format!("no {number}")))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Password, "{number}: {error}");
    }
    let text = PrivateKey::from_pem(library(), &pem, Some(&"hunter2".into())).unwrap_err().to_string();
    assert!(text.contains("wrong password") && !text.contains("hunter2"), "{text}");
    assert!(library().take_errors().is_empty());
}

fn wrong_for_every_form() {
    for (name, bytes, encrypted) in forms(&TempDir::new().unwrap()) {
        if !encrypted {
            continue;
        }
        for number in 0..20 {
            let error = read(&bytes, Some(&Password::new(format!("no {number}")))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Password, "{name}: {error}");
        }
        assert_eq!(read(&bytes, None).unwrap_err().kind(), ErrorKind::Password, "{name}");
    }
}

fn no_password() {
    let error = PrivateKey::from_pem(library(), encrypted(), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Password);
    assert!(error.to_string().contains("no password was given"), "{error}");
    let nobody = Password::ask(|| None);
    let error = PrivateKey::from_pem(library(), encrypted(), Some(&nobody)).unwrap_err();
    assert!(error.to_string().contains("no password was given"), "{error}");
}

fn asked_for() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let password = Password::ask(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        Some(b"secret".to_vec())
    });
    PrivateKey::from_pem(library(), encrypted(), Some(&password)).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // A key that needs none asks nobody.
    PrivateKey::from_pem(library(), &Pki::shared().server.key, Some(&password)).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

fn panics() {
    let password = Password::ask(|| panic!("the asked one"));
    let read = || PrivateKey::from_pem(library(), encrypted(), Some(&password));
    let panic = catch_unwind(AssertUnwindSafe(read)).expect_err("no panic");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the asked one"));
    plain();
}

fn odd_passwords() {
    for password in ["\u{fc}\u{20ac}", "a\0b", " ", &"long".repeat(100)] {
        let password = Password::new(password);
        let pem = plain().to_encrypted_pem(&password).unwrap();
        assert_eq!(
            public(&PrivateKey::from_pem(library(), pem.as_bytes(), Some(&password)).unwrap()),
            public(&plain())
        );
    }
    let endless = Password::new("x".repeat(100_000));
    let error = PrivateKey::from_pem(library(), encrypted(), Some(&endless)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Password, "{error}");
    let error = PrivateKey::from_pem(library(), encrypted(), Some(&"".into())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Password, "{error}");
}

fn broken() {
    let (plain_pem, encrypted_pem) = (Pki::shared().server.key.clone(), encrypted());
    let cut = |pem: &str| pem[..pem.len() / 2].to_owned();
    let halved = |pem: &str| {
        // A line less inside, so that the frame is whole and the content is not.
        let mut lines: Vec<&str> = pem.lines().collect();
        lines.remove(2);
        lines.join("\n") + "\n"
    };
    let cases = [
        ("nothing", String::new()),
        ("words", "no key at all\n".to_owned()),
        ("a certificate", Pki::shared().server.chain.clone()),
        ("cut", cut(&plain_pem)),
        ("halved", halved(&plain_pem)),
        ("cut, encrypted", cut(&encrypted_pem)),
        ("halved, encrypted", halved(&encrypted_pem)),
        ("garbled", plain_pem.replace("\nM", "\n%")),
    ];
    for (name, text) in cases {
        let error = PrivateKey::from_pem(library(), &text, Some(&"secret".into())).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Pem, "{name}: {error}");
    }
    let der = plain().to_der().unwrap();
    for bytes in [&[][..], &[0x30, 0x80], &der[..der.len() - 1], b"words"] {
        let error = PrivateKey::from_der(library(), bytes, Some(&"secret".into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pem, "{error}");
    }
    assert!(library().take_errors().is_empty());
}

/// What one library has others lack: it is read, or it is not supported; never a wrong password.
fn unknown_encryption() {
    let cases: [(&[&str], bool); 2] = [(&["-scrypt"], true), (&["-v2", "aria-256-cbc"], true)];
    for (options, _) in cases {
        let mut command = foreign("openssl");
        command.args(["pkcs8", "-topk8", "-passout", "pass:secret"]).args(options).arg("-in");
        let made = process::run(command.arg(Pki::shared().server_key_path()), b"").success().stdout;
        match PrivateKey::from_pem(library(), &made, Some(&"secret".into())) {
            Ok(key) => assert_eq!(public(&key), public(&plain())),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported, "{options:?}: {error}"),
        }
    }
}

fn nothing_is_shown() {
    let key = plain();
    assert_eq!(format!("{key:?}"), "PrivateKey(EC (256 bits))");
    let password = Password::new("hunter2");
    assert!(!format!("{password:?}").contains("hunter2"));
    let identity = Identity::pem(Pki::shared().server.chain.clone(), encrypted()).password("hunter2");
    assert!(!format!("{identity:?}").contains("hunter2"));
}

fn serves(identity: Identity) {
    let acceptor = Acceptor::builder(library(), identity).build().unwrap();
    shake(&connector().build().unwrap(), &acceptor, NAME, pipe()).0.unwrap();
}

fn identities() {
    let identity = Identity::pem(Pki::shared().server.chain.clone(), encrypted());
    serves(identity.clone().password("secret"));
    serves(identity.clone().password_with(|| Some(b"secret".to_vec())));
    for identity in [identity.clone(), identity.password("wrong")] {
        let error = Acceptor::builder(library(), identity).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Password, "{error}");
    }
}

fn parsed_identities() {
    let chain = Certificate::chain_from_pem(library(), &Pki::shared().server.chain).unwrap();
    serves(Identity::new(&chain, &plain()).unwrap());
}
