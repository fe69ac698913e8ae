//! Finer settings: each is kept, or is a typed error; identities in all their forms; functions of the program.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dlssl::{Acceptor, AlpnAnswer, Error, ErrorKind, Flavour, Identity, Protocol, TlsOption, Version};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{has_kernel_tls, has_tls13, is_openssl_from, library};
use dlssl_tests::pem::{pem_blocks, pem_to_der};
use dlssl_tests::pki::{NAME, Pair, Pki};
use dlssl_tests::process::{foreign, run as run_process};
use dlssl_tests::talk::{acceptor, both, connector, joined, protocols, shake};
use dlssl_tests::wire::pipe;
use tempfile::TempDir;

fn main() -> ExitCode {
    run(vec![
        test("versions_left_out", versions_left_out),
        test("no_version_left", no_version_left),
        test("options_by_name", options_by_name),
        test("groups", groups),
        test("signature_algorithms", signature_algorithms),
        test("security_levels", security_levels),
        test("old_protocols_depend_on_the_level", old_protocols),
        test("buffers_given_back", release_buffers),
        test("alpn_by_a_function", alpn_by_function),
        test("alpn_by_a_function_that_panics", alpn_panics),
        test("key_log", key_log),
        test("key_log_from_the_environment", key_log_variable),
        test("info", info),
        test("psk", psk),
        test("bits_and_sides", bits_and_sides),
        test("the_default_connector", default_connector),
        test("der", der),
        test("encrypted_keys", encrypted_keys).needs("openssl"),
        test("a_password_function_that_panics", password_panics).needs("openssl"),
        test("pkcs12", pkcs12).needs("openssl"),
        test("pkcs12_of_old", old_pkcs12).needs("openssl"),
    ])
}

fn works(acceptor: &Acceptor) {
    joined(&connector().build().unwrap(), acceptor);
    assert!(library().take_errors().is_empty());
}

/// Builds, or refuses with this kind and says which library.
fn kept_or<T>(kept: bool, built: Result<T, Error>) -> Option<T> {
    match built {
        Ok(built) => {
            assert!(kept, "it was taken");
            Some(built)
        }
        Err(error) => {
            assert!(!kept, "{error}");
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains(&library().version().to_string()), "{error}");
            assert!(library().take_errors().is_empty());
            None
        }
    }
}

fn versions_left_out() {
    for left_out in [Protocol::Tls12, Protocol::Tls13] {
        let connector = connector().disable_protocol(left_out).build();
        if left_out == Protocol::Tls12 && !has_tls13() {
            assert_eq!(connector.unwrap_err().kind(), ErrorKind::Configuration);
            continue;
        }
        let connector = connector.unwrap();
        let acceptor = acceptor().build().unwrap();
        let (client, _server) = joined(&connector, &acceptor);
        let other = if left_out == Protocol::Tls12 { Protocol::Tls13 } else { Protocol::Tls12 };
        assert_eq!(client.protocol(), Some(other));
        let only = self::acceptor().min_protocol(left_out).max_protocol(left_out).build();
        if let Ok(only) = only {
            let (client, server) = shake(&connector, &only, NAME, pipe());
            assert!(client.is_err() && server.is_err());
            let _ = library().take_errors();
        }
    }
    // A hole in the middle of what a server speaks.
    let hole = acceptor().min_protocol(Protocol::Tls10).disable_protocol(Protocol::Tls12).build().unwrap();
    if has_tls13() {
        assert_eq!(joined(&connector().build().unwrap(), &hole).0.protocol(), Some(Protocol::Tls13));
    }
}

fn no_version_left() {
    let all = [Protocol::Tls10, Protocol::Tls11, Protocol::Tls12, Protocol::Tls13];
    let connector = all.into_iter().fold(connector(), dlssl::ConnectorBuilder::disable_protocol);
    assert_eq!(connector.build().unwrap_err().kind(), ErrorKind::Configuration);
    let acceptor = acceptor().max_protocol(Protocol::Tls12).disable_protocol(Protocol::Tls12);
    assert_eq!(acceptor.build().unwrap_err().kind(), ErrorKind::Configuration);
}

