//! Certificates, lists and keys out of PEM or DER: read in Rust (so no file handle of C's is needed), parsed by the library,
//! and counted, so that a truncated text is an error and not a shorter list.

use std::borrow::Cow;

use dlssl_core::ffi::constants::{
    ERR_LIB_EVP, ERR_LIB_PEM, ERR_LIB_PROV, EVP_R_DATA_NOT_MULTIPLE_OF_BLOCK_LENGTH, EVP_R_UNKNOWN_CIPHER,
    EVP_R_UNKNOWN_DIGEST, EVP_R_UNKNOWN_PBE_ALGORITHM, EVP_R_UNSUPPORTED_ALGORITHM, EVP_R_UNSUPPORTED_CIPHER,
    EVP_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION, EVP_R_UNSUPPORTED_PRF, EVP_R_UNSUPPORTED_PRIVATE_KEY_ALGORITHM,
    EVP_R_WRONG_FINAL_BLOCK_LENGTH, PEM_R_UNSUPPORTED_ENCRYPTION, PROV_R_WRONG_FINAL_BLOCK_LENGTH,
};
use dlssl_core::{ErrorStack, Library};
use zeroize::Zeroizing;

use super::Password;
use super::der::{INTEGER, Reader, SEQUENCE};
use crate::config::Source;
use crate::error::{Error, ErrorKind};
use crate::raw::{Answer, Certificate, Crl, MemBuf, PrivateKey};

/// Reads every certificate; at least one.
///
/// # Errors
/// [`ErrorKind::Io`] when the file cannot be read, [`ErrorKind::Pem`] when it holds no certificate, a broken one, or
/// is cut short.
pub(crate) fn certificates(library: &Library, source: &Source) -> Result<Vec<Certificate>, Error> {
    let bytes = bytes(source)?;
    let broken = |detail: String| Error::new(ErrorKind::Pem, format!("{} holds {detail}", source.describe()));
    if is_der(&bytes) {
        return Ok(vec![der_certificate(library, &bytes).map_err(|error| error.named(&source.describe()))?]);
    }
    let begun = begun(&bytes);
    if begun.trusted {
        // OpenSSL passes over them here, and the conditions they carry are not kept alike by all versions.
        return Err(broken(
            "a TRUSTED CERTIFICATE, a form of OpenSSL's own; `openssl x509` makes a plain one of it".to_owned(),
        ));
    }
    if begun.certificates == 0 {
        return Err(broken(format!(
            "no certificate, neither in PEM (-----BEGIN CERTIFICATE-----) nor in DER{}",
            if begun.cut_short { "; it is cut short" } else { "" }
        )));
    }
    let found = each(library, &bytes, Certificate::next_pem).map_err(|(whole, queue)| {
        let which = format!("a broken certificate (number {} of {})", whole + 1, begun.certificates);
        broken(which).with_queue(queue)
    })?;
    check_count(&found, begun.certificates, begun.cut_short, "certificates").map_err(broken)?;
    Ok(found)
}

/// Reads every certificate revocation list; at least one.
///
/// # Errors
/// As for [`certificates`].
pub(crate) fn crls(library: &Library, source: &Source) -> Result<Vec<Crl>, Error> {
    let bytes = bytes(source)?;
    let broken = |detail: String| Error::new(ErrorKind::Pem, format!("{} holds {detail}", source.describe()));
    if is_der(&bytes) {
        let list = Crl::from_der(library, &bytes).map_err(|queue| broken("a broken list".into()).with_queue(queue))?;
        return Ok(vec![list]);
    }
    let begun = begun(&bytes);
    if begun.crls == 0 {
        return Err(broken("no revocation list, neither in PEM (-----BEGIN X509 CRL-----) nor in DER".to_owned()));
    }
    let found = each(library, &bytes, Crl::next_pem).map_err(|(whole, queue)| {
        broken(format!("a broken revocation list (number {} of {})", whole + 1, begun.crls)).with_queue(queue)
    })?;
    check_count(&found, begun.crls, begun.cut_short, "revocation lists").map_err(broken)?;
    Ok(found)
}

/// Reads until no more begins; on a failure how many were whole.
fn each<T>(
    library: &Library,
    bytes: &[u8],
    next: impl Fn(&mut MemBuf) -> Result<Option<T>, ErrorStack>,
) -> Result<Vec<T>, (usize, ErrorStack)> {
    let mut found = Vec::new();
    let mut text = MemBuf::holding(library, bytes).map_err(|queue| (0, queue))?;
    loop {
        match next(&mut text) {
            Ok(Some(one)) => found.push(one),
            Ok(None) => return Ok(found),
            Err(queue) => return Err((found.len(), queue)),
        }
    }
}

