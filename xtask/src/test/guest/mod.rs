//! The tests of kernel TLS in a small virtual machine, for hosts whose kernel has none: Debian's kernel in software
//! emulation (qemu), the test executable on each library in turn, and its words on the serial console.

mod archive;
mod kernel;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::build::Suite;
use super::output;
use super::summary::{Outcome, SkipReport};
use crate::libs;
use crate::process::{self, End};
use crate::{Fallible, peers, report};
use archive::Archive;
use kernel::Kernel;

/// The integration test that is run.
pub(super) const TARGET: &str = "kernel_tls";

const LABEL: &str = "kernel TLS in a virtual machine";

/// Emulated machines are slow; one that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// What the guest says before a library's run, and after it with the exit code.
const BEGIN: &str = "==== begin ";
const END: &str = "==== end ";

/// Parts of the kernel's modules that kernel TLS can ask for.
const MODULES: [&str; 4] = ["kernel/net/tls", "kernel/crypto", "kernel/lib/crypto", "kernel/arch/x86/crypto"];

/// A library for the guest, under the paths that it has here.
struct Library {
    name: &'static str,
    libssl: PathBuf,
    libcrypto: PathBuf,
}

/// Runs the tests on every OpenSSL from 3.0 on that is there; skipped, by name, where the machine for it is not.
pub(super) fn run(suite: &Suite, install: bool) -> Fallible<Vec<Outcome>> {
    let kernel = match machine(install) {
        Ok(kernel) => kernel,
        Err(why) => return Ok(vec![skipped(&why.to_string())]),
    };
    let libraries = libraries()?;
    let folder = tempfile::tempdir()?;
    let initrd = folder.path().join("initrd");
    std::fs::write(&initrd, file_system(&kernel, suite, &libraries)?.bytes())?;
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-accel", "tcg", "-cpu", "max", "-m", "1536", "-nodefaults", "-no-reboot", "-display", "none"]);
    qemu.args(["-serial", "stdio", "-append", "console=ttyS0 loglevel=0 panic=-1"]);
    qemu.arg("-kernel").arg(&kernel.image).arg("-initrd").arg(&initrd);
    let bar = report::spinner(&format!("Linux {}", kernel.version));
    let start = Instant::now();
    let finished = process::run(qemu, LIMIT, |line| {
        if let Some(word) = line.strip_prefix(BEGIN).or_else(|| output::test_name(line)) {
            bar.set_message(word.to_owned());
        }
    })?;
    bar.finish_and_clear();
    let ended = matches!(finished.end, End::Exited(status) if status.success());
    let outcomes = judge(&finished.output, &libraries, ended, start.elapsed());
    if outcomes.iter().any(|outcome| !outcome.is_good()) {
        anstream::print!("{}", finished.output);
    }
    Ok(outcomes)
}

/// What the machine is made of.
fn machine(install: bool) -> Fallible<Kernel> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("only on Linux on x86-64".into());
    }
    peers::ensure_guest(install)?;
    kernel::ensure()
}

fn libraries() -> Fallible<Vec<Library>> {
    let there = |row: &&'static libs::Row| matches!(libs::locate(row.name), Ok(Some(_)));
    let rows: Vec<_> = libs::catalogue().iter().filter(there).collect();
    let mut libraries = Vec::new();
    for (row, outcome) in libs::ensure(&rows)? {
        if let libs::Outcome::Ready(identity) = outcome
            && identity.text.strip_prefix("OpenSSL ").is_some_and(|version| !version.starts_with("1."))
        {
            libraries.push(Library { name: row.name, libssl: identity.libssl, libcrypto: identity.libcrypto });
        }
    }
    Ok(libraries)
}

fn file_system(kernel: &Kernel, suite: &Suite, libraries: &[Library]) -> Fallible<Archive> {
    let mut archive = Archive::default();
    for folder in ["proc", "sys", "dev", "tmp"] {
        archive.folder(folder);
    }
    let busybox = peers::find("busybox").ok_or("busybox is not installed")?;
    put(&mut archive, &busybox, Path::new("bin/busybox"))?;
    archive.link("sbin/modprobe", "/bin/busybox");
    put(&mut archive, &suite.executable, Path::new("test"))?;
    for library in libraries {
        for file in [&library.libssl, &library.libcrypto] {
            put(&mut archive, file, file)?;
        }
    }
    let modules = Path::new("lib/modules").join(&kernel.version);
    for part in MODULES {
        archive.tree(&kernel.modules.join(part), &modules.join(part))?;
    }
    for file in ["modules.builtin", "modules.order"] {
        let from = kernel.modules.join(file);
        if from.is_file() {
            archive.file(&from, &modules.join(file))?;
        }
    }
    archive.program("init", script(libraries).as_bytes());
    Ok(archive)
}

/// A program or library with what it is linked to.
fn put(archive: &mut Archive, file: &Path, at: &Path) -> Fallible<()> {
    archive.file(file, at)?;
    let output = Command::new("ldd").arg(file).output()?;
    for needed in needed(&String::from_utf8_lossy(&output.stdout)) {
        archive.file(&needed, &needed)?;
    }
    Ok(())
}

