//! dlssl on several libraries in one process, and rustls: which is the fastest on this machine.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::peer::Peer;
use crate::peers::{Bio, Ours, Rustls};
use crate::pki::Pki;
use crate::progress::Progress;
use crate::report::{self, Machine};
use crate::svg::{self, Bar};
use crate::turns::{self, Figure, Row};
use crate::works::{RECORD, Work};

/// What the libraries differ in; but for one in memory, so that the kernel has no part in it.
const WORKS: [(&str, &str); 5] = [
    ("bulk, in memory", "records of 16 KiB"),
    ("bulk, socketpair, one thread", "the same on a socketpair"),
    ("ping-pong of 1 B, in memory", "one byte to and fro"),
    ("full handshakes, in memory", "full handshakes"),
    ("resumed handshakes, in memory", "resumed handshakes"),
];

/// Options.
#[derive(clap::Args)]
pub struct Options {
    /// Folders with libssl and libcrypto.
    folders: Vec<PathBuf>,

    /// Rounds in which they take turns.
    #[arg(long, default_value_t = 9)]
    rounds: usize,

    /// Length of a turn in milliseconds.
    #[arg(long, default_value_t = 50)]
    turn: u64,

    #[command(flatten)]
    into: report::Into,
}

#[derive(Serialize)]
struct Builds {
    machine: Machine,
    rounds: usize,
    rows: Vec<Row>,
}

/// Measures and writes.
pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let pki = Pki::new()?;
    // The first is the one to compare with.
    let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(Rustls::new(&pki)?)];
    for folder in &options.folders {
        let ours = Ours::apart(&pki, folder, Bio::Stream)?;
        if peers.iter().all(|peer| peer.name() != ours.name()) {
            peers.push(Box::new(ours));
        }
    }
    let progress = Progress::new(WORKS.len() * options.rounds * peers.len())?;
    let mut rows = Vec::new();
    for (name, words) in WORKS {
        let work = Work::named(name).ok_or("a work that is not in the list")?;
        let row = turns::measure(&work, &peers, options.rounds, Duration::from_millis(options.turn), &progress);
        rows.push(Row { work: words.to_owned(), ..row });
    }
    progress.finish();
    let builds = Builds { machine: report::machine(), rounds: options.rounds, rows };
    options.into.write("builds", &builds.markdown(), &builds, &[("builds.svg", builds.plot())])
}

impl Builds {
    fn markdown(&self) -> String {
        let mut text = self.machine.line();
        let words: Vec<&str> = self.rows.iter().map(|row| row.work.as_str()).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "\ndlssl on each library, and rustls (aws-lc-rs), on one thread, in memory but for one, both ends counted, in \
             processor time. In brackets the time ÷ rustls' in the same round (less is faster): medians of {} rounds in turns.\n\n\
             | library | {} |\n|---|{}",
            self.rounds,
            words.join(" | "),
            "---|".repeat(words.len())
        );
        for name in self.names() {
            let cell = |(at, row): (usize, &Row)| {
                let figure = row.figures.iter().find(|figure| figure.peer == name);
                figure.map_or_else(String::new, |figure| format!("{} ({:.2})", speed(at, figure), figure.time_ratio))
            };
            let cells: Vec<String> = self.rows.iter().enumerate().map(cell).collect();
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        }
        text.push('\n');
        for row in &self.rows {
            if let Some(best) = fastest(row) {
                let _ = writeln!(
                    text,
                    "- {}: {} is the fastest library of OpenSSL's kind, {:.2} × the time of rustls ({:.2} to {:.2}).",
                    row.work, best.peer, best.time_ratio, best.quarters.0, best.quarters.1
                );
            }
        }
        text
    }

    fn names(&self) -> Vec<&str> {
        self.rows.first().into_iter().flat_map(|row| &row.figures).map(|figure| figure.peer.as_str()).collect()
    }

    fn plot(&self) -> String {
        let bars = |row: &Row| {
            let bar = |figure: &Figure| Bar {
                label: figure.peer.clone(),
                value: figure.time_ratio,
                range: Some(figure.quarters),
            };
            (row.work.clone(), row.figures.iter().map(bar).collect())
        };
        let groups: Vec<(String, Vec<Bar>)> = self.rows.iter().map(bars).collect();
        svg::bars("Time ÷ rustls of dlssl on each library (shorter is faster)", &groups)
    }
}

/// The fastest but rustls.
fn fastest(row: &Row) -> Option<&Figure> {
    row.figures.iter().skip(1).min_by(|one, other| one.time_ratio.total_cmp(&other.time_ratio))
}

/// What people want to read, of the work in that place.
fn speed(work: usize, figure: &Figure) -> String {
    match work {
        0 | 1 => format!("{:.0} MB/s", RECORD as f64 / figure.nanos * 1e3),
        2 => format!("{:.2} µs", figure.nanos / 1e3),
        _ => format!("{:.0} /s", 1e9 / figure.nanos),
    }
}
