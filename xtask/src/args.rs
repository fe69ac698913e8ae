//! The command line, as types.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the house rules over every file of the tree.
    Tidy,
    /// Run every test: unit, documentation, integration, and once with no library to be found.
    Test(TestOptions),
    /// Run what CI has no time for: every test on every build with the long tests, and the steps of docs/nightly.md.
    Nightly(NightlyOptions),
    /// Run the tests of kernel TLS in a small virtual machine, on every OpenSSL from 3.0 on that is there.
    KernelTls {
        /// Install qemu and busybox where they are missing (needs root and apt-get).
        #[arg(long)]
        install: bool,
    },
    /// Compare the lists of C functions and constants with the headers and exports of every build.
    Headers,
    /// Pack each crate that is published, and build it from what was packed.
    Package,
    /// Feed the readers of bytes from outside with changed copies of their corpus.
    Fuzz {
        /// For each target.
        #[arg(long, default_value_t = 10)]
        seconds: u32,

        /// Copies by libFuzzer, which goes on from those that reach new code (needs a C++ compiler).
        #[arg(long)]
        guided: bool,

        /// Add to the corpus what reaches code that it does not reach.
        #[arg(long, requires = "guided")]
        keep: bool,

        /// Only the targets whose name contains one of these.
        targets: Vec<String>,
    },
    /// Run what CI runs, in the same order: format, clippy, rustdoc, tidy, documents, packages, tests.
    Ci,
    /// Write the documents that come from the lists of functions and settings.
    Docs {
        /// Write nothing; fail when one is not current.
        #[arg(long)]
        check: bool,
    },
    /// Measure dlssl beside rust-openssl, plain C and rustls on one OpenSSL, on every build of the catalogue, and loading.
    Bench(BenchOptions),
    /// Check the published crates for other platforms, and run them where this machine can.
    Targets {
        /// Fetch what that needs into the user's cache: Debian's Rust, a 32-bit libssl, one of Windows (250 MB).
        #[arg(long)]
        install: bool,

        /// Only these [default: all]
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
    },
    /// Judge cases of certificates on every build: dlssl's verdict, the library's own, and the right one.
    Verdicts(VerdictOptions),
    /// Show the programs that the tests talk to, and which of them are missing.
    Peers {
        /// Install what is missing (needs root and apt-get).
        #[arg(long)]
        install: bool,
    },
    /// Real builds of OpenSSL and LibreSSL to test on, kept in the user's cache.
    #[command(subcommand)]
    Libs(LibsCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum LibsCommand {
    /// Show the catalogue: what is there, what it says when it is loaded, what is left to make.
    List {
        /// Also show the libssl and libcrypto in DIR (may be repeated).
        #[arg(long, value_name = "DIR")]
        lib_dir: Vec<PathBuf>,
    },
    /// Fetch and build what is missing: the builds named, or all of the ordinary test run.
    Get {
        #[arg(value_name = "NAME")]
        names: Vec<String>,

        /// Those of the nightly run too.
        #[arg(long, conflicts_with = "names")]
        all: bool,
    },
    /// Print the folder of a build's libraries.
    Path {
        name: String,

        /// Its headers' folder instead.
        #[arg(long)]
        include: bool,

        /// The variables instead that make a program use it, for `env`.
        #[arg(long, conflicts_with = "include")]
        env: bool,
    },
    /// Load the pair in a folder, or the system's, and say what it is: one line of JSON.
    #[command(hide = true)]
    Identify { folder: Option<PathBuf> },
}

#[derive(Debug, clap::Args)]
pub(crate) struct NightlyOptions {
    /// Only these steps [default: all].
    #[arg(value_name = "STEP")]
    pub(crate) steps: Vec<String>,

    /// Show the steps, run none.
    #[arg(long)]
    pub(crate) list: bool,
}

/// A part of `cargo xtask bench`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum BenchPart {
    /// The peers' times, in turns.
    Times,
    /// Memory of 5,000 idle connections.
    Held,
    /// System calls, instructions, allocations.
    Counts,
    /// dlssl on every build of the catalogue, and rustls.
    Builds,
    /// Loading and reloading.
    Load,
    /// From 10 to 10,000 connections, and threads.
    Growth,
    /// dlssl-tokio beside tokio-openssl.
    Tokio,
    /// rust-openssl beside dlssl on every build, or on that of `--lib`; one without headers by the nearest build's.
    Each,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BenchOptions {
    /// The library that all run on: a build of the catalogue, with headers but for `each` [default: the system's]
    #[arg(long, value_name = "NAME")]
    pub(crate) lib: Option<String>,

    /// Only this part (may be repeated) [default: all, in this order]
    #[arg(long, value_name = "PART")]
    pub(crate) part: Vec<BenchPart>,

    /// Rounds in which they take turns [default: 9; 5 for growth, 15 for tokio and each]
    #[arg(long)]
    pub(crate) rounds: Option<usize>,

    /// Write tables, JSON and plots into docs/performance, to be kept.
    #[arg(long, conflicts_with = "into")]
    pub(crate) keep: bool,

    /// Write them into DIR [default: target/bench/report]
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,

    /// For the peers' program and the parts `times`, `held` and `counts`, such as `--only bulk`.
    #[arg(last = true)]
    pub(crate) rest: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct VerdictOptions {
    /// Cases in the shape of x509-limbo's `limbo.json`, a file or a folder of them [default: our own]
    #[arg(long, value_name = "PATH")]
    pub(crate) cases: Option<PathBuf>,

    /// Only on this build of the catalogue (may be repeated).
    #[arg(long, value_name = "NAME")]
    pub(crate) lib: Vec<String>,

    /// Write tables and JSON into DIR [default: target/verdicts]
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,

    /// Write the tables into docs/verdicts.md too.
    #[arg(long, conflicts_with_all = ["cases", "lib"])]
    pub(crate) page: bool,

    /// Judge nothing: write our own cases to FILE, for others to judge.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cases", "lib", "page", "into"])]
    pub(crate) write_cases: Option<PathBuf>,
}

#[derive(Debug, Default, clap::Args)]
pub(crate) struct TestOptions {
    /// Integration tests on the system's library only: the quick run.
    #[arg(long, conflicts_with_all = ["lib_dir", "lib"])]
    pub(crate) system: bool,

    /// Only on this build of the catalogue (may be repeated); see `cargo xtask libs list`.
    #[arg(long, value_name = "NAME")]
    pub(crate) lib: Vec<String>,

    /// As in the nightly run: the long tests at full length, the examples on each build, and every build of the catalogue
    /// but for those left out by `--lib`.
    #[arg(long)]
    pub(crate) nightly: bool,

    /// On the system's library and on the libssl and libcrypto in DIR (may be repeated).
    #[arg(long, value_name = "DIR", conflicts_with = "lib")]
    pub(crate) lib_dir: Vec<PathBuf>,

    /// A test that was skipped because a program is not installed counts as failed (set by CI=true).
    #[arg(long)]
    pub(crate) strict: bool,

    /// Install the programs that the tests talk to first (done by itself only with CI=true).
    #[arg(long)]
    pub(crate) install_peers: bool,

    /// Also write the results to FILE as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Only the tests whose name contains one of these.
    #[arg(last = true)]
    pub(crate) filter: Vec<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_filter_comes_after_two_dashes() {
        let args = Args::parse_from(["xtask", "test", "--strict", "--", "handshake", "alpn"]);
        let Command::Test(options) = args.command else {
            panic!("not the test command: {args:?}");
        };
        assert!(options.strict);
        assert_eq!(options.filter, ["handshake", "alpn"]);
    }
}
