//! Processes that come back from a snapshot: random bytes that were equal differ after a reload, and nothing that was kept
//! secret before serves any more.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use dlssl::Acceptor;
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::loader;
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process::{self, PATIENCE, foreign};

fn main() -> ExitCode {
    let permitted = clones_are_permitted();
    let why = || "process-id namespaces are not permitted here (they need root)".to_owned();
    run(vec![
        test("clones_of_one_image", || helper("clones")).only_if(permitted, why),
        test("clones_that_cannot_know_it", || helper("restored")).only_if(permitted, why),
        test("sessions_end_with_a_reload", sessions).needs("openssl"),
    ])
}

#[cfg(target_os = "linux")]
fn clones_are_permitted() -> bool {
    use dlssl_tests::forked::{Way, try_spawn};
    try_spawn(Way::Clone, || Ok(Vec::new())).is_ok_and(|child| child.finish().is_ok())
}

#[cfg(not(target_os = "linux"))]
fn clones_are_permitted() -> bool {
    false
}

fn helper(subject: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forks"));
    let outcome = process::run_for(command.arg(subject), b"", Duration::from_secs(200)).success();
    assert_eq!(outcome.stdout, "done\n");
}

/// How a client brings a session back.
const KINDS: [&[&str]; 2] = [&[], &["-no_ticket"]];

fn sessions() {
    let identity = || Pki::shared().server.identity();
    let loaded = dlssl::reload_with(loader()).unwrap();
    let acceptors = [
        Acceptor::following(identity()).build().unwrap(),
        Acceptor::builder(loaded.new_library(), identity()).build().unwrap(),
    ];
    for acceptor in acceptors {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let serve = || {
            let (socket, _) = listener.accept().unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut stream = acceptor.accept(socket).unwrap();
            // A client that has nothing to say goes. C forgets sessions of connections that did not end in order.
            let _ = stream.read(&mut [0; 16]);
            let _ = stream.shutdown();
        };
        let talk = |options: &[&str]| {
            std::thread::scope(|scope| {
                let server = scope.spawn(serve);
                let reused = is_reused(address, options);
                server.join().unwrap();
                reused
            })
        };
        for kind in KINDS {
            let folder = tempfile::TempDir::new().unwrap();
            let file = folder.path().join("session");
            let file = Path::to_str(&file).unwrap();
            let options = |option| [kind, &[option, file]].concat();
            assert!(!talk(&options("-sess_out")), "{kind:?}: the first one");
            assert!(talk(&options("-sess_in")), "{kind:?}: the session is of no use, so this tests nothing");
            let reloaded = dlssl::reload().unwrap();
            assert!(reloaded.is_same_mapping(), "{reloaded}");
            assert!(!talk(&options("-sess_in")), "{kind:?}: a session from before the reload");
        }
    }
}

/// Whether `openssl s_client` could go on with a session.
fn is_reused(address: SocketAddr, options: &[&str]) -> bool {
    let mut client = foreign("openssl");
    client.args(["s_client", "-tls1_2", "-servername", NAME, "-connect"]).arg(address.to_string());
    client.arg("-CAfile").arg(Pki::shared().root_path()).args(options);
    let outcome = process::run(&mut client, b"").success();
    let line = |word: &str| outcome.stdout.lines().any(|line| line.starts_with(word));
    assert!(line("New, ") != line("Reused, "), "{outcome:?}");
    line("Reused, ")
}
