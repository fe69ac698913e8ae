//! A server that looks at a client's first message: what it sees, chooses, refuses, and waits for.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dlssl::{Alert, ErrorKind, HandshakeError, HelloAnswer, Identity, Protocol, Timeouts};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{is_openssl_from, library};
use dlssl_tests::pki::{Leaf, NAME, Pki};
use dlssl_tests::talk::{
    self, Bio, accept_by, acceptor, both, connect_by, connector, protocols, send, shake, shake_tcp, tcp_pair,
};
use dlssl_tests::wire::pipe;

fn main() -> ExitCode {
    let absent = || format!("{} shows nobody the first message", library().version_text());
    let has = || is_openssl_from("1.1.1");
    run(vec![
        test("where_it_is_not_shown", absence),
        test("what_is_seen", seen).only_if(has(), absent),
        test("a_certificate_by_protocol", by_protocol).only_if(has(), absent),
        test("a_broken_certificate", broken).only_if(has(), absent),
        test("refused", refused).only_if(has(), absent),
        test("waits_for_the_program", waits).only_if(has(), absent),
        test("waits_within_the_time_limit", waits_in_time).only_if(has(), absent),
        test("a_panic_comes_out", panics).only_if(has(), absent),
        test("every_name_of_the_acceptor", names_go_on).only_if(has(), absent),
    ])
}

fn absence() {
    let built = acceptor().client_hello_with(|_| HelloAnswer::GoOn).build();
    if is_openssl_from("1.1.1") {
        built.unwrap();
    } else {
        let error = built.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(&library().version().to_string()), "{error}");
    }
    assert!(library().take_errors().is_empty());
}

