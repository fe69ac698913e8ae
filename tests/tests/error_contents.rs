//! What errors hold, that the error queue is left empty, and TLS inside TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::ffi::{c_ulong, c_void};
use std::io::{self, ErrorKind as IoKind, Read, Write};
use std::net::Shutdown;
use std::process::ExitCode;

use dlssl::{
    Acceptor, Connector, Error, ErrorKind, Half, HandshakeError, Identity, Isolation, Library, Roots, TlsStream,
};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{library, loader};
use dlssl_tests::pki::{Leaf, NAME, Pki};
use dlssl_tests::talk::{Bio, Shaken, acceptor, both, connect_by, connector, pattern, send, shake, tcp_pair};
use dlssl_tests::wire::{End, Payload, Script, Scripted, Step, nonblocking_pipe, payload, pipe};

fn main() -> ExitCode {
    run(vec![
        test("the_queue_is_data", the_queue_is_data),
        test("peers_without_tls_are_called_so", peers_without_tls),
        test("a_broken_peer_is_not_called_one_without_tls", broken_peer),
        test("verify_failures", verify_failures),
        test("io_errors_are_sources", io_errors_are_sources),
        test("conversions_into_io_errors", conversions),
        test("which_library", which_library),
        test("a_load_that_fails_is_the_cause", load_is_the_cause),
        test("errors_cross_threads", errors_cross_threads),
        test("queue_is_empty_afterwards", queue_is_empty_afterwards),
        test("a_stale_queue_misleads_nobody", stale_queue),
        test("a_hosts_errors_stay", host_queue),
        test("entries_of_others_decide_nothing", entries_of_others).needs_private_copies(),
        test("tls_inside_tls", tls_inside_tls),
        test("an_inner_error_is_the_outer_ones", inner_error),
        test("tls_work_inside_a_read", work_inside_a_read),
    ])
}

fn error_of<S>(result: Shaken<S>) -> Error {
    match result {
        Err(HandshakeError::Failed(failed)) => failed.into_error(),
        Err(HandshakeError::Blocked(mid)) => panic!("blocked: {}", mid.error()),
        Ok(_) => panic!("no error"),
    }
}

fn rubbish_error() -> Error {
    let (a, mut b) = pipe();
    b.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    error_of(connector().build().unwrap().connect(NAME, a))
}

fn the_queue_is_data() {
    let error = rubbish_error();
    let entries = error.queue().entries();
    assert!(!entries.is_empty());
    let entry = &entries[0];
    assert!(entry.code() != 0);
    assert!(entry.library().is_some_and(|l| l.contains("SSL")), "{entry:?}");
    assert!(entry.reason().is_some_and(|r| !r.is_empty()), "{entry:?}");
    let text = error.to_string();
    assert!(text.contains(entry.reason().unwrap()), "{text}");
    assert!(!text.contains('\n') && !text.contains('\0'), "{text}");
    // PEM errors come from another part of the library.
    let error = acceptor_with("no PEM", "no PEM").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pem);
}

fn peers_without_tls() {
    let peers: [&[u8]; 8] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"<html><head><title>400 Bad Request</title></head></html>",
        b"220 mail.example.org ESMTP ready\r\n",
        b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        &[0; 200],
        &[0xFF; 200],
        b"",
    ];
    for bio in Bio::ALL {
        for said in peers {
            let (client, mut peer) = tcp_pair();
            peer.write_all(said).unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            let error = error_of(connect_by(bio, &connector().build().unwrap(), NAME, client));
            let said = said.escape_ascii();
            assert!(error.to_string().contains("does not speak TLS"), "{bio:?}, \"{said}\": {error}");
        }
    }
}

/// A record that is too long says nothing about a peer whose handshake is done.
fn broken_peer() {
    let (mut client, mut server) = one_thread(&connector().build().unwrap(), &acceptor().build().unwrap()).unwrap();
    server.get_mut().write_all(&[&[23, 3, 3, 0xFF, 0xFF][..], &[0; 0xFFFF]].concat()).unwrap();
    let error = client.read(&mut [0; 1]).unwrap_err();
    let error = Error::from_io(&error).unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("too long") && !error.to_string().contains("speak TLS"), "{error}");
}

fn acceptor_with(chain: &str, key: &str) -> Result<Acceptor, Error> {
    Acceptor::builder(library(), Identity::pem(chain, key)).build()
}

