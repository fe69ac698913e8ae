//! The steps of one build: what each program says goes to a file, what goes on to the terminal.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::Fallible;
use crate::process::{self, End};
use crate::report;

/// No step may take longer, on the slowest machine.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// How much of the log a failure shows.
const SHOWN_LINES: usize = 20;

/// The log of one build, with the line that shows its progress.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    bar: ProgressBar,
    expected: String,
}

impl Log {
    /// Begins a log at `path`, in place of an older one.
    pub(crate) fn begin(path: &Path, label: &str, estimate: Duration) -> io::Result<Log> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let expected = format!("about {} in all", about(estimate));
        let bar = report::spinner(label);
        if bar.is_hidden() {
            anstream::println!("  …      {label}: {expected}");
        }
        Ok(Log { path: path.to_owned(), file: File::create(path)?, bar, expected })
    }

    /// Runs one program to its good end.
    ///
    /// # Errors
    ///
    /// When it cannot be run, fails or hangs; the message ends with the last lines of the log and its path.
    pub(crate) fn step(&mut self, name: &str, command: Command) -> Fallible<()> {
        self.bar.set_message(format!("{name} ({})", self.expected));
        writeln!(self.file, "# {name}: {command:?}")?;
        let file = &mut self.file;
        // A log that cannot be written must not end a build that runs well.
        let finished = process::run(command, LIMIT, |line| drop(writeln!(file, "{line}")));
        let finished = finished.map_err(|error| format!("{name} could not be run: {error}"))?;
        let why = match finished.end {
            End::Exited(status) if status.success() => return Ok(()),
            End::Exited(status) => status.to_string(),
            End::TimedOut => format!("took longer than {}", about(LIMIT)),
        };
        let shown = last_lines(&finished.output, SHOWN_LINES);
        Err(format!("{name} failed ({why}); the end of {}:\n{shown}", self.path.display()).into())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A time as a person says it beforehand.
pub(crate) fn about(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines[from..].iter().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_text() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "    b\n    c\n");
        assert_eq!(last_lines("a\n", 2), "    a\n");
        assert_eq!(last_lines("", 2), "");
    }

    #[test]
    fn times_are_said_roughly() {
        assert_eq!(about(Duration::from_secs(5)), "5 s");
        assert_eq!(about(Duration::from_secs(170)), "3 min");
    }

    #[cfg(unix)]
    #[test]
    fn a_step_that_fails_shows_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/x.log");
        let mut log = Log::begin(&path, "x", Duration::from_secs(1)).unwrap();
        let sh = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        log.step("good", sh("echo fine")).unwrap();
        let message = log.step("bad", sh("echo broken >&2; exit 3")).unwrap_err().to_string();
        assert!(message.starts_with("bad failed") && message.ends_with("    broken\n"), "{message}");
        assert!(message.contains(path.to_str().unwrap()), "{message}");
        let written = fs::read_to_string(&path).unwrap();
        assert!(written.contains("fine") && written.contains("broken"), "{written}");
    }
}
