//! One thread that reads and one that writes: neither waits for the other, bytes arrive as they were sent, halves rejoin.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::ffi::c_int;
use std::io::{self, ErrorKind as IoKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dlssl::{Divide, Duplex, Error, ErrorKind, ReadHalf, Shutdown, Timeouts, TlsStream, WriteHalf};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::library;
use dlssl_tests::pki::NAME;
use dlssl_tests::process::PATIENCE;
use dlssl_tests::talk::{Bio, acceptor, both, connector, pattern, protocols, send, shake, tcp_pair, tls_pair};

fn main() -> ExitCode {
    let on_unix = cfg!(unix);
    let unix = |name, run: fn()| test(name, run).only_if(on_unix, || "no descriptors".to_owned());
    run(vec![
        unix("both_ways_at_once_over_a_descriptor", || both_ways(descriptors)),
        test("both_ways_at_once_over_two_parts", || both_ways(duplexes)),
        unix("key_updates_over_a_descriptor", || key_updates(descriptors)).needs_tls13(),
        test("key_updates_over_two_parts", || key_updates(duplexes)).needs_tls13(),
        unix("waiting_reader_keeps_no_writer_waiting_over_a_descriptor", || waiting_reader(descriptors)),
        test("waiting_reader_keeps_no_writer_waiting_over_two_parts", || waiting_reader(duplexes)),
        unix("waiting_writer_keeps_no_reader_waiting_over_a_descriptor", || waiting_writer(descriptors)),
        test("waiting_writer_keeps_no_reader_waiting_over_two_parts", || waiting_writer(duplexes)),
        unix("halves_rejoin_over_a_descriptor", || rejoin(descriptors)),
        test("halves_rejoin_over_two_parts", || rejoin(duplexes)),
        test("two_parts_come_back", parts_come_back),
        unix("orderly_end_over_a_descriptor", || ends(descriptors)),
        test("orderly_end_over_two_parts", || ends(duplexes)),
        unix("deadlines_of_each_half", deadlines),
        unix("nonblocking_socket", nonblocking),
        test("renegotiation_is_answered_by_nobody", failed_reader),
        test("what_cannot_be_split", cannot),
    ])
}

type Parts = Duplex<TcpStream, TcpStream>;

#[cfg(unix)]
fn descriptors() -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
    tls_pair(Bio::Descriptor)
}

#[cfg(not(unix))]
fn descriptors() -> (TlsStream<Parts>, TlsStream<Parts>) {
    duplexes()
}

fn parts(socket: TcpStream) -> Parts {
    Duplex::new(socket.try_clone().unwrap(), socket)
}

fn duplexes() -> (TlsStream<Parts>, TlsStream<Parts>) {
    let (a, b) = tcp_pair();
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (client, server) = shake(&connector, &acceptor, NAME, (parts(a), parts(b)));
    (client.unwrap(), server.unwrap())
}

fn split<S: Divide>(stream: TlsStream<S>) -> (ReadHalf<S>, WriteHalf<S>) {
    stream.split().unwrap()
}

/// Sends `bytes` in pieces of many sizes.
fn feed(to: &mut impl Write, bytes: &[u8]) {
    let mut left = bytes;
    let mut size = 1;
    while !left.is_empty() {
        let (part, rest) = left.split_at(left.len().min(size));
        to.write_all(part).unwrap();
        left = rest;
        size = size * 3 % 50_021;
    }
    to.flush().unwrap();
}

fn expect(from: &mut impl Read, bytes: &[u8]) {
    let mut received = vec![0; bytes.len()];
    from.read_exact(&mut received).unwrap();
    assert!(received == bytes, "other bytes arrived");
}

/// Megabytes both ways at once, the two directions without any order between them.
fn both_ways<S>(pair: fn() -> (TlsStream<S>, TlsStream<S>))
where
    S: Divide + Send,
    S::Reader: Send,
    S::Writer: Send,
{
    let (there, back) = (pattern(5_000_000, 1), pattern(4_000_000, 2));
    for _ in 0..2 {
        let (client, server) = pair();
        let ((mut cr, mut cw), (mut sr, mut sw)) = (split(client), split(server));
        thread::scope(|scope| {
            scope.spawn(|| feed(&mut cw, &there));
            scope.spawn(|| feed(&mut sw, &back));
            scope.spawn(|| expect(&mut cr, &back));
            scope.spawn(|| expect(&mut sr, &there));
        });
        let (mut client, mut server) = (cr.rejoin(cw).unwrap(), sr.rejoin(sw).unwrap());
        both(|| client.close().unwrap(), || server.close().unwrap());
    }
}

/// Has C send a key update with the next write, and ask for one of the peer's.
fn update_keys<S>(stream: &TlsStream<S>) {
    const UPDATE_REQUESTED: c_int = 1;
    // SAFETY: the function has this type wherever it is.
    let update: Option<unsafe extern "C" fn(*mut dlssl_core::ffi::SSL, c_int) -> c_int> =
        unsafe { library().symbol(dlssl::Half::Ssl, c"SSL_key_update").map(|symbol| std::mem::transmute(symbol)) };
    let Some(update) = update else { return };
    // SAFETY: a live connection, used by this thread alone; does no I/O.
    assert_eq!(unsafe { update(stream.as_ptr(), UPDATE_REQUESTED) }, 1);
}

