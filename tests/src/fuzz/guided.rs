//! Inputs made by libFuzzer, which goes on from those that reach new code. It ends the process, so each has one target:
//! `cargo xtask fuzz --guided` sees to that.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ffi::{CString, c_char, c_int};
use std::path::Path;
use std::process::exit;
use std::sync::OnceLock;

use super::{folder, found, inputs, seeds, time};

unsafe extern "C" {
    fn LLVMFuzzerRunDriver(
        argc: *mut c_int,
        argv: *mut *mut *mut c_char,
        read: extern "C" fn(*const u8, usize) -> c_int,
    ) -> c_int;

    // Of the linker: around the counters that the compiler has put at each edge of the program.
    static mut __start___sancov_cntrs: u8;
    static mut __stop___sancov_cntrs: u8;
}

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|input: &[u8]| if let Some(target) = TARGET.get() {
    target(input);
});

extern "C" fn read(data: *const u8, size: usize) -> c_int {
    // SAFETY: so many bytes are there, as libFuzzer says.
    unsafe { libfuzzer_sys::test_input_wrap(data, size) }
}

/// Reads what libFuzzer makes, or with `DLSSL_FUZZ_KEEP` takes over what it has made, and ends the process. What reaches new code
/// is in a folder beside the executable, where the next run begins with it.
pub(super) fn run(name: &str, target: fn(&[u8])) {
    let own = found().join(name);
    std::fs::create_dir_all(&own).unwrap();
    if std::env::var_os("DLSSL_FUZZ_KEEP").is_some() {
        take_over(name, target, &own);
        exit(0);
    }
    TARGET.get_or_init(|| target);
    let arguments = [
        name.to_owned(),
        format!("-max_total_time={}", time().as_secs().max(1)),
        // One input.
        "-timeout=20".to_owned(),
        format!("-artifact_prefix={}-", own.display()),
        own.display().to_string(),
        folder(name).display().to_string(),
    ]
    .map(|text| CString::new(text).unwrap());
    let mut pointers: Vec<_> = arguments.iter().map(|text| text.as_ptr().cast_mut()).collect();
    let mut count = c_int::try_from(pointers.len()).unwrap();
    pointers.push(std::ptr::null_mut());
    // SAFETY: count and arguments belong together and live until the process ends.
    exit(unsafe { LLVMFuzzerRunDriver(&mut count, &mut pointers.as_mut_ptr(), read) });
}

/// Most files that a corpus gets at once, and fewest edges that one must be worth: each file is read in every run of the tests.
const MOST: usize = 6;
const FEWEST: usize = 3;

/// Adds to the corpus what reaches code that it does not reach, that with most of it first, each cut down to what does so.
fn take_over(name: &str, target: fn(&[u8]), own: &Path) {
    let edges = |input: &[u8]| edges(target, input);
    let mut known: HashSet<usize> = seeds(name).iter().flat_map(|input| edges(input)).collect();
    let mut made: Vec<_> = inputs(own)
        .into_iter()
        // What comes once only is another thread's, or has been made ready for good.
        .map(|input| (&edges(&input) & &edges(&input), input))
        .collect();
    // Of two that are worth the same the shorter one.
    made.sort_by_key(|(_, input)| Reverse(input.len()));
    for _ in 0..MOST {
        let Some((reached, input)) = made.iter().max_by_key(|(reached, _)| (reached - &known).len()) else { break };
        let new = reached - &known;
        if new.len() < FEWEST {
            break;
        }
        let short = shortened(input, |shorter| new.is_subset(&edges(shorter)));
        known.extend(edges(&short));
        let free = (1..).map(|number| folder(name).join(format!("new-{number}"))).find(|file| !file.exists()).unwrap();
        std::fs::write(&free, &short).unwrap();
        println!("{}: {} bytes, {} edges", free.display(), short.len(), new.len());
    }
}

/// Takes pieces out, large ones first, as long as what is left does.
fn shortened(input: &[u8], does: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut input = input.to_vec();
    let mut piece = input.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at + piece <= input.len() {
            let shorter = [&input[..at], &input[at + piece..]].concat();
            if does(&shorter) { input = shorter } else { at += piece }
        }
        piece /= 2;
    }
    input
}

/// The edges of the program that an input comes by.
fn edges(target: fn(&[u8]), input: &[u8]) -> HashSet<usize> {
    // SAFETY: the section's bounds, by the linker.
    let (first, len) = unsafe {
        let first = &raw mut __start___sancov_cntrs;
        (first, (&raw mut __stop___sancov_cntrs).offset_from_unsigned(first))
    };
    // SAFETY: the counters; that another thread counts too changes a few, no more.
    unsafe { first.write_bytes(0, len) };
    target(input);
    // SAFETY: as above.
    (0..len).filter(|at| unsafe { first.add(*at).read_volatile() } != 0).collect()
}
