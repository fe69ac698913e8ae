//! A dialogue in the clear: bounded reads, and nothing left over at its end.

use std::fmt;
use std::io::{self, Read, Write};

/// Most bytes that a peer may say before TLS.
const MOST: usize = 64 * 1024;
/// Longest line.
const LONGEST_LINE: usize = 4096;

/// Why TLS cannot begin.
#[derive(Debug)]
pub(crate) enum Error {
    /// The socket failed, or took too long.
    Io(io::Error),
    /// The peer closed.
    Closed,
    /// The peer says more than a peer should.
    TooLong,
    /// The peer will not, in its own words.
    Refused(String),
    /// Not an answer of this protocol.
    Unexpected(String),
    /// The peer, or somebody on the way, sent more than the answer before TLS began.
    Injected {
        /// How many bytes.
        bytes: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Closed => f.write_str("the peer closed the connection before TLS"),
            Self::TooLong => f.write_str("the peer's answer is too long"),
            Self::Refused(words) => write!(f, "the peer refuses TLS: {words}"),
            Self::Unexpected(words) => write!(f, "the peer does not speak this protocol: {words}"),
            Self::Injected { bytes } => {
                write!(f, "{bytes} bytes in the clear follow the answer; somebody may have put them there")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A peer before TLS.
pub(super) struct Plain<'s, S> {
    stream: &'s mut S,
    /// Received and not yet taken.
    received: Vec<u8>,
    total: usize,
}

impl<'s, S: Read + Write> Plain<'s, S> {
    pub(super) fn new(stream: &'s mut S) -> Self {
        Self { stream, received: Vec::new(), total: 0 }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes)?;
        Ok(self.stream.flush()?)
    }

    /// Takes as many bytes as `measure` says the message at the beginning has; reads on while it says `None`.
    pub(super) fn take(&mut self, mut measure: impl FnMut(&[u8]) -> Option<usize>) -> Result<Vec<u8>, Error> {
        loop {
            if let Some(len) = measure(&self.received).filter(|len| *len <= self.received.len()) {
                return Ok(self.received.drain(..len).collect());
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), Error> {
        let mut bytes = [0; 4096];
        let count = loop {
            match self.stream.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        if count == 0 {
            return Err(Error::Closed);
        }
        self.total += count;
        if self.total > MOST {
            return Err(Error::TooLong);
        }
        self.received.extend_from_slice(&bytes[..count]);
        Ok(())
    }

    /// Takes a line, without its end.
    pub(super) fn line(&mut self) -> Result<String, Error> {
        let line = self.take(|bytes| match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => Some(end + 1),
            None if bytes.len() > LONGEST_LINE => Some(bytes.len()),
            None => None,
        })?;
        if line.len() > LONGEST_LINE {
            return Err(Error::TooLong);
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The dialogue is over, and TLS begins: the peer has nothing more to say before it hears of us.
    pub(super) fn finish(self) -> Result<(), Error> {
        match self.received.len() {
            0 => Ok(()),
            bytes => Err(Error::Injected { bytes }),
        }
    }
}
