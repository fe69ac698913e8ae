//! The examples that speak HTTP, run as a user would run them: with each other, with curl, `openssl s_server` and nginx.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use dlssl_tests::examples;
use dlssl_tests::harness::{Test, run, test};
use dlssl_tests::library::{is_openssl_from, library, set_environment};
use dlssl_tests::peers;
use dlssl_tests::pki::{Authority, Leaf, Pki};
use dlssl_tests::process::{self, Outcome, Running, foreign};
use dlssl_tests::talk::{acceptor, both, connector};

fn main() -> ExitCode {
    let mut tests = vec![
        test("https_get_from_https_serve", hyper_both),
        test("https_get_from_axum_serve", || get_from_axum("https_get")),
        test("ureq_get_from_axum_serve", || get_from_axum("ureq_get")),
        test("https_get_refuses_a_stranger", || stranger("https_get", "error: client error (Connect): https://local")),
        test("ureq_get_refuses_a_stranger", || stranger("ureq_get", "error: io: the peer's certificate was refused")),
        test("https_get_takes_no_page_that_was_cut_off", || cut_off("https_get")),
        test("ureq_get_takes_no_page_that_was_cut_off", || cut_off("ureq_get")),
        test("plain_http_is_refused", plain),
        test("ureq_get_keeps_its_limit", ureq_limit),
        test("axum_serve_beside_slow_clients", slow),
        test("arguments", arguments),
    ];
    for options in [&["--http2"][..], &["--http1.1"]] {
        tests.push(test(&format!("curl_{}_from_axum_serve", options[0]), || curl(options)).needs("curl"));
    }
    tests.push(test("curl_with_a_certificate_from_axum_serve", client_certificate).needs("curl"));
    for server in ["https_serve", "axum_serve"] {
        let own = || format!("{} tells every client that leaves so of a decode error", library().version_text());
        let one = test(&format!("{server}_lets_clients_leave_without_a_word"), || leave(server));
        tests.push(one.only_if(!is_openssl_from("3.0.0"), own));
    }
    for program in ["https_get", "ureq_get"] {
        tests.push(from_openssl(program));
        tests.push(from_nginx(program));
    }
    run(tests)
}

fn example(name: &str) -> Command {
    let mut command = Command::new(examples::path(name, name));
    set_environment(&mut command);
    command
}

fn root() -> String {
    Pki::shared().root_path().to_str().unwrap().to_owned()
}

/// A server for `localhost`, and its address with this name.
fn serve(name: &str, folder: &Path, options: &[&str]) -> (Running, String) {
    let (cert, key) = Pki::shared().authority.issue(&Leaf::server("localhost")).write(folder, "localhost");
    let mut server = Running::start(example(name).arg("--cert").arg(cert).arg("--key").arg(key).args(options));
    server.wait_until("its address", |out, _| out.contains('\n'));
    let line = server.stdout();
    assert!(line.trim_end().ends_with(library().version_text().trim_end()), "{line}");
    let address = line.split_whitespace().next().unwrap().replace("127.0.0.1", "localhost");
    (server, address)
}

fn get(name: &str, options: &[&str]) -> Outcome {
    process::run(example(name).args(options), b"")
}

fn hyper_both() {
    let folder = tempfile::TempDir::new().unwrap();
    let (server, address) = serve("https_serve", folder.path(), &[]);
    let page = format!("{address}page?of=it");
    for (options, http) in [(&[][..], "HTTP/2.0"), (&["--http1"], "HTTP/1.1")] {
        let outcome = get("https_get", &[&["--ca", &root(), &page], options].concat()).success();
        assert_eq!(outcome.stderr.split(',').next(), Some(http), "{outcome:?}");
        assert!(outcome.stderr.contains(library().version_text()), "{outcome:?}");
        assert_eq!(outcome.stdout, format!("/page over {http}\n"));
    }
    assert_eq!(server.stderr(), "");
}

