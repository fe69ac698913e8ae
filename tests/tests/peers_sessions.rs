//! Sessions with other people's programs: each side of ours resumes with each of theirs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode};

use dlssl::{Acceptor, Connector};
use dlssl_tests::harness::{Test, run, test};
use dlssl_tests::peers::{Server, Tls, gnutls_server, nginx, openssl_server};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process::{PATIENCE, foreign, run as run_process};
use dlssl_tests::talk::{acceptor, both, connector};
use tempfile::TempDir;

fn main() -> ExitCode {
    let mut tests = Vec::new();
    for tls in [Tls::V12, Tls::V13] {
        let named = |name: &str, program: &str, run: fn(Tls)| {
            let test = test(&format!("{name}_{}", tls.number()), move || run(tls)).needs(program);
            if tls == Tls::V13 { test.needs_tls13() } else { test }
        };
        tests.extend([
            named("openssl_server", "openssl", |tls| {
                let option = tls.openssl_option();
                client_resumes(&openssl_server(Pki::shared(), &["-rev", option]), b"hello\n", b"olleh\n");
            }),
            named("openssl_server_without_tickets", "openssl", |tls| {
                let option = tls.openssl_option();
                client_resumes(&openssl_server(Pki::shared(), &["-rev", "-no_ticket", option]), b"hello\n", b"olleh\n");
            }),
            named("gnutls_server", "gnutls-serv", |tls| {
                let server = gnutls_server(Pki::shared(), &["--echo", "--priority", tls.gnutls_priority()]);
                client_resumes(&server, b"hello\n", b"hello\n");
            }),
            named("nginx_server", "nginx", nginx_server),
            named("openssl_client", "openssl", openssl_client),
            named("gnutls_client", "gnutls-cli", gnutls_client),
            named("curl_client", "curl", curl_client),
        ]);
    }
    tests.push(openssl_reconnects());
    run(tests)
}

fn dial(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(server.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Three connections by one connector, each with an answer: the second and the third are resumed.
fn client_resumes(server: &Server, question: &[u8], answer: &[u8]) {
    let connector: Connector = connector().build().unwrap();
    for round in 0..3 {
        let mut tls = connector.connect(NAME, dial(server)).unwrap();
        tls.write_all(question).unwrap();
        let mut got = vec![0; answer.len()];
        tls.read_exact(&mut got).unwrap();
        assert_eq!(got, answer);
        assert_eq!(tls.session_reused(), round > 0, "round {round}: {}", server.log());
        tls.shutdown().unwrap();
    }
}

fn nginx_server(tls: Tls) {
    let home = TempDir::new().unwrap();
    let server = nginx(Pki::shared(), home.path(), &format!("TLSv{}", tls.number()), "page");
    client_resumes(&server, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\n");
}

const PAGE: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\npage\n";

/// Serves so many connections, after a question where they ask one; which of them were resumed.
fn serve(acceptor: &Acceptor, listener: &TcpListener, count: usize, asks: bool) -> Vec<bool> {
    let mut reused = Vec::new();
    while reused.len() < count {
        let (socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let Ok(mut tls) = acceptor.accept(socket) else { continue };
        reused.push(tls.session_reused());
        if asks {
            let mut asked = Vec::new();
            let mut byte = [0];
            while !asked.ends_with(b"\r\n\r\n") && tls.read(&mut byte).is_ok_and(|count| count == 1) {
                asked.push(byte[0]);
            }
        }
        let _ = tls.write_all(PAGE);
        let _ = tls.shutdown();
        let _ = tls.read_to_end(&mut Vec::new());
    }
    reused
}

/// An acceptor of one version, with a port.
fn listening(tls: Tls) -> (Acceptor, TcpListener, u16) {
    let version = tls.number().parse().unwrap();
    let acceptor = acceptor().min_protocol(version).max_protocol(version).build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (acceptor, listener, port)
}

fn s_client(port: u16, options: &[&str]) -> Command {
    let mut command = foreign("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", NAME, "-ign_eof"]).args(options);
    command
}

fn openssl_client(tls: Tls) {
    let (acceptor, listener, port) = listening(tls);
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("session");
    let file = file.to_str().unwrap();
    let option = tls.openssl_option();
    let (outputs, reused) = both(
        || {
            [["-sess_out", file], ["-sess_in", file]]
                .map(|session| run_process(&mut s_client(port, &[&session[..], &[option]].concat()), b"").stdout)
        },
        || serve(&acceptor, &listener, 2, false),
    );
    assert_eq!(reused, [false, true], "{outputs:?}");
    assert!(outputs[0].contains("\nNew, TLSv") && outputs[1].contains("\nReused, TLSv"), "{outputs:?}");
}

/// It reads nothing between its connections, so tickets of TLS 1.3 would not reach it.
fn openssl_reconnects() -> Test {
    test("openssl_reconnects_1.2", || {
        let (acceptor, listener, port) = listening(Tls::V12);
        let mut command = foreign("openssl");
        command.args(["s_client", "-reconnect", "-tls1_2", "-connect", &format!("127.0.0.1:{port}")]);
        let (outcome, reused) = both(|| run_process(&mut command, b""), || serve(&acceptor, &listener, 6, false));
        assert_eq!(reused, [false, true, true, true, true, true], "{outcome:?}");
        assert_eq!(outcome.stdout.matches("Reused, TLSv1.2").count(), 5, "{}", outcome.stdout);
    })
    .needs("openssl")
}

fn gnutls_client(tls: Tls) {
    let (acceptor, listener, port) = listening(tls);
    let root = Pki::shared().root_path();
    let mut command = foreign("gnutls-cli");
    command.args(["--resume", "--x509cafile", root.to_str().unwrap(), "--sni-hostname", NAME, "--verify-hostname"]);
    command.args([NAME, "--priority", tls.gnutls_priority(), "--port", &port.to_string(), "127.0.0.1"]);
    let (outcome, reused) =
        both(|| run_process(&mut command, b"GET / HTTP/1.0\r\n\r\n"), || serve(&acceptor, &listener, 2, false));
    assert_eq!(reused, [false, true], "{outcome:?}");
    assert!(outcome.stdout.contains("This is a resumed session"), "{outcome:?}");
}

fn curl_client(tls: Tls) {
    let (acceptor, listener, port) = listening(tls);
    let root = Pki::shared().root_path();
    let mut command = foreign("curl");
    command.args(["--silent", "--show-error", "--http1.0", "--cacert", root.to_str().unwrap()]);
    command.args(["--resolve", &format!("{NAME}:{port}:127.0.0.1")]);
    let url = format!("https://{NAME}:{port}/");
    let (outcome, reused) =
        both(|| run_process(command.args([&url, &url]), b""), || serve(&acceptor, &listener, 2, true));
    assert_eq!(outcome.stdout, "page\npage\n", "{outcome:?}");
    assert_eq!(reused, [false, true], "{outcome:?}");
}
