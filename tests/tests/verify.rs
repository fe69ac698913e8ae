//! Which certificates a client refuses by default, what the error says, where roots come from, and bad PEM.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use dlssl::{Acceptor, Connector, Error, ErrorKind, HandshakeError, Identity, Protocol, Roots, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::library;
use dlssl_tests::peers::openssl_server;
use dlssl_tests::pki::{Authority, Leaf, NAME, Pair, Pki};
use dlssl_tests::process::{self, foreign};
use dlssl_tests::talk::{acceptor, connector, protocols, shake};
use dlssl_tests::wire::{End, pipe};
use rcgen::DistinguishedName;
use tempfile::TempDir;

fn main() -> ExitCode {
    run(vec![
        test("expired", || {
            refuses(&good().issue(&Leaf::server(NAME).expired()), NAME, &["expired"]);
        }),
        test("not_yet_valid", || {
            let pair = good().issue(&Leaf::server(NAME).not_yet_valid());
            refuses(&pair, NAME, &["not yet valid"]);
        }),
        test("self_signed", || {
            // Older versions look for an issuer first, and miss it.
            refuses(&Leaf::server(NAME).self_signed(), NAME, &["certificate"]);
        }),
        test("untrusted_root", || {
            let pair = Authority::new("a stranger").issue(&Leaf::server(NAME));
            refuses(&pair, NAME, &["certificate"]);
        }),
        test("wrong_name", || {
            let pair = good().issue(&Leaf::server("other.test"));
            refuses(&pair, NAME, &["ostname mismatch"]);
        }),
        test("wrong_address", || {
            let pair = good().issue(&Leaf::address([192, 0, 2, 1].into()));
            refuses(&pair, "127.0.0.1", &["IP address mismatch"]);
        }),
        test("address_is_not_a_name", || {
            // A DNS entry that spells the address does not count as the address.
            let pair = good().issue(&Leaf::server("127.0.0.1").subject("127.0.0.1"));
            refuses(&pair, "127.0.0.1", &["IP address mismatch"]);
        }),
        test("a_clients_certificate_is_not_a_servers", || {
            let pair = good().issue(&Leaf::client(NAME));
            let connector = connector().danger_accept_invalid_names(true);
            let error = refusal(&connector.build().unwrap(), &pair, NAME);
            assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
        }),
        test("a_refusal_shows_the_dates", refusals_show_dates),
        test("a_refusal_shows_the_names", refusals_show_names),
        test("right_addresses", right_addresses),
        test("wildcards", wildcards),
        test("names_ignore_case", || {
            accepts(&good().issue(&Leaf::server(NAME)), "SERVER.Test");
        }),
        test("danger_switches", danger_switches),
        test("danger_names_still_checks_the_chain", danger_names_only),
        test("tls10_only_peer_of_our_own", old_peer_of_our_own),
        test("tls10_only_peer_of_openssl", old_peer_of_openssl).needs("openssl"),
        test("roots_from_a_file", roots_from_a_file),
        test("roots_from_bytes", roots_from_bytes),
        test("roots_from_a_directory", roots_from_a_directory).needs("openssl"),
        test("roots_from_no_good_directory", bad_directories),
        test("roots_together", roots_together),
        test("no_roots", no_roots),
        test("default_roots", default_roots),
        test("bad_roots", bad_roots),
        test("bad_identities", bad_identities),
        test("wrong_key", wrong_key),
        test("encrypted_key", encrypted_key),
        test("encrypted_pkcs8_key", encrypted_pkcs8_key).needs("openssl"),
        test("encrypted_key_does_not_prompt", encrypted_key_does_not_prompt).needs_linux(),
    ])
}

fn good() -> &'static Authority {
    &Pki::shared().authority
}

fn against(connector: &Connector, pair: &Pair, name: &str) -> Result<TlsStream<End>, Error> {
    let acceptor = Acceptor::builder(library(), pair.identity()).build().unwrap();
    let (client, _) = shake(connector, &acceptor, name, pipe());
    match client {
        Ok(stream) => Ok(stream),
        Err(HandshakeError::Failed(failed)) => Err(failed.into_error()),
        Err(HandshakeError::Blocked(mid)) => panic!("blocked: {}", mid.error()),
    }
}

fn refusal(connector: &Connector, pair: &Pair, name: &str) -> Error {
    against(connector, pair, name).expect_err("the certificate was accepted")
}

