//! Deadlines and time limits against peers that stall in each phase, over both descriptor BIOs; the stream goes on after.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl_tests::harness::{run, test};

#[cfg(unix)]
fn main() -> ExitCode {
    run(vec![
        test("handshake_with_a_silent_peer", || on_unix::silent(false)),
        test("handshake_of_a_server_with_a_silent_peer", || on_unix::silent(true)),
        test("handshake_that_stalls_at_any_point_goes_on", on_unix::stalls_anywhere),
        test("handshake_byte_by_byte_is_cut_short", on_unix::trickle),
        test("read_from_a_silent_peer", on_unix::read),
        test("read_of_half_a_record", on_unix::half_a_record),
        test("write_with_full_buffers", on_unix::write),
        test("shutdown_with_full_buffers", on_unix::shutdown_when_full),
        test("shutdown_with_a_silent_peer", on_unix::shutdown),
        test("close_with_a_peer_that_goes_on_sending", on_unix::close_with_data),
        test("deadline_over_many_small_reads", on_unix::small_reads),
        test("deadline_that_has_passed", on_unix::past),
        test("each_limit_is_for_its_own_operation", on_unix::own_limits),
        test("flags_of_the_socket_stay", on_unix::flags),
        test("nonblocking_sockets_are_not_waited_for", on_unix::nonblocking),
    ])
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    run(vec![dlssl_tests::harness::not_here("timeouts", "Unix")])
}

#[cfg(unix)]
mod on_unix {
    use std::io::{self, ErrorKind as IoKind, Read, Write};
    use std::net::TcpStream;
    use std::os::fd::AsRawFd;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use dlssl::{Error, ErrorKind, HandshakeError, Shutdown, Timeouts, TlsStream};
    use dlssl_tests::pki::NAME;
    use dlssl_tests::process::PATIENCE;
    use dlssl_tests::talk::{Bio, Shaken, acceptor, both, connector, pattern, send, tcp_pair, tls_pair};
    use dlssl_tests::wire::{Script, Scripted, Step};

    const BIOS: [Bio; 2] = [Bio::Descriptor, Bio::OpensslSocket];
    const SHORT: Duration = Duration::from_millis(60);

    fn connect(bio: Bio, socket: TcpStream, timeouts: Timeouts) -> Shaken<TcpStream> {
        let connector = connector().build().unwrap();
        let configured = connector.configure(NAME).unwrap().timeouts(timeouts);
        match bio {
            Bio::OpensslSocket => configured.connect_openssl_socket(socket),
            _ => configured.connect_socket(socket),
        }
    }

    fn accept(bio: Bio, socket: TcpStream, timeouts: Timeouts) -> Shaken<TcpStream> {
        let acceptor = acceptor().build().unwrap();
        let configured = acceptor.configure().unwrap().timeouts(timeouts);
        match bio {
            Bio::OpensslSocket => configured.accept_openssl_socket(socket),
            _ => configured.accept_socket(socket),
        }
    }

    fn timed_out<T>(outcome: io::Result<T>, bio: Bio) {
        let Err(error) = outcome else { panic!("{bio:?}: no error") };
        assert_eq!(error.kind(), IoKind::TimedOut, "{bio:?}: {error}");
    }

    /// A peer that takes the connection and says nothing.
    pub(super) fn silent(server: bool) {
        for bio in BIOS {
            let (a, b) = tcp_pair();
            let limit = Timeouts::new().handshake(SHORT);
            let result = if server { accept(bio, a, limit) } else { connect(bio, a, limit) };
            let Err(HandshakeError::Blocked(mid)) = result else { panic!("{bio:?}: with whom?") };
            assert_eq!(mid.error().kind(), IoKind::TimedOut, "{bio:?}");
            // Again, with the whole limit; then given up.
            let Err(again) = mid.resume() else { panic!("{bio:?}: with whom?") };
            assert_eq!(again.kind(), ErrorKind::TimedOut, "{bio:?}");
            let error = Error::from(again);
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{bio:?}");
            assert_eq!(io::Error::from(error).kind(), IoKind::TimedOut, "{bio:?}");
            drop(b);
        }
    }

