//! Peers that mean harm, on a proper connection or before there is one: each meets a typed error or is borne within
//! bounds; nothing hangs and nothing grows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::io::{self, ErrorKind as IoKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::RwLock;
use std::time::{Duration, Instant};

use dlssl::{Error, ErrorKind, Protocol, Timeouts, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::rogue::{
    ALERT, CHANGE_CIPHER, CLIENT_HELLO, DATA, HANDSHAKE, HELLO_REQUEST, KEY_UPDATE, Plan, Rogue, message, ticket13,
};
use dlssl_tests::talk::{Bio, Shaken, accept_by, acceptor, both, connect_by, connector, pattern, protocols, tcp_pair};

fn main() -> ExitCode {
    run(vec![
        test("a_rogue_that_behaves", beside_others(behaves)),
        test("garbage_before_the_handshake", beside_others(before)),
        test("garbage_in_the_handshake", beside_others(during)),
        test("garbage_after_the_handshake", beside_others(after)),
        test("records_without_data", beside_others(records_without_data)),
        test("an_endless_flood", alone(endless_flood)),
        test("renegotiation", beside_others(renegotiation)),
        test("tickets_of_all_sizes", beside_others(tickets)),
        test("messages_without_an_end", alone(huge_messages)),
    ])
}

/// Which side of a connection is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ours {
    Client,
    Server,
}

/// Each side of ours with each protocol, over each BIO.
fn every_way() -> impl Iterator<Item = (Ours, Protocol, Bio)> {
    let bios = |(ours, protocol)| Bio::ALL.into_iter().map(move |bio| (ours, protocol, bio));
    let sides = |protocol| [(Ours::Client, protocol), (Ours::Server, protocol)];
    protocols().into_iter().flat_map(sides).flat_map(bios)
}

/// Our side's handshake with a rogue, what we do then, and what the rogue does then. What we hold is dropped before the
/// rogue's end is waited for.
fn meet<T: Send, R: Send>(
    (ours, protocol, bio): (Ours, Protocol, Bio),
    plan: Plan,
    we: impl FnOnce(Shaken<TcpStream>) -> T + Send,
    it: impl FnOnce(io::Result<Rogue>) -> R + Send,
) -> (T, R) {
    let (a, b) = tcp_pair();
    both(
        || {
            we(match ours {
                Ours::Client => connect_by(bio, &connector().max_protocol(protocol).build().unwrap(), NAME, a),
                Ours::Server => accept_by(bio, &acceptor().max_protocol(protocol).build().unwrap(), a),
            })
        },
        move || {
            it(match ours {
                Ours::Client => {
                    Rogue::server(b, protocol, Plan { middle: plan.middle, ticket: plan.ticket, ..chain() })
                }
                Ours::Server => Rogue::client(b, protocol, plan),
            })
        },
    )
}

fn chain() -> Plan {
    Plan::of(&Pki::shared().server)
}

/// The kind of our error inside of an I/O error; `None` for the operating system's.
fn typed(error: &io::Error) -> Option<ErrorKind> {
    error.get_ref()?.downcast_ref::<Error>().map(Error::kind)
}

/// Held for writing by a test that looks at the memory of the process, and for reading by the others.
static MEMORY: RwLock<()> = RwLock::new(());

fn beside_others(body: fn()) -> impl FnOnce() + Send {
    move || {
        let _held = MEMORY.read();
        body();
    }
}

fn alone(body: fn()) -> impl FnOnce() + Send {
    move || {
        let _held = MEMORY.write();
        body();
    }
}

/// Whether a connection ended because the peer is gone.
fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), IoKind::UnexpectedEof | IoKind::ConnectionReset)
}

/// Kilobytes of memory in use.
fn memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

fn behaves() {
    for way in every_way() {
        let (ours, theirs) = meet(
            way,
            Plan::default(),
            |tls| {
                let mut tls = tls.unwrap();
                tls.write_all(b"ping").unwrap();
                let mut answer = [0; 4];
                tls.read_exact(&mut answer).unwrap();
                answer
            },
            |rogue| {
                let mut rogue = rogue.unwrap();
                let got = loop {
                    match rogue.receive().unwrap() {
                        (DATA, content) => break content,
                        // Tickets.
                        (HANDSHAKE, _) => {}
                        other => panic!("{other:?}"),
                    }
                };
                rogue.send(DATA, b"pong").unwrap();
                got
            },
        );
        assert_eq!((&ours[..], &theirs[..]), (&b"pong"[..], &b"ping"[..]), "{way:?}");
    }
}

