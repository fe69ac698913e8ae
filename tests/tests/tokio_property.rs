//! Any sequence of partial and failing I/O, and of futures that are dropped: every byte arrives once and in order, or the very
//! error or panic comes out; and whoever waits is woken, whichever task polled last.
//!
//! 128 cases each; `PROPTEST_CASES` sets another number.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use dlssl::{Acceptor, Connector, Error, FailedHandshake};
use dlssl_tests::harness::{run, test};
use dlssl_tests::pki::NAME;
use dlssl_tests::scripts;
use dlssl_tests::talk::{acceptor, connector, pattern};
use dlssl_tests::tasks::{Eager, Grudging, block_on, shake};
use dlssl_tests::wire::{Counts, End, Script, Scripted, Step, panic_payload, payload, pipe_with_capacity};
use dlssl_tokio::TlsStream;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn main() -> ExitCode {
    run(vec![
        test("dropped_futures_lose_nothing", || property(&case(false), play)),
        test("faults_come_out_as_they_are", || property(&case(true), play)),
        test("whoever_waits_is_woken", || property(&traffic(), talk)),
    ])
}

fn contexts() -> &'static (Connector, Acceptor) {
    static BOTH: OnceLock<(Connector, Acceptor)> = OnceLock::new();
    BOTH.get_or_init(|| (connector().build().unwrap(), acceptor().build().unwrap()))
}

fn property<T: std::fmt::Debug>(strategy: &impl Strategy<Value = T>, body: impl Fn(&T)) {
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { 128 };
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, max_shrink_time: 20_000, ..Config::default() });
    let result = runner.run(strategy, |case| {
        body(&case);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}\n{runner}");
    }
}

/// What one end does, and after how many polls it is dropped.
#[derive(Debug, Clone, Copy)]
enum Act {
    Write(usize, usize),
    Read(usize, usize),
    Flush(usize),
}

#[derive(Debug, Clone)]
struct Case {
    capacity: usize,
    scripts: [Script; 2],
    acts: [Vec<Act>; 2],
}

fn script(number: Option<u32>) -> impl Strategy<Value = Script> {
    let fault = |number| prop_oneof![Just(Step::Fail(number)), Just(Step::Panic(number))].boxed();
    scripts::of(number, fault)
}

fn case(faults: bool) -> impl Strategy<Value = Case> {
    let len = || prop_oneof![3 => 1..100_usize, 2 => 1..5000_usize, 1 => 1..40_000_usize];
    let act = move || {
        prop_oneof![
            4 => (len(), 1..4_usize).prop_map(|(len, polls)| Act::Write(len, polls)),
            3 => (len(), 1..4_usize).prop_map(|(len, polls)| Act::Read(len, polls)),
            1 => (1..4_usize).prop_map(Act::Flush),
        ]
    };
    let acts = move || prop::collection::vec(act(), 0..14);
    let fault = |number| faults.then_some(number);
    (prop::sample::select(vec![usize::MAX, 17_000, 1000, 97]), [script(fault(10)), script(fault(20))], [acts(), acts()])
        .prop_map(|(capacity, scripts, acts)| Case { capacity, scripts, acts })
}

type Tls = TlsStream<Eager<Scripted<End>>>;

/// A fault came out; it was the scripted one.
struct Faulted;

/// Polls a future this often and drops it then; a panic must be the scripted one.
fn poll<T>(future: impl Future<Output = T>, polls: usize, counts: &Counts) -> Result<Option<T>, Faulted> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..polls {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context))) {
            Ok(Poll::Ready(value)) => return Ok(Some(value)),
            Ok(Poll::Pending) => {}
            Err(panic) => match panic_payload(&*panic) {
                Some(payload) => {
                    assert_eq!(Some(payload), counts.last_fired());
                    return Err(Faulted);
                }
                None => std::panic::resume_unwind(panic),
            },
        }
    }
    Ok(None)
}