fn key_updates<S>(pair: fn() -> (TlsStream<S>, TlsStream<S>))
where
    S: Divide + Send,
    S::Reader: Send,
    S::Writer: Send,
{
    let (there, back) = (pattern(2_000_000, 3), pattern(2_000_000, 4));
    let (client, mut server) = pair();
    let (mut reader, mut writer) = split(client);
    thread::scope(|scope| {
        scope.spawn(|| feed(&mut writer, &there));
        scope.spawn(|| expect(&mut reader, &back));
        // The peer is one thread, and changes its keys with every round.
        for (there, back) in there.chunks(50_000).zip(back.chunks(50_000)) {
            update_keys(&server);
            server.write_all(back).unwrap();
            expect(&mut server, there);
        }
    });
    let mut client = reader.rejoin(writer).unwrap();
    both(
        || {
            client.write_all(b"still well").unwrap();
            client.read_exact(&mut [0; 5]).unwrap();
        },
        || {
            server.read_exact(&mut [0; 10]).unwrap();
            server.write_all(b"and I").unwrap();
        },
    );
}

/// The echo comes only because the writer gets through while the reader waits.
fn waiting_reader<S>(pair: fn() -> (TlsStream<S>, TlsStream<S>))
where
    S: Divide + Send,
    S::Reader: Send,
    S::Writer: Send,
{
    let (client, mut server) = pair();
    let (mut reader, mut writer) = split(client);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            byte
        });
        scope.spawn(move || {
            let mut bytes = vec![0; 100_000];
            server.read_exact(&mut bytes).unwrap();
            server.write_all(&bytes[..1]).unwrap();
        });
        thread::sleep(Duration::from_millis(50));
        assert!(!reader.is_finished(), "it waits");
        writer.write_all(&[42; 100_000]).unwrap();
        assert_eq!(reader.join().unwrap(), [42]);
    });
}

/// A peer that reads nothing until it has sent all it has.
fn waiting_writer<S>(pair: fn() -> (TlsStream<S>, TlsStream<S>))
where
    S: Divide + Send,
    S::Reader: Send,
    S::Writer: Send,
{
    let (client, mut server) = pair();
    let (mut reader, mut writer) = split(client);
    let (much, some) = (pattern(40_000_000, 5), pattern(1_000_000, 6));
    let written = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&much).unwrap();
            writer.flush().unwrap();
            written.store(true, Ordering::SeqCst);
        });
        // The writer's buffers are full by then, or soon will be.
        thread::sleep(Duration::from_millis(100));
        let reader = scope.spawn(|| expect(&mut reader, &some));
        server.write_all(&some).unwrap();
        reader.join().unwrap();
        assert!(!written.load(Ordering::SeqCst), "40 MB fit into the buffers");
        expect(&mut server, &much);
    });
}

fn parts_come_back() {
    let (client, mut server) = duplexes();
    assert!(client.get_ref().reader().is_some() && client.get_ref().writer().is_some());
    let (reader, writer) = split(client);
    let mut client = reader.rejoin(writer).unwrap();
    both(|| client.close().unwrap(), || server.close().unwrap());
    let (reader, writer) = client.into_inner().unwrap().0.into_parts().unwrap();
    assert_eq!(reader.peer_addr().unwrap(), writer.peer_addr().unwrap());
}

fn rejoin<S>(pair: fn() -> (TlsStream<S>, TlsStream<S>))
where
    S: Divide + Send,
    TlsStream<S>: Read + Write,
{
    let (client, mut server) = pair();
    let (other, _server) = pair();
    let (mut reader, mut writer) = split(client);
    let (other_reader, other_writer) = split(other);
    assert_eq!(reader.peek(&mut []).unwrap(), 0);
    assert_eq!(writer.write_vectored(&[IoSlice::new(b"from "), IoSlice::new(b"a half")]).unwrap(), 11);
    writer.flush().unwrap();
    expect(&mut server, b"from a half");
    server.write_all(b"one").unwrap();
    server.write_all(b"two").unwrap();
    let mut first = [0; 3];
    assert_eq!(reader.peek(&mut first).unwrap(), 3);
    reader.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"one");
    let refused = reader.rejoin(other_writer).unwrap_err();
    let (reader, other_writer) = refused.into_halves();
    other_reader.rejoin(other_writer).unwrap();
    let mut client = reader.rejoin(writer).unwrap();
    let mut second = [0; 3];
    client.read_exact(&mut second).unwrap();
    assert_eq!(&second, b"two");
    both(
        || {
            client.write_all(b"whole again").unwrap();
            client.flush().unwrap();
        },
        || expect(&mut server, b"whole again"),
    );
    let (reader, writer) = split(client);
    let mut client = reader.rejoin(writer).unwrap();
    both(|| client.close().unwrap(), || server.close().unwrap());
    client.into_inner().unwrap();
}

