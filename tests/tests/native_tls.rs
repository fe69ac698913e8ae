//! The names of native-tls over dlssl: what they do, and what a program sees that is written to them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::error::Error as _;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode};

use dlssl_tests::examples;
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{has_tls13, library, loader, set_environment};
use dlssl_tests::pki::{Authority, Leaf, NAME, Pki};
use dlssl_tests::process::{self, Running, foreign};
use dlssl_tests::talk::{both, pattern, send, tcp_pair};
use dlssl_tests::wire::{nonblocking_pipe, pipe};
use native_tls::dlssl::{self, ErrorKind};
use native_tls::{
    Certificate, Error, HandshakeError, Identity, MidHandshakeTlsStream, Protocol, TlsAcceptor, TlsAcceptorBuilder,
    TlsConnector, TlsConnectorBuilder, TlsStream,
};
use tempfile::TempDir;

fn main() -> ExitCode {
    // As a program chooses: at start-up, for all that is made by these names.
    dlssl::reload_with(loader()).unwrap();
    run(vec![
        test("bytes_go_both_ways", bytes),
        test("types_are_send_and_sync", kinds),
        test("alpn", alpn),
        test("versions_are_bounded", versions),
        test("ssl_3_bounds_nothing_or_is_refused", sslv3),
        test("another_name_is_refused", bad_name),
        test("a_certificate_of_nobody_is_refused", bad_certificate),
        test("danger_is_taken_when_asked_for", danger),
        test("a_name_that_nobody_looks_at_may_be_anything", any_name),
        test("sni_is_sent_or_not", sni),
        test("roots_that_are_missing", missing_roots).only_if(cfg!(unix), || "no such variables here".to_owned()),
        test("handshake_over_a_stream_that_is_not_ready", not_ready),
        test("nothing_is_read_ahead", nothing_ahead),
        test("a_client_shows_itself_by_pkcs8", || client_identity(pkcs8(&Pki::shared().client))),
        test("a_client_shows_itself_by_pkcs12", || {
            client_identity(Identity::from_pkcs12(&pkcs12(), "secret").unwrap());
        })
        .needs("openssl"),
        test("faults_of_identities", identity_faults),
        test("faults_of_pkcs12", pkcs12_faults).needs("openssl"),
        test("certificates", certificates),
        test("both_sides_know_the_end_point", end_point),
        test("shutdown", shutdown),
        test("a_cut_is_no_end", cut),
        test("a_reload_is_followed", reload),
        test("a_program_of_native_tls", ported),
        test("a_program_of_native_tls_with_pkcs12", ported_pkcs12).needs("openssl"),
        test("example", example),
    ])
}

fn root() -> Certificate {
    Certificate::from_pem(Pki::shared().authority.root_pem().as_bytes()).unwrap()
}

fn pkcs8(pair: &dlssl_tests::pki::Pair) -> Identity {
    Identity::from_pkcs8(pair.chain.as_bytes(), pair.key.as_bytes()).unwrap()
}

/// The shared client in a file of that form.
fn pkcs12() -> Vec<u8> {
    let pki = Pki::shared();
    export(pki.client_chain_path(), pki.client_key_path())
}

fn export(chain: &Path, key: &Path) -> Vec<u8> {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("identity.p12");
    let mut command = foreign("openssl");
    command.args(["pkcs12", "-export", "-passout", "pass:secret", "-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC"]);
    command.args(["-macalg", "sha256", "-in"]).arg(chain).arg("-inkey").arg(key).arg("-out").arg(&file);
    process::run(&mut command, b"").success();
    std::fs::read(file).unwrap()
}

fn connector() -> TlsConnectorBuilder {
    let mut builder = TlsConnector::builder();
    builder.add_root_certificate(root()).disable_built_in_roots(true);
    builder
}

fn acceptor() -> TlsAcceptorBuilder {
    TlsAcceptor::builder(pkcs8(&Pki::shared().server))
}

type Shaken = Result<TlsStream<TcpStream>, HandshakeError<TcpStream>>;

fn shake(client: &TlsConnectorBuilder, server: &TlsAcceptorBuilder, name: &str) -> (Shaken, Shaken) {
    shake_built(&client.build().unwrap(), &server.build().unwrap(), name)
}

