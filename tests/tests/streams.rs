//! Peeking, looking without waiting, vectored calls, sizes, half a close, and who owns the socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::io::{self, ErrorKind as IoKind, IoSlice, IoSliceMut, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dlssl::{Error, ErrorKind, HandshakeError, Shutdown, Timeouts, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::pki::NAME;
use dlssl_tests::process::PATIENCE;
use dlssl_tests::talk::{Bio, acceptor, both, connector, pattern, send, shake, tls_pair};
use dlssl_tests::wire::{End, Script, Scripted, pipe};

fn main() -> ExitCode {
    run(vec![
        test("peek_leaves_what_it_shows", peek),
        test("ready_when_something_has_arrived", ready),
        test("ready_asks_no_stream_that_may_block", ready_in_memory),
        test("vectored_write_makes_one_record", vectored_write),
        test("vectored_read_fills_several_buffers", vectored_read),
        test("large_writes_over_each_bio", large_writes),
        test("sizes_are_kept", sizes),
        test("sizes_out_of_range_are_refused", wrong_sizes),
        test("half_a_close", half_close),
        test("fatal_alert_is_no_end", fatal_alert),
        test("idle_buffers_are_given_back", idle_buffers),
        test("buffers_in_use_are_kept", used_buffers),
        test("close_gives_the_inner_stream_back_last", order_of_drops),
        test("failed_handshake_gives_the_inner_stream_back", given_back),
        test("owned_descriptors", owned).only_if(cfg!(unix), || "no descriptors".to_owned()),
        test("error_found_in_an_io_error", from_io),
    ])
}

fn memory_pair() -> (TlsStream<End>, TlsStream<End>) {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (client, server) = shake(&connector, &acceptor, NAME, pipe());
    (client.unwrap(), server.unwrap())
}

fn peek() {
    for bio in Bio::ALL {
        let (mut client, mut server) = tls_pair(bio);
        server.write_all(b"hello").unwrap();
        let mut bytes = [0; 10];
        assert_eq!(client.peek(&mut []).unwrap(), 0);
        assert_eq!(client.peek(&mut bytes[..2]).unwrap(), 2, "{bio:?}");
        assert_eq!(client.peek(&mut bytes).unwrap(), 5, "{bio:?}");
        assert_eq!(&bytes[..5], b"hello");
        bytes.fill(0);
        assert_eq!(client.read(&mut bytes).unwrap(), 5, "{bio:?}");
        assert_eq!(&bytes[..5], b"hello");
        server.shutdown().unwrap();
        assert_eq!(client.peek(&mut bytes).unwrap(), 0, "{bio:?}");
        assert_eq!(client.read(&mut bytes).unwrap(), 0, "{bio:?}");
    }
}