fn ends<S>(pair: fn() -> (TlsStream<S>, TlsStream<S>))
where
    S: Divide + Send,
    S::Reader: Send,
    S::Writer: Send,
{
    let (client, server) = pair();
    let ((mut cr, mut cw), (mut sr, mut sw)) = (split(client), split(server));
    thread::scope(|scope| {
        scope.spawn(|| {
            cw.write_all(b"request").unwrap();
            assert_eq!(cw.shutdown().unwrap(), Shutdown::Sent);
            assert_eq!(cw.write(b"more").unwrap_err().kind(), IoKind::BrokenPipe);
        });
        let mut request = Vec::new();
        sr.read_to_end(&mut request).unwrap();
        assert_eq!(request, b"request");
        sw.write_all(b"answer").unwrap();
        assert_eq!(sw.shutdown().unwrap(), Shutdown::Received);
        let mut answer = Vec::new();
        cr.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"answer");
    });
    // Without close_notify it is an error, as without halves.
    let (client, server) = pair();
    let (mut reader, _writer) = split(client);
    drop(server);
    assert_eq!(reader.read(&mut [0; 1]).unwrap_err().kind(), IoKind::UnexpectedEof);
}

fn timed_out<T>(outcome: io::Result<T>) {
    let Err(error) = outcome else { panic!("no error") };
    assert_eq!(error.kind(), IoKind::TimedOut, "{error}");
}

fn deadlines() {
    let (client, mut server) = tls_pair(Bio::Descriptor);
    let (mut reader, mut writer) = split(client);
    let short = Duration::from_millis(50);
    reader.set_deadline(None);
    writer.set_deadline(None);
    reader.set_timeouts(Timeouts::new().read(short));
    timed_out(reader.read(&mut [0; 1]));
    reader.set_timeouts(Timeouts::new());
    reader.set_deadline(Some(Instant::now() + short));
    timed_out(reader.read(&mut [0; 1]));
    timed_out(reader.read(&mut [0; 1]));
    // The other half's time is its own.
    writer.write_all(b"to").unwrap();
    expect(&mut server, b"to");
    writer.set_timeouts(Timeouts::new().write(short));
    let mut sent = 0;
    let error = loop {
        match writer.write(&[7; 10_000]) {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), IoKind::TimedOut, "{error}");
    reader.set_deadline(Some(Instant::now() + PATIENCE));
    writer.set_timeouts(Timeouts::new().write(PATIENCE));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut bytes = vec![0; sent];
            server.read_exact(&mut bytes).unwrap();
            assert!(bytes.iter().all(|byte| *byte == 7));
            server.write_all(b"fro").unwrap();
        });
        writer.flush().unwrap();
        expect(&mut reader, b"fro");
    });
}

fn nonblocking() {
    let (client, mut server) = tls_pair(Bio::Descriptor);
    client.get_ref().set_nonblocking(true).unwrap();
    let (mut reader, mut writer) = split(client);
    let mut byte = [0];
    assert_eq!(reader.read(&mut byte).unwrap_err().kind(), IoKind::WouldBlock);
    writer.write_all(b"to").unwrap();
    expect(&mut server, b"to");
    let mut taken = 0;
    let error = loop {
        match writer.write(&[7; 16_384]) {
            Ok(count) => taken += count,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), IoKind::WouldBlock);
    let received = thread::spawn(move || {
        let mut received = Vec::new();
        server.read_to_end(&mut received).unwrap();
        received.len()
    });
    let end = Instant::now() + PATIENCE;
    while writer.shutdown().is_err() && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(received.join().unwrap(), taken);
}

/// A connection that has failed for the reader has failed for the writer.
fn failed_reader() {
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).build().unwrap();
        let (a, b) = tcp_pair();
        let (client, server) = shake(&connector, &acceptor().build().unwrap(), NAME, (parts(a), b));
        let (client, mut server) = (client.unwrap(), server.unwrap());
        let (mut reader, mut writer) = split(client);
        send(&mut server, &mut reader, b"all is well");
        // A record with a wrong tag.
        let mut record = vec![23, 3, 3, 0, 64];
        record.extend_from_slice(&[9; 64]);
        server.get_mut().write_all(&record).unwrap();
        let error = reader.read(&mut [0; 10]).unwrap_err();
        assert_eq!(Error::from_io(&error).expect("ours").kind(), ErrorKind::Protocol, "{error}");
        let error = writer.write(b"hello").unwrap_err();
        assert_eq!(Error::from_io(&error).expect("ours").kind(), ErrorKind::Protocol, "{error}");
        // The alert that says so went out with that call.
        let error = server.read(&mut [0; 10]).unwrap_err();
        assert_eq!(Error::from_io(&error).expect("ours").kind(), ErrorKind::Protocol, "{error}");
    }
}

fn cannot() {
    for bio in Bio::ALL {
        let (client, mut server) = tls_pair(bio);
        let split = client.split();
        if bio == Bio::Descriptor {
            split.unwrap();
            continue;
        }
        let refused = split.map(drop).unwrap_err();
        assert_eq!(refused.error().kind(), ErrorKind::Unsupported, "{bio:?}");
        let mut client = refused.into_stream();
        send(&mut client, &mut server, b"as if nothing had been");
    }
}
