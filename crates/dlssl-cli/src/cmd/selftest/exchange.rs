//! What the two ends say to each other: a fixed amount each way, compared byte for byte.

use std::io::{self, Read, Write};

use dlssl::TlsStream;

/// Bytes each way.
pub(super) const AMOUNT: usize = 1024 * 1024;

/// Who sends; each side sends other bytes, so an echo would be noticed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Client = 1,
    Server = 2,
}

/// The client's half: send, receive, close.
pub(super) fn client<S>(tls: &mut TlsStream<S>) -> io::Result<()>
where
    TlsStream<S>: Read + Write,
{
    send(tls, Side::Client)?;
    receive(tls, Side::Server)?;
    close(tls)
}

/// The server's half: receive, send, close.
pub(super) fn server<S>(tls: &mut TlsStream<S>) -> io::Result<()>
where
    TlsStream<S>: Read + Write,
{
    receive(tls, Side::Client)?;
    send(tls, Side::Server)?;
    close(tls)
}

fn send(tls: &mut impl Write, from: Side) -> io::Result<()> {
    tls.write_all(&bytes(from))?;
    tls.flush()
}

fn receive(tls: &mut impl Read, from: Side) -> io::Result<()> {
    let mut got = vec![0; AMOUNT];
    tls.read_exact(&mut got)?;
    let expected = bytes(from);
    match got.iter().zip(&expected).position(|(got, expected)| got != expected) {
        None => Ok(()),
        Some(at) => Err(io::Error::other(format!("byte {at} of {from:?}'s data is wrong"))),
    }
}

/// Says the end and waits for the peer's.
fn close<S>(tls: &mut TlsStream<S>) -> io::Result<()>
where
    TlsStream<S>: Read + Write,
{
    tls.shutdown()?;
    match tls.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(io::Error::other("the peer sent more than agreed")),
    }
}

/// Bytes without a pattern a fault could hide in (xorshift), the same on every run.
fn bytes(from: Side) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ from as u64;
    let mut bytes = Vec::with_capacity(AMOUNT);
    while bytes.len() < AMOUNT {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(AMOUNT);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sides_differ_and_have_the_right_length() {
        assert_eq!(bytes(Side::Client).len(), AMOUNT);
        assert_ne!(bytes(Side::Client), bytes(Side::Server));
    }

    #[test]
    fn a_wrong_byte_is_named() {
        let mut data = bytes(Side::Client);
        assert!(receive(&mut &data[..], Side::Client).is_ok());
        data[4711] ^= 1;
        let error = receive(&mut &data[..], Side::Client).unwrap_err();
        assert_eq!(error.to_string(), "byte 4711 of Client's data is wrong");
    }
}
