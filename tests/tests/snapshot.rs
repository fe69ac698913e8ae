//! Processes that come back from a snapshot: random bytes that were equal differ after a reload, and nothing that was kept
//! secret before serves any more.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, ExitCode};
use std::time::Duration;

use dlssl::Acceptor;
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::loader;
use dlssl_tests::pki::Pki;
use dlssl_tests::process;
use dlssl_tests::resumption::{self, KINDS, Session};

fn main() -> ExitCode {
    let permitted = clones_are_permitted();
    let why = || "process-id namespaces are not permitted here (they need root)".to_owned();
    run(vec![
        test("clones_of_one_image", || helper("clones")).needs_private_copies().only_if(permitted, why),
        test("clones_that_cannot_know_it", || helper("restored")).needs_private_copies().only_if(permitted, why),
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

fn sessions() {
    let identity = || Pki::shared().server.identity();
    let loaded = dlssl::reload_with(loader()).unwrap();
    let acceptors = [
        Acceptor::following(identity()).build().unwrap(),
        Acceptor::builder(loaded.new_library(), identity()).build().unwrap(),
    ];
    for acceptor in acceptors {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let talk = |options: &[&str]| resumption::one(&acceptor, &listener, options);
        for kind in KINDS {
            let session = Session::new(kind);
            assert!(!talk(&session.save()), "{kind:?}: the first one");
            assert!(talk(&session.bring()), "{kind:?}: the session is of no use, so this tests nothing");
            let reloaded = dlssl::reload().unwrap();
            assert!(reloaded.is_same_mapping(), "{reloaded}");
            assert!(!talk(&session.bring()), "{kind:?}: a session from before the reload");
        }
    }
}
