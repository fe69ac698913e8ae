//! What became of a step, and what steps share: programs that may be missing, commands that must end well.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Fallible;
use crate::test::Totals;

/// What became of a step. The note is its figure, or the reason.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) totals: Totals,
    pub(crate) note: String,
}

impl Verdict {
    pub(crate) fn passed(figure: impl Into<String>) -> Verdict {
        Verdict { totals: Totals { passed: 1, ..Default::default() }, note: figure.into() }
    }

    pub(crate) fn failed(reason: impl Into<String>) -> Verdict {
        Verdict { totals: Totals { failed: 1, ..Default::default() }, note: reason.into() }
    }

    /// For want of something that the reason names, with the way to get it.
    pub(crate) fn skipped(reason: impl Into<String>) -> Verdict {
        Verdict { totals: Totals { skipped: 1, ..Default::default() }, note: reason.into() }
    }
}

/// Whether a command can be run and ends well; its output is not shown. For looking whether a tool is there.
pub(crate) fn is_there(mut command: Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command with its output shown.
///
/// # Errors
///
/// When it cannot be run, or does not end well: it has then said why.
pub(crate) fn run(mut command: Command) -> Fallible<()> {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status().map_err(|error| format!("{name} could not be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}").into()) }
}
