//! Handshakes: every BIO and protocol, what was negotiated, mutual TLS, early bytes, blocking inner streams, many threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::io::{ErrorKind as IoKind, Read, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use dlssl::{Error, ErrorKind, Flavour, HandshakeError, MidHandshake, Protocol, Roots, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{has_tls13, is_openssl_from, library};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::talk::{Bio, Shaken, acceptor, both, connector, pattern, protocols, send, shake, shake_tcp, tcp_pair};
use dlssl_tests::wire::{End, Script, Scripted, nonblocking_pipe, pipe, pipe_with_capacity};

fn main() -> ExitCode {
    run(vec![
        test("every_bio_on_tls12", || every_bio(Protocol::Tls12)),
        test("every_bio_on_tls13", || every_bio(Protocol::Tls13)).needs_tls13(),
        test("negotiated", negotiated),
        test("cipher_choice_on_tls12", cipher_choice_on_tls12),
        test("cipher_choice_on_tls13", cipher_choice_on_tls13).needs_tls13(),
        test("alpn_picks_by_the_servers_order", alpn_order),
        test("alpn_without_overlap", alpn_mismatch),
        test("alpn_one_sided", alpn_one_sided),
        test("versions_that_do_not_meet", versions_that_do_not_meet).needs_tls13(),
        test("version_bounds_upside_down", version_bounds_upside_down).needs_tls13(),
        test("no_sni_when_switched_off", no_sni),
        test("no_sni_for_an_address", no_sni_for_an_address),
        test("mutual_tls", mutual_tls),
        test("mutual_tls_without_a_certificate", mutual_tls_without),
        test("mutual_tls_from_a_stranger", mutual_tls_stranger),
        test("starts_on_bytes_already_read", early_bytes),
        test("nonblocking_handshake", nonblocking_handshake),
        test("nonblocking_handshake_byte_by_byte", byte_by_byte),
        test("mid_handshake_reports_its_stream", mid_handshake_parts),
        test("full_pipe_wants_write", full_pipe_wants_write),
        test("flushes_reach_the_inner_stream", flushes),
        test("bulk_both_ways", bulk_both_ways),
        test("many_threads", many_threads),
        test("names_that_are_no_names", bad_names),
        test("streams_and_contexts_cross_threads", auto_traits),
    ])
}

fn every_bio(protocol: Protocol) {
    let connector = connector().min_protocol(protocol).max_protocol(protocol);
    let acceptor = acceptor().min_protocol(protocol).max_protocol(protocol);
    let (connector, acceptor) = (connector.build().unwrap(), acceptor.build().unwrap());
    for bio in Bio::ALL {
        let (client, server) = shake_tcp(bio, &connector, &acceptor, NAME);
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        assert_eq!(client.protocol(), Some(protocol), "{bio:?}");
        assert_eq!(client.protocol_name(), protocol.to_string(), "{bio:?}");
        send(&mut client, &mut server, b"ping");
        send(&mut server, &mut client, b"pong");
        send(&mut client, &mut server, &pattern(300_000, 1));
        send(&mut server, &mut client, &pattern(300_000, 2));
    }
}

fn negotiated() {
    for bio in Bio::ALL {
        let connector = connector().alpn(["h2", "http/1.1"]).build().unwrap();
        let acceptor = acceptor().alpn(["http/1.1"]).build().unwrap();
        let (client, server) = shake_tcp(bio, &connector, &acceptor, NAME);
        let (client, server) = (client.unwrap(), server.unwrap());
        let best = *protocols().last().unwrap();
        assert_eq!(client.protocol(), Some(best));
        assert_eq!(server.protocol(), Some(best));
        assert!(!client.cipher().is_empty());
        assert_eq!(client.cipher(), server.cipher());
        assert_eq!(client.alpn(), Some(&b"http/1.1"[..]));
        assert_eq!(server.alpn(), Some(&b"http/1.1"[..]));
        assert_eq!(server.server_name(), Some(NAME));
        let der = client.peer_certificate_der();
        assert_eq!(der.as_ref(), Some(&Pki::shared().server.der));
        assert_eq!(server.peer_certificate_der(), None);
        assert_eq!(client.library().generation(), library().generation());
    }
}

fn cipher_choice_on_tls12() {
    let suite = "ECDHE-ECDSA-AES256-GCM-SHA384";
    let connector = connector().max_protocol(Protocol::Tls12).cipher_list(suite);
    let (client, _server) = memory_pair(connector.build().unwrap(), acceptor().build().unwrap());
    assert_eq!(client.cipher(), suite);
}

