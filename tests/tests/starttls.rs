//! `dlssl connect --starttls`: a small server for each protocol, the same one with OpenSSL's client, and the injection.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::thread;

use dlssl_tests::cli;
use dlssl_tests::harness::{Test, run, test};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process::{self, PATIENCE, Running, foreign};
use dlssl_tests::talk::acceptor;

const PROTOCOLS: [&str; 9] = ["smtp", "imap", "pop3", "nntp", "ftp", "xmpp", "postgres", "mysql", "ldap"];

fn main() -> ExitCode {
    let mut tests: Vec<Test> = Vec::new();
    for protocol in PROTOCOLS {
        tests.push(test(protocol, move || speaks(protocol)));
        tests.push(test(&format!("{protocol}_with_openssl"), move || openssl_speaks(protocol)).needs("openssl"));
        tests.push(test(&format!("{protocol}_injection_is_refused"), move || injected(protocol)));
    }
    tests.push(test("refusal_is_told", refused));
    tests.push(test("silent_peer_is_given_up", silent));
    run(tests)
}

/// What a client says in one step, and what it is answered.
type Step = (Hears, Vec<u8>);

enum Hears {
    /// All up to and with this.
    Until(&'static [u8]),
    /// So many bytes.
    Exactly(usize),
}

/// A server's part: its greeting, and its steps. The commands are matched without their tags and attributes.
fn part(protocol: &str) -> (Vec<u8>, Vec<Step>) {
    use Hears::{Exactly, Until};
    let line = |hears, says: &str| (hears, says.as_bytes().to_vec());
    match protocol {
        "smtp" => (
            b"220-mail.test\r\n220 ready\r\n".to_vec(),
            vec![
                line(Until(b"\r\n"), "250-mail.test\r\n250-STARTTLS\r\n250 HELP\r\n"),
                line(Until(b"STARTTLS\r\n"), "220 go\r\n"),
            ],
        ),
        // Both answer to whatever tag comes: OpenSSL's is ".", ours "a1".
        "imap" => (b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n".to_vec(), vec![line(Until(b"\r\n"), "IMAP")]),
        "pop3" => (b"+OK ready\r\n".to_vec(), vec![line(Until(b"STLS\r\n"), "+OK go\r\n")]),
        "nntp" => (b"200 ready\r\n".to_vec(), vec![line(Until(b"STARTTLS\r\n"), "382 go\r\n")]),
        "ftp" => (b"220 ready\r\n".to_vec(), vec![line(Until(b"AUTH TLS\r\n"), "234 go\r\n")]),
        "xmpp" => (
            Vec::new(),
            vec![
                line(
                    Until(b"version='1.0'"),
                    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
                     xmlns:stream='http://etherx.jabber.org/streams' id='1' from='server.test' version='1.0'>\
                     <stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
                ),
                line(
                    Until(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
                    "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
                ),
            ],
        ),
        "postgres" => (Vec::new(), vec![line(Exactly(8), "S")]),
        "mysql" => {
            let mut body = b"\x0a8.0.36\0".to_vec();
            body.extend([1, 0, 0, 0]);
            body.extend(*b"12345678\0");
            body.extend([0xFF, 0xFF, 45, 2, 0, 0xFF, 0xDF, 21]);
            body.extend([0; 10]);
            body.extend(*b"901234567890\0mysql_native_password\0");
            let mut packet = vec![u8::try_from(body.len()).unwrap(), 0, 0, 0];
            packet.extend(body);
            (packet, vec![(Exactly(36), Vec::new())])
        }
        "ldap" => {
            (Vec::new(), vec![(Exactly(31), b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec())])
        }
        other => panic!("{other}"),
    }
}

/// Plays the server's part on one connection, with `injected` right after its last word.
fn play(socket: &mut TcpStream, protocol: &str, injected: &[u8]) -> Option<()> {
    let (mut says, steps) = part(protocol);
    for (hears, answer) in steps {
        socket.write_all(&says).ok()?;
        let mut heard = Vec::new();
        let mut byte = [0];
        while match hears {
            Hears::Until(end) => !heard.ends_with(end),
            Hears::Exactly(count) => heard.len() < count,
        } {
            socket.read_exact(&mut byte).ok()?;
            heard.push(byte[0]);
            // OpenSSL asks first.
            if heard == b"CAPABILITIES\r\n" {
                socket.write_all(b"101 list\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n").ok()?;
                heard.clear();
            }
        }
        says = answer;
        if says == b"IMAP" {
            says = imap(&heard, socket)?;
        }
    }
    says.extend_from_slice(injected);
    socket.write_all(&says).ok()
}

/// OpenSSL asks for the capabilities first.
fn imap(heard: &[u8], socket: &mut TcpStream) -> Option<Vec<u8>> {
    let mut line = String::from_utf8(heard.to_vec()).unwrap();
    loop {
        let (tag, command) = line.trim_end().split_once(' ').unwrap();
        if command == "STARTTLS" {
            return Some(format!("{tag} OK go\r\n").into_bytes());
        }
        let words = format!("* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK done\r\n");
        socket.write_all(words.as_bytes()).ok()?;
        let mut next = Vec::new();
        while !next.ends_with(b"\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).ok()?;
            next.push(byte[0]);
        }
        line = String::from_utf8(next).unwrap();
    }
}

/// Serves one client: the part in the clear, then TLS and an echo of five bytes. Gives the port.
fn serve(protocol: &'static str, injected: &'static [u8]) -> (u16, thread::JoinHandle<Result<(), String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().map_err(|error| error.to_string())?;
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        play(&mut socket, protocol, injected).ok_or("the dialogue was cut short")?;
        let mut tls = acceptor().build().unwrap().accept(socket).map_err(|error| error.to_string())?;
        let mut bytes = [0; 5];
        tls.read_exact(&mut bytes).map_err(|error| error.to_string())?;
        tls.write_all(&bytes).map_err(|error| error.to_string())?;
        tls.shutdown().map_err(|error| error.to_string())?;
        // What is unread when a socket closes resets the connection.
        let _ = tls.read(&mut [0]);
        Ok(())
    });
    (port, server)
}

fn connect(port: u16, protocol: &str) -> Command {
    let mut command = cli::command("connect");
    command
        .args([&format!("127.0.0.1:{port}"), "--name", NAME, "--timeout", "20", "--starttls", protocol, "--ca"])
        .arg(Pki::shared().root_path());
    command
}

fn speaks(protocol: &'static str) {
    let (port, server) = serve(protocol, b"");
    let outcome = process::run(&mut connect(port, protocol), b"hello").success();
    assert_eq!(outcome.stdout, "hello");
    server.join().unwrap().unwrap();
}

/// What the servers here say is what another client takes, too.
fn openssl_speaks(protocol: &'static str) {
    let (port, server) = serve(protocol, b"");
    let mut command = foreign("openssl");
    command.args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{port}"), "-starttls", protocol]);
    let mut client = Running::start(&mut command);
    client.write(b"hello");
    client.wait_until("hello", |out, _| out.contains("hello"));
    server.join().unwrap().unwrap();
}

fn injected(protocol: &'static str) {
    let (port, server) = serve(protocol, b"\r\n250 trust me\r\n");
    let outcome = process::run(&mut connect(port, protocol), b"hello");
    assert!(!outcome.status.success(), "{outcome:?}");
    // Most often both come at once, and it is found out before TLS; what comes later breaks the handshake.
    assert!(outcome.stderr.contains("in the clear follow") || outcome.stderr.contains("no TLS with"), "{outcome:?}");
    assert!(server.join().unwrap().is_err());
}

fn refused() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(b"* PREAUTH you are \x1b[2J in\r\n").unwrap();
        let _ = socket.read(&mut [0; 10]);
    });
    let outcome = process::run(&mut connect(port, "imap"), b"");
    assert!(!outcome.status.success() && outcome.stderr.contains("refuses TLS"), "{outcome:?}");
    assert!(!outcome.stderr.contains('\x1b'), "{outcome:?}");
    server.join().unwrap();
    let mut command = cli::command("connect");
    let outcome = process::run(command.args(["127.0.0.1:1", "--starttls", "gopher"]), b"");
    assert_eq!(outcome.status.code(), Some(2), "{outcome:?}");
}

fn silent() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut command = cli::command("connect");
    command.args([&format!("127.0.0.1:{port}"), "--timeout", "0.2", "--starttls", "smtp", "--ca"]);
    let outcome = process::run(command.arg(Pki::shared().root_path()), b"");
    assert!(!outcome.status.success() && outcome.stderr.contains("timed out"), "{outcome:?}");
}
