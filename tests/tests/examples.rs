//! The examples that are more than a few lines, run as a user would run them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use dlssl_tests::builds::builds;
use dlssl_tests::examples;
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{Choice, OTHER_LIB_DIR, choice, library, set_environment};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process::{self, Running, foreign};
use dlssl_tests::talk::{connector, pattern};

fn main() -> ExitCode {
    let (hosts, other) = (host_libraries(), other_directory());
    let (with_host, with_other) = (hosts.is_some(), other.is_some());
    let plugin = |name: &str, global: bool| {
        let (hosts, other) = (hosts.clone(), other.clone());
        test(name, move || plugin_host(&hosts.unwrap(), &other.unwrap(), global))
            .needs_linux()
            .needs("cc")
            .only_if(with_host, || "the system has no libssl.so.3 for the host program".to_owned())
            .only_if(with_other, || "no second library is named".to_owned())
    };
    run(vec![
        test("prefork", prefork).only_if(cfg!(unix), || "no fork here".to_owned()),
        plugin("plugin_host", false),
        plugin("plugin_host_global", true),
    ])
}

fn prefork() {
    let pki = Pki::shared();
    let mut command = Command::new(examples::path("prefork", "prefork"));
    set_environment(command.arg(pki.server_chain_path()).arg(pki.server_key_path()).arg("3"));
    let mut server = Running::start(&mut command);
    server.wait_until("its address", |out, _| out.contains('\n'));
    let line = server.stdout();
    assert!(line.starts_with(library().version_text()), "{line}");
    let address: SocketAddr = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
    let connector = connector().build().unwrap();
    // All at a time, so that more than one worker has something to do.
    std::thread::scope(|scope| {
        for seed in 0..12 {
            let connector = &connector;
            scope.spawn(move || {
                let socket = TcpStream::connect(address).unwrap();
                socket.set_read_timeout(Some(process::PATIENCE)).unwrap();
                let mut stream = connector.connect(NAME, socket).unwrap();
                let bytes = pattern(10_000, seed);
                let mut back = vec![0; bytes.len()];
                stream.write_all(&bytes).unwrap();
                stream.read_exact(&mut back).unwrap();
                assert!(back == bytes, "the echo is another");
                stream.shutdown().unwrap();
                assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
            });
        }
    });
    let outcome = server.finish().success();
    assert!(outcome.stdout.ends_with("ended\n"), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
}

/// Libcrypto and libssl of the system, by the names that a program linked to them asks for.
fn host_libraries() -> Option<[PathBuf; 2]> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let pair = |folder: &&str| ["libssl.so.3", "libcrypto.so.3"].map(|name| Path::new(folder).join(name));
    folders.iter().map(pair).find(|pair| pair.iter().all(|file| file.is_file()))
}

/// A library other than the one under test: named, or the first of the run's that is another and needs no search path.
fn other_directory() -> Option<PathBuf> {
    if let Some(directory) = std::env::var_os(OTHER_LIB_DIR).filter(|directory| !directory.is_empty()) {
        return Some(directory.into());
    }
    let own = match choice() {
        Choice::Directory(directory) => Some(directory),
        _ => None,
    };
    builds()
        .into_iter()
        .filter(|build| build.search_path.is_none())
        .find_map(|build| build.directory.filter(|directory| Some(directory) != own.as_ref()))
}

fn plugin_host(hosts: &[PathBuf; 2], other: &Path, global: bool) {
    let folder = tempfile::TempDir::new().unwrap();
    let host = folder.path().join("host");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/dlssl/examples/plugin_host.c");
    let mut cc = foreign("cc");
    cc.args(["-std=c11", "-D_DEFAULT_SOURCE", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&host)
        .arg(source);
    process::run(cc.args(hosts).args(["-ldl", "-lpthread"]), b"").success();

    let certificates = Pki::shared().root_path();
    let mut command = Command::new(&host);
    command.arg(examples::path("plugin", "libplugin.so")).arg(certificates.parent().unwrap());
    command.arg(NAME).arg(other).args(global.then_some(OsString::from("global")));
    set_environment(&mut command);
    let outcome = process::run_for(&mut command, b"", Duration::from_secs(250)).success();
    assert!(outcome.stdout.ends_with("fine to the end\n"), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
    // One in the parent, and two in each of six workers.
    let reports = outcome.stdout.lines().filter(|line| line.starts_with("process ")).count();
    assert_eq!(reports, 1 + 2 * 6, "{outcome:?}");
    let loads_of_own = outcome.stdout.matches(library().version().to_string().as_str()).count();
    assert!(loads_of_own >= 7, "{outcome:?}");
}
