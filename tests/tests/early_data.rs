//! Early data (0-RTT): taken apart from the rest, once, only with a session that was made with care.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Read;
use std::num::NonZeroU32;
use std::process::ExitCode;

use dlssl::{Acceptor, Connector, ErrorKind, Protocol, Session, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{is_openssl_from, library};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::talk::{acceptor, both, connector, joined, send};
use dlssl_tests::wire::{End, pipe};

fn main() -> ExitCode {
    let has = is_openssl_from("1.1.1");
    let lacks = || format!("{} has no early data", library().version_text());
    run(vec![
        test("where_there_is_none", nowhere).only_if(!has, || "the library has early data".to_owned()),
        test("is_taken", taken).only_if(has, lacks),
        test("a_session_gives_it_once", once).only_if(has, lacks),
        test("more_than_the_server_takes", too_much).only_if(has, lacks),
        test("a_server_that_takes_none", none_taken).only_if(has, lacks),
        test("an_older_protocol", older).only_if(has, lacks),
        test("a_session_for_something_else", something_else).only_if(has, lacks),
        test("not_to_a_server_that_was_never_verified", never_verified).only_if(has, lacks),
        test("without_the_servers_cache", without_cache).only_if(has, lacks),
    ])
}

const MOST: NonZeroU32 = NonZeroU32::new(16 * 1024).unwrap();

fn nowhere() {
    let error = acceptor().danger_early_data(MOST).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let connector = connector().build().unwrap();
    let error = connector.configure(NAME).unwrap().danger_early_data("early").map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

fn sides() -> (Connector, Acceptor) {
    (connector().build().unwrap(), acceptor().danger_early_data(MOST).build().unwrap())
}

/// A first connection, whose tickets the client has; its session.
fn first(connector: &Connector, acceptor: &Acceptor) -> Session {
    let (client, mut server) = joined(connector, acceptor);
    assert!(!client.early_data_accepted());
    assert_eq!(server.danger_take_early_data(), b"");
    client.session().unwrap()
}

fn early(
    connector: &Connector,
    acceptor: &Acceptor,
    session: Option<&Session>,
    data: &[u8],
) -> (TlsStream<End>, TlsStream<End>) {
    let (ours, theirs) = pipe();
    let mut configured = connector.configure(NAME).unwrap().danger_early_data(data).unwrap();
    if let Some(session) = session {
        configured = configured.session(session).unwrap();
    }
    let (client, server) = both(|| configured.connect(ours), || acceptor.accept(theirs));
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    // What comes after is not mixed up with it.
    send(&mut client, &mut server, b"ordinary");
    send(&mut server, &mut client, b"answer");
    (client, server)
}

fn taken() {
    let (connector, acceptor) = sides();
    first(&connector, &acceptor);
    for len in [1, 1000, 16 * 1024] {
        let data = dlssl_tests::talk::pattern(len, 7);
        let (client, mut server) = early(&connector, &acceptor, None, &data);
        assert!(client.early_data_accepted() && client.session_reused());
        assert!(server.danger_take_early_data() == data);
        assert_eq!(server.danger_take_early_data(), b"");
    }
    // Nothing to send is nothing special.
    assert!(!early(&connector, &acceptor, None, b"").0.early_data_accepted());
    assert!(library().take_errors().is_empty());
}

/// The library knows what it has seen: a session that comes a second time is not good for early data.
fn once() {
    let (connector, acceptor) = sides();
    let session = first(&connector, &acceptor);
    let (client, _server) = early(&connector, &acceptor, Some(&session), b"once");
    assert!(client.early_data_accepted());
    let (client, mut server) = early(&connector, &acceptor, Some(&session), b"twice");
    assert!(!client.early_data_accepted());
    assert_eq!(server.danger_take_early_data(), b"");
}

fn too_much() {
    let (connector, acceptor) = sides();
    first(&connector, &acceptor);
    let data = vec![1; 16 * 1024 + 1];
    let (client, mut server) = early(&connector, &acceptor, None, &data);
    assert!(!client.early_data_accepted() && client.session_reused());
    assert_eq!(server.danger_take_early_data(), b"");
}

fn none_taken() {
    let (connector, acceptor) = sides();
    let key = dlssl::TicketKey::from_bytes(&[3; 80]);
    let taking = self::acceptor().ticket_keys([key.clone()]).danger_early_data(MOST).build().unwrap();
    let refusing = self::acceptor().ticket_keys([key]).build().unwrap();
    first(&connector, &taking);
    let (client, _server) = early(&connector, &refusing, None, b"unread");
    assert!(!client.early_data_accepted());
    // Nor is there any without a session.
    let (client, _server) = early(&self::connector().build().unwrap(), &acceptor, None, b"unsent");
    assert!(!client.early_data_accepted());
}

fn older() {
    let (_, acceptor) = sides();
    let connector = connector().max_protocol(Protocol::Tls12).build().unwrap();
    for _ in 0..2 {
        let (client, mut server) = early(&connector, &acceptor, None, b"unsent");
        assert!(!client.early_data_accepted());
        assert_eq!(server.danger_take_early_data(), b"");
    }
}

/// Where the session was for another application protocol, name or version, nothing goes early, and all else goes on.
fn something_else() {
    let identity = || Pki::shared().server.identity();
    let acceptor = acceptor().identity_for(NAME, identity()).alpn(["h2", "http/1.1"]).danger_early_data(MOST);
    let acceptor = acceptor.build().unwrap();
    let h2 = || connector().alpn(["h2"]);
    for (connector, sni, resumes, goes) in [
        (h2(), true, true, true),
        (h2(), false, true, false),
        (connector().alpn(["http/1.1"]), true, true, false),
        (connector(), true, true, false),
        (h2().max_protocol(Protocol::Tls12), true, false, false),
    ] {
        let session = first(&h2().build().unwrap(), &acceptor);
        let (ours, theirs) = pipe();
        let configured = connector.build().unwrap().configure(NAME).unwrap().sni(sni).session(&session).unwrap();
        let configured = configured.danger_early_data("early").unwrap();
        let (client, server) = both(|| configured.connect(ours), || acceptor.accept(theirs));
        let (client, mut server) = (client.unwrap(), server.unwrap());
        assert_eq!((client.session_reused(), client.early_data_accepted()), (resumes, goes), "{connector:?} {sni}");
        assert_eq!(server.danger_take_early_data(), if goes { &b"early"[..] } else { b"" });
    }
}

/// Early data goes out before anything is verified: so the session is looked at before.
fn never_verified() {
    let stranger = dlssl_tests::pki::Leaf::server(NAME).self_signed();
    let acceptor = Acceptor::builder(library(), stranger.identity()).danger_early_data(MOST).build().unwrap();
    let careless = connector().danger_accept_invalid_certificates(true).build().unwrap();
    let session = first(&careless, &acceptor);
    let careful = connector().build().unwrap();
    let (ours, mut theirs) = pipe();
    let configured = careful.configure(NAME).unwrap().danger_early_data("secret").unwrap().session(&session).unwrap();
    let error = dlssl::Error::from(configured.connect(ours).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
    let mut sent = Vec::new();
    theirs.read_to_end(&mut sent).unwrap();
    assert_eq!(sent, b"");
}

fn without_cache() {
    let error = acceptor().session_cache(false).danger_early_data(MOST).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
}
