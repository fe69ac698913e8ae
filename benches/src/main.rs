//! dlssl beside its peers, on one OpenSSL, in one run: times in turns, and exact counts.

mod builds;
mod clock;
mod counts;
mod each;
mod growth;
mod peer;
mod peers;
mod pki;
mod progress;
mod report;
mod svg;
mod tasks;
mod transport;
mod turns;
mod works;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::{Parser, Subcommand};
use counts::Count;
use peers::NAMES;
use pki::Pki;
use progress::Progress;
use report::{Held, Report};
use works::Work;

/// Measures.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The peers on the linked library: times, counts, connections held.
    Suite(Suite),
    /// dlssl on several libraries, and rustls.
    Builds(builds::Options),
    /// rust-openssl and dlssl on the linked library, into a table that holds other libraries too.
    Each(each::Options),
    /// From 10 to 10,000 connections, and from one thread to twice as many as there are processors.
    Growth(growth::Options),
    /// One peer's connections for `growth`.
    #[command(hide = true)]
    Grow { folder: PathBuf, peer: String },
    /// One work, for those who count: no output, exit code 3 where the peer cannot do it.
    Work { folder: PathBuf, peer: String, work: String, times: usize },
    /// On tokio: tables on standard output.
    Tokio {
        /// Rounds in which the peers take turns.
        #[arg(long, default_value_t = 15)]
        rounds: usize,

        /// Length of a turn in milliseconds.
        #[arg(long, default_value_t = 150)]
        turn: u64,

        /// Pairs that are held.
        #[arg(long, default_value_t = 5000)]
        pairs: usize,
    },
    /// One of the works on tokio, by its number, for those who profile.
    TokioWork { folder: PathBuf, peer: String, work: usize, times: usize },
    /// Resident KiB for one idle pair, of many.
    Held { folder: PathBuf, peer: String, pairs: usize, bytes: usize },
}

#[derive(clap::Args)]
struct Suite {
    /// Rounds in which the peers take turns.
    #[arg(long, default_value_t = 9)]
    rounds: usize,

    /// Length of a turn in milliseconds.
    #[arg(long, default_value_t = 150)]
    turn: u64,

    /// Pairs that are held.
    #[arg(long, default_value_t = 5000)]
    pairs: usize,

    /// Only works whose name contains this (may be repeated).
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,

    /// Only these peers, the first being the one to compare with (may be repeated).
    #[arg(long, value_name = "NAME")]
    peer: Vec<String>,

    /// Without counts.
    #[arg(long)]
    no_counts: bool,

    /// Without times.
    #[arg(long)]
    no_times: bool,

    /// Without connections held.
    #[arg(long)]
    no_held: bool,

    /// Keeps what an earlier run wrote and this one does not measure.
    #[arg(long)]
    update: bool,

    #[command(flatten)]
    into: report::Into,
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode, Box<dyn Error>> {
    match task {
        Task::Suite(options) => suite(&options)?,
        Task::Builds(options) => builds::run(&options)?,
        Task::Each(options) => each::run(options)?,
        Task::Growth(options) => growth::run(&options, &linked_folder()?)?,
        Task::Grow { folder, peer } => {
            growth::grow(&folder, &peer, allow_descriptors())?;
        }
        Task::Work { folder, peer, work, times } => {
            let work = Work::named(&work).ok_or("no such work")?;
            let peers = peers::make(&[&peer], &Pki::new()?, &folder)?;
            if !works::counted(&*peers[0], &work, times) {
                return Ok(ExitCode::from(counts::CANNOT as u8));
            }
        }
        Task::Tokio { rounds, turn, pairs } => {
            tasks::suite(&Pki::new()?, &linked_folder()?, rounds, Duration::from_millis(turn), pairs)?;
        }
        Task::TokioWork { folder, peer, work, times } => tasks::work(&peer, &Pki::new()?, &folder, work, times)?,
        Task::Held { folder, peer, pairs, bytes } if tasks::NAMES.contains(&peer.as_str()) => {
            allow_descriptors();
            println!("{}", tasks::held(&peer, &Pki::new()?, &folder, pairs, bytes)?);
        }
        Task::Held { folder, peer, pairs, bytes } => {
            allow_descriptors();
            let peers = peers::make(&[&peer], &Pki::new()?, &folder)?;
            println!("{}", works::held(&*peers[0], pairs, bytes));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn suite(options: &Suite) -> Result<(), Box<dyn Error>> {
    let folder = linked_folder()?;
    let library = peers::same_library(&folder)?;
    let chosen: Vec<&str> =
        if options.peer.is_empty() { NAMES.to_vec() } else { options.peer.iter().map(String::as_str).collect() };
    let peers = peers::make(&chosen, &Pki::new()?, &folder)?;
    let works: Vec<Work> = works::ALL
        .into_iter()
        .filter(|work| options.only.is_empty() || options.only.iter().any(|text| work.name.contains(text.as_str())))
        .collect();

    let times = if options.no_times { 0 } else { works.len() * options.rounds * peers.len() };
    let counts = if options.no_counts { 0 } else { counts::steps(chosen.len()) };
    let held_steps = if options.no_held { 0 } else { chosen.len() * 2 };
    let progress = Progress::new(times + counts + held_steps)?;

    let mut rows = Vec::new();
    if !options.no_times {
        for work in &works {
            rows.push(turns::measure(work, &peers, options.rounds, Duration::from_millis(options.turn), &progress));
        }
    }
    let counts: Vec<Count> = if options.no_counts { Vec::new() } else { counts::count(&chosen, &folder, &progress)? };
    let held = if options.no_held { Vec::new() } else { hold(&chosen, &folder, options.pairs, &progress)? };
    progress.finish();

    let mut report = Report { library, machine: report::machine(), rounds: options.rounds, rows, counts, held };
    if options.update
        && let Some(earlier) = options.into.earlier("peers")
    {
        report.completed_by(earlier);
    }
    options.into.write("peers", &report.markdown(), &report, &report.plots())
}

/// Each peer's pairs in a process of its own: what another peer left in the heap is not theirs.
fn hold(names: &[&str], folder: &Path, pairs: usize, progress: &Progress) -> Result<Vec<Held>, Box<dyn Error>> {
    let mut held = Vec::new();
    for bytes in [1, works::RECORD] {
        for name in names {
            progress.say(&format!("{pairs} pairs held"), name);
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("held").arg(folder).args([name, pairs.to_string().as_str(), bytes.to_string().as_str()]);
            let output = command.output()?;
            if !output.status.success() {
                return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)).into());
            }
            let kib = String::from_utf8(output.stdout)?.trim().parse()?;
            held.push(Held { peer: (*name).to_owned(), pairs, bytes, kib });
            progress.step();
        }
    }
    Ok(held)
}

/// Folder of the libssl that this program is linked to, as the kernel has it mapped.
fn linked_folder() -> Result<PathBuf, Box<dyn Error>> {
    openssl::init();
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let path = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains("/libssl"));
    let path = Path::new(path.ok_or("this program is not linked to a shared libssl")?);
    Ok(path.parent().ok_or("libssl has no folder")?.to_owned())
}

/// Asks for as many open files as are allowed, and says how many.
fn allow_descriptors() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: one live record, read and written.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}
