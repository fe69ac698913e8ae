//! `dlssl bench`: how fast TLS is on the libraries of this machine, measured in turns in one process.

mod memory;
mod work;

use std::io::Write;
use std::time::Duration;

use dlssl::Library;
use serde::Serialize;

use self::work::{Ends, Kind, WORKS};
use crate::args::BenchArgs;
use crate::cmd::progress::Progress;
use crate::failure::Failure;
use crate::library::directory;
use crate::{certificate, report};

/// Length of one turn.
const TURN: Duration = Duration::from_millis(60);

pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let progress = Progress::new(!args.json);
    progress.say("loading");
    let mut libraries = vec![args.library.load()?];
    for folder in &args.also {
        libraries.push(directory(folder).load()?);
    }
    let certificates = certificate::make(work::NAME)
        .map_err(|error| Failure::new(format_args!("cannot make certificates: {error}")))?;
    let ends: Vec<Ends> = libraries
        .iter()
        .map(|library| Ends::new(library, &certificates))
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::new(format_args!("cannot set a connection up: {error}")))?;

    let mut results: Vec<Measured> = libraries.iter().map(Measured::new).collect();
    for kind in WORKS {
        measure(kind, &ends, args.rounds.get().into(), &progress, &mut results)?;
    }
    progress.finish();

    let mut out = anstream::stdout().lock();
    let shown = if args.json {
        report::json(&mut out, &BenchReport { rounds: args.rounds.get(), libraries: results })
    } else {
        table(&mut out, &results, args.rounds.get())
    };
    report::unless_closed(shown.and_then(|()| out.flush()))
}

/// The JSON form; an interface, so fields are only added.
#[derive(Serialize)]
struct BenchReport {
    rounds: u16,
    libraries: Vec<Measured>,
}

/// One library's figures.
#[derive(Serialize)]
struct Measured {
    version: String,
    libssl: String,
    works: Vec<Figure>,
}

#[derive(Serialize)]
struct Figure {
    work: &'static str,
    /// Median, in `unit`.
    value: f64,
    unit: &'static str,
    /// Median of the times divided by those of the first library in the same round; less is faster.
    time_ratio: f64,
}

impl Measured {
    fn new(library: &Library) -> Self {
        Self {
            version: library.version_text().to_owned(),
            libssl: library.libssl_path().display().to_string(),
            works: Vec::new(),
        }
    }
}

/// Lets all libraries do one work in turns.
fn measure(
    kind: Kind,
    ends: &[Ends],
    rounds: usize,
    progress: &Progress,
    results: &mut [Measured],
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format_args!("{}: {error}", kind.name()));
    let guess = kind.guess();
    let first = ends[0].work(kind, guess).map_err(failed)?;
    let times = (f64::from(guess) * TURN.as_secs_f64() / first.as_secs_f64().max(1e-6)).ceil().clamp(1.0, 1e7) as u32;
    let mut taken = vec![Vec::new(); ends.len()];
    for round in 0..rounds {
        for turn in 0..ends.len() {
            let at = (turn + round) % ends.len();
            progress.say(&format!("{}, round {} of {rounds}: {}", kind.name(), round + 1, results[at].version));
            let time = ends[at].work(kind, times).map_err(failed)?;
            taken[at].push(time.as_secs_f64() / f64::from(times));
        }
    }
    for (result, own) in results.iter_mut().zip(&taken) {
        let ratios = own.iter().zip(&taken[0]).map(|(time, base)| time / base).collect();
        let (value, unit) = kind.value(median(own.clone()));
        result.works.push(Figure { work: kind.name(), value, unit, time_ratio: median(ratios) });
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn table(out: &mut impl Write, results: &[Measured], rounds: u16) -> std::io::Result<()> {
    for result in results {
        report::heading(out, &format!("{} ({})", result.version, result.libssl))?;
        let rows: Vec<(&str, String)> = result
            .works
            .iter()
            .map(|figure| {
                let ratio =
                    if results.len() > 1 { format!("  time × {:.2}", figure.time_ratio) } else { String::new() };
                (figure.work, format!("{:>9.2} {:<5}{ratio}", figure.value, figure.unit))
            })
            .collect();
        report::pairs(out, &rows)?;
    }
    writeln!(out, "One thread, in memory, both ends counted; medians of {rounds} rounds in turns.")?;
    if results.len() > 1 {
        writeln!(out, "× is the time divided by the first library's in the same round: less is faster.")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_what_was_measured() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_table_of_two_libraries_says_how_they_compare() {
        let measured = |time_ratio| Measured {
            version: "OpenSSL".into(),
            libssl: "/lib/libssl.so.3".into(),
            works: vec![Figure { work: "bulk", value: 2.0, unit: "GB/s", time_ratio }],
        };
        let mut out = Vec::new();
        table(&mut out, &[measured(1.0), measured(0.5)], 9).unwrap();
        let text = String::from_utf8(anstream::adapter::strip_bytes(&out).into_vec()).unwrap();
        assert!(text.contains("2.00 GB/s") && text.contains("time × 0.50"), "{text}");
    }
}
