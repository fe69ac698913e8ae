//! Sessions: resumed by default, not where they must not be; ticket keys, stores, bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dlssl::{
    Acceptor, AcceptorBuilder, Connector, ConnectorBuilder, ErrorKind, Pin, Protocol, Session, SessionStore, TicketKey,
    TlsStream,
};
use dlssl_tests::harness::{Test, run, test};
use dlssl_tests::library::{has_tls13, is_openssl_from, library, loader};
use dlssl_tests::pki::{Leaf, NAME, Pki};
use dlssl_tests::process;
use dlssl_tests::talk::{Bio, acceptor, both, connector, protocols, send, shake, shake_tcp};
use dlssl_tests::wire::{End, pipe};

const ADDRESS: &str = "127.0.0.1";

fn main() -> ExitCode {
    if process::task().as_deref() == Some("reload") {
        after_a_reload();
        return ExitCode::SUCCESS;
    }
    let mut tests = Vec::new();
    for protocol in protocols() {
        tests.extend(on(protocol));
    }
    tests.extend([
        test("tls13_sessions_are_used_once", used_once).needs_tls13(),
        test("ticket_counts", ticket_counts),
        test("a_session_of_another_load", another_load),
        test("bytes_that_are_no_session", no_session),
        test("ticket_keys_shared_and_rotated", rotated),
        test("ticket_keys_that_are_none", no_keys),
        test("application_names", application_names),
        test("bounded_by_names", bounded),
        test("versions_that_are_not_spoken", not_spoken),
        // By itself: it would make the contexts of other tests forget their sessions.
        test("after_a_reload", || process::by_itself("reload")),
    ]);
    run(tests)
}

fn on(protocol: Protocol) -> Vec<Test> {
    let named = |name: &str, run: fn(Protocol)| test(&format!("{name}_{protocol}"), move || run(protocol));
    vec![
        named("every_bio_resumes", every_bio),
        named("resumes_without_an_orderly_end", no_orderly_end),
        named("switched_off", switched_off),
        named("names_are_apart", names_apart),
        named("bytes_and_back", bytes_and_back),
        named("times", times),
        named("never_verified_before", never_verified),
        named("verified_for_another_name", other_name),
        named("verified_for_another_name_that_nobody_said", unsaid_name),
        named("overruled_and_resumed", overruled),
        named("verified_for_nobody_by_who_has_a_key", for_a_key),
        named("made_under_other_pins", other_pins),
        named("a_store_of_the_program", store),
        named("a_store_that_panics", store_panics),
        named("servers_without_memory", no_server_memory),
        named("client_certificates_keep_servers_apart", client_certificates),
        named("a_replaced_certificate_keeps_sessions", replaced),
    ]
}

fn pair(protocol: Protocol) -> (ConnectorBuilder, AcceptorBuilder) {
    (
        connector().min_protocol(protocol).max_protocol(protocol),
        acceptor().min_protocol(protocol).max_protocol(protocol),
    )
}

/// A connection on which the client has read, so that it has its tickets.
fn talk(connector: &Connector, acceptor: &Acceptor, name: &str) -> (TlsStream<End>, TlsStream<End>) {
    let (client, server) = shake(connector, acceptor, name, pipe());
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    send(&mut server, &mut client, b"tickets come first");
    assert_eq!(client.session_reused(), server.session_reused());
    assert!(library().take_errors().is_empty());
    (client, server)
}

fn resumes(connector: &Connector, acceptor: &Acceptor, name: &str) -> bool {
    talk(connector, acceptor, name).0.session_reused()
}

/// A connection with a session of the program's choice.
fn with(connector: &Connector, acceptor: &Acceptor, session: &Session) -> Result<TlsStream<End>, dlssl::Error> {
    let (ours, theirs) = pipe();
    let configured = connector.configure(NAME)?.session(session)?;
    let (client, server) = both(|| configured.connect(ours), || acceptor.accept(theirs));
    let client = client?;
    if let Ok(server) = server {
        assert_eq!(client.session_reused(), server.session_reused());
    }
    Ok(client)
}

