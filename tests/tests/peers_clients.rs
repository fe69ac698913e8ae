//! `dlssl serve --http` asked by curl, `openssl s_client`, gnutls-cli and Python's ssl module.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl_tests::client::combinations;
use dlssl_tests::harness::{Test, run};
use dlssl_tests::library::library;
use dlssl_tests::peers::Tls;
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process::{self, Running, foreign};
use dlssl_tests::served::Served;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: server.test\r\nConnection: close\r\n\r\n";

fn main() -> ExitCode {
    let mut tests = of("curl", curl);
    tests.extend(of("openssl", s_client));
    tests.extend(of("gnutls-cli", gnutls_cli));
    tests.extend(of("python3", python));
    run(tests)
}

fn of(program: &str, work: fn(Tls, &'static [&'static str])) -> Vec<Test> {
    combinations(program, work).into_iter().map(|test| test.needs(program)).collect()
}

fn serve(bio: &[&str]) -> (Served, String) {
    let served = Served::start(&[&["--http", "--alpn", "http/1.1"], bio].concat());
    let port = served.address().port().to_string();
    (served, port)
}

fn check(answer: &str, tls: Tls, bio: &[&str]) {
    let bio = if bio.is_empty() { "stream" } else { "socket" };
    for part in [
        "200 OK".to_owned(),
        library().version_text().to_owned(),
        format!("protocol: TLSv{}", tls.number()),
        format!("server name: {NAME}"),
        format!("BIO: {bio}"),
    ] {
        assert!(answer.contains(&part), "{part:?} is not in {answer}");
    }
}

fn root() -> String {
    Pki::shared().root_path().to_str().unwrap().to_owned()
}

fn curl(tls: Tls, bio: &'static [&'static str]) {
    let (_served, port) = serve(bio);
    let mut command = foreign("curl");
    command
        .args(["--silent", "--show-error", "--include", "--noproxy", "*", "--max-time", "15", "--http1.1"])
        .args(["--cacert", &root(), "--tls-max", tls.number(), &format!("--tlsv{}", tls.number())])
        .args(["--resolve", &format!("{NAME}:{port}:127.0.0.1"), &format!("https://{NAME}:{port}/")]);
    let outcome = process::run(&mut command, b"").success();
    check(&outcome.stdout, tls, bio);
    assert!(outcome.stdout.contains("ALPN: http/1.1"), "{}", outcome.stdout);
}

fn s_client(tls: Tls, bio: &'static [&'static str]) {
    let (_served, port) = serve(bio);
    let mut command = foreign("openssl");
    command.args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{port}"), tls.openssl_option()]).args([
        "-CAfile",
        &root(),
        "-verify_return_error",
        "-verify_hostname",
        NAME,
        "-servername",
        NAME,
    ]);
    let outcome = process::run(&mut command, REQUEST).success();
    check(&outcome.stdout, tls, bio);
}

/// Its standard input stays open: gnutls-cli ends with it, whether or not there is an answer.
fn gnutls_cli(tls: Tls, bio: &'static [&'static str]) {
    let (_served, port) = serve(bio);
    let mut command = foreign("gnutls-cli");
    command.args(["--x509cafile", &root(), "--sni-hostname", NAME, "--verify-hostname", NAME]).args([
        "--priority",
        tls.gnutls_priority(),
        "--port",
        &port,
        "127.0.0.1",
    ]);
    let mut running = Running::start(&mut command);
    running.write(REQUEST);
    running.wait_until("the page", |out, _| out.contains("BIO: "));
    let outcome = running.finish().success();
    check(&outcome.stdout, tls, bio);
}

/// Reads to the end: Python refuses an end without close_notify when asked to.
const SCRIPT: &str = r#"
import socket, ssl, sys
root, port, version, name = sys.argv[1:]
context = ssl.create_default_context(cafile=root)
context.minimum_version = context.maximum_version = ssl.TLSVersion["TLSv" + version.replace(".", "_")]
with socket.create_connection(("127.0.0.1", int(port)), timeout=15) as plain:
    with context.wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False) as tls:
        tls.sendall(sys.stdin.buffer.read())
        answer = b""
        while part := tls.recv(65536):
            answer += part
sys.stdout.buffer.write(answer)
"#;

fn python(tls: Tls, bio: &'static [&'static str]) {
    let (_served, port) = serve(bio);
    let mut command = foreign("python3");
    command.args(["-c", SCRIPT, &root(), &port, tls.number(), NAME]);
    let outcome = process::run(&mut command, REQUEST).success();
    check(&outcome.stdout, tls, bio);
}
