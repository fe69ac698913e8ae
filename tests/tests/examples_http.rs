//! The examples of hyper's client and server, run as a user would run them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::{Command, ExitCode};

use dlssl_tests::examples;
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{library, set_environment};
use dlssl_tests::pki::{Leaf, Pki};
use dlssl_tests::process::{self, Outcome, Running};

fn main() -> ExitCode {
    run(vec![test("a_page_over_either_http", either), test("a_stranger_is_refused", stranger)])
}

fn example(name: &str) -> Command {
    let mut command = Command::new(examples::of_package("dlssl-examples", name, name));
    set_environment(&mut command);
    command
}

/// The server for `localhost`, and where it listens.
fn serve(folder: &std::path::Path) -> (Running, String) {
    let (cert, key) = Pki::shared().authority.issue(&Leaf::server("localhost")).write(folder, "localhost");
    let mut server = Running::start(example("https_serve").arg("--cert").arg(cert).arg("--key").arg(key));
    server.wait_until("its address", |out, _| out.contains('\n'));
    let line = server.stdout();
    assert!(line.trim_end().ends_with(library().version_text().trim_end()), "{line}");
    let address = line.split_whitespace().next().unwrap().replace("127.0.0.1", "localhost");
    (server, address)
}

fn get(address: &str, options: &[&str]) -> Outcome {
    process::run(example("https_get").args(options).arg(format!("{address}page?of=it")), b"")
}

fn either() {
    let folder = tempfile::TempDir::new().unwrap();
    let (server, address) = serve(folder.path());
    let root = Pki::shared().root_path();
    let ca = root.to_str().unwrap();
    for (options, http) in [(&["--ca", ca][..], "HTTP/2"), (&["--ca", ca, "--http1"], "HTTP/1.1")] {
        let outcome = get(&address, options).success();
        assert_eq!(outcome.stderr.split(',').next(), Some(http), "{outcome:?}");
        assert!(outcome.stderr.contains(library().version_text()), "{outcome:?}");
        assert!(outcome.stdout.starts_with("/page over HTTP/"), "{outcome:?}");
    }
    assert_eq!(server.stderr(), "", "the server saw an end that is not orderly");
}

fn stranger() {
    let folder = tempfile::TempDir::new().unwrap();
    let (_server, address) = serve(folder.path());
    let other = folder.path().join("other.pem");
    std::fs::write(&other, dlssl_tests::pki::Authority::new("another").root_pem()).unwrap();
    let outcome = get(&address, &["--ca", other.to_str().unwrap()]);
    assert!(!outcome.status.success());
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.starts_with("error: the peer's certificate was refused"), "{outcome:?}");
    let outcome =
        get(&address.replace("localhost", "127.0.0.1"), &["--ca", Pki::shared().root_path().to_str().unwrap()]);
    assert!(!outcome.status.success(), "the name is another: {outcome:?}");
    let outcome = get(&address, &["--lib-dir", folder.path().to_str().unwrap()]);
    assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
    assert!(!outcome.status.success());
}