    /// A server that stalls after some bytes of its answer, until the client has run out of time at least once.
    pub(super) fn stalls_anywhere() {
        let acceptor = acceptor().build().unwrap();
        for bio in BIOS {
            for bytes in [1, 5, 60, 200, 700] {
                let (a, b) = tcp_pair();
                let waited = AtomicBool::new(false);
                // The first of these stops the server; more of them, so that its own loops do not get through.
                let writes = [vec![Step::Short(bytes)], vec![Step::WouldBlock; 5]].concat();
                let script = Script { writes, ..Script::default() };
                let (client, server) = both(
                    || {
                        let mut result = connect(bio, a, Timeouts::new().handshake(SHORT));
                        loop {
                            match result {
                                Ok(stream) => return stream,
                                Err(HandshakeError::Failed(failed)) => panic!("{bio:?} {bytes}: {failed}"),
                                Err(HandshakeError::Blocked(mid)) => {
                                    assert_eq!(mid.error().kind(), IoKind::TimedOut, "{bio:?} {bytes}");
                                    waited.store(true, Ordering::SeqCst);
                                    result = mid.resume();
                                }
                            }
                        }
                    },
                    || {
                        let mut result = acceptor.accept(Scripted::new(b, script));
                        let end = Instant::now() + PATIENCE;
                        while let Err(HandshakeError::Blocked(mid)) = result {
                            while !waited.load(Ordering::SeqCst) && Instant::now() < end {
                                std::thread::sleep(Duration::from_millis(1));
                            }
                            result = mid.resume();
                        }
                        result.unwrap()
                    },
                );
                assert!(waited.load(Ordering::SeqCst), "{bio:?} {bytes}: it did not stall");
                let (mut client, mut server) = (client, server);
                send(&mut client, &mut server, b"to");
                send(&mut server, &mut client, b"fro");
            }
        }
    }

    /// The limit is for the whole handshake: a peer that sends a byte now and then does not prolong it.
    pub(super) fn trickle() {
        for bio in BIOS {
            let (a, mut b) = tcp_pair();
            let done = AtomicBool::new(false);
            let (result, ()) = both(
                || {
                    let result = connect(bio, a, Timeouts::new().handshake(5 * SHORT));
                    done.store(true, Ordering::SeqCst);
                    result
                },
                || {
                    // The head of a record of 16,000 bytes, and then its beginning, for long.
                    let mut bytes = vec![22, 3, 3, 0x3e, 0x80, 2, 0, 0x3e, 0x7c];
                    bytes.resize(4000, 3);
                    for byte in bytes {
                        if done.load(Ordering::SeqCst) || b.write_all(&[byte]).is_err() {
                            break;
                        }
                        std::thread::sleep(Duration::from_millis(5));
                    }
                },
            );
            let Err(error) = result else { panic!("{bio:?}: with whom?") };
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{bio:?}: {error}");
        }
    }

    pub(super) fn read() {
        for bio in BIOS {
            let (mut client, mut server) = tls_pair(bio);
            client.set_deadline(None);
            client.set_timeouts(Timeouts::new().read(SHORT));
            timed_out(client.read(&mut [0; 10]), bio);
            timed_out(client.peek(&mut [0; 10]), bio);
            assert!(client.wants_read() && !client.wants_write(), "{bio:?}");
            client.set_timeouts(Timeouts::new());
            send(&mut server, &mut client, b"here I am again");
            send(&mut client, &mut server, b"so I see");
        }
    }

    pub(super) fn half_a_record() {
        for bio in BIOS {
            let (a, b) = tcp_pair();
            let acceptor = acceptor().build().unwrap();
            let (client, server) =
                both(|| connect(bio, a, Timeouts::new()), || acceptor.accept(Scripted::new(b, Script::default())));
            let (mut client, mut server) = (client.unwrap(), server.unwrap());
            send(&mut server, &mut client, b"past the tickets");
            for bytes in [1, 4, 5, 6, 1000] {
                let writes = vec![Step::Short(bytes), Step::WouldBlock, Step::WouldBlock];
                server.get_mut().set_script(Script { writes, ..Script::default() });
                let record = pattern(4000, 5);
                assert_eq!(server.write(&record).unwrap(), 4000);
                client.set_timeouts(Timeouts::new().read(SHORT));
                let mut received = vec![0; 4000];
                timed_out(client.read(&mut received), bio);
                timed_out(client.read(&mut received), bio);
                client.set_timeouts(Timeouts::new());
                server.flush().unwrap_or_else(|_| server.flush().unwrap());
                client.read_exact(&mut received).unwrap();
                assert!(received == record, "{bio:?} {bytes}");
            }
        }
    }

