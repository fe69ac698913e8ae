//! How a stream ends: orderly, without close_notify, cut, reset, stalled, with rubbish, or by being taken apart.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{self, ErrorKind as IoKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use dlssl::{Connector, Error, ErrorKind, HandshakeError, Shutdown, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::pki::NAME;
use dlssl_tests::process::PATIENCE;
use dlssl_tests::talk::{
    Bio, accept_by, acceptor, both, connect_by, connector, pattern, protocols, send, shake, shake_tcp, tcp_pair,
    tls_pair,
};
use dlssl_tests::wire::{End, Script, Scripted, Step, pipe, pipe_with_capacity};

fn main() -> ExitCode {
    run(vec![
        test("without_close_notify", without_close_notify),
        test("without_close_notify_tolerated", tolerated),
        test("end_of_file_in_the_handshake", eof_in_the_handshake),
        test("orderly_both_ways", orderly),
        test("orderly_over_a_nonblocking_pipe", orderly_nonblocking),
        test("shutdown_reads_past_what_the_peer_still_sends", half_closed),
        test("no_write_after_shutdown", no_write_after_shutdown),
        test("dropping_sends_no_close_notify", dropping),
        test("cut_inside_a_record", cut_inside_a_record),
        test("cut_inside_a_record_tolerated", cut_inside_a_record_tolerated),
        test("reset", reset).only_if(cfg!(unix), || "no linger".to_owned()),
        test("stalled_peer", stalled_peer),
        test("stalled_inside_a_record", stalled_inside_a_record),
        test("stalled_handshake", stalled_handshake),
        test("stalled_writer", stalled_writer),
        test("past_deadline", past_deadline),
        test("time_out_of_the_inner_stream", inner_time_out),
        test("into_inner_returns_what_was_not_read", into_inner_leftover),
        test("into_inner_with_unsent_bytes", into_inner_unsent),
        test("rubbish_instead_of_a_server", rubbish_server),
        test("rubbish_instead_of_a_client", rubbish_client),
        test("rubbish_after_the_handshake", rubbish_later),
    ])
}

fn memory_pair() -> (TlsStream<End>, TlsStream<End>) {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (client, server) = shake(&connector, &acceptor, NAME, pipe());
    (client.unwrap(), server.unwrap())
}

/// Our error inside an `io::Error`.
fn inside(error: &io::Error) -> &Error {
    error.get_ref().and_then(|inner| inner.downcast_ref()).unwrap_or_else(|| panic!("not ours: {error:?}"))
}

fn without_close_notify() {
    for bio in Bio::ALL {
        let (mut client, mut server) = tls_pair(bio);
        send(&mut server, &mut client, b"last words");
        let (socket, _) = server.into_inner().unwrap();
        drop(socket);
        let error = client.read(&mut [0; 10]).unwrap_err();
        assert_eq!(error.kind(), IoKind::UnexpectedEof, "{bio:?}: {error}");
        assert_eq!(inside(&error).kind(), ErrorKind::UnexpectedEof, "{bio:?}");
        // Asking again does not make an orderly end of it.
        client.read(&mut [0; 10]).unwrap_err();
    }
}

fn tolerated() {
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).tolerate_missing_close_notify(true).build().unwrap();
        let strict = acceptor().build().unwrap();
        let tolerant = acceptor().tolerate_missing_close_notify(true);
        let tolerant = tolerant.build().unwrap();
        for bio in Bio::ALL {
            let (client, server) = shake_tcp(bio, &connector, &strict, NAME);
            let (mut client, mut server) = (client.unwrap(), server.unwrap());
            send(&mut server, &mut client, b"last words");
            drop(server);
            assert_eq!(client.read(&mut [0; 10]).unwrap(), 0, "{bio:?} {protocol}");
            assert_eq!(client.read(&mut [0; 10]).unwrap(), 0, "{bio:?} {protocol}");

            let (client, server) = shake_tcp(bio, &connector, &tolerant, NAME);
            let (mut client, mut server) = (client.unwrap(), server.unwrap());
            send(&mut client, &mut server, b"last words");
            // Else unread tickets would turn the close into a reset.
            send(&mut server, &mut client, b"!");
            drop(client);
            assert_eq!(server.read(&mut [0; 10]).unwrap(), 0, "{bio:?} {protocol}");
            // From 3.0 on the library takes it for fatal, and has no farewell of its own any more.
            assert_eq!(server.shutdown().unwrap(), Shutdown::Received, "{bio:?} {protocol}");
            assert_eq!(server.close().unwrap(), 0, "{bio:?} {protocol}");
        }
    }
}