fn get_from_axum(name: &str) {
    let folder = tempfile::TempDir::new().unwrap();
    let (mut server, address) = serve("axum_serve", folder.path(), &[]);
    let outcome = get(name, &["--ca", &root(), &format!("{address}hello/you")]).success();
    let http = if name == "https_get" { "HTTP/2.0" } else { "HTTP/1.1" };
    assert_eq!(outcome.stdout, format!("hello, you, over {http}\n"));
    assert!(outcome.stderr.trim_end().ends_with(&format!("on {}", library().version_text())), "{outcome:?}");
    let outcome = get(name, &["--ca", &root(), &format!("{address}nowhere")]);
    assert!(!outcome.status.success() && outcome.stderr.contains("404"), "{outcome:?}");
    // With its input, once nobody is being served.
    server.close_input();
    let outcome = server.finish().success();
    assert!(outcome.stdout.ends_with("ended\n"), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
}

fn stranger(name: &str, beginning: &str) {
    let folder = tempfile::TempDir::new().unwrap();
    let (_server, address) = serve("https_serve", folder.path(), &[]);
    let other = folder.path().join("other.pem");
    std::fs::write(&other, Authority::new("another").root_pem()).unwrap();
    let refused = |ca: &str, address: &str| {
        let outcome = get(name, &["--ca", ca, address]);
        assert!(!outcome.status.success(), "{outcome:?}");
        assert_eq!(outcome.stdout, "");
        assert!(outcome.stderr.contains("the peer's certificate was refused"), "{outcome:?}");
        outcome
    };
    let outcome = refused(other.to_str().unwrap(), &address);
    assert!(outcome.stderr.starts_with(beginning), "{outcome:?}");
    assert_eq!(outcome.stderr.matches("the peer's certificate").count(), 1, "{outcome:?}");
    // Its certificate is for another name.
    refused(&root(), &address.replace("localhost", "127.0.0.1"));
}

fn plain() {
    let outcome = get("https_get", &["http://localhost:1/"]);
    assert!(!outcome.status.success() && outcome.stderr.contains("plain HTTP is refused"), "{outcome:?}");
    let outcome = get("ureq_get", &["http://localhost:1/"]);
    assert!(!outcome.status.success() && outcome.stderr.contains("https only"), "{outcome:?}");
}

/// Connected by the system, and never answered.
fn ureq_limit() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}/", silent.local_addr().unwrap());
    let start = Instant::now();
    let outcome = get("ureq_get", &["--limit", "1", &address]);
    assert!(!outcome.status.success(), "{outcome:?}");
    assert!(outcome.stderr.starts_with("error: timeout: "), "{outcome:?}");
    assert!(start.elapsed() >= Duration::from_secs(1));
}

fn arguments() {
    let folder = tempfile::TempDir::new().unwrap();
    let empty = folder.path().to_str().unwrap();
    for name in ["https_get", "ureq_get", "https_serve", "axum_serve"] {
        let outcome = get(name, &["--lib-dir", empty, "--cert", "c", "--key", "k"]);
        assert!(!outcome.status.success() && outcome.stderr.contains(empty), "{outcome:?}");
        let outcome = get(name, &["--cert", "c", "--key", "k", "https://localhost/", "--surprise"]);
        assert!(!outcome.status.success(), "{outcome:?}");
        assert!(outcome.stderr.contains(&format!("\nusage: {name} [--lib-dir DIR]")), "{outcome:?}");
    }
}

/// A page without a length is whole only when the server has said so by `close_notify`.
fn cut_off(name: &str) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = acceptor().build().unwrap();
    for ends_in_order in [true, false] {
        let serve = || {
            let mut tls = acceptor.accept(listener.accept().unwrap().0).unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                tls.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            tls.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf").unwrap();
            if ends_in_order {
                tls.shutdown().unwrap();
            }
        };
        let (outcome, ()) = both(|| get(name, &["--ca", &root(), &format!("https://{address}/")]), serve);
        assert_eq!(outcome.status.success(), ends_in_order, "{outcome:?}");
        assert_eq!(outcome.stdout, if ends_in_order { "half" } else { "" });
    }
}

