//! A service whose library is exchanged under it: connections that stream, and reloads that must not disturb them.
//!
//! Arguments: `stream FOLDER A B CONNECTIONS SECONDS rename|overwrite` or `reloads FOLDER A B COUNT`. `FOLDER` is a private
//! folder in which the files of `A` and of `B` take turns, by renaming as a package manager does, or written in place.
//! Prints one line of JSON.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails by panicking")]

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dlssl::{Acceptor, Connector, Isolation, Loader, Slot, Version};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process::PATIENCE;
use dlssl_tests::talk;
use serde_json::json;

const HALVES: [&str; 2] = ["libcrypto", "libssl"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match texts[..] {
        ["stream", folder, a, b, connections, seconds, way] => {
            let place = Place::new(folder, a, b, way == "overwrite");
            stream(&place, connections.parse().unwrap(), Duration::from_secs(seconds.parse().unwrap()));
        }
        ["reloads", folder, a, b, count] => reloads(&Place::new(folder, a, b, false), count.parse().unwrap()),
        _ => panic!("unknown arguments {texts:?}"),
    }
}

/// A folder in which two builds take turns.
struct Place {
    folder: PathBuf,
    builds: [PathBuf; 2],
    overwrite: bool,
}

impl Place {
    fn new(folder: &str, a: &str, b: &str, overwrite: bool) -> Self {
        let place = Self { folder: folder.into(), builds: [a.into(), b.into()], overwrite };
        place.put(0);
        place
    }

    /// Puts a build's files in the place of what is there.
    fn put(&self, which: usize) {
        let from = &self.builds[which % 2];
        for half in HALVES {
            let file = library(from, half);
            // Both builds under the names of the first, as versions of one SONAME have.
            let name = library(&self.builds[0], half).file_name().unwrap().to_owned();
            let bytes = std::fs::read(file).unwrap();
            let target = self.folder.join(name);
            if self.overwrite && target.exists() {
                let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(&target).unwrap();
                file.write_all(&bytes).unwrap();
            } else {
                let aside = target.with_extension("new");
                std::fs::write(&aside, &bytes).unwrap();
                std::fs::rename(&aside, &target).unwrap();
            }
        }
    }

    fn loader(&self) -> Loader {
        // SAFETY: the test that started this process names the builds and wants them run.
        let loader = unsafe { Loader::new().directory(&self.folder) };
        if self.overwrite { loader.isolation(Isolation::Always) } else { loader }
    }
}

fn library(folder: &Path, half: &str) -> PathBuf {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| is_half(path, half))
        .collect();
    files.sort();
    files.pop().unwrap()
}

fn is_half(path: &Path, half: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.strip_prefix(half).is_some_and(|rest| rest.starts_with(".so.")) && !path.is_symlink()
}

/// What all connections share.
struct Shared {
    acceptor: Acceptor,
    connector: Connector,
    slot: Arc<Slot>,
    /// What is sent, from some place on.
    pattern: Vec<u8>,
    stop: AtomicBool,
    bytes: AtomicU64,
    connections: AtomicU64,
    /// Connections on another version than the slot had just before and just after.
    stale: AtomicU64,
}

fn stream(place: &Place, connections: usize, time: Duration) {
    let pki = Pki::shared();
    let slot = Arc::new(Slot::new(place.loader()));
    let shared = Shared {
        acceptor: Acceptor::following_slot(slot.clone(), pki.server.identity()).build().unwrap(),
        connector: Connector::builder(&slot.current().unwrap()).roots(pki.authority.roots()).build().unwrap(),
        slot,
        pattern: talk::pattern(17 * 1024, 3),
        stop: AtomicBool::new(false),
        bytes: AtomicU64::new(0),
        connections: AtomicU64::new(0),
        stale: AtomicU64::new(0),
    };
    let mut versions = HashSet::new();
    let mut mappings = HashSet::new();
    let mut reloads = 0_usize;
    thread::scope(|scope| {
        for number in 0..connections {
            let shared = &shared;
            scope.spawn(move || keep_streaming(shared, number));
        }
        let begin = Instant::now();
        let mut next = begin;
        // As many as there should be in that time, for as long as that takes within reason.
        let wanted = (time.as_millis() / 100) as usize;
        while reloads < wanted && begin.elapsed() < 3 * time {
            next += Duration::from_millis(100);
            reloads += 1;
            place.put(reloads);
            let report = shared.slot.reload().unwrap();
            versions.insert(report.new_library().version_text().to_owned());
            mappings.insert(report.new_library().mapping());
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        shared.stop.store(true, Ordering::Relaxed);
    });
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{}",
        json!({
            "reloads": reloads,
            "versions": versions.len(),
            "mappings": mappings.len(),
            "bytes": count(&shared.bytes),
            "connections": count(&shared.connections),
            "stale": count(&shared.stale),
        })
    );
}

