//! The memory BIO: read, write, gets, puts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{ErrorKind as IoKind, Read, Write};
use std::process::ExitCode;

use dlssl::MemoryBio;
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::library;
use dlssl_tests::talk::pattern;

fn main() -> ExitCode {
    run(vec![
        test("first_in_first_out", first_in_first_out),
        test("from_bytes", from_bytes),
        test("from_no_bytes", from_no_bytes),
        test("empty", empty),
        test("lines", lines),
        test("long_lines_come_in_parts", long_lines),
        test("puts", puts),
        test("zeros_are_bytes", zeros_are_bytes),
        test("a_mebibyte", a_mebibyte),
        test("moves_between_threads", moves),
    ])
}

fn new() -> MemoryBio {
    MemoryBio::new(library()).unwrap()
}

fn first_in_first_out() {
    let mut bio = new();
    assert_eq!(bio.pending(), 0);
    bio.write_all(b"one").unwrap();
    bio.write_all(b"two").unwrap();
    bio.flush().unwrap();
    assert_eq!(bio.pending(), 6);
    let mut buf = [0; 4];
    bio.read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"onet");
    bio.write_all(b"three").unwrap();
    let mut rest = [0; 7];
    bio.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, b"wothree");
    assert_eq!(bio.pending(), 0);
}

fn from_bytes() {
    let source = pattern(5000, 1);
    let mut bio = MemoryBio::from_bytes(library(), &source).unwrap();
    assert_eq!(bio.pending(), 5000);
    let mut copy = vec![0; 5000];
    bio.read_exact(&mut copy).unwrap();
    assert!(copy == source);
    // The BIO has its own copy, or it could not outlive the source.
    let mut bio = {
        let short_lived = b"gone".to_vec();
        MemoryBio::from_bytes(library(), &short_lived).unwrap()
    };
    let mut copy = [0; 4];
    bio.read_exact(&mut copy).unwrap();
    assert_eq!(&copy, b"gone");
}

fn from_no_bytes() {
    let bio = MemoryBio::from_bytes(library(), b"").unwrap();
    assert_eq!(bio.pending(), 0);
}

fn nothing_to_read(bio: &mut MemoryBio) {
    // More may come: either answer is known to callers, an error of another kind is not.
    match bio.read(&mut [0; 10]) {
        Ok(n) => assert_eq!(n, 0),
        Err(e) => assert_eq!(e.kind(), IoKind::WouldBlock, "{e}"),
    }
}

fn empty() {
    let mut bio = new();
    nothing_to_read(&mut bio);
    assert_eq!(bio.gets(10).unwrap(), None);
    bio.write_all(b"").unwrap();
    assert_eq!(bio.write(b"").unwrap(), 0);
    assert_eq!(bio.read(&mut []).unwrap(), 0);
    bio.write_all(b"x").unwrap();
    assert_eq!(bio.read(&mut []).unwrap(), 0);
    let mut byte = [0];
    bio.read_exact(&mut byte).unwrap();
    nothing_to_read(&mut bio);
    // And it goes on after its end.
    bio.write_all(b"y").unwrap();
    bio.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"y");
}

fn lines() {
    let mut bio = new();
    bio.write_all(b"first\n\nthird").unwrap();
    assert_eq!(bio.gets(100).unwrap().as_deref(), Some(&b"first\n"[..]));
    assert_eq!(bio.gets(100).unwrap().as_deref(), Some(&b"\n"[..]));
    assert_eq!(bio.gets(100).unwrap().as_deref(), Some(&b"third"[..]));
    assert_eq!(bio.gets(100).unwrap(), None);
}

fn long_lines() {
    let mut bio = new();
    let line = [&[b'a'; 3000][..], b"\n"].concat();
    bio.write_all(&line).unwrap();
    let mut all = Vec::new();
    while let Some(part) = bio.gets(100).unwrap() {
        assert!(!part.is_empty() && part.len() <= 100, "{}", part.len());
        all.extend_from_slice(&part);
    }
    assert!(all == line);
    bio.write_all(b"ab\n").unwrap();
    assert_eq!(bio.gets(0).unwrap_or_default().unwrap_or_default(), b"");
}

fn puts() {
    let mut bio = new();
    assert_eq!(bio.puts("hello\n").unwrap(), 6);
    assert_eq!(bio.gets(100).unwrap().as_deref(), Some(&b"hello\n"[..]));
    assert_eq!(bio.puts("").unwrap(), 0);
    assert_eq!(bio.pending(), 0);
}

fn zeros_are_bytes() {
    let mut bio = new();
    bio.write_all(b"a\0b\n\0\n").unwrap();
    assert_eq!(bio.gets(100).unwrap().as_deref(), Some(&b"a\0b\n"[..]));
    let mut rest = [9; 2];
    bio.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, b"\0\n");
}

fn a_mebibyte() {
    let mut bio = new();
    let bytes = pattern(1 << 20, 2);
    for chunk in bytes.chunks(1000) {
        bio.write_all(chunk).unwrap();
    }
    assert_eq!(bio.pending(), bytes.len());
    let mut copy = vec![0; bytes.len()];
    bio.read_exact(&mut copy).unwrap();
    assert!(copy == bytes);
}

fn moves() {
    let mut bio = new();
    bio.write_all(b"travelling").unwrap();
    let read = move || {
        let mut copy = [0; 10];
        bio.read_exact(&mut copy).unwrap();
        copy
    };
    assert_eq!(&std::thread::spawn(read).join().unwrap(), b"travelling");
}
