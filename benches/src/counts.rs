//! Exact counts: the work is done by a process of its own under a tracer.
//!
//! System calls by strace between two marks; instructions by callgrind and allocations by memcheck as the difference
//! between N and 2 N times, so that loading and handshaking are not in them. Instructions are collected only inside
//! `works::counted`: the certificates are made with random numbers that aws-lc gathers from the clock, never in the same
//! number of instructions.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::progress::Progress;
use crate::works::Work;

/// One peer's counts of one work, for one of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Count {
    /// Name of the work.
    pub work: String,
    /// Name of the peer.
    pub peer: String,
    /// Calls that move bytes, both sides.
    pub calls: Option<f64>,
    /// Instructions of user space, both sides.
    pub instructions: Option<f64>,
    /// Allocations, both sides, whoever made them.
    pub allocations: Option<f64>,
    /// Bytes of these.
    pub allocated: Option<f64>,
}

/// What moves bytes.
const TRANSFERS: &str = "read,write,recvfrom,sendto,recvmsg,sendmsg,readv,writev";

/// Works that are counted, and how often they are done.
const COUNTED: [(&str, usize, Tools); 9] = [
    ("bulk, in memory", 64, Tools { calls: false, steady: true }),
    ("bulk, socketpair, one thread", 64, Tools { calls: true, steady: false }),
    ("writes of 1 B, socketpair", 128, Tools { calls: true, steady: false }),
    ("writes of 64 B, socketpair", 128, Tools { calls: true, steady: false }),
    ("writes of 1 KiB, socketpair", 128, Tools { calls: true, steady: false }),
    ("ping-pong of 1 B, in memory", 100, Tools { calls: false, steady: true }),
    ("ping-pong of 1 B, socketpair", 100, Tools { calls: true, steady: true }),
    ("full handshakes, socketpair", 1, Tools { calls: true, steady: false }),
    ("resumed handshakes, socketpair", 1, Tools { calls: true, steady: false }),
];

/// Handshakes in memory are counted by difference too.
const HANDSHAKES: [(&str, usize); 2] = [("full handshakes, in memory", 4), ("resumed handshakes, in memory", 4)];

#[derive(Clone, Copy)]
struct Tools {
    calls: bool,
    steady: bool,
}

/// How many steps it takes to count so many peers.
pub fn steps(peers: usize) -> usize {
    (COUNTED.len() + HANDSHAKES.len()) * peers
}

/// Counts everything for these peers. Counts do not hang on who runs beside, so every processor counts.
pub fn count(names: &[&str], folder: &Path, progress: &Progress) -> Result<Vec<Count>, Box<dyn Error>> {
    let handshakes = HANDSHAKES.map(|(name, times)| (name, times, Tools { calls: false, steady: true }));
    let works = COUNTED.into_iter().chain(handshakes);
    let jobs: Vec<_> = works.flat_map(|work| names.iter().map(move |name| (work, *name))).collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(((work, times, tools), peer)) = jobs.get(at) else { break };
                    progress.say(&format!("counting {work}"), peer);
                    // An error crosses threads as its words.
                    let count = one(work, *times, *tools, peer, folder).map_err(|error| error.to_string());
                    found.lock().expect("no panic while it was held").insert(at, count);
                    progress.step();
                }
            });
        }
    });
    let mut counts = Vec::new();
    for count in found.into_inner()?.into_values() {
        counts.extend(count?);
    }
    Ok(counts)
}

fn one(name: &str, times: usize, tools: Tools, peer: &str, folder: &Path) -> Result<Option<Count>, Box<dyn Error>> {
    let work = Work::named(name).ok_or("a work that is not in the list")?;
    let child = Child { peer, work: work.name, folder };
    let (mut instructions, mut allocations, mut allocated) = (None, None, None);
    if tools.steady {
        instructions = difference(times, |times| child.instructions(times))?;
        if let (Some(once), Some(twice)) = (child.allocations(times)?, child.allocations(2 * times)?) {
            allocations = Some((twice.0 - once.0) / times as f64);
            allocated = Some((twice.1 - once.1) / times as f64);
        }
    }
    let calls = if tools.calls { child.calls(times)?.map(|calls| calls / times as f64) } else { None };
    let (work, peer) = (name.to_owned(), peer.to_owned());
    let counted = calls.is_some() || instructions.is_some();
    Ok(counted.then_some(Count { work, peer, calls, instructions, allocations, allocated }))
}