/// Refused by a connector with defaults, on every protocol, for a reason that the error tells together with the subject.
fn refuses(pair: &Pair, name: &str, reasons: &[&str]) {
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).build().unwrap();
        let error = refusal(&connector, pair, name);
        assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
        let verify = error.verify().expect("a verify failure");
        assert!(verify.code() != 0, "{error}");
        assert!(!verify.subject().is_empty(), "{error}");
        let text = error.to_string();
        for reason in reasons {
            assert!(verify.reason().contains(reason), "{reason:?}: {verify:?}");
        }
        assert!(text.contains(verify.reason()), "{text}");
        assert!(text.contains(verify.subject()), "{text}");
        assert!(!error.queue().entries().is_empty(), "{error:?}");
    }
}

/// What the error says, the same on every protocol and every library.
fn refused_in_words(pair: &Pair, name: &str, ending: &str) {
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).build().unwrap();
        let text = refusal(&connector, pair, name).to_string();
        assert!(text.ends_with(ending), "{text}\ndoes not end with\n{ending}");
    }
}

fn refusals_show_dates() {
    // 2020-01-31, one second before the end of the day, and 2021-02-28; what is to come is far away.
    let past = Leaf::server(NAME).with(|params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 31) + Duration::from_secs(86_399);
        params.not_after = rcgen::date_time_ymd(2021, 2, 28);
    });
    let future = Leaf::server(NAME).with(|params| {
        params.not_before = rcgen::date_time_ymd(2090, 1, 1);
        params.not_after = rcgen::date_time_ymd(2091, 1, 1);
    });
    refused_in_words(&good().issue(&past), NAME, ", depth 0, valid 2020-01-31T23:59:59Z to 2021-02-28T00:00:00Z)");
    refused_in_words(&good().issue(&future), NAME, ", depth 0, valid 2090-01-01T00:00:00Z to 2091-01-01T00:00:00Z)");
}

