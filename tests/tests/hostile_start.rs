//! Peers that mean harm before TLS is up: certificate chains and hellos that are too long, handshakes that never end, and
//! those against `dlssl serve`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use dlssl::{Error, ErrorKind, Protocol, Roots, Timeouts};
use dlssl_tests::harness::{run, test};
use dlssl_tests::hello::Offer;
use dlssl_tests::pki::{Long, NAME, Pki};
use dlssl_tests::process::PATIENCE;
use dlssl_tests::rogue::{Plan, Rogue};
use dlssl_tests::served::Served;
use dlssl_tests::talk::{Bio, accept_by, acceptor, both, connect_by, connector, protocols, tcp_pair};

fn main() -> ExitCode {
    run(vec![
        test("a_chain_of_100", chain_of_100),
        test("a_certificate_100_times", certificate_100_times),
        test("issuers_that_look_alike", alike),
        test("a_chain_without_an_end", chain_of_megabytes),
        test("a_hello_of_any_size", hellos),
        test("a_hello_in_single_bytes", hello_in_bytes),
        test("a_peer_that_falls_silent", silent),
        test("a_peer_that_never_reads", never_reads),
        test("a_handshake_that_trickles", trickle),
        test("a_full_house_of_slow_peers", || slow_peers(&[])),
        test("a_full_house_of_slow_peers_socket_bio", || slow_peers(&["--socket-bio"])),
        test("a_client_that_says_little_for_ever", || drip(&[])),
        test("a_client_that_says_little_for_ever_socket_bio", || drip(&["--socket-bio"])),
        test("a_record_that_trickles_into_a_server", || trickling_record(&[])),
        test("a_record_that_trickles_into_a_server_socket_bio", || trickling_record(&["--socket-bio"])),
    ])
}

/// What a client of ours makes of a server that shows these certificates.
fn shown(plan: Plan, protocol: Protocol, roots: Roots) -> Result<(), Error> {
    let (client, server) = tcp_pair();
    let connector = connector().roots(roots).max_protocol(protocol).build().unwrap();
    let (outcome, _) = both(
        || connect_by(Bio::Descriptor, &connector, NAME, client).map(drop).map_err(Error::from),
        move || Rogue::server(server, protocol, plan).map(|mut rogue| rogue.drain()),
    );
    outcome
}

/// Verified, or refused as a certificate: libraries have bounds of their own.
fn chain_of_100() {
    let long = Long::of(100);
    for protocol in protocols() {
        match shown(Plan::of(&long.pair), protocol, Roots::pem(long.root_pem.clone())) {
            Ok(()) => {}
            Err(error) => {
                let kind = error.kind();
                assert!(matches!(kind, ErrorKind::Certificate | ErrorKind::Protocol | ErrorKind::Handshake), "{error}");
                assert!(!error.to_string().is_empty());
            }
        }
        // A bound of ours is one on every library.
        let (client, server) = tcp_pair();
        let strict = connector().roots(Roots::pem(long.root_pem.clone())).verify_depth(10).max_protocol(protocol);
        let strict = strict.build().unwrap();
        let plan = Plan::of(&long.pair);
        let (outcome, _) = both(
            || connect_by(Bio::Stream, &strict, NAME, client).map(drop).map_err(Error::from),
            move || Rogue::server(server, protocol, plan).map(|mut rogue| rogue.drain()),
        );
        assert_eq!(outcome.expect_err("a chain that is too long").kind(), ErrorKind::Certificate, "{protocol}");
    }
}

fn certificate_100_times() {
    for protocol in protocols() {
        let mut plan = Plan::of(&Pki::shared().server);
        let again = plan.chain[1].clone();
        plan.chain.extend((0..98).map(|_| again.clone()));
        shown(plan, protocol, Pki::shared().authority.roots()).unwrap();
    }
}

/// 100 authorities of one name and different keys: whoever tries each for each never ends.
fn alike() {
    for protocol in protocols() {
        let mut plan = Plan::of(&Long::signed_by_one_of_them());
        plan.chain.extend(Long::alike(99));
        let outcome = shown(plan, protocol, Pki::shared().authority.roots());
        assert_eq!(outcome.expect_err("a chain of strangers").kind(), ErrorKind::Certificate, "{protocol}");
    }
}

