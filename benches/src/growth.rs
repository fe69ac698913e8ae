//! What one connection more costs when there are many, and what threads do to each other.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::clock::OwnTime;
use crate::peer::{Peer, Shared, on_sockets};
use crate::peers;
use crate::pki::Pki;
use crate::progress::Progress;
use crate::report::{self, Machine};
use crate::svg::{self, Bar};
use crate::transport::Socket;
use crate::turns::median;
use crate::works::{self, resident, settle};

/// How many pairs there are when one more is looked at; of the last, as many as the open files allow.
const PAIRS: [usize; 4] = [10, 100, 1_000, 10_000];

/// Open files that are not one end of a held pair: those of the warm ones, and of the pair that is made.
const OTHERS: usize = 2 * WARM + 20;

/// Pairs that are made before anything is counted: what the first ones cost once and for all.
const WARM: usize = 50;

/// Who grows: processes of their own, for the sake of the heap.
const GROWERS: [&str; 4] = ["rust-openssl", "rustls", "dlssl", "dlssl socket"];

/// Who runs on many threads; in memory, so the kernel does not.
const RUNNERS: [&str; 4] = ["rust-openssl", "C", "rustls", "dlssl"];

/// How long the threads run at a time.
const STRETCH: Duration = Duration::from_millis(250);

/// Options.
#[derive(clap::Args)]
pub struct Options {
    /// Rounds in which the peers take turns on threads, and repetitions of the connections.
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    #[command(flatten)]
    into: report::Into,
}

/// One more connection, when there are that many.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point {
    pairs: usize,
    /// Resident KiB for one pair.
    kib: f64,
    /// Microseconds of processor time for a full handshake, both ends.
    handshake: f64,
    /// Microseconds of processor time for one byte to and fro, each pair in its turn.
    echo: f64,
}

#[derive(Serialize)]
struct Grown {
    peer: String,
    points: Vec<Point>,
}

/// Work of so many threads together.
#[derive(Serialize)]
struct Together {
    peer: String,
    threads: usize,
    /// Round trips of 1 KiB in a second.
    echoes: f64,
    /// Full handshakes in a second.
    handshakes: f64,
}

#[derive(Serialize)]
struct Growth {
    library: String,
    machine: Machine,
    rounds: usize,
    connections: Vec<Grown>,
    threads: Vec<Together>,
}

