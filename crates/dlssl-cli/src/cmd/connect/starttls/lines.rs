//! Protocols of lines: SMTP (RFC 3207), IMAP (RFC 9051), POP3 (RFC 2595), NNTP (RFC 4642), FTP (RFC 4217).

use std::io::{Read, Write};

use super::plain::{Error, Plain};

/// An answer with a number, which may have several lines: `250-first`, then `250 last`.
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    /// Reads one. Lines between the first and the last may be of any form, as FTP has it.
    fn read<S: Read + Write>(plain: &mut Plain<'_, S>) -> Result<Self, Error> {
        let first = plain.line()?;
        let Some((code, last)) = head(&first) else { return Err(Error::Unexpected(first)) };
        let mut lines = vec![first];
        if !last {
            loop {
                let line = plain.line()?;
                let end = head(&line) == Some((code, true));
                lines.push(line);
                if end {
                    break;
                }
            }
        }
        Ok(Self { code, lines })
    }

    /// Passes itself through when it has one of these numbers.
    fn expect(self, codes: &[u16]) -> Result<Self, Error> {
        if codes.contains(&self.code) { Ok(self) } else { Err(Error::Refused(self.lines.join(" "))) }
    }
}

/// The number of a line, and whether it is the last.
fn head(line: &str) -> Option<(u16, bool)> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    match rest.bytes().next() {
        Some(b'-') => Some((code, false)),
        Some(b' ') | None => Some((code, true)),
        Some(_) => None,
    }
}

pub(super) fn smtp<S: Read + Write>(plain: &mut Plain<'_, S>) -> Result<(), Error> {
    Reply::read(plain)?.expect(&[220])?;
    plain.send(b"EHLO localhost\r\n")?;
    let offers = Reply::read(plain)?.expect(&[250])?;
    let has_it = |line: &String| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS"));
    if !offers.lines.iter().any(has_it) {
        return Err(Error::Refused("STARTTLS is not among what it offers".to_owned()));
    }
    plain.send(b"STARTTLS\r\n")?;
    Reply::read(plain)?.expect(&[220]).map(drop)
}

pub(super) fn nntp<S: Read + Write>(plain: &mut Plain<'_, S>) -> Result<(), Error> {
    Reply::read(plain)?.expect(&[200, 201])?;
    plain.send(b"STARTTLS\r\n")?;
    Reply::read(plain)?.expect(&[382]).map(drop)
}

pub(super) fn ftp<S: Read + Write>(plain: &mut Plain<'_, S>) -> Result<(), Error> {
    Reply::read(plain)?.expect(&[220])?;
    plain.send(b"AUTH TLS\r\n")?;
    Reply::read(plain)?.expect(&[234]).map(drop)
}

pub(super) fn pop3<S: Read + Write>(plain: &mut Plain<'_, S>) -> Result<(), Error> {
    ok(plain.line()?)?;
    plain.send(b"STLS\r\n")?;
    ok(plain.line()?)
}

/// An answer of POP3.
fn ok(line: String) -> Result<(), Error> {
    match line.split(' ').next() {
        Some("+OK") => Ok(()),
        Some("-ERR") => Err(Error::Refused(line)),
        _ => Err(Error::Unexpected(line)),
    }
}

pub(super) fn imap<S: Read + Write>(plain: &mut Plain<'_, S>) -> Result<(), Error> {
    let greeting = plain.line()?;
    match status(&greeting, "*").as_deref() {
        Some("OK") => {}
        // Nobody can start TLS once logged in, and somebody on the way may have said so to have it that way.
        Some("BYE" | "PREAUTH") => return Err(Error::Refused(greeting)),
        _ => return Err(Error::Unexpected(greeting)),
    }
    plain.send(b"a1 STARTTLS\r\n")?;
    loop {
        let line = plain.line()?;
        match status(&line, "a1").as_deref() {
            Some("OK") => return Ok(()),
            Some(_) => return Err(Error::Refused(line)),
            None if line.starts_with("* ") => {}
            None => return Err(Error::Unexpected(line)),
        }
    }
}

/// The word after the tag, in capitals.
fn status(line: &str, tag: &str) -> Option<String> {
    let word = line.strip_prefix(tag)?.strip_prefix(' ')?.split(' ').next()?;
    Some(word.to_ascii_uppercase())
}
