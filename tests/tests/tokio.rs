//! Streams for tokio: handshakes, bytes both ways, ends, deadlines, dropped futures, reloads and forks.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{self, ErrorKind as IoKind, IoSlice, Read, Write};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dlssl::{Connector, Error, ErrorKind, Protocol, Slot};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{library, loader};
use dlssl_tests::pki::{Authority, NAME, Pki};
use dlssl_tests::talk::{acceptor, connector, pattern, protocols, shake as shake_blocking};
use dlssl_tests::tasks::{Ends, block_on, memory_pair, shake, tcp_pair, tls_over};
use dlssl_tests::wire;
use dlssl_tokio::TlsStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

fn main() -> ExitCode {
    run(vec![
        test("handshake_and_what_is_known_then", handshake),
        test("refused_certificate_gives_the_stream_back", refused),
        test("echo_of_a_megabyte", echo),
        test("both_directions_full", both_directions_full),
        test("vectored_writes_make_one_record", vectored),
        test("half_close", half_close),
        test("shutdown_closes_the_inner_stream_for_writing", shutdown),
        test("close_leaves_the_inner_stream_open", close),
        test("into_inner_with_unsent_bytes", into_inner_unsent),
        test("ends_are_those_of_the_blocking_stream", ends),
        test("rubbish", rubbish),
        test("what_was_sent_ahead_of_tls_is_no_tls", ahead),
        test("would_block_instead_of_pending", would_block),
        test("panic_of_the_inner_stream", panic_comes_out),
        test("tls_in_tls", tls_in_tls),
        test("many_connections", many_connections),
        test("reload", reload),
        test("inherited", inherited).needs_linux(),
    ])
}

/// What tasks on several threads need.
fn is_send<T: Send>(value: T) -> T {
    value
}

/// Our error inside an `io::Error`.
fn inside(error: &io::Error) -> Option<ErrorKind> {
    Some(error.get_ref()?.downcast_ref::<Error>()?.kind())
}

fn handshake() {
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).alpn(["h2", "http/1.1"]).build().unwrap();
        let acceptor = acceptor().alpn(["http/1.1"]).build().unwrap();
        block_on(async {
            let (a, b) = tcp_pair().await;
            let address = a.local_addr().unwrap();
            let client = is_send(dlssl_tokio::connect(&connector, NAME, a));
            let server = is_send(dlssl_tokio::accept(&acceptor, b));
            let (client, server) = tokio::join!(client, server);
            let (client, server) = (is_send(client.unwrap()), is_send(server.unwrap()));
            assert_eq!(client.get_ref().protocol(), Some(protocol));
            assert_eq!(client.get_ref().alpn(), Some(&b"http/1.1"[..]));
            assert_eq!(client.get_ref().peer_certificate_der().unwrap(), Pki::shared().server.der);
            assert_eq!(server.get_ref().server_name(), Some(NAME));
            assert_eq!(server.get_ref().library().version_text(), library().version_text());
            assert_eq!(client.inner().local_addr().unwrap(), address);
            assert!(format!("{client:?}").contains("cipher"));
        });
    }
}

fn refused() {
    let strangers = Connector::builder(library()).roots(Authority::new("a stranger").roots()).build().unwrap();
    let acceptor = acceptor().build().unwrap();
    block_on(async {
        let (a, b) = tcp_pair().await;
        let port = a.local_addr().unwrap();
        let client = async {
            let failed = dlssl_tokio::connect(&strangers, NAME, a).await.unwrap_err();
            assert_eq!(failed.error().kind(), ErrorKind::Certificate, "{failed}");
            assert!(failed.error().verify().is_some());
            let socket = failed.into_inner().unwrap();
            assert_eq!(socket.local_addr().unwrap(), port);
        };
        let server = async {
            // TLS 1.3: done before the client has refused.
            match dlssl_tokio::accept(&acceptor, b).await {
                Ok(mut tls) => tls.read_u8().await.unwrap_err(),
                Err(failed) => io::Error::from(failed),
            }
        };
        let ((), server) = tokio::join!(client, server);
        assert!(inside(&server).is_some(), "{server}");
        let error = dlssl_tokio::connect(&strangers, "not a name", tcp_pair().await.0).await.unwrap_err();
        assert_eq!(error.error().kind(), ErrorKind::InvalidName);
        assert!(error.into_inner().is_some());
    });
}

