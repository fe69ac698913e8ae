//! Streams for tokio and time: futures that are dropped, deadlines, a handshake that waits for the program.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::io::{self, ErrorKind as IoKind};
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use dlssl::{ErrorKind, Timeouts};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{is_openssl_from, library};
use dlssl_tests::pki::NAME;
use dlssl_tests::process::PATIENCE;
use dlssl_tests::talk::{acceptor, connector, pattern};
use dlssl_tests::tasks::{Eager, block_on, memory_pair, shake};
use dlssl_tests::wire;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::time::timeout;

fn main() -> ExitCode {
    run(vec![
        test("dropped_handshakes", dropped_handshakes),
        test("dropped_in_each_phase", dropped_in_each_phase),
        test("deadline_of_a_handshake", deadline_of_a_handshake),
        test("handshake_on_a_clock_of_tests", handshake_on_a_clock_of_tests),
        test("deadline_of_a_stream", deadline_of_a_stream),
        test("suspended_handshake", suspended).only_if(is_openssl_from("1.1.1"), || {
            format!("{} does not show the first message", library().version_text())
        }),
    ])
}

fn dropped_handshakes() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    block_on(async {
        // A peer that says nothing.
        for as_client in [true, false] {
            let (a, mut b) = tokio::io::duplex(1 << 16);
            let brief = Duration::from_millis(20);
            if as_client {
                timeout(brief, dlssl_tokio::connect(&connector, NAME, a)).await.unwrap_err();
            } else {
                timeout(brief, dlssl_tokio::accept(&acceptor, a)).await.unwrap_err();
            }
            let mut sent = Vec::new();
            b.read_to_end(&mut sent).await.unwrap();
            assert_eq!(as_client, sent.first() == Some(&22), "the inner stream is gone with the handshake");
        }
    });
    // After each number of polls, until it is done before.
    for polls in 0..100 {
        let (a, b) = wire::nonblocking_pipe();
        let mut client = pin!(dlssl_tokio::connect(&connector, NAME, Eager(a)));
        let mut server = pin!(dlssl_tokio::accept(&acceptor, Eager(b)));
        let mut context = Context::from_waker(Waker::noop());
        let (mut client_done, mut server_done) = (None, None);
        for _ in 0..polls {
            if client_done.is_none()
                && let Poll::Ready(outcome) = client.as_mut().poll(&mut context)
            {
                client_done = Some(outcome.unwrap());
            }
            if server_done.is_none()
                && let Poll::Ready(outcome) = server.as_mut().poll(&mut context)
            {
                server_done = Some(outcome.unwrap());
            }
        }
        if client_done.is_some() && server_done.is_some() {
            assert!(polls >= 2, "it never waited");
            return;
        }
    }
    panic!("the handshake does not end");
}

/// A timer that fires at once, over and over, in the middle of reads, writes, flushes and the end: no byte is lost.
fn dropped_in_each_phase() {
    block_on(async {
        let (mut client, mut server) = memory_pair(100).await;
        let bytes = pattern(60_000, 9);
        let write = async {
            let mut sent = 0;
            let mut dropped = 0;
            while sent < bytes.len() {
                tokio::select! {
                    biased;
                    count = client.write(&bytes[sent..]) => sent += count.unwrap(),
                    () = tokio::task::yield_now() => dropped += 1,
                }
            }
            loop {
                tokio::select! {
                    biased;
                    done = client.flush() => break done.unwrap(),
                    () = tokio::task::yield_now() => dropped += 1,
                }
            }
            loop {
                tokio::select! {
                    biased;
                    done = client.shutdown() => break done.unwrap(),
                    () = tokio::task::yield_now() => dropped += 1,
                }
            }
            dropped
        };
        let read = async {
            let mut received = Vec::new();
            let mut dropped = 0;
            loop {
                let mut chunk = [0; 700];
                tokio::select! {
                    biased;
                    count = server.read(&mut chunk) => match count.unwrap() {
                        0 => break,
                        count => received.extend_from_slice(&chunk[..count]),
                    },
                    () = tokio::task::yield_now() => dropped += 1,
                }
            }
            (received, dropped)
        };
        let (writes, (received, reads)) = tokio::join!(write, read);
        assert!(received == bytes, "bytes were lost or sent twice");
        assert!(writes > 10 && reads > 10, "nothing was dropped: {writes}, {reads}");
    });
}

