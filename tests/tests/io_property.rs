//! Any sequence of partial and failing I/O on both sides: every byte arrives once and in order, or the very error or panic comes out.
//!
//! `PROPTEST_CASES` sets the number of cases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err, reason = "a test fails by panicking")]

use std::io::{self, ErrorKind as IoKind, IoSlice, IoSliceMut, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use dlssl::{Acceptor, Connector, HandshakeError, Protocol, TlsStream};
use dlssl_tests::harness::{property, run};
use dlssl_tests::pki::NAME;
use dlssl_tests::scripts;
use dlssl_tests::talk::{Shaken, acceptor, connector, pattern, protocols};
use dlssl_tests::wire::{Counts, End, Script, Scripted, Step, panic_payload, payload, pipe_with_capacity};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

fn main() -> ExitCode {
    let mut tests = property("partial_io_loses_nothing", |cases| check(false, cases));
    tests.extend(property("faults_come_out_as_they_are", |cases| check(true, cases)));
    run(tests)
}

type Inner = Scripted<End>;
type Tls = TlsStream<Inner>;

fn server() -> &'static Acceptor {
    static SERVER: OnceLock<Acceptor> = OnceLock::new();
    SERVER.get_or_init(|| acceptor().build().unwrap())
}

#[derive(Debug, Clone)]
enum Act {
    Write(usize),
    /// Of several parts, which may be empty.
    WriteVectored(Vec<usize>),
    Read(usize),
    ReadVectored(Vec<usize>),
    Peek(usize),
    Flush,
}

#[derive(Debug, Clone)]
struct Case {
    protocol: Protocol,
    capacity: usize,
    scripts: [Script; 2],
    acts: [Vec<Act>; 2],
    flush_before_shutdown: bool,
    /// From the shutdown on, in the place of what is left.
    last: [Option<Script>; 2],
}

fn fault(number: u32) -> BoxedStrategy<Step> {
    prop_oneof![3 => Just(Step::Fail(number)), 3 => Just(Step::Panic(number)), 1 => Just(Step::Nothing)].boxed()
}

fn script(number: Option<u32>) -> impl Strategy<Value = Script> {
    scripts::of(number, fault)
}

fn act() -> impl Strategy<Value = Act> {
    let len = || prop_oneof![3 => 1..100_usize, 2 => 1..5000_usize, 1 => 1..40_000_usize];
    prop_oneof![
        4 => len().prop_map(Act::Write),
        1 => prop::collection::vec(0..9000_usize, 0..4).prop_map(Act::WriteVectored),
        3 => len().prop_map(Act::Read),
        1 => prop::collection::vec(0..5000_usize, 0..4).prop_map(Act::ReadVectored),
        1 => len().prop_map(Act::Peek),
        1 => Just(Act::Flush),
    ]
}

fn case(faults: bool) -> impl Strategy<Value = Case> {
    let acts = || prop::collection::vec(act(), 0..14);
    let number = |n| faults.then_some(n);
    (
        prop::sample::select(protocols()),
        prop::sample::select(vec![usize::MAX, 17_000, 1000, 97]),
        [script(number(10)), script(number(20))],
        [acts(), acts()],
        any::<bool>(),
        [prop::option::of(script(number(30))), prop::option::of(script(number(40)))],
    )
        .prop_map(|(protocol, capacity, scripts, acts, flush, last)| Case {
            protocol,
            capacity,
            scripts,
            acts,
            flush_before_shutdown: flush,
            last,
        })
}

fn check(faults: bool, cases: u32) {
    let config = Config { cases, failure_persistence: None, max_shrink_time: 20_000, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let result = runner.run(&case(faults), |case| {
        play(&case);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}\n{runner}");
    }
}

/// What one side sent and received, and how far it is.
struct Side {
    tls: Tls,
    counts: Arc<Counts>,
    accepted: Vec<u8>,
    /// The buffer of the last write that failed: some of it may have gone out before.
    attempted: Vec<u8>,
    received: Vec<u8>,
    ended: bool,
    writes: u64,
}

/// A fault came out of a side; it was checked.
struct Faulted;

const ENOUGH: usize = 100_000;

fn play(case: &Case) {
    let connector = connectors(case.protocol);
    let acceptor = server();
    let (a, b) = pipe_with_capacity(case.capacity);
    a.set_nonblocking(true);
    b.set_nonblocking(true);
    let a = Scripted::new(a, case.scripts[0].clone());
    let b = Scripted::new(b, case.scripts[1].clone());
    let counts = [a.counts(), b.counts()];
    let first = [guard(&counts[0], || connector.connect(NAME, a)), guard(&counts[1], || acceptor.accept(b))];
    let [Ok(client), Ok(server)] = first else {
        return;
    };
    let Some(streams) = shake_hands([client, server], &counts) else {
        return;
    };
    let mut sides = streams.into_iter().zip(counts).map(|(tls, counts)| Side {
        tls,
        counts,
        accepted: Vec::new(),
        attempted: Vec::new(),
        received: Vec::new(),
        ended: false,
        writes: 0,
    });
    let (mut a, mut b) = (sides.next().unwrap(), sides.next().unwrap());
    match talk(case, &mut a, &mut b) {
        Ok(()) => {
            assert!(a.received == b.accepted, "the client got something else");
            assert!(b.received == a.accepted, "the server got something else");
        }
        Err(Faulted) => {
            prefix(&a.received, &b);
            prefix(&b.received, &a);
        }
    }
}

fn connectors(protocol: Protocol) -> &'static Connector {
    static ALL: OnceLock<Vec<(Protocol, Connector)>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let of = |p| (p, connector().max_protocol(p).build().unwrap());
        protocols().into_iter().map(of).collect()
    });
    &all.iter().find(|(p, _)| *p == protocol).unwrap().1
}

