//! The example that sends a message by SMTP with STARTTLS, with a small server: the message arrives, and nothing else gets through.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, ExitCode};
use std::thread::{self, JoinHandle};

use dlssl_tests::examples;
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{library, set_environment};
use dlssl_tests::pki::{Authority, Leaf, Pki};
use dlssl_tests::process::{self, Outcome, PATIENCE};

fn main() -> ExitCode {
    run(vec![
        test("a_message_arrives", arrives),
        test("what_follows_the_answer_is_refused", injected),
        test("never_in_the_clear", no_starttls),
        test("a_stranger_gets_nothing", stranger),
        test("refusals_are_told", refusals),
        test("an_address_is_no_command", address),
    ])
}

/// What a server heard before TLS, and under it.
#[derive(Debug, Default)]
struct Heard {
    plain: Vec<String>,
    tls: Vec<String>,
}

/// How a server differs from a good one.
#[derive(Clone, Copy)]
struct Server {
    offers: &'static str,
    /// Said in the same breath as the answer to `STARTTLS`.
    injected: &'static str,
    /// The beginning of a command that is refused.
    refuses: &'static str,
}

const GOOD: Server = Server { offers: "STARTTLS", injected: "", refuses: "no such command" };

impl Server {
    /// Serves one client, on the port that is given.
    fn start(self) -> (u16, JoinHandle<Heard>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        (port, thread::spawn(move || self.serve(&listener)))
    }

    fn serve(self, listener: &TcpListener) -> Heard {
        let (tcp, _) = listener.accept().unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut heard = Heard::default();
        let mut plain = BufReader::new(tcp);
        plain.get_mut().write_all(b"220-mail.test\r\n220 ready\r\n").unwrap();
        if !self.talk(&mut plain, &mut heard.plain) {
            return heard;
        }
        let identity = Pki::shared().authority.issue(&Leaf::server("localhost")).identity();
        let acceptor = dlssl::Acceptor::builder(library(), identity).build().unwrap();
        if let Ok(tls) = acceptor.accept(plain.into_inner()) {
            let mut tls = BufReader::new(tls);
            self.talk(&mut tls, &mut heard.tls);
            let _ = tls.get_mut().shutdown();
        }
        heard
    }

    /// Whether TLS begins.
    fn talk<S: Read + Write>(self, stream: &mut BufReader<S>, heard: &mut Vec<String>) -> bool {
        let mut inside = false;
        loop {
            let mut line = String::new();
            if !stream.read_line(&mut line).is_ok_and(|count| count > 0) {
                return false;
            }
            assert!(line.ends_with("\r\n"), "{line:?}");
            let line = line.trim_end_matches("\r\n");
            heard.push(line.to_owned());
            let answer = match line {
                "." if inside => {
                    inside = false;
                    "250 it is number 17\r\n".to_owned()
                }
                _ if inside => continue,
                line if line.starts_with(self.refuses) => "550 5.1.1 not here\r\n".to_owned(),
                "EHLO localhost" => format!("250-mail.test\r\n250-{}\r\n250 HELP\r\n", self.offers),
                "STARTTLS" => format!("220 go\r\n{}", self.injected),
                "DATA" => {
                    inside = true;
                    "354 go on\r\n".to_owned()
                }
                "QUIT" => "221 bye\r\n".to_owned(),
                line if line.starts_with("AUTH") => "235 welcome\r\n".to_owned(),
                _ => "250 fine\r\n".to_owned(),
            };
            if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                return false;
            }
            match line {
                "STARTTLS" => return true,
                "QUIT" => return false,
                _ => {}
            }
        }
    }
}

const MESSAGE: &str = "Subject: one\n\nA line.\n.\n..two points\nThe end, without one";

fn send(port: u16, options: &[&str]) -> Outcome {
    let mut command = Command::new(examples::path("smtp_send", "smtp_send"));
    set_environment(&mut command);
    command.args(options);
    if !options.contains(&"--ca") {
        command.arg("--ca").arg(Pki::shared().root_path());
    }
    if !options.contains(&"--to") {
        command.args(["--to", "you@example.org"]);
    }
    command.args(["--from", "me@example.org", &format!("localhost:{port}")]);
    process::run(&mut command, MESSAGE.as_bytes())
}

fn fails(outcome: &Outcome, words: &str) {
    assert!(!outcome.status.success() && outcome.stderr.contains(words), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
}

const BEFORE_TLS: [&str; 2] = ["EHLO localhost", "STARTTLS"];

fn arrives() {
    let folder = tempfile::TempDir::new().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "secret\n").unwrap();
    let (port, server) = GOOD.start();
    let outcome = send(port, &["--user", "me", "--password-file", password.to_str().unwrap()]).success();
    assert_eq!(outcome.stdout, "it is number 17\n");
    assert!(outcome.stderr.contains(library().version_text()), "{outcome:?}");
    let heard = server.join().unwrap();
    assert_eq!(heard.plain, BEFORE_TLS);
    let expected = [
        "EHLO localhost",
        "AUTH PLAIN AG1lAHNlY3JldA==",
        "MAIL FROM:<me@example.org>",
        "RCPT TO:<you@example.org>",
        "DATA",
        "Subject: one",
        "",
        "A line.",
        "..",
        "...two points",
        "The end, without one",
        ".",
        "QUIT",
    ];
    assert_eq!(heard.tls, expected);
}

fn injected() {
    let (port, server) = Server { injected: "250 trust me\r\n", ..GOOD }.start();
    fails(&send(port, &[]), "14 bytes follow the answer in the clear");
    let heard = server.join().unwrap();
    assert_eq!((&heard.plain[..], &heard.tls[..]), (&BEFORE_TLS.map(str::to_owned)[..], &[][..]));
}

fn no_starttls() {
    let (port, server) = Server { offers: "SIZE 100", ..GOOD }.start();
    fails(&send(port, &[]), "does not offer STARTTLS");
    assert_eq!(server.join().unwrap().plain, ["EHLO localhost"]);
    let (port, server) = Server { refuses: "STARTTLS", ..GOOD }.start();
    fails(&send(port, &[]), "550 5.1.1 not here");
    assert_eq!(server.join().unwrap().plain, BEFORE_TLS);
}

fn stranger() {
    let folder = tempfile::TempDir::new().unwrap();
    let other = folder.path().join("other.pem");
    std::fs::write(&other, Authority::new("another").root_pem()).unwrap();
    let (port, server) = GOOD.start();
    fails(&send(port, &["--ca", other.to_str().unwrap()]), "the peer's certificate was refused");
    assert!(server.join().unwrap().tls.is_empty());
}

fn refusals() {
    let (port, server) = Server { refuses: "RCPT", ..GOOD }.start();
    fails(&send(port, &[]), "550 5.1.1 not here");
    assert_eq!(server.join().unwrap().tls.last().unwrap(), "RCPT TO:<you@example.org>");
}

fn address() {
    for address in ["you@example.org>\r\nRCPT TO:<other@example.org", "a b", ""] {
        fails(&send(1, &["--to", address]), "is no address");
    }
}