fn eof_in_the_handshake() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    for bio in Bio::ALL {
        let (client, server) = tcp_pair();
        drop(server);
        let error: Error = connect_by(bio, &connector, NAME, client).unwrap_err().into();
        assert!(
            matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::Io),
            "{bio:?}: {:?}: {error}",
            error.kind()
        );
        let (client, server) = tcp_pair();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let error: Error = accept_by(bio, &acceptor, server).unwrap_err().into();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{bio:?}: {error}");
        let error = io::Error::from(error);
        assert_eq!(error.kind(), IoKind::UnexpectedEof, "{bio:?}: {error}");
    }
}

fn orderly() {
    for bio in Bio::ALL {
        let (mut client, mut server) = tls_pair(bio);
        send(&mut server, &mut client, b"last words");
        assert_eq!(client.shutdown().unwrap(), Shutdown::Sent, "{bio:?}");
        assert_eq!(server.read(&mut [0; 10]).unwrap(), 0, "{bio:?}");
        assert_eq!(server.read(&mut [0; 10]).unwrap(), 0, "{bio:?}");
        assert_eq!(server.shutdown().unwrap(), Shutdown::Received, "{bio:?}");
        assert_eq!(client.shutdown().unwrap(), Shutdown::Received, "{bio:?}");
        assert_eq!(client.read(&mut [0; 10]).unwrap(), 0, "{bio:?}");
    }
}

fn orderly_nonblocking() {
    let (mut client, mut server) = nonblocking_pair();
    assert_eq!(client.shutdown().unwrap(), Shutdown::Sent);
    let error = client.shutdown().unwrap_err();
    assert_eq!(error.kind(), IoKind::WouldBlock);
    assert_eq!(server.read(&mut [0; 10]).unwrap(), 0);
    assert_eq!(server.shutdown().unwrap(), Shutdown::Received);
    assert_eq!(client.shutdown().unwrap(), Shutdown::Received);
}

/// After its own close_notify a side may still read what the peer has to say.
fn half_closed() {
    for bio in Bio::ALL {
        let (mut client, mut server) = tls_pair(bio);
        assert_eq!(client.shutdown().unwrap(), Shutdown::Sent);
        assert_eq!(server.read(&mut [0; 10]).unwrap(), 0);
        server.write_all(b"but I have more").unwrap();
        server.shutdown().unwrap();
        let mut rest = String::new();
        client.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "but I have more", "{bio:?}");
        assert_eq!(client.shutdown().unwrap(), Shutdown::Received, "{bio:?}");
    }
}

fn no_write_after_shutdown() {
    for bio in Bio::ALL {
        let (mut client, _server) = tls_pair(bio);
        client.shutdown().unwrap();
        let error = client.write(b"more").unwrap_err();
        assert!(error.kind() != IoKind::WouldBlock, "{error}");
    }
}

/// Only the program knows whether its message was whole: a drop in the middle (a panic, an early return) must not look like an end.
fn dropping() {
    let (mut client, server) = memory_pair();
    drop(server);
    let error = client.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), IoKind::UnexpectedEof, "{error}");
}

/// A pair whose server is about to send only the first `bytes` of its next record.
fn about_to_be_cut(
    connector: &Connector,
    bio: Bio,
    bytes: usize,
) -> (TlsStream<TcpStream>, TlsStream<Scripted<TcpStream>>) {
    let acceptor = acceptor().build().unwrap();
    let (a, b) = tcp_pair();
    let (client, server) =
        both(|| connect_by(bio, connector, NAME, a), || acceptor.accept(Scripted::new(b, Script::default())));
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    send(&mut server, &mut client, b"all is well");
    server.get_mut().set_script(Script { writes: vec![Step::Short(bytes), Step::Fail(1)], ..Script::default() });
    (client, server)
}

fn cut_inside_a_record() {
    cut_each_way(&connector().build().unwrap(), &Bio::ALL);
}

/// Half a record is a truncation, whatever is tolerated; only OpenSSL's own socket BIO cannot tell.
fn cut_inside_a_record_tolerated() {
    let tolerant = connector().tolerate_missing_close_notify(true).build().unwrap();
    let ours: Vec<Bio> = Bio::ALL.into_iter().filter(|bio| *bio != Bio::OpensslSocket).collect();
    cut_each_way(&tolerant, &ours);
}

fn cut_each_way(connector: &Connector, bios: &[Bio]) {
    for &bio in bios {
        for bytes in [1, 4, 5, 20, 1000] {
            let (mut client, mut server) = about_to_be_cut(connector, bio, bytes);
            let _ = server.write(&[1; 4000]);
            let _ = server.flush();
            drop(server);
            let error = client.read(&mut [0; 4000]).unwrap_err();
            assert_eq!(error.kind(), IoKind::UnexpectedEof, "{bio:?} {bytes}: {error}");
        }
    }
}

