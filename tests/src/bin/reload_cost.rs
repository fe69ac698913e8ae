//! What loading and reloading cost beside the bare dynamic linker: each measured in processes of their own, medians.
//!
//! `cargo run --release -p dlssl-tests --bin reload_cost -- [DIR]`
//!
//! Where valgrind is installed, the instructions of the first two are counted besides.
#![allow(clippy::unwrap_used, reason = "a tool of the developers")]

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use dlssl_core::{Isolation, Loader, Slot};

const ROUNDS: usize = 31;
const TASKS: [(&str, &str); 7] = [
    ("bare", "`dlopen` of both files, and initialisation"),
    ("load", "`Loader::load`, the files as they are"),
    ("private", "`Loader::load`, a private copy"),
    ("again", "`reload()`, nothing changed"),
    ("other", "`reload()` to other files of that name: a private copy"),
    ("to_and_fro", "`reload()` back to content that is mapped"),
    ("fresh", "`reload()` to a fresh copy"),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [task, folder] = &arguments[..] {
        let (took, kib) = run(task, folder);
        println!("{} {kib}", took.as_nanos());
        return;
    }
    let folder = arguments.first().cloned().unwrap_or_else(default_folder);
    println!(
        "{folder}, medians of {ROUNDS} processes that took turns\n\n| work | time | ÷ bare | memory |\n|---|---|---|---|"
    );
    let mut figures = vec![Vec::new(); TASKS.len()];
    for _ in 0..ROUNDS {
        for (at, (task, _)) in TASKS.iter().enumerate() {
            let said = Command::new(std::env::current_exe().unwrap()).args([task, &folder.as_str()]).output().unwrap();
            let text = String::from_utf8(said.stdout).unwrap();
            let (nanos, kib) = text.trim().split_once(' ').unwrap();
            figures[at].push((nanos.parse::<u64>().unwrap(), kib.parse::<i64>().unwrap()));
        }
    }
    let middle = |values: &[(u64, i64)]| {
        let mut times: Vec<u64> = values.iter().map(|value| value.0).collect();
        let mut sizes: Vec<i64> = values.iter().map(|value| value.1).collect();
        times.sort_unstable();
        sizes.sort_unstable();
        (times[times.len() / 2], sizes[sizes.len() / 2])
    };
    let (bare, _) = middle(&figures[0]);
    for ((_, words), values) in TASKS.iter().zip(&figures) {
        let (time, kib) = middle(values);
        println!("| {words} | {:.2} ms | {:.2} | {kib} KiB |", time as f64 / 1e6, time as f64 / bare as f64);
    }
    let [bare, load] = ["bare", "load"].map(|task| instructions(task, &folder));
    match (bare, load) {
        (Some(bare), Some(load)) => {
            println!("\ninstructions: {load} for `Loader::load`, {bare} bare: {:.3}", load as f64 / bare as f64);
        }
        _ => println!("\ninstructions not counted: valgrind is not installed"),
    }
}

/// Instructions of one task, counted by callgrind.
fn instructions(task: &str, folder: &str) -> Option<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=reload_cost::counted"]);
    let said = valgrind.arg(std::env::current_exe().unwrap()).args([task, folder]).output().ok()?;
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

fn default_folder() -> String {
    let library = Loader::new().load().unwrap();
    library.libssl_path().parent().unwrap().to_str().unwrap().to_owned()
}

/// Time of one task, and what resident memory it added.
fn run(task: &str, folder: &str) -> (Duration, i64) {
    // SAFETY: whoever runs this tool names the folder.
    let loader = || unsafe { Loader::new().directory(folder) };
    // Files in the page cache, as after any use of them.
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| is_half(path)) {
        std::fs::read(file).unwrap();
    }
    match task {
        "bare" => {
            let files = [file(folder, "libcrypto"), file(folder, "libssl")];
            measured(|| bare(&files))
        }
        "load" => {
            let (libssl, libcrypto) = (file(folder, "libssl"), file(folder, "libcrypto"));
            // SAFETY: as above.
            measured(|| drop(unsafe { Loader::new().files(&libssl, &libcrypto) }.load().unwrap()))
        }
        "private" => measured(|| drop(loader().isolation(Isolation::Always).load().unwrap())),
        _ => {
            let slot = Slot::new(loader());
            let first = slot.current().unwrap();
            let copies = tempfile::tempdir().unwrap();
            for file in [first.libssl_path(), first.libcrypto_path()] {
                let mut bytes = std::fs::read(file).unwrap();
                bytes.push(0);
                std::fs::write(copies.path().join(file.file_name().unwrap()), bytes).unwrap();
            }
            // SAFETY: the same files with a byte behind their end.
            let other = || unsafe { Loader::new().directory(copies.path()) };
            match task {
                "again" => measured(|| drop(slot.reload().unwrap())),
                "other" => measured(|| drop(slot.reload_with(other()).unwrap())),
                "to_and_fro" => {
                    slot.reload_with(other()).unwrap();
                    slot.reload_with(loader()).unwrap();
                    measured(|| drop(slot.reload_with(other()).unwrap()))
                }
                "fresh" => measured(|| drop(slot.reload_with(loader().fresh_copy(true)).unwrap())),
                _ => panic!("unknown task {task}"),
            }
        }
    }
}

fn is_half(path: &std::path::Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Not NSS's libssl3.so.
    let is_tail = |rest: &str| rest.starts_with(".so") || rest.starts_with('-') && rest.contains(".so");
    ["libssl", "libcrypto"].iter().any(|half| name.strip_prefix(half).is_some_and(is_tail))
}

/// The newest file of one half.
fn file(folder: &str, half: &str) -> PathBuf {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| is_half(path)).collect();
    files.sort();
    files.into_iter().rfind(|path| path.file_name().unwrap().to_string_lossy().starts_with(half)).unwrap()
}

/// The least that any loader does: both files by path, libcrypto first, then initialisation with the library's own flags.
fn bare(files: &[PathBuf; 2]) {
    let [_, ssl] = files.each_ref().map(|file| {
        let name = std::ffi::CString::new(file.to_str().unwrap()).unwrap();
        // SAFETY: as for `run`; never closed.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!handle.is_null());
        handle
    });
    // SAFETY: a live handle; the function has this signature from OpenSSL 1.1.0 on.
    unsafe {
        let init = libc::dlsym(ssl, c"OPENSSL_init_ssl".as_ptr());
        if !init.is_null() {
            let init: unsafe extern "C" fn(u64, *const ()) -> i32 = std::mem::transmute(init);
            init(0x40 | 0x80000, std::ptr::null());
        }
    }
}

fn measured(mut work: impl FnMut()) -> (Duration, i64) {
    let before = resident();
    let start = Instant::now();
    counted(&mut work);
    (start.elapsed(), resident() - before)
}

/// The work and nothing else, under a name that callgrind finds.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
}

fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
