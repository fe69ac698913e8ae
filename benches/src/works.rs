//! The works that are timed, and the same works for those who count.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use crate::clock::OwnTime;
use crate::peer::{Peer, Shared, Stream, on_sockets};
use crate::transport::Socket;

/// Bytes of one full record.
pub const RECORD: usize = 16 * 1024;
/// Messages that go one way before they are read, on one thread.
const BATCH: usize = 64;
/// Full records of a batch: what a socket takes without waiting.
const RECORD_BATCH: usize = 8;

/// What the ends are connected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Queues in memory, one thread.
    Memory,
    /// A socketpair.
    Unix,
    /// TCP on the loopback.
    Tcp,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Full records from one thread to another; in memory on one thread.
    Bulk,
    /// Full records, eight at a time, on one thread.
    Batches,
    /// Writes of this many bytes each, 64 at a time, on one thread.
    Small(usize),
    /// One byte to and fro, on one thread.
    PingPong,
    /// Handshakes, one byte each way and the client's close, on one thread.
    Handshake {
        /// With an earlier session.
        resume: bool,
    },
}

/// One work.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Its name.
    pub name: &'static str,
    /// What is done.
    pub kind: Kind,
    /// What it is done over.
    pub over: Over,
    /// How often for a first guess.
    pub guess: usize,
}

/// All of them, in the order of the tables.
pub const ALL: [Work; 14] = [
    Work { name: "bulk, in memory", kind: Kind::Bulk, over: Over::Memory, guess: 500 },
    Work { name: "bulk, socketpair", kind: Kind::Bulk, over: Over::Unix, guess: 500 },
    Work { name: "bulk, socketpair, one thread", kind: Kind::Batches, over: Over::Unix, guess: 400 },
    Work { name: "bulk, TCP", kind: Kind::Bulk, over: Over::Tcp, guess: 500 },
    Work { name: "bulk, TCP, one thread", kind: Kind::Batches, over: Over::Tcp, guess: 400 },
    Work { name: "writes of 1 B, socketpair", kind: Kind::Small(1), over: Over::Unix, guess: 1024 },
    Work { name: "writes of 64 B, socketpair", kind: Kind::Small(64), over: Over::Unix, guess: 1024 },
    Work { name: "writes of 1 KiB, socketpair", kind: Kind::Small(1024), over: Over::Unix, guess: 1024 },
    Work { name: "ping-pong of 1 B, in memory", kind: Kind::PingPong, over: Over::Memory, guess: 1000 },
    Work { name: "ping-pong of 1 B, socketpair", kind: Kind::PingPong, over: Over::Unix, guess: 1000 },
    Work { name: "full handshakes, in memory", kind: Kind::Handshake { resume: false }, over: Over::Memory, guess: 10 },
    Work { name: "full handshakes, socketpair", kind: Kind::Handshake { resume: false }, over: Over::Unix, guess: 10 },
    Work {
        name: "resumed handshakes, in memory",
        kind: Kind::Handshake { resume: true },
        over: Over::Memory,
        guess: 20,
    },
    Work {
        name: "resumed handshakes, socketpair",
        kind: Kind::Handshake { resume: true },
        over: Over::Unix,
        guess: 20,
    },
];

impl Work {
    /// The work of that name.
    pub fn named(name: &str) -> Option<Work> {
        ALL.into_iter().find(|work| work.name == name)
    }

    /// Does it this many times with a new pair of ends; the time of what is measured. `None` where the peer cannot.
    pub fn run(&self, peer: &dyn Peer, times: usize) -> Option<Duration> {
        if let Kind::Handshake { resume } = self.kind {
            return handshakes(peer, self.over, resume, times);
        }
        if self.over == Over::Memory {
            let (mut client, mut server) = peer.in_memory(false)?;
            return Some(self.steady(&mut *client, &mut *server, times));
        }
        let (mut client, mut server) = on_sockets(peer, self.sockets(), false);
        if self.kind == Kind::Bulk {
            settle(&mut *client, &mut *server);
            return Some(streamed((client, server), times));
        }
        Some(self.steady(&mut *client, &mut *server, times))
    }

    fn sockets(&self) -> (Socket, Socket) {
        if self.over == Over::Tcp { Socket::tcp_pair() } else { Socket::unix_pair() }
    }

    fn steady(&self, client: &mut dyn Stream, server: &mut dyn Stream, times: usize) -> Duration {
        settle(client, server);
        let start = OwnTime::now();
        match self.kind {
            Kind::Bulk => messages(client, server, RECORD, 1, times),
            Kind::Batches => messages(client, server, RECORD, RECORD_BATCH, times),
            Kind::Small(size) => messages(client, server, size, BATCH, times),
            Kind::PingPong => ping_pong(client, server, times),
            Kind::Handshake { .. } => {}
        }
        start.elapsed()
    }
}

/// A byte each way: what comes after the handshake is then behind us.
pub fn settle(client: &mut dyn Stream, server: &mut dyn Stream) {
    ping_pong(server, client, 2);
}

/// Writes messages from one end to the other, `batch` at a time.
fn messages(from: &mut dyn Stream, to: &mut dyn Stream, size: usize, batch: usize, times: usize) {
    let message = vec![0x5a; size];
    let mut received = vec![0; size];
    let mut left = times;
    while left > 0 {
        let now = left.min(batch);
        for _ in 0..now {
            from.write_all(&message).expect("an open connection");
        }
        for _ in 0..now {
            read_exact(to, &mut received);
        }
        left -= now;
    }
    assert!(received == message, "bytes arrived changed");
}

