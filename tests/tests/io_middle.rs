//! Real sockets with somebody in the middle who carries bytes in pieces, stalls, and may cut either direction at any byte; and
//! the halves of a stream over parts that misbehave. Every byte arrives once and in order, or what arrived is the
//! beginning and the error has a type.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl_tests::harness::run;

#[cfg(unix)]
fn main() -> ExitCode {
    run(on_unix::tests())
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    run(vec![dlssl_tests::harness::not_here("io_middle", "Unix")])
}

#[cfg(unix)]
mod on_unix {
    use std::io::{self, ErrorKind as IoKind, Read, Write};
    use std::net::Shutdown;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::thread;

    use dlssl::{Acceptor, Connector, Divide, Duplex, Error, HandshakeError, Protocol, ReadHalf, TlsStream, WriteHalf};
    use dlssl_tests::harness::{Test, property};
    use dlssl_tests::pki::NAME;
    use dlssl_tests::talk::{Shaken, acceptor, both, connector, pattern, protocols};
    use dlssl_tests::wire::{Counts, End, Script, Scripted, Step, panic_payload, payload, pipe};
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    pub(super) fn tests() -> Vec<Test> {
        let mut tests =
            property("sockets_with_somebody_in_the_middle", |cases| check(cases.div_ceil(2), journey(), travel));
        // Four threads a case: fewer of them, as of those that carry each byte twice.
        tests
            .extend(property("halves_over_parts_that_misbehave", |cases| check(cases.div_ceil(5), division(), divide)));
        tests
    }

    fn check<C: std::fmt::Debug>(cases: u32, cases_of: impl Strategy<Value = C>, play: fn(&C)) {
        let config = Config { cases, failure_persistence: None, max_shrink_time: 20_000, ..Config::default() };
        let mut runner = TestRunner::new(config);
        let result = runner.run(&cases_of, |case| {
            play(&case);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{error}\n{runner}");
        }
    }

    /// What whoever is in the middle does next.
    #[derive(Debug, Clone)]
    enum Move {
        /// Carries at most so many bytes from the client to the server, or back.
        Carry {
            to_server: bool,
            most: usize,
        },
        Nothing,
    }

    #[derive(Debug, Clone)]
    struct Journey {
        protocol: Protocol,
        moves: Vec<Move>,
        writes: [Vec<usize>; 2],
        /// Bytes that are carried in all before the end comes, and whether both directions end or only what the client
        /// receives.
        cut: Option<(usize, bool)>,
    }

    fn journey() -> impl Strategy<Value = Journey> {
        let most = || prop_oneof![2 => 1..20_usize, 2 => 1..2000_usize, 3 => 1..70_000_usize];
        let one = prop_oneof![
            5 => (any::<bool>(), most()).prop_map(|(to_server, most)| Move::Carry { to_server, most }),
            1 => Just(Move::Nothing),
        ];
        let writes = || prop::collection::vec(prop_oneof![1..100_usize, 1..30_000_usize], 0..6);
        (
            prop::sample::select(protocols()),
            prop::collection::vec(one, 1..40),
            [writes(), writes()],
            prop::option::of((0..40_000_usize, any::<bool>())),
        )
            .prop_map(|(protocol, moves, writes, cut)| Journey { protocol, moves, writes, cut })
    }

    /// Small buffers, so that there is not always room.
    fn socket_pair() -> (UnixStream, UnixStream) {
        let (a, b) = UnixStream::pair().unwrap();
        for socket in [&a, &b] {
            socket.set_nonblocking(true).unwrap();
            let size: libc::c_int = 5000;
            // SAFETY: an open socket, and a number of the size that is told.
            let done = unsafe {
                libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, (&raw const size).cast(), 4)
            };
            assert_eq!(done, 0);
        }
        (a, b)
    }