fn verify_failures() {
    let pair = Pki::shared().authority.issue(&Leaf::server(NAME).subject("the late server").expired());
    let acceptor = Acceptor::builder(library(), pair.identity()).build().unwrap();
    let error = error_of(shake(&connector().build().unwrap(), &acceptor, NAME, pipe()).0);
    let verify = error.verify().unwrap();
    // X509_V_ERR_CERT_HAS_EXPIRED
    assert_eq!(verify.code(), 10);
    assert_eq!(verify.depth(), 0);
    assert!(verify.subject().contains("the late server"), "{verify:?}");
    assert!(verify.issuer().contains("dlssl test intermediate"), "{verify:?}");
    assert!(error.to_string().contains(verify.reason()));
    assert!(rubbish_error().verify().is_none());
}

fn io_errors_are_sources() {
    let (a, _b) = pipe();
    let script = Script { reads: vec![Step::Fail(5)], ..Script::default() };
    let error = error_of(connector().build().unwrap().connect(NAME, Scripted::new(a, script)));
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert_eq!(error.io_error().and_then(payload), Some(Payload(5)));
    assert!(error.to_string().contains("scripted failure 5") || has_source(&error, "scripted failure 5"));
    assert!(rubbish_error().io_error().is_none());
}

fn has_source(error: &dyn std::error::Error, text: &str) -> bool {
    error.source().is_some_and(|source| source.to_string().contains(text) || has_source(source, text))
}

fn conversions() {
    let error = io::Error::from(rubbish_error());
    let inner: &Error = error.get_ref().and_then(|e| e.downcast_ref()).expect("our error inside");
    assert!(!inner.queue().entries().is_empty());
    assert!(error.to_string().contains(inner.queue().entries()[0].reason().unwrap()));
    // The inner stream's own error comes out as itself.
    let (a, _b) = pipe();
    let script = Script { writes: vec![Step::Fail(6)], ..Script::default() };
    let failed = connector().build().unwrap().connect(NAME, Scripted::new(a, script)).unwrap_err();
    assert_eq!(payload(&io::Error::from(failed)), Some(Payload(6)));
}

fn which_library() {
    assert!(rubbish_error().library().is_some_and(|l| l.contains(&library().version().to_string())));
}

fn errors_cross_threads() {
    let text = rubbish_error().to_string();
    let error = std::thread::spawn(rubbish_error).join().unwrap();
    assert_eq!(error.to_string(), text);
}

/// C's own view of this thread's queue.
fn peek() -> c_ulong {
    // SAFETY: the pointer is only used with the signature that every version has.
    let found = unsafe { library().symbol(Half::Crypto, c"ERR_peek_error") }.unwrap();
    type Peek = unsafe extern "C" fn() -> c_ulong;
    // SAFETY: a function pointer from the library, with C's signature for this name.
    let peek: Peek = unsafe { std::mem::transmute(found) };
    // SAFETY: no arguments, and the library stays loaded.
    unsafe { peek() }
}

/// Leaves an entry in this thread's queue, as another user of the library in the process might.
fn spoil_the_queue() {
    spoil_the_queue_of(library());
    assert!(peek() != 0);
}

fn spoil_the_queue_of(library: &Library) {
    // SAFETY: as in `peek`.
    let found = unsafe { library.symbol(Half::Ssl, c"SSL_CTX_new") }.unwrap();
    type New = unsafe extern "C" fn(*const c_void) -> *mut c_void;
    // SAFETY: a function pointer from the library, with C's signature for this name.
    let new: New = unsafe { std::mem::transmute(found) };
    // SAFETY: a null method is refused with an entry in the queue.
    assert!(unsafe { new(std::ptr::null()) }.is_null());
}