#[cfg(unix)]
fn reset() {
    use std::os::fd::AsRawFd;
    for bio in Bio::ALL {
        let (mut client, server) = tls_pair(bio);
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the option's value is a live `linger` of the length given.
        let set = unsafe {
            libc::setsockopt(
                server.get_ref().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const linger).cast(),
                libc::socklen_t::try_from(size_of_val(&linger)).unwrap(),
            )
        };
        assert_eq!(set, 0);
        drop(server);
        // The tickets of TLS 1.3 may lie before the reset, so the first write may still go out.
        let error = client.read(&mut [0; 10]).unwrap_err();
        assert_eq!(error.kind(), IoKind::ConnectionReset, "{bio:?}: {error}");
    }
}

#[cfg(not(unix))]
fn reset() {}

fn deadline_in(millis: u64) -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(millis))
}

fn times_out<T: std::fmt::Debug>(work: impl FnOnce() -> io::Result<T>) {
    let start = Instant::now();
    let error = work().unwrap_err();
    assert_eq!(error.kind(), IoKind::TimedOut, "{error}");
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(150), "too early: {took:?}");
    assert!(took < Duration::from_secs(10), "too late: {took:?}");
}

fn stalled_peer() {
    let (mut client, mut server) = tls_pair(Bio::Descriptor);
    client.set_deadline(deadline_in(200));
    times_out(|| client.read(&mut [0; 10]));
    client.set_deadline(deadline_in(20_000));
    send(&mut server, &mut client, b"here I am again");
    send(&mut client, &mut server, b"so I see");
    // A shutdown waits for the peer no longer than the deadline.
    assert_eq!(client.shutdown().unwrap(), Shutdown::Sent);
    client.set_deadline(deadline_in(200));
    times_out(|| client.shutdown());
    client.set_deadline(deadline_in(20_000));
    server.shutdown().unwrap();
    assert_eq!(client.shutdown().unwrap(), Shutdown::Received);
}

fn stalled_inside_a_record() {
    let connector = connector().build().unwrap();
    let (mut client, mut server) = about_to_be_cut(&connector, Bio::Descriptor, 100);
    server
        .get_mut()
        .set_script(Script { writes: vec![Step::Short(100), Step::WouldBlock, Step::WouldBlock], ..Script::default() });
    let bytes = pattern(4000, 5);
    assert_eq!(server.write(&bytes).unwrap(), 4000);
    assert!(server.has_unsent());
    client.set_deadline(deadline_in(200));
    let mut received = vec![0; 4000];
    times_out(|| client.read(&mut received));
    client.set_deadline(deadline_in(20_000));
    server.flush().unwrap();
    client.read_exact(&mut received).unwrap();
    assert!(received == bytes);
}

fn stalled_handshake() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (a, b) = tcp_pair();
    let start = Instant::now();
    let configured = connector.configure(NAME).unwrap();
    let result = configured.deadline(deadline_in(200).unwrap()).connect_socket(&a);
    let mid = match result {
        Err(HandshakeError::Blocked(mid)) => mid,
        Err(HandshakeError::Failed(error)) => panic!("cannot go on: {error}"),
        Ok(_) => panic!("with whom?"),
    };
    assert_eq!(mid.error().kind(), IoKind::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(150));
    let error = Error::from(HandshakeError::Blocked(mid));
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    drop(b);
    let (a, b) = tcp_pair();
    let configured = acceptor.configure().unwrap().deadline(deadline_in(200).unwrap());
    times_out(|| configured.accept_socket(&b).map_err(io::Error::from));
    drop(a);
}

fn stalled_writer() {
    let (mut client, mut server) = tls_pair(Bio::Descriptor);
    let bytes = pattern(64 << 20, 6);
    let mut sent = 0;
    client.set_deadline(deadline_in(300));
    let error = loop {
        match client.write(&bytes[sent..sent + 10_000]) {
            Ok(n) => sent += n,
            Err(error) => break error,
        }
        assert!(sent + 10_000 < bytes.len(), "the socket takes everything");
    };
    assert_eq!(error.kind(), IoKind::TimedOut, "{error}");
    client.set_deadline(Some(Instant::now() + PATIENCE));
    // What `write` accepted arrives, once and in order, though the caller comes back with something else.
    let ((), received) = both(
        || {
            client.write_all(b"THE END").unwrap();
            client.flush().unwrap();
            client.shutdown().unwrap();
        },
        || {
            let mut received = Vec::new();
            server.read_to_end(&mut received).unwrap();
            received
        },
    );
    assert_eq!(received.len(), sent + 7);
    assert!(received[..sent] == bytes[..sent]);
    assert_eq!(&received[sent..], b"THE END");
}

fn past_deadline() {
    let (mut client, mut server) = tls_pair(Bio::Descriptor);
    client.set_deadline(Some(Instant::now()));
    let error = client.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), IoKind::TimedOut);
    client.set_deadline(None);
    send(&mut server, &mut client, b"fine");
}