/// Bytes that are no handshake, in all sorts of disguise.
fn rubbish() -> Vec<Vec<u8>> {
    let mut all = vec![
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"SSH-2.0-x\r\n".to_vec(),
        vec![0; 600],
        vec![0xff; 600],
        // An SSL 2 hello that claims more than there is.
        vec![0x80, 0xff, 1, 3, 3, 0, 3, 0, 0, 0, 16],
    ];
    for kind in [0, 20, 21, 22, 23, 24, 0x80] {
        for len in [0, 1, 4, 0x4000, 0x4001, 0xffff_u16] {
            let mut record = [&[kind, 3, 1][..], &len.to_be_bytes()].concat();
            record.extend(pattern(usize::from(len.min(100)), u64::from(len)));
            all.push(record);
        }
    }
    // A handshake record whose message is of any kind and length.
    for kind in [0, 1, 2, 4, 11, 14, 16, 20, 24, 254] {
        for len in [0_u32, 1, 40, 0xff_ffff] {
            let body = [&[kind][..], &len.to_be_bytes()[1..], &pattern(len.min(40) as usize, 3)].concat();
            all.push([&[22, 3, 3, 0, u8::try_from(body.len()).unwrap()][..], &body].concat());
        }
    }
    all.extend((0..20).map(|seed| pattern(700, seed)));
    all
}

fn before() {
    let (connector, acceptor) = (connector().build().unwrap(), acceptor().build().unwrap());
    for (bytes, bio) in rubbish().iter().flat_map(|bytes| Bio::ALL.map(|bio| (bytes, bio))) {
        for ours in [Ours::Client, Ours::Server] {
            let (a, mut b) = tcp_pair();
            b.write_all(bytes).unwrap();
            b.shutdown(std::net::Shutdown::Write).unwrap();
            let shaken = match ours {
                Ours::Client => connect_by(bio, &connector, NAME, a),
                Ours::Server => accept_by(bio, &acceptor, a),
            };
            let error = Error::from(shaken.expect_err("a handshake with rubbish"));
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::Handshake | ErrorKind::Protocol | ErrorKind::UnexpectedEof | ErrorKind::Io
                ),
                "{ours:?} {bio:?} {bytes:x?}: {error:?}"
            );
            assert!(!error.to_string().is_empty());
        }
    }
}

fn during() {
    for way in every_way() {
        for (kind, bytes) in [
            (HANDSHAKE, message(HELLO_REQUEST, b"more than nothing")),
            (HANDSHAKE, message(KEY_UPDATE, &[7])),
            (HANDSHAKE, message(254, &pattern(50, 1))),
            (HANDSHAKE, message(14, &pattern(50, 1))),
            (HANDSHAKE, vec![11, 0xff, 0xff, 0xff, 0]),
            (DATA, b"too early".to_vec()),
            (ALERT, vec![2]),
            (ALERT, vec![2, 80]),
            (ALERT, vec![9, 9]),
            (CHANGE_CIPHER, vec![7]),
            (99, b"?".to_vec()),
        ] {
            let say = bytes.clone();
            let middle = Box::new(move |rogue: &mut Rogue| rogue.send(kind, &say));
            let (ours, _) = meet(
                way,
                Plan { middle: Some(middle), ..Plan::default() },
                |tls| tls.map(drop).map_err(Error::from),
                |rogue| rogue.map(|mut rogue| rogue.drain()),
            );
            let Err(error) = ours else {
                // Libraries of old wait for the other half of an alert.
                assert_eq!((kind, bytes.len()), (ALERT, 1), "{way:?} {bytes:x?}");
                continue;
            };
            assert!(
                matches!(error.kind(), ErrorKind::Handshake | ErrorKind::Protocol),
                "{way:?} {kind} {bytes:x?}: {error:?}"
            );
        }
    }
}

/// What a good connection gets out of what comes next: data, the end, or an error with a type.
fn first_read(mut tls: TlsStream<TcpStream>) -> io::Result<Vec<u8>> {
    tls.set_deadline(None);
    tls.set_timeouts(Timeouts::all(Duration::from_secs(10)));
    let mut buf = [0; 100];
    tls.read(&mut buf).map(|n| buf[..n].to_vec())
}

