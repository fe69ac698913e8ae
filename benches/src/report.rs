//! What was measured: as JSON, as Markdown tables, as plots.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::counts::Count;
use crate::svg::{self, Bar};
use crate::turns::Row;

/// Where tables, figures and plots go.
#[derive(Debug, clap::Args)]
pub struct Into {
    /// Also write tables, figures as JSON and plots into DIR.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl Into {
    /// Shows the tables, and writes everything under this name.
    pub fn write(
        &self,
        name: &str,
        markdown: &str,
        figures: &impl Serialize,
        plots: &[(&str, String)],
    ) -> Result<(), Box<dyn Error>> {
        print!("{markdown}");
        let Some(folder) = &self.into else { return Ok(()) };
        fs::create_dir_all(folder)?;
        fs::write(folder.join(format!("{name}.md")), markdown.trim_end().to_owned() + "\n")?;
        fs::write(folder.join(format!("{name}.json")), serde_json::to_string_pretty(figures)? + "\n")?;
        for (file, text) in plots {
            fs::write(folder.join(file), text)?;
        }
        Ok(())
    }

    /// What an earlier run wrote under this name.
    pub fn earlier<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let text = fs::read(self.into.as_ref()?.join(format!("{name}.json"))).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// All figures of a run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// Version text of the library that all but rustls ran on.
    pub library: String,
    /// What it ran on.
    pub machine: Machine,
    /// Rounds in which the peers took turns.
    pub rounds: usize,
    /// Times.
    pub rows: Vec<Row>,
    /// Counts.
    pub counts: Vec<Count>,
    /// Memory of idle connections.
    pub held: Vec<Held>,
}

/// The machine.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Processors that the program may use.
    pub cores: usize,
    /// The processor's name.
    pub processor: String,
    /// The kernel's version.
    pub kernel: String,
}

/// Memory of idle connections.
#[derive(Debug, Serialize, Deserialize)]
pub struct Held {
    /// Name of the peer.
    pub peer: String,
    /// How many pairs were held.
    pub pairs: usize,
    /// Bytes that went each way before.
    pub bytes: usize,
    /// Resident KiB for one pair, client and server.
    pub kib: f64,
}

/// Looks at the machine.
pub fn machine() -> Machine {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Machine {
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        processor: processor.trim_start_matches(['\t', ' ', ':']).to_owned(),
        kernel: kernel.trim().to_owned(),
    }
}

impl Machine {
    /// In a line.
    pub fn line(&self) -> String {
        format!("{} processors, {}, Linux {}.\n", self.cores, self.processor, self.kernel)
    }
}

impl Report {
    /// Takes what this run did not measure from an earlier one on the same library and machine.
    pub fn completed_by(&mut self, earlier: Report) {
        if earlier.library != self.library || earlier.machine != self.machine {
            return;
        }
        if self.rows.is_empty() {
            self.rounds = earlier.rounds;
            self.rows = earlier.rows;
        }
        if self.counts.is_empty() {
            self.counts = earlier.counts;
        }
        if self.held.is_empty() {
            self.held = earlier.held;
        }
    }

    /// The tables.
    pub fn markdown(&self) -> String {
        let mut text = format!("{}; {}\n", self.library, self.machine.line());
        self.times(&mut text);
        self.counted(&mut text);
        self.memory(&mut text);
        text
    }

