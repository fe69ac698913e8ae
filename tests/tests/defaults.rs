//! Secure defaults, each against a peer that tries: old versions, compression, weak ciphers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::process::ExitCode;

use dlssl::{Acceptor, AcceptorBuilder, Connector, ConnectorBuilder, Error, ErrorKind, HandshakeError};
use dlssl::{Flavour, Identity, Protocol};
use dlssl_tests::harness::{Test, run, test};
use dlssl_tests::hello::{self, Offer, Seen, is_weak, weak_ciphers};
use dlssl_tests::library::{has_tls13, library};
use dlssl_tests::pki::NAME;
use dlssl_tests::process::{self, foreign};
use dlssl_tests::talk::{Shaken, acceptor, both, connector, shake};
use dlssl_tests::wire::{End, nonblocking_pipe, pipe};

const TLS10: u16 = 0x0301;
const TLS12: u16 = 0x0303;
/// ECDHE with ECDSA, AES-128 and SHA-1: in every version, and in every default list that does not ask for forward steps only.
const OLD_CIPHER: u16 = 0xc009;

fn main() -> ExitCode {
    let mut tests = vec![
        test("server_takes_a_good_hello", server_takes_a_good_hello),
        test("server_refuses_hellos_of_old_versions", server_refuses_old_hellos),
        test("server_refuses_hellos_in_sslv2_form", server_refuses_sslv2),
        test("server_never_compresses", server_never_compresses),
        test("server_refuses_weak_ciphers_with_an_ecdsa_key", weak_ecdsa),
        test("server_refuses_weak_ciphers_with_an_rsa_key", weak_rsa).needs("openssl"),
        test("client_offers_nothing_weak", client_offers_nothing_weak),
        test("client_offers_weak_ciphers_only_when_told", the_parser_sees_weak_ciphers),
        test("client_refuses_answers_of_old_versions", client_refuses_old_answers),
    ];
    for version in [Protocol::Tls10, Protocol::Tls11] {
        tests.push(old_peer(&format!("server_refuses_a_{version}_client"), version, refuses_old_client));
        tests.push(old_peer(&format!("client_refuses_a_{version}_server"), version, refuses_old_server));
    }
    run(tests)
}

/// A test with a peer that speaks an old version only, made of the library under test where that lets itself be lowered.
fn old_peer(name: &str, version: Protocol, work: fn(Protocol)) -> Test {
    test(name, move || work(version))
        .only_if(speaks(version), || format!("{} cannot be made to speak {version}", library().version_text()))
}

fn speaks(version: Protocol) -> bool {
    let (Ok(client), Ok(server)) = (old_client(version).build(), old_server(version).build()) else { return false };
    let (client, server) = shake(&client, &server, NAME, pipe());
    server.is_ok() && client.is_ok_and(|client| client.protocol() == Some(version))
}

/// Where there are security levels, old versions need the lowest.
fn old_ciphers() -> &'static str {
    let leveled = dlssl_tests::library::is_openssl_from("1.1.0");
    if leveled { "ALL:@SECLEVEL=0" } else { "ALL" }
}

fn old_client(version: Protocol) -> ConnectorBuilder {
    connector().min_protocol(version).max_protocol(version).cipher_list(old_ciphers())
}

fn old_server(version: Protocol) -> AcceptorBuilder {
    acceptor().min_protocol(version).max_protocol(version).cipher_list(old_ciphers())
}

fn refuses_old_client(version: Protocol) {
    let (client, server) = (old_client(version).build().unwrap(), acceptor().build().unwrap());
    refused_both(&client, &server);
    // A low security level must not open what the version bound closes.
    let server = acceptor().cipher_list(old_ciphers()).build().unwrap();
    refused_both(&client, &server);
}

fn refuses_old_server(version: Protocol) {
    let (client, server) = (connector().build().unwrap(), old_server(version).build().unwrap());
    refused_both(&client, &server);
    let client = connector().cipher_list(old_ciphers()).build().unwrap();
    refused_both(&client, &server);
}

