//! Protocols of bytes: PostgreSQL, MySQL, LDAP (RFC 4511, section 4.14).

use std::io::{Read, Write};

use super::plain::{Error, Plain};

/// `SSLRequest`: its length and its number.
const POSTGRES_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F];

pub(super) fn postgres<S: Read + Write>(plain: &mut Plain<'_, S>) -> Result<(), Error> {
    plain.send(&POSTGRES_REQUEST)?;
    match plain.take(|_| Some(1))?[0] {
        b'S' => Ok(()),
        b'N' => Err(Error::Refused("it has no TLS".to_owned())),
        b'E' => Err(Error::Refused("it answers with an error".to_owned())),
        other => Err(Error::Unexpected(format!("byte {other:#04x}"))),
    }
}

/// What both sides of MySQL say that they can.
const CLIENT_PROTOCOL_41: u32 = 0x0200;
const CLIENT_SSL: u32 = 0x0800;
const CLIENT_SECURE_CONNECTION: u32 = 0x8000;
/// `utf8mb4`.
const MYSQL_CHARACTERS: u8 = 45;

pub(super) fn mysql<S: Read + Write>(plain: &mut Plain<'_, S>) -> Result<(), Error> {
    // Length in three bytes, number of the packet, body.
    let packet = plain.take(|bytes| {
        let head = bytes.first_chunk::<4>()?;
        Some(4 + usize::from(head[0]) + usize::from(head[1]) * 0x100 + usize::from(head[2]) * 0x1_0000)
    })?;
    // Packets of a connection are counted from nought.
    if packet[3] != 0 {
        return Err(Error::Unexpected("not the first packet of MySQL".to_owned()));
    }
    let capabilities = mysql_capabilities(&packet[4..])?;
    if u32::from(capabilities) & CLIENT_SSL == 0 {
        return Err(Error::Refused("it has no TLS".to_owned()));
    }
    let mut request = vec![32, 0, 0, 1];
    request.extend((CLIENT_PROTOCOL_41 | CLIENT_SSL | CLIENT_SECURE_CONNECTION).to_le_bytes());
    // Longest packet.
    request.extend(0x0100_0000_u32.to_le_bytes());
    request.push(MYSQL_CHARACTERS);
    request.resize(4 + 32, 0);
    plain.send(&request)
}

/// The lower half of what the greeting says that the server can.
fn mysql_capabilities(greeting: &[u8]) -> Result<u16, Error> {
    let unexpected = || Error::Unexpected("not a greeting of MySQL".to_owned());
    let (&version, rest) = greeting.split_first().ok_or_else(unexpected)?;
    match version {
        10 => {}
        // The number of the error, then words.
        0xFF => return Err(Error::Refused(String::from_utf8_lossy(rest.get(2..).unwrap_or_default()).into_owned())),
        _ => return Err(unexpected()),
    }
    // The server's version ends with NUL; then the connection's number, 8 bytes for the password, and a NUL.
    let end = rest.iter().position(|byte| *byte == 0).ok_or_else(unexpected)?;
    let place = end + 1 + 4 + 8 + 1;
    match rest.get(place..place + 2) {
        Some(&[low, high]) => Ok(u16::from_le_bytes([low, high])),
        _ => Err(unexpected()),
    }
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const ENUMERATED: u8 = 0x0A;
const EXTENDED_RESPONSE: u8 = 0x78;

/// An extended request, message 1, whose name is StartTLS's.
const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

pub(super) fn ldap<S: Read + Write>(plain: &mut Plain<'_, S>) -> Result<(), Error> {
    plain.send(LDAP_REQUEST)?;
    let response = plain.take(|bytes| Some(head(bytes)?.1.saturating_add(head(bytes)?.2)))?;
    let code = ldap_result(&response).ok_or_else(|| Error::Unexpected("not an answer of LDAP".to_owned()))?;
    if code == [0] { Ok(()) } else { Err(Error::Refused(format!("result {code:?}"))) }
}

/// Tag, length of the head, length of the content.
fn head(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (&tag, &first) = (bytes.first()?, bytes.get(1)?);
    match first {
        0..=0x7F => Some((tag, 2, usize::from(first))),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7F);
            let len = bytes.get(2..2 + count)?;
            Some((tag, 2 + count, len.iter().fold(0usize, |len, byte| len.saturating_mul(256) + usize::from(*byte))))
        }
        // No length known beforehand: not LDAP. Nothing is as long as this.
        _ => Some((tag, 2, usize::MAX / 2)),
    }
}

/// The content of the first element, which must have this tag, and what follows it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, header, len) = head(bytes)?;
    if found != tag {
        return None;
    }
    bytes.get(header..)?.split_at_checked(len)
}

/// The result of an extended response to message 1.
fn ldap_result(response: &[u8]) -> Option<&[u8]> {
    let (message, _) = element(SEQUENCE, response)?;
    let (number, rest) = element(INTEGER, message)?;
    let (response, _) = element(EXTENDED_RESPONSE, rest)?;
    let (code, _) = element(ENUMERATED, response)?;
    (number == [1]).then_some(code)
}
