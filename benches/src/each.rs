//! rust-openssl and dlssl on one library, and the table of all libraries: each is measured in a process of its own.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::pki::Pki;
use crate::progress::Progress;
use crate::report::{self, Machine};
use crate::svg::{self, Bar};
use crate::turns::{self, Figure, Row};
use crate::works::Work;
use crate::{linked_folder, peers};

/// The first is the one to compare with.
const PEERS: [&str; 3] = ["rust-openssl", "dlssl", "dlssl socket"];

/// What is done on one thread; a socketpair where calls into the kernel are counted in.
const WORKS: [(&str, &str); 8] = [
    ("bulk, in memory", "bulk, memory"),
    ("bulk, socketpair, one thread", "bulk, socketpair"),
    ("writes of 1 B, socketpair", "writes of 1 B"),
    ("writes of 64 B, socketpair", "of 64 B"),
    ("writes of 1 KiB, socketpair", "of 1 KiB"),
    ("ping-pong of 1 B, in memory", "ping-pong, memory"),
    ("full handshakes, in memory", "full handshakes"),
    ("resumed handshakes, in memory", "resumed"),
];

/// The bar: at least so many times rust-openssl's speed.
const BAR: f64 = 0.97;

/// Options.
#[derive(clap::Args)]
pub struct Options {
    /// What the library is called in the table.
    name: String,

    /// Whose headers this program was built with.
    #[arg(long, value_name = "NAME", required_unless_present = "refused")]
    headers: Option<String>,

    /// Measures nothing: why rust-openssl does not build on that library.
    #[arg(long, value_name = "TEXT")]
    refused: Option<String>,

    /// Rounds in which they take turns.
    #[arg(long, default_value_t = 15)]
    rounds: usize,

    /// Length of a turn in milliseconds.
    #[arg(long, default_value_t = 100)]
    turn: u64,

    #[command(flatten)]
    into: report::Into,
}

/// All libraries.
#[derive(Serialize, Deserialize)]
struct Each {
    machine: Machine,
    builds: Vec<Build>,
}

#[derive(Serialize, Deserialize)]
struct Build {
    name: String,
    outcome: Outcome,
}

#[derive(Serialize, Deserialize)]
enum Outcome {
    /// rust-openssl does not build on it; why.
    Refused(String),
    Measured {
        /// What it says of itself.
        library: String,
        /// Whose headers rust-openssl was built with.
        headers: String,
        rounds: usize,
        rows: Vec<Row>,
    },
}

/// Measures, and puts it into the table.
pub fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let outcome = match (options.refused, options.headers) {
        (None, Some(headers)) => {
            let turn = Duration::from_millis(options.turn);
            let (library, rows) = measure(&options.name, options.rounds, turn)?;
            Outcome::Measured { library, headers, rounds: options.rounds, rows }
        }
        (refused, _) => Outcome::Refused(refused.unwrap_or_default()),
    };
    let machine = report::machine();
    let earlier: Option<Each> = options.into.earlier("each");
    let mut each = earlier.filter(|earlier| earlier.machine == machine).unwrap_or(Each { machine, builds: Vec::new() });
    each.builds.retain(|build| build.name != options.name);
    each.builds.push(Build { name: options.name, outcome });
    each.builds.sort_by(|one, other| one.name.cmp(&other.name));
    options.into.write("each", &each.markdown(), &each, &[("each.svg", each.plot())])
}

fn measure(name: &str, rounds: usize, turn: Duration) -> Result<(String, Vec<Row>), Box<dyn Error>> {
    let folder = linked_folder()?;
    let library = peers::same_library(&folder)?;
    let peers = peers::make(&PEERS, &Pki::new()?, &folder)?;
    let progress = Progress::new(WORKS.len() * rounds * peers.len())?;
    let mut rows = Vec::new();
    for (long, short) in WORKS {
        let work = Work::named(long).ok_or_else(|| format!("{name}: no work is called {long}"))?;
        let row = turns::measure(&work, &peers, rounds, turn, &progress);
        rows.push(Row { work: short.to_owned(), ..row });
    }
    progress.finish();
    Ok((library, rows))
}

