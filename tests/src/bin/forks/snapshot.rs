//! Clones of one process with one process id, as a restored snapshot has them: equal random bytes, until they are renewed.
//!
//! The process is number 1 of a namespace of its own, and so is each of its clones: a library that looks at its process id
//! sees no difference.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use dlssl::{Flavour, Library, Version};
use dlssl_tests::forked::{Said, Way, spawn};
use dlssl_tests::library::loader;

use super::talk::{acceptor, connector, draw, draw_raw, echo};

const THREADS: usize = 3;

/// Whether the kernel is to keep what children should find wiped.
static KEEP: AtomicBool = AtomicBool::new(false);

/// The C library's function, without the advice that would tell a clone what it is: a machine's snapshot wipes nothing.
///
/// # Safety
/// As for the system call.
#[unsafe(no_mangle)]
unsafe extern "C" fn madvise(address: *mut libc::c_void, len: usize, advice: libc::c_int) -> libc::c_int {
    // SAFETY: by contract; a number that no advice has is refused.
    unsafe {
        let refused = KEEP.load(Ordering::Relaxed) && advice == libc::MADV_WIPEONFORK;
        let advice = if refused { -1 } else { advice };
        libc::c_int::try_from(libc::syscall(libc::SYS_madvise, address, len, advice)).unwrap_or(-1)
    }
}

/// Clones that know what they are, by the page that the kernel wipes.
pub(super) fn clones() {
    as_number_one(|library| {
        in_each_thread(library, &|library| {
            let raw = twice(|| draw_raw(library))?;
            expect_equal(library, &raw, "what C draws in two clones")?;
            let vouched = twice(|| {
                if !library.is_inherited() {
                    return Err("a clone does not know what it is".into());
                }
                // SAFETY: no other thread was inside a call.
                unsafe { dlssl::vouch_for_fork() }.map_err(|e| e.to_string())?;
                let first = draw(library)?;
                echo(&connector(), &acceptor())?;
                Ok(first)
            })?;
            let reloaded = twice(|| {
                let reloaded = dlssl::reload().map_err(|e| e.to_string())?;
                let new = reloaded.new_library();
                if !new.is_private_copy() || draw(library).is_ok() {
                    return Err(format!("not a copy of its own: {reloaded}"));
                }
                draw(new)
            })?;
            let both = twice(|| {
                // SAFETY: as above.
                unsafe { dlssl::vouch_for_fork() }.map_err(|e| e.to_string())?;
                let reloaded = dlssl::reload().map_err(|e| e.to_string())?;
                if reloaded.new_library().mapping() != library.mapping() {
                    return Err(format!("a second copy: {reloaded}"));
                }
                draw(library)
            })?;
            Ok([vouched, reloaded, both].concat())
        });
    });
}

/// Clones that cannot know what they are, as after a machine was restored: the program knows, and reloads.
pub(super) fn restored() {
    KEEP.store(true, Ordering::Relaxed);
    as_number_one(|library| {
        in_each_thread(library, &|library| {
            let before = twice(|| draw(library))?;
            expect_equal(library, &before, "what two clones draw before a reload")?;
            let after = twice(|| {
                let reloaded = dlssl::reload().map_err(|e| e.to_string())?;
                if reloaded.new_library().mapping() != library.mapping() || reloaded.reseeded() != 1 {
                    return Err(format!("{reloaded}, seeded {}", reloaded.reseeded()));
                }
                if !reloaded.to_string().contains("seeded anew") {
                    return Err(format!("it does not say so: {reloaded}"));
                }
                draw(library)
            })?;
            let fresh = twice(|| {
                let fresh = dlssl::reload_with(loader().fresh_copy(true)).map_err(|e| e.to_string())?;
                if fresh.new_library().mapping() == library.mapping() || fresh.reseeded() != 2 {
                    return Err(format!("{fresh}, seeded {}", fresh.reseeded()));
                }
                Ok([draw(fresh.new_library())?, draw(library)?].concat())
            })?;
            let fresh = fresh.iter().flat_map(|said| said.chunks(super::talk::BLOCK).map(<[u8]>::to_vec));
            Ok(after.into_iter().chain(fresh).collect())
        });
    });
}

type Blocks = Result<Vec<Vec<u8>>, String>;

/// Runs a test in a process that has the number 1, with the library loaded there.
fn as_number_one(test: impl FnOnce(&Library)) {
    let first = spawn(Way::Clone, || {
        assert_eq!(std::process::id(), 1);
        let loaded = dlssl::reload_with(loader()).map_err(|e| e.to_string())?;
        test(loaded.new_library());
        Ok(Vec::new())
    });
    first.finish().expect("the process with the number 1");
}

/// Runs `work` in this thread and in others, one after another; each has drawn before, and lives on. All that they give
/// differs.
fn in_each_thread(library: &Library, work: &(dyn Fn(&Library) -> Blocks + Sync)) {
    let mut blocks = Vec::new();
    std::thread::scope(|scope| {
        let (results, result) = mpsc::channel();
        let turns: Vec<mpsc::Sender<()>> = (0..THREADS)
            .map(|_| {
                let (turn, turns) = mpsc::channel();
                let results = results.clone();
                scope.spawn(move || {
                    // From now on the thread has a generator of its own, where the library has one for each.
                    let drawn = draw(library).map(|block| vec![block]);
                    results.send(drawn).expect("the main thread listens");
                    // Waits outside of everything that a clone could need.
                    for () in turns {
                        results.send(work(library)).expect("the main thread listens");
                    }
                });
                turn
            })
            .collect();
        for _ in 0..THREADS {
            blocks.extend(result.recv().expect("a thread").expect("its first draw"));
        }
        for turn in &turns {
            turn.send(()).expect("the thread waits");
            blocks.extend(result.recv().expect("a thread").expect("its clones"));
        }
        blocks.extend(work(library).expect("the main thread's clones"));
    });
    let different: HashSet<&Vec<u8>> = blocks.iter().collect();
    assert_eq!(different.len(), blocks.len(), "two draws are equal");
}

/// What two clones say that are made of the same state.
fn twice(body: impl Fn() -> Said) -> Blocks {
    (0..2).map(|_| spawn(Way::Clone, &body).finish()).collect()
}

/// Proves that the clones are what this is about: OpenSSL 1.0.2, and from 3.0 on, cannot tell them apart.
fn expect_equal(library: &Library, blocks: &[Vec<u8>], what: &str) -> Result<(), String> {
    let version = library.version();
    let fooled =
        library.flavour() == Flavour::OpenSsl && (version < Version::new(1, 1, 0) || version >= Version::new(3, 0, 0));
    let equal = blocks[0] == blocks[1];
    if fooled == equal { Ok(()) } else { Err(format!("{what}: equal: {equal}, on {}", library.version_text())) }
}
