//! What a handshake came to: the group for key exchange; and certificates that are asked for after it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::process::ExitCode;

use dlssl::{Acceptor, Connector, ErrorKind, Flavour, Protocol, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{has_tls13, is_openssl_from, library};
use dlssl_tests::openssl_pki::OpensslPki;
use dlssl_tests::pki::{Leaf, NAME, Pki};
use dlssl_tests::talk::{Bio, acceptor, both, connector, joined, protocols, send, shake_tcp};

fn main() -> ExitCode {
    let later = is_openssl_from("1.1.1");
    let absent = || format!("{} cannot ask after the handshake", library().version_text());
    run(vec![
        test("group", group),
        test("group_of_a_resumed_session", group_resumed),
        test("no_group", no_group).needs("openssl"),
        test("later_certificates_where_there_are_none", later_absent),
        test("a_certificate_after_the_handshake", later_certificate).only_if(later, absent),
        test("asked_twice", asked_twice).only_if(later, absent),
        test("a_client_without_a_certificate", later_without).only_if(later, absent),
        test("a_certificate_that_is_not_trusted", later_untrusted).only_if(later, absent),
        test("a_client_that_cannot_be_asked", not_offered).only_if(later, absent),
        test("tls12_asks_in_the_handshake", later_tls12).only_if(later, absent),
        test("nobody_to_ask", nobody_to_ask).only_if(later, absent),
    ])
}

/// What a server says of the group.
fn told(group: &str) -> Option<String> {
    (library().flavour() == Flavour::OpenSsl).then(|| group.to_owned())
}

fn group() {
    let mut groups = vec![("P-256", "secp256r1"), ("P-384", "secp384r1"), ("P-521", "secp521r1")];
    if is_openssl_from("1.1.0") {
        groups.push(("X25519", "x25519"));
    }
    if is_openssl_from("1.1.1") {
        groups.push(("X448", "x448"));
    }
    for protocol in protocols() {
        for (list, name) in &groups {
            // Before TLS 1.3 the curve of the certificate's key has to be among them.
            let list = format!("{list}:P-256").replace("P-256:P-256", "P-256");
            let connector = connector().max_protocol(protocol).groups(&list).build().unwrap();
            let (client, server) = joined(&connector, &acceptor().groups(&list).build().unwrap());
            assert_eq!(client.group().as_deref(), Some(*name), "{protocol}");
            assert_eq!(server.group(), told(name), "{protocol}");
            assert!(library().take_errors().is_empty());
        }
    }
    // The hybrid of today's browsers.
    if is_openssl_from("3.5.0") {
        let (client, server) = joined(&connector().build().unwrap(), &acceptor().build().unwrap());
        assert_eq!(client.group().as_deref(), Some("X25519MLKEM768"));
        assert_eq!(server.group(), client.group());
    }
}

fn group_resumed() {
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).groups("P-256").build().unwrap();
        let acceptor = acceptor().build().unwrap();
        joined(&connector, &acceptor);
        let (client, server) = joined(&connector, &acceptor);
        if has_tls13() || protocol == Protocol::Tls12 {
            assert!(client.session_reused() || library().flavour() == Flavour::LibreSsl, "{protocol}");
        }
        let exchanged = protocol == Protocol::Tls13 || !client.session_reused();
        let group = "secp256r1".to_owned();
        assert_eq!(client.group(), exchanged.then(|| group.clone()), "{protocol}");
        assert_eq!(server.group(), told(&group).filter(|_| exchanged), "{protocol}");
    }
}

/// A key exchange by RSA, which is gone from the defaults of newer libraries.
fn no_group() {
    let rsa = OpensslPki::new();
    let server =
        Acceptor::builder(library(), rsa.issue("rsa:2048", "-sha256").identity()).max_protocol(Protocol::Tls12);
    let suites = "AES128-GCM-SHA256";
    let acceptor = server.cipher_list(suites).build().unwrap();
    let connector = connector().roots(rsa.roots()).cipher_list(suites).max_protocol(Protocol::Tls12).build().unwrap();
    let (client, server) = joined(&connector, &acceptor);
    assert_eq!((client.group(), server.group()), (None, None));
    assert!(library().take_errors().is_empty());
}

fn later_absent() {
    if is_openssl_from("1.1.1") {
        return;
    }
    let roots = Pki::shared().authority.roots();
    let built = acceptor().client_roots_on_request(roots).build().map(drop);
    for error in [built.unwrap_err(), connector().post_handshake_auth(true).build().map(drop).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(&library().version().to_string()), "{error}");
    }
    assert!(library().take_errors().is_empty());
}

fn asking() -> Acceptor {
    acceptor().client_roots_on_request(Pki::shared().authority.roots()).build().unwrap()
}