/// By the versions' history.
fn options_by_name() {
    let kept = |name: &str| match name {
        "PRIORITIZE_CHACHA" | "ENABLE_MIDDLEBOX_COMPAT" => is_openssl_from("1.1.1"),
        "CLEANSE_PLAINTEXT" | "DISABLE_TLSEXT_CA_NAMES" => is_openssl_from("3.0.0"),
        "ENABLE_KTLS" => has_kernel_tls(),
        _ => true,
    };
    for (name, option) in TlsOption::ALL {
        if let Some(connector) = kept_or(kept(name), connector().option(*option).build()) {
            let acceptor = acceptor().option(name.parse().unwrap()).build().unwrap();
            joined(&connector, &acceptor);
        }
    }
}

fn groups() {
    let acceptor = acceptor().groups("P-384:P-256").build().unwrap();
    joined(&connector().groups("P-256").build().unwrap(), &acceptor);
    let (client, server) = shake(&connector().groups("P-521").build().unwrap(), &acceptor, NAME, pipe());
    assert!(client.is_err() && server.is_err());
    let _ = library().take_errors();
    for nonsense in ["no-such-group", "", "P-256:no-such-group", "a\0b"] {
        let error = connector().groups(nonsense).build().map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{nonsense:?}: {error}");
        assert!(library().take_errors().is_empty());
    }
}

fn signature_algorithms() {
    let openssl = library().flavour() == Flavour::OpenSsl;
    let Some(fitting) = kept_or(openssl, connector().signature_algorithms("ECDSA+SHA256").build()) else { return };
    let acceptor = acceptor().build().unwrap();
    joined(&fitting, &acceptor);
    // The server's key is elliptic.
    let other = connector().signature_algorithms("RSA+SHA256").build().unwrap();
    let (client, server) = shake(&other, &acceptor, NAME, pipe());
    assert!(client.is_err() && server.is_err());
    let _ = library().take_errors();
    let error = connector().signature_algorithms("NONSENSE").build().map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

fn security_levels() {
    let floor = if library().flavour() == Flavour::LibreSsl { "3.6.0" } else { "1.1.0" };
    let has = library().version() >= Version::parse(floor).unwrap();
    if let Some(connector) = kept_or(has, connector().security_level(3).build()) {
        joined(&connector, &acceptor().build().unwrap());
        // 128 bits of an elliptic key of 256 are not 192.
        let strict = self::connector().security_level(4).build().unwrap();
        let (client, _server) = shake(&strict, &acceptor().build().unwrap(), NAME, pipe());
        assert!(client.is_err());
        let _ = library().take_errors();
        let error = self::connector().security_level(0).build().map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        let error = self::connector().security_level(6).build().map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }
    kept_or(has, connector().danger_security_level(0).build());
}

/// TLS 1.0 and 1.1 need SHA-1, which level 1 forbids from OpenSSL 3.0 on.
fn old_protocols() {
    for protocol in [Protocol::Tls10, Protocol::Tls11] {
        let client = connector().min_protocol(protocol).max_protocol(protocol);
        let server = acceptor().min_protocol(protocol).max_protocol(protocol);
        let (client_side, server_side) = shake(&client.build().unwrap(), &server.build().unwrap(), NAME, pipe());
        if is_openssl_from("3.0.0") {
            let error = Error::from(client_side.unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
            assert!(server_side.is_err());
        } else {
            assert_eq!(client_side.unwrap().protocol(), Some(protocol));
            server_side.unwrap();
        }
        let _ = library().take_errors();
        let weakened = (client.danger_security_level(0).build(), server.danger_security_level(0).build());
        if let (Ok(client), Ok(server)) = weakened {
            assert_eq!(joined(&client, &server).0.protocol(), Some(protocol));
        }
    }
}

fn release_buffers() {
    joined(&connector().release_buffers(true).build().unwrap(), &acceptor().release_buffers(true).build().unwrap());
}

fn alpn_by_function() {
    let acceptor = acceptor()
        .alpn_with(|offered| match offered {
            [_, second] => AlpnAnswer::Protocol(second),
            [b"static"] => AlpnAnswer::Protocol(b"static"),
            [b"other"] => AlpnAnswer::Protocol(b"not offered"),
            [b"whatever"] => AlpnAnswer::Nothing,
            _ => AlpnAnswer::Refuse,
        })
        .build()
        .unwrap();
    let with = |offered: &[&str]| {
        let connector = connector().alpn(offered).build().unwrap();
        let (client, server) = shake(&connector, &acceptor, NAME, pipe());
        let server = server.map_err(Error::from);
        let _ = library().take_errors();
        (client.ok().and_then(|client| client.alpn().map(<[u8]>::to_vec)), server.map_err(|error| error.kind()).err())
    };
    assert_eq!(with(&["a", "b"]), (Some(b"b".to_vec()), None));
    assert_eq!(with(&["static"]), (Some(b"static".to_vec()), None));
    assert_eq!(with(&["other"]).1, Some(ErrorKind::Handshake));
    assert_eq!(with(&["a", "b", "c"]).1, Some(ErrorKind::Handshake));
    assert_eq!(with(&["whatever"]), (None, None));
    assert_eq!(with(&[]), (None, None));
}

fn alpn_panics() {
    let acceptor = acceptor().alpn_with(|_| std::panic::resume_unwind(Box::new("choosing"))).build().unwrap();
    let connector = connector().alpn(["a"]).build().unwrap();
    let (ours, theirs) = pipe();
    let (_, server) = both(
        || connector.connect(NAME, ours).map(drop).is_ok(),
        || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(acceptor.accept(theirs)))),
    );
    assert_eq!(server.unwrap_err().downcast_ref::<&str>(), Some(&"choosing"));
    let _ = library().take_errors();
}