fn refusals_show_names() {
    let other = Leaf::server("other.test").and_address([192, 0, 2, 1].into());
    refused_in_words(&good().issue(&other), NAME, r#", depth 0, alternative names "other.test", 192.0.2.1)"#);
    refused_in_words(&good().issue(&other), "::1", r#", depth 0, alternative names "other.test", 192.0.2.1)"#);
    let none = Leaf::server(NAME).with(|params| params.subject_alt_names.clear());
    refused_in_words(&good().issue(&none), NAME, ", depth 0, no alternative names)");
    let many = (0..2000).fold(Leaf::server("first.test"), |leaf, n| leaf.and_name(&format!("{n}.test")));
    let few = r#""first.test", "0.test", "1.test", "2.test", "3.test" and 1996 more)"#;
    refused_in_words(&good().issue(&many), NAME, few);
    let hostile = Leaf::server("a.test\", \"server.test\n\u{1b}[2J");
    refused_in_words(&good().issue(&hostile), NAME, r#"alternative names "a.test\", \"server.test\n\u{1b}[2J")"#);
    // Nothing in the subject: what there is to say is in the names.
    let nobody = Leaf::server("other.test").with(|params| params.distinguished_name = DistinguishedName::new());
    refused_in_words(&good().issue(&nobody), NAME, r#"(at depth 0 of the chain, alternative names "other.test")"#);
    // A fault of another kind is about neither.
    let text = refusal(&connector().build().unwrap(), &Leaf::server(NAME).self_signed(), NAME).to_string();
    assert!(!text.contains("alternative names") && !text.contains("valid 20"), "{text}");
}

fn accepts(pair: &Pair, name: &str) {
    let connector = connector().build().unwrap();
    if let Err(error) = against(&connector, pair, name) {
        panic!("{name}: {error}");
    }
}

fn right_addresses() {
    accepts(&good().issue(&Leaf::address([127, 0, 0, 1].into())), "127.0.0.1");
    let six = std::net::Ipv6Addr::LOCALHOST;
    let pair = good().issue(&Leaf::address(six.into()));
    accepts(&pair, "::1");
    refuses(&pair, "::2", &["IP address mismatch"]);
}

fn wildcards() {
    let pair = good().issue(&Leaf::server("*.wild.test"));
    accepts(&pair, "a.wild.test");
    refuses(&pair, "a.b.wild.test", &["ostname mismatch"]);
    refuses(&pair, "wild.test", &["ostname mismatch"]);
    // Parts of a label are not matched: RFC 9525 forbids it.
    let pair = good().issue(&Leaf::server("a*.part.test"));
    refuses(&pair, "ab.part.test", &["ostname mismatch"]);
}

fn danger_switches() {
    let pairs = [
        Leaf::server(NAME).self_signed(),
        good().issue(&Leaf::server(NAME).expired()),
        good().issue(&Leaf::server("other.test")),
    ];
    for pair in &pairs {
        let connector = connector().danger_accept_invalid_certificates(true).danger_accept_invalid_names(true);
        let stream = against(&connector.build().unwrap(), pair, NAME).unwrap();
        assert_eq!(stream.peer_certificate_der().as_ref(), Some(&pair.der));
    }
}

fn danger_names_only() {
    let connector = connector().danger_accept_invalid_names(true).build().unwrap();
    against(&connector, &good().issue(&Leaf::server("other.test")), NAME).unwrap();
    let error = refusal(&connector, &Leaf::server(NAME).self_signed(), NAME);
    assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
}

/// Where the library itself can still play an old server.
fn old_peer_of_our_own() {
    let server =
        acceptor().min_protocol(Protocol::Tls10).max_protocol(Protocol::Tls10).cipher_list("ALL:@SECLEVEL=0").build();
    // A library without TLS 1.0 cannot be such a peer: that it says so is all there is to see.
    let Ok(server) = server else { return };
    let connector = connector().build().unwrap();
    let (client, server) = shake(&connector, &server, NAME, pipe());
    for error in [error_of(client), error_of(server)] {
        assert!(matches!(error.kind(), ErrorKind::Handshake | ErrorKind::Protocol), "{:?}: {error}", error.kind());
    }
}

fn error_of<S>(result: Result<TlsStream<S>, HandshakeError<S>>) -> Error {
    match result {
        Ok(_) => panic!("TLS 1.0 was agreed on"),
        Err(error) => error.into(),
    }
}

fn old_peer_of_openssl() {
    let server = openssl_server(Pki::shared(), &["-tls1", "-cipher", "ALL:@SECLEVEL=0", "-quiet"]);
    let socket = std::net::TcpStream::connect(server.address()).unwrap();
    socket.set_read_timeout(Some(process::PATIENCE)).unwrap();
    let connector = connector().build().unwrap();
    let error: Error = connector.connect(NAME, socket).expect_err("TLS 1.0").into();
    assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
}

fn trusting(roots: Roots) -> Result<Connector, Error> {
    Connector::builder(library()).roots(roots).build()
}

/// Whether roots lead to trust in the good server.
fn trusts(roots: Roots) -> bool {
    let connector = trusting(roots).unwrap();
    against(&connector, &Pki::shared().server, NAME).is_ok()
}

fn roots_from_a_file() {
    assert!(trusts(Roots::file(Pki::shared().root_path())));
}

fn roots_from_bytes() {
    let other = Authority::new("another");
    let both = format!("{}some words between\n{}", other.root_pem(), good().root_pem());
    assert!(trusts(Roots::pem(both)));
    assert!(!trusts(Roots::pem(other.root_pem().to_owned())));
}

/// The hashed names that `openssl rehash` makes.
fn roots_from_a_directory() {
    let dir = TempDir::new().unwrap();
    std::fs::copy(Pki::shared().root_path(), dir.path().join("root.pem")).unwrap();
    let hash = process::run(
        foreign("openssl").args(["x509", "-noout", "-subject_hash", "-in"]).arg(Pki::shared().root_path()),
        b"",
    )
    .success();
    let link = dir.path().join(format!("{}.0", hash.stdout.trim()));
    std::fs::copy(Pki::shared().root_path(), link).unwrap();
    assert!(trusts(Roots::directory(dir.path())));
}

/// What is the matter with it, before anybody is asked.
fn bad_directories() {
    let empty = TempDir::new().unwrap();
    let root = Pki::shared().root_path();
    let cases = [
        (empty.path(), "holds no certificate named by hash; run `openssl rehash` on it"),
        (&root, "is a file, not a folder of certificates"),
    ];
    for (path, words) in cases {
        let error = trusting(Roots::directory(path)).expect_err("nobody is trusted");
        assert_eq!(error.kind(), ErrorKind::NoRoots, "{error}");
        assert_eq!(error.to_string(), format!("{} {words}", path.display()));
    }
    let gone = empty.path().join("gone");
    let error = trusting(Roots::directory(&gone)).expect_err("nobody is trusted");
    assert_eq!(error.kind(), ErrorKind::NoRoots, "{error}");
    assert_eq!(error.io_error().unwrap().kind(), std::io::ErrorKind::NotFound);
    assert!(error.to_string().starts_with(&format!("cannot read {}: ", gone.display())), "{error}");
}

fn roots_together() {
    let other = Authority::new("another");
    let roots = Roots::file(Pki::shared().root_path()).and(other.roots());
    let connector = trusting(roots).unwrap();
    against(&connector, &Pki::shared().server, NAME).unwrap();
    against(&connector, &other.issue(&Leaf::server(NAME)), NAME).unwrap();
}

/// Nothing to trust is noticed before anybody is asked.
fn no_roots() {
    let error = trusting(Roots::none()).expect_err("nobody is trusted");
    assert_eq!(error.kind(), ErrorKind::NoRoots, "{error}");
    // Who verifies nothing needs none.
    let careless = Connector::builder(library()).roots(Roots::none()).danger_accept_invalid_certificates(true);
    careless.build().unwrap();
}

/// Either real certificates are found, with a place that exists, or the error says where it looked.
fn default_roots() {
    match dlssl::default_roots(library()) {
        Ok(found) => {
            assert!(!found.origin().is_empty());
            assert!(found.file().is_some() || found.directory().is_some());
            for place in [found.file(), found.directory()].into_iter().flatten() {
                assert!(place.exists(), "{}", place.display());
            }
            assert!(!found.considered().is_empty());
            assert!(!found.to_string().is_empty());
            // None of them signed our server.
            let connector = Connector::builder(library()).build().unwrap();
            let error = refusal(&connector, &Pki::shared().server, NAME);
            assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NoRoots, "{error}");
            let built = Connector::builder(library()).build();
            assert_eq!(built.unwrap_err().kind(), ErrorKind::NoRoots);
        }
    }
}

fn truncated(pem: &str) -> String {
    pem[..pem.len() / 2].to_owned()
}

fn bad_roots() {
    let pem = good().root_pem();
    let dir = TempDir::new().unwrap();
    let file = |name: &str, content: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, content).unwrap();
        file
    };
    let garbled = pem.replace('\n', "\n%%%");
    for (what, bad) in [
        ("empty", String::new()),
        ("no PEM", "these are not the roots you are looking for\n".to_owned()),
        ("truncated", truncated(pem)),
        ("garbled", garbled),
        ("one good, one truncated", format!("{pem}{}", truncated(pem))),
    ] {
        let error = trusting(Roots::pem(bad.clone())).expect_err(what);
        assert!(matches!(error.kind(), ErrorKind::Pem | ErrorKind::NoRoots), "{what}: {:?}: {error}", error.kind());
        let path = file("bad.pem", &bad);
        let error = trusting(Roots::file(&path)).expect_err(what);
        assert!(matches!(error.kind(), ErrorKind::Pem | ErrorKind::NoRoots), "{what}: {:?}: {error}", error.kind());
        assert!(error.to_string().contains("bad.pem"), "{what}: {error}");
    }
    let missing = dir.path().join("missing.pem");
    let error = trusting(Roots::file(&missing)).expect_err("missing");
    assert!(error.to_string().contains("missing.pem"), "{error}");
    let error = trusting(Roots::directory(&missing)).expect_err("missing");
    assert!(error.to_string().contains("missing.pem"), "{error}");
}

fn identity_error(chain: &str, key: &str) -> Error {
    Acceptor::builder(library(), Identity::pem(chain, key)).build().expect_err("a bad identity was taken")
}

fn bad_identities() {
    let Pair { chain, key, .. } = &Pki::shared().server;
    let cases: [(&str, &str, &str); 7] = [
        ("empty chain", "", key),
        ("empty key", chain, ""),
        ("chain is a key", key, key),
        ("key is a chain", chain, chain),
        ("words", "words", key),
        ("truncated chain", &truncated(&chain[..400]), key),
        ("truncated key", chain, &truncated(key)),
    ];
    for (what, chain, key) in cases {
        let error = identity_error(chain, key);
        assert_eq!(error.kind(), ErrorKind::Pem, "{what}: {error}");
    }
    // The leaf is whole, what follows is not: a silently shortened chain would fail at the peers.
    let broken_rest = format!("{chain}{}", truncated(good().root_pem()));
    assert_eq!(identity_error(&broken_rest, key).kind(), ErrorKind::Pem);
    let nowhere = Identity::pem_files("/nonexistent/chain.pem", "/nonexistent/key.pem");
    let error = Acceptor::builder(library(), nowhere).build().expect_err("no file");
    assert!(error.to_string().contains("/nonexistent/chain.pem"), "{error}");
}

fn wrong_key() {
    let error = identity_error(&Pki::shared().server.chain, &Pki::shared().client.key);
    assert!(matches!(error.kind(), ErrorKind::Pem | ErrorKind::Configuration), "{:?}: {error}", error.kind());
    assert!(!error.queue().entries().is_empty(), "{error:?}");
    // The client's side checks as well.
    let pki = Pki::shared();
    let mixed = Identity::pem(pki.client.chain.clone(), pki.server.key.clone());
    connector().identity(mixed).build().expect_err("a wrong key");
}

/// A key in the old PEM encryption: the password is asked for before anything is decrypted, so the rest may be noise.
fn old_encrypted_key() -> String {
    let body = "TmV2ZXIgZGVjcnlwdGVkLCBvbmx5IGFza2VkIGZvci4gTmV2ZXIgZGVjcnlwdGVk";
    let body = format!("{body}\n{body}\n");
    format!(
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
         DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n{body}-----END EC PRIVATE KEY-----\n"
    )
}

fn encrypted_key() {
    let error = identity_error(&Pki::shared().server.chain, &old_encrypted_key());
    assert_eq!(error.kind(), ErrorKind::Password, "{error}");
    let text = error.to_string().to_lowercase();
    assert!(text.contains("password") || text.contains("encrypted"), "{text}");
}

fn encrypted_pkcs8_key() {
    let encrypted = process::run(
        foreign("openssl")
            .args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:secret", "-in"])
            .arg(Pki::shared().server_key_path()),
        b"",
    )
    .success();
    let error = identity_error(&Pki::shared().server.chain, &encrypted.stdout);
    assert_eq!(error.kind(), ErrorKind::Password, "{error}");
    let text = error.to_string().to_lowercase();
    assert!(text.contains("password") || text.contains("encrypted"), "{text}");
}

/// OpenSSL's own callback would ask on the terminal: a child with a terminal of its own shows that nothing is asked.
fn encrypted_key_does_not_prompt() {
    let dir = TempDir::new().unwrap();
    let key = dir.path().join("key.pem");
    std::fs::write(&key, old_encrypted_key()).unwrap();
    let chain = Pki::shared().server_chain_path();
    let (said, shown) = on_a_terminal(chain, &key);
    assert!(said.starts_with("refused: Password"), "{said}");
    assert_eq!(shown, "", "the terminal shows something");
}

#[cfg(unix)]
fn on_a_terminal(chain: &Path, key: &Path) -> (String, String) {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::{AsRawFd, FromRawFd};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    let (mut master, mut slave) = (0, 0);
    let null = std::ptr::null_mut();
    // SAFETY: both descriptors are written to live integers; the other three may be null.
    let made = unsafe { libc::openpty(&raw mut master, &raw mut slave, null, null.cast(), null.cast()) };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: both descriptors were just made and belong to nobody else.
    let (mut master, slave) = unsafe { (File::from_raw_fd(master), File::from_raw_fd(slave)) };
    let terminal = slave.as_raw_fd();
    let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
    command.arg("encrypted-key").arg(chain).arg(key);
    // SAFETY: between fork and exec only two system calls are made.
    unsafe {
        command.pre_exec(move || {
            if libc::setsid() < 0 || libc::ioctl(terminal, libc::TIOCSCTTY, 0) < 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    let outcome = process::run(&mut command, b"").success();
    drop(slave);
    let mut shown = Vec::new();
    // With the last slave closed Linux answers EIO, which ends the reading as well.
    let _ = master.read_to_end(&mut shown);
    (outcome.stdout, String::from_utf8_lossy(&shown).into_owned())
}

#[cfg(not(unix))]
fn on_a_terminal(_: &Path, _: &Path) -> (String, String) {
    unreachable!("Linux only")
}