/// One connection after the other, each streaming for a while; any fault ends the process.
fn keep_streaming(shared: &Shared, number: usize) {
    let mut round = number;
    while !shared.stop.load(Ordering::Relaxed) {
        round += 1;
        let (client, server) = UnixStream::pair().unwrap();
        for end in [&client, &server] {
            end.set_read_timeout(Some(PATIENCE)).unwrap();
            end.set_write_timeout(Some(PATIENCE)).unwrap();
        }
        // Some go on for many reloads, some for less than one.
        let chunks = [1, 4, 40, 400][round % 4];
        thread::scope(|scope| {
            scope.spawn(|| serve(shared, server));
            let mut tls = shared.connector.connect(NAME, client).unwrap_or_else(|error| panic!("client: {error}"));
            let mut got = vec![0; 16 * 1024];
            for chunk in 0..chunks {
                let at = (chunk * 7 + round) % 256;
                let sent = &shared.pattern[at..at + 1 + (chunk * 1009 + round) % 16_000];
                tls.write_all(sent).unwrap_or_else(|error| panic!("client writes: {error}"));
                let got = &mut got[..sent.len()];
                tls.read_exact(got).unwrap_or_else(|error| panic!("client reads: {error}"));
                assert!(got == sent, "bytes were lost or changed");
                shared.bytes.fetch_add(sent.len() as u64, Ordering::Relaxed);
                // Leaves the thread that reloads some of the processor.
                thread::sleep(Duration::from_millis(50));
                if shared.stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            tls.shutdown().unwrap_or_else(|error| panic!("client shuts down: {error}"));
        });
        shared.connections.fetch_add(1, Ordering::Relaxed);
    }
}

fn serve(shared: &Shared, socket: UnixStream) {
    let version = || -> Version { shared.slot.current().unwrap().version() };
    let before = version();
    let mut tls = shared.acceptor.accept(socket).unwrap_or_else(|error| panic!("server: {error}"));
    let after = version();
    let own = tls.library().version();
    if own != before && own != after {
        shared.stale.fetch_add(1, Ordering::Relaxed);
    }
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match tls.read(&mut buffer).unwrap_or_else(|error| panic!("server reads: {error}")) {
            0 => return,
            count => tls.write_all(&buffer[..count]).unwrap_or_else(|error| panic!("server writes: {error}")),
        }
    }
}

/// Many reloads, with the files exchanged at some of them.
fn reloads(place: &Place, count: usize) {
    let slot = Slot::new(place.loader());
    slot.current().unwrap();
    let mut early = Cost::default();
    for round in 1..=count {
        if round % 10 == 0 {
            place.put(round / 10);
        }
        let report = slot.reload().unwrap();
        let mut random = [0; 16];
        report.new_library().random(&mut random).unwrap();
        if round == count / 10 {
            early = Cost::now();
        }
    }
    let late = Cost::now();
    println!(
        "{}",
        json!({
            "reloads": count,
            "descriptors": [early.descriptors, late.descriptors],
            "mapped": [early.mapped, late.mapped],
            "kib": [early.kib, late.kib],
        })
    );
}

/// What the process holds.
#[derive(Default)]
struct Cost {
    descriptors: usize,
    /// Lines of the memory map.
    mapped: usize,
    /// Resident memory.
    kib: u64,
}

impl Cost {
    fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        Self {
            descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            mapped: std::fs::read_to_string("/proc/self/maps")
                .unwrap()
                .lines()
                .filter(|line| line.contains(".so"))
                .count(),
            kib: resident.trim().trim_end_matches(" kB").parse().unwrap(),
        }
    }
}