/// Sends bytes, has them sent back, and ends both ways.
async fn echo_over<S>((client, server): Ends<S>, bytes: &[u8])
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, mut writer) = tokio::io::split(client);
    let server = async {
        let (mut reader, mut writer) = tokio::io::split(server);
        tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let send = async {
        writer.write_all(bytes).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let receive = async {
        let mut back = Vec::new();
        reader.read_to_end(&mut back).await.unwrap();
        assert!(back == bytes, "the echo is another");
    };
    tokio::join!(server, send, receive);
}

fn echo() {
    let bytes = pattern(1 << 20, 1);
    for protocol in protocols() {
        let connector = connector().max_protocol(protocol).build().unwrap();
        let acceptor = acceptor().build().unwrap();
        block_on(async {
            for room in [97, 5000, 1 << 20] {
                echo_over(shake(&connector, &acceptor, tokio::io::duplex(room)).await, &bytes[..room.max(50_000)])
                    .await;
            }
            echo_over(shake(&connector, &acceptor, tcp_pair().await).await, &bytes).await;
            #[cfg(unix)]
            {
                let ends = tokio::net::UnixStream::pair().unwrap();
                echo_over(shake(&connector, &acceptor, ends).await, &bytes).await;
            }
        });
    }
}

/// Four tasks, each of which only reads or only writes, over a way on which nearly nothing fits: a reader has to send what a
/// writer left over, and must not keep the writer from being woken.
fn both_directions_full() {
    let bytes = Arc::new([pattern(300_000, 1), pattern(300_000, 2)]);
    block_on(async {
        let (client, server) = memory_pair(64).await;
        let mut tasks = tokio::task::JoinSet::new();
        for (own, tls) in [client, server].into_iter().enumerate() {
            let (mut reader, mut writer) = tokio::io::split(tls);
            let sent = Arc::clone(&bytes);
            tasks.spawn(async move {
                writer.write_all(&sent[own]).await.unwrap();
                writer.shutdown().await.unwrap();
            });
            let wanted = Arc::clone(&bytes);
            tasks.spawn(async move {
                let mut received = Vec::new();
                reader.read_to_end(&mut received).await.unwrap();
                assert!(received == wanted[1 - own]);
            });
        }
        tasks.join_all().await;
    });
}

fn vectored() {
    block_on(async {
        let (mut client, mut server) = memory_pair(1 << 16).await;
        assert!(client.is_write_vectored());
        let parts = [&b"one, "[..], b"", b"two, ", b"three"];
        let count = client.write_vectored(&parts.map(IoSlice::new)).await.unwrap();
        client.flush().await.unwrap();
        let mut bytes = [0; 100];
        // One read gives one record.
        assert_eq!(server.read(&mut bytes).await.unwrap(), count);
        assert_eq!(&bytes[..count], parts.concat());
        // Into memory that nothing has been written to.
        client.write_all(&pattern(40_000, 3)).await.unwrap();
        let mut fresh = Vec::with_capacity(50_000);
        while fresh.len() < 40_000 {
            assert!(server.read_buf(&mut fresh).await.unwrap() > 0);
        }
        assert!(fresh == pattern(40_000, 3));
    });
}

fn half_close() {
    block_on(async {
        for (mut client, mut server) in [tls_over(tcp_pair().await).await, tls_over(tcp_pair().await).await] {
            client.shutdown().await.unwrap();
            client.shutdown().await.unwrap();
            assert_eq!(server.read(&mut [0; 9]).await.unwrap(), 0);
            server.write_all(b"but I have more").await.unwrap();
            server.shutdown().await.unwrap();
            let mut rest = String::new();
            client.read_to_string(&mut rest).await.unwrap();
            assert_eq!(rest, "but I have more");
            let error = client.write_all(b"too late").await.unwrap_err();
            assert_eq!(inside(&error), Some(ErrorKind::Closed), "{error}");
        }
    });
}

fn shutdown() {
    block_on(async {
        let (mut client, mut server) = memory_pair(1 << 16).await;
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0; 9]).await.unwrap(), 0);
        let (mut inner, received) = server.into_inner().unwrap();
        assert!(received.is_empty());
        assert_eq!(inner.read(&mut [0; 9]).await.unwrap(), 0, "the inner stream is open");
    });
}

