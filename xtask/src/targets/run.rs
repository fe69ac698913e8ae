//! Running on another target: with the emulator and the libraries that it needs, or why that cannot be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::debian::{self, Archive};
use super::musl::{self, Musl};
use super::toolchain::{Toolchain, folder, program};
use crate::{Fallible, workspace};

/// How programs of a target can be run on x86-64 Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    /// The processor runs them; libssl is Debian's of that architecture.
    I386,
    /// qemu's emulator of a user's process, with the C library of the cross compiler; libssl is Debian's of that architecture.
    /// It starts no programs of its architecture, so tests that do are left out.
    Arm64,
    /// The processor runs them, with Debian's newest musl, which is not installed; libssl is out of a wheel.
    Musl,
    /// Wine, with the libraries out of a wheel.
    Wine,
}

/// Where Debian's cross compiler keeps the C library of arm64.
const ARM64_ROOT: &str = "/usr/aarch64-linux-gnu";

/// Integration tests that start no program, but for what [`NOT_UNDER_QEMU`] names.
const TESTS_ALONE: [&str; 21] = [
    "agreed",
    "binding",
    "client_hello",
    "early_data",
    "eof",
    "error_contents",
    "handshake",
    "hostile",
    "io_faults",
    "io_middle",
    "memory_bio",
    "retries",
    "sessions",
    "settings",
    "split",
    "streams",
    "threads",
    "timeouts",
    "tokio",
    "tokio_time",
    "verdicts",
];

/// Tests of what qemu shows otherwise than a kernel: the flags of a process, and where the linker's files lie; and one that runs
/// in a process of its own.
const NOT_UNDER_QEMU: [&str; 3] =
    ["a_process_that_has_not_executed_is_known_whatever_its_name", "the_c_library_is_found_here", "after_a_reload"];

/// The packages whose tests run.
const TESTED: [&str; 5] = ["dlssl-core", "dlssl", "dlssl-tokio", "dlssl-native-tls", "dlssl-tests"];

/// A package whose wheels of Windows and of musl have an OpenSSL in them, and its version.
const WHEEL: [&str; 2] = ["psycopg-binary", "3.3.9"];

/// What Wine before 9 lacks and Rust's standard library calls on Windows: random bytes by their newer name.
const RANDOM: &str = "#include <windows.h>\nBOOLEAN NTAPI SystemFunction036(PVOID, ULONG);\n__declspec(dllexport) BOOL WINAPI \
    ProcessPrng(PBYTE to, SIZE_T len) { return SystemFunction036(to, (ULONG)len); }\n";