fn cipher_choice_on_tls13() {
    let suite = "TLS_AES_128_GCM_SHA256";
    let connector = connector().min_protocol(Protocol::Tls13).ciphersuites(suite);
    let (client, _server) = memory_pair(connector.build().unwrap(), acceptor().build().unwrap());
    assert!(client.cipher() == suite || client.cipher() == "AEAD-AES128-GCM-SHA256", "{}", client.cipher());
}

fn alpn_order() {
    let connector = connector().alpn(["a", "b"]).build().unwrap();
    let acceptor = acceptor().alpn(["b", "a"]).build().unwrap();
    let (client, server) = memory_pair(connector, acceptor);
    assert_eq!(client.alpn(), server.alpn());
    assert_eq!(server.alpn(), Some(&b"b"[..]));
}

/// No common protocol: RFC 7301 wants the alert no_application_protocol, and neither end may go on as if nothing were.
fn alpn_mismatch() {
    let connector = connector().alpn(["a"]).build().unwrap();
    let acceptor = acceptor().alpn(["b"]).build().unwrap();
    let (client, server) = shake(&connector, &acceptor, NAME, pipe());
    let server = failed(server);
    assert_eq!(server.kind(), ErrorKind::Handshake, "{server}");
    // OpenSSL below 1.1.0 knows no such alert: the server ends after the handshake, and the client sees that later.
    if library().flavour() != Flavour::OpenSsl || is_openssl_from("1.1.0") {
        let client = failed(client);
        assert_eq!(client.kind(), ErrorKind::Handshake, "{client}");
    }
}

fn alpn_one_sided() {
    let (client, server) = memory_pair(connector().alpn(["a"]).build().unwrap(), acceptor().build().unwrap());
    assert_eq!((client.alpn(), server.alpn()), (None, None));
    let (client, server) = memory_pair(connector().build().unwrap(), acceptor().alpn(["a"]).build().unwrap());
    assert_eq!((client.alpn(), server.alpn()), (None, None));
}

fn versions_that_do_not_meet() {
    let connector = connector().max_protocol(Protocol::Tls12).build().unwrap();
    let acceptor = acceptor().min_protocol(Protocol::Tls13).build().unwrap();
    let (client, server) = shake(&connector, &acceptor, NAME, pipe());
    for error in [failed(client), failed(server)] {
        assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
        assert!(!error.queue().entries().is_empty(), "{error}");
    }
}

/// Bounds that leave no version are refused when the context is built, or at the latest by the handshake.
fn version_bounds_upside_down() {
    let builder = connector().min_protocol(Protocol::Tls13).max_protocol(Protocol::Tls12);
    let error = match builder.build() {
        Err(error) => error,
        Ok(connector) => {
            let acceptor = acceptor().build().unwrap();
            failed(shake(&connector, &acceptor, NAME, pipe()).0)
        }
    };
    assert!(
        matches!(error.kind(), ErrorKind::Configuration | ErrorKind::Handshake | ErrorKind::Protocol),
        "{:?}",
        error.kind()
    );
}

fn no_sni() {
    let connector = connector().build().unwrap();
    let acceptor = acceptor().build().unwrap();
    let (a, b) = pipe();
    let (client, server) = both(|| connector.configure(NAME).unwrap().sni(false).connect(a), || acceptor.accept(b));
    client.unwrap();
    assert_eq!(server.unwrap().server_name(), None);
}

/// RFC 6066: literal addresses are not permitted in the server name.
fn no_sni_for_an_address() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (client, server) = shake(&connector, &acceptor, "127.0.0.1", pipe());
    client.unwrap();
    assert_eq!(server.unwrap().server_name(), None);
}

fn mutual_tls() {
    let pki = Pki::shared();
    for protocol in protocols() {
        for bio in Bio::ALL {
            let connector = connector().max_protocol(protocol).identity(pki.client.identity());
            let acceptor = acceptor().client_roots(pki.authority.roots());
            let (client, server) = shake_tcp(bio, &connector.build().unwrap(), &acceptor.build().unwrap(), NAME);
            let (mut client, mut server) = (client.unwrap(), server.unwrap());
            send(&mut client, &mut server, b"who am I?");
            send(&mut server, &mut client, b"you are known");
            let der = server.peer_certificate_der();
            assert_eq!(der.as_ref(), Some(&pki.client.der));
        }
    }
}

fn mutual_tls_without() {
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).build().unwrap();
        let error = refused_client(&connector);
        assert!(error.kind() == ErrorKind::Certificate, "{error:?}");
    }
}

fn mutual_tls_stranger() {
    let stranger = Pki::new();
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).identity(stranger.client.identity()).build().unwrap();
        let error = refused_client(&connector);
        assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
        let verify = error.verify().expect("a verify failure");
        assert!(verify.code() != 0);
        assert!(error.to_string().contains(verify.reason()), "{error}");
    }
}

