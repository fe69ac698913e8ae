//! Fork: how a child notices that it is one, and how loads and verifications hold a fork off.
//!
//! A child is told by a page that the kernel wipes on fork. Its process id would not do: clones can have equal ones, and
//! a child of `vfork` is no process of its own yet. Where the kernel has no such page, a handler of `pthread_atfork`
//! clears it.
//!
//! Nothing here may wait for what another thread holds at the moment of a fork: that thread does not exist in the child.

pub(crate) mod section;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use once_cell::race::OnceRef;

/// Number of a process among those that share one past: another one in each child of a fork.
pub(crate) type Process = u64;

/// Last number given, inherited by children.
static LAST: AtomicU64 = AtomicU64::new(0);
/// Number of the process that began to use us.
static FIRST: AtomicU64 = AtomicU64::new(0);

/// Word that is nought in a new process until somebody asks for its number.
pub(crate) fn page() -> &'static AtomicU64 {
    static PAGE: OnceRef<'static, AtomicU64> = OnceRef::new();
    /// For systems without a page that is wiped.
    static PLAIN: AtomicU64 = AtomicU64::new(0);
    PAGE.get_or_init(|| system::wiped_page().unwrap_or(&PLAIN))
}

/// Number of this process.
pub(crate) fn process() -> Process {
    let page = page();
    match page.load(Ordering::Acquire) {
        0 => name_process(page),
        known => known,
    }
}

fn name_process(page: &AtomicU64) -> Process {
    let number = LAST.fetch_add(1, Ordering::AcqRel) + 1;
    let number =
        page.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire).map_or_else(|now| now, |_| number);
    let _ = FIRST.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire);
    number
}

/// Whether this process is a child of one that used us.
pub(crate) fn is_child() -> bool {
    let here = process();
    here != FIRST.load(Ordering::Acquire)
}

/// Whether this process was forked, by us or before us: what it holds may come from a parent with threads. Known on Linux
/// alone; elsewhere as [`is_child`].
pub(crate) fn was_forked() -> bool {
    is_child() || system::has_not_executed()
}

/// Held by whoever is in the dynamic linker on our behalf; a fork waits for it.
static LOADING: Mutex<()> = Mutex::new(());

/// One load at a time, and no fork meanwhile.
pub(crate) struct Hold {
    _guard: MutexGuard<'static, ()>,
}

/// Waits for other loads and holds forks off until it is dropped.
pub(crate) fn hold() -> Hold {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.load(Ordering::Acquire) {
        // Threads that race register twice, which the handlers bear.
        system::register();
        REGISTERED.store(true, Ordering::Release);
    }
    process();
    let guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    system::set_inside(true);
    // A child by a raw `clone` has run no handlers.
    crate::load::locks::refresh();
    Hold { _guard: guard }
}

impl Drop for Hold {
    fn drop(&mut self) {
        system::set_inside(false);
    }
}

#[cfg(unix)]
mod system {
    use std::cell::{Cell, UnsafeCell};
    use std::ffi::{CStr, c_void};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{MutexGuard, PoisonError};

    use super::LOADING;