/// On the data path nobody looks at the queue before a call, until it is known that others leave entries there. A copy of
/// the library for each case, in which that is not known yet.
fn entries_of_others() {
    type Case = fn(&Library, TlsStream<End>, TlsStream<End>);
    let cases: [(&str, Case); 5] = [
        ("a pause", |library, mut client, _server| {
            spoil_the_queue_of(library);
            assert_eq!(client.read(&mut [0; 1]).unwrap_err().kind(), IoKind::WouldBlock);
        }),
        ("the peer's close", |library, mut client, mut server| {
            server.shutdown().unwrap();
            spoil_the_queue_of(library);
            assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        }),
        ("a cut", |library, mut client, server| {
            drop(server);
            spoil_the_queue_of(library);
            assert_eq!(client.read(&mut [0; 1]).unwrap_err().kind(), IoKind::UnexpectedEof);
        }),
        ("a broken record", |library, mut client, mut server| {
            server.get_mut().write_all(&[&[23, 3, 3, 0, 40][..], &[0; 40]].concat()).unwrap();
            spoil_the_queue_of(library);
            let error = client.read(&mut [0; 1]).unwrap_err();
            assert_eq!(Error::from_io(&error).unwrap().kind(), ErrorKind::Protocol, "{error}");
        }),
        ("a fatal alert", |library, mut client, mut server| {
            client.get_mut().write_all(&[&[23, 3, 3, 0, 40][..], &[0; 40]].concat()).unwrap();
            server.read(&mut [0; 1]).unwrap_err();
            spoil_the_queue_of(library);
            let error = client.read(&mut [0; 1]).unwrap_err();
            assert_eq!(Error::from_io(&error).unwrap().kind(), ErrorKind::Protocol, "{error}");
        }),
    ];
    for (what, case) in cases {
        println!("{what}");
        let library = loader().isolation(Isolation::Always).load().unwrap();
        let connector = Connector::builder(&library).roots(Pki::shared().authority.roots()).build().unwrap();
        let acceptor = Acceptor::builder(&library, Pki::shared().server.identity()).build().unwrap();
        let (mut client, mut server) = one_thread(&connector, &acceptor).unwrap();
        server.write_all(b"x").unwrap();
        client.read_exact(&mut [0; 1]).unwrap();
        case(&library, client, server);
    }
}

/// Everything here happens on this one thread: the queue is the thread's.
fn queue_is_empty_afterwards() {
    let check = |what: &str| assert_eq!(peek(), 0, "after {what}");
    check("loading");
    let _ = rubbish_error();
    check("rubbish");
    let _ = acceptor_with("no PEM", "no PEM");
    check("no PEM");
    let pki = Pki::shared();
    let _ = acceptor_with(&pki.server.chain, &pki.client.key);
    check("a wrong key");
    let _ = acceptor_with(&pki.server.chain, &pki.server.key).unwrap();
    check("a good identity: the end of a PEM file is an error to C");
    let _ = Connector::builder(library()).roots(Roots::pem("rubbish")).build();
    check("bad roots");
    let _ = Connector::builder(library()).roots(Roots::file("/nonexistent")).build();
    check("missing roots");
    let _ = connector().cipher_list("no such cipher").build();
    check("a bad cipher list");
    let _ = connector().build().unwrap().configure("");
    check("a bad name");
    let (mut client, mut server) = one_thread(&connector().build().unwrap(), &acceptor().build().unwrap()).unwrap();
    check("a handshake");
    client.read(&mut [0; 1]).unwrap_err();
    check("a read that blocks");
    client.write_all(b"x").unwrap();
    server.read_exact(&mut [0; 1]).unwrap();
    server.get_mut().write_all(&[23, 3, 3, 0, 40]).unwrap();
    server.get_mut().write_all(&[0; 40]).unwrap();
    client.read(&mut [0; 1]).unwrap_err();
    check("a broken record");
    drop(client);
    server.read(&mut [0; 1]).unwrap_err();
    check("an alert or end of file");
    drop(server);
    check("the end");
    let stranger = Pki::new();
    let distrusting = Connector::builder(library()).roots(stranger.authority.roots()).build().unwrap();
    assert!(one_thread(&distrusting, &acceptor().build().unwrap()).is_err());
    check("a refused certificate");
}

/// A host that shares the library finds its own errors where it left them.
fn host_queue() {
    let (mut client, mut server) = one_thread(&connector().build().unwrap(), &acceptor().build().unwrap()).unwrap();
    let _ = library().take_errors();
    spoil_the_queue();
    let left = library().take_errors();
    assert!(!left.is_empty());
    spoil_the_queue();
    one_thread(&connector().build().unwrap(), &acceptor().build().unwrap()).unwrap();
    connector().cipher_list("no such cipher").build().unwrap_err();
    server.write_all(b"x").unwrap();
    client.read_exact(&mut [0; 1]).unwrap();
    client.read(&mut [0; 1]).unwrap_err();
    let found = library().take_errors();
    let numbers = |stack: &dlssl::ErrorStack| -> Vec<_> {
        stack.entries().iter().map(|entry| (entry.library_number(), entry.reason_number())).collect()
    };
    assert_eq!(numbers(&found), numbers(&left));
}