fn deadline_of_a_handshake() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    let brief = Duration::from_millis(30);
    block_on(async {
        let (a, _silent) = tokio::io::duplex(1 << 16);
        let configured = connector.configure(NAME).unwrap().deadline(Instant::now() + brief);
        let failed = dlssl_tokio::connect_with(configured, a).await.unwrap_err();
        assert_eq!(failed.error().kind(), ErrorKind::TimedOut, "{failed}");
        assert!(failed.into_inner().is_some());
        let (_silent, b) = tokio::io::duplex(1 << 16);
        let limits = Timeouts::new().handshake(brief);
        let failed = dlssl_tokio::accept_with(acceptor.configure().unwrap().timeouts(limits), b).await.unwrap_err();
        assert_eq!(io::Error::from(failed).kind(), IoKind::TimedOut);
    });
}

/// Programs test their limits on tokio's clock, which goes on by itself when everybody waits.
fn handshake_on_a_clock_of_tests() {
    let connector = connector().build().unwrap();
    block_on(async {
        tokio::time::pause();
        let limit = PATIENCE / 2;
        let (begun, begun_on_the_wall) = (tokio::time::Instant::now(), Instant::now());
        let (a, _silent) = tokio::io::duplex(1 << 16);
        let configured = connector.configure(NAME).unwrap().timeouts(Timeouts::new().handshake(limit));
        let failed = dlssl_tokio::connect_with(configured, AskedSeldom(a, 0)).await.unwrap_err();
        assert_eq!(failed.error().kind(), ErrorKind::TimedOut, "{failed}");
        assert!(begun.elapsed() >= limit - begun_on_the_wall.elapsed());
    });
}

/// Is not asked over and over while there is nothing to be had.
struct AskedSeldom(DuplexStream, usize);

impl AsyncRead for AskedSeldom {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.1 += 1;
        assert!(self.1 < 100, "it spins");
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for AskedSeldom {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

fn deadline_of_a_stream() {
    block_on(async {
        let (mut client, mut server) = memory_pair(2000).await;
        let brief = || Some(Instant::now() + Duration::from_millis(30));
        client.set_deadline(brief());
        assert_eq!(client.read_u8().await.unwrap_err().kind(), IoKind::TimedOut);
        client.set_deadline(brief());
        let error = loop {
            if let Err(error) = client.write_all(&[1; 1000]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), IoKind::TimedOut);
        client.set_deadline(brief());
        assert_eq!(client.shutdown().await.unwrap_err().kind(), IoKind::TimedOut);
        // Usable with another, and with none.
        client.set_deadline(Some(Instant::now() + Duration::from_secs(60)));
        let drain = async { tokio::io::copy(&mut server, &mut tokio::io::sink()).await.unwrap() };
        let (closed, sent) = tokio::join!(client.shutdown(), drain);
        closed.unwrap();
        assert!(sent >= 1000);
        client.set_deadline(None);
        server.shutdown().await.unwrap();
        assert_eq!(client.read(&mut [0; 9]).await.unwrap(), 0);
    });
}

/// A server that has to think about a client's first message is asked again, and does not keep the thread busy until then.
fn suspended() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let answers = move |_: &dlssl::ClientHello<'_>| match count.fetch_add(1, Ordering::SeqCst) {
        0..3 => dlssl::HelloAnswer::Wait,
        _ => dlssl::HelloAnswer::GoOn,
    };
    let acceptor = acceptor().client_hello_with(answers).build().unwrap();
    let connector = connector().build().unwrap();
    block_on(async {
        let (mut client, mut server) = shake(&connector, &acceptor, tokio::io::duplex(1 << 16)).await;
        server.write_u8(1).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), 1);
    });
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}