fn chain_of_megabytes() {
    for protocol in protocols() {
        let mut plan = Plan::of(&Pki::shared().server);
        let again = plan.chain[1].clone();
        plan.chain.extend((0..4000).map(|_| again.clone()));
        match shown(plan, protocol, Pki::shared().authority.roots()) {
            Ok(()) => panic!("{protocol}: two megabytes of certificates were taken"),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Handshake | ErrorKind::Protocol), "{protocol}: {error:?}");
            }
        }
    }
}

/// A server takes a hello or says what is wrong; it never waits for more than the hello.
fn hellos() {
    let acceptor = acceptor().build().unwrap();
    for bio in Bio::ALL {
        for padding in [0, 500, 15_000, 60_000] {
            let (mut client, server) = tcp_pair();
            let hello = Offer::good().padded(padding);
            let (outcome, _) = both(
                || accept_by(bio, &acceptor, server).map(drop).map_err(Error::from),
                move || {
                    // The server's flight or its alert, and then the end; it may be gone already.
                    let _ = client.write_all(&hello);
                    let _ = client.shutdown(std::net::Shutdown::Write);
                    client.read_to_end(&mut Vec::new())
                },
            );
            let error = outcome.expect_err("half a handshake");
            assert!(
                matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::Handshake | ErrorKind::Protocol),
                "{bio:?} {padding}: {error:?}"
            );
        }
    }
}

/// A record for each byte: borne or refused, but not for ever.
fn hello_in_bytes() {
    let acceptor = acceptor().build().unwrap();
    for bio in Bio::ALL {
        let (mut client, server) = tcp_pair();
        let hello = Offer::good().record();
        let records: Vec<u8> = hello[5..].iter().flat_map(|byte| [22, 3, 1, 0, 1, *byte]).collect();
        let (outcome, answer) = both(
            || accept_by(bio, &acceptor, server).map(drop).map_err(Error::from),
            move || {
                let _ = client.write_all(&records);
                let _ = client.shutdown(std::net::Shutdown::Write);
                let mut answer = Vec::new();
                let _ = client.read_to_end(&mut answer);
                answer
            },
        );
        let error = outcome.expect_err("half a handshake");
        assert!(
            matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::Handshake | ErrorKind::Protocol),
            "{bio:?}: {error:?}"
        );
        assert!(answer.is_empty() || matches!(answer[0], 21 | 22), "{bio:?}: {answer:x?}");
    }
}

const SHORT: Duration = Duration::from_millis(100);

/// After the handshake, and in the middle of a record.
fn silent() {
    for protocol in protocols() {
        for cut in [0, 3, 20] {
            let (client, server) = tcp_pair();
            let connector = connector().max_protocol(protocol).build().unwrap();
            let (error, _) = both(
                || {
                    let mut tls = connect_by(Bio::Descriptor, &connector, NAME, client).unwrap();
                    tls.set_timeouts(Timeouts::all(SHORT));
                    tls.read(&mut [0; 10]).expect_err("data")
                },
                move || {
                    let mut rogue = Rogue::server(server, protocol, Plan::of(&Pki::shared().server)).unwrap();
                    let record = rogue.seal(23, b"never whole");
                    rogue.send_raw(&record[..cut]).unwrap();
                    rogue.drain()
                },
            );
            assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "{protocol} {cut}: {error:?}");
        }
    }
}

fn never_reads() {
    for protocol in protocols() {
        let (client, server) = tcp_pair();
        let connector = connector().max_protocol(protocol).build().unwrap();
        let (sent, _rogue) = both(
            || {
                let mut tls = connect_by(Bio::Descriptor, &connector, NAME, client).unwrap();
                tls.set_timeouts(Timeouts::all(SHORT));
                let mut sent = 0;
                let error = loop {
                    match tls.write(&[7; 16_000]) {
                        Ok(n) => sent += n,
                        Err(error) => break error,
                    }
                    // What the system takes for two sockets is some megabytes.
                    assert!(sent < 64 << 20, "{protocol}: {sent} bytes for nobody");
                };
                assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "{protocol}: {error:?}");
                sent
            },
            move || Rogue::server(server, protocol, Plan::of(&Pki::shared().server)).unwrap(),
        );
        assert!(sent > 0);
    }
}

