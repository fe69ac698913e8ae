//! Messages for the `log` facade: what is told at which level, and what is not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;
use std::sync::Mutex;

use dlssl::Loader;
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{library, loader};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::talk::{acceptor, connector, send, shake};
use dlssl_tests::wire::pipe;
use log::{Level, LevelFilter, Log, Metadata, Record};

struct Collect(Mutex<Vec<(Level, String, String)>>);

static COLLECT: Collect = Collect(Mutex::new(Vec::new()));

impl Log for Collect {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let message = (record.level(), record.target().to_owned(), record.args().to_string());
        self.0.lock().unwrap().push(message);
    }

    fn flush(&self) {}
}

fn main() -> ExitCode {
    log::set_logger(&COLLECT).unwrap();
    log::set_max_level(LevelFilter::Trace);
    // One test, since all share the one logger.
    run(vec![test("what_is_told", what_is_told)])
}

/// What was told since the last time.
fn told() -> Vec<(Level, String, String)> {
    std::mem::take(&mut COLLECT.0.lock().unwrap())
}

fn what_is_told() {
    let version = library().version().to_string();
    let loads = told();
    let load = loads.iter().find(|(_, target, _)| target == "dlssl::load").expect("a load is told");
    assert!(load.0 == Level::Info && load.2.contains(&version), "{load:?}");

    let slot = dlssl::Slot::new(loader());
    slot.reload().unwrap();
    assert!(told().iter().any(|(level, target, _)| *level == Level::Info && target == "dlssl::reload"));
    // SAFETY: nothing is there to be loaded.
    unsafe { Loader::new().directory("/nowhere/at/all") }.load().unwrap_err();
    assert!(told().iter().any(|(level, target, text)| {
        *level == Level::Warn && target == "dlssl::load" && text.contains("/nowhere/at/all")
    }));

    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    for round in 0..2 {
        let (client, server) = shake(&connector, &acceptor, NAME, pipe());
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        let handshakes = told();
        let handshakes: Vec<_> = handshakes.iter().filter(|(_, target, _)| target == "dlssl::handshake").collect();
        assert_eq!(handshakes.len(), 2, "{handshakes:?}");
        // A server on OpenSSL before 1.1.1e hears no name from a client that resumes.
        let asked = server.server_name().unwrap_or("no name");
        for beginning in [format!("with {NAME} done"), format!("with a client for {asked} done")] {
            let count = handshakes.iter().filter(|(_, _, text)| text.starts_with(&beginning)).count();
            assert_eq!(count, 1, "{beginning}: {handshakes:?}");
        }
        for (level, _, text) in handshakes {
            assert_eq!(*level, Level::Debug);
            for part in [client.protocol_name(), client.cipher(), &version] {
                assert!(text.contains(part), "{text}");
            }
            assert_eq!(text.contains("resumed"), round > 0, "{text}");
        }
        // Nothing on the way of data.
        for _ in 0..20 {
            send(&mut server, &mut client, b"data");
            send(&mut client, &mut server, b"data");
        }
        assert_eq!(told(), []);
        server.shutdown().unwrap();
        std::io::Read::read_to_end(&mut client, &mut Vec::new()).unwrap();
        let alerts = told();
        for direction in ["sent", "received"] {
            let expected = format!("{direction} alert: warning close notify");
            assert!(alerts.iter().any(|(_, target, text)| target == "dlssl::alert" && *text == expected), "{alerts:?}");
        }
    }

    let stranger = dlssl_tests::pki::Leaf::server(NAME).self_signed();
    let untrusted = dlssl::Acceptor::builder(library(), stranger.identity()).build().unwrap();
    let (client, _server) = shake(&connector, &untrusted, NAME, pipe());
    client.unwrap_err();
    let failures = told();
    assert!(failures.iter().any(|(level, target, text)| {
        *level == Level::Warn && target == "dlssl::handshake" && text.contains("certificate")
    }));
    assert!(!failures.iter().any(|(_, _, text)| text.contains(&Pki::shared().server.key[40..80])));
    let _ = library().take_errors();
}
