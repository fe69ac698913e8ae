//! What a person sees: headings, one line per step with its time, errors. Colours only on a terminal.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();
const HEADING: Style = Style::new().bold();

pub(crate) fn heading(text: &str) {
    anstream::println!("{HEADING}== {text}{HEADING:#}");
}

pub(crate) fn error(text: &str) {
    anstream::eprintln!("{BAD}error{BAD:#}: {text}");
}

pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The phases that have ended, in order, with the time each took.
static ENDED: Mutex<Vec<(String, Duration)>> = Mutex::new(Vec::new());

/// The phases that have ended so far.
pub(crate) fn ended() -> Vec<(String, Duration)> {
    ENDED.lock().map_or_else(|_| Vec::new(), |ended| ended.clone())
}

/// Runs a named step, prints what became of it and how long it took, and keeps that for [`ended`].
pub(crate) fn phase<T>(
    name: &str,
    step: impl FnOnce() -> crate::Fallible<T>,
    good: impl FnOnce(&T) -> bool,
) -> crate::Fallible<T> {
    heading(name);
    let start = Instant::now();
    let result = step();
    let elapsed = start.elapsed();
    if let Ok(mut ended) = ENDED.lock() {
        ended.push((name.to_owned(), elapsed));
    }
    let took = seconds(elapsed);
    if result.as_ref().is_ok_and(good) {
        anstream::println!("{GOOD}ok{GOOD:#}     {name}  ({took})");
    } else {
        anstream::println!("{BAD}FAILED{BAD:#} {name}  ({took})");
    }
    result
}

/// A line that shows what is going on right now; nothing at all when standard error is no terminal.
pub(crate) fn spinner(label: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(label.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
