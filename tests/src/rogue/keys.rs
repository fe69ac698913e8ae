//! Keys of one direction, and how they come about: TLS 1.2 (RFC 5246) and TLS 1.3 (RFC 8446) with AES-128-GCM and SHA-256.

use std::io;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::{digest, hmac};

/// Protects the records of one direction.
#[derive(Debug)]
pub(super) struct Keys {
    key: LessSafeKey,
    /// All 12 bytes in TLS 1.3; the first four in TLS 1.2, where the rest is in the record.
    iv: Vec<u8>,
    /// What the next keys come from; TLS 1.3 alone.
    secret: Option<Vec<u8>>,
    sequence: u64,
}

impl Keys {
    pub(super) fn tls12(key: &[u8], salt: &[u8]) -> Self {
        Keys { key: aead(key), iv: salt.to_vec(), secret: None, sequence: 0 }
    }

    pub(super) fn tls13(secret: &[u8]) -> Self {
        let (key, iv) = (expand_label(secret, "key", &[], 16), expand_label(secret, "iv", &[], 12));
        Keys { key: aead(&key), iv, secret: Some(secret.to_vec()), sequence: 0 }
    }

    /// Goes over to the next keys, as a key update says.
    pub(super) fn update(&mut self) {
        let secret = self.secret.as_deref().expect("key updates are of TLS 1.3");
        *self = Keys::tls13(&expand_label(secret, "traffic upd", &[], 32));
    }

    /// The whole record.
    pub(super) fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        let sequence = self.next();
        let mut body = content.to_vec();
        if self.secret.is_some() {
            body.push(kind);
            let head = head(23, body.len() + 16);
            self.key.seal_in_place_append_tag(self.nonce13(sequence), Aad::from(head), &mut body).unwrap();
            [&head[..], &body].concat()
        } else {
            let aad = aad12(sequence, kind, content.len());
            self.key.seal_in_place_append_tag(self.nonce12(sequence), Aad::from(aad), &mut body).unwrap();
            [&head(kind, body.len() + 8)[..], &sequence, &body].concat()
        }
    }

    /// What a record holds, and of which kind that is.
    pub(super) fn open(&mut self, head: [u8; 5], body: &[u8]) -> io::Result<(u8, Vec<u8>)> {
        let wrong = |_| io::Error::other("a record that does not open");
        let sequence = self.next();
        if self.secret.is_some() {
            let mut body = body.to_vec();
            let inner = self.key.open_in_place(self.nonce13(sequence), Aad::from(head), &mut body).map_err(wrong)?;
            let end = inner.iter().rposition(|byte| *byte != 0).ok_or_else(|| io::Error::other("an empty record"))?;
            Ok((inner[end], inner[..end].to_vec()))
        } else {
            let (explicit, body) = body.split_at_checked(8).ok_or_else(|| io::Error::other("a short record"))?;
            let mut body = body.to_vec();
            let aad = aad12(sequence, head[0], body.len().saturating_sub(16));
            let nonce = self.nonce12(explicit.try_into().unwrap());
            let inner = self.key.open_in_place(nonce, Aad::from(aad), &mut body).map_err(wrong)?;
            Ok((head[0], inner.to_vec()))
        }
    }

    fn next(&mut self) -> [u8; 8] {
        self.sequence += 1;
        (self.sequence - 1).to_be_bytes()
    }

    fn nonce13(&self, sequence: [u8; 8]) -> Nonce {
        let mut nonce: [u8; 12] = self.iv.as_slice().try_into().unwrap();
        nonce[4..].iter_mut().zip(sequence).for_each(|(byte, other)| *byte ^= other);
        Nonce::assume_unique_for_key(nonce)
    }

    fn nonce12(&self, explicit: [u8; 8]) -> Nonce {
        let nonce = [&self.iv[..], &explicit].concat();
        Nonce::assume_unique_for_key(nonce.try_into().unwrap())
    }
}

fn aead(key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap())
}

fn head(kind: u8, len: usize) -> [u8; 5] {
    let [high, low] = u16::try_from(len).unwrap().to_be_bytes();
    [kind, 3, 3, high, low]
}

fn aad12(sequence: [u8; 8], kind: u8, len: usize) -> [u8; 13] {
    let mut aad = [0; 13];
    aad[..8].copy_from_slice(&sequence);
    aad[8..].copy_from_slice(&head(kind, len));
    aad
}

/// SHA-256.
pub(super) fn hash(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// HMAC with SHA-256; HKDF's "extract" is the same with the salt as key.
pub(super) fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
}

/// TLS 1.2's way to make keys of a secret.
pub(super) fn prf(secret: &[u8], label: &str, seed: &[u8], len: usize) -> Vec<u8> {
    let seed = [label.as_bytes(), seed].concat();
    let (mut a, mut out) = (seed.clone(), Vec::new());
    while out.len() < len {
        a = hmac(secret, &a);
        out.extend(hmac(secret, &[&a[..], &seed].concat()));
    }
    out.truncate(len);
    out
}

/// TLS 1.3's way.
pub(super) fn expand_label(secret: &[u8], label: &str, context: &[u8], len: u16) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let mut info = len.to_be_bytes().to_vec();
    info.push(u8::try_from(label.len()).unwrap());
    info.extend(label.as_bytes());
    info.push(u8::try_from(context.len()).unwrap());
    info.extend(context);
    // 32 bytes at most, so one block is enough.
    info.push(1);
    let mut out = hmac(secret, &info);
    out.truncate(usize::from(len));
    out
}

/// The secrets of a TLS 1.3 connection, client's and server's.
pub(super) struct Schedule(Vec<u8>);

impl Schedule {
    /// The handshake's.
    pub(super) fn handshake(shared: &[u8]) -> Self {
        let early = hmac(&[0; 32], &[0; 32]);
        Schedule(hmac(&expand_label(&early, "derived", &hash(&[]), 32), shared))
    }

    /// The application's.
    pub(super) fn application(self) -> Self {
        Schedule(hmac(&expand_label(&self.0, "derived", &hash(&[]), 32), &[0; 32]))
    }

    /// The client's secret and the server's, after these messages.
    pub(super) fn traffic(&self, stage: &str, transcript: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let of = |side| expand_label(&self.0, &format!("{side} {stage} traffic"), &hash(transcript), 32);
        (of("c"), of("s"))
    }
}

/// What a Finished message of TLS 1.3 holds.
pub(super) fn finished13(secret: &[u8], transcript: &[u8]) -> Vec<u8> {
    hmac(&expand_label(secret, "finished", &[], 32), &hash(transcript))
}
