//! The listener for servers: slow, silent, hostile and many clients beside good ones, limits, and what it says of those that failed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dlssl::{Acceptor, AlpnAnswer, Connector};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::library;
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process;
use dlssl_tests::talk::{acceptor, connector};
use dlssl_tests::tasks::block_on;
use dlssl_tokio::{AcceptErrorKind, TlsListener, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

fn main() -> ExitCode {
    #[cfg(unix)]
    if process::task().as_deref() == Some("descriptors") {
        without_descriptors();
        return ExitCode::SUCCESS;
    }
    run(vec![
        test("slow_clients_hold_up_nobody", slow),
        test("a_silent_client_is_cut_off", silent),
        test("places_are_given_up_when_somebody_waits", displaced),
        test("many_good_clients_wait_for_their_turn", many),
        test("bad_clients_are_told_and_are_no_end", bad),
        test("a_panic_is_one_clients_affair", panics),
        test("dropping_it_ends_the_handshakes", dropped),
        test("an_accept_that_is_dropped_loses_nothing", impatient),
        test("without_descriptors_it_tries_again", || process::by_itself("descriptors"))
            .only_if(cfg!(unix), || "no such limit here".to_owned()),
    ])
}

/// What the listener said, as long as it takes one.
type Said = Arc<Mutex<Vec<(AcceptErrorKind, Option<SocketAddr>, String)>>>;

async fn listen(acceptor: Acceptor) -> (TlsListener, SocketAddr, Said) {
    let said = Said::default();
    let says = Arc::clone(&said);
    let tcp = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let listener = TlsListener::new(tcp, acceptor).on_failure(move |error| {
        says.lock().unwrap().push((error.kind(), error.peer(), error.to_string()));
    });
    let address = listener.local_addr().unwrap();
    (listener, address, said)
}

/// A client that shakes hands, says a line, and gets it back.
async fn good(connector: Connector, address: SocketAddr) {
    let tcp = TcpStream::connect(address).await.unwrap();
    let mut tls = dlssl_tokio::connect(&connector, NAME, tcp).await.unwrap();
    tls.write_all(b"hello").await.unwrap();
    let mut back = [0; 5];
    tls.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"hello");
    end(tls).await;
}

/// Says that it is done, and waits until the other side has said so too.
async fn end(mut tls: TlsStream<TcpStream>) {
    tls.shutdown().await.unwrap();
    assert_eq!(tls.read(&mut [0; 8]).await.unwrap(), 0);
}

/// Sends back what comes over a connection, until it ends.
async fn echo(tls: TlsStream<TcpStream>) {
    let (mut reader, mut writer) = tokio::io::split(tls);
    tokio::io::copy(&mut reader, &mut writer).await.unwrap();
    writer.shutdown().await.unwrap();
}

/// Serves the next of the listener's.
async fn serve_next(listener: &mut TlsListener) -> SocketAddr {
    let (tls, peer) = listener.accept().await;
    assert_eq!(tls.inner().peer_addr().unwrap(), peer);
    assert!(tls.inner().nodelay().unwrap());
    echo(tls).await;
    peer
}

/// A client that connects and says nothing.
async fn mute(address: SocketAddr) -> (TcpStream, SocketAddr) {
    let tcp = TcpStream::connect(address).await.unwrap();
    let own = tcp.local_addr().unwrap();
    (tcp, own)
}

fn slow() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    block_on(async {
        let (mut listener, address, said) = listen(acceptor).await;
        let mut slow = Vec::new();
        for count in 0..40 {
            let (mut tcp, _) = mute(address).await;
            // Half of them say a little: the beginning of a record of 512 bytes.
            if count % 2 == 0 {
                tcp.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
            }
            slow.push(tcp);
        }
        for _ in 0..5 {
            tokio::join!(serve_next(&mut listener), good(connector.clone(), address));
        }
        assert!(said.lock().unwrap().is_empty(), "{said:?}");
        assert!(format!("{listener:?}").contains("handshakes: 40"), "{listener:?}");
        // One of those that are slow gets there all the same.
        let late = async {
            let tcp = slow.swap_remove(1);
            end(dlssl_tokio::connect(&connector, NAME, tcp).await.unwrap()).await;
        };
        tokio::join!(serve_next(&mut listener), late);
    });
}