fn key_log() {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&lines);
    let built = connector().danger_key_log(move |line| sink.lock().unwrap().push(line.to_owned())).build();
    let Some(connector) = kept_or(is_openssl_from("1.1.1"), built) else { return };
    joined(&connector, &acceptor().build().unwrap());
    let lines = lines.lock().unwrap();
    assert!(lines.iter().any(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")), "{lines:?}");
}

/// In a process of its own, since the environment of this one is never changed.
fn key_log_variable() {
    const CHILD: &str = "DLSSL_TEST_KEY_LOG_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let connector = connector().danger_key_log_from_environment().build().unwrap();
        joined(&connector, &acceptor().build().unwrap());
        return;
    }
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("keys");
    let child = |variable: bool| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "key_log_from_the_environment"]).env(CHILD, "1").env_remove("SSLKEYLOGFILE");
        if variable {
            command.env("SSLKEYLOGFILE", &file);
        }
        run_process(&mut command, b"").status.success()
    };
    let openssl = is_openssl_from("1.1.1");
    assert_eq!(child(true), openssl);
    if openssl {
        let once = std::fs::read_to_string(&file).unwrap();
        assert!(once.contains("CLIENT_TRAFFIC_SECRET_0"), "{once}");
        // Appended to; and without the variable, nothing.
        assert!(child(true));
        assert!(std::fs::read_to_string(&file).unwrap().len() > once.len());
        std::fs::remove_file(&file).unwrap();
        assert!(child(false));
        assert!(!file.exists());
    }
}

fn info() {
    let (done, alerts) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (counted, kept) = (Arc::clone(&done), Arc::clone(&alerts));
    let connector = connector()
        .info(move |event| {
            assert!(!event.state().is_empty());
            counted.fetch_add(usize::from(event.bits() & 0x20 != 0), Ordering::SeqCst);
            kept.lock().unwrap().extend(event.alert().map(|alert| (alert.to_owned(), event.is_received())));
        })
        .build()
        .unwrap();
    let (mut client, mut server) = joined(&connector, &acceptor().build().unwrap());
    assert!(done.load(Ordering::SeqCst) > 0);
    server.shutdown().unwrap();
    assert_eq!(std::io::Read::read(&mut client, &mut [0; 1]).unwrap(), 0);
    let alerts = alerts.lock().unwrap();
    assert!(alerts.iter().any(|(alert, received)| alert == "warning close notify" && *received), "{alerts:?}");
}

