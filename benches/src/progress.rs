//! What goes on: a bar on a terminal, elsewhere a line for each work.

use std::error::Error;
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

/// The steps of a run.
pub struct Progress {
    bar: ProgressBar,
    /// The work that was told of last.
    work: Mutex<String>,
}

impl Progress {
    /// Of so many steps.
    pub fn new(steps: usize) -> Result<Self, Box<dyn Error>> {
        let bar = ProgressBar::new(steps as u64);
        bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} {msg}")?);
        Ok(Progress { bar, work: Mutex::default() })
    }

    /// Says what is begun, and by whom.
    pub fn say(&self, work: &str, whose: &str) {
        self.bar.set_message(format!("{work}: {whose}"));
        let Ok(mut told) = self.work.lock() else { return };
        if self.bar.is_hidden() && *told != work {
            eprintln!("  {:>4}/{} {work}", self.bar.position(), self.bar.length().unwrap_or(0));
            work.clone_into(&mut told);
        }
    }

    /// One step is done.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// All are.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