    /// Asks the kernel for a page that children find empty.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn wiped_page() -> Option<&'static AtomicU64> {
        const LEN: usize = 4096;
        // SAFETY: a new private mapping, of no concern to anyone else.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                LEN,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if page == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: the mapping just made. Kernels before 4.14 refuse; then the handler clears it.
        unsafe { libc::madvise(page, LEN, libc::MADV_WIPEONFORK) };
        // SAFETY: readable, writable, aligned to a page, zeroed and never unmapped; atomics are the only access.
        Some(unsafe { &*page.cast::<AtomicU64>() })
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn wiped_page() -> Option<&'static AtomicU64> {
        None
    }

    /// Whether the kernel says that this process was forked and has executed no program since.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn has_not_executed() -> bool {
        std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| flags(&stat)).is_some_and(|flags| {
            /// The kernel's `PF_FORKNOEXEC`, the same since 2.6.
            const FORKED: u32 = 0x40;
            flags & FORKED != 0
        })
    }

    /// The ninth field of `/proc/self/stat`; the second, the program's name in parentheses, may hold anything.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn flags(stat: &str) -> Option<u32> {
        stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(6)?.parse().ok()
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn has_not_executed() -> bool {
        false
    }

    thread_local! {
        /// This thread is in a load, which a fork from within it (by an initialiser of a library) must not wait for.
        static INSIDE: Cell<bool> = const { Cell::new(false) };
        /// How many handlers of the fork that this thread is in have run.
        static HANDLERS: Cell<u32> = const { Cell::new(0) };
    }

    pub(super) fn set_inside(inside: bool) {
        INSIDE.set(inside);
    }

    /// The lock of loads between the handlers before and after a fork.
    struct Held(UnsafeCell<Option<MutexGuard<'static, ()>>>);

    // SAFETY: touched only by the thread that holds the lock.
    unsafe impl Sync for Held {}

    static HELD: Held = Held(UnsafeCell::new(None));

    /// Has forks wait for loads. First of all it pins the object that we live in: the C library keeps the handlers.
    pub(super) fn register() {
        pin();
        // SAFETY: static functions of an object that stays mapped. Without memory it does nothing: then forks are not
        // held off, as before.
        unsafe { libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child)) };
    }

    unsafe extern "C" fn before() {
        if INSIDE.get() {
            return;
        }
        HANDLERS.set(HANDLERS.get() + 1);
        if HANDLERS.get() == 1 {
            let guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: this thread holds the lock.
            unsafe { *HELD.0.get() = Some(guard) };
            super::section::close();
        }
    }

    fn release() {
        if INSIDE.get() {
            return;
        }
        HANDLERS.set(HANDLERS.get().saturating_sub(1));
        if HANDLERS.get() == 0 {
            // SAFETY: this thread holds the lock since `before`.
            let guard = unsafe { (*HELD.0.get()).take() };
            drop(guard);
        }
    }

    unsafe extern "C" fn after_in_parent() {
        if !INSIDE.get() {
            super::section::open();
        }
        release();
    }

    unsafe extern "C" fn after_in_child() {
        // Nought already where the kernel wipes it.
        super::page().store(0, Ordering::Release);
        crate::load::locks::refresh();
        release();
    }

    /// Keeps the object that holds this code mapped for good, in case it is a plugin: handlers and callbacks of ours
    /// outlive any `dlclose` of it.
    fn pin() {
        // SAFETY: plain data, for C to fill.
        let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
        // SAFETY: any address may be asked for; `info` is ours.
        if unsafe { libc::dladdr(pin as *const c_void, &raw mut info) } == 0 || info.dli_fname.is_null() {
            return;
        }
        // The program itself cannot go away, and the linker would look for its file.
        #[cfg(target_os = "linux")]
        {
            const PAGE: usize = 4096;
            // SAFETY: reads a number that the kernel gave. The program's own headers lie in its first page.
            let headers = unsafe { libc::getauxval(libc::AT_PHDR) } as usize;
            if headers.wrapping_sub(info.dli_fbase as usize) < PAGE {
                return;
            }
        }
        // SAFETY: the linker's own string for an object that is mapped, since we run in it.
        let name = unsafe { CStr::from_ptr(info.dli_fname) };
        // SAFETY: opens nothing new.
        unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE) };
    }
}

#[cfg(not(unix))]
mod system {
    use std::sync::atomic::AtomicU64;

    pub(super) fn wiped_page() -> Option<&'static AtomicU64> {
        None
    }

    pub(super) fn has_not_executed() -> bool {
        false
    }

    pub(super) fn set_inside(_: bool) {}

    pub(super) fn register() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_keeps_its_number() {
        assert_eq!(process(), process());
        assert!(process() > 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_has_not_executed_is_known_whatever_its_name() {
        assert_eq!(system::flags("7 (a) b) 1 (c) S 1 7 7 0 -1 4194368 93 0"), Some(0x40_0040));
        assert_eq!(system::flags("7 (a"), None);
        assert!(!was_forked());
        // SAFETY: the child calls nothing that another thread could hold a lock of, but for memory, which the C library
        // looks after; and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: ends the child.
            unsafe { libc::_exit(i32::from(!system::has_not_executed())) };
        }
        let mut status = 0;
        // SAFETY: our own child, and a place for its status.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(status, 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_child_has_another_number_and_can_load_at_once() {
        let here = process();
        let hold = hold();
        let forking = std::thread::spawn(move || {
            // SAFETY: the child calls nothing but what is safe after a fork, and ends.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let free = LOADING.try_lock().is_ok();
                let code = i32::from(!(free && process() != here && is_child()));
                // SAFETY: ends the child without the handlers of this test program.
                unsafe { libc::_exit(code) };
            }
            let mut status = 0;
            // SAFETY: our own child, and a place for its status.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(status, 0);
        });
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(!forking.is_finished(), "the fork waits for the load");
        drop(hold);
        forking.join().unwrap();
        assert!(!is_child());
    }
}
