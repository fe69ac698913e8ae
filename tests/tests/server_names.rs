//! A server's certificates: by the name that a client asks for, by replacement, with a status stapled to them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dlssl::{Acceptor, Connector, ErrorKind, Identity, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::library;
use dlssl_tests::pki::{Leaf, NAME, Pair, Pki};
use dlssl_tests::process::run as run_process;
use dlssl_tests::talk::{self, acceptor, both, connector, joined, protocols, send, shake};
use dlssl_tests::wire::{End, pipe};

fn main() -> ExitCode {
    run(vec![
        test("by_exact_name_and_wildcard", by_name),
        test("by_a_function", by_function),
        test("names_that_are_not_known_are_refused", unknown_refused),
        test("a_function_that_panics", function_panics),
        test("a_function_that_gives_a_broken_identity", function_breaks),
        test("a_broken_identity_fails_at_once", broken_at_once),
        test("replaced_while_connections_go_on", replaced),
        test("a_replacement_that_is_broken", broken_replacement),
        test("a_status_is_stapled", stapled),
        test("a_status_by_a_function", stapled_by_function),
        test("no_status_unless_asked", not_asked),
        test("no_status_by_resuming", not_resumed),
        test("openssl_gets_the_certificate_it_asks_for", openssl_by_name).needs("openssl"),
        test("openssl_gets_the_status", openssl_status).needs("openssl"),
    ])
}

fn issue(name: &str) -> Pair {
    Pki::shared().authority.issue(&Leaf::server(name))
}

/// The certificate that a client gets under a name.
fn shown(connector: &Connector, acceptor: &Acceptor, name: &str) -> Vec<u8> {
    let (client, server) = shake(connector, acceptor, name, pipe());
    let (client, mut server) = (client.unwrap(), server.unwrap());
    assert_eq!(server.server_name(), Some(name));
    let mut client = client;
    send(&mut server, &mut client, b"x");
    assert!(library().take_errors().is_empty());
    client.peer_certificate_der().unwrap()
}

fn by_name() {
    let (one, wild, below) = (issue("one.test"), issue("*.wild.test"), issue("exact.wild.test"));
    for protocol in protocols() {
        let acceptor = acceptor()
            .identity_for("one.test", one.identity())
            .identity_for("*.Wild.test", wild.identity())
            .identity_for("exact.wild.test", below.identity())
            .max_protocol(protocol)
            .build()
            .unwrap();
        // Not resumed, so that each name gets its handshake.
        let connector = connector().session_cache(false).build().unwrap();
        assert_eq!(shown(&connector, &acceptor, NAME), Pki::shared().server.der);
        assert_eq!(shown(&connector, &acceptor, "one.test"), one.der);
        assert_eq!(shown(&connector, &acceptor, "any.wild.test"), wild.der);
        assert_eq!(shown(&connector, &acceptor, "exact.wild.test"), below.der);
        // One part only, and not none.
        for other in ["two.parts.wild.test", "wild.test", "other.test"] {
            let (client, _server) = shake(&connector, &acceptor, other, pipe());
            assert_eq!(client.unwrap_err().kind(), ErrorKind::Certificate, "{other}");
        }
        // No name at all: the identity that the builder began with.
        let (ours, theirs) = pipe();
        let configured = connector.configure(NAME).unwrap().sni(false);
        let (client, server) = both(|| configured.connect(ours), || acceptor.accept(theirs));
        assert_eq!(client.unwrap().peer_certificate_der().as_ref(), Some(&Pki::shared().server.der));
        assert_eq!(server.unwrap().server_name(), None);
        let _ = library().take_errors();
    }
}