fn refused_both(connector: &Connector, acceptor: &Acceptor) {
    let (a, b) = pipe();
    // Each side lets go of its end when it fails: not every version says why before that.
    let (client, server) = both(|| failed(connector.connect(NAME, a)), || failed(acceptor.accept(b)));
    for error in [client, server] {
        let expected = matches!(error.kind(), ErrorKind::Handshake | ErrorKind::Protocol | ErrorKind::UnexpectedEof);
        assert!(expected, "{:?}: {error}", error.kind());
    }
}

/// What proves that the other tests' hellos are refused for what they say, and not for a slip of the hand.
fn server_takes_a_good_hello() {
    let Seen::Server(answer) = answer(&acceptor().build().unwrap(), &Offer::good().record()) else {
        panic!("no server hello");
    };
    assert_eq!((answer.version, answer.cipher, answer.compression), (TLS12, 0xc02b, 0));
    // The old cipher is fine for the server, so that a refusal of an old version is about the version.
    let old_cipher = Offer { ciphers: vec![OLD_CIPHER], ..Offer::good() };
    let seen = answer_of(&old_cipher.record());
    assert!(matches!(seen, Seen::Server(_)), "{seen:?}");
}

fn server_refuses_old_hellos() {
    for version in [0x0300, TLS10, 0x0302] {
        let offer = Offer { version, ciphers: vec![OLD_CIPHER, 0x002f, 0x000a, 0xc02b, 0xc02f], ..Offer::good() };
        refused(&answer_of(&offer.record()), &format!("{version:#06x}"));
    }
}

fn server_refuses_sslv2() {
    for newest in [0x0002, 0x0300, TLS10, 0x0302] {
        refused(&answer_of(&hello::sslv2_record(newest)), &format!("{newest:#06x}"));
    }
}

fn server_never_compresses() {
    for compression in [vec![1, 0], vec![0, 1], vec![64, 1, 0]] {
        let offer = Offer { compression, ..Offer::good() };
        match answer_of(&offer.record()) {
            Seen::Server(answer) => assert_eq!(answer.compression, 0, "{offer:?}"),
            other => panic!("{offer:?}: {other:?}"),
        }
    }
}

fn weak_ecdsa() {
    only_weak_is_refused(&acceptor().build().unwrap());
}

fn weak_rsa() {
    let dir = tempfile::TempDir::new().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let mut command = foreign("openssl");
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=rsa.test", "-out"]);
    process::run(command.arg(&cert).arg("-keyout").arg(&key), b"").success();
    let acceptor = Acceptor::builder(library(), Identity::pem_files(&cert, &key)).build().unwrap();
    let Seen::Server(answer) = answer(&acceptor, &Offer::good().record()) else { panic!("no server hello") };
    assert_eq!(answer.cipher, 0xc02f);
    only_weak_is_refused(&acceptor);
}

fn only_weak_is_refused(acceptor: &Acceptor) {
    for cipher in weak_ciphers() {
        let offer = Offer { ciphers: vec![cipher], ..Offer::good() };
        refused(&answer(acceptor, &offer.record()), &format!("cipher {cipher:#06x}"));
    }
    // All of them before a good one: the good one is taken.
    let ciphers = weak_ciphers().chain(Offer::good().ciphers).collect();
    match answer(acceptor, &Offer { ciphers, ..Offer::good() }.record()) {
        Seen::Server(answer) => assert!(Offer::good().ciphers.contains(&answer.cipher), "{answer:?}"),
        other => panic!("{other:?}"),
    }
}

fn client_offers_nothing_weak() {
    let offer = offer_of(&connector().build().unwrap());
    let weak: Vec<String> = offer.ciphers.iter().filter(|c| is_weak(**c)).map(|c| format!("{c:#06x}")).collect();
    assert!(weak.is_empty(), "offered: {weak:?}");
    assert!(offer.ciphers.contains(&0xc02b), "{offer:x?}");
    assert_eq!(offer.compression, [0], "{offer:x?}");
    assert!(offer.versions.iter().all(|version| *version >= TLS12), "{offer:x?}");
    assert_eq!(offer.versions.contains(&0x0304), has_tls13(), "{offer:x?}");
}