fn close() {
    block_on(async {
        let (mut client, mut server) = memory_pair(1 << 16).await;
        server.write_all(b"unheard").await.unwrap();
        let server = async {
            assert_eq!(server.read(&mut [0; 9]).await.unwrap(), 0);
            server.close_notify().await.unwrap();
            // Plain text in one go with the alert.
            let (mut plain, received) = server.into_inner().unwrap();
            assert!(received.is_empty());
            plain.write_all(b"in the clear").await.unwrap();
            plain
        };
        let (lost, mut server) = tokio::join!(client.close(), server);
        assert_eq!(lost.unwrap(), 7);
        assert_eq!(client.close().await.unwrap(), 0);
        let (mut plain, mut received) = client.into_inner().unwrap();
        let mut rest = vec![0; 12 - received.len()];
        plain.read_exact(&mut rest).await.unwrap();
        received.extend(rest);
        assert_eq!(received, b"in the clear");
        plain.write_all(b"so am I").await.unwrap();
        let mut heard = [0; 7];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"so am I");
    });
}

fn into_inner_unsent() {
    block_on(async {
        let (mut client, mut server) = memory_pair(1000).await;
        let count = client.write(&[7; 5000]).await.unwrap();
        let error = client.into_inner().unwrap_err();
        assert!(error.to_string().contains("wait to be sent"), "{error}");
        let mut client = error.into_stream();
        let mut received = vec![0; count];
        let (flushed, read) = tokio::join!(client.flush(), server.read_exact(&mut received));
        flushed.unwrap();
        read.unwrap();
        assert_eq!(received, vec![7; count]);
        client.into_inner().unwrap();
    });
}

/// How the peer's end may look from here.
#[derive(Debug, Clone, Copy)]
enum End {
    Orderly,
    WithoutCloseNotify,
    InsideARecord,
    Rubbish,
}

/// One and the same end over a blocking stream and over tokio's, with and without tolerance.
fn ends() {
    let acceptor = acceptor().build().unwrap();
    for tolerates in [false, true] {
        let connector = connector().tolerate_missing_close_notify(tolerates).build().unwrap();
        for end in [End::Orderly, End::WithoutCloseNotify, End::InsideARecord, End::Rubbish] {
            let blocking = {
                let (client, server) = shake_blocking(&connector, &acceptor, NAME, wire::pipe());
                let (mut client, mut server) = (client.unwrap(), server.unwrap());
                server.write_all(b"last words").unwrap();
                match end {
                    End::Orderly => drop(server.shutdown().unwrap()),
                    End::WithoutCloseNotify => {}
                    End::InsideARecord => server.get_mut().write_all(&[23, 3, 3, 0, 90, 1]).unwrap(),
                    End::Rubbish => server.get_mut().write_all(b"rubbish, and then more of it").unwrap(),
                }
                drop(server);
                let mut bytes = Vec::new();
                let outcome = client.read_to_end(&mut bytes).map(drop);
                assert_eq!(bytes, b"last words");
                [outcome, client.read(&mut [0; 9]).map(drop)]
            };
            let with_tasks = block_on(async {
                let (mut client, mut server) = shake(&connector, &acceptor, tokio::io::duplex(1 << 16)).await;
                server.write_all(b"last words").await.unwrap();
                match end {
                    End::Orderly => server.close_notify().await.unwrap(),
                    End::WithoutCloseNotify => {}
                    End::InsideARecord => server.inner_mut().write_all(&[23, 3, 3, 0, 90, 1]).await.unwrap(),
                    End::Rubbish => server.inner_mut().write_all(b"rubbish, and then more of it").await.unwrap(),
                }
                drop(server);
                let mut bytes = Vec::new();
                let outcome = client.read_to_end(&mut bytes).await.map(drop);
                assert_eq!(bytes, b"last words");
                [outcome, client.read(&mut [0; 9]).await.map(drop)]
            });
            let kinds = |outcomes: [io::Result<()>; 2]| {
                outcomes.map(|outcome| outcome.map_err(|error| (error.kind(), inside(&error))))
            };
            assert_eq!(kinds(with_tasks), kinds(blocking), "{end:?}, tolerated: {tolerates}");
        }
    }
}