fn until_ready<S>(stream: &mut TlsStream<S>) {
    let end = Instant::now() + PATIENCE;
    while !stream.read_ready().unwrap() {
        assert!(Instant::now() < end, "never ready");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn ready() {
    for bio in [Bio::Descriptor, Bio::OpensslSocket] {
        let (mut client, mut server) = tls_pair(bio);
        send(&mut server, &mut client, b"past the tickets");
        client.set_deadline(None);
        assert!(!client.read_ready().unwrap(), "{bio:?}");
        server.write_all(b"hello").unwrap();
        until_ready(&mut client);
        assert_eq!(client.read(&mut [0; 2]).unwrap(), 2);
        assert!(client.read_ready().unwrap(), "{bio:?}");
        assert_eq!(client.read(&mut [0; 9]).unwrap(), 3);
        assert!(!client.read_ready().unwrap(), "{bio:?}");
        server.shutdown().unwrap();
        until_ready(&mut client);
        assert_eq!(client.read(&mut [0; 9]).unwrap(), 0);
        let (mut client, server) = tls_pair(bio);
        drop(server);
        let end = Instant::now() + PATIENCE;
        let error = loop {
            match client.read_ready() {
                Ok(ready) => assert!(!ready && Instant::now() < end, "{bio:?}"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), IoKind::UnexpectedEof, "{bio:?}: {error}");
    }
}

/// The inner stream here would wait: only what an earlier read brought along counts.
fn ready_in_memory() {
    let (mut client, mut server) = memory_pair();
    send(&mut server, &mut client, b"past the tickets");
    assert!(!client.read_ready().unwrap());
    server.write_all(b"one").unwrap();
    server.write_all(b"two").unwrap();
    assert!(!client.read_ready().unwrap());
    let mut bytes = [0; 9];
    assert_eq!(client.read(&mut bytes).unwrap(), 3);
    assert!(client.read_ready().unwrap(), "the second record came with the first");
    assert_eq!(client.read(&mut bytes).unwrap(), 3);
    assert!(!client.read_ready().unwrap());
    server.write_all(b"three").unwrap();
    assert_eq!(client.read(&mut bytes).unwrap(), 5);
}

fn vectored_write() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (a, b) = pipe();
    let a = Scripted::new(a, Script::default());
    let counts = a.counts();
    let (client, server) = shake(&connector, &acceptor, NAME, (a, b));
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    let before = counts.writes.load(Ordering::SeqCst);
    let parts: [&[u8]; 5] = [b"GET ", b"", b"/ ", b"HTTP/1.1", b"\r\n\r\n"];
    let slices = parts.map(IoSlice::new);
    assert_eq!(client.write_vectored(&slices).unwrap(), 18);
    assert_eq!(counts.writes.load(Ordering::SeqCst), before + 1, "one record");
    let mut bytes = [0; 40];
    assert_eq!(server.read(&mut bytes).unwrap(), 18);
    assert_eq!(&bytes[..18], parts.concat());
    // A record and more: as much as one takes.
    let large = pattern(20_000, 1);
    assert_eq!(client.write_vectored(&[IoSlice::new(b"head"), IoSlice::new(&large)]).unwrap(), 16_384);
    assert_eq!(client.write_vectored(&[IoSlice::new(b""), IoSlice::new(&large)]).unwrap(), 16_384);
    assert_eq!(client.write_vectored(&[]).unwrap(), 0);
    let mut received = vec![0; 2 * 16_384];
    server.read_exact(&mut received).unwrap();
    assert!(
        received[..4] == *b"head" && received[4..16_384] == large[..16_380] && received[16_384..] == large[..16_384]
    );
}

fn vectored_read() {
    for bio in Bio::ALL {
        let (mut client, mut server) = tls_pair(bio);
        let sent = pattern(1000, 2);
        server.write_all(&sent).unwrap();
        let (mut one, mut two, mut three) = ([0; 10], [0; 500], [0; 1000]);
        let mut buffers = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two), IoSliceMut::new(&mut three)];
        assert_eq!(client.read_vectored(&mut buffers).unwrap(), 1000, "{bio:?}");
        assert!([&one[..], &two[..], &three[..490]].concat() == sent, "{bio:?}");
        assert_eq!(client.read_vectored(&mut []).unwrap(), 0);
    }
}

fn large_writes() {
    for bio in Bio::ALL {
        let (mut client, mut server) = tls_pair(bio);
        let bytes = pattern(3_000_000, 3);
        send(&mut client, &mut server, &bytes);
        send(&mut server, &mut client, &bytes);
    }
}

fn sizes() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    for (read_ahead, record_size) in [(512, 512), (4096, 1400), (65_536, 16_384), (1 << 20, 3000)] {
        let (a, b) = pipe();
        let (client, server) = both(
            || {
                let configured = connector.configure(NAME).unwrap();
                configured.read_ahead(read_ahead).record_size(record_size).connect(a)
            },
            || acceptor.configure().unwrap().read_ahead(read_ahead).record_size(record_size).accept(b),
        );
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        assert_eq!(client.write(&[1; 20_000]).unwrap(), record_size);
        server.read_exact(&mut vec![0; record_size]).unwrap();
        let bytes = pattern(300_000, 4);
        send(&mut client, &mut server, &bytes);
        send(&mut server, &mut client, &bytes);
    }
}

fn wrong_sizes() {
    let connector = connector().build().unwrap();
    let configured = connector.configure(NAME).unwrap();
    for configured in [
        configured.clone().read_ahead(511),
        configured.clone().read_ahead((1 << 20) + 1),
        configured.clone().record_size(511),
        configured.clone().record_size(16_385),
    ] {
        let (a, b) = pipe();
        let error = configured.connect(a).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert_eq!(b.waiting(), 0, "nothing was sent");
    }
}