/// The counterpart: RC4 and 3DES are offered when they are asked for, where the library still has them. Suites without
/// encryption or authentication are not to be had at all, and builds without RC4 and 3DES have no other weak ones.
fn the_parser_sees_weak_ciphers() {
    let list = format!("{}:eNULL:aNULL", old_ciphers());
    let offer = offer_of(&connector().cipher_list(list).build().unwrap());
    let weak = offer.ciphers.iter().filter(|c| is_weak(**c)).count();
    let old = library().flavour() == Flavour::LibreSsl || !dlssl_tests::library::is_openssl_from("1.1.0");
    assert_eq!(weak > 0, old, "{offer:x?}");
}

fn client_refuses_old_answers() {
    for version in [0x0300, TLS10, 0x0302, TLS12] {
        let connector = connector().max_protocol(Protocol::Tls12).build().unwrap();
        let (a, mut b) = nonblocking_pipe();
        let Err(HandshakeError::Blocked(mid)) = connector.connect(NAME, a) else { panic!("not waiting") };
        let Seen::Client(offer) = drain(&mut b) else { panic!("no client hello") };
        assert!(offer.ciphers.contains(&OLD_CIPHER), "{offer:x?}");
        b.write_all(&hello::server_record(version, OLD_CIPHER)).unwrap();
        match (mid.resume(), version) {
            // A good version: it waits for the certificate.
            (Err(HandshakeError::Blocked(_)), TLS12) => assert_eq!(drain(&mut b), Seen::Silence),
            (Err(HandshakeError::Failed(error)), 0x0300..=0x0302) => {
                assert!(matches!(error.error().kind(), ErrorKind::Handshake | ErrorKind::Protocol), "{error:?}");
                assert!(error.to_string().contains("version") || error.to_string().contains("protocol"), "{error}");
            }
            (other, _) => panic!("{version:#06x}: {other:?}"),
        }
    }
}

/// What a client says first.
fn offer_of(connector: &Connector) -> hello::Client {
    let (a, mut b) = nonblocking_pipe();
    let Err(HandshakeError::Blocked(_mid)) = connector.connect(NAME, a) else { panic!("not waiting") };
    match drain(&mut b) {
        Seen::Client(offer) => offer,
        other => panic!("{other:?}"),
    }
}

fn answer_of(hello: &[u8]) -> Seen {
    answer(&acceptor().build().unwrap(), hello)
}

/// What a server answers to these bytes; it must not believe that it is connected.
fn answer(acceptor: &Acceptor, hello: &[u8]) -> Seen {
    let (mut a, b) = nonblocking_pipe();
    a.write_all(hello).unwrap();
    let outcome = acceptor.accept(b);
    let seen = drain(&mut a);
    match outcome {
        Ok(_) => panic!("the server calls this a handshake"),
        // It waits for more, and so must have said something to wait for an answer to.
        Err(HandshakeError::Blocked(_)) => assert!(matches!(seen, Seen::Server(_)), "{seen:?}"),
        Err(HandshakeError::Failed(error)) => assert!(!matches!(seen, Seen::Server(_)), "{error}: {seen:?}"),
    }
    seen
}

fn refused(seen: &Seen, what: &str) {
    assert!(matches!(seen, Seen::Silence | Seen::Alert(2, _)), "{what}: {seen:x?}");
}

fn drain(end: &mut End) -> Seen {
    let mut bytes = vec![0; end.waiting()];
    if !bytes.is_empty() {
        end.read_exact(&mut bytes).unwrap();
    }
    hello::read(&bytes)
}

fn failed<S>(result: Shaken<S>) -> Error {
    match result {
        Err(HandshakeError::Failed(failed)) => failed.into_error(),
        Err(HandshakeError::Blocked(mid)) => panic!("blocked: {}", mid.error()),
        Ok(_) => panic!("the handshake succeeded"),
    }
}