/// One byte to and fro.
pub fn ping_pong(a: &mut dyn Stream, b: &mut dyn Stream, times: usize) {
    let mut byte = [0];
    for _ in 0..times {
        a.write_all(b"?").expect("an open connection");
        read_exact(b, &mut byte);
        b.write_all(b"!").expect("an open connection");
        read_exact(a, &mut byte);
    }
}

/// Fills a buffer. Like the trait's, but a record without data for us may end a read in memory.
pub fn read_exact(from: &mut dyn Stream, out: &mut [u8]) {
    let mut done = 0;
    let mut idle = 0;
    while done < out.len() {
        match from.read(&mut out[done..]) {
            Ok(0) => panic!("the connection ended"),
            Ok(count) => done += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock && idle < 10 => idle += 1,
            Err(error) => panic!("a read failed: {error}"),
        }
    }
}

fn streamed((mut client, mut server): Shared, times: usize) -> Duration {
    let message = vec![0x5a; RECORD];
    let mut received = vec![0; RECORD];
    std::thread::scope(|scope| {
        let start = Instant::now();
        scope.spawn(move || {
            for _ in 0..times {
                client.write_all(&message).expect("an open connection");
            }
            client
        });
        for _ in 0..times {
            server.read_exact(&mut received).expect("an open connection");
        }
        start.elapsed()
    })
}

fn handshakes(peer: &dyn Peer, over: Over, resume: bool, times: usize) -> Option<Duration> {
    let one = || -> Option<bool> {
        if over == Over::Memory {
            let (mut client, mut server) = peer.in_memory(resume)?;
            ping_pong(&mut *server, &mut *client, 1);
            client.close();
            return Some(client.resumed());
        }
        let (mut client, mut server) = on_sockets(peer, Socket::unix_pair(), resume);
        ping_pong(&mut *server, &mut *client, 1);
        client.close();
        Some(client.resumed())
    };
    // With no session to begin with, the first is a full one.
    one()?;
    let start = OwnTime::now();
    for _ in 0..times {
        assert_eq!(one()?, resume, "{}: resumed or not", peer.name());
    }
    Some(start.elapsed())
}

/// The same works between two marks, for a tracer. A function of its own, since callgrind is told its name.
#[inline(never)]
pub fn counted(peer: &dyn Peer, work: &Work, times: usize) -> bool {
    if let Kind::Handshake { resume } = work.kind {
        if work.over == Over::Memory {
            return handshakes(peer, work.over, resume, times).is_some();
        }
        // The first of a process reads files too (the time zone), and has no session to resume.
        blocking_handshake(peer, resume, || {});
        assert_eq!(blocking_handshake(peer, resume, mark), resume, "{}: resumed or not", peer.name());
        return true;
    }
    if work.over == Over::Memory {
        let Some((mut client, mut server)) = peer.in_memory(false) else { return false };
        work.steady(&mut *client, &mut *server, times);
        return true;
    }
    let (mut client, mut server) = on_sockets(peer, work.sockets(), false);
    settle(&mut *client, &mut *server);
    mark();
    match work.kind {
        Kind::Small(size) => messages(&mut *client, &mut *server, size, BATCH, times),
        Kind::PingPong => ping_pong(&mut *client, &mut *server, times),
        _ => messages(&mut *client, &mut *server, RECORD, RECORD_BATCH, times),
    }
    mark();
    true
}

/// A handshake on two threads, as programs do it, and one byte from the client; whether it resumed a session.
fn blocking_handshake(peer: &dyn Peer, resume: bool, mark: impl Fn()) -> bool {
    let (a, b) = Socket::unix_pair();
    mark();
    let (mut client, mut server) = std::thread::scope(|scope| {
        let server = scope.spawn(|| peer.server(b).done());
        let client = peer.client(a, resume).done();
        (client, server.join().expect("a server that does not panic"))
    });
    client.write_all(b"!").expect("an open connection");
    read_exact(&mut *server, &mut [0]);
    mark();
    // What a client needs for the next time came after its handshake.
    server.write_all(b"?").expect("an open connection");
    read_exact(&mut *client, &mut [0]);
    client.close();
    client.resumed()
}

fn mark() {
    // SAFETY: getppid has no preconditions.
    unsafe { libc::getppid() };
}

/// Holds many pairs, each of which has exchanged `bytes` each way: resident KiB for one pair.
pub fn held(peer: &dyn Peer, pairs: usize, bytes: usize) -> f64 {
    let message = vec![0x5a; bytes];
    let mut received = vec![0; bytes];
    let mut one = || {
        let (mut client, mut server) = on_sockets(peer, Socket::unix_pair(), false);
        settle(&mut *client, &mut *server);
        client.write_all(&message).expect("an open connection");
        read_exact(&mut *server, &mut received);
        server.write_all(&message).expect("an open connection");
        read_exact(&mut *client, &mut received);
        (client, server)
    };
    // What the first few cost once and for all is not theirs.
    let mut all: Vec<Shared> = (0..50).map(|_| one()).collect();
    let before = resident();
    all.extend((0..pairs).map(|_| one()));
    let after = resident();
    drop(all);
    (after - before) / pairs as f64
}

/// Resident KiB of this process.
pub fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0)
}