fn rubbish() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    block_on(async {
        let (a, mut b) = tokio::io::duplex(1 << 16);
        // As long as the record for which some versions take it, before they look at it.
        b.write_all(&b"SSH-2.0-OpenSSH_9.2\r\n".repeat(1000)).await.unwrap();
        let failed = dlssl_tokio::connect(&connector, NAME, a).await.unwrap_err();
        assert_eq!(failed.error().kind(), ErrorKind::Handshake, "{failed}");
        let (mut a, b) = tokio::io::duplex(1000);
        a.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        let failed = dlssl_tokio::accept(&acceptor, b).await.unwrap_err();
        assert_eq!(failed.error().kind(), ErrorKind::Handshake, "{failed}");
        let (a, b) = tokio::io::duplex(1000);
        drop(a);
        let failed = dlssl_tokio::accept(&acceptor, b).await.unwrap_err();
        assert_eq!(failed.error().kind(), ErrorKind::UnexpectedEof, "{failed}");
        assert_eq!(io::Error::from(failed).kind(), IoKind::UnexpectedEof);
    });
}

/// STARTTLS where somebody has put words behind the answer: who read no further than the answer gives them to TLS, which refuses
/// them, on both sides. They are never data of the connection.
fn ahead() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    // As long as the record for which some versions take it, before they look at it.
    let words = b"250 trust me, or run this\r\n".repeat(1000);
    block_on(async {
        for is_server in [false, true] {
            let (mut this, mut peer) = tokio::io::duplex(1 << 16);
            peer.write_all(b"go ahead\r\n").await.unwrap();
            peer.write_all(&words).await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n") {
                answer.push(this.read_u8().await.unwrap());
            }
            assert_eq!(answer, b"go ahead\r\n");
            let failed = if is_server {
                dlssl_tokio::accept(&acceptor, this).await.unwrap_err()
            } else {
                dlssl_tokio::connect(&connector, NAME, this).await.unwrap_err()
            };
            assert_eq!(failed.error().kind(), ErrorKind::Handshake, "{failed}");
        }
    });
}

/// A stream that takes tokio's contract lightly.
struct Careless(DuplexStream, bool);

impl AsyncRead for Careless {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.0).poll_read(context, out) {
            Poll::Pending if self.1 => Poll::Ready(Err(IoKind::WouldBlock.into())),
            outcome => outcome,
        }
    }
}