    /// Writes until the peer's and our buffers are full and the limit has passed; how many bytes were taken.
    fn fill(client: &mut TlsStream<TcpStream>, bytes: &[u8], bio: Bio) -> usize {
        client.set_deadline(None);
        client.set_timeouts(Timeouts::new().write(SHORT));
        let mut sent = 0;
        let error = loop {
            match client.write(&bytes[sent..sent + 10_000]) {
                Ok(count) => sent += count,
                Err(error) => break error,
            }
            assert!(sent + 10_000 < bytes.len(), "the socket takes everything");
        };
        assert_eq!(error.kind(), IoKind::TimedOut, "{bio:?}: {error}");
        assert!(client.wants_write(), "{bio:?}");
        sent
    }

    /// A full buffer may get some room without being read from, but nothing else than a time-out stops a call.
    fn done_or_timed_out<T>(outcome: io::Result<T>, bio: Bio) {
        if let Err(error) = outcome {
            assert_eq!(error.kind(), IoKind::TimedOut, "{bio:?}: {error}");
        }
    }

    pub(super) fn write() {
        for bio in BIOS {
            let (mut client, mut server) = tls_pair(bio);
            server.set_deadline(None);
            let bytes = pattern(64 << 20, 6);
            let sent = fill(&mut client, &bytes, bio);
            done_or_timed_out(client.flush(), bio);
            // What was taken arrives, once and in order, though the caller comes back with something else.
            client.set_timeouts(Timeouts::all(PATIENCE));
            let ((), received) = both(
                || {
                    client.write_all(b"THE END").unwrap();
                    assert_eq!(client.shutdown().unwrap(), Shutdown::Sent, "{bio:?}");
                },
                || {
                    let mut received = Vec::new();
                    server.read_to_end(&mut received).unwrap();
                    received
                },
            );
            assert_eq!(received.len(), sent + 7, "{bio:?}");
            assert!(received[..sent] == bytes[..sent] && received[sent..] == *b"THE END", "{bio:?}");
        }
    }

    pub(super) fn shutdown_when_full() {
        for bio in BIOS {
            let (mut client, mut server) = tls_pair(bio);
            server.set_deadline(None);
            let bytes = pattern(64 << 20, 6);
            let sent = fill(&mut client, &bytes, bio);
            client.set_timeouts(Timeouts::new().shutdown(SHORT));
            done_or_timed_out(client.shutdown(), bio);
            client.set_timeouts(Timeouts::all(PATIENCE));
            let ((), received) = both(
                || {
                    assert_eq!(client.close().unwrap(), 0, "{bio:?}");
                },
                || {
                    let mut received = Vec::new();
                    server.read_to_end(&mut received).unwrap();
                    server.shutdown().unwrap();
                    received
                },
            );
            assert!(received[..] == bytes[..sent], "{bio:?}");
        }
    }

    pub(super) fn shutdown() {
        for bio in BIOS {
            let (mut client, mut server) = tls_pair(bio);
            send(&mut server, &mut client, b"past the tickets");
            client.set_deadline(None);
            client.set_timeouts(Timeouts::new().shutdown(SHORT));
            timed_out(client.close(), bio);
            timed_out(client.shutdown().map(drop), bio);
            // Ours was sent all the same.
            assert_eq!(server.read(&mut [0; 10]).unwrap(), 0, "{bio:?}");
            server.shutdown().unwrap();
            assert_eq!(client.close().unwrap(), 0, "{bio:?}");
            assert_eq!(client.shutdown().unwrap(), Shutdown::Received, "{bio:?}");
        }
    }

    pub(super) fn close_with_data() {
        for bio in BIOS {
            let (mut client, mut server) = tls_pair(bio);
            let (lost, ()) = both(
                || client.close().unwrap(),
                || {
                    server.write_all(&[1; 100_000]).unwrap();
                    server.close().unwrap();
                },
            );
            assert_eq!(lost, 100_000, "{bio:?}");
            assert_eq!(client.read(&mut [0; 10]).unwrap(), 0, "{bio:?}");
            assert_eq!(client.write(b"more").unwrap_err().kind(), IoKind::BrokenPipe, "{bio:?}");
        }
    }

