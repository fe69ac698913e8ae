//! Certificates that may be wrong in any place: what they shall say, and the signing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData, SigningKey};

use super::der::{bits, boolean, concat, inside, integer, octets, oid, plain, sequence, set, small, tlv};
use crate::pem::der_to_pem;

/// Object identifiers of extensions.
pub mod id {
    /// Basic constraints.
    pub const BASIC: &str = "2.5.29.19";
    /// Key usage.
    pub const USAGE: &str = "2.5.29.15";
    /// Extended key usage.
    pub const PURPOSE: &str = "2.5.29.37";
    /// Subject alternative names.
    pub const NAMES: &str = "2.5.29.17";
    /// Name constraints.
    pub const CONSTRAINTS: &str = "2.5.29.30";
    /// Subject key identifier.
    pub const KEY: &str = "2.5.29.14";
    /// Authority key identifier.
    pub const ISSUER_KEY: &str = "2.5.29.35";
    /// One that nobody knows.
    pub const UNKNOWN: &str = "1.3.6.1.4.1.55555.1";
}

/// A key pair, and the algorithm it signs by.
#[derive(Debug)]
pub struct Key {
    pair: KeyPair,
    algorithm: Vec<u8>,
}

impl Key {
    /// P-256.
    pub fn new() -> Arc<Self> {
        Self::of(&PKCS_ECDSA_P256_SHA256, "1.2.840.10045.4.3.2")
    }

    /// P-384.
    pub fn p384() -> Arc<Self> {
        Self::of(&PKCS_ECDSA_P384_SHA384, "1.2.840.10045.4.3.3")
    }

    /// Ed25519.
    pub fn ed25519() -> Arc<Self> {
        Self::of(&PKCS_ED25519, "1.3.101.112")
    }

    fn of(kind: &'static rcgen::SignatureAlgorithm, algorithm: &str) -> Arc<Self> {
        let pair = KeyPair::generate_for(kind).unwrap();
        Arc::new(Key { pair, algorithm: sequence(&[oid(algorithm)]) })
    }

    /// What certificates name it by.
    pub fn id(&self) -> Vec<u8> {
        // Any bytes do that differ between keys.
        self.pair.der_bytes()[1..21].to_vec()
    }

    /// Signs what is to be signed: its own `SEQUENCE`, the algorithm and the signature in another.
    pub fn sign(&self, tbs: &[u8]) -> Vec<u8> {
        sequence(&[tbs, &self.algorithm, &bits(&self.pair.sign(tbs).unwrap())])
    }

    /// The algorithm it signs by.
    pub fn algorithm(&self) -> &[u8] {
        &self.algorithm
    }
}

/// What a certificate shall say; each field is free.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The number in `version`; none for a certificate of version 1.
    pub version: Option<u8>,
    /// Bytes of the serial number, with its sign.
    pub serial: Vec<u8>,
    /// Issuer's name, where it is not that of the signer.
    pub issuer: Option<Vec<u8>>,
    /// Beginning, in DER.
    pub from: Vec<u8>,
    /// End, in DER.
    pub to: Vec<u8>,
    /// Subject's name, in DER.
    pub subject: Vec<u8>,
    /// Its key.
    pub key: Arc<Key>,
    /// What it says in place of the public key, in DER.
    pub public: Option<Vec<u8>>,
    /// In order: identifier, content of the extension.
    pub extensions: Vec<(String, Vec<u8>)>,
    /// Whether the signer's key identifier is added.
    pub names_issuer_key: bool,
    /// The algorithm inside, where it is not the signer's.
    pub algorithm: Option<Vec<u8>>,
    /// The last thing done to the finished DER.
    pub finish: fn(Vec<u8>) -> Vec<u8>,
}

/// A finished certificate that can sign others.
#[derive(Debug, Clone)]
pub struct Made {
    /// The certificate.
    pub der: Vec<u8>,
    /// Its subject's name.
    pub subject: Vec<u8>,
    /// Its key.
    pub key: Arc<Key>,
}