/// The server's error, after a check that the client learns of it too (on TLS 1.3 only with its first read).
fn refused_client(connector: &dlssl::Connector) -> Error {
    let acceptor = acceptor().client_roots(Pki::shared().authority.roots());
    let acceptor = acceptor.build().unwrap();
    let (a, b) = pipe();
    let ((), server) = both(
        || match connector.connect(NAME, a) {
            Err(HandshakeError::Failed(failed)) => {
                assert_eq!(failed.error().kind(), ErrorKind::Handshake, "{failed}");
            }
            Err(other) => panic!("{other}"),
            Ok(mut stream) => {
                let error = stream.read(&mut [0; 1]).unwrap_err();
                let inner = error.get_ref().expect("a cause");
                let inner = inner.downcast_ref::<Error>().expect("our error");
                assert!(!inner.queue().entries().is_empty(), "{inner:?}");
            }
        },
        || acceptor.accept(b),
    );
    failed(server)
}

/// A front part that was read before TLS began (a protocol sniffer, a proxy) is handed over.
fn early_bytes() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    for take in [1, 5, 6, 100] {
        let (a, mut b) = pipe();
        let (client, server) = both(
            || connector.connect(NAME, a),
            || {
                let mut front = vec![0; take];
                b.read_exact(&mut front).unwrap();
                acceptor.configure()?.received(front).accept(b)
            },
        );
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        send(&mut client, &mut server, b"after all");
        // The same on the descriptor.
        let (a, mut b) = tcp_pair();
        let (client, server) = both(
            || connector.connect_socket(NAME, a),
            || {
                let mut front = vec![0; take];
                b.read_exact(&mut front).unwrap();
                acceptor.configure()?.received(front).accept_socket(b)
            },
        );
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        send(&mut client, &mut server, b"after all");
    }
}

fn nonblocking_handshake() {
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).build().unwrap();
        let acceptor = acceptor().build().unwrap();
        let (a, b) = nonblocking_pipe();
        let (mut client, mut server) = drive(connector.connect(NAME, a), acceptor.accept(b));
        client.write_all(b"hello").unwrap();
        let mut buf = [0; 16];
        let n = read_patiently(&mut server, &mut buf);
        assert_eq!(&buf[..n], b"hello");
        let error = server.read(&mut buf).unwrap_err();
        assert_eq!(error.kind(), IoKind::WouldBlock);
        assert!(server.wants_read() && !server.wants_write());
    }
}

fn byte_by_byte() {
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).build().unwrap();
        let acceptor = acceptor().build().unwrap();
        let (a, b) = pipe_with_capacity(1);
        a.set_nonblocking(true);
        b.set_nonblocking(true);
        let (client, server) = drive(connector.connect(NAME, a), acceptor.accept(b));
        assert_eq!(client.cipher(), server.cipher());
    }
}

fn mid_handshake_parts() {
    let connector = connector().build().unwrap();
    let (a, b) = nonblocking_pipe();
    let mut mid = blocked(connector.connect(NAME, a));
    assert!(mid.wants_read() && !mid.wants_write());
    assert_eq!(mid.error().kind(), IoKind::WouldBlock);
    assert_eq!(mid.get_ref().waiting(), 0);
    mid.get_mut().set_nonblocking(true);
    assert!(b.waiting() > 0, "the client's hello was not sent");
    // As an io::Error it is what a caller of a non-blocking stream expects.
    let error = std::io::Error::from(HandshakeError::Blocked(mid));
    assert_eq!(error.kind(), IoKind::WouldBlock);
}

fn full_pipe_wants_write() {
    let connector = connector().build().unwrap();
    let (a, mut b) = pipe_with_capacity(16);
    a.set_nonblocking(true);
    b.set_nonblocking(true);
    let mid = blocked(connector.connect(NAME, a));
    assert!(mid.wants_write() && !mid.wants_read());
    // Still full: the same answer.
    let mid = blocked(mid.resume());
    assert!(mid.wants_write());
    let mut hello = Vec::new();
    let mut mid = Some(mid);
    for _ in 0..10_000 {
        let mut buf = [0; 16];
        match b.read(&mut buf) {
            Ok(n) => hello.extend_from_slice(&buf[..n]),
            Err(e) => assert_eq!(e.kind(), IoKind::WouldBlock),
        }
        let next = blocked(mid.take().unwrap().resume());
        let done = next.wants_read();
        mid = Some(next);
        if done {
            break;
        }
    }
    assert!(mid.unwrap().wants_read());
    let mut buf = [0; 16];
    // The client is gone by now, so the pipe ends.
    while let Ok(n) = b.read(&mut buf)
        && n > 0
    {
        hello.extend_from_slice(&buf[..n]);
    }
    // One record, whole: its header gives its length.
    assert_eq!(hello[0], 22);
    let len = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
    assert_eq!(hello.len(), len + 5);
}