fn shake_built(client: &TlsConnector, server: &TlsAcceptor, name: &str) -> (Shaken, Shaken) {
    let (near, far) = tcp_pair();
    both(|| client.connect(name, near), || server.accept(far))
}

fn pair() -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
    let (client, server) = shake(&connector(), &acceptor(), NAME);
    (client.unwrap(), server.unwrap())
}

#[track_caller]
fn kind(error: &Error) -> ErrorKind {
    error.as_dlssl().unwrap_or_else(|| panic!("dlssl was not asked: {error}")).kind()
}

#[track_caller]
fn failure(shaken: Shaken) -> Error {
    match shaken {
        Err(HandshakeError::Failure(error)) => error,
        other => panic!("it should fail: {other:?}"),
    }
}

fn bytes() {
    let (mut client, mut server) = pair();
    assert_eq!(client.library().version_text(), library().version_text(), "it is the library that was named");
    for (size, seed) in [(1, 1), (20_000, 2), (300_000, 3)] {
        send(&mut client, &mut server, &pattern(size, seed));
        send(&mut server, &mut client, &pattern(size, seed));
    }
    let parts = [io::IoSlice::new(b"in "), io::IoSlice::new(b"parts")];
    assert_eq!(client.write_vectored(&parts).unwrap(), 8, "they are one record");
    let mut back = [0; 8];
    server.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"in parts");
    assert!(!format!("{client:?} {:?} {:?}", connector(), acceptor()).is_empty());
}

/// As native-tls promises them.
fn kinds() {
    fn both<T: Send + Sync>() {}
    both::<Error>();
    both::<TlsConnectorBuilder>();
    both::<TlsConnector>();
    both::<TlsAcceptorBuilder>();
    both::<TlsAcceptor>();
    both::<TlsStream<TcpStream>>();
    both::<MidHandshakeTlsStream<TcpStream>>();
    both::<Certificate>();
    both::<Identity>();
}

fn alpn() {
    for (offered, taken, agreed) in [
        (&["h2", "http/1.1"][..], &["http/1.1", "h2"][..], Some("http/1.1")),
        (&["h2"], &["h2"], Some("h2")),
        (&[], &["h2"], None),
        (&["h2"], &[], None),
    ] {
        let (client, server) = shake(connector().request_alpns(offered), acceptor().accept_alpn(taken), NAME);
        for side in [client.unwrap(), server.unwrap()] {
            assert_eq!(side.negotiated_alpn().unwrap().as_deref(), agreed.map(str::as_bytes), "{offered:?} {taken:?}");
        }
    }
    let (client, server) = shake(connector().request_alpns(&["h2"]), acceptor().accept_alpn(&["http/1.1"]), NAME);
    assert_eq!(kind(&failure(client)), ErrorKind::Handshake);
    assert_eq!(kind(&failure(server)), ErrorKind::Handshake);
    assert_eq!(kind(&connector().request_alpns(&[""]).build().unwrap_err()), ErrorKind::Configuration);
}

fn versions() {
    // What native-tls does not tell is in what dlssl shows of a stream.
    let (client, _server) = shake(connector().max_protocol_version(Some(Protocol::Tlsv12)), &acceptor(), NAME);
    let client = format!("{:?}", client.unwrap());
    assert!(client.contains("TLSv1.2"), "{client}");
    let (client, _server) = pair();
    let newest = if has_tls13() { "TLSv1.3" } else { "TLSv1.2" };
    assert!(format!("{client:?}").contains(newest), "{client:?}");

    // Without an oldest version it is TLS 1.2, whichever way that is said.
    for builder in [connector().min_protocol_version(None), &mut connector()] {
        let error = builder.max_protocol_version(Some(Protocol::Tlsv11)).build().unwrap_err();
        assert_eq!(kind(&error), ErrorKind::Configuration, "{error}");
    }
    let error = acceptor().max_protocol_version(Some(Protocol::Tlsv11)).build().unwrap_err();
    assert_eq!(kind(&error), ErrorKind::Configuration, "{error}");
    connector()
        .min_protocol_version(Some(Protocol::Tlsv10))
        .max_protocol_version(Some(Protocol::Tlsv13))
        .build()
        .unwrap();
    if has_tls13() {
        let (client, server) = shake(
            connector().min_protocol_version(Some(Protocol::Tlsv13)),
            acceptor().max_protocol_version(Some(Protocol::Tlsv12)),
            NAME,
        );
        assert_eq!(kind(&failure(client)), ErrorKind::Handshake);
        assert_eq!(kind(&failure(server)), ErrorKind::Handshake);
    }
}