fn silent() {
    const LIMIT: Duration = Duration::from_millis(300);
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    block_on(async {
        let (listener, address, said) = listen(acceptor).await;
        let mut listener = listener.handshake_limit(LIMIT);
        let (mut tcp, own) = mute(address).await;
        let start = Instant::now();
        assert!(timeout(2 * LIMIT, listener.accept()).await.is_err());
        // The other side sees an end, and not before its time.
        assert!(matches!(tcp.read(&mut [0; 8]).await, Ok(0) | Err(_)));
        assert!(start.elapsed() >= LIMIT);
        {
            let said = said.lock().unwrap();
            let [(kind, peer, text)] = &said[..] else { panic!("{said:?}") };
            assert_eq!((*kind, *peer), (AcceptErrorKind::TimedOut, Some(own)));
            assert_eq!(*text, format!("{own}: the handshake has not ended within 300ms"));
        }
        // The limit is the handshake's alone.
        let patient = async {
            let tcp = TcpStream::connect(address).await.unwrap();
            let mut tls = dlssl_tokio::connect(&connector, NAME, tcp).await.unwrap();
            sleep(2 * LIMIT).await;
            tls.write_all(b"late").await.unwrap();
            tls.shutdown().await.unwrap();
            let mut back = Vec::new();
            tls.read_to_end(&mut back).await.unwrap();
            assert_eq!(back, b"late");
        };
        tokio::join!(serve_next(&mut listener), patient);
        assert_eq!(said.lock().unwrap().len(), 1);
    });
}

fn displaced() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    block_on(async {
        let (listener, address, said) = listen(acceptor).await;
        let mut listener = listener.most_handshakes(2).handshake_limit(Duration::from_secs(3600));
        let first = mute(address).await;
        let second = mute(address).await;
        // All places are taken, and nobody waits: they keep them.
        assert!(timeout(Duration::from_millis(1200), listener.accept()).await.is_err());
        assert!(said.lock().unwrap().is_empty(), "{said:?}");
        let start = Instant::now();
        tokio::join!(serve_next(&mut listener), good(connector.clone(), address));
        assert!(start.elapsed() < Duration::from_secs(1), "it waited for somebody who had had his time");
        let taken =
            |said: &Said| said.lock().unwrap().iter().map(|(kind, peer, _)| (*kind, peer.unwrap())).collect::<Vec<_>>();
        assert_eq!(taken(&said), [(AcceptErrorKind::Displaced, first.1)]);

        // Two more that say nothing: the older one goes. Then both are new, and keep their places for a while.
        let third = mute(address).await;
        let fourth = mute(address).await;
        let start = Instant::now();
        let (peer, ()) = tokio::join!(serve_next(&mut listener), good(connector, address));
        assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
        let gone = [first.1, second.1, third.1];
        assert_eq!(taken(&said), gone.map(|peer| (AcceptErrorKind::Displaced, peer)));
        assert!(![first.1, second.1, third.1, fourth.1].contains(&peer));
        for (mut tcp, _) in [first, second, third] {
            assert!(matches!(tcp.read(&mut [0; 8]).await, Ok(0) | Err(_)));
        }
        let mut fourth = fourth.0;
        assert!(timeout(Duration::from_millis(100), fourth.read(&mut [0; 8])).await.is_err());
    });
}

fn many() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    block_on(async {
        let (listener, address, said) = listen(acceptor).await;
        let mut listener = listener.most_handshakes(2);
        let clients: Vec<_> = (0..30).map(|_| tokio::spawn(good(connector.clone(), address))).collect();
        for _ in 0..clients.len() {
            let (tls, _) = listener.accept().await;
            tokio::spawn(echo(tls));
        }
        for client in clients {
            client.await.unwrap();
        }
        assert!(said.lock().unwrap().is_empty(), "{said:?}");
    });
}