fn flushes() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (a, b) = pipe();
    let a = Scripted::new(a, Script::default());
    let counts = a.counts();
    let (client, server) = both(|| connector.connect(NAME, a), || acceptor.accept(b));
    let (mut client, _server) = (client.unwrap(), server.unwrap());
    assert!(counts.flushes.load(Ordering::SeqCst) > 0);
    let before = counts.flushes.load(Ordering::SeqCst);
    client.write_all(b"x").unwrap();
    client.flush().unwrap();
    assert!(counts.flushes.load(Ordering::SeqCst) > before);
}

fn bulk_both_ways() {
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).build().unwrap();
        for bio in Bio::ALL {
            let acceptor = acceptor().build().unwrap();
            let (client, server) = shake_tcp(bio, &connector, &acceptor, NAME);
            let (mut client, mut server) = (client.unwrap(), server.unwrap());
            for len in [1, 16_383, 16_384, 16_385, 2_000_000] {
                send(&mut client, &mut server, &pattern(len, 3));
                send(&mut server, &mut client, &pattern(len, 4));
            }
        }
    }
}

fn many_threads() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    std::thread::scope(|scope| {
        for seed in 0..64_u64 {
            let (connector, acceptor) = (&connector, &acceptor);
            scope.spawn(move || {
                let bio = Bio::ALL[usize::try_from(seed).unwrap() % 3];
                let (client, server) = shake_tcp(bio, connector, acceptor, NAME);
                let (mut client, mut server) = (client.unwrap(), server.unwrap());
                let bytes = pattern(50_000, seed + 10);
                send(&mut client, &mut server, &bytes);
                send(&mut server, &mut client, &bytes);
            });
        }
    });
}

fn bad_names() {
    let connector = connector().build().unwrap();
    for name in ["", "server\0.test", "a.test\0b.test"] {
        let error = connector.configure(name).map(drop).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{name:?}: {error}");
    }
}

fn auto_traits() {
    fn send_sync<T: Send + Sync + Clone>() {}
    fn send<T: Send>() {}
    send_sync::<dlssl::Library>();
    send_sync::<dlssl::Connector>();
    send_sync::<dlssl::Acceptor>();
    send_sync::<Roots>();
    send::<TlsStream<std::net::TcpStream>>();
    send::<MidHandshake<std::net::TcpStream>>();
    send::<Error>();
    assert!(has_tls13() || protocols() == [Protocol::Tls12]);
}

fn memory_pair(connector: dlssl::Connector, acceptor: dlssl::Acceptor) -> (TlsStream<End>, TlsStream<End>) {
    let (client, server) = shake(&connector, &acceptor, NAME, pipe());
    (client.unwrap(), server.unwrap())
}

fn failed<S>(result: Shaken<S>) -> Error {
    match result {
        Err(HandshakeError::Failed(failed)) => failed.into_error(),
        Err(HandshakeError::Blocked(mid)) => panic!("blocked: {}", mid.error()),
        Ok(_) => panic!("the handshake succeeded"),
    }
}

fn blocked<S>(result: Shaken<S>) -> MidHandshake<S> {
    match result {
        Err(HandshakeError::Blocked(mid)) => mid,
        Err(HandshakeError::Failed(error)) => panic!("{error}"),
        Ok(_) => panic!("the handshake succeeded"),
    }
}

/// Resumes both sides in turn until both are through.
fn drive(mut client: Shaken<End>, mut server: Shaken<End>) -> (TlsStream<End>, TlsStream<End>) {
    for _ in 0..100_000 {
        client = again(client);
        server = again(server);
        (client, server) = match (client, server) {
            (Ok(client), Ok(server)) => return (client, server),
            unfinished => unfinished,
        };
    }
    panic!("the handshake does not end");
}

fn again(result: Shaken<End>) -> Shaken<End> {
    match result {
        Err(HandshakeError::Blocked(mid)) => {
            assert!(mid.wants_read() || mid.wants_write());
            mid.resume()
        }
        Err(HandshakeError::Failed(error)) => panic!("{error}"),
        Ok(mut stream) => {
            // The tickets of a TLS 1.3 server are a part of its handshake, and have to go somewhere.
            let error = stream.read(&mut [0; 1]).unwrap_err();
            assert_eq!(error.kind(), IoKind::WouldBlock);
            Ok(stream)
        }
    }
}

fn read_patiently(stream: &mut impl Read, buf: &mut [u8]) -> usize {
    for _ in 0..100 {
        match stream.read(buf) {
            Err(e) if e.kind() == IoKind::WouldBlock => {}
            other => return other.unwrap(),
        }
    }
    panic!("nothing to read");
}