/// A client that can be asked, and shows this identity.
fn shows(identity: Option<dlssl::Identity>) -> Connector {
    let builder = connector().post_handshake_auth(true);
    match identity {
        Some(identity) => builder.identity(identity),
        None => builder,
    }
    .build()
    .unwrap()
}

/// The client waits for an answer to its question; the server asks for the certificate before it gives one.
fn question(client: &mut TlsStream<impl Read + Write + Send>, server: &mut TlsStream<impl Read + Write + Send>) {
    let ((), ()) = both(
        || {
            client.write_all(b"?").unwrap();
            client.read_exact(&mut [0; 1]).unwrap();
            client.write_all(b"thanks").unwrap();
        },
        || {
            server.read_exact(&mut [0; 1]).unwrap();
            server.request_certificate().unwrap();
            assert!(server.peer_certificate().is_none());
            server.write_all(b"!").unwrap();
            server.read_exact(&mut [0; 6]).unwrap();
        },
    );
}

fn later_certificate() {
    let pki = Pki::shared();
    for bio in Bio::ALL {
        let (client, server) = shake_tcp(bio, &shows(Some(pki.client.identity())), &asking(), NAME);
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        assert_eq!(server.peer_certificate_der(), None);
        question(&mut client, &mut server);
        assert_eq!(server.peer_certificate_der().as_ref(), Some(&pki.client.der), "{bio:?}");
        assert!(server.verified_chain().is_some_and(|chain| chain.len() == 3), "{bio:?}");
        send(&mut server, &mut client, b"on");
        send(&mut client, &mut server, b"and on");
        assert!(library().take_errors().is_empty());
    }
}

fn asked_twice() {
    let (mut client, mut server) = joined(&shows(Some(Pki::shared().client.identity())), &asking());
    server.request_certificate().unwrap();
    server.request_certificate().unwrap();
    send(&mut server, &mut client, b"a");
    send(&mut client, &mut server, b"b");
    assert!(server.peer_certificate().is_some());
    // And again, once it has been answered.
    server.request_certificate().unwrap();
    send(&mut server, &mut client, b"a");
    send(&mut client, &mut server, b"b");
    assert!(library().take_errors().is_empty());
}

fn ours(error: &std::io::Error) -> &dlssl::Error {
    dlssl::Error::from_io(error).unwrap()
}

/// What a server's read comes to after it has asked.
fn answer_of(connector: &Connector) -> std::io::Error {
    let (mut client, mut server) = joined(connector, &asking());
    server.request_certificate().unwrap();
    send(&mut server, &mut client, b"x");
    let error = server.read(&mut [0; 1]).unwrap_err();
    // It stays so, and the client is told.
    assert!(server.read(&mut [0; 1]).is_err());
    assert!(client.read(&mut [0; 1]).is_err());
    assert!(library().take_errors().is_empty());
    error
}

fn later_without() {
    let error = answer_of(&shows(None));
    assert_eq!(ours(&error).kind(), ErrorKind::Certificate, "{error}");
    assert!(error.to_string().contains("showed no certificate"), "{error}");
}

fn later_untrusted() {
    let stranger = dlssl_tests::pki::Authority::new("strangers").issue(&Leaf::client("stranger"));
    let error = answer_of(&shows(Some(stranger.identity())));
    assert_eq!(ours(&error).kind(), ErrorKind::Certificate, "{error}");
    assert!(ours(&error).verify().is_some(), "{error}");
}

fn not_offered() {
    let connector = connector().identity(Pki::shared().client.identity()).build().unwrap();
    let (mut client, mut server) = joined(&connector, &asking());
    let error = server.request_certificate().unwrap_err();
    assert_eq!(ours(&error).kind(), ErrorKind::Unsupported, "{error}");
    // Nothing is broken by it.
    send(&mut server, &mut client, b"on");
    send(&mut client, &mut server, b"and on");
    assert_eq!(server.peer_certificate_der(), None);
    assert!(library().take_errors().is_empty());
}

fn later_tls12() {
    let acceptor = asking();
    for identity in [Some(Pki::shared().client.identity()), None] {
        let builder = connector().max_protocol(Protocol::Tls12).post_handshake_auth(true).session_cache(false);
        let shows = identity.is_some();
        let builder = if let Some(identity) = identity { builder.identity(identity) } else { builder };
        let (_client, mut server) = joined(&builder.build().unwrap(), &acceptor);
        assert_eq!(server.peer_certificate().is_some(), shows);
        let error = server.request_certificate().unwrap_err();
        assert_eq!(ours(&error).kind(), ErrorKind::Unsupported, "{error}");
    }
}

fn nobody_to_ask() {
    let (mut client, mut server) = joined(&shows(None), &acceptor().build().unwrap());
    for side in [&mut client, &mut server] {
        let error = side.request_certificate().unwrap_err();
        assert_eq!(ours(&error).kind(), ErrorKind::Configuration, "{error}");
    }
}