fn by_function() {
    let pair = issue("one.test");
    let (identity, calls) = (pair.identity(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    let acceptor = acceptor()
        .identity_with(move |name| {
            counted.fetch_add(1, Ordering::SeqCst);
            (name == "one.test").then(|| identity.clone())
        })
        .build()
        .unwrap();
    let connector = connector().session_cache(false).build().unwrap();
    for _ in 0..3 {
        assert_eq!(shown(&connector, &acceptor, "one.test"), pair.der);
        assert_eq!(shown(&connector, &acceptor, NAME), Pki::shared().server.der);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 6);
}

fn unknown_refused() {
    let (one, wild, given) = (issue("one.test"), issue("*.wild.test"), issue("given.test"));
    let identity = given.identity();
    for protocol in protocols() {
        let identity = identity.clone();
        let strict = acceptor().max_protocol(protocol).refuse_unknown_names(true);
        let acceptor = strict
            .clone()
            .identity_for("one.test", one.identity())
            .identity_for("*.wild.test", wild.identity())
            .identity_with(move |name| (name == "given.test").then(|| identity.clone()))
            .build()
            .unwrap();
        let connector = connector().session_cache(false).build().unwrap();
        assert_eq!(shown(&connector, &acceptor, "one.test"), one.der);
        assert_eq!(shown(&connector, &acceptor, "any.wild.test"), wild.der);
        assert_eq!(shown(&connector, &acceptor, "given.test"), given.der);
        let alone = strict.build().unwrap();
        for (acceptor, name) in [(&acceptor, NAME), (&acceptor, "wild.test"), (&alone, NAME)] {
            talk::refused(shake(&connector, acceptor, name, pipe()), "the peer does not serve this name", name);
        }
        // Who asks for no name gets the identity that the builder began with.
        let (ours, theirs) = pipe();
        let configured = connector.configure(NAME).unwrap().sni(false);
        let (client, server) = both(|| configured.connect(ours), || acceptor.accept(theirs));
        server.unwrap();
        assert_eq!(client.unwrap().peer_certificate_der().as_ref(), Some(&Pki::shared().server.der));
    }
}

fn function_panics() {
    let acceptor = acceptor().identity_with(|_| std::panic::resume_unwind(Box::new("choosing"))).build().unwrap();
    talk::panics_with(&acceptor, "choosing");
}

fn function_breaks() {
    let identity = Identity::pem("no certificate", "no key");
    talk::broken(&acceptor().identity_with(move |_| Some(identity.clone())).build().unwrap());
}

fn broken_at_once() {
    let (one, two) = (issue("one.test"), issue("two.test"));
    let error = acceptor().identity_for("one.test", Identity::pem(one.chain, two.key)).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pem, "{error}");
}

fn talks(client: &mut TlsStream<End>, server: &mut TlsStream<End>) {
    send(client, server, b"still");
    send(server, client, b"here");
}

fn replaced() {
    let (connector, acceptor) = (connector().session_cache(false).build().unwrap(), acceptor().build().unwrap());
    let clone = acceptor.clone();
    let (client, server) = shake(&connector, &acceptor, NAME, pipe());
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    for _ in 0..3 {
        let next = issue(NAME);
        acceptor.replace_identity(&next.identity()).unwrap();
        assert_eq!(shown(&connector, &clone, NAME), next.der);
        talks(&mut client, &mut server);
    }
    assert_eq!(client.peer_certificate_der().as_ref(), Some(&Pki::shared().server.der));
}

fn broken_replacement() {
    let (connector, acceptor) = (connector().session_cache(false).build().unwrap(), acceptor().build().unwrap());
    let error = acceptor.replace_identity(&Identity::pem_files("/nowhere/chain", "/nowhere/key")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert_eq!(shown(&connector, &acceptor, NAME), Pki::shared().server.der);
}

/// Responses that are errors: "unauthorized" and others. OpenSSL from 3.6 on staples nothing that it cannot parse.
const STATUS: &[u8] = b"\x30\x03\x0a\x01\x06";
const TRY_LATER: &[u8] = b"\x30\x03\x0a\x01\x03";
const INTERNAL: &[u8] = b"\x30\x03\x0a\x01\x02";

fn status(connector: &Connector, acceptor: &Acceptor, name: &str) -> Option<Vec<u8>> {
    let (client, server) = shake(connector, acceptor, name, pipe());
    server.unwrap();
    client.unwrap().ocsp_response().map(<[u8]>::to_vec)
}

fn stapled() {
    let other = issue("one.test");
    for protocol in protocols() {
        let with_status = Pki::shared().server.identity().ocsp_response(STATUS);
        let builder = Acceptor::builder(library(), with_status.clone()).max_protocol(protocol);
        let acceptor = builder.identity_for("one.test", other.identity().ocsp_response(TRY_LATER)).build().unwrap();
        let connector = connector().request_ocsp(true).session_cache(false).build().unwrap();
        assert_eq!(status(&connector, &acceptor, NAME).as_deref(), Some(STATUS));
        assert_eq!(status(&connector, &acceptor, "one.test").as_deref(), Some(TRY_LATER));
        acceptor.replace_identity(&Pki::shared().server.identity().ocsp_response(INTERNAL)).unwrap();
        assert_eq!(status(&connector, &acceptor, NAME).as_deref(), Some(INTERNAL));
    }
}

fn stapled_by_function() {
    let acceptor =
        acceptor().ocsp_with(|name| name.filter(|name| *name == NAME).map(|_| TRY_LATER.to_vec())).build().unwrap();
    let connector = connector().request_ocsp(true).session_cache(false).build().unwrap();
    assert_eq!(status(&connector, &acceptor, NAME).as_deref(), Some(TRY_LATER));
    assert_eq!(status(&connector, &acceptor, "127.0.0.1"), None);
}

fn not_asked() {
    let identity = Pki::shared().server.identity().ocsp_response(STATUS);
    let acceptor = Acceptor::builder(library(), identity).build().unwrap();
    assert_eq!(status(&connector().build().unwrap(), &acceptor, NAME), None);
}

/// Who demands a status must not go by it where there is no certificate either.
fn not_resumed() {
    for protocol in protocols() {
        let identity = Pki::shared().server.identity().ocsp_response(STATUS);
        let acceptor = Acceptor::builder(library(), identity).max_protocol(protocol).build().unwrap();
        let connector = connector().request_ocsp(true).build().unwrap();
        for resumes in [false, true] {
            let (client, _server) = joined(&connector, &acceptor);
            assert_eq!((client.session_reused(), client.ocsp_response().is_none()), (resumes, resumes), "{protocol}");
        }
    }
}

/// `openssl s_client` with these options against an acceptor; its output.
fn s_client(acceptor: &Acceptor, options: &[&str]) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut command = dlssl_tests::process::foreign("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).args(options);
    let (outcome, ()) = both(
        || run_process(&mut command, b""),
        || {
            let (socket, _) = listener.accept().unwrap();
            if let Ok(mut tls) = acceptor.accept(socket) {
                let _ = std::io::Read::read_to_end(&mut tls, &mut Vec::new());
                let _ = tls.shutdown();
            }
        },
    );
    format!("{}{}", outcome.stdout, outcome.stderr)
}

fn openssl_by_name() {
    let acceptor = acceptor().identity_for("one.test", issue("one.test").identity()).build().unwrap();
    let seen = s_client(&acceptor, &["-servername", "one.test"]);
    assert!(seen.contains("CN=one.test") || seen.contains("CN = one.test"), "{seen}");
    let seen = s_client(&acceptor, &["-servername", "other.test"]);
    assert!(seen.contains(&format!("CN={NAME}")) || seen.contains(&format!("CN = {NAME}")), "{seen}");
}

fn openssl_status() {
    let acceptor = Acceptor::builder(library(), Pki::shared().server.identity().ocsp_response(STATUS)).build().unwrap();
    let seen = s_client(&acceptor, &["-status"]);
    // A status of "unauthorized", which is what the bytes above say.
    assert!(seen.contains("unauthorized"), "{seen}");
}