/// A side that broke off may have sent a part of its last buffer; what arrived is still in order.
fn prefix(received: &[u8], from: &Side) {
    let mut all = from.accepted.clone();
    all.extend_from_slice(&from.attempted);
    assert!(all.starts_with(received), "what arrived was never sent");
}

/// Runs a call; a panic must be the scripted one.
fn guard<T>(counts: &Counts, call: impl FnOnce() -> T) -> Result<T, Faulted> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| match panic_payload(&*panic) {
        Some(payload) => {
            assert_eq!(Some(payload), counts.last_fired());
            Faulted
        }
        None => std::panic::resume_unwind(panic),
    })
}

fn shake_hands(first: [Shaken<Inner>; 2], counts: &[Arc<Counts>; 2]) -> Option<[Tls; 2]> {
    let [mut a, mut b] = first;
    // A side that has failed is looked at before the other goes on: what that meets then is only the end.
    let has_failed = |side: &Shaken<Inner>| matches!(side, Err(HandshakeError::Failed(_)));
    for _ in 0..ENOUGH {
        if !has_failed(&b) {
            a = guard(&counts[0], || again(a, &counts[0])).ok()??;
        }
        if has_failed(&a) {
            let _ = guard(&counts[0], || again(a, &counts[0]));
            return None;
        }
        b = guard(&counts[1], || again(b, &counts[1])).ok()??;
        match (a, b) {
            (Ok(a), Ok(b)) => return Some([a, b]),
            (x, y) => (a, b) = (x, y),
        }
    }
    panic!("the handshake does not end");
}

/// Resumes a handshake; nothing is left of it after a scripted error.
fn again(result: Shaken<Inner>, counts: &Counts) -> Option<Shaken<Inner>> {
    match result {
        // The peer's last flight (tickets on TLS 1.3) needs somebody who reads.
        Ok(mut stream) => match stream.read(&mut [0; 1]) {
            Ok(n) => panic!("{n} bytes before anything was sent"),
            Err(error) if is_pause(&error) => Some(Ok(stream)),
            Err(error) => {
                assert!(is_scripted(&error, counts), "{error:?}");
                None
            }
        },
        Err(HandshakeError::Blocked(mid)) => {
            assert!(is_pause(mid.error()), "{:?}", mid.error());
            Some(mid.resume())
        }
        Err(HandshakeError::Failed(failed)) => {
            let error = failed.into_error();
            let as_io = match error.io_error().and_then(payload) {
                Some(inner) => {
                    assert_eq!(Some(inner), counts.last_fired());
                    io::Error::from(error)
                }
                None => {
                    assert!(counts.nothings() > 0, "a handshake failed of itself: {error:?}");
                    io::Error::from(error)
                }
            };
            assert!(as_io.kind() != IoKind::WouldBlock);
            None
        }
    }
}

/// The very error that a script let loose, or what it is to come to nothing.
fn is_scripted(error: &io::Error, counts: &Counts) -> bool {
    let nothing = [IoKind::UnexpectedEof, IoKind::WriteZero].contains(&error.kind());
    match payload(error) {
        None => nothing && counts.nothings() > 0,
        inner => inner == counts.last_fired(),
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), IoKind::WouldBlock | IoKind::Interrupted)
}

