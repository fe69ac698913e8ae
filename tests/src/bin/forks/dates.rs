//! Forks while other threads do nothing but verify certificates, for which the C library takes a lock that is not ours.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dlssl::Connector;
use dlssl_tests::forked::{Child, Way, spawn};
use dlssl_tests::pki::Pki;

use super::talk::{acceptor, echo};

const THREADS: usize = 4;
/// Children at a time.
const AT_ONCE: usize = 4;

pub(super) fn run(count: usize) {
    // Nothing is resumed: each handshake verifies.
    let roots = Pki::shared().authority.roots();
    let connector = Connector::following().roots(roots).session_cache(false).build().expect("a connector");
    let acceptor = acceptor();
    let stop = AtomicBool::new(false);
    let mut failures = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    echo(&connector, &acceptor).expect("a busy thread of the parent");
                }
            });
        }
        let mut running: Vec<Child> = Vec::new();
        for number in 0..count {
            std::thread::sleep(Duration::from_micros(number as u64 % 7 * 300));
            running.push(spawn(Way::Fork, || echo(&connector, &acceptor).map(|()| Vec::new())));
            if running.len() >= AT_ONCE {
                failures.extend(running.remove(0).finish().err());
            }
            if failures.len() > 2 {
                break;
            }
        }
        failures.extend(running.into_iter().filter_map(|child| child.finish().err()));
        stop.store(true, Ordering::Relaxed);
    });
    assert!(failures.is_empty(), "of {count} children:\n{}", failures.join("\n"));
}