fn load_is_the_cause() {
    // SAFETY: there is nothing there to load.
    let loader = unsafe { dlssl::Loader::new().directory("/nowhere/at/all") };
    let slot = std::sync::Arc::new(dlssl::Slot::new(loader));
    let error = Connector::following_slot(slot).roots(Pki::shared().authority.roots()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Load, "{error}");
    let cause = error.load_error().unwrap();
    assert!(!cause.explanation().attempts.is_empty() || cause.explanation().failure.is_some());
    assert!(error.io_error().is_none() && error.verify().is_none() && error.queue().is_empty());
}

fn stale_queue() {
    let (mut client, mut server) = one_thread(&connector().build().unwrap(), &acceptor().build().unwrap()).unwrap();
    // Past the tickets of TLS 1.3.
    server.write_all(b"x").unwrap();
    client.read_exact(&mut [0; 1]).unwrap();
    spoil_the_queue();
    let error = client.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), IoKind::WouldBlock, "{error:?}");
    spoil_the_queue();
    client.write_all(b"x").unwrap();
    spoil_the_queue();
    server.read_exact(&mut [0; 1]).unwrap();
    spoil_the_queue();
    let acceptor = acceptor().build().unwrap();
    spoil_the_queue();
    let connector = connector().build().unwrap();
    spoil_the_queue();
    one_thread(&connector, &acceptor).unwrap();
    // They stay, and another test may run on this thread.
    let _ = library().take_errors();
}

/// Both sides on the calling thread; the first error ends it.
fn one_thread(connector: &Connector, acceptor: &Acceptor) -> Result<(TlsStream<End>, TlsStream<End>), Error> {
    let (a, b) = nonblocking_pipe();
    let mut client = connector.connect(NAME, a);
    let mut server = acceptor.accept(b);
    for _ in 0..1000 {
        let step = |side: Shaken<End>| match side {
            Err(HandshakeError::Blocked(mid)) => mid.resume(),
            other => other,
        };
        client = step(client);
        server = step(server);
        (client, server) = match (client, server) {
            (Ok(client), Ok(server)) => return Ok((client, server)),
            (Err(HandshakeError::Failed(failed)), _) | (_, Err(HandshakeError::Failed(failed))) => {
                return Err(failed.into_error());
            }
            both => both,
        };
    }
    panic!("the handshake does not end");
}

type Nested = TlsStream<TlsStream<Scripted<End>>>;

fn nested() -> (Nested, Nested) {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (a, b) = pipe();
    let ends = (Scripted::new(a, Script::default()), Scripted::new(b, Script::default()));
    let (client, server) = shake(&connector, &acceptor, NAME, ends);
    let (client, server) = shake(&connector, &acceptor, NAME, (client.unwrap(), server.unwrap()));
    (client.unwrap(), server.unwrap())
}

fn tls_inside_tls() {
    let (mut client, mut server) = nested();
    for len in [1, 1000, 16_384, 200_000] {
        send(&mut client, &mut server, &pattern(len, 1));
        send(&mut server, &mut client, &pattern(len, 2));
    }
    assert!(client.get_ref().get_ref().counts().transfers() > 0);
    client.shutdown().unwrap();
    assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
}

fn inner_error() {
    let (mut client, mut server) = nested();
    send(&mut server, &mut client, b"x");
    client.get_mut().get_mut().set_script(Script { reads: vec![Step::Fail(9)], ..Script::default() });
    let error = client.read(&mut [0; 1]).unwrap_err();
    assert_eq!(payload(&error), Some(Payload(9)), "{error:?}");
    assert_eq!(peek(), 0);
    // What the transport's TLS says comes out as its own error.
    drop(client);
    let error = server.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), IoKind::UnexpectedEof, "{error:?}");
    assert_eq!(peek(), 0);
}

/// An inner stream that uses the library itself, and fails at it, before every call.
struct Busy(End);

impl Busy {
    fn work() {
        acceptor_with("rubbish", "rubbish").unwrap_err();
    }
}

impl Read for Busy {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Busy::work();
        let result = self.0.read(buf);
        Busy::work();
        result
    }
}

impl Write for Busy {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Busy::work();
        let result = self.0.write(buf);
        Busy::work();
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        Busy::work();
        self.0.flush()
    }
}

fn work_inside_a_read() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (a, b) = pipe();
    let (client, server) = both(|| connector.connect(NAME, Busy(a)), || acceptor.accept(Busy(b)));
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    send(&mut client, &mut server, &pattern(50_000, 1));
    send(&mut server, &mut client, &pattern(50_000, 2));
    client.get_ref().0.set_nonblocking(true);
    let error = client.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), IoKind::WouldBlock, "{error:?}");
    assert_eq!(peek(), 0);
}
