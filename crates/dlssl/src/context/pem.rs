//! PEM: read in Rust (so no file handle of C's is needed), parsed by the library, and counted, so that a truncated
//! text is an error and not a shorter list.

use std::borrow::Cow;

use dlssl_core::Library;

use crate::config::Source;
use crate::error::{Error, ErrorKind};
use crate::raw::{Certificate, MemBuf, PrivateKey};

/// Reads every certificate; at least one.
///
/// # Errors
/// [`ErrorKind::Io`] when the file cannot be read, [`ErrorKind::Pem`] when it holds no certificate, a broken one, or
/// is cut short.
pub(super) fn certificates(library: &Library, source: &Source) -> Result<Vec<Certificate>, Error> {
    let bytes = bytes(source)?;
    let broken = |detail: String| Error::new(ErrorKind::Pem, format!("{} holds {detail}", source.describe()));
    let begun = begun(&bytes);
    if begun.certificates == 0 {
        return Err(broken(format!(
            "no certificate in PEM (-----BEGIN CERTIFICATE-----){}",
            if begun.cut_short { "; it is cut short" } else { "" }
        )));
    }
    let mut text = MemBuf::holding(library, &bytes)
        .map_err(|queue| Error::new(ErrorKind::Library, "out of memory").with_queue(queue))?;
    let mut found = Vec::new();
    loop {
        match Certificate::next_pem(&mut text) {
            Ok(Some(certificate)) => found.push(certificate),
            Ok(None) => break,
            Err(queue) => {
                let which = format!("a broken certificate (number {} of {})", found.len() + 1, begun.certificates);
                return Err(broken(which).with_queue(queue));
            }
        }
    }
    if found.len() != begun.certificates || begun.cut_short {
        return Err(broken(format!(
            "{} certificates that begin and {} that are whole; it is cut short or damaged",
            begun.certificates + usize::from(begun.cut_short),
            found.len()
        )));
    }
    Ok(found)
}

/// Reads the private key.
///
/// # Errors
/// As for [`certificates`]; [`ErrorKind::Password`] for an encrypted key without the right password, which is asked for
/// only then.
pub(super) fn private_key(
    library: &Library,
    source: &Source,
    password: &dyn Fn() -> Option<Vec<u8>>,
) -> Result<PrivateKey, Error> {
    let bytes = bytes(source)?;
    let broken = |detail: &str| Error::new(ErrorKind::Pem, format!("{} {detail}", source.describe()));
    let kind = key_kind(&bytes).ok_or_else(|| broken("holds no private key in PEM (-----BEGIN … PRIVATE KEY-----)"))?;
    let mut text = MemBuf::holding(library, &bytes)
        .map_err(|queue| Error::new(ErrorKind::Library, "out of memory").with_queue(queue))?;
    let password = if kind == KeyKind::Encrypted {
        let words = format!("{} holds an encrypted private key, and there is no password", source.describe());
        Some(password().ok_or_else(|| Error::new(ErrorKind::Password, words))?)
    } else {
        None
    };
    match (PrivateKey::from_pem(&mut text, password.as_deref()), kind) {
        (Ok(Some(key)), _) => Ok(key),
        (Err(queue), KeyKind::Encrypted) => {
            let words = format!("the password of the private key in {} is wrong", source.describe());
            Err(Error::new(ErrorKind::Password, words).with_queue(queue))
        }
        (Ok(None), _) => Err(broken("holds a private key that cannot be read")),
        (Err(queue), _) => Err(broken("holds a broken private key").with_queue(queue)),
    }
}

pub(super) fn bytes(source: &Source) -> Result<Cow<'_, [u8]>, Error> {
    match source {
        Source::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        Source::File(path) => match std::fs::read(path) {
            Ok(bytes) => Ok(Cow::Owned(bytes)),
            Err(error) => Err(Error::new(ErrorKind::Io, format!("cannot read {}", path.display())).with_io(error)),
        },
    }
}

/// What begins in a PEM text.
#[derive(Debug, PartialEq, Eq)]
struct Begun {
    certificates: usize,
    /// The text ends inside a line that begins something.
    cut_short: bool,
}

const BEGIN: &str = "-----BEGIN ";

/// Lines of a text, as text.
fn lines(bytes: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    bytes.split(|byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line.trim_ascii_end()))
}

fn begun(bytes: &[u8]) -> Begun {
    let mut certificates = 0;
    let mut cut_short = false;
    for line in lines(bytes) {
        let Some(label) = line.strip_prefix(BEGIN) else {
            cut_short = line.len() > 4 && BEGIN.starts_with(&*line);
            continue;
        };
        match label.strip_suffix("-----") {
            Some("CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE") => certificates += 1,
            Some(_) => {}
            None => cut_short = true,
        }
    }
    Begun { certificates, cut_short }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyKind {
    Plain,
    Encrypted,
}

fn key_kind(bytes: &[u8]) -> Option<KeyKind> {
    let mut kind = None;
    for line in lines(bytes) {
        if let Some(label) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix("-----")) {
            match label {
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
        assert_eq!(begun(text), Begun { certificates: 1, cut_short: false });
        assert_eq!(begun(b"-----BEGIN CERTIF"), Begun { certificates: 0, cut_short: true });
        assert_eq!(begun(b"x\n-----BEG"), Begun { certificates: 0, cut_short: true });
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