fn bad() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    block_on(async {
        let (mut listener, address, said) = listen(acceptor).await;
        let (mut plain, plain_address) = mute(address).await;
        plain.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
        let (gone, gone_address) = mute(address).await;
        drop(gone);
        tokio::join!(serve_next(&mut listener), good(connector.clone(), address));
        // Both have ended for certain when nothing comes for a while.
        let _ = timeout(Duration::from_millis(300), listener.accept()).await;
        let said = said.lock().unwrap();
        assert_eq!(said.len(), 2, "{said:?}");
        for peer in [plain_address, gone_address] {
            let (kind, _, text) = said.iter().find(|(_, other, _)| *other == Some(peer)).unwrap();
            assert_eq!(*kind, AcceptErrorKind::Handshake);
            assert!(text.starts_with(&format!("{peer}: ")), "{text}");
        }
    });
}

fn panics() {
    let connector = connector().alpn(["x"]).build().unwrap();
    let acceptor = Acceptor::builder(library(), Pki::shared().server.identity())
        .alpn_with(|offered| {
            assert!(offered != [b"x"], "what the program says of x");
            AlpnAnswer::Nothing
        })
        .build()
        .unwrap();
    let without = dlssl_tests::talk::connector().build().unwrap();
    block_on(async {
        let (mut listener, address, said) = listen(acceptor).await;
        let (tcp, own) = mute(address).await;
        let bad = async {
            assert!(dlssl_tokio::connect(&connector, NAME, tcp).await.is_err());
            good(without, address).await;
        };
        tokio::join!(serve_next(&mut listener), bad);
        let said = said.lock().unwrap();
        let [(kind, peer, _)] = &said[..] else { panic!("{said:?}") };
        assert_eq!((*kind, *peer), (AcceptErrorKind::Panicked, Some(own)));
    });
}

fn dropped() {
    let acceptor = acceptor().build().unwrap();
    block_on(async {
        let (mut listener, address, _) = listen(acceptor).await;
        let (mut tcp, _) = mute(address).await;
        assert!(timeout(Duration::from_millis(100), listener.accept()).await.is_err());
        assert!(timeout(Duration::from_millis(100), tcp.read(&mut [0; 8])).await.is_err());
        drop(listener);
        assert!(matches!(tcp.read(&mut [0; 8]).await, Ok(0) | Err(_)));
    });
}

fn impatient() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    block_on(async {
        let (mut listener, address, said) = listen(acceptor).await;
        let clients: Vec<_> = (0..10).map(|_| tokio::spawn(good(connector.clone(), address))).collect();
        let mut served = 0;
        while served < clients.len() {
            if let Ok((tls, _)) = timeout(Duration::from_micros(50), listener.accept()).await {
                tokio::spawn(echo(tls));
                served += 1;
            }
        }
        for client in clients {
            client.await.unwrap();
        }
        assert!(said.lock().unwrap().is_empty(), "{said:?}");
    });
}

/// No descriptor is left for what the system has to accept; then there are some again.
#[cfg(unix)]
fn without_descriptors() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    block_on(async {
        let (mut listener, address, said) = listen(acceptor).await;
        let (tcp, _) = mute(address).await;
        // SAFETY: a plain structure for the call to fill, and then to read.
        unsafe {
            let mut limit: libc::rlimit = std::mem::zeroed();
            assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
            limit.rlim_cur = 100;
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
        }
        let mut all = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            all.push(file);
        }
        assert!(timeout(Duration::from_millis(350), listener.accept()).await.is_err());
        {
            let said = said.lock().unwrap();
            // It has looked a few times, and not all the time.
            assert!((2..=4).contains(&said.len()), "{said:?}");
            for (kind, peer, text) in said.iter() {
                assert_eq!((*kind, *peer), (AcceptErrorKind::Listener, None));
                assert!(text.starts_with("the listener has no connection: "), "{text}");
            }
        }
        drop(all);
        let client = async {
            end(dlssl_tokio::connect(&connector, NAME, tcp).await.unwrap()).await;
        };
        tokio::join!(serve_next(&mut listener), client);
    });
}
