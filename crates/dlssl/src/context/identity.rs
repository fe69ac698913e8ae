//! From an identity to certificates and a key: PEM, DER, PKCS#12, with or without a password.

use dlssl_core::{ErrorStack, Library};

use crate::config::Identity;
use crate::config::identity::Form;
use crate::error::{Error, ErrorKind};
use crate::raw::{Certificate, Pkcs12Failure, PrivateKey, parse_pkcs12};
use crate::x509::{Password, issuer_der, pem, subject_der};

/// What a context shows.
pub(super) struct Loaded {
    /// The own certificate.
    pub(super) own: Certificate,
    /// Its issuers, nearest first.
    pub(super) issuers: Vec<Certificate>,
    pub(super) key: PrivateKey,
    /// Where the key comes from, for errors.
    pub(super) key_source: String,
}

/// Reads an identity.
///
/// # Errors
/// [`ErrorKind::Io`] for files, [`ErrorKind::Pem`] for what cannot be read, [`ErrorKind::Password`].
pub(super) fn load(library: &Library, identity: &Identity) -> Result<Loaded, Error> {
    let broken = |what: &str| Error::new(ErrorKind::Pem, what);
    match &identity.form {
        Form::Pem { chain, key } => {
            let mut certificates = pem::certificates(library, chain)?.into_iter();
            let own = certificates.next().ok_or_else(|| broken("the chain is empty"))?;
            let private = pem::private_key(library, key, identity.password.as_ref())?;
            Ok(Loaded { own, issuers: certificates.collect(), key: private, key_source: key.describe() })
        }
        Form::Der { chain, key } => {
            let read = |der: &Vec<u8>| {
                Certificate::from_der(library, der).map_err(|queue| broken("a certificate is no DER").with_queue(queue))
            };
            let mut certificates = chain.iter().map(read).collect::<Result<Vec<_>, _>>()?.into_iter();
            let own = certificates.next().ok_or_else(|| broken("the chain is empty"))?;
            let key = pem::der_key(library, key, identity.password.as_ref())?;
            Ok(Loaded { own, issuers: certificates.collect(), key, key_source: "the given bytes".into() })
        }
        Form::Pkcs12(source) => {
            let bytes = pem::bytes(source)?;
            let name = source.describe();
            let password = identity.password.as_ref().and_then(Password::get).unwrap_or_default();
            let parsed = parse_pkcs12(library, &bytes, &password).map_err(|failure| match failure {
                Pkcs12Failure::Broken(queue) => broken(&format!("{name} is no PKCS#12 file")).with_queue(queue),
                Pkcs12Failure::Password(queue) => {
                    Error::new(ErrorKind::Password, format!("the password of {name} is wrong")).with_queue(queue)
                }
                Pkcs12Failure::Algorithms(queue) => unsupported(&name, queue),
            })?;
            let own = parsed.own.ok_or_else(|| broken(&format!("{name} holds no certificate with a key")))?;
            let key = parsed.key.ok_or_else(|| broken(&format!("{name} holds no private key")))?;
            let issuers = in_order(&own, parsed.others);
            Ok(Loaded { own, issuers, key, key_source: name })
        }
    }
}

fn unsupported(name: &str, queue: ErrorStack) -> Error {
    let words = format!(
        "{name} is encrypted with an algorithm that this library does not have (old files: the legacy provider of \
         OpenSSL 3); write it anew with openssl pkcs12 -export"
    );
    Error::new(ErrorKind::Unsupported, words).with_queue(queue)
}

/// Issuers of a certificate out of a heap, nearest first; versions disagree about the order in which a file gives them.
fn in_order(own: &Certificate, mut heap: Vec<Certificate>) -> Vec<Certificate> {
    let mut chain = Vec::new();
    let subject = |certificate: &Certificate| certificate.der().and_then(|der| subject_der(&der));
    let issuer_of = |certificate: &Certificate| certificate.der().and_then(|der| issuer_der(&der));
    let mut issuer = issuer_of(own);
    while let Some(place) = heap.iter().position(|certificate| issuer.is_some() && subject(certificate) == issuer) {
        let next = heap.swap_remove(place);
        let above = issuer_of(&next);
        chain.push(next);
        if above == issuer {
            break;
        }
        issuer = above;
    }
    chain
}
