//! The one test of a whole program without a library: `dlssl doctor` must fail, and explain itself.

use std::io;
use std::time::Duration;

use super::build::Built;
use super::place::Place;
use super::summary::Outcome;
use crate::process::{self, End, Finished};

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn must_explain(place: &Place, built: &Built, label: &str) -> io::Result<Outcome> {
    let mut command = place.program(&built.dlssl.to_string_lossy());
    command.arg("doctor");
    let finished = process::run(command, LIMIT, |_| {})?;
    let fault = fault(&finished);
    if fault.is_some() {
        anstream::print!("{}", finished.output);
    }
    Ok(Outcome {
        pass: label.to_owned(),
        suite: "dlssl doctor".to_owned(),
        passed: usize::from(fault.is_none()),
        failed: usize::from(fault.is_some()),
        skipped: 0,
        failures: Vec::new(),
        skips: Vec::new(),
        fault,
        took: finished.took,
    })
}

/// What is wrong with how the command ended, if anything.
fn fault(finished: &Finished) -> Option<String> {
    let End::Exited(status) = &finished.end else {
        return Some("did not end".to_owned());
    };
    let text = &finished.output;
    match status.code() {
        None => Some(format!("died: {status}")),
        Some(0) => Some("ended well, although there is no library".to_owned()),
        Some(_) if text.contains("panicked at") => Some("panicked".to_owned()),
        Some(_) if !text.contains("libssl") && !text.contains("libcrypto") => {
            Some("did not say what it looked for".to_owned())
        }
        Some(_) => None,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn fault_of(wait_status: i32, output: &str) -> Option<String> {
        fault(&Finished {
            end: End::Exited(ExitStatus::from_raw(wait_status)),
            output: output.to_owned(),
            took: Duration::ZERO,
        })
    }

    #[test]
    fn an_explained_failure_is_what_is_wanted() {
        assert_eq!(fault_of(1 << 8, "tried libssl.so.3: no such file"), None);
    }

    #[test]
    fn anything_else_is_a_fault() {
        assert!(fault_of(0, "libssl.so.3").is_some());
        assert!(fault_of(6, "libssl.so.3").is_some());
        assert!(fault_of(1 << 8, "error").is_some());
        assert!(fault_of(101 << 8, "panicked at x: libssl").is_some());
    }
}