fn every_bio(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    let (connector, acceptor) = (connector.build().unwrap(), acceptor.build().unwrap());
    for (round, bio) in Bio::ALL.into_iter().enumerate() {
        let (client, server) = shake_tcp(bio, &connector, &acceptor, NAME);
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        assert_eq!((client.session_reused(), server.session_reused()), (round > 0, round > 0), "{bio:?}");
        // What the peer showed is known on a resumed connection too.
        assert_eq!(client.peer_certificate_der().as_ref(), Some(&Pki::shared().server.der));
        assert!(client.verify_result().is_ok());
        send(&mut server, &mut client, b"there");
        send(&mut client, &mut server, b"back");
        client.shutdown().unwrap();
    }
}

fn no_orderly_end(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    // Without tickets the server has to remember, too.
    for tickets in [true, false] {
        let connector = connector.clone().build().unwrap();
        let acceptor = acceptor.clone().session_tickets(tickets).build().unwrap();
        for round in 0..4 {
            assert_eq!(resumes(&connector, &acceptor, NAME), round > 0, "tickets {tickets}, round {round}");
        }
    }
}

fn switched_off(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    let (off, on) = (connector.clone().session_cache(false).build().unwrap(), connector.build().unwrap());
    let none = connector_size_0(protocol);
    let acceptor = acceptor.build().unwrap();
    for _ in 0..2 {
        assert!(!resumes(&off, &acceptor, NAME));
        assert!(!resumes(&none, &acceptor, NAME));
    }
    assert!(!resumes(&on, &acceptor, NAME));
    assert!(resumes(&on, &acceptor, NAME));
}

fn connector_size_0(protocol: Protocol) -> Connector {
    pair(protocol).0.session_cache_size(0).build().unwrap()
}

fn names_apart(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    let (first, acceptor) = (connector.build().unwrap(), acceptor.build().unwrap());
    assert!(!resumes(&first, &acceptor, NAME));
    assert!(!resumes(&first, &acceptor, ADDRESS));
    assert!(resumes(&first, &acceptor, NAME));
    assert!(resumes(&first, &acceptor, ADDRESS));
    // Another connector, though made of the same settings, shares nothing.
    let second = pair(protocol).0.build().unwrap();
    assert!(!resumes(&second, &acceptor, NAME));
}

fn used_once() {
    let (connector, acceptor) = pair(Protocol::Tls13);
    let connector = connector.build().unwrap();
    let acceptor = acceptor.ticket_count(1).build().unwrap();
    drop(talk(&connector, &acceptor, NAME));
    // Not read from: so no ticket comes after the one that is used up.
    let (second, _server) = shake(&connector, &acceptor, NAME, pipe());
    assert!(second.unwrap().session_reused());
    let (third, _server) = shake(&connector, &acceptor, NAME, pipe());
    assert!(!third.unwrap().session_reused());
}

fn ticket_counts() {
    let built = acceptor().ticket_count(3).build();
    if is_openssl_from("1.1.1") {
        let connector = connector().min_protocol(Protocol::Tls13).build().unwrap();
        let none = acceptor().ticket_count(0).build().unwrap();
        for _ in 0..2 {
            assert!(!resumes(&connector, &none, NAME));
        }
        let three = built.unwrap();
        drop(talk(&connector, &three, NAME));
        let reused: Vec<_> =
            (0..4).map(|_| shake(&connector, &three, NAME, pipe()).0.unwrap().session_reused()).collect();
        assert_eq!(reused, [true, true, true, false]);
    } else {
        assert_eq!(built.unwrap_err().kind(), ErrorKind::Unsupported);
    }
}

fn bytes_and_back(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    let (connector, acceptor) = (connector.session_cache(false).build().unwrap(), acceptor.build().unwrap());
    let (client, _server) = talk(&connector, &acceptor, NAME);
    let session = client.session().unwrap();
    assert_eq!(session.protocol(), Some(protocol));
    let der = session.to_der().unwrap();
    let read = Session::from_der(library(), &der).unwrap();
    assert_eq!(read.protocol(), Some(protocol));
    assert_eq!(read.created(), session.created());
    assert_eq!(read.to_der().unwrap(), der);
    assert!(with(&connector, &acceptor, &read).unwrap().session_reused());
    // It says nothing of its secrets.
    assert!(!format!("{session:?}").contains("id"));
}