    fn times(&self, text: &mut String) {
        let Some(first) = self.rows.iter().find(|row| !row.figures.is_empty()) else { return };
        let names: Vec<&str> = first_names(&self.rows);
        let base = first.figures[0].peer.as_str();
        let _ = writeln!(
            text,
            "Time of one, and time ÷ {base} in the same round (less is faster): medians of {} rounds in turns, and the \
             middle half of the ratios. What is done on one thread is measured in that thread's processor time, the \
             kernel's part included; bulk over sockets, on two threads, by the clock on the wall.\n",
            self.rounds
        );
        let _ = writeln!(text, "| work | {base} | {} |", names[1..].join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
        for row in &self.rows {
            let cells: Vec<String> = names
                .iter()
                .map(|name| match row.figures.iter().find(|figure| figure.peer == *name) {
                    None => String::new(),
                    Some(figure) if figure.peer == base => format!("{:.2} µs", figure.nanos / 1000.0),
                    Some(figure) => {
                        format!("{:.2} ({:.2} to {:.2})", figure.time_ratio, figure.quarters.0, figure.quarters.1)
                    }
                })
                .collect();
            let _ = writeln!(text, "| {} | {} |", row.work, cells.join(" | "));
        }
        text.push('\n');
    }

    fn counted(&self, text: &mut String) {
        if self.counts.is_empty() {
            return;
        }
        let mut works: Vec<&str> = self.counts.iter().map(|count| count.work.as_str()).collect();
        works.dedup();
        let mut names: Vec<&str> = Vec::new();
        for count in &self.counts {
            if !names.contains(&count.peer.as_str()) {
                names.push(&count.peer);
            }
        }
        type Get = fn(&Count) -> Option<String>;
        let tables: [(&str, Get); 3] = [
            ("Read and write calls for one, both sides (strace)", |count| Some(format!("{:.2}", count.calls?))),
            ("Instructions of user space for one, both sides (callgrind, without AVX-512)", |count| {
                Some(thousands(count.instructions?))
            }),
            ("Allocations for one, both sides, and their bytes (memcheck)", |count| {
                Some(format!("{:.2} ({} B)", count.allocations?, thousands(count.allocated?)))
            }),
        ];
        for (title, get) in tables {
            let _ = writeln!(text, "{title}.\n\n| work | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
            for work in &works {
                let cell = |name: &&str| {
                    let count = self.counts.iter().find(|count| count.work == *work && count.peer == **name);
                    count.and_then(get)
                };
                let cells: Vec<Option<String>> = names.iter().map(cell).collect();
                if cells.iter().any(Option::is_some) {
                    let cells: Vec<String> = cells.into_iter().map(Option::unwrap_or_default).collect();
                    let _ = writeln!(text, "| {work} | {} |", cells.join(" | "));
                }
            }
            text.push('\n');
        }
    }

    fn memory(&self, text: &mut String) {
        let Some(first) = self.held.first() else { return };
        let _ = writeln!(
            text,
            "Resident KiB for one idle pair (client and server), {} pairs held, after this much each way.\n\n| peer | 1 B \
             | 16 KiB |\n|---|---|---|",
            first.pairs
        );
        for held in self.held.iter().filter(|held| held.bytes == 1) {
            let full = self.held.iter().find(|other| other.peer == held.peer && other.bytes != 1);
            let full = full.map(|full| format!("{:.1}", full.kib)).unwrap_or_default();
            let _ = writeln!(text, "| {} | {:.1} | {full} |", held.peer, held.kib);
        }
        text.push('\n');
    }

    /// The plots, each with its file name.
    pub fn plots(&self) -> Vec<(&'static str, String)> {
        let mut plots = Vec::new();
        if !self.rows.is_empty() {
            let groups: Vec<(String, Vec<Bar>)> = self
                .rows
                .iter()
                .map(|row| {
                    let bars = row.figures.iter().map(|figure| Bar {
                        label: figure.peer.clone(),
                        value: figure.time_ratio,
                        range: Some(figure.quarters),
                    });
                    (row.work.clone(), bars.collect())
                })
                .collect();
            let title = format!("Time ÷ rust-openssl on {} (shorter is faster)", self.library);
            plots.push(("times.svg", svg::bars(&title, &groups)));
        }
        let calls = |count: &Count| count.calls;
        let instructions = |count: &Count| count.instructions;
        type Get = fn(&Count) -> Option<f64>;
        let all: [(&'static str, &str, Get); 2] = [
            ("calls.svg", "Read and write calls, both sides", calls),
            ("instructions.svg", "Instructions of user space, both sides", instructions),
        ];
        for (file, title, get) in all {
            let groups = self.groups(get);
            if !groups.is_empty() {
                plots.push((file, svg::bars(title, &groups)));
            }
        }
        if !self.held.is_empty() {
            let groups: Vec<(String, Vec<Bar>)> = [1, crate::works::RECORD]
                .iter()
                .map(|bytes| {
                    let bars = self.held.iter().filter(|held| held.bytes == *bytes);
                    let bars = bars.map(|held| Bar { label: held.peer.clone(), value: held.kib, range: None });
                    (format!("after {bytes} B each way"), bars.collect())
                })
                .collect();
            plots.push(("held.svg", svg::bars("Resident KiB for one idle pair", &groups)));
        }
        plots
    }

    fn groups(&self, get: fn(&Count) -> Option<f64>) -> Vec<(String, Vec<Bar>)> {
        let mut groups: Vec<(String, Vec<Bar>)> = Vec::new();
        for count in &self.counts {
            let Some(value) = get(count) else { continue };
            let bar = Bar { label: count.peer.clone(), value, range: None };
            match groups.iter_mut().find(|group| group.0 == count.work) {
                Some(group) => group.1.push(bar),
                None => groups.push((count.work.clone(), vec![bar])),
            }
        }
        groups
    }
}

/// Names of all peers that have a figure, in order.
fn first_names(rows: &[Row]) -> Vec<&str> {
    let most = rows.iter().max_by_key(|row| row.figures.len());
    most.map(|row| row.figures.iter().map(|figure| figure.peer.as_str()).collect()).unwrap_or_default()
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < -0.5 { format!("-{text}") } else { text }
}
