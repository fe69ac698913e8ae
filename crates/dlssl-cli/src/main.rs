//! The `dlssl` command: from the arguments to a command, and from its outcome to an exit code.
//!
//! Exit codes: 0 when the command did what was asked, 1 when it did not, 2 for a wrong command line.

// Not `forbid`: choosing a library by path is `unsafe`, which `library.rs` does, and so is ignoring a signal, in `cmd/serve`.
#![deny(unsafe_code)]

mod args;
mod certificate;
mod cmd;
mod failure;
mod library;
mod report;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    // Wrong usage, `--help` and `--version` end inside `parse`, with 2, 0 and 0.
    let outcome = match Cli::parse().command {
        Command::Doctor(args) => cmd::doctor::run(&args),
        Command::Selftest(args) => cmd::selftest::run(&args),
        Command::Bench(args) => cmd::bench::run(&args),
        Command::Connect(args) => cmd::connect::run(&args),
        Command::Serve(args) => cmd::serve::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // `eprintln!` would panic when standard error is closed; the exit code still says it all.
            let _ = failure.write_to(&mut anstream::stderr().lock());
            let _ = anstream::stderr().flush();
            ExitCode::FAILURE
        }
    }
}