impl Made {
    /// The certificate in PEM.
    pub fn pem(&self) -> String {
        der_to_pem("CERTIFICATE", &self.der)
    }

    /// The key in PEM.
    pub fn key_pem(&self) -> String {
        self.key.pair.serialize_pem()
    }
}

impl Certificate {
    fn new(subject: Vec<u8>) -> Self {
        static SERIAL: AtomicU32 = AtomicU32::new(1);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Certificate {
            version: Some(2),
            serial: concat(&[&[0x5D, 0x15][..], &serial[..]]),
            issuer: None,
            from: utc("240101000000Z"),
            to: utc("340101000000Z"),
            subject,
            key: Key::new(),
            public: None,
            extensions: Vec::new(),
            names_issuer_key: true,
            algorithm: None,
            finish: |der| der,
        }
    }

    /// An authority's.
    pub fn authority(name: &str) -> Self {
        let mut this = Certificate::new(common_name(name));
        let key = octets(&this.key.id());
        this.extensions = vec![
            entry(id::BASIC, true, &basic(Some(true), None)),
            entry(id::USAGE, true, &usage(&[5, 6])),
            entry(id::KEY, false, &key),
        ];
        this
    }

    /// A server's, with these alternative names.
    pub fn server(names: &[Vec<u8>]) -> Self {
        let mut this = Certificate::new(common_name("a server"));
        this.extensions = vec![
            entry(id::USAGE, true, &usage(&[0])),
            entry(id::PURPOSE, false, &purposes(&[SERVER])),
            entry(id::NAMES, false, &sequence(names)),
        ];
        this
    }

    /// Anything else.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Puts an extension in the place of the one with its identifier, or at the end.
    pub fn set(mut self, id: &str, critical: bool, value: &[u8]) -> Self {
        let new = entry(id, critical, value);
        match self.extensions.iter_mut().find(|(at, _)| at == id) {
            Some(old) => *old = new,
            None => self.extensions.push(new),
        }
        self
    }

    /// Adds an extension, be there one or not.
    pub fn add(mut self, id: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions.push(entry(id, critical, value));
        self
    }

    /// Without an extension.
    pub fn without(mut self, id: &str) -> Self {
        self.extensions.retain(|(at, _)| at != id);
        self
    }

    /// Of version 1, which has no extensions.
    pub fn of_version_1(self) -> Self {
        self.with(|certificate| {
            certificate.version = None;
            certificate.extensions.clear();
            certificate.names_issuer_key = false;
        })
    }

    /// From and to, both `UTCTime`.
    pub fn valid(self, from: &str, to: &str) -> Self {
        self.times(utc(from), utc(to))
    }

    /// From and to, in DER.
    pub fn times(mut self, from: Vec<u8>, to: Vec<u8>) -> Self {
        (self.from, self.to) = (from, to);
        self
    }

    /// With this key, and its identifier where there was one.
    pub fn with_key(mut self, key: &Arc<Key>) -> Self {
        self.key = Arc::clone(key);
        if self.extensions.iter().any(|(at, _)| at == id::KEY) {
            let id = octets(&key.id());
            return self.set(id::KEY, false, &id);
        }
        self
    }

    /// Signed by an authority.
    pub fn signed_by(&self, signer: &Made) -> Made {
        self.signed(&signer.subject, &signer.key)
    }

    /// Signed by its own key.
    pub fn self_signed(&self) -> Made {
        self.signed(&self.subject, &self.key)
    }