fn after() {
    for way in every_way() {
        let sealed = [
            (HANDSHAKE, message(254, &pattern(50, 1))),
            (HANDSHAKE, message(20, &pattern(12, 1))),
            (HANDSHAKE, message(11, &[])),
            (HANDSHAKE, vec![0xff; 16_000]),
            (ALERT, vec![]),
            (ALERT, vec![1]),
            (ALERT, vec![2, 80, 2]),
            (ALERT, vec![2, 255]),
            (CHANGE_CIPHER, vec![1]),
            (CHANGE_CIPHER, vec![0; 40]),
            (24, vec![1, 0, 200, 0]),
            (0, vec![0; 3]),
            (255, vec![5; 100]),
        ];
        let raw = [pattern(300, 5), vec![DATA, 3, 3, 0, 0], vec![DATA, 3, 3, 0, 40], vec![DATA, 3, 3, 0x42, 0, 1]];
        let cases = sealed.into_iter().map(Ok).chain(raw.into_iter().map(Err));
        for case in cases {
            let (outcome, _) = meet(
                way,
                Plan::default(),
                |tls| first_read(tls.unwrap()),
                |rogue| {
                    let mut rogue = rogue.unwrap();
                    match &case {
                        Ok((kind, content)) => rogue.send(*kind, content)?,
                        // Enough to fill a record that was begun, none of which opens.
                        Err(bytes) => rogue.send_raw(&[&bytes[..], &pattern(20_000, 6)].concat())?,
                    }
                    rogue.send(DATA, b"x")?;
                    rogue.drain();
                    io::Result::Ok(())
                },
            );
            match outcome {
                // Libraries of old wait for the other half of an alert, and know heartbeats.
                Ok(bytes) => {
                    let borne = matches!(&case, Ok((24, _))) || matches!(&case, Ok((ALERT, half)) if half.len() < 2);
                    assert!(borne, "{way:?} {case:x?}");
                    assert_eq!(bytes, b"x", "{way:?} {case:x?}");
                }
                Err(error) => assert_eq!(typed(&error), Some(ErrorKind::Protocol), "{way:?} {case:x?}: {error:?}"),
            }
        }
    }
}

/// A record that holds nothing for the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silent {
    Data,
    Warning,
    KeyUpdate,
    KeyUpdateWithAnswer,
    Ticket,
    Hello,
}

impl Silent {
    /// Those that there are with a protocol, to a side.
    fn all(ours: Ours, protocol: Protocol) -> Vec<Silent> {
        match (protocol, ours) {
            (Protocol::Tls13, Ours::Client) => {
                vec![Silent::Data, Silent::Warning, Silent::KeyUpdate, Silent::KeyUpdateWithAnswer, Silent::Ticket]
            }
            (Protocol::Tls13, Ours::Server) => {
                vec![Silent::Data, Silent::Warning, Silent::KeyUpdate, Silent::KeyUpdateWithAnswer]
            }
            _ => vec![Silent::Data, Silent::Warning, Silent::Hello],
        }
    }

    fn record(self, ours: Ours, rogue: &mut Rogue) -> Vec<u8> {
        match self {
            Silent::Data => rogue.seal(DATA, &[]),
            // user_canceled, which is a warning.
            Silent::Warning => rogue.seal(ALERT, &[1, 90]),
            Silent::KeyUpdate => rogue.seal_key_update(false),
            Silent::KeyUpdateWithAnswer => rogue.seal_key_update(true),
            Silent::Ticket => rogue.seal(HANDSHAKE, &ticket13(100)),
            Silent::Hello => rogue.seal(HANDSHAKE, &again(ours)),
        }
    }
}

/// Several of them in one piece, and then data: that comes, or a typed error; a read that blocks never says "not now",
/// and never waits for more than is there.
fn records_without_data() {
    for way in every_way() {
        for silent in Silent::all(way.0, way.1) {
            for count in [1, 3, 30, 70, 150, 700] {
                let (outcome, _) = meet(
                    way,
                    Plan::default(),
                    |tls| first_read(tls.unwrap()),
                    |rogue| {
                        let mut rogue = rogue.unwrap();
                        let mut bytes: Vec<u8> = (0..count).flat_map(|_| silent.record(way.0, &mut rogue)).collect();
                        bytes.extend(rogue.seal(DATA, b"x"));
                        rogue.send_raw(&bytes)?;
                        rogue.drain();
                        io::Result::Ok(())
                    },
                );
                match outcome {
                    Ok(bytes) => assert_eq!(bytes, b"x", "{way:?} {count} {silent:?}"),
                    Err(error) => {
                        let kind = typed(&error);
                        assert_eq!(kind, Some(ErrorKind::Protocol), "{way:?} {count} {silent:?}: {error:?}");
                        assert!(count > 3 || silent == Silent::Hello, "{way:?} {count} {silent:?}: {error:?}");
                    }
                }
            }
        }
    }
}

