//! Renegotiation that the peer asks for: never done, over either BIO.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use dlssl_tests::cli;
use dlssl_tests::client::bios;
use dlssl_tests::harness::{run, test};
use dlssl_tests::peers::{openssl_server, serve};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process::{PATIENCE, Running, foreign};
use dlssl_tests::served::Served;
use dlssl_tests::talk::{Bio, accept_by, acceptor, both, connect_by, connector};

fn main() -> ExitCode {
    let mut tests = vec![
        test("a_willing_server_renegotiates", a_willing_server),
        test("a_willing_client_renegotiates", a_willing_client),
    ];
    for bio in bios() {
        let name = if bio.is_empty() { "stream" } else { "socket" };
        tests.push(test(&format!("server_refuses_{name}"), move || server_refuses(bio)));
        tests.push(test(&format!("client_refuses_{name}"), move || client_refuses(bio)));
    }
    // The same on blocking sockets inside of this process: there one call may wait for all of a handshake.
    for bio in Bio::ALL {
        tests.push(test(&format!("blocking_server_refuses_{}", word(bio)), move || blocking_server_refuses(bio)));
        tests.push(test(&format!("blocking_client_refuses_{}", word(bio)), move || blocking_client_refuses(bio)));
    }
    run(tests.into_iter().map(|t| t.needs("openssl")).collect())
}

fn word(bio: Bio) -> &'static str {
    match bio {
        Bio::Stream => "stream",
        Bio::Descriptor => "descriptor",
        Bio::OpensslSocket => "openssl_socket",
    }
}

/// The end of a handshake as the peer receives it, in the output of `-msg`: one for each handshake that came about.
fn handshakes(output: &str) -> usize {
    output.lines().filter(|l| l.starts_with("<<<") && l.contains("Handshake") && l.ends_with("Finished")).count()
}

fn client(port: u16) -> Running {
    let mut command = foreign("openssl");
    command.args(["s_client", "-tls1_2", "-msg", "-connect", &format!("127.0.0.1:{port}"), "-servername", NAME]);
    let mut client = Running::start(&mut command);
    client.wait_until("the session", |out, _| out.contains("Verify return code"));
    assert_eq!(handshakes(&client.stdout()), 1);
    client
}

/// The messages alone, for a failure's report.
fn messages(output: &str) -> String {
    let told = |line: &&str| line.starts_with("<<<") || line.starts_with(">>>") || line.contains("error");
    output.lines().filter(told).filter(|l| !l.contains("RecordHeader")).collect::<Vec<_>>().join("\n")
}

fn not_again(output: &str, ours: &str) {
    assert_eq!(handshakes(output), 1, "renegotiated: {}\nours: {ours}", messages(output));
}

/// The peer has its new handshake, or was told that there will be none, or has lost us.
fn is_settled(output: &str) -> bool {
    let told = ["no_renegotiation", "CONNECTION CLOSED", "shutting down SSL", "\nERROR\n"];
    handshakes(output) > 1 || told.iter().any(|words| output.contains(words))
}

/// Lets time pass until the peer renegotiated, or ended, or said that it will not have it.
fn settle(peer: &mut Running, done: impl Fn(&str) -> bool) -> String {
    let end = Instant::now() + Duration::from_secs(4);
    loop {
        let output = peer.stdout() + &peer.stderr();
        if Instant::now() > end || done(&output) || peer.ended().is_some() {
            thread::sleep(Duration::from_millis(200));
            return peer.stdout() + &peer.stderr();
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The counterpart: this is how it looks when it succeeds.
fn a_willing_server() {
    let server = openssl_server(Pki::shared(), &["-tls1_2", "-client_renegotiation", "-rev"]);
    let mut client = client(server.port());
    client.write(b"R\n");
    client.wait_until("the second handshake", |out, _| handshakes(out) == 2);
}

fn server_refuses(bio: &[&str]) {
    let mut server = Served::start(bio);
    let mut client = client(server.address().port());
    client.write(b"before\n");
    client.wait_until("the echo", |out, _| out.contains("before\n"));
    client.write(b"R\n");
    let output = settle(&mut client, is_settled);
    assert!(output.contains("RENEGOTIATING"), "the client did not try: {output}");
    not_again(&output, &server.log());
    client.write(b"after\n");
    let output = settle(&mut client, |out| out.contains("after\n"));
    not_again(&output, &server.log());
    assert!(server.lives(), "{}", server.log());
    drop(client);
    // Others are served as before.
    let mut next = self::client(server.address().port());
    next.write(b"still there\n");
    next.wait_until("the echo", |out, _| out.contains("still there\n"));
}

/// `openssl s_server` that takes commands on its standard input; it has to be ours alone, for the sake of that input.
struct Asking {
    running: Running,
    port: u16,
}

impl Asking {
    fn start() -> Self {
        // A short-lived server finds out a port that works.
        let port = serve(asking).port();
        let mut running = Running::start(&mut asking(port));
        running.wait_until("ACCEPT", |out, _| out.contains("ACCEPT"));
        Asking { running, port }
    }

    /// Asks the one client for a new handshake.
    fn ask(&mut self) {
        self.running.wait_until("a connection", |out, _| out.contains("Finished") && out.contains("CIPHER is"));
        assert_eq!(handshakes(&self.running.stdout()), 1);
        self.running.write(b"r\n");
        self.running.wait_until("the request", |out, _| out.contains("HelloRequest"));
    }
}

fn asking(port: u16) -> std::process::Command {
    let (cert, key) = (Pki::shared().server_chain_path(), Pki::shared().server_key_path());
    let mut command = foreign("openssl");
    command
        .args(["s_server", "-tls1_2", "-msg", "-accept", &format!("127.0.0.1:{port}"), "-cert"])
        .arg(cert)
        .arg("-cert_chain")
        .arg(cert)
        .arg("-key")
        .arg(key);
    command
}

fn a_willing_client() {
    let mut server = Asking::start();
    let mut command = foreign("openssl");
    command.args(["s_client", "-tls1_2", "-connect", &format!("127.0.0.1:{}", server.port)]);
    let _client = Running::start(&mut command);
    server.ask();
    server.running.wait_until("the second handshake", |out, _| handshakes(out) == 2);
}

fn client_refuses(bio: &[&str]) {
    let mut server = Asking::start();
    let mut command = cli::command("connect");
    command
        .arg(format!("127.0.0.1:{}", server.port))
        .args(["--name", NAME, "--timeout", "20", "--ca"])
        .arg(Pki::shared().root_path())
        .args(bio);
    let client = Running::start(&mut command);
    server.ask();
    let output = settle(&mut server.running, is_settled);
    not_again(&output, &client.stderr());
}

fn blocking_server_refuses(bio: Bio) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = acceptor().build().unwrap();
    let (output, ours) = both(
        || {
            let mut client = client(port);
            client.write(b"R\n");
            settle(&mut client, is_settled)
        },
        || {
            let (socket, _) = listener.accept().unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut server = accept_by(bio, &acceptor, socket).unwrap();
            format!("{:?}", server.read(&mut [0; 16]))
        },
    );
    not_again(&output, &ours);
}

fn blocking_client_refuses(bio: Bio) {
    let mut server = Asking::start();
    let port = server.port;
    let connector = connector().build().unwrap();
    let (output, ours) = both(
        || {
            server.ask();
            let output = settle(&mut server.running, is_settled);
            // Lets a client go that stays on the old session.
            drop(server);
            output
        },
        || {
            let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut client = connect_by(bio, &connector, NAME, socket).unwrap();
            format!("{:?}", client.read(&mut [0; 16]))
        },
    );
    not_again(&output, &ours);
}