struct Side {
    tls: Tls,
    counts: Arc<Counts>,
    accepted: Vec<u8>,
    /// The buffer of a write that failed: some of it may have gone out before.
    attempted: Vec<u8>,
    received: Vec<u8>,
    ended: bool,
    writes: u64,
}

impl Side {
    fn judge<T>(&self, result: Result<Option<io::Result<T>>, Faulted>) -> Result<Option<T>, Faulted> {
        match result? {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(error)) => {
                let inner = payload(&error);
                assert!(inner.is_some(), "not scripted: {error:?}");
                assert_eq!(inner, self.counts.last_fired());
                Err(Faulted)
            }
        }
    }

    /// Each attempt comes with other bytes and another length than the one before.
    fn write(&mut self, len: usize, polls: usize, seed: u64) -> Result<(), Faulted> {
        self.writes += 1;
        self.attempted = pattern(len, seed * 1000 + self.writes);
        let result = poll(self.tls.write(&self.attempted), polls, &self.counts);
        if let Some(count) = self.judge(result)? {
            assert!((1..=len).contains(&count));
            self.accepted.extend_from_slice(&self.attempted[..count]);
        }
        self.attempted.clear();
        Ok(())
    }

    fn read(&mut self, len: usize, polls: usize) -> Result<(), Faulted> {
        if self.ended {
            return Ok(());
        }
        let mut out = vec![0; len];
        let result = poll(self.tls.read(&mut out), polls, &self.counts);
        match self.judge(result)? {
            Some(0) => self.ended = true,
            Some(count) => self.received.extend_from_slice(&out[..count]),
            None => {}
        }
        Ok(())
    }

    fn flush(&mut self, polls: usize) -> Result<(), Faulted> {
        let result = poll(self.tls.flush(), polls, &self.counts);
        if self.judge(result)?.is_some() {
            assert!(!self.tls.get_ref().has_unsent());
        }
        Ok(())
    }

    fn shutdown(&mut self) -> Result<bool, Faulted> {
        let result = poll(self.tls.shutdown(), 2, &self.counts);
        Ok(self.judge(result)?.is_some())
    }
}

const ENOUGH: usize = 100_000;