/// Nothing else for as long as we listen: a read with a limit comes back.
fn endless_flood() {
    const LIMIT: Duration = Duration::from_millis(50);
    for way in every_way() {
        for silent in Silent::all(way.0, way.1) {
            let before = memory();
            let (outcome, _) = meet(
                way,
                Plan::default(),
                |tls| {
                    let mut tls = tls.unwrap();
                    tls.set_deadline(None);
                    tls.set_timeouts(Timeouts::new().read(LIMIT).write(LIMIT));
                    let end = Instant::now() + Duration::from_secs(10);
                    // The first time-out may be of before the flood.
                    let error = tls.read(&mut [0; 100]).expect_err("data");
                    assert!(Instant::now() < end, "{way:?} {silent:?}: a limit of {LIMIT:?} is over: {error}");
                    error
                },
                |rogue| {
                    let mut rogue = rogue.unwrap();
                    let end = Instant::now() + Duration::from_secs(12);
                    while Instant::now() < end {
                        let bytes: Vec<u8> = (0..64).flat_map(|_| silent.record(way.0, &mut rogue)).collect();
                        if rogue.send_raw(&bytes).is_err() {
                            break;
                        }
                    }
                },
            );
            let kind = typed(&outcome);
            assert!(
                outcome.kind() == IoKind::TimedOut || kind == Some(ErrorKind::Protocol),
                "{way:?} {silent:?}: {outcome:?}"
            );
            if let (Some(before), Some(after)) = (before, memory()) {
                assert!(after < before + 32 * 1024, "{way:?} {silent:?}: from {before} to {after} KiB");
            }
        }
    }
}

/// What asks for another handshake.
fn again(ours: Ours) -> Vec<u8> {
    match ours {
        Ours::Client => message(HELLO_REQUEST, &[]),
        Ours::Server => message(CLIENT_HELLO, &[&[3, 3][..], &[7; 32], &[0, 0, 2, 0xc0, 0x2b, 1, 0]].concat()),
    }
}

fn renegotiation() {
    for way in every_way().filter(|(_, protocol, _)| *protocol == Protocol::Tls12) {
        let (outcome, _) = meet(
            way,
            Plan::default(),
            |tls| first_read(tls.unwrap()),
            |rogue| {
                let mut rogue = rogue.unwrap();
                rogue.send(HANDSHAKE, &again(way.0))?;
                rogue.send(DATA, b"x")?;
                rogue.drain();
                io::Result::Ok(())
            },
        );
        match outcome {
            // Said to be nothing, and read over.
            Ok(bytes) => assert_eq!(bytes, b"x", "{way:?}"),
            Err(error) => assert_eq!(typed(&error), Some(ErrorKind::Protocol), "{way:?}: {error:?}"),
        }
    }
}

fn tickets() {
    for way in every_way().filter(|(ours, ..)| *ours == Ours::Client) {
        for len in [0, 1, 1000, 16_300, 40_000, 65_535] {
            let plan = Plan { ticket: (way.1 == Protocol::Tls12).then(|| vec![7; len]), ..Plan::default() };
            let we = |tls: Shaken<TcpStream>| tls.map_err(Error::from).map(first_read);
            let (outcome, _) = meet(way, plan, we, |rogue| {
                let mut rogue = rogue?;
                if way.1 == Protocol::Tls13 {
                    rogue.send(HANDSHAKE, &ticket13(len))?;
                }
                rogue.send(DATA, b"x")?;
                rogue.drain();
                io::Result::Ok(())
            });
            match outcome {
                Ok(Ok(bytes)) => assert_eq!(bytes, b"x", "{way:?} {len}"),
                Ok(Err(error)) => assert_eq!(typed(&error), Some(ErrorKind::Protocol), "{way:?} {len}: {error:?}"),
                Err(error) => assert!(
                    len > 16_000 && matches!(error.kind(), ErrorKind::Handshake | ErrorKind::Protocol),
                    "{way:?} {len}: {error:?}"
                ),
            }
        }
    }
}

/// A message that says it has 16 MiB, and then as many as are taken.
fn huge_messages() {
    for way in every_way() {
        for kind in [CLIENT_HELLO, 2, 4, 11, 13, 20, 24] {
            let before = memory();
            let (outcome, sent) = meet(
                way,
                Plan::default(),
                |tls| first_read(tls.unwrap()),
                |rogue| {
                    let mut rogue = rogue.unwrap();
                    let mut sent = 0;
                    let mut next = [&[kind, 0xff, 0xff, 0xff][..], &[0xaa; 16_000]].concat();
                    while sent < 17 << 20 && rogue.send(HANDSHAKE, &next).is_ok() {
                        sent += next.len();
                        next = vec![0xaa; 16_384];
                    }
                    // Who has taken it all waits for more.
                    if sent < 17 << 20 {
                        rogue.drain();
                    }
                    sent
                },
            );
            let error = outcome.expect_err(&format!("{way:?} {kind}"));
            match typed(&error) {
                // Or the operating system's words, where our alert has met a reset.
                Some(ErrorKind::Protocol | ErrorKind::Io) => {
                    assert!(sent < 16 << 20, "{way:?} {kind}: {sent} bytes were taken");
                }
                // A library that refuses a hello and reads over what follows.
                _ => {
                    assert!(kind == CLIENT_HELLO && is_end(&error), "{way:?} {kind}: {error:?}");
                }
            }
            if let (Some(before), Some(after)) = (before, memory()) {
                assert!(after < before + 32 * 1024, "{way:?} {kind}: from {before} to {after} KiB");
            }
        }
    }
}
