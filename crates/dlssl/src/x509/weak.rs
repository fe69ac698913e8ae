//! Keys and signatures that are too weak, judged by us so that it is the same on every library.

use super::der::SEQUENCE;
use super::parse::{Algorithm, Parts};
use super::public_key::kind;
use super::{Certificate, Malformed, alt_name};

/// Object identifiers of algorithms whose digest is broken (MD2, MD4, MD5, SHA-1): a signature by them proves nothing.
const BROKEN: [&[u8]; 12] = [
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 13, 1, 1, 2], // 1.2.840.113549.1.1.2, md2WithRSAEncryption
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 13, 1, 1, 3], // 1.2.840.113549.1.1.3, md4WithRSAEncryption
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 13, 1, 1, 4], // 1.2.840.113549.1.1.4, md5WithRSAEncryption
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 13, 1, 1, 5], // 1.2.840.113549.1.1.5, sha1WithRSAEncryption
    &[0x2A, 0x86, 0x48, 0xCE, 0x38, 4, 3],        // 1.2.840.10040.4.3, dsa-with-sha1
    &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 1],        // 1.2.840.10045.4.1, ecdsa-with-SHA1
    &[0x2B, 14, 3, 2, 3],                         // 1.3.14.3.2.3, md5WithRSA, as OIW numbered it
    &[0x2B, 14, 3, 2, 13],                        // 1.3.14.3.2.13, dsaWithSHA
    &[0x2B, 14, 3, 2, 15],                        // 1.3.14.3.2.15, shaWithRSA
    &[0x2B, 14, 3, 2, 27],                        // 1.3.14.3.2.27, dsaWithSHA1
    &[0x2B, 14, 3, 2, 28],                        // 1.3.14.3.2.28, dsaWithSHA1, another one
    &[0x2B, 14, 3, 2, 29],                        // 1.3.14.3.2.29, sha1WithRSA
];
/// 1.2.840.113549.1.1.10
const PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 13, 1, 1, 10];
const BROKEN_DIGESTS: [&[u8]; 4] = [
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 13, 2, 2], // 1.2.840.113549.2.2
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 13, 2, 4], // 1.2.840.113549.2.4
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 13, 2, 5], // 1.2.840.113549.2.5
    &[0x2B, 14, 3, 2, 26],                     // 1.3.14.3.2.26
];

/// What is too weak in a verified chain (own certificate first, trusted one last), and at which depth. A root's own
/// signature proves nothing anyway.
pub(crate) fn in_chain(chain: &[Certificate]) -> Option<(usize, &'static str)> {
    let last = chain.len().saturating_sub(1);
    chain.iter().enumerate().find_map(|(depth, certificate)| Some((depth, fault(certificate, depth < last)?)))
}

/// Whether a certificate has a host name among its alternative names; without one, libraries look at the subject.
pub(crate) fn has_dns_name(certificate: &Certificate) -> bool {
    let value = Parts::parse(certificate.der()).and_then(|parts| parts.extension(alt_name::EXTENSION));
    value.is_ok_and(|value| value.is_some_and(alt_name::holds_dns))
}

fn fault(certificate: &Certificate, check_signature: bool) -> Option<&'static str> {
    let Ok(parts) = Parts::parse(certificate.der()) else { return Some("malformed certificate") };
    let Ok(kind) = kind(parts.key.whole) else { return Some("malformed public key") };
    if certificate.raw().key_bits().is_some_and(|bits| bits < kind.least_bits()) {
        return Some("public key too weak");
    }
    if !check_signature {
        return None;
    }
    match is_broken(parts.signature) {
        Ok(false) => None,
        Ok(true) => Some("signature digest too weak"),
        Err(_) => Some("malformed signature algorithm"),
    }
}

fn is_broken(mut algorithm: Algorithm<'_>) -> Result<bool, Malformed> {
    if algorithm.oid != PSS {
        return Ok(BROKEN.contains(&algorithm.oid));
    }
    // The digest stands in the parameters; SHA-1 where it does not.
    let mut parameters = algorithm.parameters.expect(SEQUENCE)?.inside();
    let Some(digest) = parameters.optional(0xA0)? else { return Ok(true) };
    let digest = Algorithm::parse(digest.inside().expect(SEQUENCE)?.inside())?;
    Ok(BROKEN_DIGESTS.contains(&digest.oid))
}

#[cfg(test)]
mod tests {
    use super::super::der::{Reader, dotted};
    use super::*;

    fn broken(inside: &[u8]) -> Result<bool, Malformed> {
        is_broken(Algorithm::parse(Reader::new(inside))?)
    }

    #[test]
    fn the_lists_are_these() {
        let written = |list: &[&[u8]]| list.iter().map(|oid| dotted(oid).unwrap()).collect::<Vec<_>>().join(" ");
        assert_eq!(
            written(&BROKEN),
            "1.2.840.113549.1.1.2 1.2.840.113549.1.1.3 1.2.840.113549.1.1.4 1.2.840.113549.1.1.5 1.2.840.10040.4.3 \
             1.2.840.10045.4.1 1.3.14.3.2.3 1.3.14.3.2.13 1.3.14.3.2.15 1.3.14.3.2.27 1.3.14.3.2.28 1.3.14.3.2.29"
        );
        assert_eq!(written(&BROKEN_DIGESTS), "1.2.840.113549.2.2 1.2.840.113549.2.4 1.2.840.113549.2.5 1.3.14.3.2.26");
        assert_eq!(dotted(PSS).unwrap(), "1.2.840.113549.1.1.10");
    }

    #[test]
    fn digests_are_judged() {
        const RSA: [u8; 10] = [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1];
        let rsa = |last: u8, rest: &[u8]| [&RSA[..], &[last], rest].concat();
        assert!(broken(&rsa(5, &[5, 0])).unwrap() && broken(&rsa(4, &[5, 0])).unwrap());
        assert!(!broken(&rsa(11, &[5, 0])).unwrap());
        // PSS without parameters is SHA-1; with SHA-256 it is good.
        assert!(broken(&rsa(10, &[0x30, 0])).unwrap());
        let sha256 = [0x30, 15, 0xA0, 13, 0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
        assert!(!broken(&rsa(10, &sha256)).unwrap());
        let sha1 = [0x30, 11, 0xA0, 9, 0x30, 7, 6, 5, 0x2B, 14, 3, 2, 0x1A];
        assert!(broken(&rsa(10, &sha1)).unwrap());
        assert!(broken(&rsa(10, &[])).is_err());
    }
}