impl Each {
    /// Those that were measured: name, text, headers, rows.
    fn measured(&self) -> impl Iterator<Item = (&str, &str, &str, &[Row])> {
        self.builds.iter().filter_map(|build| match &build.outcome {
            Outcome::Refused(_) => None,
            Outcome::Measured { library, headers, rows, .. } => Some((&*build.name, &**library, &**headers, &**rows)),
        })
    }

    fn markdown(&self) -> String {
        let mut text = self.machine.line();
        let rounds = self.builds.iter().filter_map(|build| match build.outcome {
            Outcome::Refused(_) => None,
            Outcome::Measured { rounds, .. } => Some(rounds),
        });
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "\nSpeed of dlssl where rust-openssl's on the same library is 1 (more is faster), in one process, on one thread, both \
             ends counted, by processor time: medians of at least {} rounds in turns, and the middle half. What is below \
             {BAR} is bold.",
            rounds.min().unwrap_or_default()
        );
        for (peer, how) in [(PEERS[1], "over `Read + Write`"), (PEERS[2], "over a socket's descriptor")] {
            self.table(&mut text, peer, how);
        }
        for build in &self.builds {
            if let Outcome::Refused(why) = &build.outcome {
                let _ = writeln!(text, "- {}: rust-openssl does not build on it. {why}", build.name);
            }
        }
        text
    }

    fn table(&self, text: &mut String, peer: &str, how: &str) {
        let does = |work: &&str| self.measured().any(|build| speed(build.3, work, peer).is_some());
        let works: Vec<&str> = WORKS.iter().map(|(_, short)| *short).filter(does).collect();
        if works.is_empty() {
            return;
        }
        let rule = "---|".repeat(works.len() + 2);
        let _ = writeln!(text, "\ndlssl {how}.\n\n| library | says | headers | {} |\n|---|{rule}", works.join(" | "));
        for (name, library, headers, rows) in self.measured() {
            let cell = |work: &&str| speed(rows, work, peer).map_or_else(String::new, |speed| words(&speed));
            let cells: Vec<String> = works.iter().map(cell).collect();
            let headers = if headers == name { "its own" } else { headers };
            let _ = writeln!(text, "| {name} | {library} | {headers} | {} |", cells.join(" | "));
        }
        text.push('\n');
    }

    fn plot(&self) -> String {
        let group = |(name, _, _, rows): (&str, &str, &str, &[Row])| {
            let bars = WORKS.iter().filter_map(|(_, work)| {
                let speed = speed(rows, work, PEERS[1])?;
                Some(Bar { label: (*work).to_owned(), value: speed.middle, range: Some(speed.quarters) })
            });
            (name.to_owned(), bars.collect())
        };
        let groups: Vec<(String, Vec<Bar>)> = self.measured().map(group).collect();
        svg::bars("Speed of dlssl, rust-openssl's on the same library being 1 (longer is faster)", &groups)
    }
}

/// How fast, rust-openssl being 1.
struct Speed {
    middle: f64,
    quarters: (f64, f64),
}

fn speed(rows: &[Row], work: &str, peer: &str) -> Option<Speed> {
    let row = rows.iter().find(|row| row.work == work)?;
    let Figure { time_ratio, quarters, .. } = row.figures.iter().find(|figure| figure.peer == peer)?;
    Some(Speed { middle: 1.0 / time_ratio, quarters: (1.0 / quarters.1, 1.0 / quarters.0) })
}

fn words(speed: &Speed) -> String {
    // As it is shown: a bold 0.97 would puzzle.
    let middle = (speed.middle * 100.0).round() / 100.0;
    let mark = if middle < BAR { "**" } else { "" };
    format!("{mark}{middle:.2}{mark} ({:.2} to {:.2})", speed.quarters.0, speed.quarters.1)
}
