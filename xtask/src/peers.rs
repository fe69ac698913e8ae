//! The programs that the tests talk to or use, and how Debian calls their packages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::Fallible;
use crate::report::{BAD, GOOD};

/// A program, what it is for, and the packages that bring it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Peer {
    program: &'static str,
    packages: &'static [&'static str],
    /// The service that runs as soon as Debian has installed it.
    service: Option<&'static str>,
    purpose: &'static str,
}

const fn peer(program: &'static str, packages: &'static [&'static str], purpose: &'static str) -> Peer {
    Peer { program, packages, service: None, purpose }
}

const PEERS: [Peer; 14] = [
    peer("openssl", &["openssl"], "s_server and s_client"),
    peer("curl", &["curl", "ca-certificates"], "an HTTPS client"),
    Peer { service: Some("nginx"), ..peer("nginx", &["nginx"], "an HTTPS server") },
    peer("gnutls-serv", &["gnutls-bin"], "a server that is not OpenSSL"),
    peer("gnutls-cli", &["gnutls-bin"], "a client that is not OpenSSL"),
    Peer { service: Some("postgresql"), ..peer("postgres", &["postgresql"], "a database whose clients bind to TLS") },
    peer("python3", &["python3"], "the ssl module"),
    peer("valgrind", &["valgrind"], "leaks and invalid accesses"),
    peer("strace", &["strace"], "counting system calls"),
    peer("gdb", &["gdb"], "what a person debugging sees"),
    // The headers of libc are only a recommendation of gcc's.
    peer("cc", &["gcc", "libc6-dev"], "test hosts and fake libraries in C"),
    peer("perl", &["perl"], "building OpenSSL"),
    peer("make", &["make"], "building OpenSSL and LibreSSL"),
    peer("pip3", &["python3-pip"], "library builds out of wheels"),
];

/// What a virtual machine is made of, beside a kernel.
const GUEST: [Peer; 2] = [
    peer("qemu-system-x86_64", &["qemu-system-x86", "seabios"], "a machine whose kernel has TLS"),
    peer("busybox", &["busybox-static"], "the programs of that machine"),
];

/// Programs of administrators are not on every user's path.
const MORE_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Shows the list; `false` when something is missing in the end.
pub(crate) fn command(install: bool) -> Fallible<bool> {
    if install {
        ensure(true)?;
    }
    for peer in PEERS {
        let (style, place) = match find(peer.program) {
            Some(path) => (GOOD, path.display().to_string()),
            None => (BAD, format!("missing: package {}", peer.packages[0])),
        };
        anstream::println!("{:12} {style}{place:32}{style:#} {}", peer.program, peer.purpose);
    }
    Ok(missing(&PEERS).is_empty())
}

/// Makes sure that every program is there, by installing when that is wanted and possible.
///
/// # Errors
///
/// When one is missing and cannot be installed; the message names all of them and their packages.
pub(crate) fn ensure(install: bool) -> Fallible<()> {
    ensure_all(&PEERS, install)
}

/// Makes sure of what the virtual machine needs.
///
/// # Errors
///
/// As for [`ensure`].
#[cfg(unix)]
pub(crate) fn ensure_guest(install: bool) -> Fallible<()> {
    ensure_all(&GUEST, install)
}

fn ensure_all(peers: &[Peer], install: bool) -> Fallible<()> {
    let missing = missing(peers);
    if missing.is_empty() {
        return Ok(());
    }
    if !install {
        return Err(explain(&missing, "").into());
    }
    if find("apt-get").is_none() {
        return Err(explain(&missing, ", and there is no apt-get to install them").into());
    }
    if !is_root() {
        return Err(explain(&missing, ", and only root can install them").into());
    }
    apt_get(&["update", "-qq"])?;
    let mut arguments = vec!["install", "-qq", "-y", "--no-install-recommends"];
    arguments.extend(packages(&missing));
    let installed = apt_get(&arguments);
    stop_services(&missing);
    installed?;
    match self::missing(peers) {
        still if still.is_empty() => Ok(()),
        still => Err(explain(&still, " even after their packages were installed").into()),
    }
}

fn missing(peers: &[Peer]) -> Vec<Peer> {
    peers.iter().filter(|peer| find(peer.program).is_none()).copied().collect()
}

pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(MORE_FOLDERS.iter().map(PathBuf::from))
        .chain(postgresql())
        .map(|folder| folder.join(program))
        .find(|file| is_executable(file))
}

/// Where Debian has the programs of PostgreSQL's server: a folder for each version, the newest first.
fn postgresql() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.with_extension("exe").is_file()
}

fn packages(peers: &[Peer]) -> Vec<&'static str> {
    let mut names: Vec<_> = peers.iter().flat_map(|peer| peer.packages).copied().collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn explain(missing: &[Peer], why: &str) -> String {
    let programs: Vec<_> = missing.iter().map(|peer| peer.program).collect();
    format!(
        "not installed: {}{why}.\nOn Debian: apt-get install --no-install-recommends {}",
        programs.join(", "),
        packages(missing).join(" ")
    )
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

fn apt_get(arguments: &[&str]) -> Fallible<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // Keeps Debian's classic init from starting what was installed.
        .env("RUNLEVEL", "1")
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("apt-get {} failed: {status}", arguments.join(" ")).into()) }
}

/// A service that came with a package we have just installed may be running, and hold a port.
fn stop_services(installed: &[Peer]) {
    for service in installed.iter().filter_map(|peer| peer.service) {
        // There may be no init system, or nothing to stop: both are fine.
        let _ = Command::new("invoke-rc.d").args([service, "stop"]).output();
        if service == "nginx" {
            let _ = Command::new("nginx").args(["-s", "stop"]).output();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_once() {
        let gnutls: Vec<_> = PEERS.into_iter().filter(|peer| peer.program.starts_with("gnutls")).collect();
        assert_eq!(packages(&gnutls), ["gnutls-bin"]);
    }

    #[test]
    fn the_message_names_programs_and_packages() {
        let message = explain(&PEERS[..3], ", and only root can install them");
        assert!(message.contains("openssl, curl, nginx"), "{message}");
        assert!(message.contains("only root"), "{message}");
        assert!(message.ends_with("ca-certificates curl nginx openssl"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn programs_are_found_and_missed() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-anywhere").is_none());
    }
}