impl AsyncWrite for Careless {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if data.len() == 666 + 22 {
            std::panic::resume_unwind(Box::new("scripted"));
        }
        Pin::new(&mut self.0).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

fn would_block() {
    block_on(async {
        let (a, b) = tokio::io::duplex(1 << 16);
        let (mut client, _server) = tls_over((Careless(a, false), Careless(b, false))).await;
        client.inner_mut().1 = true;
        let error = client.read_u8().await.unwrap_err();
        assert!(error.to_string().contains("the inner stream is broken"), "{error}");
    });
}

fn panic_comes_out() {
    let acceptor = acceptor().build().unwrap();
    // So that the length of a record tells its content.
    let connector = connector().max_protocol(*protocols().last().unwrap()).build().unwrap();
    block_on(async {
        let (a, b) = tokio::io::duplex(1 << 16);
        let (mut client, _server) = shake(&connector, &acceptor, (Careless(a, false), Careless(b, false))).await;
        if client.get_ref().protocol() != Some(Protocol::Tls13) {
            return;
        }
        let outcome = tokio::spawn(async move { client.write_all(&[1; 666]).await }).await;
        let panic = outcome.unwrap_err().into_panic();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "scripted");
    });
}

fn tls_in_tls() {
    block_on(async {
        let outer = memory_pair(5000).await;
        echo_over(tls_over(outer).await, &pattern(100_000, 4)).await;
    });
}

fn many_connections() {
    const MANY: u64 = 100;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for seed in 0..MANY {
            let (connector, acceptor) = (connector.clone(), acceptor.clone());
            tasks.spawn(async move {
                let ends = shake(&connector, &acceptor, tcp_pair().await).await;
                echo_over(ends, &pattern(20_000, seed)).await;
            });
        }
        let all = tasks.join_all();
        assert_eq!(timeout(Duration::from_secs(60), all).await.unwrap().len(), MANY as usize);
    });
}

fn reload() {
    let slot = Arc::new(Slot::new(loader()));
    slot.current().unwrap();
    let pki = Pki::shared();
    let connector = Connector::following_slot(slot.clone()).roots(pki.authority.roots()).build().unwrap();
    let acceptor = dlssl::Acceptor::following_slot(slot.clone(), pki.server.identity()).build().unwrap();
    block_on(async {
        let (mut old, mut peer) = shake(&connector, &acceptor, tokio::io::duplex(1 << 16)).await;
        slot.reload().unwrap();
        let new = shake(&connector, &acceptor, tokio::io::duplex(1 << 16)).await;
        assert_ne!(old.get_ref().library().generation(), new.0.get_ref().library().generation());
        // What is open goes on where it began.
        old.write_all(b"still here").await.unwrap();
        let mut heard = [0; 10];
        peer.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"still here");
        echo_over(new, &pattern(10_000, 5)).await;
    });
}

/// In a child of a fork a stream of the parent's is an error, at once, and sends nothing.
#[cfg(target_os = "linux")]
fn inherited() {
    use dlssl_tests::forked::{Way, spawn};

    let (mut client, mut server) = block_on(memory_pair(1 << 16));
    let said = spawn(Way::Fork, || {
        let mut context = Context::from_waker(Waker::noop());
        let mut out = [0; 9];
        let mut out = ReadBuf::new(&mut out);
        let stream = &mut client;
        for outcome in [
            Pin::new(&mut *stream).poll_read(&mut context, &mut out).map_ok(|()| 0),
            Pin::new(&mut *stream).poll_write(&mut context, b"from a child"),
            Pin::new(&mut *stream).poll_flush(&mut context).map_ok(|()| 0),
            Pin::new(&mut *stream).poll_shutdown(&mut context).map_ok(|()| 0),
        ] {
            match outcome {
                Poll::Ready(Err(error)) if inside(&error) == Some(ErrorKind::Inherited) => {}
                other => return Err(format!("{other:?}")),
            }
        }
        Ok(Vec::new())
    });
    assert_eq!(said.finish(), Ok(Vec::new()));
    block_on(async {
        client.write_all(b"from the parent").await.unwrap();
        let mut heard = [0; 15];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"from the parent");
    });
}

#[cfg(not(target_os = "linux"))]
fn inherited() {}

/// The names that the signatures of this file need.
#[allow(dead_code, reason = "a check of types")]
fn types(stream: TlsStream<TcpStream>) -> impl AsyncRead + AsyncWrite + Send + Sync + Unpin {
    stream
}
