//! A TLS peer made by hand, of good behaviour until a test makes it send what no library would: properly encrypted,
//! at any point of the connection. Either side, TLS 1.2 and 1.3, one cipher suite each.

mod client;
mod keys;
mod server;

use std::fmt;
use std::io::{self, Read, Write};

use dlssl::Protocol;
use rcgen::{KeyPair, SigningKey as _};

use self::keys::Keys;
use crate::pem::pem_blocks;
use crate::pki::Pair;

/// Kinds of records.
pub const CHANGE_CIPHER: u8 = 20;
/// An alert.
pub const ALERT: u8 = 21;
/// Handshake messages.
pub const HANDSHAKE: u8 = 22;
/// The application's bytes.
pub const DATA: u8 = 23;

/// Kinds of handshake messages.
pub const HELLO_REQUEST: u8 = 0;
/// A client's first message.
pub const CLIENT_HELLO: u8 = 1;
/// A server's first message.
pub const SERVER_HELLO: u8 = 2;
/// A session ticket.
pub const TICKET: u8 = 4;
/// A chain of certificates.
pub const CERTIFICATE: u8 = 11;
/// A server's wish for a certificate.
pub const CERTIFICATE_REQUEST: u8 = 13;
/// New keys from here on.
pub const KEY_UPDATE: u8 = 24;

trait Wire: Read + Write + Send {}
impl<S: Read + Write + Send> Wire for S {}

/// What is done in the middle of a handshake: after the server's hello, before anything that follows it.
pub type Middle = Box<dyn FnOnce(&mut Rogue) -> io::Result<()> + Send>;

/// How a handshake differs from a good one.
#[derive(Default)]
pub struct Plan {
    /// The certificates that a server shows, its own first.
    pub chain: Vec<Vec<u8>>,
    /// Signs for the first of them.
    pub key: Option<KeyPair>,
    /// A session ticket within a server's TLS 1.2 handshake.
    pub ticket: Option<Vec<u8>>,
    /// Something in the middle.
    pub middle: Option<Middle>,
}