/// Over `Read + Write` the inner stream's own time-out comes out, and the stream goes on.
fn inner_time_out() {
    let (mut client, mut server) = tls_pair(Bio::Stream);
    let short = Some(Duration::from_millis(100));
    client.get_ref().set_read_timeout(short).unwrap();
    let error = client.read(&mut [0; 10]).unwrap_err();
    assert!(matches!(error.kind(), IoKind::WouldBlock | IoKind::TimedOut), "{error}");
    client.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    send(&mut server, &mut client, b"fine");
}

/// TLS ends, and the connection goes on without it: not a byte of the rest may be lost.
fn into_inner_leftover() {
    for len in [0, 3, 5000, 100_000] {
        let raw = pattern(len, 7);
        let (mut client, mut server) = memory_pair();
        send(&mut server, &mut client, b"the last of TLS");
        server.shutdown().unwrap();
        let (mut plain, leftover) = server.into_inner().unwrap();
        assert!(leftover.is_empty());
        plain.write_all(&raw).unwrap();
        assert_eq!(client.read(&mut [0; 10]).unwrap(), 0);
        client.shutdown().unwrap();
        if len > 5 {
            assert!(client.has_pending() || client.get_ref().waiting() == len);
        }
        let (mut rest, mut bytes) = client.into_inner().unwrap();
        drop(plain);
        rest.read_to_end(&mut bytes).unwrap();
        assert!(bytes == raw, "{len}: {} bytes came", bytes.len());
    }
    // The same over a descriptor.
    let (mut client, mut server) = tls_pair(Bio::Descriptor);
    server.shutdown().unwrap();
    assert_eq!(client.read(&mut [0; 10]).unwrap(), 0);
    let (mut plain, _) = server.into_inner().unwrap();
    plain.write_all(b"in the clear").unwrap();
    drop(plain);
    let (mut rest, mut bytes) = client.into_inner().unwrap();
    rest.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"in the clear");
}

fn nonblocking_pair() -> (TlsStream<End>, TlsStream<End>) {
    let (client, server) = memory_pair();
    client.get_ref().set_nonblocking(true);
    server.get_ref().set_nonblocking(true);
    (client, server)
}

fn into_inner_unsent() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let (client, server) = shake(&connector, &acceptor, NAME, pipe_with_capacity(6000));
    let (client, mut server) = (client.unwrap(), server.unwrap());
    let mut client = client;
    client.get_ref().set_nonblocking(true);
    let bytes = pattern(10_000, 8);
    assert_eq!(client.write(&bytes).unwrap(), bytes.len());
    assert!(client.has_unsent());
    let error = client.flush().unwrap_err();
    assert_eq!(error.kind(), IoKind::WouldBlock);
    let refused = client.into_inner().expect_err("bytes would be lost");
    assert!(!refused.error().to_string().is_empty());
    let mut client = refused.into_stream();
    client.get_ref().set_nonblocking(false);
    let ((), received) = both(
        || client.flush().unwrap(),
        || {
            let mut received = vec![0; bytes.len()];
            server.read_exact(&mut received).unwrap();
            received
        },
    );
    assert!(received == bytes);
    assert!(!client.has_unsent());
    client.into_inner().unwrap();
}

fn is_rubbish(error: &Error) {
    assert!(matches!(error.kind(), ErrorKind::Handshake | ErrorKind::Protocol), "{:?}: {error}", error.kind());
    assert!(!error.queue().entries().is_empty(), "{error:?}");
}

fn rubbish_server() {
    let connector = connector().build().unwrap();
    for bio in Bio::ALL {
        let (client, mut server) = tcp_pair();
        server.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let error: Error = connect_by(bio, &connector, NAME, client).unwrap_err().into();
        is_rubbish(&error);
    }
}

fn rubbish_client() {
    let acceptor = acceptor().build().unwrap();
    for bio in Bio::ALL {
        for bytes in [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], &[0xff; 64], &[0; 64]] {
            let (mut client, server) = tcp_pair();
            client.write_all(bytes).unwrap();
            let error: Error = accept_by(bio, &acceptor, server).unwrap_err().into();
            is_rubbish(&error);
        }
    }
}

fn rubbish_later() {
    for bio in Bio::ALL {
        let (mut client, mut server) = tls_pair(bio);
        send(&mut server, &mut client, b"all is well");
        // A record of application data with a wrong tag.
        let mut record = vec![23, 3, 3, 0, 64];
        record.extend_from_slice(&[9; 64]);
        server.get_mut().write_all(&record).unwrap();
        let error = client.read(&mut [0; 10]).unwrap_err();
        let error = inside(&error);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{bio:?}: {error}");
        assert!(!error.queue().entries().is_empty(), "{error:?}");
        assert_eq!(error.queue().entries()[0].library().is_some(), error.queue().entries()[0].reason().is_some());
    }
}