fn times(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    let hour = Duration::from_secs(3600);
    let connector = connector.session_timeout(hour).build().unwrap();
    let acceptor = acceptor.session_timeout(hour).build().unwrap();
    let (client, _server) = talk(&connector, &acceptor, NAME);
    let session = client.session().unwrap();
    assert_eq!(session.timeout(), hour);
    let age = session.created().elapsed().unwrap_or_default();
    assert!(age < Duration::from_secs(600), "{age:?}");
    assert!(!session.has_expired());
}

/// The library verifies nothing when it resumes: so a session of a careless client must not open the door to a careful one.
fn never_verified(protocol: Protocol) {
    let (careful, _) = pair(protocol);
    let acceptor = acceptor_of_a_stranger(protocol);
    let careful = careful.build().unwrap();
    let careless = pair(protocol).0.danger_accept_invalid_certificates(true).build().unwrap();
    let (client, _server) = talk(&careless, &acceptor, NAME);
    let session = client.session().unwrap();
    let error = with(&careful, &acceptor, &session).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
    assert!(with(&careless, &acceptor, &session).is_ok());
}

fn acceptor_of_a_stranger(protocol: Protocol) -> Acceptor {
    let stranger = Leaf::server(NAME).self_signed();
    let builder = Acceptor::builder(library(), stranger.identity());
    builder.min_protocol(protocol).max_protocol(protocol).build().unwrap()
}

const OTHER: &str = "other.test";

fn acceptor_of_another(protocol: Protocol) -> Acceptor {
    let other = Pki::shared().authority.issue(&Leaf::server(OTHER));
    let builder = Acceptor::builder(library(), other.identity());
    builder.min_protocol(protocol).max_protocol(protocol).build().unwrap()
}

fn other_name(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    let other = Pki::shared().authority.issue(&Leaf::server(OTHER));
    let acceptor = acceptor.identity_for(OTHER, other.identity()).build().unwrap();
    let connector = connector.build().unwrap();
    let (client, _server) = talk(&connector, &acceptor, OTHER);
    let session = client.session().unwrap();
    // A server may refuse it because of the name, or take it; then we do.
    match with(&connector, &acceptor, &session) {
        Ok(tls) => assert!(!tls.session_reused()),
        Err(error) => {
            let fitting = [ErrorKind::Certificate, ErrorKind::Handshake].contains(&error.kind());
            assert!(fitting, "{error}");
        }
    }
}

/// Names that the client does not send, the server cannot hold apart: the client has to.
fn unsaid_name(protocol: Protocol) {
    let acceptor = acceptor_of_another(protocol);
    let connector = pair(protocol).0.session_cache(false).build().unwrap();
    let connect = |name: &str, session: Option<&Session>| {
        let (ours, theirs) = pipe();
        let configured = connector.configure(name).unwrap().sni(false);
        let configured = session.into_iter().fold(configured, |on, session| on.session(session).unwrap());
        both(|| configured.connect(ours), || acceptor.accept(theirs))
    };
    let (client, server) = connect(OTHER, None);
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    send(&mut server, &mut client, b"tickets come first");
    let session = client.session().unwrap();
    let error = connect(NAME, Some(&session)).0.map(drop).unwrap_err();
    assert!(error.to_string().contains(&format!("resumed session is with a certificate that is not valid for {NAME}")));
    assert!(connect(OTHER, Some(&session)).0.unwrap().session_reused());
}

/// What the program accepts against the library's word, or ours, it is asked about in each connection.
fn overruled(protocol: Protocol) {
    // Older libraries do not mind a name that stands in the subject alone.
    let nameless = Leaf::server(NAME).with(|params| params.subject_alt_names.clear());
    let nameless = Acceptor::builder(library(), Pki::shared().authority.issue(&nameless).identity());
    let nameless = nameless.min_protocol(protocol).max_protocol(protocol).build().unwrap();
    for acceptor in [acceptor_of_another(protocol), nameless] {
        let connector = pair(protocol).0.danger_verify_callback(|_| true).build().unwrap();
        for _ in 0..3 {
            let (client, _server) = talk(&connector, &acceptor, NAME);
            assert!(!client.session_reused() && !client.verify_result().is_ok());
        }
    }
}

