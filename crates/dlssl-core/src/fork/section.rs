//! Sections: short stretches of C during which a lock of the C library is taken that no handler can hold. A fork of another
//! thread waits until nobody is in one; so a child never finds such a lock held by a thread that it does not have.
//!
//! One word says all: whose count it is, whether a fork waits, and how many threads are inside. The count of another process
//! is none: a child begins with nobody inside, by whatever call it was made.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Process, process};

/// Owner in the upper half; a fork waits; threads inside.
static STATE: AtomicU64 = AtomicU64::new(0);

const FORKING: u64 = 1 << 31;
const COUNT: u64 = FORKING - 1;

/// The longest that a fork waits. Sections take milliseconds; one that hangs (a folder of certificates on a dead file server)
/// must not take `fork` from the program.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at the word, for those who wait.
const PAUSE: Duration = Duration::from_micros(50);

thread_local! {
    /// This thread is counted.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` in a section. One within another is the same section.
pub(crate) fn within<R>(work: impl FnOnce() -> R) -> R {
    let _change = Change::to(true);
    work()
}

/// Runs `work` outside of the section that the thread is in, if it is in one: forks need not wait for a program's own code, which
/// may itself wait for the thread that forks, or fork.
pub(crate) fn aside<R>(work: impl FnOnce() -> R) -> R {
    let _change = Change::to(false);
    work()
}

/// Enters or leaves, and goes back on drop.
struct Change {
    before: bool,
}

impl Change {
    fn to(inside: bool) -> Self {
        let before = INSIDE.get();
        set(inside);
        Self { before }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        set(self.before);
    }
}

fn set(inside: bool) {
    if INSIDE.replace(inside) == inside {
        return;
    }
    let here = owner(process());
    if inside {
        while !update(here, |state| (state & FORKING == 0).then_some(state + 1)) {
            std::thread::sleep(PAUSE);
        }
    } else {
        // Nobody is counted in a child that was forked meanwhile.
        update(here, |state| (state & COUNT > 0).then(|| state - 1));
    }
}

/// Keeps others out and waits for those inside, all but this thread; at most for [`PATIENCE`].
pub(super) fn close() {
    let here = owner(process());
    update(here, |state| Some(state | FORKING));
    let own = u64::from(INSIDE.get());
    let end = Instant::now() + PATIENCE;
    while STATE.load(Ordering::Acquire) & COUNT > own && Instant::now() < end {
        std::thread::sleep(PAUSE);
    }
}

/// Lets others in again, in the parent. A child has a count of its own.
pub(super) fn open() {
    update(owner(process()), |state| Some(state & !FORKING));
}

fn owner(process: Process) -> u64 {
    process << 32
}

/// Whether `change` gave a new state, for the count of this process.
fn update(here: u64, change: impl Fn(u64) -> Option<u64>) -> bool {
    let change = |state: u64| change(if state & !(FORKING | COUNT) == here { state } else { here });
    STATE.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).is_ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Forks, and says what the child's exit code is.
    fn fork(code: impl FnOnce() -> i32) -> i32 {
        // SAFETY: the child calls nothing that another thread could hold a lock of, and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: ends the child.
            unsafe { libc::_exit(code()) };
        }
        let mut status = 0;
        // SAFETY: our own child, and a place for its status.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        libc::WEXITSTATUS(status)
    }

    fn nobody_inside() -> bool {
        // As the next one to enter would see it.
        within(|| STATE.load(Ordering::Acquire) & COUNT == 1) && STATE.load(Ordering::Acquire) & COUNT == 0
    }

    /// What C does for the date of a certificate.
    fn date() {
        let mut parts = std::mem::MaybeUninit::uninit();
        // SAFETY: a time, and a place for its parts.
        unsafe { libc::gmtime_r(&0, parts.as_mut_ptr()) };
    }

    #[test]
    fn no_child_finds_the_lock_of_the_time_zone_held() {
        drop(super::super::hold());
        let stop = std::sync::atomic::AtomicBool::new(false);
        let hung = std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        within(date);
                    }
                });
            }
            let child = || {
                // SAFETY: a child that waits for ever is ended by the signal.
                unsafe { libc::alarm(5) };
                within(date);
                1
            };
            let hung = (0..100).filter(|_| fork(child) != 1).count();
            stop.store(true, Ordering::Relaxed);
            hung
        });
        assert_eq!(hung, 0);
    }

    #[test]
    fn a_fork_waits_for_sections_but_not_for_what_is_aside_nor_for_its_own() {
        drop(super::super::hold());
        let (leave, left) = mpsc::channel::<()>();
        let (entered, inside) = mpsc::channel();
        let other = std::thread::spawn(move || {
            within(|| {
                entered.send(()).unwrap();
                left.recv().unwrap();
                aside(|| {
                    entered.send(()).unwrap();
                    left.recv().unwrap();
                });
            });
        });
        inside.recv().unwrap();
        let forking = std::thread::spawn(|| fork(|| i32::from(!nobody_inside())));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!forking.is_finished(), "the fork waits for the section");
        leave.send(()).unwrap();
        inside.recv().unwrap();
        assert_eq!(forking.join().unwrap(), 0);
        // From within: the thread itself goes on in the child, and nobody waits.
        assert_eq!(within(|| fork(|| i32::from(within(|| !INSIDE.get())))), 0);
        leave.send(()).unwrap();
        other.join().unwrap();
    }
}