    fn signed(&self, issuer: &[u8], signer: &Key) -> Made {
        let mut extensions = self.extensions.clone();
        if self.names_issuer_key && !extensions.iter().any(|(at, _)| at == id::ISSUER_KEY) && !extensions.is_empty() {
            extensions.push(entry(id::ISSUER_KEY, false, &sequence(&[plain(0, &signer.id())])));
        }
        let mut parts = Vec::new();
        if let Some(version) = self.version {
            parts.push(inside(0, &small(version)));
        }
        parts.push(integer(&self.serial));
        parts.push(self.algorithm.clone().unwrap_or_else(|| signer.algorithm.clone()));
        parts.push(self.issuer.clone().unwrap_or_else(|| issuer.to_vec()));
        parts.push(sequence(&[&self.from, &self.to]));
        parts.push(self.subject.clone());
        parts.push(self.public.clone().unwrap_or_else(|| self.key.pair.subject_public_key_info()));
        if !extensions.is_empty() {
            let all: Vec<_> = extensions.into_iter().map(|(_, der)| der).collect();
            parts.push(inside(3, &sequence(&all)));
        }
        let der = (self.finish)(signer.sign(&sequence(&parts)));
        Made { der, subject: self.subject.clone(), key: Arc::clone(&self.key) }
    }
}

/// A name that is a common name alone.
pub fn common_name(text: &str) -> Vec<u8> {
    name(&[("2.5.4.3", tlv(0x0C, text.as_bytes()))])
}

/// A name with these attributes, one a step.
pub fn name(attributes: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let steps: Vec<_> = attributes.iter().map(|(id, value)| set(&[sequence(&[&oid(id), value])])).collect();
    sequence(&steps)
}

/// An alternative name: DNS.
pub fn dns(name: &str) -> Vec<u8> {
    plain(2, name.as_bytes())
}

/// An alternative name: IP address.
pub fn ip(bytes: &[u8]) -> Vec<u8> {
    plain(7, bytes)
}

/// An alternative name: mail address.
pub fn mail(address: &str) -> Vec<u8> {
    plain(1, address.as_bytes())
}

/// An alternative name: directory name.
pub fn directory(name: &[u8]) -> Vec<u8> {
    inside(4, name)
}

/// The value of basic constraints.
pub fn basic(authority: Option<bool>, length: Option<u8>) -> Vec<u8> {
    let parts: Vec<_> = [authority.map(boolean), length.map(small)].into_iter().flatten().collect();
    sequence(&parts)
}

/// The value of key usage with these bits.
pub fn usage(which: &[u8]) -> Vec<u8> {
    let mut byte = 0u8;
    for bit in which {
        byte |= 0x80 >> bit;
    }
    tlv(3, &[byte.trailing_zeros().min(7) as u8, byte])
}

/// The purpose of servers.
pub const SERVER: &str = "1.3.6.1.5.5.7.3.1";
/// The purpose of clients.
pub const CLIENT: &str = "1.3.6.1.5.5.7.3.2";
/// Every purpose.
pub const ANY: &str = "2.5.29.37.0";

/// The value of extended key usage.
pub fn purposes(which: &[&str]) -> Vec<u8> {
    let all: Vec<_> = which.iter().map(|which| oid(which)).collect();
    sequence(&all)
}

/// The value of name constraints: names permitted and excluded.
pub fn constraints(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let trees = |names: &[Vec<u8>]| concat(&names.iter().map(|name| sequence(&[name])).collect::<Vec<_>>());
    let mut parts = Vec::new();
    for (number, names) in [(0, permitted), (1, excluded)] {
        if !names.is_empty() {
            parts.push(inside(number, &trees(names)));
        }
    }
    sequence(&parts)
}

/// `UTCTime`.
pub fn utc(text: &str) -> Vec<u8> {
    tlv(0x17, text.as_bytes())
}

/// `GeneralizedTime`.
pub fn generalized(text: &str) -> Vec<u8> {
    tlv(0x18, text.as_bytes())
}

/// An extension, of a certificate or of a revocation list.
pub fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![oid(id)];
    if critical {
        parts.push(boolean(true));
    }
    parts.push(octets(value));
    sequence(&parts)
}

fn entry(id: &str, critical: bool, value: &[u8]) -> (String, Vec<u8>) {
    (id.to_owned(), extension(id, critical, value))
}