/// After its own close_notify a side reads on, for as long as the other has to say something.
fn half_close() {
    for bio in Bio::ALL {
        let (mut client, mut server) = tls_pair(bio);
        client.write_all(b"request").unwrap();
        assert_eq!(client.shutdown().unwrap(), Shutdown::Sent, "{bio:?}");
        assert_eq!(client.write(b"more").unwrap_err().kind(), IoKind::BrokenPipe, "{bio:?}");
        let mut request = Vec::new();
        server.read_to_end(&mut request).unwrap();
        assert_eq!(request, b"request");
        let answer = pattern(100_000, 5);
        let ((), received) = both(
            || {
                server.write_all(&answer).unwrap();
                assert_eq!(server.shutdown().unwrap(), Shutdown::Received, "{bio:?}");
            },
            || {
                let mut received = Vec::new();
                client.read_to_end(&mut received).unwrap();
                received
            },
        );
        assert!(received == answer, "{bio:?}");
        assert_eq!(client.close().unwrap(), 0, "{bio:?}");
    }
}

/// OpenSSL marks a connection as closed after a fatal alert, as after close_notify.
fn fatal_alert() {
    for bio in Bio::ALL {
        let (mut client, mut server) = tls_pair(bio);
        send(&mut server, &mut client, b"all is well");
        // A record with a wrong tag.
        let mut record = vec![23, 3, 3, 0, 64];
        record.extend_from_slice(&[9; 64]);
        client.get_mut().write_all(&record).unwrap();
        server.read(&mut [0; 10]).unwrap_err();
        for _ in 0..3 {
            let error = client.read(&mut [0; 10]).unwrap_err();
            assert_eq!(Error::from_io(&error).expect("ours").kind(), ErrorKind::Protocol, "{bio:?}: {error}");
        }
        assert!(client.write(b"more").is_err(), "{bio:?}");
    }
}

fn idle_buffers() {
    let (mut client, mut server) = memory_pair();
    for round in 0..40 {
        let data = pattern(1 + round * 700, round as u64);
        send(&mut server, &mut client, &data);
        send(&mut client, &mut server, &data);
        assert!(client.release_idle() && server.release_idle(), "round {round}");
    }
    server.write_all(b"0123456789").unwrap();
    client.read_exact(&mut [0; 4]).unwrap();
    assert!(!client.release_idle(), "six bytes are still to be read");
    let mut rest = [0; 6];
    client.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, b"456789");
    assert!(client.release_idle());
}

/// Gives a few bytes, then says "not now", and so on.
struct Dribble {
    inner: End,
    most: usize,
    dry: bool,
}

impl Read for Dribble {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.dry = !self.dry && self.most < usize::MAX;
        if self.dry {
            return Err(IoKind::WouldBlock.into());
        }
        let most = out.len().min(self.most);
        self.inner.read(&mut out[..most])
    }
}

impl Write for Dribble {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.inner.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Some versions of the library free what is still to be read (CVE-2024-4741).
fn used_buffers() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (a, b) = pipe();
    let dribble = Dribble { inner: a, most: usize::MAX, dry: false };
    let (client, server) = both(|| connector.connect(NAME, dribble), || acceptor.accept(b));
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    send(&mut server, &mut client, b"past the tickets");
    for (most, len) in [(1, 100), (3, 700), (977, 16_384)] {
        client.get_mut().most = most;
        let data = pattern(len, 5);
        server.write_all(&data).unwrap();
        let (mut got, mut kept) = (Vec::new(), 0);
        while got.len() < len {
            let mut some = [0; 50];
            match client.read(&mut some) {
                Ok(count) => got.extend_from_slice(&some[..count]),
                Err(error) => assert_eq!(error.kind(), IoKind::WouldBlock),
            }
            kept += usize::from(!client.release_idle());
        }
        assert!(got == data && kept > 1, "{kept} of {len}");
    }
}