fn check_count<T>(found: &[T], begun: usize, cut_short: bool, what: &str) -> Result<(), String> {
    if found.len() == begun && !cut_short {
        return Ok(());
    }
    let (begun, whole) = (begun + usize::from(cut_short), found.len());
    Err(format!("{begun} {what} that begin and {whole} that are whole; it is cut short or damaged"))
}

/// Reads one certificate in DER.
pub(super) fn der_certificate(library: &Library, der: &[u8]) -> Result<Certificate, Error> {
    Certificate::from_der(library, der)
        .map_err(|queue| Error::new(ErrorKind::Pem, "a broken certificate in DER").with_queue(queue))
}

/// Reads the private key.
///
/// # Errors
/// As for [`certificates`]; [`ErrorKind::Password`] when it is encrypted and the password is missing or wrong.
pub(crate) fn private_key(
    library: &Library,
    source: &Source,
    password: Option<&Password>,
) -> Result<PrivateKey, Error> {
    let bytes = bytes(source)?;
    if is_der(&bytes) {
        return der_key(library, &bytes, password).map_err(|error| error.named(&source.describe()));
    }
    let broken = |detail: &str| Error::new(ErrorKind::Pem, format!("{} {detail}", source.describe()));
    let kind = key_kind(&bytes).ok_or_else(|| broken("holds no private key, neither in PEM nor in DER"))?;
    let mut text = MemBuf::holding(library, &bytes).map_err(out_of_memory)?;
    let (outcome, answer) = PrivateKey::from_pem(&mut text, password);
    outcome.map_err(|queue| judge(kind, answer, queue).named(&source.describe()))
}

/// Reads a private key in DER.
pub(crate) fn der_key(library: &Library, der: &[u8], password: Option<&Password>) -> Result<PrivateKey, Error> {
    // PKCS#8 and the older forms begin with a version; encrypted ones with the algorithm.
    let first = Reader::new(der).expect(SEQUENCE).ok().and_then(|key| key.inside().peek());
    let (kind, (outcome, answer)) = match first {
        Some(INTEGER) => (KeyKind::Plain, (PrivateKey::from_der(library, der), Answer::default())),
        Some(SEQUENCE) => (KeyKind::Encrypted, PrivateKey::from_encrypted_der(library, der, password)),
        _ => return Err(Error::new(ErrorKind::Pem, "no private key in DER")),
    };
    outcome.map_err(|queue| judge(kind, answer, queue))
}

fn out_of_memory(queue: ErrorStack) -> Error {
    Error::new(ErrorKind::Library, "out of memory").with_queue(queue)
}

/// Says why a key was not read: the password's fault, the file's, or the library's.
fn judge(kind: KeyKind, answer: Answer, queue: ErrorStack) -> Error {
    let (kind, words) = match (kind, answer) {
        (KeyKind::Plain, _) => (ErrorKind::Pem, "a broken private key"),
        (_, Answer { too_long: true, .. }) => (ErrorKind::Password, "the password is longer than the library takes"),
        (_, Answer { asked: true, given: false, .. }) => {
            (ErrorKind::Password, "the private key is encrypted, and no password was given")
        }
        _ if lacks_algorithm(&queue) => {
            (ErrorKind::Unsupported, "the library does not know the private key's encryption")
        }
        (_, Answer { asked: true, .. }) if !is_cut(&queue) => {
            (ErrorKind::Password, "wrong password for the private key")
        }
        _ => (ErrorKind::Pem, "a broken encrypted private key"),
    };
    Error::new(kind, words).with_queue(queue)
}

/// Whether the queue says that an algorithm is unknown.
fn lacks_algorithm(queue: &ErrorStack) -> bool {
    const REASONS: [i32; 8] = [
        EVP_R_UNSUPPORTED_CIPHER,
        EVP_R_UNSUPPORTED_PRIVATE_KEY_ALGORITHM,
        EVP_R_UNKNOWN_PBE_ALGORITHM,
        EVP_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION,
        EVP_R_UNSUPPORTED_PRF,
        EVP_R_UNSUPPORTED_ALGORITHM,
        EVP_R_UNKNOWN_CIPHER,
        EVP_R_UNKNOWN_DIGEST,
    ];
    // OpenSSL 3 says "unsupported" of an algorithm that no provider has.
    let of_evp = |reason: i32, text: Option<&str>| REASONS.contains(&reason) || text == Some("unsupported");
    queue.has(ERR_LIB_PEM, PEM_R_UNSUPPORTED_ENCRYPTION)
        || queue
            .entries()
            .iter()
            .any(|entry| entry.library_number() == ERR_LIB_EVP && of_evp(entry.reason_number(), entry.reason()))
}