/// A connector with a pre-shared key does without certificates where the key is used, and only there.
fn for_a_key(protocol: Protocol) {
    let Ok(connector) = pair(protocol).0.psk("client 7", [7; 32]).build() else {
        assert_eq!(library().flavour(), dlssl::Flavour::LibreSsl);
        return;
    };
    for (builder, acceptor) in [
        (pair(protocol).0.danger_accept_invalid_certificates(true), acceptor_of_a_stranger(protocol)),
        (pair(protocol).0.danger_accept_invalid_names(true), acceptor_of_another(protocol)),
    ] {
        let session = talk(&builder.build().unwrap(), &acceptor, NAME).0.session().unwrap();
        assert_eq!(with(&connector, &acceptor, &session).unwrap_err().kind(), ErrorKind::Certificate);
    }
}

fn other_pins(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    let acceptor = acceptor.build().unwrap();
    let (client, _server) = talk(&connector.clone().build().unwrap(), &acceptor, NAME);
    let session = client.session().unwrap();
    let pin = Pin::certificate(&client.peer_certificate().unwrap()).unwrap();
    let pinned = connector.pins([pin]).build().unwrap();
    assert_eq!(with(&pinned, &acceptor, &session).unwrap_err().kind(), ErrorKind::Handshake);
    let session = talk(&pinned, &acceptor, NAME).0.session().unwrap();
    assert!(with(&pinned, &acceptor, &session).unwrap().session_reused());
}

/// Some libraries speak the version of the session that they are given, whatever the bounds.
fn not_spoken() {
    let made = if has_tls13() { [Protocol::Tls12, Protocol::Tls13] } else { [Protocol::Tls11, Protocol::Tls12] };
    for (then, now) in [(made[0], made[1]), (made[1], made[0])] {
        let acceptor = acceptor().min_protocol(made[0]).build().unwrap();
        let session = talk(&pair(then).0.build().unwrap(), &acceptor, NAME).0.session().unwrap();
        let client = with(&pair(now).0.build().unwrap(), &acceptor, &session).unwrap();
        assert_eq!((client.protocol(), client.session_reused()), (Some(now), false));
    }
}

fn another_load() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (client, _server) = talk(&connector, &acceptor, NAME);
    let session = client.session().unwrap();
    let other = loader().load().unwrap();
    let foreign = Connector::builder(&other).roots(Pki::shared().authority.roots()).build().unwrap();
    let error = foreign.configure(NAME).unwrap().session(&session).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MixedGenerations, "{error}");
    assert!(error.to_string().contains("generation"), "{error}");
    // By its bytes it can go over.
    let moved = Session::from_der(&other, &session.to_der().unwrap()).unwrap();
    assert!(foreign.configure(NAME).unwrap().session(&moved).is_ok());
}