fn psk() {
    let key = vec![0x5a; 32];
    let known = key.clone();
    let openssl = library().flavour() == Flavour::OpenSsl;
    let server = acceptor().psk_with(move |name| (name == "client 7").then(|| known.clone()));
    let client = |name: &str, key: &[u8]| connector().psk(name, key);
    for protocol in protocols() {
        // Suites with pre-shared keys are not among the defaults of every version.
        let suites = "PSK:ECDHE-ECDSA-AES128-GCM-SHA256";
        let bound = |builder: dlssl::ConnectorBuilder| {
            let builder = builder.min_protocol(protocol).max_protocol(protocol).cipher_list(suites);
            if protocol == Protocol::Tls13 { builder.ciphersuites("TLS_AES_128_GCM_SHA256") } else { builder }
        };
        let built = server.clone().min_protocol(protocol).cipher_list(suites);
        let built = if protocol == Protocol::Tls13 { built.ciphersuites("TLS_AES_128_GCM_SHA256") } else { built };
        let Some(acceptor) = kept_or(openssl, built.build()) else {
            kept_or(openssl, client("client 7", &key).build());
            return;
        };
        let connector = bound(client("client 7", &key)).build().unwrap();
        let (known, server) = joined(&connector, &acceptor);
        assert_eq!(known.peer_certificate_der(), None, "{protocol}");
        let names = (known.psk_identity(), server.psk_identity());
        assert_eq!(names, (Some("client 7".to_owned()), Some("client 7".to_owned())), "{protocol}");
        // What a resumed session says of it.
        let (again, again_server) = joined(&connector, &acceptor);
        assert!(again.session_reused(), "{protocol}");
        let left = if protocol == Protocol::Tls13 { (None, None) } else { names };
        assert_eq!((again.psk_identity(), again_server.psk_identity()), left, "{protocol}");
        // Certificates have none.
        let suites = bound(self::connector());
        let (client_side, server_side) = joined(&suites.build().unwrap(), &acceptor);
        assert_eq!((client_side.psk_identity(), server_side.psk_identity()), (None, None), "{protocol}");
        // A wrong key ends it.
        let wrong = bound(client("client 7", &[1; 32])).build().unwrap();
        let (client_side, server_side) = shake(&wrong, &acceptor, NAME, pipe());
        assert!(client_side.is_err() && server_side.is_err(), "{protocol}");
        let _ = library().take_errors();
    }
}

fn bits_and_sides() {
    for (suite, bits) in [("ECDHE-ECDSA-AES128-GCM-SHA256", 128), ("ECDHE-ECDSA-AES256-GCM-SHA384", 256)] {
        let connector = connector().max_protocol(Protocol::Tls12).cipher_list(suite).build().unwrap();
        let (client, server) = joined(&connector, &acceptor().build().unwrap());
        assert_eq!((client.cipher(), client.cipher_bits(), server.cipher_bits()), (suite, bits, bits));
        assert!(server.is_server() && !client.is_server());
    }
}

fn default_connector() {
    let (one, two) = (connector().build().unwrap(), connector().alpn(["two"]).build().unwrap());
    let acceptor = acceptor().alpn(["two"]).build().unwrap();
    let alpn = || {
        let connector = dlssl::default_connector().unwrap();
        joined(&connector, &acceptor).0.alpn().map(<[u8]>::to_vec)
    };
    dlssl::set_default_connector(one.clone());
    assert_eq!(alpn(), None);
    dlssl::with_default_connector(&two, || {
        assert_eq!(alpn(), Some(b"two".to_vec()));
        dlssl::with_default_connector(&one, || assert_eq!(alpn(), None));
        assert_eq!(alpn(), Some(b"two".to_vec()));
        // For this thread alone.
        std::thread::scope(|scope| scope.spawn(|| assert_eq!(alpn(), None)).join().unwrap());
    });
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        dlssl::with_default_connector(&two, || std::panic::resume_unwind(Box::new(())));
    }));
    assert!(panic.is_err());
    assert_eq!(alpn(), None);
}

fn server() -> &'static Pair {
    &Pki::shared().server
}

fn der() {
    let (chain, key) = (pem_blocks(&server().chain).unwrap(), pem_to_der(&server().key).unwrap());
    assert_eq!(chain[0], server().der);
    works(&Acceptor::builder(library(), Identity::der(chain.clone(), key.clone())).build().unwrap());
    let other = pem_to_der(&Pki::shared().client.key).unwrap();
    for identity in [
        Identity::der([], key.clone()),
        Identity::der([b"no certificate".to_vec()], key),
        Identity::der(chain.clone(), "no key"),
        Identity::der(chain, other),
    ] {
        let error = Acceptor::builder(library(), identity).build().map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pem, "{error}");
        assert!(library().take_errors().is_empty());
    }
}