fn talk(case: &Case, a: &mut Side, b: &mut Side) -> Result<(), Faulted> {
    let longest = case.acts[0].len().max(case.acts[1].len());
    for i in 0..longest {
        for (side, acts, seed) in [(&mut *a, &case.acts[0], 1), (&mut *b, &case.acts[1], 2)] {
            match acts.get(i) {
                Some(Act::Write(len)) => side.write(&[*len], seed)?,
                Some(Act::WriteVectored(parts)) => side.write(parts, seed)?,
                Some(Act::Read(len)) => side.read(*len)?,
                Some(Act::ReadVectored(parts)) => side.read_vectored(parts)?,
                Some(Act::Peek(len)) => side.peek(*len)?,
                Some(Act::Flush) => drop(side.flush()?),
                None => {}
            }
        }
    }
    if case.flush_before_shutdown {
        let (mut a_done, mut b_done) = (false, false);
        until(|| {
            a_done = a_done || a.flush()?;
            b_done = b_done || b.flush()?;
            a.read(5000)?;
            b.read(5000)?;
            Ok(a_done && b_done)
        })?;
    }
    for (side, last) in [(&mut *a, &case.last[0]), (&mut *b, &case.last[1])] {
        if let Some(script) = last {
            side.tls.get_mut().set_script(script.clone());
        }
    }
    let (mut a_done, mut b_done) = (false, false);
    until(|| {
        a_done = a_done || a.shutdown()?;
        b_done = b_done || b.shutdown()?;
        a.read(20_000)?;
        b.read(20_000)?;
        Ok(a_done && b_done && a.ended && b.ended)
    })
}

fn until(mut work: impl FnMut() -> Result<bool, Faulted>) -> Result<(), Faulted> {
    for _ in 0..ENOUGH {
        if work()? {
            return Ok(());
        }
    }
    panic!("no end in sight");
}

impl Side {
    /// What became of a call: `None` when it is worth another try.
    fn judge<T>(&self, result: Result<io::Result<T>, Faulted>) -> Result<Option<T>, Faulted> {
        match result? {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_pause(&error) => Ok(None),
            Err(error) => {
                assert!(is_scripted(&error, &self.counts), "not scripted: {error:?}");
                Err(Faulted)
            }
        }
    }

    /// Each attempt comes with other bytes and another length than the one before.
    fn write(&mut self, parts: &[usize], seed: u64) -> Result<(), Faulted> {
        self.writes += 1;
        let len = parts.iter().sum();
        self.attempted = pattern(len, seed * 1000 + self.writes);
        let mut rest = &self.attempted[..];
        let slices: Vec<_> = parts
            .iter()
            .map(|part| {
                let (front, back) = rest.split_at(*part);
                rest = back;
                IoSlice::new(front)
            })
            .collect();
        let result = guard(&self.counts, || match &slices[..] {
            [alone] => self.tls.write(alone),
            several => self.tls.write_vectored(several),
        });
        if let Some(n) = self.judge(result)? {
            assert!((n >= 1 || len == 0) && n <= len);
            self.accepted.extend_from_slice(&self.attempted[..n]);
        }
        self.attempted.clear();
        Ok(())
    }

    fn read(&mut self, len: usize) -> Result<(), Faulted> {
        if self.ended {
            return Ok(());
        }
        let mut buf = vec![0; len];
        let result = guard(&self.counts, || self.tls.read(&mut buf));
        match self.judge(result)? {
            Some(0) => self.ended = true,
            Some(n) => self.received.extend_from_slice(&buf[..n]),
            None => {}
        }
        Ok(())
    }

    fn read_vectored(&mut self, parts: &[usize]) -> Result<(), Faulted> {
        if self.ended {
            return Ok(());
        }
        let mut bufs: Vec<_> = parts.iter().map(|len| vec![0; *len]).collect();
        let mut slices: Vec<_> = bufs.iter_mut().map(|buf| IoSliceMut::new(buf)).collect();
        let result = guard(&self.counts, || self.tls.read_vectored(&mut slices));
        match self.judge(result)? {
            Some(0) => self.ended = parts.iter().any(|len| *len > 0),
            Some(n) => self.received.extend_from_slice(&bufs.concat()[..n]),
            None => {}
        }
        Ok(())
    }

    /// What is looked at is what the next read gives.
    fn peek(&mut self, len: usize) -> Result<(), Faulted> {
        if self.ended {
            return Ok(());
        }
        let mut seen = vec![0; len];
        let result = guard(&self.counts, || self.tls.peek(&mut seen));
        if let Some(n @ 1..) = self.judge(result)? {
            let mut read = vec![0; n];
            let result = guard(&self.counts, || self.tls.read(&mut read));
            let got = self.judge(result)?;
            if let Some(m) = got {
                assert!(m >= 1 && read[..m] == seen[..m], "a read gives something else than was looked at");
                self.received.extend_from_slice(&read[..m]);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<bool, Faulted> {
        let result = guard(&self.counts, || self.tls.flush());
        let done = self.judge(result)?.is_some();
        assert!(!done || !self.tls.has_unsent());
        Ok(done)
    }

    fn shutdown(&mut self) -> Result<bool, Faulted> {
        let result = guard(&self.counts, || self.tls.shutdown());
        Ok(self.judge(result)?.is_some())
    }
}