fn sslv3() {
    let (client, server) = shake(
        connector().min_protocol_version(Some(Protocol::Sslv3)),
        acceptor().min_protocol_version(Some(Protocol::Sslv3)),
        NAME,
    );
    assert!(client.is_ok() && server.is_ok());
    for error in [
        connector().max_protocol_version(Some(Protocol::Sslv3)).build().unwrap_err(),
        acceptor().max_protocol_version(Some(Protocol::Sslv3)).build().unwrap_err(),
    ] {
        assert!(error.to_string().contains("SSL 3.0") && error.as_dlssl().is_none(), "{error} {error:?}");
    }
}

fn bad_name() {
    let (client, server) = shake(&connector(), &acceptor(), "other.test");
    let error = failure(client);
    assert_eq!(kind(&error), ErrorKind::Certificate, "{error}");
    assert!(error.as_dlssl().unwrap().verify().is_some() && !format!("{error:?}").is_empty());
    drop(server);
    let (client, _server) = shake(&connector(), &acceptor(), "no name");
    assert_eq!(kind(&failure(client)), ErrorKind::InvalidName);
}

fn bad_certificate() {
    let authority = Authority::new("another");
    for pair in [Leaf::server(NAME).self_signed(), authority.issue(&Leaf::server(NAME))] {
        let (client, server) = shake(&connector(), &TlsAcceptor::builder(pkcs8(&pair)), NAME);
        assert_eq!(kind(&failure(client)), ErrorKind::Certificate);
        drop(server);
    }
    let expired = Pki::shared().authority.issue(&Leaf::server(NAME).expired());
    let (client, _server) = shake(&connector(), &TlsAcceptor::builder(pkcs8(&expired)), NAME);
    let error = failure(client);
    assert!(error.to_string().contains("expired"), "{error}");
}

fn danger() {
    let (client, _server) = shake(connector().danger_accept_invalid_hostnames(true), &acceptor(), "other.test");
    client.unwrap();
    let strange = TlsAcceptor::builder(pkcs8(&Leaf::server("other.test").self_signed()));
    let (client, _server) = shake(connector().danger_accept_invalid_hostnames(true), &strange, NAME);
    assert_eq!(kind(&failure(client)), ErrorKind::Certificate, "nobody vouches for it");
    let (client, _server) = shake(connector().danger_accept_invalid_certs(true), &strange, NAME);
    client.unwrap();
    // Taken back before `build`, it has not been said.
    let mut builder = connector();
    builder.danger_accept_invalid_certs(true).danger_accept_invalid_certs(false);
    let (client, _server) = shake(&builder, &strange, NAME);
    failure(client);
}

fn any_name() {
    let dangers: [fn(&mut TlsConnectorBuilder, bool) -> &mut TlsConnectorBuilder; 2] =
        [TlsConnectorBuilder::danger_accept_invalid_certs, TlsConnectorBuilder::danger_accept_invalid_hostnames];
    for name in ["", "no name", "1.2.3"] {
        for danger in dangers {
            let mut builder = connector();
            let (client, _server) = shake(danger(&mut builder, true), &acceptor(), name);
            assert_eq!(kind(&failure(client)), ErrorKind::InvalidName, "it would be sent");
            let (client, _server) = shake(builder.use_sni(false), &acceptor(), name);
            client.unwrap();
        }
        let (client, _server) = shake(connector().use_sni(false), &acceptor(), name);
        assert_eq!(kind(&failure(client)), ErrorKind::InvalidName, "it is checked");
    }
}