fn openssl(arguments: &[&str]) -> bool {
    run_process(foreign("openssl").args(arguments), b"").status.success()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The server's key, encrypted in both ways that are met.
fn encrypted(dir: &Path) -> Vec<PathBuf> {
    let (pkcs8, traditional) = (dir.join("pkcs8.pem"), dir.join("traditional.pem"));
    let key = text(Pki::shared().server_key_path());
    assert!(openssl(&[
        "pkcs8",
        "-topk8",
        "-v2",
        "aes-256-cbc",
        "-in",
        key,
        "-out",
        text(&pkcs8),
        "-passout",
        "pass:secret"
    ]));
    assert!(openssl(&["ec", "-aes128", "-in", key, "-out", text(&traditional), "-passout", "pass:secret"]));
    vec![pkcs8, traditional]
}

fn encrypted_keys() {
    let dir = TempDir::new().unwrap();
    for file in encrypted(dir.path()) {
        let identity = || Identity::pem_files(Pki::shared().server_chain_path(), &file);
        let build = |identity: Identity| Acceptor::builder(library(), identity).build();
        works(&build(identity().password("secret")).unwrap());
        works(&build(identity().password_with(|| Some(b"secret".to_vec()))).unwrap());
        let long = "x".repeat(5000);
        for wrong in [
            identity(),
            identity().password("wrong"),
            identity().password(""),
            identity().password(long),
            identity().password_with(|| None),
        ] {
            let error = build(wrong).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Password, "{error}");
            assert!(!format!("{error:?}").contains("secret"));
            assert!(library().take_errors().is_empty());
        }
    }
    // Not asked for where nothing is encrypted.
    let plain = server().identity().password_with(|| std::panic::resume_unwind(Box::new("asked")));
    works(&Acceptor::builder(library(), plain).build().unwrap());
}

fn password_panics() {
    let dir = TempDir::new().unwrap();
    for file in encrypted(dir.path()) {
        let identity = Identity::pem_files(Pki::shared().server_chain_path(), &file)
            .password_with(|| std::panic::resume_unwind(Box::new("asked")));
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            Acceptor::builder(library(), identity).build().map(drop)
        }))
        .unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"asked"));
        assert!(library().take_errors().is_empty());
    }
}

fn export(dir: &Path, name: &str, options: &[&str]) -> Option<PathBuf> {
    let file = dir.join(name);
    let chain = text(Pki::shared().server_chain_path());
    let key = text(Pki::shared().server_key_path());
    let arguments = ["pkcs12", "-export", "-in", chain, "-inkey", key, "-out", text(&file), "-passout", "pass:secret"];
    openssl(&[&arguments, options].concat()).then_some(file)
}

fn pkcs12() {
    let dir = TempDir::new().unwrap();
    let options = ["-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC", "-macalg", "sha256"];
    let file = export(dir.path(), "modern.p12", &options).unwrap();
    let build = |identity: Identity| Acceptor::builder(library(), identity).build();
    works(&build(Identity::pkcs12_file(&file, "secret")).unwrap());
    let bytes = std::fs::read(&file).unwrap();
    works(&build(Identity::pkcs12(bytes.clone(), "secret")).unwrap());
    for (identity, kind) in [
        (Identity::pkcs12(bytes.clone(), "wrong"), ErrorKind::Password),
        (Identity::pkcs12(bytes.clone(), "a\0b"), ErrorKind::Password),
        (Identity::pkcs12(&bytes[..bytes.len() / 2], "secret"), ErrorKind::Pem),
        (Identity::pkcs12("no file", "secret"), ErrorKind::Pem),
        (Identity::pkcs12_file(dir.path().join("nowhere"), "secret"), ErrorKind::Io),
    ] {
        let error = build(identity).map(drop).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(library().take_errors().is_empty());
    }
}

/// 40-bit RC2, as files were written for decades.
fn old_pkcs12() {
    let dir = TempDir::new().unwrap();
    let options = ["-keypbe", "PBE-SHA1-RC2-40", "-certpbe", "PBE-SHA1-RC2-40", "-macalg", "sha1"];
    let file = export(dir.path(), "old.p12", &options)
        .or_else(|| export(dir.path(), "old.p12", &[&options[..], &["-legacy"]].concat()))
        .expect("openssl writes an old file");
    let built = Acceptor::builder(library(), Identity::pkcs12_file(&file, "secret")).build();
    if is_openssl_from("3.0.0") {
        let error = built.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains("legacy provider"), "{error}");
    } else {
        works(&built.unwrap());
    }
    assert!(library().take_errors().is_empty());
}
