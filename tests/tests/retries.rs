//! After `WouldBlock` a caller may come back with other bytes, or not at all: what was taken arrives, once, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{ErrorKind as IoKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use dlssl::{Protocol, Shutdown, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::pki::NAME;
use dlssl_tests::talk::{Bio, acceptor, connector, shake_tcp, tls_pair};

/// More than a socket's buffers hold, so that it blocks.
const MUCH: usize = 64 * 1024 * 1024;

fn main() -> ExitCode {
    run(vec![
        test("another_buffer_after_would_block", another_buffer_over_each_bio),
        test("another_buffer_with_many_records_at_once", many_records_at_once),
        test("one_record_a_write", one_record_a_write),
        test("shutdown_after_would_block", shutdown_after_would_block),
        test("data_before_a_failed_write_can_be_read", early_answer),
    ])
}

fn another_buffer_over_each_bio() {
    for bio in Bio::ALL {
        another_buffer(tls_pair(bio), bio);
    }
}

/// Writes blocks that are all alike until it would block, then blocks of another kind, and compares what arrives.
fn another_buffer((mut client, mut server): (TlsStream<TcpStream>, TlsStream<TcpStream>), bio: Bio) {
    client.get_ref().set_nonblocking(true).unwrap();
    let mut taken: Vec<(u8, usize)> = Vec::new();
    let mut blocked = 0;
    let mut total = 0;
    for block in 0.. {
        let byte = b'a' + (block % 26) as u8;
        // Odd sizes, below and above a record's; after it has blocked, shorter ones than before.
        let len = if blocked == 0 { 300_000 + block } else { 1_000 + block };
        match client.write(&vec![byte; len]) {
            Ok(count) => {
                taken.push((byte, count));
                total += count;
            }
            Err(error) => {
                assert_eq!(error.kind(), IoKind::WouldBlock, "{bio:?}");
                blocked += 1;
            }
        }
        if blocked == 3 {
            break;
        }
        assert!(total < MUCH, "{bio:?} never blocks");
    }
    let expected: Vec<u8> = taken.iter().flat_map(|(byte, count)| std::iter::repeat_n(*byte, *count)).collect();
    let reader = std::thread::spawn(move || {
        let mut got = vec![0; total + 5];
        server.read_exact(&mut got).unwrap();
        got
    });
    client.get_ref().set_nonblocking(false).unwrap();
    client.write_all(b"done!").unwrap();
    client.flush().unwrap();
    assert!(!client.has_unsent());
    let got = reader.join().unwrap();
    assert!(got[..total] == expected[..] && got[total..] == *b"done!", "{bio:?}: other bytes arrived");
}

/// Suites of AES-CBC let OpenSSL before 3.5 make eight records at a time.
fn many_records_at_once() {
    let connector = connector().max_protocol(Protocol::Tls12).cipher_list("ECDHE-ECDSA-AES128-SHA").build().unwrap();
    let acceptor = acceptor().cipher_list("ECDHE-ECDSA-AES128-SHA").build().unwrap();
    for bio in Bio::ALL {
        let (client, server) = shake_tcp(bio, &connector, &acceptor, NAME);
        another_buffer((client.unwrap(), server.unwrap()), bio);
    }
}

fn one_record_a_write() {
    for bio in Bio::ALL {
        let (mut client, _server) = tls_pair(bio);
        assert_eq!(client.write(&[1; 100_000]).unwrap(), 16 * 1024, "{bio:?}");
    }
}

/// `Sent` is said only once the alert is on its way.
fn shutdown_after_would_block() {
    for bio in Bio::ALL {
        let (mut client, mut server) = tls_pair(bio);
        client.get_ref().set_nonblocking(true).unwrap();
        let mut total = 0;
        while let Ok(count) = client.write(&[7; 16_384]) {
            total += count;
            assert!(total < MUCH, "{bio:?} never blocks");
        }
        assert_eq!(client.shutdown().unwrap_err().kind(), IoKind::WouldBlock, "{bio:?}");
        let reader = std::thread::spawn(move || {
            let mut got = Vec::new();
            server.read_to_end(&mut got).unwrap();
            got.len()
        });
        client.get_ref().set_nonblocking(false).unwrap();
        assert_eq!(client.shutdown().unwrap(), Shutdown::Sent, "{bio:?}");
        assert_eq!(reader.join().unwrap(), total, "{bio:?}");
    }
}

/// A server that answers early and goes away: its answer is not lost with the request.
fn early_answer() {
    for bio in [Bio::Stream, Bio::Descriptor] {
        let (mut client, mut server) = tls_pair(bio);
        server.write_all(b"413 too large").unwrap();
        server.flush().unwrap();
        client.get_ref().set_nonblocking(true).unwrap();
        while client.write(&[7; 16_384]).is_ok() {}
        client.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = [0; 13];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"413 too large", "{bio:?}");
        assert!(client.write(b"more").is_err(), "{bio:?}");
    }
}
