//! docs/troubleshooting.md: each command there is run on such a set-up, and what it prints is what the page shows. And programs
//! that run set-user-id, on every build.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use dlssl_tests::builds::{Build, builds, none_given};
use dlssl_tests::harness::{Test, run, test};
use dlssl_tests::{cli, process};
use tempfile::TempDir;

const PAGE: &str = include_str!("../../docs/troubleshooting.md");
const CODES: &str = include_str!("../../crates/dlssl-core/src/error.rs");

/// Where the page's set-ups lie.
const PLACE: &str = "/opt/app";

fn main() -> ExitCode {
    let wanted = ["system", "openssl-3.5.5", "openssl-3.0.8", "openssl-1.1.1w", "openssl-1.0.2n"];
    let there: Vec<String> = builds().into_iter().map(|build| build.name).collect();
    let missing = wanted.iter().find(|name| !there.iter().any(|there| there == *name));
    let mut tests = vec![
        test("the_page_shows_what_is_printed", page)
            .needs_linux()
            .only_if(cfg!(target_arch = "x86_64"), || "the page is about x86_64".into())
            .only_if(!there.is_empty(), none_given)
            .only_if(missing.is_none(), || format!("the build {} is not there", missing.unwrap_or(&""))),
        test("the_page_has_every_code", codes),
    ];
    tests.extend(set_user_id_tests());
    run(tests)
}

#[cfg(target_os = "linux")]
fn set_user_id_tests() -> Vec<Test> {
    let mut tests = vec![set_user_id::needs(
        test("set_user_id", set_user_id::says_so)
            .only_if(builds().iter().any(|build| build.directory.is_some()), none_given),
    )];
    for build in builds() {
        let name = format!("set_user_id_reads_no_configuration_of_strangers_on_{}", build.name);
        tests.push(set_user_id::needs(test(&name, move || set_user_id::reads_nothing_of_strangers(&build))));
    }
    tests
}

#[cfg(not(target_os = "linux"))]
fn set_user_id_tests() -> Vec<Test> {
    Vec::new()
}

/// A block of the page that begins with a command.
struct Block {
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    expected: Vec<String>,
}