fn no_session() {
    for bytes in [&b""[..], b"\x30", b"no session", &[0x30, 0x03, 0x02, 0x01, 0x01]] {
        let error = Session::from_der(library(), bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }
    assert!(library().take_errors().is_empty());
}

fn key(seed: u8) -> TicketKey {
    let mut bytes = [0; 80];
    bytes.iter_mut().zip(seed..).for_each(|(byte, value)| *byte = value);
    TicketKey::from_bytes(&bytes)
}

fn rotated() {
    for protocol in protocols() {
        let (connector, acceptor) = pair(protocol);
        let connector = connector.session_cache(false).build().unwrap();
        let build = |keys: Vec<TicketKey>| acceptor.clone().ticket_keys(keys).build().unwrap();
        let (first, second) = (build(vec![key(1)]), build(vec![key(1)]));
        let session = |acceptor: &Acceptor| talk(&connector, acceptor, NAME).0.session().unwrap();
        let old = session(&first);
        // Another server with the same key.
        assert!(with(&connector, &second, &old).unwrap().session_reused(), "{protocol}");
        assert!(!with(&connector, &build(vec![key(90)]), &old).unwrap().session_reused(), "{protocol}");
        // A clone follows the rotation.
        let clone = first.clone();
        first.set_ticket_keys([key(90), key(1)]).unwrap();
        assert!(with(&connector, &clone, &old).unwrap().session_reused(), "{protocol}");
        let new = session(&clone);
        first.set_ticket_keys([key(90)]).unwrap();
        assert!(with(&connector, &clone, &new).unwrap().session_reused(), "{protocol}");
        assert!(!with(&connector, &clone, &old).unwrap().session_reused(), "{protocol}");
        // Built from the same settings, and not touched by all that.
        assert!(with(&connector, &second, &old).unwrap().session_reused(), "{protocol}");
    }
}

fn no_keys() {
    let error = acceptor().ticket_keys([]).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let automatic = acceptor().build().unwrap();
    assert_eq!(automatic.set_ticket_keys([key(1)]).unwrap_err().kind(), ErrorKind::Configuration);
    let explicit = acceptor().ticket_keys([key(1)]).build().unwrap();
    assert_eq!(explicit.set_ticket_keys([]).unwrap_err().kind(), ErrorKind::Configuration);
    assert_ne!(TicketKey::generate(library()).unwrap(), TicketKey::generate(library()).unwrap());
    assert!(!format!("{:?}", key(65)).contains("65"));
}

fn application_names() {
    for wrong in [vec![], vec![7; 33]] {
        let error = acceptor().session_id_context(wrong).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
    acceptor().session_id_context(vec![7; 32]).build().unwrap();
}

#[derive(Default)]
struct Shared {
    sessions: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
    found: AtomicUsize,
}

impl SessionStore for Shared {
    fn insert(&self, id: &[u8], session: Vec<u8>, timeout: Duration) {
        assert!(!id.is_empty() && !timeout.is_zero());
        self.sessions.lock().unwrap().insert(id.to_vec(), session);
    }

    fn find(&self, id: &[u8]) -> Option<Vec<u8>> {
        let found = self.sessions.lock().unwrap().get(id).cloned();
        self.found.fetch_add(usize::from(found.is_some()), Ordering::SeqCst);
        found
    }

    fn remove(&self, id: &[u8]) {
        self.sessions.lock().unwrap().remove(id);
    }
}

fn store(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    let connector = connector.build().unwrap();
    let shared = Arc::new(Shared::default());
    let builder = acceptor.session_tickets(false).session_store(shared.clone()).session_id_context("a service");
    let (first, second) = (builder.build().unwrap(), builder.build().unwrap());
    assert!(!resumes(&connector, &first, NAME));
    assert!(!shared.sessions.lock().unwrap().is_empty());
    assert!(resumes(&connector, &second, NAME));
    assert!(shared.found.load(Ordering::SeqCst) > 0);
    // A store that has lost its sessions, or their bytes, is no harm.
    for value in shared.sessions.lock().unwrap().values_mut() {
        value.truncate(7);
    }
    assert!(!resumes(&connector, &first, NAME));
    shared.sessions.lock().unwrap().clear();
    assert!(!resumes(&connector, &first, NAME));
    assert!(resumes(&connector, &first, NAME));
}

fn store_panics(protocol: Protocol) {
    struct Panics;
    impl SessionStore for Panics {
        fn insert(&self, _: &[u8], _: Vec<u8>, _: Duration) {
            std::panic::resume_unwind(Box::new("the store"));
        }
        fn find(&self, _: &[u8]) -> Option<Vec<u8>> {
            None
        }
        fn remove(&self, _: &[u8]) {}
    }
    let (connector, acceptor) = pair(protocol);
    let connector = connector.build().unwrap();
    let acceptor = acceptor.session_tickets(false).session_store(Arc::new(Panics)).build().unwrap();
    let (ours, theirs) = pipe();
    let (_client, server) = both(
        || connector.connect(NAME, ours).map(drop).is_ok(),
        || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(acceptor.accept(theirs)))),
    );
    assert_eq!(server.unwrap_err().downcast_ref::<&str>(), Some(&"the store"));
}