/// Paths in the words of `ldd`: `libc.so.6 => /lib/libc.so.6 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`.
fn needed(text: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let line = line.rsplit("=> ").next()?.trim();
        let path = line.split(' ').next()?;
        // A colon: a complaint about a version, which is settled when the library's own half is loaded first.
        (path.starts_with('/') && !path.ends_with(':')).then(|| PathBuf::from(path))
    };
    text.lines().filter_map(path).collect()
}

/// What the guest does: the first program and the only one.
fn script(libraries: &[Library]) -> String {
    let mut script = "#!/bin/busybox sh\n\
        export PATH=/bin:/sbin HOME=/tmp\n\
        /bin/busybox mount -t proc proc /proc\n\
        /bin/busybox mount -t sysfs sys /sys\n\
        /bin/busybox mount -t devtmpfs dev /dev\n\
        /bin/busybox mount -t tmpfs tmp /tmp\n\
        /bin/busybox ifconfig lo 127.0.0.1 up\n\
        /bin/busybox depmod\n\
        /bin/busybox modprobe tls\n"
        .to_owned();
    for Library { name, libssl, libcrypto } in libraries {
        let _ = writeln!(
            script,
            "echo '{BEGIN}{name}'\nDLSSL_TEST_LIBSSL='{}' DLSSL_TEST_LIBCRYPTO='{}' /test --color never \
             --test-threads 1\necho \"{END}$?\"",
            libssl.display(),
            libcrypto.display()
        );
    }
    script + "/bin/busybox poweroff -f\n"
}

/// One outcome for each library.
fn judge(said: &str, libraries: &[Library], ended: bool, took: Duration) -> Vec<Outcome> {
    let mut sections = said.split(BEGIN).skip(1);
    let mut outcomes = Vec::new();
    for library in libraries {
        let section = sections.next().unwrap_or_default();
        let counts = output::read(section);
        let code = section.lines().find_map(|line| line.strip_prefix(END));
        let fault = match code {
            _ if !section.starts_with(library.name) => Some("the machine did not get as far as this".to_owned()),
            None => Some("the machine ended in the middle".to_owned()),
            Some(_) if counts.summaries == 0 => Some("died without a summary".to_owned()),
            Some(code) if code != "0" && counts.failed == 0 => Some(format!("ended with {code}")),
            Some(_) if !ended => Some("the machine did not end in order".to_owned()),
            Some(_) => None,
        };
        outcomes.push(Outcome {
            pass: LABEL.to_owned(),
            suite: format!("{TARGET} on {}", library.name),
            passed: counts.passed,
            failed: counts.failed + usize::from(fault.is_some()),
            skipped: counts.ignored,
            failures: counts.failures,
            skips: counts.skips.into_iter().map(Into::into).collect(),
            fault,
            took: took / u32::try_from(libraries.len()).unwrap_or(1).max(1),
        });
    }
    outcomes
}

fn skipped(why: &str) -> Outcome {
    Outcome {
        pass: LABEL.to_owned(),
        suite: TARGET.to_owned(),
        passed: 0,
        failed: 0,
        skipped: 1,
        failures: Vec::new(),
        skips: vec![SkipReport { test: "all".to_owned(), reason: why.to_owned() }],
        fault: None,
        took: Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn libraries() -> Vec<Library> {
        ["one", "two"]
            .map(|name| Library { name, libssl: format!("/{name}/s").into(), libcrypto: format!("/{name}/c").into() })
            .into()
    }

    #[test]
    fn each_library_is_judged_by_its_own_words() {
        let run = "running 1 test\ntest a ... ok\ntest result: ok. 1 passed; 0 failed; 0 ignored\n==== end 0\n";
        let said = format!("boots\n==== begin one\n{run}==== begin two\n{run}");
        let good = judge(&said, &libraries(), true, Duration::ZERO);
        assert!(good.iter().all(|outcome| outcome.is_good() && outcome.passed == 1), "{good:?}");
        let bad = judge(&said, &libraries(), false, Duration::ZERO);
        assert!(bad.iter().all(|outcome| outcome.failed == 1));
        let half = judge(&format!("==== begin one\n{run}==== begin two\ntest a"), &libraries(), true, Duration::ZERO);
        assert_eq!((half[0].failed, half[1].failed), (0, 1));
        let dead = judge("", &libraries(), true, Duration::ZERO);
        assert_eq!(dead.iter().filter(|outcome| outcome.fault.is_some()).count(), 2);
    }

    #[test]
    fn the_words_of_ldd() {
        let text = "\tlinux-vdso.so.1 (0x7f)\n\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n\t/lib64/ld.so.2 (0x7f)\n/l/libssl.so.3: /lib/libcrypto.so.3: \
                    version `OPENSSL_3.4.0' not found\n\tstatically linked\n";
        assert_eq!(needed(text), [Path::new("/lib/libc.so.6"), Path::new("/lib64/ld.so.2")]);
    }

    #[test]
    fn the_script_names_each_library() {
        let script = script(&libraries());
        assert!(script.contains("DLSSL_TEST_LIBSSL='/one/s' DLSSL_TEST_LIBCRYPTO='/one/c' /test"), "{script}");
        assert!(script.ends_with("poweroff -f\n"));
    }
}