/// A byte now and then does not prolong a handshake's time.
fn trickle() {
    let acceptor = acceptor().build().unwrap();
    let (mut client, server) = tcp_pair();
    let (outcome, sent) = both(
        || {
            let configured = acceptor.configure().unwrap().timeouts(Timeouts::all(SHORT));
            // The error alone: as long as the stream lives in it, the client goes on.
            configured.accept_socket(server).map(drop).map_err(Error::from)
        },
        move || {
            let hello = Offer::good().record();
            let taken = hello.iter().take_while(|byte| {
                thread::sleep(Duration::from_millis(5));
                client.write_all(&[**byte]).is_ok()
            });
            taken.count()
        },
    );
    let error = outcome.expect_err("a handshake");
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error:?}");
    assert!(sent < Offer::good().record().len());
}

/// Sends a byte of `bytes` now and then until the other side has had enough: whether it had.
fn is_cut_off(mut socket: TcpStream, bytes: &[u8]) -> bool {
    let end = Instant::now() + PATIENCE;
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    for byte in bytes {
        match socket.read(&mut [0; 100]) {
            Ok(0) => return true,
            Err(error) if !matches!(error.kind(), std::io::ErrorKind::WouldBlock) => return true,
            _ if Instant::now() > end => return false,
            _ => {}
        }
        if socket.write_all(&[*byte]).is_err() {
            return true;
        }
    }
    false
}

fn slow(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).unwrap()
}

/// Each of them is let go after its time, and who waits behind them is served.
fn slow_peers(options: &[&str]) {
    let mut served = Served::start(&[options, &["--timeout", "0.5", "--max-connections", "4"]].concat());
    let address = served.address();
    // Of the length of a record, so that they could go on for long.
    let hello = Offer::good().padded(2000);
    thread::scope(|scope| {
        let slow: Vec<_> = (0..8).map(|_| slow(address)).collect();
        let slow: Vec<_> = slow.into_iter().map(|socket| scope.spawn(|| is_cut_off(socket, &hello))).collect();
        let socket = slow_client(address);
        let mut tls = connector().build().unwrap().connect(NAME, socket).unwrap();
        tls.write_all(b"still there").unwrap();
        let mut echo = [0; 11];
        tls.read_exact(&mut echo).unwrap();
        assert_eq!(&echo, b"still there");
        for peer in slow {
            assert!(peer.join().unwrap(), "a slow peer is still waited for: {}", served.log());
        }
    });
    assert!(served.lives());
}

fn slow_client(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn trickling_record(options: &[&str]) {
    let served = Served::start(&[options, &["--timeout", "0.5"]].concat());
    let socket = slow(served.address());
    let mut rogue = Rogue::client(socket.try_clone().unwrap(), Protocol::Tls12, Plan::default()).unwrap();
    let record = rogue.seal(23, &[7; 4000]);
    assert!(is_cut_off(socket, &record), "{}", served.log());
}

/// A whole record within each limit would keep a place for ever; who moves much stays.
fn drip(options: &[&str]) {
    let served =
        Served::start(&[options, &["--timeout", "20", "--max-time", "1.5", "--max-connections", "2"]].concat());
    let connect = || connector().build().unwrap().connect(NAME, slow_client(served.address())).unwrap();
    let (start, mut busy, mut little) = (Instant::now(), connect(), connect());
    let echo = |tls: &mut dlssl::TlsStream<TcpStream>, bytes: &[u8]| {
        tls.write_all(bytes).and_then(|()| tls.read_exact(&mut vec![0; bytes.len()]))
    };
    while echo(&mut little, b"x").is_ok() {
        echo(&mut busy, &[7; 10_000]).unwrap();
        assert!(start.elapsed() < PATIENCE, "a slow client is still waited for: {}", served.log());
        thread::sleep(Duration::from_millis(50));
    }
    assert!(start.elapsed() >= Duration::from_secs(1), "it had less than its time");
    echo(&mut busy, b"still there").unwrap();
    // Its place is free.
    echo(&mut connect(), b"welcome").unwrap();
    assert!(served.log().contains("too little to keep its place"), "{}", served.log());
}
