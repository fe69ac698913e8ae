//! Inner streams that misbehave, case by case: the very error or panic comes out, and nothing is lost or sent twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::io::{self, ErrorKind as IoKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::OnceLock;

use dlssl::{Acceptor, Connector, Error, ErrorKind, HandshakeError, Shutdown, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::library;
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::talk::{Shaken, acceptor, both, connector, pattern, send};
use dlssl_tests::wire::{End, Payload, Script, Scripted, Step, panic_payload, payload, pipe, pipe_with_capacity};

fn main() -> ExitCode {
    run(vec![
        test("another_buffer_after_would_block", another_buffer),
        test("nothing_more_after_would_block", nothing_more),
        test("a_waiting_rest_goes_first", rest_goes_first),
        test("read_error_is_the_very_one", read_error),
        test("write_error_is_the_very_one", write_error),
        test("flush_error_is_the_very_one", flush_error),
        test("shutdown_error_is_the_very_one", shutdown_error),
        test("handshake_error_is_the_very_one", handshake_error),
        test("a_failing_alert_hides_no_error", failing_alert),
        test("panics_come_out_everywhere", panics),
        test("a_panic_does_not_harm_another_stream", panic_elsewhere),
        test("interrupted_is_no_end", interrupted),
        test("a_read_that_lies", lying_read),
        test("a_write_that_lies", lying_write),
        test("a_write_that_takes_nothing", write_zero),
    ])
}

type Inner = Scripted<End>;
type Tls = TlsStream<Inner>;

fn contexts() -> &'static (Connector, Acceptor) {
    static CONTEXTS: OnceLock<(Connector, Acceptor)> = OnceLock::new();
    CONTEXTS.get_or_init(|| (connector().build().unwrap(), acceptor().build().unwrap()))
}

/// A connected pair with nothing scripted yet.
fn pair_with_capacity(capacity: usize) -> (Tls, Tls) {
    let (connector, acceptor) = contexts();
    let (a, b) = pipe_with_capacity(capacity);
    let (a, b) = (Scripted::new(a, Script::default()), Scripted::new(b, Script::default()));
    let (client, server) = both(|| connector.connect(NAME, a), || acceptor.accept(b));
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    // Past the tickets that a TLS 1.3 server sends.
    send(&mut server, &mut client, b"ready");
    (client, server)
}

fn pair() -> (Tls, Tls) {
    pair_with_capacity(usize::MAX)
}

fn reads(steps: &[Step]) -> Script {
    Script { reads: steps.to_vec(), ..Script::default() }
}

fn writes(steps: &[Step]) -> Script {
    Script { writes: steps.to_vec(), ..Script::default() }
}

fn flush_steps(steps: &[Step]) -> Script {
    Script { flushes: steps.to_vec(), ..Script::default() }
}

/// The inner stream blocks before, inside and after a record; the caller always comes back with something else.
fn another_buffer() {
    for steps in [
        &[Step::WouldBlock][..],
        &[Step::Short(1), Step::WouldBlock],
        &[Step::Short(100), Step::WouldBlock, Step::WouldBlock],
        &[Step::Short(100), Step::WouldBlock, Step::Short(5), Step::WouldBlock],
    ] {
        let (mut client, mut server) = pair();
        client.get_mut().set_script(writes(steps));
        let mut sent = Vec::new();
        for (i, len) in [1000, 10, 3000, 20_000, 1, 500].into_iter().enumerate() {
            let bytes = pattern(len, u64::try_from(i).unwrap());
            match client.write(&bytes) {
                Ok(n) => sent.extend_from_slice(&bytes[..n]),
                Err(e) => assert_eq!(e.kind(), IoKind::WouldBlock, "{steps:?}"),
            }
        }
        client.shutdown().unwrap();
        let mut received = Vec::new();
        server.read_to_end(&mut received).unwrap();
        assert!(received == sent, "{steps:?}: {} of {}", received.len(), sent.len());
    }
}

/// The caller never writes again: its later reads bring the rest on its way.
fn nothing_more() {
    let (mut client, mut server) = pair();
    client.get_mut().set_script(writes(&[Step::Short(100), Step::WouldBlock, Step::WouldBlock]));
    let bytes = pattern(2000, 1);
    assert_eq!(client.write(&bytes).unwrap(), 2000);
    assert!(client.has_unsent());
    client.get_mut().inner().set_nonblocking(true);
    let error = client.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), IoKind::WouldBlock);
    assert!(!client.has_unsent());
    let mut received = vec![0; 2000];
    server.read_exact(&mut received).unwrap();
    assert!(received == bytes);
}

