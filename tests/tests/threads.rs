//! Many threads at once: handshakes, echo, new contexts and random bytes, on threads that come and go.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use dlssl::{Acceptor, Connector, Flavour};
use dlssl_tests::harness::{nightly, run, test};
use dlssl_tests::library::{is_openssl_from, library, loader};
use dlssl_tests::pki::NAME;
use dlssl_tests::talk::{Bio, accept_by, acceptor, both, connect_by, connector, pattern, tcp_pair};

const THREADS: usize = 64;
const PAYLOAD: usize = 20_000;

fn main() -> ExitCode {
    run(vec![
        test("handshakes_and_echo", handshakes_and_echo),
        test("random_bytes_differ", random_bytes_differ),
        test("loads_beside_contexts", loads_beside_contexts),
    ])
}

/// A fault of locking shows by chance, so chance is given more often at night.
fn rounds() -> usize {
    // Where the library has no locks of its own, or other ones than OpenSSL's, it takes luck to see a fault.
    let rare = library().flavour() == Flavour::LibreSsl || !is_openssl_from("1.1.0");
    if nightly() || rare { 100 } else { 5 }
}

fn handshakes_and_echo() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    for round in 0..rounds() {
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for number in 0..THREADS {
                let (connector, acceptor, start) = (&connector, &acceptor, &start);
                scope.spawn(move || {
                    start.wait();
                    talk(number, round, connector, acceptor);
                    queue_is_empty();
                });
            }
        });
    }
}

/// One connection; every fourth thread builds its contexts itself, while others use theirs.
fn talk(number: usize, round: usize, connector: &Connector, acceptor: &Acceptor) {
    let own = number.is_multiple_of(4).then(|| {
        let connector = dlssl_tests::talk::connector().build().unwrap();
        (connector, dlssl_tests::talk::acceptor().build().unwrap())
    });
    let (connector, acceptor) = own.as_ref().map_or((connector, acceptor), |(c, a)| (c, a));
    let bio = Bio::ALL[(number + round) % Bio::ALL.len()];
    let (a, b) = tcp_pair();
    let bytes = pattern(PAYLOAD, u64::try_from(number * 1000 + round).unwrap());
    both(
        || {
            use std::io::{Read, Write};
            let mut client = connect_by(bio, connector, NAME, a).unwrap();
            client.write_all(&bytes).unwrap();
            let mut back = vec![0; bytes.len()];
            client.read_exact(&mut back).unwrap();
            assert!(back == bytes, "thread {number}, round {round}: the echo is another");
            client.shutdown().unwrap();
            drop(client);
            queue_is_empty();
        },
        || {
            use std::io::{Read, Write};
            let mut server = accept_by(bio, acceptor, b).unwrap();
            let mut got = vec![0; PAYLOAD];
            server.read_exact(&mut got).unwrap();
            server.write_all(&got).unwrap();
            assert_eq!(server.read(&mut [0; 1]).unwrap(), 0, "no orderly end");
            drop(server);
            queue_is_empty();
        },
    );
}

fn queue_is_empty() {
    let left = library().take_errors();
    assert!(left.is_empty(), "left in the queue: {left}");
}

fn random_bytes_differ() {
    const DRAWS: usize = 50;
    let seen = Mutex::new(HashSet::new());
    for _ in 0..rounds() {
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    let mut mine = Vec::new();
                    for _ in 0..DRAWS {
                        let mut bytes = [0_u8; 32];
                        library().random(&mut bytes).unwrap();
                        mine.push(bytes);
                    }
                    queue_is_empty();
                    seen.lock().unwrap().extend(mine);
                });
            }
        });
    }
    assert_eq!(seen.into_inner().unwrap().len(), rounds() * THREADS * DRAWS);
}

/// A load of what is mapped already does nothing to the library that its users could notice.
fn loads_beside_contexts() {
    // A second initialisation of OpenSSL 1.0.2 fills tables that other threads read: two runs of three show it with so many.
    let loads = if is_openssl_from("1.1.0") { 100 } else { 3000 };
    let start = Barrier::new(4);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let context = || {
            start.wait();
            while !done.load(Ordering::Relaxed) {
                connector().build().unwrap();
                queue_is_empty();
            }
        };
        let contexts: Vec<_> = (0..3).map(|_| scope.spawn(context)).collect();
        start.wait();
        for _ in 0..loads {
            let again = loader().load();
            if contexts.iter().any(|context| context.is_finished()) {
                break;
            }
            assert_eq!(again.unwrap().mapping(), library().mapping(), "another mapping");
        }
        done.store(true, Ordering::Relaxed);
    });
}