fn sni() {
    for send in [true, false] {
        let (near, far) = tcp_pair();
        let acceptor = dlssl::Acceptor::builder(library(), Pki::shared().server.identity()).build().unwrap();
        let connector = connector().use_sni(send).build().unwrap();
        let (client, server) = both(|| connector.connect(NAME, near), || acceptor.accept(far));
        client.unwrap();
        assert_eq!(server.unwrap().server_name(), send.then_some(NAME));
    }
}

/// In a process of its own, whose machine has no roots.
fn missing_roots() {
    const HERE: &str = "DLSSL_TEST_NO_ROOTS";
    if std::env::var_os(HERE).is_none() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "roots_that_are_missing"]).env(HERE, "1");
        command.env("SSL_CERT_FILE", "nowhere.pem").env("SSL_CERT_DIR", "nowhere");
        let outcome = process::run(&mut command, b"").success();
        assert!(outcome.stdout.contains("1 passed"), "{outcome:?}");
        return;
    }
    assert_eq!(kind(&TlsConnector::new().unwrap_err()), ErrorKind::NoRoots);
    let mut builder = TlsConnector::builder();
    assert_eq!(kind(&builder.disable_built_in_roots(true).build().unwrap_err()), ErrorKind::NoRoots);
    builder.danger_accept_invalid_certs(true).build().unwrap();
    // The program's own are enough.
    let mut builder = TlsConnector::builder();
    let (client, _server) = shake(builder.add_root_certificate(root()), &acceptor(), NAME);
    client.unwrap();
}

fn not_ready() {
    type Step<S> = Result<TlsStream<S>, HandshakeError<S>>;
    let (near, far) = nonblocking_pipe();
    let mut steps: [Option<Step<_>>; 2] =
        [Some(connector().build().unwrap().connect(NAME, near)), Some(acceptor().build().unwrap().accept(far))];
    let mut waits = 0;
    while steps.iter().any(|step| matches!(step, Some(Err(_)))) {
        for step in &mut steps {
            *step = Some(match step.take().unwrap() {
                Err(HandshakeError::WouldBlock(mut waiting)) => {
                    waits += 1;
                    assert!(waits < 1000, "{waiting:?}");
                    let here = waiting.get_ref().waiting();
                    assert_eq!(waiting.get_mut().waiting(), here);
                    let error = HandshakeError::WouldBlock(waiting);
                    assert!(error.source().is_none() && error.to_string().contains("waits"), "{error}");
                    let HandshakeError::WouldBlock(waiting) = error else { unreachable!() };
                    waiting.handshake()
                }
                Err(HandshakeError::Failure(error)) => panic!("{error}"),
                Ok(tls) => Ok(tls),
            });
        }
    }
    assert!(waits >= 2, "each side waits for the other: {waits}");
    let [client, server] = steps.map(|step| step.unwrap().unwrap());
    for side in [&client, &server] {
        side.get_ref().set_nonblocking(false);
    }
    let (mut client, mut server) = (client, server);
    send(&mut client, &mut server, b"hello");

    // A failure in the middle is one.
    let (near, far) = nonblocking_pipe();
    let Err(HandshakeError::WouldBlock(waiting)) = connector().build().unwrap().connect(NAME, near) else {
        panic!("nobody is there")
    };
    drop(far);
    match waiting.handshake() {
        Err(HandshakeError::Failure(error)) => assert_eq!(kind(&error), ErrorKind::UnexpectedEof, "{error}"),
        other => panic!("{other:?}"),
    }
}

/// What `buffered_read_size` does not tell of is still in the socket.
fn nothing_ahead() {
    let (near, far) = pipe();
    let (client, server) =
        both(|| connector().build().unwrap().connect(NAME, near), || acceptor().build().unwrap().accept(far));
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    server.write_all(b"first").unwrap();
    server.write_all(b"second").unwrap();
    server.shutdown().unwrap();
    let mut bytes = [0; 100];
    assert_eq!(client.buffered_read_size().unwrap(), 0);
    assert_eq!(client.read(&mut bytes[..2]).unwrap(), 2);
    assert_eq!(client.buffered_read_size().unwrap(), 3);
    assert_eq!(client.read(&mut bytes[2..]).unwrap(), 3);
    for (rest, what) in [(6, "the second record"), (0, "the end")] {
        assert_eq!(client.buffered_read_size().unwrap(), 0);
        assert!(client.get_ref().waiting() > 0, "{what} is read ahead");
        assert_eq!(client.read(&mut bytes).unwrap(), rest);
    }
    assert_eq!(client.get_ref().waiting(), 0);
}

