//! Servers that no client should talk to (after badssl): every library refuses them, with the same kind of error.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::process::ExitCode;

use dlssl::{
    Acceptor, AcceptorBuilder, Connector, ConnectorBuilder, Crls, Error, ErrorKind, HandshakeError, Protocol, TlsStream,
};
use dlssl_tests::harness::{run, test};
use dlssl_tests::hello;
use dlssl_tests::library::{is_openssl_from, library};
use dlssl_tests::openssl_pki::OpensslPki;
use dlssl_tests::pki::{Authority, Leaf, NAME, Pair, Pki};
use dlssl_tests::talk::{acceptor, both, connector, protocols, shake};
use dlssl_tests::wire::pipe;
use rcgen::{GeneralSubtree, NameConstraints, SanType, SerialNumber};

fn main() -> ExitCode {
    run(vec![
        test("expired", || refused(&good().issue(&Leaf::server(NAME).expired()), "expired")),
        test("not_yet_valid", || refused(&good().issue(&Leaf::server(NAME).not_yet_valid()), "not yet valid")),
        test("wrong_host", || refused(&good().issue(&Leaf::server("other.test")), "ostname mismatch")),
        test("no_alternative_names", || {
            refused(&good().issue(&Leaf::server(NAME).with(|p| p.subject_alt_names.clear())), "ostname mismatch");
        }),
        test("only_other_alternative_names", || {
            // A name in the subject does not count, whatever else the certificate is for.
            let leaf = Leaf::server(NAME).with(|p| {
                p.subject_alt_names = vec![
                    SanType::Rfc822Name("a@server.test".try_into().unwrap()),
                    SanType::IpAddress([127, 0, 0, 1].into()),
                ];
            });
            refused(&good().issue(&leaf), "ostname mismatch");
        }),
        test("self_signed", || refused(&Leaf::server(NAME).self_signed(), "")),
        test("untrusted_root", || refused(&Authority::new("a stranger").issue(&Leaf::server(NAME)), "")),
        test("missing_intermediate", || {
            let mut pair = good().issue(&Leaf::server(NAME));
            pair.chain = pair.chain.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap().to_owned();
            refused(&pair, "");
        }),
        test("revoked", revoked),
        test("name_constraints", name_constraints),
        test("a_leaf_that_signs", a_leaf_that_signs),
        test("weak_key", || weak("rsa:768", "-sha256")).needs("openssl"),
        test("weak_sha1_leaf", || weak("rsa:2048", "-sha1")).needs("openssl"),
        test("weak_md5_leaf", || weak("rsa:2048", "-md5")).needs("openssl"),
        test("strong_rsa_is_taken", strong_rsa).needs("openssl"),
        test("tls10_only", || old_answer(0x0301, 0x002f)),
        test("tls11_only", || old_answer(0x0302, 0x002f)),
        test("ssl3_only", || old_answer(0x0300, 0x002f)),
        test("rc4_forced", || old_answer(0x0303, 0x0005)),
        test("triple_des_forced", || old_answer(0x0303, 0x000a)),
        test("nothing_in_common", nothing_in_common),
        test("no_close_notify", no_close_notify),
        test("client_certificate_missing", client_certificate_missing),
        test("client_certificate_of_a_stranger", client_certificate_of_a_stranger),
    ])
}

fn good() -> &'static Authority {
    &Pki::shared().authority
}

/// Where libraries have security levels, a server is kept from using what the client is to refuse.
fn careless(pair: &Pair) -> AcceptorBuilder {
    let builder = Acceptor::builder(library(), pair.identity());
    if is_openssl_from("1.1.0") { builder.cipher_list("ALL:@SECLEVEL=0") } else { builder }
}