/// An inner stream whose `Drop` is the program's close callback.
struct Closing(End, Arc<AtomicUsize>);

impl Read for Closing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

impl Write for Closing {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

fn order_of_drops() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let closed = Arc::new(AtomicUsize::new(0));
    for taken_apart in [false, true] {
        closed.store(0, Ordering::SeqCst);
        let (a, b) = pipe();
        let (client, server) = shake(&connector, &acceptor, NAME, (Closing(a, Arc::clone(&closed)), b));
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        client.shutdown().unwrap();
        assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
        if taken_apart {
            let (inner, rest) = client.into_inner().unwrap();
            assert_eq!(closed.load(Ordering::SeqCst), 0, "it is ours now");
            // Tickets that nobody asked for are no plain bytes.
            drop((inner, rest));
        } else {
            drop(client);
        }
        assert_eq!(closed.load(Ordering::SeqCst), 1);
    }
}

fn given_back() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (a, mut b) = pipe();
    b.write_all(b"220 this is no TLS, and it goes on for a while\r\n").unwrap();
    let Err(HandshakeError::Failed(failed)) = connector.connect(NAME, a) else { panic!("with whom?") };
    assert_eq!(failed.error().kind(), ErrorKind::Handshake);
    let mut inner = failed.into_inner().expect("the stream");
    inner.write_all(b"QUIT\r\n").unwrap();
    let mut seen = vec![0; b.waiting()];
    b.read_exact(&mut seen).unwrap();
    assert!(seen.ends_with(b"QUIT\r\n"));
    // A name that is none is found before anything is sent.
    let Err(HandshakeError::Failed(failed)) = connector.connect("not a name", inner) else { panic!("with whom?") };
    assert_eq!(failed.error().kind(), ErrorKind::InvalidName);
    assert!(failed.into_inner().is_some());
    // A handshake that is given up.
    let (a, mut b) = pipe();
    a.set_nonblocking(true);
    let Err(HandshakeError::Blocked(mid)) = acceptor.accept(a) else { panic!("with whom?") };
    mid.into_inner().write_all(b"never mind").unwrap();
    let mut seen = [0; 10];
    b.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"never mind");
}

#[cfg(unix)]
fn owned() {
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::UnixStream;
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (a, b) = UnixStream::pair().unwrap();
    let (a, b) = (OwnedFd::from(a), Arc::new(b));
    let (client, server) = both(|| connector.connect_socket(NAME, a), || acceptor.accept_socket(Arc::clone(&b)));
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    send(&mut client, &mut server, b"over an owned descriptor");
    send(&mut server, &mut client, b"and back");
    let (a, rest) = client.into_inner().unwrap();
    assert!(rest.is_empty());
    let mut a = UnixStream::from(a);
    a.write_all(b"plain").unwrap();
    drop(server);
    let mut plain = [0; 5];
    (&*b).read_exact(&mut plain).unwrap();
    assert_eq!(&plain, b"plain");
    // Dropping a stream closes what it owned.
    let (a, mut b) = UnixStream::pair().unwrap();
    let configured = connector.configure(NAME).unwrap().timeouts(Timeouts::new().handshake(Duration::ZERO));
    let Err(blocked) = configured.connect_socket(OwnedFd::from(a)) else { panic!("with whom?") };
    drop(blocked);
    let mut hello = Vec::new();
    b.read_to_end(&mut hello).unwrap();
    assert!(!hello.is_empty());
    let _ = b.as_fd();
}

#[cfg(not(unix))]
fn owned() {}

fn from_io() {
    let (mut client, server) = memory_pair();
    drop(server);
    let error = client.read(&mut [0; 1]).unwrap_err();
    assert_eq!(Error::from_io(&error).expect("ours").kind(), ErrorKind::UnexpectedEof);
    let wrapped = io::Error::other(io::Error::other(error));
    assert_eq!(Error::from_io(&wrapped).expect("ours").kind(), ErrorKind::UnexpectedEof);
    let (a, b) = pipe();
    drop(b);
    let error = io::Error::from(connector().build().unwrap().connect(NAME, a).unwrap_err());
    assert!(Error::from_io(&error).is_none_or(|error| error.kind() != ErrorKind::Library));
}
