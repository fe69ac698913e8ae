//! Keys and signatures.

use super::{Case, Draft, HOST, Made, Pki, server};
use crate::openssl_pki::OpensslPki;
use crate::pem::der_to_pem;
use crate::verdicts::case::{Expected, Kind, PeerName};
use crate::verdicts::certificate::{Certificate, Key};
use crate::verdicts::der::{bits, oid, sequence};

/// ecdsa-with-SHA384, ecdsa-with-SHA1.
const SHA384: &str = "1.2.840.10045.4.3.3";
const SHA1: &str = "1.2.840.10045.4.1";

pub(super) fn cases() -> Vec<Case> {
    let pki = Pki::new();
    let inside = |id, algorithm: &str| {
        let algorithm = sequence(&[oid(algorithm)]);
        pki.leaf(id, |leaf| leaf.with(|leaf| leaf.algorithm = Some(algorithm)))
    };
    let finished = |id, finish: fn(Vec<u8>) -> Vec<u8>| pki.leaf(id, |leaf| leaf.with(|leaf| leaf.finish = finish));
    vec![
        pki.leaf("keys::p384", |leaf| leaf.with_key(&Key::p384())).good("A server's key of P-384."),
        pki.leaf("keys::ed25519", |leaf| leaf.with_key(&Key::ed25519())).good("A server's key of Ed25519."),
        authority_with("keys::authority-p384", &Key::p384()).good("Authorities' keys of P-384."),
        authority_with("keys::authority-ed25519", &Key::ed25519()).good("Authorities' keys of Ed25519."),
        inside("keys::algorithms-differ", SHA384).bad("The algorithm inside is not the one outside."),
        inside("keys::algorithm-unknown", "1.3.6.1.4.1.55555.2").bad("Nor is one that nobody knows."),
        finished("keys::signature-changed", |mut der| {
            *der.last_mut().unwrap() ^= 1;
            der
        })
        .bad("A bit of the signature is another."),
        finished("keys::text-changed", |mut der| {
            let at = der.windows(HOST.len()).position(|part| part == HOST.as_bytes());
            // The alternative name was another when it was signed.
            der[at.unwrap()] = b'W';
            der
        })
        .bad("A letter of the name was changed after signing, one that names ignore."),
        pki.leaf("keys::broken", |leaf| leaf.with(|leaf| leaf.public = Some(no_rsa_key())))
            .bad("An RSA key without a number."),
        pki.middle("keys::broken-of-intermediate", |middle| middle.with(|middle| middle.public = Some(no_rsa_key())))
            .bad("The same in the intermediate."),
        Pki::root("keys::algorithms-differ-in-root", |root| {
            root.with(|root| root.algorithm = Some(sequence(&[oid(SHA384)])))
        })
        .bad("The root's algorithm inside is not the one outside."),
        pki.middle("keys::algorithms-differ-in-intermediate", |middle| {
            middle.with(|middle| middle.algorithm = Some(sequence(&[oid(SHA384)])))
        })
        .bad("The same in the intermediate."),
        relabelled(&pki, "keys::relabelled-sha1", SHA1).bad("A signature that calls itself SHA-1."),
        relabelled(&pki, "keys::relabelled-unknown", "1.3.6.1.4.1.55555.2").bad("One of an unknown algorithm."),
        empty_signature(&pki),
    ]
}

fn authority_with(id: &str, key: &std::sync::Arc<Key>) -> Draft {
    let root = Certificate::authority("root").with_key(key).self_signed();
    Draft::new(id, &[&root], &[], &server().signed_by(&root))
}

/// Both algorithms are changed, the signature is not.
fn relabelled(pki: &Pki, id: &str, algorithm: &str) -> Draft {
    let new = sequence(&[oid(algorithm)]);
    let leaf = server().with(|leaf| leaf.algorithm = Some(new.clone())).signed_by(&pki.middle);
    let (tbs, signature) = parts(&leaf.der);
    let der = sequence(&[tbs, new, signature]);
    pki.draft(id, &Made { der, ..leaf })
}

/// The public key of RSA, with nothing in it.
fn no_rsa_key() -> Vec<u8> {
    sequence(&[sequence(&[&oid("1.2.840.113549.1.1.1")[..], &[5, 0]]), bits(&[])])
}

fn empty_signature(pki: &Pki) -> Case {
    let leaf = server().signed_by(&pki.middle);
    let (tbs, _) = parts(&leaf.der);
    let der = sequence(&[&tbs[..], pki.middle.key.algorithm(), &bits(&[])]);
    pki.draft("keys::no-signature", &Made { der, ..leaf }).bad("The signature is empty.")
}

/// What is signed, and the signature, both with their tags.
fn parts(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let whole = element(der);
    let inside = &der[whole.0..whole.1];
    let (_, tbs) = element(inside);
    let (_, algorithm) = element(&inside[tbs..]);
    (inside[..tbs].to_vec(), inside[tbs + algorithm..].to_vec())
}

/// Where the content of the first element begins and ends.
fn element(der: &[u8]) -> (usize, usize) {
    match der[1] {
        short @ 0..=0x7F => (2, 2 + usize::from(short)),
        long => {
            let count = usize::from(long & 0x7F);
            let length = der[2..2 + count].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            (2 + count, 2 + count + length)
        }
    }
}

/// Those that need RSA or broken digests, by the `openssl` command. A certificate begins when it is made, so they are
/// verified as of now.
pub fn made_by_openssl() -> Vec<Case> {
    let pki = OpensslPki::new();
    let root = std::fs::read_to_string(pki.path("root.pem")).unwrap();
    let case = |id: &str, words: &str, expected, key: &str, digest: &str, extensions: &str| {
        let names = format!("subjectAltName=DNS:{HOST}\nextendedKeyUsage=serverAuth\n{extensions}");
        let pair = pki.issue_with(key, digest, &names);
        Case {
            id: id.to_owned(),
            conflicts_with: Vec::new(),
            features: Vec::new(),
            importance: "undetermined".to_owned(),
            description: words.to_owned(),
            validation_kind: Kind::Server,
            trusted_certs: vec![root.clone()],
            untrusted_intermediates: Vec::new(),
            peer_certificate: der_to_pem("CERTIFICATE", &pair.der),
            peer_certificate_key: Some(pair.key),
            validation_time: None,
            signature_algorithms: Vec::new(),
            key_usage: Vec::new(),
            extended_key_usage: vec!["serverAuth".to_owned()],
            expected_result: expected,
            expected_peer_name: Some(PeerName { kind: "DNS".to_owned(), value: HOST.to_owned() }),
            expected_peer_names: Vec::new(),
            max_chain_depth: None,
            crls: Vec::new(),
        }
    };
    let (good, bad) = (Expected::Success, Expected::Failure);
    vec![
        case("rsa::2048", "RSA of 2048 bits.", good, "rsa:2048", "-sha256", ""),
        case("rsa::sha384", "Signed with SHA-384.", good, "rsa:2048", "-sha384", ""),
        case("rsa::sha512", "Signed with SHA-512.", good, "rsa:2048", "-sha512", ""),
        case("rsa::sha1", "Signed with SHA-1.", bad, "rsa:2048", "-sha1", ""),
        case("rsa::md5", "Signed with MD5.", bad, "rsa:2048", "-md5", ""),
        case("rsa::512", "RSA of 512 bits.", bad, "rsa:512", "-sha256", ""),
        case(
            "rsa::authority",
            "It says that it is an authority.",
            good,
            "rsa:2048",
            "-sha256",
            "basicConstraints=CA:TRUE\n",
        ),
    ]
}