type Found = Result<Option<f64>, Box<dyn Error>>;

fn difference(times: usize, count: impl Fn(usize) -> Found) -> Found {
    let (Some(once), Some(twice)) = (count(times)?, count(2 * times)?) else { return Ok(None) };
    Ok(Some((twice - once) / times as f64))
}

struct Child<'a> {
    peer: &'a str,
    work: &'a str,
    folder: &'a Path,
}

impl Child<'_> {
    /// Runs the work under a tool; its own output, or `None` where the peer cannot do it.
    fn under(&self, tool: &[&str], times: usize) -> Result<Option<String>, Box<dyn Error>> {
        let mut command = Command::new(tool[0]);
        command.args(&tool[1..]).arg(std::env::current_exe()?).arg("work").arg(self.folder);
        command.args([self.peer, self.work, &times.to_string()]);
        let output = command.output().map_err(|error| format!("{}: {error}", tool[0]))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => Ok(Some(said)),
            Some(CANNOT) => Ok(None),
            _ => Err(format!("{} {} {}: {said}", tool[0], self.peer, self.work).into()),
        }
    }

    fn calls(&self, times: usize) -> Found {
        let log = tempfile::NamedTempFile::new()?;
        let path = log.path().to_str().ok_or("a temporary file with a strange name")?;
        let trace = format!("trace={TRANSFERS},getppid");
        if self.under(&["strace", "-f", "-qq", "-s", "0", "-e", &trace, "-o", path], times)?.is_none() {
            return Ok(None);
        }
        let (mut marks, mut calls) = (0, 0_u32);
        for line in std::fs::read_to_string(path)?.lines() {
            // A call that another thread interrupted in the log is shown twice; only its beginning counts.
            if line.contains("resumed>") || line.contains("+++") || line.contains("---") {
                continue;
            }
            if line.contains("getppid(") {
                marks += 1;
            } else if marks == 1 {
                calls += 1;
            }
        }
        if marks == 2 { Ok(Some(f64::from(calls))) } else { Err(format!("{marks} marks in the log of strace").into()) }
    }

    fn instructions(&self, times: usize) -> Found {
        let only = "--toggle-collect=dlssl_bench::works::counted";
        let tool = ["valgrind", "--tool=callgrind", only, "--callgrind-out-file=/dev/null"];
        let Some(said) = self.under(&tool, times)? else { return Ok(None) };
        let line = said.lines().find_map(|line| line.split_once("Collected : "));
        Ok(Some(number(line.ok_or("callgrind says no sum")?.1)?))
    }

    fn allocations(&self, times: usize) -> Result<Option<(f64, f64)>, Box<dyn Error>> {
        let tool = ["valgrind", "--tool=memcheck", "--undef-value-errors=no", "--leak-check=no"];
        let Some(said) = self.under(&tool, times)? else { return Ok(None) };
        let line = said.lines().find_map(|line| line.split_once("total heap usage: "));
        let words: Vec<&str> = line.ok_or("memcheck says no sum")?.1.split_whitespace().collect();
        // "1,234 allocs, 1,200 frees, 56,789 bytes allocated"
        Ok(Some((number(words[0])?, number(words.get(4).ok_or("memcheck says no bytes")?)?)))
    }
}

/// Exit code of a child whose peer cannot do the work.
pub const CANNOT: i32 = 3;

fn number(text: &str) -> Result<f64, Box<dyn Error>> {
    Ok(text.trim().replace(',', "").parse()?)
}
