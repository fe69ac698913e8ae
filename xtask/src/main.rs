//! `cargo xtask`: the project's own commands. Exit code 0 only when all went well.

mod args;
mod bench;
mod budget;
mod ci;
mod docs;
mod fuzz;
mod headers;
mod libs;
mod nightly;
mod package;
mod peers;
mod process;
mod report;
mod targets;
mod test;
mod tidy;
mod verdicts;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// What a command can fail with before it has a result of its own to show.
type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Runs one command; `false` means that it has already said what is wrong.
fn run(command: Command) -> Fallible<bool> {
    process::end_children_on_interrupt()?;
    match command {
        Command::Tidy => tidy::command(),
        Command::Test(options) => test::command(&options),
        Command::Nightly(options) => nightly::command(&options),
        Command::KernelTls { install } => test::kernel_tls_command(install),
        Command::Headers => test::headers_command(),
        Command::Fuzz { seconds, guided: true, keep, targets } => fuzz::guided::command(seconds, keep, &targets),
        Command::Fuzz { seconds, targets, .. } => fuzz::command(seconds, &targets),
        Command::Package => package::command(),
        Command::Ci => ci::command(),
        Command::Docs { check } => docs::command(check),
        Command::Bench(options) => bench::command(&options),
        Command::Targets { install, targets } => targets::command(install, &targets),
        Command::Verdicts(options) => verdicts::command(&options),
        Command::Peers { install } => peers::command(install),
        Command::Libs(command) => libs::command(command),
    }
}