impl Plan {
    /// A server that shows this certificate and chain.
    pub fn of(pair: &Pair) -> Self {
        Plan {
            chain: pem_blocks(&pair.chain).unwrap(),
            key: Some(KeyPair::from_pem(&pair.key).unwrap()),
            ..Plan::default()
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.key.as_ref().expect("a server has a key").sign(message).unwrap();
        // ECDSA on P-256 with SHA-256.
        [&[4, 3][..], &counted(2, &signature)].concat()
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// A peer with a handshake behind it.
pub struct Rogue {
    wire: Box<dyn Wire>,
    protocol: Protocol,
    sending: Option<Keys>,
    receiving: Option<Keys>,
    /// All messages of the handshake so far.
    transcript: Vec<u8>,
    /// Handshake bytes that came and were not yet looked at.
    pieces: Vec<u8>,
}

impl fmt::Debug for Rogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rogue").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

impl Rogue {
    /// Shakes hands as a server.
    ///
    /// # Errors
    /// What the stream says, or that the other side does not follow.
    pub fn server(wire: impl Read + Write + Send + 'static, protocol: Protocol, plan: Plan) -> io::Result<Self> {
        let mut rogue = Rogue::new(wire, protocol);
        server::shake(&mut rogue, plan)?;
        Ok(rogue)
    }

    /// Shakes hands as a client; it believes any certificate.
    ///
    /// # Errors
    /// As for a server.
    pub fn client(wire: impl Read + Write + Send + 'static, protocol: Protocol, plan: Plan) -> io::Result<Self> {
        let mut rogue = Rogue::new(wire, protocol);
        client::shake(&mut rogue, plan)?;
        Ok(rogue)
    }

    fn new(wire: impl Read + Write + Send + 'static, protocol: Protocol) -> Self {
        Rogue {
            wire: Box::new(wire),
            protocol,
            sending: None,
            receiving: None,
            transcript: Vec::new(),
            pieces: Vec::new(),
        }
    }

    /// The record for a content, as it would be sent next.
    pub fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        match &mut self.sending {
            Some(keys) => keys.seal(kind, content),
            None => [&[kind, 3, 3][..], &counted(2, content)].concat(),
        }
    }

    /// The record of a key update, which takes effect with the next.
    pub fn seal_key_update(&mut self, wants_answer: bool) -> Vec<u8> {
        let record = self.seal(HANDSHAKE, &message(KEY_UPDATE, &[u8::from(wants_answer)]));
        self.sending.as_mut().expect("after the handshake").update();
        record
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The stream's.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.write_all(bytes)?;
        self.wire.flush()
    }

    /// Sends a content in records of at most 16 KiB.
    ///
    /// # Errors
    /// The stream's.
    pub fn send(&mut self, kind: u8, content: &[u8]) -> io::Result<()> {
        let parts: Vec<_> = if content.is_empty() { vec![content] } else { content.chunks(16_384).collect() };
        let records: Vec<u8> = parts.into_iter().flat_map(|part| self.seal(kind, part)).collect();
        self.send_raw(&records)
    }

    /// The next record's content.
    ///
    /// # Errors
    /// The stream's, or that it does not open.
    pub fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.wire.read_exact(&mut head)?;
        let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        self.wire.read_exact(&mut body)?;
        let plain = head[0] == CHANGE_CIPHER && self.protocol == Protocol::Tls13;
        match &mut self.receiving {
            Some(keys) if !plain => {
                let (kind, content) = keys.open(head, &body)?;
                if kind == HANDSHAKE && content.first() == Some(&KEY_UPDATE) {
                    keys.update();
                }
                Ok((kind, content))
            }
            _ => Ok((head[0], body)),
        }
    }

    /// Reads until the other side is gone: how many records came.
    pub fn drain(&mut self) -> usize {
        std::iter::from_fn(|| self.receive().ok()).count()
    }

    /// Says a handshake message.
    fn say(&mut self, kind: u8, body: &[u8]) -> io::Result<()> {
        let message = message(kind, body);
        self.transcript.extend(&message);
        self.send(HANDSHAKE, &message)
    }

    /// The next handshake message of this kind; others are read over.
    fn hear(&mut self, wanted: u8) -> io::Result<Vec<u8>> {
        loop {
            let whole = match self.pieces.get(1..4) {
                Some(len) => 4 + len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
                None => usize::MAX,
            };
            if self.pieces.len() >= whole {
                let message: Vec<u8> = self.pieces.drain(..whole).collect();
                self.transcript.extend(&message);
                if message[0] == wanted {
                    return Ok(message[4..].to_vec());
                }
                continue;
            }
            match self.receive()? {
                (HANDSHAKE, content) => self.pieces.extend(content),
                (CHANGE_CIPHER, _) if self.protocol == Protocol::Tls13 => {}
                (kind, content) => return Err(io::Error::other(format!("record {kind} instead: {content:?}"))),
            }
        }
    }

    /// The change of keys of TLS 1.2.
    fn hear_change(&mut self, keys: Keys) -> io::Result<()> {
        match self.receive()? {
            (CHANGE_CIPHER, _) => self.receiving = Some(keys),
            (kind, content) => return Err(io::Error::other(format!("record {kind} instead: {content:?}"))),
        }
        Ok(())
    }
}

/// A handshake message with its head.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &counted(3, body)].concat()
}

/// A session ticket of TLS 1.3 that is good for a day.
pub fn ticket13(len: usize) -> Vec<u8> {
    let body =
        [&86_400_u32.to_be_bytes()[..], &[0; 4], &counted(1, &[1]), &counted(2, &vec![7; len]), &[0, 0]].concat();
    message(TICKET, &body)
}

/// A content behind its length of `width` bytes.
fn counted(width: usize, content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&len[4 - width..], content].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &counted(2, content)].concat()
}

/// Walks over a message.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> io::Result<&'a [u8]> {
        let (front, back) = self.0.split_at_checked(len).ok_or_else(|| io::Error::other("a message cut short"))?;
        self.0 = back;
        Ok(front)
    }

    fn counted(&mut self, width: usize) -> io::Result<&'a [u8]> {
        let len = self.take(width)?.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
        self.take(len)
    }

    /// The content of an extension in a list of them.
    fn extension(&mut self, wanted: u16) -> io::Result<&'a [u8]> {
        loop {
            let kind = self.take(2)?;
            let content = self.counted(2)?;
            if kind == wanted.to_be_bytes() {
                return Ok(content);
            }
        }
    }
}

fn unspecified(_: ring::error::Unspecified) -> io::Error {
    io::Error::other("a key that fits none")
}
