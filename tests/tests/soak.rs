//! Many connections that are opened, used, and cut at any moment, while the library is reloaded and the process forks:
//! memory and descriptors are back where they were.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl_tests::harness::run;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    run(on_linux::tests())
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    run(vec![dlssl_tests::harness::not_here("soak", "Linux")])
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::io::{ErrorKind as IoKind, Read, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use dlssl::{Acceptor, Connector, HandshakeError, Slot, TlsStream};
    use dlssl_tests::forked::{Way, spawn};
    use dlssl_tests::harness::{Test, nightly, test};
    use dlssl_tests::library::{Choice, choice, loader};
    use dlssl_tests::pki::{NAME, Pki};
    use dlssl_tests::talk::pattern;

    /// Connections at one time.
    const MOST: usize = 2000;
    const WORKERS: usize = 2;
    /// What may be left in memory: tables of the library that grow once, sessions that the contexts remember; where the allocator
    /// does not tell, also what it holds back.
    const LEFT_KIB: usize = if cfg!(target_env = "gnu") { 4 } else { 16 } * 1024;

    /// On the system's library, at night.
    const NIGHT: Duration = Duration::from_secs(600);

    pub(super) fn tests() -> Vec<Test> {
        // With the round before it, and the end of what is open.
        vec![test("connections_come_and_go", soak).needs_private_copies().takes(NIGHT * 5 / 4)]
    }

    type Tls = TlsStream<UnixStream>;

    fn soak() {
        let time = match (matches!(choice(), Choice::Default), nightly()) {
            (true, false) => Duration::from_secs(10),
            (false, false) => Duration::from_secs(1),
            (true, true) => NIGHT,
            (false, true) => Duration::from_secs(30),
        };
        let slot = std::sync::Arc::new(Slot::new(loader()));
        let connector = Connector::following_slot(slot.clone()).roots(Pki::shared().authority.roots()).build().unwrap();
        let acceptor = Acceptor::following_slot(slot.clone(), Pki::shared().server.identity()).build().unwrap();
        // What is made once is made.
        round(&slot, &connector, &acceptor, MOST / 10, time / 10);
        let before = State::now();
        let opened = round(&slot, &connector, &acceptor, MOST, time);
        let after = State::now();
        println!("{opened} connections; before {before:?}, after {after:?}");
        assert!(opened > 0, "no connection in {time:?}");
        assert_eq!(after.descriptors, before.descriptors, "descriptors are left open");
        assert!(after.memory < before.memory + LEFT_KIB, "{before:?} has become {after:?}");
    }

    /// Keeps up to `most` connections for a while, and then none: how many there were.
    fn round(slot: &Slot, connector: &Connector, acceptor: &Acceptor, most: usize, time: Duration) -> usize {
        let end = Instant::now() + time;
        let opened = AtomicUsize::new(0);
        thread::scope(|scope| {
            for worker in 0..WORKERS {
                let opened = &opened;
                scope.spawn(move || work(connector, acceptor, most / WORKERS, worker, end, opened));
            }
            while Instant::now() < end {
                thread::sleep(time / 8);
                slot.reload().expect("a reload");
                let child = spawn(Way::Fork, || {
                    let (mut client, mut server) = open(connector, acceptor)?;
                    exchange(&mut client, &mut server, 500)?;
                    Ok(Vec::new())
                });
                child.finish().expect("a child");
            }
        });
        opened.into_inner()
    }

    fn work(
        connector: &Connector,
        acceptor: &Acceptor,
        most: usize,
        worker: usize,
        end: Instant,
        opened: &AtomicUsize,
    ) {
        let mut places: Vec<Option<(Tls, Tls)>> = (0..most).map(|_| None).collect();
        let mut random = Random(0x9e37_79b9 + worker as u64);
        while Instant::now() < end {
            let place = &mut places[random.below(most)];
            match place {
                None => {
                    *place = Some(open(connector, acceptor).unwrap());
                    opened.fetch_add(1, Ordering::Relaxed);
                }
                Some((client, server)) => match random.below(6) {
                    0 | 1 => exchange(client, server, 1 + random.below(30_000)).unwrap(),
                    // In the middle of a record, as one of them sees it.
                    2 => {
                        let _ = client.write(&pattern(1000, 1));
                        let _ = server.get_mut().read(&mut vec![0; 1 + random.below(900)]);
                        assert!(server.read(&mut [0; 2000]).is_err(), "a record without its head");
                        *place = None;
                    }
                    // One side is gone, and the other finds out.
                    3 => {
                        let (client, mut server) = place.take().unwrap();
                        drop(client);
                        assert!(server.read(&mut [0; 10]).is_err(), "no close_notify");
                    }
                    4 => {
                        let (mut client, mut server) = place.take().unwrap();
                        client.shutdown().unwrap();
                        assert_eq!(server.read(&mut [0; 10]).unwrap(), 0);
                    }
                    _ => *place = None,
                },
            }
        }
    }

    /// A connected pair; both ends in this thread.
    fn open(connector: &Connector, acceptor: &Acceptor) -> Result<(Tls, Tls), String> {
        let (a, b) = UnixStream::pair().map_err(|error| error.to_string())?;
        for socket in [&a, &b] {
            socket.set_nonblocking(true).map_err(|error| error.to_string())?;
        }
        let (mut client, mut server) = (connector.connect_socket(NAME, a), acceptor.accept_socket(b));
        for _ in 0..100 {
            match (client, server) {
                (Ok(client), Ok(server)) => return Ok((client, server)),
                (c, s) => (client, server) = (again(c)?, again(s)?),
            }
        }
        Err("the handshake does not end".into())
    }

    type Shaken = Result<Tls, HandshakeError<UnixStream>>;

    fn again(shaken: Shaken) -> Result<Shaken, String> {
        match shaken {
            Err(HandshakeError::Blocked(paused)) => Ok(paused.resume()),
            Err(error) => Err(error.to_string()),
            Ok(tls) => Ok(Ok(tls)),
        }
    }

    /// There and back.
    fn exchange(client: &mut Tls, server: &mut Tls, len: usize) -> Result<(), String> {
        let sent = pattern(len, len as u64);
        carry(client, server, &sent)?;
        carry(server, client, &sent)
    }

    fn carry(from: &mut Tls, to: &mut Tls, sent: &[u8]) -> Result<(), String> {
        let (mut at, mut received, mut buf) = (0, Vec::new(), [0; 8192]);
        for _ in 0..10_000 {
            if at < sent.len() {
                at += now(from.write(&sent[at..]))?;
            } else {
                now(from.flush().map(|()| 0))?;
            }
            let count = now(to.read(&mut buf))?;
            received.extend_from_slice(&buf[..count]);
            if received.len() == sent.len() {
                return if received == sent { Ok(()) } else { Err("other bytes".into()) };
            }
        }
        Err("no end in sight".into())
    }

    fn now(outcome: std::io::Result<usize>) -> Result<usize, String> {
        match outcome {
            Err(error) if error.kind() == IoKind::WouldBlock => Ok(0),
            outcome => outcome.map_err(|error| error.to_string()),
        }
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 33) as usize % end
        }
    }

    #[derive(Debug)]
    struct State {
        descriptors: usize,
        /// In KiB.
        memory: usize,
    }

    impl State {
        fn now() -> Self {
            State { descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(), memory: in_use() / 1024 }
        }
    }

    /// Bytes that are in use. glibc keeps up to 20 MiB of the heaps of threads that have ended, by chance: so it is asked.
    #[cfg(target_env = "gnu")]
    fn in_use() -> usize {
        // SAFETY: counts, and changes nothing.
        let info = unsafe { libc::mallinfo2() };
        info.uordblks + info.hblkhd
    }

    /// Bytes that are resident.
    #[cfg(not(target_env = "gnu"))]
    fn in_use() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        1024 * line.split_whitespace().next().unwrap().parse::<usize>().unwrap()
    }
}