fn rest_goes_first() {
    let (mut client, mut server) = pair();
    let blocked = [Step::Short(100), Step::WouldBlock, Step::WouldBlock, Step::WouldBlock];
    client.get_mut().set_script(writes(&blocked));
    let bytes = pattern(2000, 2);
    assert_eq!(client.write(&bytes).unwrap(), 2000);
    let error = client.write(b"not yet").unwrap_err();
    assert_eq!(error.kind(), IoKind::WouldBlock);
    assert!(client.wants_write());
    client.write_all(b"now").unwrap();
    client.flush().unwrap();
    let mut received = vec![0; 2003];
    server.read_exact(&mut received).unwrap();
    assert!(received[..2000] == bytes);
    assert_eq!(&received[2000..], b"now");
}

fn read_error() {
    let (mut client, mut server) = pair();
    client.get_mut().set_script(reads(&[Step::Fail(77)]));
    let error = client.read(&mut [0; 10]).unwrap_err();
    assert_eq!(payload(&error), Some(Payload(77)));
    assert_eq!(error.kind(), IoKind::Other);
    // An inner end of file is not passed on as an orderly end.
    server.get_mut().set_script(reads(&[Step::Nothing]));
    let error = server.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), IoKind::UnexpectedEof);
}

fn write_error() {
    let (mut client, _server) = pair();
    client.get_mut().set_script(writes(&[Step::Fail(78)]));
    let error = client.write(b"x").and_then(|_| client.flush()).unwrap_err();
    assert_eq!(payload(&error), Some(Payload(78)));
    // In the middle of a record as well.
    let (mut client, _server) = pair();
    client.get_mut().set_script(writes(&[Step::Short(10), Step::Fail(79)]));
    let error = client.write(&[1; 5000]).and_then(|_| client.flush()).unwrap_err();
    assert_eq!(payload(&error), Some(Payload(79)));
}

fn flush_error() {
    let (mut client, mut server) = pair();
    client.write_all(b"x").unwrap();
    client.get_mut().set_script(flush_steps(&[Step::WouldBlock, Step::Fail(80)]));
    assert_eq!(client.flush().unwrap_err().kind(), IoKind::WouldBlock);
    let error = client.flush().unwrap_err();
    assert_eq!(payload(&error), Some(Payload(80)));
    client.flush().unwrap();
    let mut byte = [0];
    server.read_exact(&mut byte).unwrap();
}

fn shutdown_error() {
    let (mut client, _server) = pair();
    client.get_mut().set_script(writes(&[Step::Fail(81)]));
    let error = client.shutdown().unwrap_err();
    assert_eq!(payload(&error), Some(Payload(81)));
    let (mut client, mut server) = pair();
    client.get_mut().set_script(writes(&[Step::WouldBlock, Step::Short(3), Step::WouldBlock]));
    let mut tries = 0;
    while client.has_unsent() || tries == 0 {
        tries += 1;
        assert!(tries < 10);
        match client.shutdown() {
            Ok(Shutdown::Sent) => break,
            Ok(other) => panic!("{other:?}"),
            Err(e) => assert_eq!(e.kind(), IoKind::WouldBlock),
        }
    }
    client.flush().unwrap();
    assert_eq!(server.read(&mut [0; 10]).unwrap(), 0);
}

fn handshake_error() {
    let (connector, _) = contexts();
    for script in [reads(&[Step::Fail(82)]), writes(&[Step::Fail(82)]), flush_steps(&[Step::Fail(82)])] {
        let (a, _b) = pipe();
        let error = match connector.connect(NAME, Scripted::new(a, script)) {
            Err(HandshakeError::Failed(failed)) => failed.into_error(),
            other => panic!("{other:?}"),
        };
        assert_eq!(error.io_error().and_then(payload), Some(Payload(82)));
        let source = std::error::Error::source(&error).expect("a source");
        let source: &io::Error = source.downcast_ref().expect("an io::Error");
        assert_eq!(payload(source), Some(Payload(82)));
    }
}

/// C tells the peer why it gives up. That this fails, since the peer is gone, is not what went wrong.
fn failing_alert() {
    let stranger = Pki::new();
    let distrusting = Connector::builder(library()).roots(stranger.authority.roots()).build().unwrap();
    let (a, b) = pipe();
    // The hello goes out; the alert does not.
    let a = Scripted::new(a, writes(&[Step::Pass, Step::Fail(83), Step::Fail(83), Step::Fail(83)]));
    // The error alone: as long as the stream lives in it, the server waits for its end.
    let (error, _) = both(|| Error::from(distrusting.connect(NAME, a).unwrap_err()), || contexts().1.accept(b));
    assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
    let (mut client, server) = pair();
    drop(server);
    client.get_mut().set_script(writes(&[Step::Fail(84)]));
    let error = client.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), IoKind::UnexpectedEof, "{error}");
}