fn client_identity(identity: Identity) {
    let pki = Pki::shared();
    let acceptor = dlssl::Acceptor::builder(library(), pki.server.identity()).client_roots(pki.authority.roots());
    let acceptor = TlsAcceptor::from(acceptor.build().unwrap());
    let (client, server) = shake_built(&connector().identity(identity).build().unwrap(), &acceptor, NAME);
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    send(&mut client, &mut server, b"it is me");
    let seen = server.peer_certificate().unwrap().expect("a certificate");
    assert_eq!(seen.to_der().unwrap(), pki.client.der);
    assert_eq!(client.peer_certificate().unwrap().unwrap().to_der().unwrap(), pki.server.der);

    let (client, server) = shake_built(&connector().build().unwrap(), &acceptor, NAME);
    assert_eq!(kind(&failure(server)), ErrorKind::Certificate);
    drop(client);
    let (_client, server) = shake(&connector(), &self::acceptor(), NAME);
    assert!(server.unwrap().peer_certificate().unwrap().is_none(), "nobody asked for one");
}

fn identity_faults() {
    let (server, client) = (&Pki::shared().server, &Pki::shared().client);
    let read = |chain: &str, key: &str| Identity::from_pkcs8(chain.as_bytes(), key.as_bytes()).unwrap_err();
    for (error, expected) in [
        (read(&server.chain, &client.key), ErrorKind::Pem),
        (read("", &server.key), ErrorKind::Pem),
        (read(&server.chain, &server.key[..server.key.len() / 2]), ErrorKind::Pem),
    ] {
        assert_eq!(kind(&error), expected, "{error}");
    }
    let key = dlssl::PrivateKey::from_pem(library(), &server.key, None).unwrap();
    let encrypted = key.to_encrypted_pem(&"secret".into()).unwrap();
    for key in [&server.key.replace("PRIVATE", "EC PRIVATE"), &*encrypted, &server.chain, ""] {
        let error = read(&server.chain, key);
        assert!(error.as_dlssl().is_none() && error.to_string().contains("openssl pkcs8"), "{error} {error:?}");
    }
    assert!(library().take_errors().is_empty());
}

fn pkcs12_faults() {
    let file = pkcs12();
    for (bytes, password, expected) in [
        (&file[..], "wrong", ErrorKind::Password),
        (&file, "", ErrorKind::Password),
        (&file[..file.len() / 2], "secret", ErrorKind::Pem),
        (b"no file", "secret", ErrorKind::Pem),
    ] {
        let error = Identity::from_pkcs12(bytes, password).unwrap_err();
        assert_eq!(kind(&error), expected, "{error}");
    }
}

fn certificates() {
    let pki = Pki::shared();
    let (pem, der) = (pki.server.chain.as_bytes(), &pki.server.der);
    assert_eq!(Certificate::from_pem(pem).unwrap().to_der().unwrap(), *der);
    assert_eq!(Certificate::from_der(der).unwrap().to_der().unwrap(), *der);
    let all = Certificate::stack_from_pem(pem).unwrap();
    assert_eq!((all.len(), all[0].to_der().unwrap()), (2, der.clone()));
    for error in [
        Certificate::from_der(&der[..der.len() - 1]).unwrap_err(),
        Certificate::from_der(pem).unwrap_err(),
        Certificate::from_pem(b"nothing").unwrap_err(),
        Certificate::stack_from_pem(b"").unwrap_err(),
        Certificate::stack_from_pem(&pem[..pem.len() - 40]).unwrap_err(),
    ] {
        assert_eq!(kind(&error), ErrorKind::Pem, "{error}");
    }
}

fn end_point() {
    let (client, server) = pair();
    let value = client.tls_server_end_point().unwrap().unwrap();
    assert_eq!(Some(&value), server.tls_server_end_point().unwrap().as_ref());
    // ECDSA with SHA-256.
    assert_eq!(value, dlssl::digest(library(), "SHA256", &Pki::shared().server.der).unwrap().as_ref());
}

