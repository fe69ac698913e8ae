//! What tests of readers of bytes from outside share: the corpus (`tests/corpus/<target>`), and changed copies of it for a while.
//!
//! `DLSSL_FUZZ_SECONDS` says how long for each target. What breaks a promise is written beside the test executable and named;
//! once mended it becomes a file of the corpus.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::nightly;
use crate::mutate::Mutator;

/// Name of a reader, which is that of its corpus, and the reader, which panics when it breaks a promise.
pub type Target = (&'static str, fn(&[u8]));

/// The files of a corpus.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no corpus for {name}");
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Reads each file of the corpus.
pub fn corpus((name, target): Target) {
    seeds(name).iter().for_each(|input| target(input));
}

/// Reads changed copies of them for a while.
pub fn changed((name, target): Target) {
    let told = std::env::var("DLSSL_FUZZ_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    let time = Duration::from_secs_f64(told.unwrap_or(if nightly() { 60.0 } else { 0.3 }));
    // An ordinary run is the same each time; who asks for time looks for something new.
    let process = if told.is_some() || nightly() { std::process::id() } else { 1 };
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

fn keep(name: &str, input: &[u8]) -> PathBuf {
    let folder = std::env::current_exe().unwrap().with_file_name("fuzz");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}-{}", std::process::id()));
    std::fs::write(&file, input).unwrap();
    file
}