fn panics() {
    let panic_of = |work: &mut dyn FnMut()| {
        let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("no panic");
        panic_payload(&*panic).expect("another panic")
    };
    let (connector, _) = contexts();
    for script in [reads(&[Step::Panic(1)]), writes(&[Step::Panic(1)]), flush_steps(&[Step::Panic(1)])] {
        let came = panic_of(&mut || {
            let (a, _b) = pipe();
            let _ = connector.connect(NAME, Scripted::new(a, script.clone()));
        });
        assert_eq!(came, Payload(1));
    }
    let (mut client, _server) = pair();
    client.get_mut().set_script(reads(&[Step::Panic(2)]));
    assert_eq!(panic_of(&mut || drop(client.read(&mut [0; 4]))), Payload(2));
    let (mut client, _server) = pair();
    client.get_mut().set_script(writes(&[Step::Panic(3)]));
    assert_eq!(panic_of(&mut || drop(client.write(&[0; 4]).and_then(|_| client.flush()))), Payload(3));
    let (mut client, _server) = pair();
    client.get_mut().set_script(flush_steps(&[Step::Panic(4)]));
    assert_eq!(panic_of(&mut || drop(client.flush())), Payload(4));
    let (mut client, _server) = pair();
    client.get_mut().set_script(writes(&[Step::Panic(5)]));
    assert_eq!(panic_of(&mut || drop(client.shutdown())), Payload(5));
}

fn panic_elsewhere() {
    let (mut client, mut server) = pair();
    let (mut broken, _other) = pair();
    broken.get_mut().set_script(reads(&[Step::Panic(6)]));
    let panic = catch_unwind(AssertUnwindSafe(|| broken.read(&mut [0; 4])));
    assert!(panic.is_err());
    send(&mut client, &mut server, b"untouched");
    drop(broken);
    send(&mut server, &mut client, b"still");
}

/// `Interrupted` means "try again" all over the standard library: `read_exact` and `write_all` get through it.
fn interrupted() {
    let (connector, acceptor) = contexts();
    let often = || vec![Step::Interrupted, Step::Short(40), Step::Interrupted, Step::Interrupted];
    let script = Script { reads: often(), writes: often(), flushes: often(), vectored: true };
    let (a, b) = pipe();
    let a = Scripted::new(a, script.clone());
    let finish = |mut result: Shaken<Inner>| loop {
        match result {
            Err(HandshakeError::Blocked(mid)) => result = mid.resume(),
            other => return other.unwrap(),
        }
    };
    let (mut client, server) = both(|| finish(connector.connect(NAME, a)), || acceptor.accept(b));
    let mut server = server.unwrap();
    client.get_mut().set_script(script);
    send(&mut client, &mut server, &pattern(40_000, 1));
    send(&mut server, &mut client, &pattern(40_000, 2));
}

/// Whoever believes such a count reads memory that nobody wrote.
fn lying_read() {
    for beyond in [1, 5, 100_000, usize::MAX / 4] {
        for vectored in [false, true] {
            let (mut client, mut server) = pair();
            server.write_all(&[5; 6000]).unwrap();
            client.get_mut().set_script(Script { vectored, ..reads(&[Step::Lie(beyond)]) });
            let error = client.read(&mut [0; 100]).unwrap_err();
            assert!(error.kind() != IoKind::WouldBlock, "{error}");
            // The second of a record's two reads.
            let (mut client, mut server) = pair();
            server.write_all(&[5; 16_000]).unwrap();
            client.get_mut().set_script(Script { vectored, ..reads(&[Step::Pass, Step::Lie(beyond)]) });
            // Its bytes may come out (they are authentic), and then the error.
            client.read_to_end(&mut Vec::new()).unwrap_err();
            // And in the handshake.
            let (a, mut b) = pipe();
            b.write_all(&[0; 100]).unwrap();
            let a = Scripted::new(a, reads(&[Step::Lie(beyond)]));
            let error: Error = contexts().0.connect(NAME, a).unwrap_err().into();
            assert!(!error.to_string().is_empty());
        }
    }
}

fn lying_write() {
    let (mut client, _server) = pair();
    client.get_mut().set_script(writes(&[Step::Lie(10)]));
    let error = client.write(&[5; 100]).and_then(|_| client.flush()).unwrap_err();
    assert!(error.kind() != IoKind::WouldBlock, "{error}");
}

fn write_zero() {
    let (mut client, _server) = pair();
    client.get_mut().set_script(writes(&[Step::Nothing, Step::Nothing, Step::Nothing]));
    let error = client.write(&[5; 100]).and_then(|_| client.flush()).unwrap_err();
    assert_eq!(error.kind(), IoKind::WriteZero, "{error}");
}