/// Measures and writes.
pub fn run(options: &Options, folder: &Path) -> Result<(), Box<dyn Error>> {
    let library = peers::same_library(folder)?;
    let machine = report::machine();
    let most = 2 * machine.cores;
    let progress = Progress::new(GROWERS.len() + most * options.rounds * RUNNERS.len())?;
    let mut connections = Vec::new();
    for peer in GROWERS {
        progress.say("10 to 10,000 connections", peer);
        let output = Command::new(std::env::current_exe()?).arg("grow").arg(folder).arg(peer).output()?;
        if !output.status.success() {
            return Err(format!("{peer}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        connections.push(Grown { peer: peer.to_owned(), points: serde_json::from_slice(&output.stdout)? });
        progress.step();
    }
    let threads = threads(options.rounds, most, folder, &progress)?;
    progress.finish();
    let growth = Growth { library, machine, rounds: options.rounds, connections, threads };
    options.into.write("growth", &growth.markdown(), &growth, &growth.plots())
}

/// What `grow` runs: one peer's points, as JSON.
pub fn grow(folder: &Path, peer: &str, files: usize) -> Result<(), Box<dyn Error>> {
    let peers = peers::make(&[peer], &Pki::new()?, folder)?;
    println!("{}", serde_json::to_string(&points(&*peers[0], files.saturating_sub(OTHERS) / 2))?);
    Ok(())
}

fn points(peer: &dyn Peer, most: usize) -> Vec<Point> {
    let one = || {
        let (mut client, mut server) = on_sockets(peer, Socket::unix_pair(), false);
        settle(&mut *client, &mut *server);
        (client, server)
    };
    let _warm: Vec<Shared> = (0..WARM).map(|_| one()).collect();
    let before = resident();
    let mut all: Vec<Shared> = Vec::new();
    let mut points = Vec::new();
    for pairs in PAIRS.map(|pairs| pairs.min(most)) {
        let new = pairs - all.len();
        let start = OwnTime::now();
        all.extend((0..new).map(|_| one()));
        let handshake = start.elapsed().as_secs_f64() * 1e6 / new as f64;
        let kib = (resident() - before) / pairs as f64;
        let rounds = (4_000 / pairs).max(1);
        let echo = median(&[(); 3].map(|()| echo(&mut all, rounds)));
        points.push(Point { pairs, kib, handshake, echo });
    }
    points
}

/// Microseconds for one byte to and fro on each pair in turn.
fn echo(all: &mut [Shared], rounds: usize) -> f64 {
    let start = OwnTime::now();
    for _ in 0..rounds {
        for (client, server) in all.iter_mut() {
            works::ping_pong(&mut **client, &mut **server, 1);
        }
    }
    start.elapsed().as_secs_f64() * 1e6 / (rounds * all.len()) as f64
}

fn threads(rounds: usize, most: usize, folder: &Path, progress: &Progress) -> Result<Vec<Together>, Box<dyn Error>> {
    let peers = peers::make(&RUNNERS, &Pki::new()?, folder)?;
    let mut together = Vec::new();
    for threads in 1..=most {
        let mut taken = vec![(Vec::new(), Vec::new()); peers.len()];
        for round in 0..rounds {
            for turn in 0..peers.len() {
                let at = (turn + round) % peers.len();
                progress.say(&format!("{threads} threads"), peers[at].name());
                taken[at].0.push(per_second(threads, &|stop| echoes(&*peers[at], stop)));
                taken[at].1.push(per_second(threads, &|stop| handshakes(&*peers[at], stop)));
                progress.step();
            }
        }
        for (peer, (echoes, handshakes)) in peers.iter().zip(&taken) {
            let (echoes, handshakes) = (median(echoes), median(handshakes));
            together.push(Together { peer: peer.name().to_owned(), threads, echoes, handshakes });
        }
    }
    Ok(together)
}

/// Has threads do something until they are told to stop; how often they did it, together, in a second.
fn per_second(threads: usize, work: &(dyn Fn(&Signal) -> u64 + Sync)) -> f64 {
    let signal = Signal { begin: Barrier::new(threads + 1), stop: AtomicBool::new(false) };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&signal))).collect();
        signal.begin.wait();
        let start = Instant::now();
        std::thread::sleep(STRETCH);
        signal.stop.store(true, Ordering::Relaxed);
        let done: u64 = running.into_iter().map(|thread| thread.join().expect("a thread that does not panic")).sum();
        done as f64 / start.elapsed().as_secs_f64()
    })
}

struct Signal {
    begin: Barrier,
    stop: AtomicBool,
}

impl Signal {
    /// Counts how often something was done between the signals.
    fn count(&self, mut once: impl FnMut()) -> u64 {
        self.begin.wait();
        let mut done = 0;
        while !self.stop.load(Ordering::Relaxed) {
            once();
            done += 1;
        }
        done
    }
}

fn echoes(peer: &dyn Peer, signal: &Signal) -> u64 {
    let (mut client, mut server) = peer.in_memory(false).expect("a peer that works in memory");
    settle(&mut *client, &mut *server);
    let message = [0x5a; 1024];
    let mut received = [0; 1024];
    signal.count(|| {
        client.write_all(&message).expect("an open connection");
        works::read_exact(&mut *server, &mut received);
        server.write_all(&received).expect("an open connection");
        works::read_exact(&mut *client, &mut received);
    })
}

