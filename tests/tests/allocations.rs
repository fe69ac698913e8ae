//! Allocations, counted by standing in for the allocators of this executable: a record takes none of ours, and no more of the
//! library's than it makes over its own BIO.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Instant;

use dlssl::{Protocol, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::pki::NAME;
use dlssl_tests::process::PATIENCE;
use dlssl_tests::talk::{Bio, acceptor, connector, pattern, protocols, shake_tcp};

/// Operations in which a stream still gives its buffers back between them, and some more.
const WARM_UP: usize = 32;
/// With the others, too few for a stream to look at the clock.
const RECORDS: usize = 128;
/// What goes one way before it is read: a socket takes it without waiting.
const BATCH: usize = 4;

fn main() -> ExitCode {
    run(vec![
        test("the_counters_count", the_counters_count),
        test("records_take_none_of_ours", none_of_ours),
        test("records_take_no_more_of_the_librarys", no_more_of_the_librarys)
            .only_if(cfg!(target_env = "gnu"), || "only glibc lets malloc be stood in for".to_owned()),
    ])
}

thread_local! {
    /// Allocations of Rust code by this thread.
    static OURS: Cell<usize> = const { Cell::new(0) };
    /// Allocations of all code by this thread.
    static ALL: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(counter: &'static std::thread::LocalKey<Cell<usize>>) {
    counter.set(counter.get() + 1);
}

// SAFETY: each call goes on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(&OURS);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(&OURS);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(&OURS);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) };
    }
}

/// The C library's allocator, under the names by which all libraries of this process find it.
#[cfg(target_env = "gnu")]
mod c {
    use std::ffi::c_void;

    use super::{ALL, count};

    unsafe extern "C" {
        fn __libc_malloc(size: usize) -> *mut c_void;
        fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
        fn __libc_realloc(at: *mut c_void, size: usize) -> *mut c_void;
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
        count(&ALL);
        // SAFETY: what the caller asked for, by another name.
        unsafe { __libc_malloc(size) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn calloc(number: usize, size: usize) -> *mut c_void {
        count(&ALL);
        // SAFETY: as above.
        unsafe { __libc_calloc(number, size) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn realloc(at: *mut c_void, size: usize) -> *mut c_void {
        count(&ALL);
        // SAFETY: as above.
        unsafe { __libc_realloc(at, size) }
    }
}

/// Allocations of this thread meanwhile: ours, the library's.
fn counted(work: impl FnOnce()) -> (usize, usize) {
    let (ours, all) = (OURS.get(), ALL.get());
    work();
    let ours = OURS.get() - ours;
    // What we allocate goes through both.
    (ours, (ALL.get() - all).saturating_sub(ours))
}

/// A count that nothing reaches would be nought, too.
fn the_counters_count() {
    assert_eq!(counted(|| drop(std::hint::black_box(Box::new([0u8; 100])))).0, 1);
    assert_eq!(counted(|| drop(std::hint::black_box(vec![0u8; 100]))).0, 1);
    if cfg!(target_env = "gnu") {
        let (ours, librarys) = counted(|| drop(connector().build().unwrap()));
        assert!(ours > 0 && librarys > 100, "a context takes {ours} and {librarys}");
    }
}

fn none_of_ours() {
    for (protocol, size) in kinds() {
        for bio in Bio::OURS {
            for bounded in [false, true] {
                let (ours, _) = of_records(bio, protocol, size, bounded);
                assert_eq!(ours, 0, "{bio:?}, {protocol}, {RECORDS} records of {size} B, deadline: {bounded}");
            }
        }
    }
}

fn no_more_of_the_librarys() {
    for (protocol, size) in kinds() {
        let (_, most) = of_records(Bio::OpensslSocket, protocol, size, false);
        for bio in Bio::OURS {
            let (_, count) = of_records(bio, protocol, size, false);
            println!("{bio:?}, {protocol}, {RECORDS} records of {size} B: {count}, over the library's own BIO {most}");
            assert!(count <= most);
        }
    }
}

/// Each protocol with small and with full records.
fn kinds() -> impl Iterator<Item = (Protocol, usize)> {
    protocols().into_iter().flat_map(|protocol| [1, 1000, 16 * 1024].map(|size| (protocol, size)))
}

/// Allocations that many records take, written and read: ours, the library's.
fn of_records(bio: Bio, protocol: Protocol, size: usize, bounded: bool) -> (usize, usize) {
    let connector = connector().max_protocol(protocol).build().unwrap();
    let (client, server) = shake_tcp(bio, &connector, &acceptor().build().unwrap(), NAME);
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    for stream in [&mut client, &mut server] {
        stream.set_deadline(bounded.then(|| Instant::now() + PATIENCE));
    }
    let message = pattern(size, 1);
    let mut received = vec![0; size];
    // What comes with a server's first words, such as tickets, is behind us then.
    pass(&mut server, &mut client, &message, &mut received, WARM_UP);
    pass(&mut client, &mut server, &message, &mut received, WARM_UP);
    let counts = counted(|| pass(&mut client, &mut server, &message, &mut received, RECORDS));
    assert!(received == message);
    counts
}

type Tls = TlsStream<TcpStream>;

fn pass(from: &mut Tls, to: &mut Tls, message: &[u8], received: &mut [u8], records: usize) {
    for _ in 0..records / BATCH {
        for _ in 0..BATCH {
            from.write_all(message).unwrap();
        }
        for _ in 0..BATCH {
            to.read_exact(received).unwrap();
        }
    }
}