    struct Middle<'a> {
        journey: &'a Journey,
        at: usize,
        carried: usize,
        is_cut: bool,
        client: UnixStream,
        server: UnixStream,
        /// On the way to the server, and to the client.
        waiting: [Vec<u8>; 2],
        ended: [bool; 2],
    }

    impl Middle<'_> {
        fn step(&mut self) {
            let moves = &self.journey.moves;
            let next = moves.get(self.at % (moves.len() + 1)).cloned();
            self.at += 1;
            match next {
                Some(Move::Carry { to_server, most }) => self.carry(to_server, most),
                Some(Move::Nothing) => {}
                // After each round all is carried: a list of nothing would be for ever.
                None => {
                    self.carry(true, usize::MAX);
                    self.carry(false, usize::MAX);
                }
            }
        }

        fn carry(&mut self, to_server: bool, most: usize) {
            if self.is_cut {
                return;
            }
            let lane = usize::from(!to_server);
            let (from, to) = if to_server { (&self.client, &self.server) } else { (&self.server, &self.client) };
            if self.waiting[lane].len() < 100_000 && !self.ended[lane] {
                let mut buf = vec![0; most.min(70_000)];
                match (&mut &*from).read(&mut buf) {
                    Ok(0) => self.ended[lane] = true,
                    Ok(n) => self.waiting[lane].extend_from_slice(&buf[..n]),
                    Err(error) => assert!(is_pause(&error) || is_end(&error), "{error:?}"),
                }
            }
            let mut most = most.min(self.waiting[lane].len());
            if let Some((after, _)) = self.journey.cut {
                most = most.min(after - self.carried);
            }
            if most > 0 {
                match (&mut &*to).write(&self.waiting[lane][..most]) {
                    Ok(n) => {
                        self.waiting[lane].drain(..n);
                        self.carried += n;
                    }
                    Err(error) => assert!(is_pause(&error) || is_end(&error), "{error:?}"),
                }
            }
            match self.journey.cut {
                Some((after, both)) if self.carried == after => {
                    self.is_cut = true;
                    let _ = self.client.shutdown(if both { Shutdown::Both } else { Shutdown::Write });
                    let _ = self.server.shutdown(Shutdown::Both);
                }
                _ if self.ended[lane] && self.waiting[lane].is_empty() => {
                    let _ = to.shutdown(Shutdown::Write);
                }
                _ => {}
            }
        }
    }

    fn is_pause(error: &io::Error) -> bool {
        matches!(error.kind(), IoKind::WouldBlock | IoKind::Interrupted)
    }

    /// What the end of a socket looks like.
    fn is_end(error: &io::Error) -> bool {
        matches!(error.kind(), IoKind::UnexpectedEof | IoKind::BrokenPipe | IoKind::ConnectionReset)
    }

    fn contexts(protocol: Protocol) -> (Connector, Acceptor) {
        (connector().max_protocol(protocol).build().unwrap(), acceptor().build().unwrap())
    }

    const ENOUGH: usize = 200_000;

    struct Side {
        tls: TlsStream<UnixStream>,
        writes: Vec<Vec<u8>>,
        sent: Vec<u8>,
        received: Vec<u8>,
        shut: bool,
        ended: bool,
    }

    fn travel(journey: &Journey) {
        let (connector, acceptor) = contexts(journey.protocol);
        let ((a, client), (b, server)) = (socket_pair(), socket_pair());
        let mut middle = Middle {
            journey,
            at: 0,
            carried: 0,
            is_cut: false,
            client,
            server,
            waiting: [Vec::new(), Vec::new()],
            ended: [false; 2],
        };
        let (mut a, mut b) = (connector.connect_socket(NAME, a), acceptor.accept_socket(b));
        let mut left = ENOUGH;
        while a.is_err() || b.is_err() {
            middle.step();
            (a, b) = match (again(a, &middle), again(b, &middle)) {
                (Some(a), Some(b)) => (a, b),
                _ => return,
            };
            left -= 1;
            assert!(left > 0, "the handshake does not end");
        }
        let side = |tls: Shaken<UnixStream>, seed: u64, writes: &[usize]| Side {
            tls: tls.unwrap(),
            writes: writes.iter().rev().map(|len| pattern(*len, seed + u64::try_from(*len).unwrap())).collect(),
            sent: Vec::new(),
            received: Vec::new(),
            shut: false,
            ended: false,
        };
        let mut sides = [side(a, 100, &journey.writes[0]), side(b, 200, &journey.writes[1])];
        let outcome = talk(&mut sides, &mut middle, left);
        let [a, b] = &sides;
        let all = |side: &Side| {
            let rest = side.writes.iter().rev().flatten();
            side.sent.iter().chain(rest).copied().collect::<Vec<u8>>()
        };
        assert!(all(a).starts_with(&b.received) && all(b).starts_with(&a.received), "what arrived was never sent");
        match outcome {
            Ok(()) => assert!(all(a) == b.received && all(b) == a.received, "an orderly end, and bytes are missing"),
            Err(error) => assert!(middle.is_cut && is_end(&error), "{error:?}"),
        }
    }

    /// Resumes a handshake, which may fail when the connection was cut, and then as one that was.
    fn again(shaken: Shaken<UnixStream>, middle: &Middle<'_>) -> Option<Shaken<UnixStream>> {
        match shaken {
            Err(HandshakeError::Blocked(paused)) => {
                assert!(is_pause(paused.error()), "{:?}", paused.error());
                Some(paused.resume())
            }
            Err(HandshakeError::Failed(failed)) => {
                let error = io::Error::from(failed.into_error());
                assert!(middle.is_cut && !is_pause(&error), "{error:?}");
                None
            }
            Ok(tls) => Some(Ok(tls)),
        }
    }

    fn talk(sides: &mut [Side; 2], middle: &mut Middle<'_>, mut left: usize) -> io::Result<()> {
        while sides.iter().any(|side| !side.shut || !side.ended) {
            for side in sides.iter_mut() {
                side.step()?;
                middle.step();
            }
            left -= 1;
            assert!(left > 0, "no end in sight");
        }
        Ok(())
    }

    impl Side {
        fn step(&mut self) -> io::Result<()> {
            if let Some(next) = self.writes.last_mut() {
                if let Some(n) = not_now(self.tls.write(next))? {
                    self.sent.extend(next.drain(..n));
                    if next.is_empty() {
                        self.writes.pop();
                    }
                }
            } else if !self.shut {
                self.shut = not_now(self.tls.shutdown())?.is_some();
            } else {
                not_now(self.tls.flush())?;
            }
            if !self.ended {
                let mut buf = [0; 3000];
                match not_now(self.tls.read(&mut buf))? {
                    Some(0) => self.ended = true,
                    Some(n) => self.received.extend_from_slice(&buf[..n]),
                    None => {}
                }
            }
            Ok(())
        }
    }

    fn not_now<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
        match outcome {
            Err(error) if is_pause(&error) => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    /// A stream that is divided over two pipes; each part follows a script of its own.
    #[derive(Debug, Clone)]
    struct Division {
        protocol: Protocol,
        scripts: [Script; 4],
        writes: [Vec<usize>; 2],
    }

    fn division() -> impl Strategy<Value = Division> {
        let steps = |number: u32| {
            let plain = prop_oneof![
                4 => Just(Step::Pass),
                4 => (1..3000_usize).prop_map(Step::Short),
                1 => Just(Step::Interrupted),
            ];
            let fault = prop_oneof![Just(Step::Fail(number)), Just(Step::Panic(number))];
            (prop::collection::vec(plain, 0..60), prop::option::weighted(0.3, (fault, any::<prop::sample::Index>())))
                .prop_map(|(mut steps, fault)| {
                    if let Some((fault, at)) = fault {
                        let at = at.index(steps.len() + 1);
                        steps.insert(at, fault);
                    }
                    steps
                })
        };
        let script = move |number| {
            (steps(number), steps(number + 1), any::<bool>()).prop_map(|(reads, writes, vectored)| Script {
                reads,
                writes,
                vectored,
                ..Script::default()
            })
        };
        let writes = || prop::collection::vec(prop_oneof![1..100_usize, 1..30_000_usize], 0..6);
        (prop::sample::select(protocols()), [script(10), script(20), script(30), script(40)], [writes(), writes()])
            .prop_map(|(protocol, scripts, writes)| Division { protocol, scripts, writes })
    }

    type Part = Scripted<End>;
    type Whole = Duplex<Part, Part>;

    fn divide(division: &Division) {
        let (connector, acceptor) = contexts(division.protocol);
        let ((up, up_end), (down, down_end)) = (pipe(), pipe());
        let mut scripts = division.scripts.iter().cloned();
        let mut part = |end| Scripted::new(end, scripts.next().unwrap());
        let client = (part(down_end), part(up));
        let server = (part(up_end), part(down));
        let counts = [&client.0, &client.1, &server.0, &server.1].map(Scripted::counts);
        let shake = |outcome: Result<Shaken<Whole>, _>| outcome.ok().and_then(finish);
        let (client, server) = both(
            || shake(guard(&counts, || connector.connect(NAME, Duplex::new(client.0, client.1)))),
            || shake(guard(&counts, || acceptor.accept(Duplex::new(server.0, server.1)))),
        );
        let (Some(client), Some(server)) = (client, server) else {
            assert!(faults(&counts) > 0, "a handshake failed of itself");
            return;
        };
        let halves = |tls: TlsStream<Whole>| tls.split().unwrap();
        let ((client_reads, client_writes), (server_reads, server_writes)) = (halves(client), halves(server));
        let to_send = |seed: u64, lens: &[usize]| pattern(lens.iter().sum(), seed);
        let sent = [to_send(1, &division.writes[0]), to_send(2, &division.writes[1])];
        let (a, b) = thread::scope(|scope| {
            let readers = [client_reads, server_reads].map(|half| scope.spawn(|| receive(half, &counts)));
            let writers = [(client_writes, 0), (server_writes, 1)].map(|(half, side)| {
                let (lens, bytes) = (&division.writes[side], &sent[side]);
                scope.spawn(|| transmit(half, lens, bytes, &counts))
            });
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            let [a, b] = readers.map(|reader| reader.join().unwrap());
            (a, b)
        });
        for (received, sent) in [(&a, &sent[1]), (&b, &sent[0])] {
            assert!(sent.starts_with(received), "what arrived was never sent");
            assert!(received.len() == sent.len() || faults(&counts) > 0, "{} of {}", received.len(), sent.len());
        }
    }

    fn faults(counts: &[Arc<Counts>]) -> usize {
        counts.iter().map(|counts| counts.fired.lock().unwrap().len()).sum()
    }

    /// A panic must be one that a script let loose.
    fn guard<T>(counts: &[Arc<Counts>], call: impl FnOnce() -> T) -> Result<T, ()> {
        catch_unwind(AssertUnwindSafe(call)).map_err(|panic| match panic_payload(&*panic) {
            Some(payload) => assert!(counts.iter().any(|counts| counts.fired.lock().unwrap().contains(&payload))),
            None => std::panic::resume_unwind(panic),
        })
    }

    fn finish(mut shaken: Shaken<Whole>) -> Option<TlsStream<Whole>> {
        loop {
            match shaken {
                Ok(tls) => return Some(tls),
                Err(HandshakeError::Blocked(paused)) => {
                    assert!(is_pause(paused.error()), "{:?}", paused.error());
                    shaken = catch_unwind(AssertUnwindSafe(|| paused.resume())).ok()?;
                }
                Err(error) => {
                    assert!(!Error::from(error).to_string().is_empty());
                    return None;
                }
            }
        }
    }

    /// An error of a half is a scripted one, or says that the other side is gone.
    fn check_end(error: &io::Error) {
        assert!(
            payload(error).is_some() || is_end(error) || error.get_ref().is_some_and(|e| e.is::<Error>()),
            "{error:?}"
        );
        assert!(!is_pause(error), "{error:?}");
    }

    fn receive<S: Divide>(mut half: ReadHalf<S>, counts: &[Arc<Counts>]) -> Vec<u8> {
        let mut received = Vec::new();
        let mut buf = [0; 5000];
        loop {
            match guard(counts, || half.read(&mut buf)) {
                Ok(Ok(0)) | Err(()) => return received,
                Ok(Ok(n)) => received.extend_from_slice(&buf[..n]),
                Ok(Err(error)) if error.kind() == IoKind::Interrupted => {}
                Ok(Err(error)) => {
                    check_end(&error);
                    return received;
                }
            }
        }
    }

    fn transmit<S: Divide>(mut half: WriteHalf<S>, lens: &[usize], mut bytes: &[u8], counts: &[Arc<Counts>]) {
        for len in lens {
            let (now, later) = bytes.split_at(*len);
            bytes = later;
            match guard(counts, || half.write_all(now).and_then(|()| half.flush())) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return check_end(&error),
                Err(()) => return,
            }
        }
        if let Ok(Err(error)) = guard(counts, || half.shutdown()) {
            check_end(&error);
        }
    }
}
