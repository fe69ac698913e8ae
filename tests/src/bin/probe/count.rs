//! TLS work between two marks (calls of `getppid`), so that a system call tracer can count exactly it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use dlssl::{Acceptor, Connector, TlsStream};
use dlssl_tests::pki::NAME;
use dlssl_tests::talk::{Shaken, acceptor, both, connector, pattern, shake};

const RECORD: usize = 16 * 1024;

pub(crate) fn main(words: &[String]) {
    let connector = connector().build().unwrap();
    let acceptor = acceptor().build().unwrap();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["handshake"] => handshake(|sockets| shake(&connector, &acceptor, NAME, sockets)),
        ["handshake-by-descriptor"] => {
            handshake(|(a, b)| both(|| connector.connect_socket(NAME, a), || acceptor.accept_socket(b)));
        }
        ["records", count] => records(&connector, &acceptor, count.parse().unwrap()),
        ["batches", count] => batches(&connector, &acceptor, count.parse().unwrap()),
        _ => panic!("handshake, handshake-by-descriptor, records N or batches N"),
    }
}

fn mark() {
    // SAFETY: getppid has no preconditions.
    unsafe { libc::getppid() };
}

/// A full handshake and one byte after it.
fn handshake(shake: impl FnOnce((UnixStream, UnixStream)) -> (Shaken<UnixStream>, Shaken<UnixStream>)) {
    let sockets = UnixStream::pair().unwrap();
    mark();
    let (client, server) = shake(sockets);
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    client.write_all(b"!").unwrap();
    let mut byte = [0];
    server.read_exact(&mut byte).unwrap();
    mark();
    assert_eq!(&byte, b"!");
}

/// A stream of full records from one thread to another.
fn records(connector: &Connector, acceptor: &Acceptor, count: usize) {
    let (mut client, mut server) = ready(connector, acceptor);
    let record = pattern(RECORD, 1);
    let mut received = vec![0; RECORD];
    mark();
    both(
        || {
            for _ in 0..count {
                client.write_all(&record).unwrap();
            }
        },
        || {
            for _ in 0..count {
                server.read_exact(&mut received).unwrap();
            }
        },
    );
    mark();
    assert!(record == received);
}

/// The same on one thread, eight records at a time: what the threads' timing adds is not in it.
fn batches(connector: &Connector, acceptor: &Acceptor, count: usize) {
    let (mut client, mut server) = ready(connector, acceptor);
    let record = pattern(RECORD, 2);
    let mut received = vec![0; RECORD];
    mark();
    for _ in 0..count / 8 {
        for _ in 0..8 {
            client.write_all(&record).unwrap();
        }
        for _ in 0..8 {
            server.read_exact(&mut received).unwrap();
        }
    }
    mark();
    assert!(record == received);
}

type Pair = (TlsStream<UnixStream>, TlsStream<UnixStream>);

/// Connected, and past the tickets that a TLS 1.3 server sends after its handshake.
fn ready(connector: &Connector, acceptor: &Acceptor) -> Pair {
    let sockets = UnixStream::pair().unwrap();
    let (client, server) = shake(connector, acceptor, NAME, sockets);
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    let mut byte = [0];
    server.write_all(b"?").unwrap();
    client.read_exact(&mut byte).unwrap();
    client.write_all(b"!").unwrap();
    server.read_exact(&mut byte).unwrap();
    (client, server)
}
