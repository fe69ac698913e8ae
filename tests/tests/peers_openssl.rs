//! `dlssl connect` against `openssl s_server`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl_tests::cli;
use dlssl_tests::client::{Client, bios, combinations};
use dlssl_tests::harness::{run, test};
use dlssl_tests::peers::openssl_server;
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process::run as run_process;

fn main() -> ExitCode {
    let mut tests = combinations("page", |tls, bio| {
        let server = openssl_server(Pki::shared(), &["-www", tls.openssl_option()]);
        let client = Client::start(server.port(), bio, &[]);
        client.get("Cipher", tls);
    });
    tests.extend(combinations("reversed_lines", |tls, bio| {
        let server = openssl_server(Pki::shared(), &["-rev", tls.openssl_option()]);
        let mut client = Client::start(server.port(), bio, &[]);
        client.write(b"hello\n");
        client.expect("olleh");
        client.write(b"world\n");
        client.expect("dlrow");
        client.end(tls);
    }));
    tests.extend(combinations("mutual", |tls, bio| {
        let root = Pki::shared().root_path();
        let options = ["-rev", "-Verify", "3", "-verify_return_error", tls.openssl_option()];
        let options = [&options[..], &["-CAfile", root.to_str().unwrap()]].concat();
        let server = openssl_server(Pki::shared(), &options);
        let (cert, key) = (Pki::shared().client_chain_path(), Pki::shared().client_key_path());
        let options = ["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()];
        let mut client = Client::start(server.port(), bio, &options);
        client.write(b"hello\n");
        client.expect("olleh");
        client.end(tls);
    }));
    tests.push(test("alpn", alpn));
    tests.push(test("rsa_peer", rsa_peer));
    tests.push(test("refused_name", refused_name));
    run(tests.into_iter().map(|t| t.needs("openssl")).collect())
}

fn alpn() {
    let server = openssl_server(Pki::shared(), &["-rev", "-alpn", "one,two"]);
    for bio in bios() {
        let mut client = Client::start(server.port(), bio, &["--alpn", "two,three"]);
        client.write(b"hello\n");
        client.expect("olleh");
        let outcome = client.finish();
        assert!(outcome.stderr.contains("ALPN two"), "{}", outcome.stderr);
    }
}

/// Most servers still have RSA keys; ours in the other tests are elliptic.
fn rsa_peer() {
    let dir = tempfile::TempDir::new().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let mut command = dlssl_tests::process::foreign("openssl");
    command
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=rsa.test"])
        .args(["-addext", "subjectAltName=DNS:rsa.test", "-out"])
        .arg(&cert)
        .arg("-keyout")
        .arg(&key);
    run_process(&mut command, b"").success();
    let server = dlssl_tests::peers::serve(|port| {
        let mut command = dlssl_tests::process::foreign("openssl");
        command.args(["s_server", "-rev", "-accept", &format!("127.0.0.1:{port}"), "-cert"]);
        command.arg(&cert).arg("-key").arg(&key);
        command
    });
    let mut command = cli::command("connect");
    command.arg(format!("127.0.0.1:{}", server.port())).args(["--name", "rsa.test", "--timeout", "20", "--ca"]);
    let mut client = Client::of(command.arg(&cert));
    client.write(b"hello\n");
    client.expect("olleh");
    client.finish();
}

fn refused_name() {
    let server = openssl_server(Pki::shared(), &["-rev"]);
    for bio in bios() {
        let mut command = cli::command("connect");
        command.arg(format!("127.0.0.1:{}", server.port())).args(["--name", "other.test", "--timeout", "20"]);
        command.arg("--ca").arg(Pki::shared().root_path()).args(bio);
        let outcome = run_process(&mut command, b"hello\n");
        assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains("ostname mismatch"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(NAME), "the certificate's subject: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
    }
}
