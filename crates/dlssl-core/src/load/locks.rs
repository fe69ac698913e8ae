//! Locks for OpenSSL before 1.1.0, which has none of its own: one set for every such library of the process, since none of
//! them calls another while it holds one.
//!
//! A child of a fork starts with all of them free: whoever held one in the parent does not exist there.

use std::ffi::{c_char, c_int};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fork;

/// More than any version before 1.1.0 has (1.0.2: 41).
pub(crate) const MOST_LOCKS: usize = 64;

/// `CRYPTO_LOCK`: the other mode is unlock.
const LOCK: c_int = 1;

/// Process that the locks were made ready for.
static READY_IN: AtomicU64 = AtomicU64::new(0);

/// The callback (`CRYPTO_set_locking_callback`).
pub(crate) unsafe extern "C" fn lock(mode: c_int, number: c_int, _: *const c_char, _: c_int) {
    let Some(lock) = usize::try_from(number).ok().and_then(|number| system::LOCKS.get(number)) else { return };
    if mode & LOCK != 0 {
        lock.lock();
    } else {
        // SAFETY: the library unlocks only what the same thread has locked.
        unsafe { lock.unlock() };
    }
}

/// Frees all locks when this process is another one than last time. To be called in a new process before any library is
/// used there: by the handler of the fork, and by the first load, since a raw `clone` runs no handlers.
pub(crate) fn refresh() {
    let here = fork::process();
    let before = READY_IN.swap(here, Ordering::AcqRel);
    if before != 0 && before != here {
        // SAFETY: what this process inherited is used by nobody here yet.
        system::LOCKS.iter().for_each(|lock| unsafe { lock.reset() });
    }
}

#[cfg(unix)]
mod system {
    use std::cell::UnsafeCell;

    use super::MOST_LOCKS;

    /// A lock of the C library: it waits without tables that a child would inherit.
    pub(super) struct Lock(UnsafeCell<libc::pthread_mutex_t>);

    // SAFETY: made to be used by many threads.
    unsafe impl Sync for Lock {}

    pub(super) static LOCKS: [Lock; MOST_LOCKS] =
        [const { Lock(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)) }; MOST_LOCKS];

    impl Lock {
        pub(super) fn lock(&self) {
            // SAFETY: initialised, and never moved since it is static.
            unsafe { libc::pthread_mutex_lock(self.0.get()) };
        }

        /// # Safety
        /// This thread must hold it.
        pub(super) unsafe fn unlock(&self) {
            // SAFETY: as for `lock`; held by contract.
            unsafe { libc::pthread_mutex_unlock(self.0.get()) };
        }

        /// # Safety
        /// No thread of this process may be using it.
        pub(super) unsafe fn reset(&self) {
            // SAFETY: ours alone by contract. What it was is forgotten and not destroyed: it may be locked.
            unsafe { self.0.get().write(libc::PTHREAD_MUTEX_INITIALIZER) };
        }
    }
}

#[cfg(not(unix))]
mod system {
    use parking_lot::RawMutex;
    use parking_lot::lock_api::RawMutex as _;

    use super::MOST_LOCKS;

    pub(super) struct Lock(RawMutex);

    pub(super) static LOCKS: [Lock; MOST_LOCKS] = [const { Lock(RawMutex::INIT) }; MOST_LOCKS];

    impl Lock {
        pub(super) fn lock(&self) {
            self.0.lock();
        }

        /// # Safety
        /// This thread must hold it.
        pub(super) unsafe fn unlock(&self) {
            // SAFETY: held by contract.
            unsafe { self.0.unlock() };
        }

        /// Nothing: no fork here.
        ///
        /// # Safety
        /// None.
        pub(super) unsafe fn reset(&self) {}
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_child_finds_a_lock_free_that_another_thread_holds() {
        // Loads register the handlers.
        drop(fork::hold());
        refresh();
        let number = c_int::try_from(MOST_LOCKS).unwrap() - 1;
        // SAFETY: unlocked below by the same thread; no test uses the last lock.
        unsafe { lock(LOCK, number, std::ptr::null(), 0) };
        let status = std::thread::spawn(move || {
            // SAFETY: the child calls nothing but what is safe after a fork, and ends.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: a lock that is not free ends the child by the signal.
                unsafe {
                    libc::alarm(20);
                    lock(LOCK, number, std::ptr::null(), 0);
                    lock(0, number, std::ptr::null(), 0);
                    libc::_exit(0);
                }
            }
            let mut status = 0;
            // SAFETY: our own child, and a place for its status.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            status
        });
        assert_eq!(status.join().unwrap(), 0);
        // SAFETY: locked above.
        unsafe { lock(0, number, std::ptr::null(), 0) };
    }
}