/// Those of the page, with `place` where the page has its own.
fn blocks(place: &Path) -> Vec<Block> {
    let place = place.to_str().unwrap();
    let texts = PAGE.split("```text\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    texts
        .filter_map(|text| text.strip_prefix("$ "))
        .map(|text| {
            let mut lines = text.lines().map(|line| line.replace(PLACE, place));
            let command = lines.next().unwrap();
            let words: Vec<&str> = command.split(' ').collect();
            let program = words.iter().position(|word| *word == "dlssl").unwrap();
            let own = |word: &&str| (*word).to_owned();
            let variables = words[..program].iter().map(|word| word.split_once('=').unwrap());
            Block {
                variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                arguments: words[program + 1..].iter().map(own).collect(),
                expected: lines.filter(|line| !line.is_empty()).collect(),
            }
        })
        .collect()
}

fn page() {
    let place = TempDir::new().unwrap();
    set_up(place.path());
    let blocks = blocks(place.path());
    assert!(blocks.len() >= 12, "the page has only {} commands", blocks.len());
    for block in blocks {
        let mut command = Command::new(cli::path());
        for name in ["DLSSL_DIR", "DLSSL_LIBSSL", "DLSSL_LIBCRYPTO", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH"]
        {
            command.env_remove(name);
        }
        command.args(&block.arguments).envs(block.variables);
        let outcome = process::run(&mut command, b"");
        let printed = format!("{}{}", outcome.stderr, outcome.stdout);
        let mut lines = printed.lines();
        for expected in block.expected.iter().filter(|line| *line != "…") {
            assert!(
                lines.any(|line| line == expected),
                "{:?} does not print, or not in this order:\n{expected}\n\nit prints:\n{printed}",
                block.arguments
            );
        }
    }
}

/// The folders that the page speaks of.
fn set_up(place: &Path) {
    let folder = |name: &str| {
        let folder = place.join(name);
        fs::create_dir(&folder).unwrap();
        folder
    };
    folder("empty");
    let text = folder("text");
    for half in ["ssl", "crypto"] {
        fs::write(text.join(format!("lib{half}.so")), format!("INPUT(lib{half}.so.3)\n")).unwrap();
    }
    for name in ["openssl-3.5.5", "openssl-3.0.8", "openssl-1.1.1w"] {
        copy_pair(name, &folder(name));
    }
    copy_pair("openssl-1.0.2n", &folder("bundle"));
    let half = folder("half");
    fs::copy(place.join("openssl-3.5.5/libssl.so.3"), half.join("libssl.so.3")).unwrap();
    // The processor is the half-word at byte 18 of the header.
    let other = folder("aarch64");
    for name in ["libssl.so.3", "libcrypto.so.3"] {
        let mut bytes = fs::read(place.join("openssl-3.5.5").join(name)).unwrap();
        bytes[18] = 183;
        fs::write(other.join(name), bytes).unwrap();
    }
}

/// Copies libssl and libcrypto of a build, and nothing else that lies there.
fn copy_pair(name: &str, into: &Path) {
    let build = builds().into_iter().find(|build| build.name == name).unwrap();
    for entry in fs::read_dir(build.directory.unwrap()).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let is_half = name.starts_with("libssl") || name.starts_with("libcrypto");
        if is_half && !name.ends_with(".so") {
            fs::copy(&file, into.join(name)).unwrap();
        }
    }
}

fn codes() {
    let arms = CODES.lines().filter(|line| line.trim_start().starts_with("Self::") && line.ends_with("\","));
    let codes: Vec<&str> = arms.filter_map(|arm| arm.split("=> \"").nth(1)?.strip_suffix("\",")).collect();
    assert!(codes.len() > 15, "{codes:?}");
    let (_, table) = PAGE.split_once("| code | means |").unwrap();
    for code in &codes {
        assert!(table.contains(&format!("`{code}`")), "{code} is not in the table");
    }
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    for named in rows.flat_map(|cell| cell.split(", ").map(|code| code.trim_matches('`'))) {
        assert!(codes.contains(&named), "{named} is no code");
    }
}

#[cfg(target_os = "linux")]
mod set_user_id {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    use super::*;

    /// Whoever has no rights.
    const NOBODY: u32 = 65534;

    pub(super) fn needs(test: Test) -> Test {
        // SAFETY: a plain getter.
        let is_root = unsafe { libc::geteuid() == 0 };
        test.needs("install")
            .only_if(is_root, || "only root can make a program set-user-id root".into())
            .only_if(!ignores_the_bit(&std::env::temp_dir()), || "the temporary folder is mounted nosuid".into())
    }

    fn ignores_the_bit(folder: &Path) -> bool {
        let Ok(path) = CString::new(folder.as_os_str().as_bytes()) else { return false };
        // SAFETY: all bytes zero is a value of this struct.
        let mut about: libc::statvfs = unsafe { std::mem::zeroed() };
        // SAFETY: a path that ends with NUL, and a struct to write to.
        let known = unsafe { libc::statvfs(path.as_ptr(), &raw mut about) } == 0;
        known && about.f_flag & libc::ST_NOSUID != 0
    }

    /// `dlssl doctor` as nobody, of a copy that runs as root.
    fn doctor(place: &Path) -> Command {
        let program: PathBuf = place.join("dlssl");
        // Written by another process: a child that other tests start meanwhile would have our descriptor of it, for a moment.
        let mut install = process::foreign("install");
        process::run(install.args(["-m", "4755"]).arg(cli::path()).arg(&program), b"").success();
        fs::set_permissions(place, fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(program);
        command.arg("doctor").uid(NOBODY).gid(NOBODY).current_dir("/");
        command
    }

    pub(super) fn says_so() {
        let place = TempDir::new().unwrap();
        let build = builds().into_iter().find(|build| build.directory.is_some()).unwrap();
        let mut command = doctor(place.path());
        let outcome = process::run(command.env("DLSSL_DIR", build.directory.unwrap()), b"").success();
        for words in [
            "asked for: DLSSL_DIR is ignored, since this process runs set-user-id; the default search",
            "(ignored: this process runs set-user-id)",
        ] {
            assert!(outcome.stdout.contains(words), "{words}\n{}", outcome.stdout);
        }
    }

    /// A file that blocks whoever opens it stands for one that would name code to run.
    pub(super) fn reads_nothing_of_strangers(build: &Build) {
        let place = TempDir::new().unwrap();
        let trap = place.path().join("openssl.cnf");
        let name = CString::new(trap.as_os_str().as_bytes()).unwrap();
        // SAFETY: a path that ends with NUL.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o644) }, 0);
        let mut command = doctor(place.path());
        if let Some(directory) = &build.directory {
            command.arg("--lib-dir").arg(directory);
        }
        let outcome = process::run(command.env("OPENSSL_CONF", trap), b"");
        // Where it needs a search path, that is ignored too.
        let is_refused = build.search_path.is_some() && !outcome.status.success();
        assert!(is_refused || outcome.status.success(), "{outcome:#?}");
    }
}