fn play(case: &Case) {
    let (a, b) = pipe_with_capacity(case.capacity);
    a.set_nonblocking(true);
    b.set_nonblocking(true);
    let [a, b] = [(a, 0), (b, 1)].map(|(end, side)| Scripted::new(end, case.scripts[side].clone()));
    let counts = [a.counts(), b.counts()];
    let Some([a, b]) = shake_hands(a, b, &counts) else { return };
    let side = |tls, counts| Side {
        tls,
        counts,
        accepted: Vec::new(),
        attempted: Vec::new(),
        received: Vec::new(),
        ended: false,
        writes: 0,
    };
    let [of_a, of_b] = counts;
    let (mut a, mut b) = (side(a, of_a), side(b, of_b));
    match act(case, &mut a, &mut b) {
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

/// A side that broke off may have sent a part of its last buffer; what arrived is still in order.
fn prefix(received: &[u8], from: &Side) {
    let all = [&from.accepted[..], &from.attempted].concat();
    assert!(all.starts_with(received), "what arrived was never sent");
}

/// One end's handshake as it is polled.
type Shaking<'a> = Pin<Box<dyn Future<Output = Result<Tls, FailedHandshake<Eager<Scripted<End>>>>> + 'a>>;

fn shake_hands(a: Scripted<End>, b: Scripted<End>, counts: &[Arc<Counts>; 2]) -> Option<[Tls; 2]> {
    let (connector, acceptor) = contexts();
    let mut ends: [Shaking<'_>; 2] =
        [Box::pin(dlssl_tokio::connect(connector, NAME, Eager(a))), Box::pin(dlssl_tokio::accept(acceptor, Eager(b)))];
    let mut done = [None, None];
    for turn in 0..ENOUGH {
        let at = turn % 2;
        if done[at].is_none() {
            match poll(ends[at].as_mut(), 1, &counts[at]).ok()? {
                Some(Ok(tls)) => done[at] = Some(tls),
                Some(Err(failed)) => {
                    let error: Error = failed.into();
                    let inner = error.io_error().and_then(payload);
                    assert!(inner.is_some(), "a handshake failed of itself: {error:?}");
                    assert_eq!(inner, counts[at].last_fired());
                    return None;
                }
                None => {}
            }
        } else if let Some(tls) = &mut done[at] {
            // The last flight may wait to be sent, and the peer's (tickets) wants a reader.
            match poll(tls.read(&mut [0; 1]), 1, &counts[at]).ok()? {
                None => {}
                Some(Ok(count)) => panic!("{count} bytes before anything was sent"),
                Some(Err(error)) => {
                    assert_eq!(payload(&error), counts[at].last_fired(), "{error:?}");
                    return None;
                }
            }
        }
        if done.iter().all(Option::is_some) {
            return Some(done.map(Option::unwrap));
        }
    }
    panic!("the handshake does not end");
}

fn act(case: &Case, a: &mut Side, b: &mut Side) -> Result<(), Faulted> {
    let longest = case.acts[0].len().max(case.acts[1].len());
    for at in 0..longest {
        for (side, acts, seed) in [(&mut *a, &case.acts[0], 1), (&mut *b, &case.acts[1], 2)] {
            match acts.get(at) {
                Some(Act::Write(len, polls)) => side.write(*len, *polls, seed)?,
                Some(Act::Read(len, polls)) => side.read(*len, *polls)?,
                Some(Act::Flush(polls)) => side.flush(*polls)?,
                None => {}
            }
        }
    }
    let mut done = [false, false];
    for _ in 0..ENOUGH {
        for (side, done) in [&mut *a, &mut *b].into_iter().zip(&mut done) {
            *done = *done || side.shutdown()?;
            side.read(20_000, 1)?;
        }
        if done == [true, true] && a.ended && b.ended {
            return Ok(());
        }
    }
    panic!("no end in sight");
}

/// Four tasks over a narrow way that is not ready when it pleases, and wakes the last who asked.
#[derive(Debug, Clone)]
struct Traffic {
    room: usize,
    delays: [Vec<bool>; 2],
    bytes: [usize; 2],
}

fn traffic() -> impl Strategy<Value = Traffic> {
    let delays = || {
        prop::collection::vec(any::<bool>(), 1..12).prop_map(|mut delays| {
            delays.push(false);
            delays
        })
    };
    (prop::sample::select(vec![50_usize, 400, 20_000]), [delays(), delays()], [0..60_000_usize, 0..60_000_usize])
        .prop_map(|(room, delays, bytes)| Traffic { room, delays, bytes })
}

fn talk(traffic: &Traffic) {
    let (connector, acceptor) = contexts();
    block_on(async {
        let (a, b) = tokio::io::duplex(traffic.room);
        let [a, b] = [(a, 0), (b, 1)].map(|(end, side)| Grudging::new(end, traffic.delays[side].clone()));
        let (client, server) = shake(connector, acceptor, (a, b)).await;
        let mut tasks = tokio::task::JoinSet::new();
        for (own, tls) in [client, server].into_iter().enumerate() {
            let (mut reader, mut writer) = tokio::io::split(tls);
            let (sent, wanted) = (traffic.bytes[own], traffic.bytes[1 - own]);
            tasks.spawn(async move {
                for chunk in pattern(sent, own as u64).chunks(7000) {
                    writer.write_all(chunk).await.unwrap();
                }
                writer.shutdown().await.unwrap();
            });
            tasks.spawn(async move {
                let mut received = Vec::new();
                reader.read_to_end(&mut received).await.unwrap();
                assert!(received == pattern(wanted, 1 - own as u64), "the bytes are others");
            });
        }
        tasks.join_all().await;
    });
}