fn meet(connector: ConnectorBuilder, pair: &Pair) -> Result<(), Error> {
    let acceptor = careless(pair).build().unwrap();
    match shake(&connector.build().unwrap(), &acceptor, NAME, pipe()).0 {
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Refused on every protocol, as a certificate, for a reason that is told.
fn refused_by(builder: &ConnectorBuilder, pair: &Pair, reason: &str) {
    for protocol in protocols() {
        let error = meet(builder.clone().max_protocol(protocol), pair).expect_err("taken");
        assert_eq!(error.kind(), ErrorKind::Certificate, "{protocol}: {error}");
        let verify = error.verify().expect("a verify failure");
        assert!(verify.reason().contains(reason), "{protocol}: {error}");
        assert_ne!(verify.code(), 0, "{error}");
    }
}

fn refused(pair: &Pair, reason: &str) {
    refused_by(&connector(), pair, reason);
}

fn revoked() {
    let leaf = |serial: fn(&mut rcgen::CertificateParams)| good().issue(&Leaf::server(NAME).with(serial));
    let (bad, fine) = (
        leaf(|p| p.serial_number = Some(SerialNumber::from(6666u64))),
        leaf(|p| p.serial_number = Some(SerialNumber::from(7777u64))),
    );
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("list.pem");
    std::fs::write(&file, good().crl(&[6666])).unwrap();
    for lists in [Crls::bytes(good().crl(&[6666])), Crls::bytes(good().crl_der(&[6666])), Crls::file(&file)] {
        let builder = connector().crls(lists);
        refused_by(&builder, &bad, "revoked");
        meet(builder, &fine).unwrap();
    }
    // Without lists nobody asks.
    meet(connector(), &bad).unwrap();
}

fn name_constraints() {
    let authority = Authority::with("constrained", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("elsewhere.test".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    let builder = Connector::builder(library()).roots(authority.roots());
    refused_by(&builder, &authority.issue(&Leaf::server(NAME)), "permitted subtree violation");
    let inside = Authority::with("inside", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("test".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    let pair = inside.issue(&Leaf::server(NAME));
    meet(Connector::builder(library()).roots(inside.roots()), &pair).unwrap();
}

/// A certificate that may not sign has signed another.
fn a_leaf_that_signs() {
    let authority = Authority::with("no authority", |params| {
        params.is_ca = rcgen::IsCa::ExplicitNoCa;
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    });
    let builder = Connector::builder(library()).roots(authority.roots());
    refused_by(&builder, &authority.issue(&Leaf::server(NAME)), "");
}

/// Refused by default, by the library's own security level or by our check; taken when asked for.
fn weak(key: &str, digest: &str) {
    let pki = OpensslPki::new();
    let pair = pki.issue(key, digest);
    let builder = Connector::builder(library()).roots(pki.roots());
    for protocol in protocols() {
        let error = meet(builder.clone().max_protocol(protocol), &pair).expect_err("taken");
        assert_eq!(error.kind(), ErrorKind::Certificate, "{protocol}: {error}");
        let reason = error.verify().expect("a verify failure").reason().to_lowercase();
        assert!(reason.contains("weak") || reason.contains("too small"), "{protocol}: {error}");
    }
}

fn strong_rsa() {
    let pki = OpensslPki::new();
    meet(Connector::builder(library()).roots(pki.roots()), &pki.issue("rsa:2048", "-sha256")).unwrap();
}

/// A server that chooses this version and cipher suite, whatever was offered.
fn old_answer(version: u16, cipher: u16) {
    let (client, mut server) = pipe();
    let connector = connector().max_protocol(Protocol::Tls12).build().unwrap();
    let (error, ()) = both(
        // The error alone: as long as the stream lives in it, the server waits for its end.
        || failed(connector.connect(NAME, client)),
        move || {
            let mut head = [0; 5];
            server.read_exact(&mut head).unwrap();
            let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            server.read_exact(&mut hello).unwrap();
            server.write_all(&hello::server_record(version, cipher)).unwrap();
            // The client's alert, or its end.
            let _ = server.read_to_end(&mut Vec::new());
        },
    );
    assert_eq!(error.kind(), ErrorKind::Handshake);
}

/// What a server with RC4 and 3DES only says to a client that offers neither: handshake_failure.
fn nothing_in_common() {
    let (client, mut server) = pipe();
    let connector = connector().build().unwrap();
    let (outcome, ()) = both(
        || connector.connect(NAME, client),
        move || {
            let mut head = [0; 5];
            server.read_exact(&mut head).unwrap();
            let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            server.read_exact(&mut hello).unwrap();
            server.write_all(&[0x15, 3, 3, 0, 2, 2, 40]).unwrap();
        },
    );
    let error = failed(outcome);
    assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
    assert!(error.to_string().contains("in common"), "{error}");
}

fn no_close_notify() {
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).build().unwrap();
        let (client, server) = shake(&connector, &acceptor().build().unwrap(), NAME, pipe());
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        server.write_all(b"half a page").unwrap();
        drop(server);
        let mut page = Vec::new();
        let error = client.read_to_end(&mut page).expect_err("an orderly end");
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{protocol}: {error}");
        assert_eq!(page, b"half a page");
    }
}

fn client_certificate_missing() {
    server_refuses(connector());
}

fn client_certificate_of_a_stranger() {
    let stranger = Authority::new("a stranger").issue(&Leaf::client("stranger"));
    server_refuses(connector().identity(stranger.identity()));
}

/// The server says so, and the client is told: in the handshake, or from TLS 1.3 on with its first read.
fn server_refuses(client: ConnectorBuilder) {
    let acceptor = acceptor().client_roots(good().roots()).build().unwrap();
    for protocol in protocols() {
        let connector = client.clone().max_protocol(protocol).build().unwrap();
        let (client, server) = both_ends(&connector, &acceptor);
        let error = failed(server);
        assert_eq!(error.kind(), ErrorKind::Certificate, "{protocol}: {error}");
        let error = match client {
            Ok(mut stream) => stream.read(&mut [0]).expect_err("data").downcast::<Error>().unwrap(),
            Err(error) => error.into(),
        };
        let kind = if protocol == Protocol::Tls13 { ErrorKind::Protocol } else { ErrorKind::Handshake };
        assert_eq!(error.kind(), kind, "{protocol}: {error}");
    }
}

type Ends = (
    Result<TlsStream<dlssl_tests::wire::End>, HandshakeError<dlssl_tests::wire::End>>,
    Result<TlsStream<dlssl_tests::wire::End>, HandshakeError<dlssl_tests::wire::End>>,
);

fn both_ends(connector: &Connector, acceptor: &Acceptor) -> Ends {
    shake(connector, acceptor, NAME, pipe())
}

fn failed<S>(outcome: Result<TlsStream<S>, HandshakeError<S>>) -> Error {
    match outcome {
        Ok(_) => panic!("the handshake succeeded"),
        Err(error) => error.into(),
    }
}
