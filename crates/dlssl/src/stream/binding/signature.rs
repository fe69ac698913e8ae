//! The digest that a certificate was signed with, out of its DER.

/// Digests of signatures, as `tls-server-end-point` takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    /// Also in the place of MD5 and SHA-1 (RFC 5929, section 4.1).
    Sha256,
    Sha224,
    Sha384,
    Sha512,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

impl Digest {
    /// The library's name for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha224 => "SHA224",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
            Self::Sha3_224 => "SHA3-224",
            Self::Sha3_256 => "SHA3-256",
            Self::Sha3_384 => "SHA3-384",
            Self::Sha3_512 => "SHA3-512",
        }
    }
}

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const CONTEXT_0: u8 = 0xA0;

/// RSASSA-PSS: the digest is in its parameters.
const RSASSA_PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 10];
/// PKCS #1 (RFC 8017): signatures of RSA.
const PKCS1: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1];
/// Signatures of ECDSA with SHA-2 (RFC 5758).
const ECDSA_SHA2: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3];
/// ECDSA with SHA-1.
const ECDSA_SHA1: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 1];
/// DSA with SHA-1.
const DSA_SHA1: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x38, 4, 3];
/// SHA-1 itself.
const SHA1: &[u8] = &[0x2B, 14, 3, 2, 26];
/// MD5 itself.
const MD5: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 2, 5];
/// Digests of NIST.
const NIST_DIGESTS: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2];
/// Signatures of NIST: DSA with SHA-2; ECDSA and RSA with SHA-3.
const NIST_SIGNATURES: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3];

/// One element of DER: its tag, what is in it, and what comes after.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x84 => {
            let (len, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            (len.iter().try_fold(0usize, |len, byte| Some(len.checked_mul(256)? + usize::from(*byte)))?, rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(len)?;
    Some((tag, content, after))
}

/// The content of the first element, which must have this tag, and what comes after it.
fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, after)| (content, after))
}

/// The digest for a certificate in DER; `None` where its signature has none of its own, or an unknown one.
pub(super) fn digest(certificate: &[u8]) -> Option<Digest> {
    let (certificate, _) = expect(SEQUENCE, certificate)?;
    let (_, after) = expect(SEQUENCE, certificate)?;
    let (algorithm, _) = expect(SEQUENCE, after)?;
    let (identifier, parameters) = expect(OBJECT_IDENTIFIER, algorithm)?;
    if identifier == RSASSA_PSS { pss(parameters) } else { of_signature(identifier) }
}

fn of_signature(identifier: &[u8]) -> Option<Digest> {
    let (&last, family) = identifier.split_last()?;
    match (family, last) {
        // MD5 and SHA-1 with RSA.
        (PKCS1, 4 | 5 | 11) | (ECDSA_SHA2 | NIST_SIGNATURES, 2) => Some(Digest::Sha256),
        (PKCS1, 12) | (ECDSA_SHA2 | NIST_SIGNATURES, 3) => Some(Digest::Sha384),
        (PKCS1, 13) | (ECDSA_SHA2 | NIST_SIGNATURES, 4) => Some(Digest::Sha512),
        (PKCS1, 14) | (ECDSA_SHA2 | NIST_SIGNATURES, 1) => Some(Digest::Sha224),
        (NIST_SIGNATURES, 5 | 9 | 13) => Some(Digest::Sha3_224),
        (NIST_SIGNATURES, 6 | 10 | 14) => Some(Digest::Sha3_256),
        (NIST_SIGNATURES, 7 | 11 | 15) => Some(Digest::Sha3_384),
        (NIST_SIGNATURES, 8 | 12 | 16) => Some(Digest::Sha3_512),
        _ if identifier == ECDSA_SHA1 || identifier == DSA_SHA1 => Some(Digest::Sha256),
        _ => None,
    }
}

/// The digest in RSASSA-PSS's parameters: SHA-1 when none is named.
fn pss(parameters: &[u8]) -> Option<Digest> {
    let (parameters, _) = expect(SEQUENCE, parameters)?;
    let Some((named, _)) = expect(CONTEXT_0, parameters) else { return Some(Digest::Sha256) };
    let (algorithm, _) = expect(SEQUENCE, named)?;
    let (identifier, _) = expect(OBJECT_IDENTIFIER, algorithm)?;
    if identifier == SHA1 || identifier == MD5 {
        return Some(Digest::Sha256);
    }
    match identifier.strip_prefix(NIST_DIGESTS)? {
        [1] => Some(Digest::Sha256),
        [2] => Some(Digest::Sha384),
        [3] => Some(Digest::Sha512),
        [4] => Some(Digest::Sha224),
        [7] => Some(Digest::Sha3_224),
        [8] => Some(Digest::Sha3_256),
        [9] => Some(Digest::Sha3_384),
        [10] => Some(Digest::Sha3_512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        if content.len() < 0x80 {
            out.push(content.len() as u8);
        } else {
            out.extend([0x82, (content.len() >> 8) as u8, content.len() as u8]);
        }
        out.extend_from_slice(content);
        out
    }

    /// A certificate as far as its signature's algorithm counts.
    fn signed_by(identifier: &[u8], parameters: &[u8]) -> Vec<u8> {
        let algorithm = [wrap(OBJECT_IDENTIFIER, identifier), parameters.to_vec()].concat();
        let parts = [wrap(SEQUENCE, &[7; 300]), wrap(SEQUENCE, &algorithm), wrap(3, &[0; 64])].concat();
        wrap(SEQUENCE, &parts)
    }

    fn pss_with(digest: &[u8]) -> Vec<u8> {
        let algorithm = wrap(SEQUENCE, &wrap(OBJECT_IDENTIFIER, digest));
        signed_by(RSASSA_PSS, &wrap(SEQUENCE, &wrap(CONTEXT_0, &algorithm)))
    }

    #[test]
    fn digests_of_signatures() {
        for (last, expected) in [(5, Digest::Sha256), (11, Digest::Sha256), (12, Digest::Sha384), (13, Digest::Sha512)]
        {
            assert_eq!(digest(&signed_by(&[PKCS1, &[last]].concat(), &[5, 0])), Some(expected), "RSA {last}");
        }
        assert_eq!(digest(&signed_by(&[ECDSA_SHA2, &[3]].concat(), &[])), Some(Digest::Sha384));
        assert_eq!(digest(&signed_by(ECDSA_SHA1, &[])), Some(Digest::Sha256));
        // Ed25519.
        assert_eq!(digest(&signed_by(&[0x2B, 0x65, 0x70], &[])), None);
    }

    #[test]
    fn digests_of_rsassa_pss() {
        assert_eq!(digest(&signed_by(RSASSA_PSS, &wrap(SEQUENCE, &[]))), Some(Digest::Sha256));
        assert_eq!(digest(&pss_with(SHA1)), Some(Digest::Sha256));
        assert_eq!(digest(&pss_with(&[NIST_DIGESTS, &[3]].concat())), Some(Digest::Sha512));
        assert_eq!(digest(&pss_with(&[NIST_DIGESTS, &[99]].concat())), None);
        assert_eq!(digest(&signed_by(RSASSA_PSS, &[])), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = digest(&bytes);
        }

        #[test]
        fn what_is_cut_short_is_no_certificate(cut in 0usize..300) {
            let whole = pss_with(SHA1);
            prop_assume!(cut < 300);
            prop_assert_eq!(digest(&whole[..cut]), None);
        }
    }
}