fn seen() {
    for protocol in protocols() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let acceptor = acceptor()
            .client_hello_with(move |hello| {
                counted.fetch_add(1, Ordering::SeqCst);
                assert_eq!(hello.server_name(), Some(NAME));
                assert_eq!(hello.alpn(), [&b"h2"[..], b"http/1.1"]);
                assert_eq!(hello.legacy_version(), 0x303);
                // Before TLS 1.3 a client names the newest and says nothing of the oldest.
                let all = [Protocol::Tls10, Protocol::Tls11, Protocol::Tls12, Protocol::Tls13];
                let said = if protocol == Protocol::Tls13 { &all[2..] } else { &all[..3] };
                assert_eq!(hello.protocols(), said);
                assert_eq!(hello.random().len(), 32);
                assert!(hello.session_id().is_empty() || hello.session_id().len() == 32);
                assert!(!hello.cipher_suites().is_empty() && !hello.signature_algorithms().is_empty());
                // secp256r1 is 23.
                assert!(hello.groups().contains(&23), "{:?}", hello.groups());
                assert_eq!(hello.compression_methods(), [0]);
                assert_eq!(hello.extension(0), hello.extensions().find(|(kind, _)| *kind == 0).map(|(_, body)| body));
                assert_eq!(hello.extension(0xfff0), None);
                HelloAnswer::GoOn
            })
            .build()
            .unwrap();
        let connector =
            connector().min_protocol(Protocol::Tls12).max_protocol(protocol).alpn(["h2", "http/1.1"]).build().unwrap();
        let (client, server) = shake(&connector, &acceptor, NAME, pipe());
        send(&mut client.unwrap(), &mut server.unwrap(), b"seen");
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

fn by_protocol() {
    let challenge = Pki::shared().authority.issue(&Leaf::server("challenge.test"));
    let (identity, calls) = (challenge.identity(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    let acceptor = acceptor()
        .alpn(["h2", "acme-tls/1"])
        // Not asked where the first message has decided.
        .identity_with(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            None
        })
        .refuse_unknown_names(true)
        .client_hello_with(move |hello| match hello.alpn().as_slice() {
            [b"acme-tls/1"] => HelloAnswer::Identity(identity.clone()),
            _ => HelloAnswer::GoOn,
        })
        .build()
        .unwrap();
    for protocol in protocols() {
        let bound = connector().max_protocol(protocol).session_cache(false);
        let connector = bound.clone().alpn(["acme-tls/1"]).build().unwrap();
        let (client, server) = shake(&connector, &acceptor, "challenge.test", pipe());
        assert_eq!(client.unwrap().peer_certificate_der().as_ref(), Some(&challenge.der));
        assert_eq!(server.unwrap().alpn(), Some(&b"acme-tls/1"[..]));
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        let (client, server) = shake(&bound.alpn(["h2"]).build().unwrap(), &acceptor, NAME, pipe());
        assert!(client.is_err() && server.is_err(), "the name is not known");
        assert_eq!(calls.swap(0, Ordering::SeqCst), 1);
        let _ = library().take_errors();
    }
}

fn broken() {
    let identity = Identity::pem("no certificate", "no key");
    let acceptor = acceptor().client_hello_with(move |_| HelloAnswer::Identity(identity.clone())).build().unwrap();
    talk::broken(&acceptor);
}

fn refused() {
    for protocol in protocols() {
        for bio in Bio::ALL {
            let acceptor = acceptor().client_hello_with(|_| HelloAnswer::Refuse(Alert::ACCESS_DENIED)).build().unwrap();
            let connector = connector().max_protocol(protocol).build().unwrap();
            talk::refused(shake_tcp(bio, &connector, &acceptor, NAME), "the peer denies access", "access_denied");
        }
    }
}

/// The program looks the certificate up elsewhere, and other clients are served meanwhile.
fn waits() {
    for bio in Bio::ALL {
        let ready = Arc::new(AtomicBool::new(false));
        let (asked, calls) = (Arc::clone(&ready), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&calls);
        let acceptor = acceptor()
            .client_hello_with(move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                if asked.load(Ordering::SeqCst) { HelloAnswer::GoOn } else { HelloAnswer::Wait }
            })
            .build()
            .unwrap();
        let connector = connector().build().unwrap();
        let (ours, theirs) = tcp_pair();
        let (client, server) = both(
            || connect_by(bio, &connector, NAME, ours),
            || {
                let mut step = accept_by(bio, &acceptor, theirs);
                for round in 1..4 {
                    let Err(HandshakeError::Blocked(waiting)) = step else { panic!("{step:?}") };
                    assert!(waiting.is_suspended() && !waiting.wants_read() && !waiting.wants_write());
                    assert_eq!(waiting.error().kind(), std::io::ErrorKind::WouldBlock);
                    assert_eq!(calls.load(Ordering::SeqCst), round);
                    if round == 3 {
                        ready.store(true, Ordering::SeqCst);
                    }
                    step = waiting.resume();
                }
                step
            },
        );
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        send(&mut client, &mut server, b"patient");
        assert_eq!(calls.load(Ordering::SeqCst), 4);
    }
}

fn waits_in_time() {
    let acceptor = acceptor().client_hello_with(|_| HelloAnswer::Wait).build().unwrap();
    let connector = connector().build().unwrap();
    let (ours, theirs) = tcp_pair();
    let limit = Duration::from_millis(50);
    let (_, kind) = both(
        || connector.connect(NAME, ours).map(drop).is_ok(),
        || {
            let configured = acceptor.configure().unwrap().timeouts(Timeouts::all(limit));
            let mut step = configured.accept_socket(theirs);
            let end = Instant::now() + Duration::from_secs(20);
            while Instant::now() < end {
                match step {
                    Err(HandshakeError::Blocked(waiting)) if waiting.is_suspended() => {
                        std::thread::sleep(Duration::from_millis(5));
                        step = waiting.resume();
                    }
                    _ => break,
                }
            }
            // Dropped, so that the client need not wait.
            step.unwrap_err().kind()
        },
    );
    assert_eq!(kind, ErrorKind::TimedOut);
    let _ = library().take_errors();
}

fn panics() {
    let acceptor = acceptor().client_hello_with(|_| std::panic::resume_unwind(Box::new("looking"))).build().unwrap();
    talk::panics_with(&acceptor, "looking");
}

/// Certificates by name are chosen as ever after it.
fn names_go_on() {
    let other = Pki::shared().authority.issue(&Leaf::server("one.test"));
    let acceptor =
        acceptor().identity_for("one.test", other.identity()).client_hello_with(|_| HelloAnswer::GoOn).build().unwrap();
    let connector = connector().session_cache(false).build().unwrap();
    let (client, server) = shake(&connector, &acceptor, "one.test", pipe());
    server.unwrap();
    assert_eq!(client.unwrap().peer_certificate_der().as_ref(), Some(&other.der));
}
