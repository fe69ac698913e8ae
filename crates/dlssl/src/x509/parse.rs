//! From DER to the parts of a certificate (RFC 5280, section 4.1), borrowed.

use super::Malformed;
use super::der::{BOOLEAN, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, identifier};

const VERSION: u8 = 0xA0;
const ISSUER_ID: u8 = 0x81;
const SUBJECT_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xA3;

/// Object identifier 2.5.29.19.
pub(super) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 19];

/// Parts of a certificate.
#[derive(Clone, Debug)]
pub(super) struct Parts<'a> {
    pub(super) serial: &'a [u8],
    pub(super) issuer: Element<'a>,
    /// From when to when.
    pub(super) validity: Element<'a>,
    pub(super) subject: Element<'a>,
    /// Public key with its algorithm.
    pub(super) key: Element<'a>,
    /// Algorithm of the issuer's signature.
    pub(super) signature: Algorithm<'a>,
    extensions: Option<Element<'a>>,
}

/// An algorithm with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Algorithm<'a> {
    /// Content of the object identifier.
    pub(super) oid: &'a [u8],
    pub(super) parameters: Reader<'a>,
}

impl<'a> Algorithm<'a> {
    /// Reads what is inside of an AlgorithmIdentifier.
    pub(super) fn parse(mut inside: Reader<'a>) -> Result<Self, Malformed> {
        let oid = identifier(inside.expect(OBJECT_IDENTIFIER)?)?;
        Ok(Self { oid, parameters: inside })
    }
}

impl<'a> Parts<'a> {
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, Malformed> {
        let mut certificate = Reader::new(der).expect(SEQUENCE)?.inside();
        let mut body = certificate.expect(SEQUENCE)?.inside();
        let signature = Algorithm::parse(certificate.expect(SEQUENCE)?.inside())?;
        body.optional(VERSION)?;
        let serial = body.expect(INTEGER)?.content;
        body.expect(SEQUENCE)?; // the algorithm again
        let issuer = body.expect(SEQUENCE)?;
        let validity = body.expect(SEQUENCE)?;
        let subject = body.expect(SEQUENCE)?;
        let key = body.expect(SEQUENCE)?;
        body.optional(ISSUER_ID)?;
        body.optional(SUBJECT_ID)?;
        let extensions = match body.optional(EXTENSIONS)? {
            Some(outer) => Some(outer.inside().expect(SEQUENCE)?),
            None => None,
        };
        Ok(Self { serial, issuer, validity, subject, key, signature, extensions })
    }

    pub(super) fn has_extensions(&self) -> bool {
        self.extensions.is_some()
    }

    /// Each extension in order: content of its object identifier, and what it holds. Nothing comes after an error.
    pub(super) fn extensions(&self) -> impl Iterator<Item = Result<(&'a [u8], Reader<'a>), Malformed>> {
        let mut rest = self.extensions.map_or(Reader::new(&[]), Element::inside);
        let mut failed = false;
        std::iter::from_fn(move || {
            let next = (!failed && !rest.is_at_end()).then(|| one_extension(&mut rest))?;
            failed = next.is_err();
            Some(next)
        })
    }

    /// What an extension holds, by content of its object identifier; `None` when it is not there. One that is there twice is malformed.
    pub(super) fn extension(&self, oid: &[u8]) -> Result<Option<Reader<'a>>, Malformed> {
        let mut found = None;
        for extension in self.extensions() {
            let (id, value) = extension?;
            if id == oid && found.replace(value).is_some() {
                return Err(Malformed("an extension that is there twice"));
            }
        }
        Ok(found)
    }

    /// Whether the certificate says that it may sign others (basic constraints).
    pub(super) fn is_authority(&self) -> Result<bool, Malformed> {
        let Some(mut constraints) = self.extension(BASIC_CONSTRAINTS)? else { return Ok(false) };
        let authority = constraints.expect(SEQUENCE)?.inside().optional(BOOLEAN)?;
        Ok(authority.is_some_and(|flag| flag.content != [0]))
    }
}

fn one_extension<'a>(from: &mut Reader<'a>) -> Result<(&'a [u8], Reader<'a>), Malformed> {
    let mut extension = from.expect(SEQUENCE)?.inside();
    let id = identifier(extension.expect(OBJECT_IDENTIFIER)?)?;
    extension.optional(BOOLEAN)?;
    Ok((id, extension.expect(OCTET_STRING)?.inside()))
}

/// The subject's name in DER.
pub(crate) fn subject_der(certificate: &[u8]) -> Option<Vec<u8>> {
    Some(Parts::parse(certificate).ok()?.subject.whole.to_vec())
}

/// The issuer's name in DER.
pub(crate) fn issuer_der(certificate: &[u8]) -> Option<Vec<u8>> {
    Some(Parts::parse(certificate).ok()?.issuer.whole.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            if let Ok(parts) = Parts::parse(&bytes) {
                let _ = (parts.extension(&[0x55, 0x1D, 17]), parts.is_authority());
            }
        }
    }
}
