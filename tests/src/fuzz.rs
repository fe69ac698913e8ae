//! What tests of readers of bytes from outside share: the corpus (`tests/corpus/<target>`), and changed copies of it for a while.
//!
//! `DLSSL_FUZZ_SECONDS` says how long for each target. What breaks a promise is written beside the test executable and named;
//! once mended it becomes a file of the corpus. Built with `--cfg fuzzing`, the copies are libFuzzer's (`guided`).

#[cfg(fuzzing)]
mod guided;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::nightly;
use crate::mutate::Mutator;

/// Name of a reader, which is that of its corpus, and the reader, which panics when it breaks a promise.
pub type Target = (&'static str, fn(&[u8]));

/// For each target, in an ordinary run.
const ORDINARY: Duration = Duration::from_millis(300);

/// How long changed copies of a target's corpus are read.
pub fn time() -> Duration {
    let told = std::env::var("DLSSL_FUZZ_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    let otherwise = if nightly() { Duration::from_secs(60) } else { ORDINARY };
    told.map_or(otherwise, Duration::from_secs_f64)
}

/// The folder of a corpus.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

/// The files of a folder.
fn inputs(folder: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// The files of a corpus.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let seeds = inputs(&folder(name));
    assert!(!seeds.is_empty(), "no corpus for {name}");
    seeds
}

/// Reads each file of the corpus.
pub fn corpus((name, target): Target) {
    seeds(name).iter().for_each(|input| target(input));
}

/// Reads changed copies of them for a while.
pub fn changed((name, target): Target) {
    #[cfg(fuzzing)]
    guided::run(name, target);
    let time = time();
    // An ordinary run is the same each time; who asks for time looks for something new.
    let process = if time == ORDINARY { 1 } else { std::process::id() };
    let number = u64::from(process) << 32 ^ u64::try_from(name.len()).unwrap();
    let mut mutator = Mutator::new(number, seeds(name));
    let (begin, mut runs) = (Instant::now(), 0_u64);
    while begin.elapsed() < time {
        let input = mutator.next_input();
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let file = keep(name, &input);
            panic!("{name}: input {runs} of generator {number} breaks a promise; it is in {}", file.display());
        }
        runs += 1;
    }
    println!("{name}: {runs} inputs");
}

/// Where what was found is kept: beside the test executable.
fn found() -> PathBuf {
    let folder = std::env::current_exe().unwrap().with_file_name("fuzz");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn keep(name: &str, input: &[u8]) -> PathBuf {
    let file = found().join(format!("{name}-{}", std::process::id()));
    std::fs::write(&file, input).unwrap();
    file
}