/// A server that many clients keep waiting, some without a word and some with the beginning of one.
fn slow() {
    let folder = tempfile::TempDir::new().unwrap();
    let (server, address) = serve("axum_serve", folder.path(), &[]);
    let at = address.trim_start_matches("https://").trim_end_matches('/');
    let slow: Vec<TcpStream> = (0..100)
        .map(|count| {
            let mut tcp = TcpStream::connect(at).unwrap();
            if count % 2 == 0 {
                tcp.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
            }
            tcp
        })
        .collect();
    for _ in 0..3 {
        let outcome = get("https_get", &["--ca", &root(), &format!("{address}hello/you")]).success();
        assert_eq!(outcome.stdout, "hello, you, over HTTP/2.0\n");
    }
    assert_eq!(server.stderr(), "", "a client was cut off before its time");
    drop(slow);
}

/// A client of HTTP/2 that has said nothing but hello, and closes its side of the socket without a farewell. As HTTP has it, it
/// has left in order, and is answered so.
fn leave(name: &str) {
    let folder = tempfile::TempDir::new().unwrap();
    let (_server, address) = serve(name, folder.path(), &[]);
    let at = address.trim_start_matches("https://").trim_end_matches('/');
    let connector = connector().alpn(["h2"]).build().unwrap();
    let mut tls = connector.connect_socket("localhost", TcpStream::connect(at).unwrap()).unwrap();
    // With settings that are empty.
    tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    // The server is there.
    tls.read_exact(&mut [0]).unwrap();
    tls.get_ref().shutdown(Shutdown::Write).unwrap();
    tls.read_to_end(&mut Vec::new()).expect("the server's farewell");
}

fn curl_command(address: &str) -> Command {
    let mut command = foreign("curl");
    command.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "15"]);
    command.args(["--cacert", &root(), address]);
    command
}

fn curl(options: &[&str]) {
    let folder = tempfile::TempDir::new().unwrap();
    let (server, address) = serve("axum_serve", folder.path(), &[]);
    let outcome = process::run(curl_command(&format!("{address}hello/curl")).args(options), b"").success();
    let version = options[0].trim_start_matches("--http");
    assert!(outcome.stdout.starts_with(&format!("hello, curl, over HTTP/{version}")), "{outcome:?}");
    assert_eq!(server.stderr(), "");
}

fn client_certificate() {
    let pki = Pki::shared();
    let folder = tempfile::TempDir::new().unwrap();
    let (_server, address) = serve("axum_serve", folder.path(), &["--client-ca", &root()]);
    let who = format!("{address}who");
    let outcome = process::run(&mut curl_command(&who), b"").success();
    assert!(outcome.stdout.starts_with("somebody by TLSv1."), "{outcome:?}");
    let mut known = curl_command(&who);
    known.arg("--cert").arg(pki.client_chain_path()).arg("--key").arg(pki.client_key_path());
    let outcome = process::run(&mut known, b"").success();
    assert!(!outcome.stdout.starts_with("somebody"), "{outcome:?}");
    assert!(outcome.stdout.contains("CN=") && outcome.stdout.contains(library().version_text()), "{outcome:?}");
}

fn from_openssl(program: &'static str) -> Test {
    test(&format!("{program}_from_openssl_s_server"), move || {
        let server = peers::openssl_server(Pki::shared(), &["-www"]);
        let outcome = get(program, &["--ca", &root(), &format!("https://{}/", server.address())]).success();
        assert!(outcome.stdout.contains("Secure Renegotiation"), "{outcome:?}");
        assert!(outcome.stderr.contains(library().version_text()), "{outcome:?}");
    })
    .needs("openssl")
}

fn from_nginx(program: &'static str) -> Test {
    test(&format!("{program}_from_nginx"), move || {
        let home = tempfile::TempDir::new().unwrap();
        let server = peers::nginx(Pki::shared(), home.path(), "TLSv1.2 TLSv1.3", "page of $request_uri");
        let address = format!("https://{}/some?where=1", server.address());
        let outcome = get(program, &["--ca", &root(), &address]).success();
        assert_eq!(outcome.stdout, "page of /some?where=1");
        // By its address only: the name is that of another.
        let outcome = get(program, &["--ca", &root(), &address.replace("127.0.0.1", "localhost")]);
        assert!(!outcome.status.success() && outcome.stdout.is_empty(), "{outcome:?}");
    })
    .needs("nginx")
}