fn shutdown() {
    let (mut client, mut server) = pair();
    client.write_all(b"the last").unwrap();
    client.shutdown().unwrap();
    assert_eq!(client.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    let mut all = Vec::new();
    server.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"the last");
    server.shutdown().unwrap();
    client.shutdown().unwrap();
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
}

fn cut() {
    let (mut client, server) = pair();
    drop(server);
    let error = client.read(&mut [0; 1]).unwrap_err();
    // A peer that closes with something unread resets.
    assert!(matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset), "{error}");
}

/// Others of this program may reload too, so this looks at whether it is the current one.
fn reload() {
    let (client, server) = (connector().build().unwrap(), acceptor().build().unwrap());
    let on = |(client, server): (Shaken, Shaken)| [client.unwrap(), server.unwrap()].map(|tls| tls.library().clone());
    let before = on(shake_built(&client, &server, NAME));
    let new = dlssl::reload().unwrap().new_library().clone();
    for (before, after) in before.iter().zip(on(shake_built(&client, &server, NAME))) {
        assert!(after.is_same_generation(&new) && !after.is_same_generation(before));
    }
}

/// Both sides of a program that knows of native-tls only; see its source.
fn talk(serve: &[&str]) {
    let program = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ported"));
        set_environment(&mut command);
        command
    };
    let mut server = Running::start(program().args(serve));
    server.wait_until("its port", |out, _| out.contains('\n'));
    let port = server.stdout().trim().to_owned();
    let root = Pki::shared().root_path();
    let client = process::run(program().arg("get").arg(root).args([NAME, &port]), b"").success();
    let server = server.finish().success();
    let seen: Vec<&str> = client.stdout.lines().collect();
    let (common, own) = seen.split_at(3);
    assert_eq!(common, server.stdout.lines().skip(1).collect::<Vec<_>>(), "both see the same");
    assert_eq!(common[..2], ["refused: true", "alpn: true"]);
    assert!(common[2].starts_with("end point: Some(["), "{}", common[2]);
    assert_eq!(own, ["peer: true", "buffered: 4", "echo: true", "end: true"]);
}

fn ported() {
    let pki = Pki::shared();
    talk(&["serve", pki.server_chain_path().to_str().unwrap(), pki.server_key_path().to_str().unwrap()]);
}

fn ported_pkcs12() {
    let (pki, dir) = (Pki::shared(), TempDir::new().unwrap());
    let file = dir.path().join("server.p12");
    std::fs::write(&file, export(pki.server_chain_path(), pki.server_key_path())).unwrap();
    talk(&["serve-pkcs12", file.to_str().unwrap(), "secret"]);
}

/// On the library that is named on its command line, or its environment where there is none to name.
fn example() {
    let dir = TempDir::new().unwrap();
    let authority = Authority::new("example");
    let root = dir.path().join("root.pem");
    std::fs::write(&root, authority.root_pem()).unwrap();
    let server = authority.issue(&Leaf::address(Ipv4Addr::LOCALHOST.into()));
    let acceptor = TlsAcceptor::new(pkcs8(&server)).unwrap();
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut command = Command::new(examples::path("native_tls_get", "native_tls_get"));
    set_environment(&mut command);
    command.env("SSL_CERT_FILE", &root).args(["127.0.0.1", &port]);
    if let dlssl_tests::library::Choice::Directory(directory) = dlssl_tests::library::choice() {
        command.env_remove("DLSSL_DIR").arg(directory);
    }
    let running = Running::start(&mut command);
    let (tcp, _) = listener.accept().unwrap();
    tcp.set_read_timeout(Some(process::PATIENCE)).unwrap();
    let mut tls = acceptor.accept(tcp).unwrap();
    let mut request = [0; 512];
    let count = tls.read(&mut request).unwrap();
    assert!(request[..count].starts_with(b"GET / HTTP/1.0\r\n"));
    tls.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello\n").unwrap();
    tls.shutdown().unwrap();
    let outcome = running.finish().success();
    assert!(outcome.stdout.ends_with("hello\n"), "{outcome:?}");
    assert_eq!(outcome.stderr.trim(), format!("on {}", library().version_text()));
}