fn handshakes(peer: &dyn Peer, signal: &Signal) -> u64 {
    signal.count(|| {
        let (mut client, mut server) = peer.in_memory(false).expect("a peer that works in memory");
        works::ping_pong(&mut *server, &mut *client, 1);
        client.close();
    })
}

impl Growth {
    fn markdown(&self) -> String {
        let mut text = format!("{}; {}", self.library, self.machine.line());
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "\nOne pair (client and server on a socketpair) when so many are held, each peer in a process of its own: resident \
             KiB after one byte each way; processor time of one full handshake, and of one byte to and fro with each pair in \
             its turn.\n"
        );
        type Get = fn(&Point) -> String;
        let tables: [(&str, Get); 3] = [
            ("KiB for a pair", |point| format!("{:.1}", point.kib)),
            ("handshake", |point| format!("{:.0} µs", point.handshake)),
            ("one byte to and fro", |point| format!("{:.2} µs", point.echo)),
        ];
        let heads: Vec<String> = self.pairs().iter().map(|pairs| format!("{pairs} pairs")).collect();
        let _ = writeln!(text, "| | peer | {} |\n|---|---|{}", heads.join(" | "), "---|".repeat(PAIRS.len()));
        for (what, get) in tables {
            for grown in &self.connections {
                let cells: Vec<String> = grown.points.iter().map(get).collect();
                let _ = writeln!(text, "| {what} | {} | {} |", grown.peer, cells.join(" | "));
            }
        }
        let most = self.threads.iter().map(|together| together.threads).max().unwrap_or(1);
        let heads: Vec<String> = (1..=most).map(|threads| format!("{threads} threads")).collect();
        let _ = writeln!(
            text,
            "\nWork of so many threads together, each with connections of its own in memory and all with the same contexts, in \
             a second (÷ that of one thread): medians of {} rounds in turns.\n\n| | peer | {} |\n|---|---|{}",
            self.rounds,
            heads.join(" | "),
            "---|".repeat(most)
        );
        type Rate = fn(&Together) -> f64;
        let rates: [(&str, Rate); 2] =
            [("1 KiB to and fro", |together| together.echoes), ("full handshakes", |together| together.handshakes)];
        for (what, rate) in rates {
            for peer in RUNNERS {
                let own: Vec<f64> = self.threads.iter().filter(|row| row.peer == peer).map(rate).collect();
                let cells: Vec<String> = own.iter().map(|rate| format!("{rate:.0} ({:.2})", rate / own[0])).collect();
                let _ = writeln!(text, "| {what} | {peer} | {} |", cells.join(" | "));
            }
        }
        text
    }

    fn pairs(&self) -> Vec<usize> {
        self.connections.first().into_iter().flat_map(|grown| &grown.points).map(|point| point.pairs).collect()
    }

    fn plots(&self) -> Vec<(&'static str, String)> {
        let group = |(at, pairs): (usize, &usize)| {
            let bars = self.connections.iter().filter_map(|grown| {
                Some(Bar { label: grown.peer.clone(), value: grown.points.get(at)?.kib, range: None })
            });
            (format!("{pairs} pairs"), bars.collect())
        };
        let memory: Vec<(String, Vec<Bar>)> = self.pairs().iter().enumerate().map(group).collect();
        let most = self.threads.iter().map(|together| together.threads).max().unwrap_or(1);
        let group = |threads: usize| {
            let bars = self.threads.iter().filter(|together| together.threads == threads);
            let bars = bars.map(|row| Bar { label: row.peer.clone(), value: row.echoes / 1000.0, range: None });
            (format!("{threads} threads"), bars.collect())
        };
        let threads: Vec<(String, Vec<Bar>)> = (1..=most).map(group).collect();
        vec![
            ("growth.svg", svg::bars("Resident KiB for a pair after one byte each way", &memory)),
            (
                "threads.svg",
                svg::bars("Thousand round trips of 1 KiB in a second, in memory (longer is faster)", &threads),
            ),
        ]
    }
}