    /// A parser that reads byte by byte from a peer that is never silent for long: the deadline is for all of it.
    pub(super) fn small_reads() {
        for bio in BIOS {
            let (mut client, mut server) = tls_pair(bio);
            let done = AtomicBool::new(false);
            both(
                || {
                    client.set_timeouts(Timeouts::new().read(PATIENCE));
                    client.read_exact(&mut [0; 1]).unwrap();
                    client.set_deadline(Some(Instant::now() + 5 * SHORT));
                    let error = loop {
                        if let Err(error) = client.read_exact(&mut [0; 1]) {
                            break error;
                        }
                    };
                    assert_eq!(error.kind(), IoKind::TimedOut, "{bio:?}: {error}");
                    done.store(true, Ordering::SeqCst);
                },
                || {
                    while !done.load(Ordering::SeqCst) {
                        server.write_all(b"x").unwrap();
                        std::thread::sleep(Duration::from_millis(2));
                    }
                },
            );
            client.set_deadline(None);
            server.write_all(b"!").unwrap();
            let mut byte = [0];
            while byte != *b"!" {
                client.read_exact(&mut byte).unwrap();
            }
        }
    }

    pub(super) fn past() {
        for bio in BIOS {
            let (mut client, mut server) = tls_pair(bio);
            client.set_deadline(Some(Instant::now()));
            timed_out(client.read(&mut [0; 1]), bio);
            timed_out(client.write(b"x"), bio);
            timed_out(client.shutdown().map(drop), bio);
            client.set_deadline(None);
            assert_eq!(client.deadline(), None);
            send(&mut client, &mut server, b"to");
            send(&mut server, &mut client, b"fro");
            let (a, _b) = tcp_pair();
            let connector = connector().build().unwrap();
            let configured = connector.configure(NAME).unwrap().deadline(Instant::now());
            let result = match bio {
                Bio::OpensslSocket => configured.connect_openssl_socket(a),
                _ => configured.connect_socket(a),
            };
            let Err(error @ HandshakeError::Blocked(_)) = result else { panic!("{bio:?}: with whom?") };
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{bio:?}");
        }
    }

    pub(super) fn own_limits() {
        for bio in BIOS {
            let (mut client, mut server) = tls_pair(bio);
            client.set_deadline(None);
            let none = Duration::ZERO;
            client.set_timeouts(Timeouts::new().handshake(none).write(none).shutdown(none));
            assert_eq!(client.timeouts(), Timeouts::all(none).read(None));
            both(
                || client.read_exact(&mut [0; 1]).unwrap(),
                || {
                    std::thread::sleep(SHORT);
                    server.write_all(b"!").unwrap();
                },
            );
            client.set_timeouts(Timeouts::new().read(none));
            timed_out(client.read(&mut [0; 1]), bio);
            // What is there is read without waiting, whatever the limit.
            server.write_all(b"!").unwrap();
            let end = Instant::now() + PATIENCE;
            while client.read(&mut [0; 1]).is_err() && Instant::now() < end {}
            assert!(Instant::now() < end, "{bio:?}");
        }
    }

    fn flags_of(stream: &TlsStream<TcpStream>) -> i32 {
        // SAFETY: F_GETFL reads no memory of ours.
        unsafe { libc::fcntl(stream.get_ref().as_raw_fd(), libc::F_GETFL) }
    }

    pub(super) fn flags() {
        for bio in BIOS {
            for nonblocking in [false, true] {
                let (mut client, mut server) = tls_pair(bio);
                client.get_ref().set_nonblocking(nonblocking).unwrap();
                let before = flags_of(&client);
                client.set_timeouts(Timeouts::all(SHORT));
                client.read(&mut [0; 1]).unwrap_err();
                client.write_all(b"x").unwrap();
                server.read_exact(&mut [0; 1]).unwrap();
                assert!(!client.read_ready().unwrap(), "{bio:?}");
                assert_eq!(flags_of(&client), before, "{bio:?}");
            }
        }
    }

    pub(super) fn nonblocking() {
        for bio in BIOS {
            let (mut client, mut server) = tls_pair(bio);
            send(&mut server, &mut client, b"past the tickets");
            client.get_ref().set_nonblocking(true).unwrap();
            client.set_timeouts(Timeouts::all(PATIENCE));
            client.set_deadline(Some(Instant::now() + PATIENCE));
            assert_eq!(client.read(&mut [0; 1]).unwrap_err().kind(), IoKind::WouldBlock, "{bio:?}");
            assert_eq!(client.close().unwrap_err().kind(), IoKind::WouldBlock, "{bio:?}");
        }
    }
}