/// Whether the encrypted part has a length that no password could have made.
fn is_cut(queue: &ErrorStack) -> bool {
    queue.has(ERR_LIB_EVP, EVP_R_WRONG_FINAL_BLOCK_LENGTH)
        || queue.has(ERR_LIB_EVP, EVP_R_DATA_NOT_MULTIPLE_OF_BLOCK_LENGTH)
        || queue.has(ERR_LIB_PROV, PROV_R_WRONG_FINAL_BLOCK_LENGTH)
}

/// Whether the bytes are one element of DER, whole: PEM may have any words before it, but not these.
fn is_der(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    reader.expect(SEQUENCE).is_ok() && reader.is_at_end()
}

pub(crate) fn bytes(source: &Source) -> Result<Cow<'_, Zeroizing<Vec<u8>>>, Error> {
    match source {
        Source::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        Source::File(path) => match std::fs::read(path) {
            Ok(bytes) => Ok(Cow::Owned(Zeroizing::new(bytes))),
            Err(error) => Err(Error::new(ErrorKind::Io, format!("cannot read {}", path.display())).with_io(error)),
        },
    }
}

/// What begins in a PEM text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Begun {
    certificates: usize,
    crls: usize,
    /// One of them is a `TRUSTED CERTIFICATE`.
    trusted: bool,
    /// The text ends inside a line that begins something.
    cut_short: bool,
}

const BEGIN: &str = "-----BEGIN ";

/// Lines of a text, as text.
fn lines(bytes: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    bytes.split(|byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line.trim_ascii_end()))
}

fn begun(bytes: &[u8]) -> Begun {
    let mut begun = Begun::default();
    for line in lines(bytes) {
        let Some(label) = line.strip_prefix(BEGIN) else {
            begun.cut_short = line.len() > 4 && BEGIN.starts_with(&*line);
            continue;
        };
        match label.strip_suffix("-----") {
            Some("CERTIFICATE" | "X509 CERTIFICATE") => begun.certificates += 1,
            Some("TRUSTED CERTIFICATE") => begun.trusted = true,
            Some("X509 CRL") => begun.crls += 1,
            Some(_) => {}
            None => begun.cut_short = true,
        }
    }
    begun
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyKind {
    Plain,
    Encrypted,
}

/// How the first private key of a text is kept.
fn key_kind(bytes: &[u8]) -> Option<KeyKind> {
    let mut kind = None;
    for line in lines(bytes) {
        if let Some(label) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix("-----")) {
            match label {
                _ if kind.is_some() => return kind,
                "ENCRYPTED PRIVATE KEY" => return Some(KeyKind::Encrypted),
                label if label.ends_with("PRIVATE KEY") => kind = Some(KeyKind::Plain),
                _ => {}
            }
        } else if kind.is_some() && line.starts_with("Proc-Type:") && line.contains("ENCRYPTED") {
            return Some(KeyKind::Encrypted);
        }
    }
    kind
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_what_begins() {
        let text =
            b"# bag\n-----BEGIN CERTIFICATE-----\r\nAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n";
        assert_eq!(begun(text), Begun { certificates: 1, ..Begun::default() });
        let cut_short = Begun { cut_short: true, ..Begun::default() };
        assert_eq!(begun(b"-----BEGIN CERTIF"), cut_short);
        assert_eq!(begun(b"x\n-----BEG"), cut_short);
        let text = b"-----BEGIN X509 CRL-----\n-----BEGIN TRUSTED CERTIFICATE-----\n";
        assert_eq!(begun(text), Begun { crls: 1, trusted: true, ..Begun::default() });
    }

    #[test]
    fn tells_encrypted_keys() {
        assert_eq!(key_kind(b"-----BEGIN EC PRIVATE KEY-----\nAA"), Some(KeyKind::Plain));
        assert_eq!(key_kind(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA"), Some(KeyKind::Encrypted));
        assert_eq!(
            key_kind(b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n"),
            Some(KeyKind::Encrypted)
        );
        assert_eq!(key_kind(b"-----BEGIN CERTIFICATE-----\n"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (begun(&bytes), key_kind(&bytes));
        }
    }
}
