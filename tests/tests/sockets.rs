//! What TLS does to the caller's socket and process: SIGPIPE, the descriptor's flags, non-blocking sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl_tests::harness::{run, test};

#[cfg(unix)]
fn main() -> ExitCode {
    run(vec![
        test("closed_peer_kills_nobody_stream", || on_unix::closed_peer("stream")),
        test("closed_peer_kills_nobody_descriptor", || {
            on_unix::closed_peer("descriptor");
        }),
        test("flags_of_a_blocking_socket", || on_unix::flags(false)),
        test("flags_of_a_nonblocking_socket", || on_unix::flags(true)),
        test("nonblocking_socket_says_so", on_unix::would_block),
        test("nonblocking_socket_with_a_deadline_does_not_wait", on_unix::does_not_wait),
        test("blocking_socket_without_deadline_waits", on_unix::blocks),
        test("borrowed_and_unix_sockets", on_unix::other_sockets),
    ])
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    run(vec![dlssl_tests::harness::not_here("sockets", "Unix")])
}

#[cfg(unix)]
mod on_unix {
    use std::io::{ErrorKind as IoKind, Read, Write};
    use std::net::TcpStream;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
    use std::os::unix::net::UnixStream;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use dlssl::{HandshakeError, TlsStream};
    use dlssl_tests::pki::NAME;
    use dlssl_tests::process;
    use dlssl_tests::talk::{Bio, Shaken, acceptor, both, connector, send, tcp_pair, tls_pair};

    pub(super) fn closed_peer(bio: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
        command.args(["closed-peer", bio]);
        let outcome = process::run(&mut command, b"").success();
        assert!(outcome.stdout.starts_with("survived: "), "{outcome:?}");
        let kinds = ["BrokenPipe", "ConnectionReset", "ConnectionAborted"];
        assert!(kinds.iter().any(|k| outcome.stdout.contains(k)), "{outcome:?}");
    }

    fn flags_of(socket: &impl AsRawFd) -> i32 {
        // SAFETY: F_GETFL reads no memory of ours.
        unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_GETFL) }
    }

    pub(super) fn flags(nonblocking: bool) {
        let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
        for bio in Bio::OURS {
            let (a, b) = tcp_pair();
            a.set_nonblocking(nonblocking).unwrap();
            let before = flags_of(&a);
            let watch = a.try_clone().unwrap();
            let end = Instant::now() + process::PATIENCE;
            let (client, server) = both(
                || {
                    let configured = connector.configure(NAME).unwrap();
                    patiently(match bio {
                        Bio::Stream => configured.connect(a),
                        _ => configured.deadline(end).connect_socket(a),
                    })
                },
                || acceptor.accept(b),
            );
            let (mut client, mut server) = (client, server.unwrap());
            assert_eq!(flags_of(&watch), before, "{bio:?}: after the handshake");
            send(&mut client, &mut server, b"to");
            if nonblocking {
                let error = client.read(&mut [0; 4]).unwrap_err();
                assert_eq!(error.kind(), IoKind::WouldBlock);
            } else {
                send(&mut server, &mut client, b"fro");
            }
            assert_eq!(flags_of(&watch), before, "{bio:?}: in use");
            client.shutdown().unwrap();
            drop(client);
            assert_eq!(flags_of(&watch), before, "{bio:?}: afterwards");
        }
    }

    /// Finishes a handshake on a socket that does not wait.
    fn patiently(mut result: Shaken<TcpStream>) -> TlsStream<TcpStream> {
        let end = Instant::now() + process::PATIENCE;
        while Instant::now() < end {
            match result {
                Ok(stream) => return stream,
                Err(HandshakeError::Failed(error)) => panic!("{error}"),
                Err(HandshakeError::Blocked(mid)) => {
                    std::thread::sleep(Duration::from_millis(1));
                    result = mid.resume();
                }
            }
        }
        panic!("the handshake does not end");
    }

    /// Without a deadline, a descriptor that its owner made non-blocking is not waited for.
    pub(super) fn would_block() {
        let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
        for bio in Bio::OURS {
            let (a, b) = tcp_pair();
            a.set_nonblocking(true).unwrap();
            let (client, server) = both(
                || {
                    patiently(match bio {
                        Bio::Stream => connector.connect(NAME, a),
                        _ => connector.connect_socket(NAME, a),
                    })
                },
                || acceptor.accept(b),
            );
            let (mut client, mut server) = (client, server.unwrap());
            // Past the tickets of TLS 1.3.
            server.write_all(b"x").unwrap();
            let end = Instant::now() + process::PATIENCE;
            while client.read(&mut [0; 4]).is_err() && Instant::now() < end {}
            let start = Instant::now();
            let error = client.read(&mut [0; 4]).unwrap_err();
            assert_eq!(error.kind(), IoKind::WouldBlock, "{bio:?}");
            assert!(start.elapsed() < Duration::from_secs(2));
            assert!(client.wants_read() && !client.wants_write(), "{bio:?}");
            let error = loop {
                if let Err(error) = client.write(&[1; 16_384]) {
                    break error;
                }
            };
            assert_eq!(error.kind(), IoKind::WouldBlock, "{bio:?}");
            assert!(client.wants_write(), "{bio:?}");
        }
    }

    /// A deadline bounds waiting; it does not make a wait of what the owner wants to do by itself.
    pub(super) fn does_not_wait() {
        let (mut client, mut server) = tls_pair(Bio::Descriptor);
        send(&mut server, &mut client, b"past the tickets");
        client.get_ref().set_nonblocking(true).unwrap();
        client.set_deadline(Some(Instant::now() + process::PATIENCE));
        let error = client.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), IoKind::WouldBlock);
        assert!(client.wants_read());
    }

    pub(super) fn blocks() {
        let (mut client, mut server) = tls_pair(Bio::Descriptor);
        client.set_deadline(None);
        both(
            || {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
            },
            || {
                std::thread::sleep(Duration::from_millis(200));
                server.write_all(b"!").unwrap();
            },
        );
    }

    pub(super) fn other_sockets() {
        let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
        let (a, b) = UnixStream::pair().unwrap();
        {
            let borrowed: BorrowedFd<'_> = a.as_fd();
            let (client, server) = both(|| connector.connect_socket(NAME, borrowed), || acceptor.accept_socket(&b));
            let (mut client, mut server) = (client.unwrap(), server.unwrap());
            send(&mut client, &mut server, b"over a borrowed descriptor");
            send(&mut server, &mut client, b"and back");
        }
        // Dropping the streams closed nothing that was only lent.
        (&a).write_all(b"plain").unwrap();
        let mut buf = [0; 5];
        (&b).read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"plain");
    }
}