fn no_server_memory(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    let connector = connector.build().unwrap();
    let acceptor = acceptor.session_tickets(false).session_cache(false).build().unwrap();
    for _ in 0..3 {
        assert!(!resumes(&connector, &acceptor, NAME));
    }
}

/// Servers that ask for certificates share sessions only where they say that their rules are the same.
fn client_certificates(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    let connector = connector.identity(Pki::shared().client.identity()).session_cache(false).build().unwrap();
    let builder = acceptor.ticket_keys([key(1)]);
    let asking = builder.clone().client_roots(Pki::shared().authority.roots());
    let open = builder.build().unwrap();
    let (one, two) = (asking.build().unwrap(), asking.build().unwrap());
    let session = |acceptor: &Acceptor| talk(&connector, acceptor, NAME).0.session().unwrap();
    let (let_in, looked_at) = (session(&open), session(&one));
    let reused = |acceptor: &Acceptor, session: &Session| {
        // A server may also end the handshake over a session of another application.
        let (ours, theirs) = pipe();
        let configured = connector.configure(NAME).unwrap().session(session).unwrap();
        let (client, server) = both(|| configured.connect(ours), || acceptor.accept(theirs));
        match (client, server) {
            (Ok(client), Ok(server)) => {
                assert!(!client.session_reused() || server.peer_certificate_der().is_some());
                client.session_reused()
            }
            _ => false,
        }
    };
    assert!(reused(&one, &looked_at));
    assert!(!reused(&two, &looked_at));
    assert!(!reused(&one, &let_in));
    let named = asking.session_id_context("the same rules");
    let (one, two) = (named.build().unwrap(), named.build().unwrap());
    let looked_at = session(&one);
    assert!(reused(&two, &looked_at));
    let _ = library().take_errors();
}

fn replaced(protocol: Protocol) {
    let (connector, acceptor) = pair(protocol);
    let (connector, acceptor) = (connector.build().unwrap(), acceptor.build().unwrap());
    assert!(!resumes(&connector, &acceptor, NAME));
    let next = Pki::shared().authority.issue(&Leaf::server(NAME));
    acceptor.replace_identity(&next.identity()).unwrap();
    assert!(resumes(&connector, &acceptor, NAME));
    let fresh = pair(protocol).0.build().unwrap();
    assert_eq!(talk(&fresh, &acceptor, NAME).0.peer_certificate_der(), Some(next.der));
}

fn bounded() {
    let connector = connector().session_cache_size(1).build().unwrap();
    let acceptor = acceptor().build().unwrap();
    assert!(!resumes(&connector, &acceptor, NAME));
    assert!(resumes(&connector, &acceptor, NAME));
    assert!(!resumes(&connector, &acceptor, ADDRESS));
    assert!(!resumes(&connector, &acceptor, NAME));
}

/// Contexts that are built again remember no session, and have the certificate that was put in the first one's place.
fn after_a_reload() {
    let slot = Arc::new(dlssl::Slot::new(loader()));
    let acceptor = Acceptor::following_slot(Arc::clone(&slot), Pki::shared().server.identity());
    let acceptor = acceptor.ticket_keys([key(1)]).build().unwrap();
    let connector = Connector::following_slot(Arc::clone(&slot)).roots(Pki::shared().authority.roots());
    let connector = connector.build().unwrap();
    let reused = || {
        let (client, server) = shake(&connector, &acceptor, NAME, pipe());
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        send(&mut server, &mut client, b"tickets");
        (client.session_reused(), client.peer_certificate_der().unwrap())
    };
    assert!(!reused().0);
    assert!(reused().0);
    let next = Pki::shared().authority.issue(&Leaf::server(NAME));
    acceptor.replace_identity(&next.identity()).unwrap();
    acceptor.set_ticket_keys([key(2), key(1)]).unwrap();
    slot.reload().unwrap();
    assert_eq!(reused(), (false, next.der.clone()));
    assert!(reused().0);
    acceptor.set_ticket_keys([key(3)]).unwrap();
    assert!(!reused().0);
}