/// Figures of a run.
///
/// # Errors
/// `Err(Ok(why))` where it cannot be run here, `Err(Err(what))` where it failed.
pub(super) fn run(runner: Runner, target: &str, toolchain: &Toolchain) -> Result<String, Result<String, String>> {
    let place = Place::find(runner).map_err(Ok)?;
    let failed = |error: Box<dyn std::error::Error>| Err(error.to_string());
    let cargo = |command: &str| {
        let mut cargo = toolchain.cargo(command, target);
        match (runner, &place.musl) {
            (Runner::Arm64, _) => {
                cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
            }
            (_, Some(musl)) => {
                cargo.envs(musl.environment());
            }
            _ => {}
        }
        cargo
    };
    ends_well(cargo("build").args(["--quiet", "--package", "dlssl-cli"])).map_err(failed)?;
    let scratch = tempfile::TempDir::new().map_err(|error| Err(error.to_string()))?;
    if runner == Runner::Wine {
        random_for_wine(scratch.path(), &folder().join(target).join("debug/bcryptprimitives.dll")).map_err(failed)?;
    }
    let text = place.command(target, "doctor", scratch.path()).map_err(failed)?;
    let version = text.lines().find_map(|line| Some(line.split_once("a program gets ")?.1));
    let version = version.ok_or_else(|| Err(format!("the doctor names no library:\n{text}")))?;
    place.command(target, "selftest", scratch.path()).map_err(failed)?;
    let mut figures = format!("doctor and selftest on {version}");
    if runner != Runner::Wine {
        let mut cargo = cargo("test");
        cargo.args(["--quiet", "--no-fail-fast", "--lib"]).args(TESTED.iter().flat_map(|name| ["--package", name]));
        match (runner, &place.emulator) {
            (Runner::Arm64, Some(qemu)) => {
                let emulator = format!("{} -L {ARM64_ROOT}", qemu.display());
                cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", emulator);
                cargo.args(TESTS_ALONE.iter().flat_map(|name| ["--test", name])).arg("--");
                cargo.args(NOT_UNDER_QEMU.iter().flat_map(|name| ["--skip", name]));
            }
            _ => {
                cargo.arg("--tests");
            }
        }
        let libraries = place.libraries().map_err(failed)?;
        cargo.env("DLSSL_TEST_CLI", folder().join(target).join("debug/dlssl"));
        // The modules are not where the library was built to look.
        cargo.env("OPENSSL_MODULES", libraries.join("ossl-modules")).env("DLSSL_TEST_LIB_DIR", libraries);
        let output = cargo.output().map_err(|error| Err(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let [passed, failed, skipped] = counts(&text);
        figures = format!("{figures}; tests: {passed} passed, {failed} failed, {skipped} skipped");
        if !output.status.success() {
            anstream::print!("{text}{}", String::from_utf8_lossy(&output.stderr));
            return Err(Err(figures));
        }
    }
    Ok(figures)
}

/// Where libraries and emulator are.
struct Place {
    runner: Runner,
    folder: PathBuf,
    emulator: Option<PathBuf>,
    musl: Option<Musl>,
}

impl Place {
    fn find(runner: Runner) -> Result<Place, String> {
        let told = |error: Box<dyn std::error::Error>| error.to_string();
        let missing = |what: &str| format!("{what} is not in the cache: `cargo xtask targets --install` fetches it");
        let mut musl = None;
        let (name, emulator) = match runner {
            Runner::I386 => ("libssl-i386", None),
            Runner::Arm64 => {
                let qemu = ["qemu-aarch64", "qemu-aarch64-static"].into_iter().find_map(program);
                let qemu = qemu.ok_or("qemu-aarch64 is not installed: Debian's qemu-user has it")?;
                if !Path::new(ARM64_ROOT).join("lib/libc.so.6").exists() {
                    return Err(format!("{ARM64_ROOT} has no C library: Debian's libc6-dev-arm64-cross brings it"));
                }
                ("libssl-arm64", Some(qemu))
            }
            Runner::Musl => {
                musl = Some(Musl::find().map_err(told)?.ok_or_else(|| missing("musl"))?);
                ("libssl-musl", None)
            }
            Runner::Wine => {
                let wine = ["wine64", "wine"].into_iter().find_map(program).ok_or("Wine is not installed")?;
                ("libssl-windows", Some(wine))
            }
        };
        let folder = debian::unpacked(name).map_err(told)?.ok_or_else(|| missing(name))?;
        Ok(Place { runner, folder, emulator, musl })
    }

    /// The folder with both libraries.
    fn libraries(&self) -> Fallible<PathBuf> {
        let found = files(&self.folder).into_iter().find(|file| is_library(file, "libssl"));
        let file = found.ok_or_else(|| format!("no libssl below {}", self.folder.display()))?;
        Ok(file.parent().unwrap_or(&self.folder).to_owned())
    }

    /// Runs a command of `dlssl` and gives what it said.
    fn command(&self, target: &str, name: &str, scratch: &Path) -> Fallible<String> {
        let built = folder().join(target).join("debug");
        let mut command = match &self.emulator {
            None => Command::new(built.join("dlssl")),
            Some(qemu) if self.runner == Runner::Arm64 => {
                let mut command = Command::new(qemu);
                command.args(["-L", ARM64_ROOT]).arg(built.join("dlssl"));
                command
            }
            Some(wine) => {
                let mut command = Command::new(wine);
                command.arg(built.join("dlssl.exe")).env("WINEPREFIX", scratch.join("wine")).env("WINEDEBUG", "-all");
                command
            }
        };
        command.arg(name);
        let libraries = self.libraries()?;
        if self.runner != Runner::Wine {
            command.arg("--lib-dir").arg(libraries);
        } else {
            // A wheel gives its files names of their own.
            for (option, stem) in [("--libssl", "libssl"), ("--libcrypto", "libcrypto")] {
                let file = files(&libraries).into_iter().find(|file| is_library(file, stem));
                command.arg(option).arg(file.ok_or_else(|| format!("no {stem} in {}", libraries.display()))?);
            }
        }
        // What the machine's doctor complains of (no roots, say) is no fault of the target.
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if name == "doctor" || output.status.success() {
            return Ok(text);
        }
        Err(format!("dlssl {name} ended with {}:\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr))
            .into())
    }
}

/// Builds the library that Wine may lack beside the program, where Windows looks first.
fn random_for_wine(scratch: &Path, library: &Path) -> Fallible<()> {
    let source = scratch.join("random.c");
    fs::write(&source, RANDOM)?;
    ends_well(
        Command::new("x86_64-w64-mingw32-gcc").arg("-shared").arg("-o").arg(library).arg(source).arg("-ladvapi32"),
    )
}

/// Fetches what running needs, and has no name in the cache yet.
pub(super) fn install() -> Fallible<()> {
    for (architecture, name) in [("i386", "libssl-i386"), ("arm64", "libssl-arm64")] {
        if debian::unpacked(name)?.is_some() {
            continue;
        }
        let (_, suite) = debian::mirror()?;
        let archive = Archive::open(&suite, &[architecture])?;
        // Renamed when times became 64 bits wide.
        let package = ["libssl3t64", "libssl3"].map(|package| format!("{package}:{architecture}"));
        let package = package.into_iter().find(|package| archive.has(package));
        let package = package.ok_or_else(|| format!("{suite} has no libssl of {architecture}"))?;
        archive.unpack(&[package], name, |_| Ok(()))?;
    }
    for (platform, name) in [("win_amd64", "libssl-windows"), ("musllinux_1_2_x86_64", "libssl-musl")] {
        if debian::unpacked(name)?.is_some() {
            continue;
        }
        let cache = crate::libs::cache_beside("targets")?;
        fs::create_dir_all(&cache)?;
        let work = tempfile::Builder::new().prefix(".unpacking-").tempdir_in(&cache)?;
        let out = work.path().join("out");
        wheel(WHEEL, platform, &out)?;
        fs::rename(out, cache.join(name))?;
    }
    musl::install()
}

/// Fetches the wheel of a package and its version for a platform, and unpacks it into `out`.
pub(super) fn wheel([package, version]: [&str; 2], platform: &str, out: &Path) -> Fallible<()> {
    let work = tempfile::TempDir::new()?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--platform", platform, "--python-version", "312", "--dest"]).arg(work.path());
    ends_well(pip.arg(format!("{package}=={version}")))?;
    let wheel = files(work.path()).into_iter().next().ok_or("pip brought no wheel")?;
    ends_well(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(out))
}

fn is_library(file: &Path, stem: &str) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.starts_with(stem) && (name.contains(".so") || name.ends_with(".dll"))
}

/// All files below a folder.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // Links of folders are not followed.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&path)),
            Ok(_) => found.push(path),
            Err(_) => {}
        }
    }
    found.sort();
    found
}

fn ends_well(command: &mut Command) -> Fallible<()> {
    let status = command.current_dir(workspace::root()).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} ended with {status}", command.get_program().display()).into())
    }
}

/// Passed, failed and skipped in what test executables say.
fn counts(text: &str) -> [u32; 3] {
    let mut sum = [0; 3];
    for line in text.lines().filter(|line| line.starts_with("test result:")) {
        for (at, word) in ["passed", "failed", "ignored"].into_iter().enumerate() {
            let number =
                line.split(['.', ';']).find_map(|part| part.trim().strip_suffix(word)?.trim().parse::<u32>().ok());
            sum[at] += number.unwrap_or(0);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_summed() {
        let line = "test result: ok. 12 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 1.00s";
        assert_eq!(counts(&format!("running\n{line}\nx\n{line}\n")), [24, 2, 4]);
    }

    #[test]
    fn libraries_are_told_by_their_names() {
        assert!(
            is_library(Path::new("a/libssl.so.3"), "libssl") && is_library(Path::new("libssl-3-x64.dll"), "libssl")
        );
        assert!(!is_library(Path::new("a/libcrypto.so.3"), "libssl") && !is_library(Path::new("libssl.pc"), "libssl"));
    }
}
