//! `Certificate`: one certificate, parsed by the library, and what it says.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use dlssl_core::Library;
use dlssl_core::compat::verify::ignores_subjects;
use dlssl_core::ffi::X509;

use super::parse::Parts;
use super::{AltName, Digest, Malformed, Name, PublicKey, Validity, alt_name, der, pem, weak};
use crate::config::Source;
use crate::error::{Error, ErrorKind};
use crate::hostname::ServerName;
use crate::raw;

/// A certificate. Cheap to clone; keeps the library that parsed it.
///
/// Two are equal when their DER is, whichever library parsed them. What a certificate says is read when it is asked for;
/// contents that make no sense, such as a name with a NUL inside, are [`ErrorKind::Malformed`].
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl::Certificate;
///
/// let library = dlssl::current()?;
/// let certificate = Certificate::from_file(&library, "chain.pem")?;
/// println!("{certificate}, valid {}", certificate.validity()?);
/// assert_eq!(certificate.dns_names()?, ["example.org", "www.example.org"]);
/// assert_eq!(certificate.ip_addresses()?, [std::net::IpAddr::from([127, 0, 0, 1])]);
/// assert!(certificate.emails()?.is_empty() && certificate.uris()?.is_empty() && !certificate.is_ca()?);
/// println!("{} by {}: {:?}", certificate.subject()?, certificate.issuer()?, certificate.common_names()?);
/// println!("number {:02x?}, signed by {}", certificate.serial()?, certificate.signature_algorithm()?);
/// println!("SHA-256 {}", certificate.fingerprint("SHA256")?);
///
/// // The same certificate, whatever it is read from.
/// let pem = certificate.to_pem()?;
/// assert_eq!(Certificate::from_pem(&library, &pem)?, certificate);
/// assert_eq!(Certificate::from_der(&library, certificate.der())?, certificate);
/// assert_eq!(Certificate::chain_from_pem(&library, pem)?.len(), 1);
/// assert_eq!(Certificate::chain_from_file(&library, "chain.pem")?.len(), 2);
/// // For a function of C that is not wrapped.
/// assert!(!certificate.as_ptr().is_null());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Certificate {
    inner: Arc<Inner>,
}

struct Inner {
    raw: Arc<raw::Certificate>,
    der: Vec<u8>,
}

impl Certificate {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    /// [`ErrorKind::Pem`] for what is no certificate, or has something after it.
    #[doc(alias = "d2i_X509")]
    pub fn from_der(library: &Library, der: &[u8]) -> Result<Self, Error> {
        Self::single(pem::der_certificate(library, der).map_err(|error| error.of(library))?)
    }

    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// [`ErrorKind::Pem`] when it holds none, or a broken one anywhere.
    #[doc(alias = "PEM_read_bio_X509")]
    pub fn from_pem(library: &Library, text: impl AsRef<[u8]>) -> Result<Self, Error> {
        first(Self::chain_from_pem(library, text)?)
    }

    /// Reads every certificate of a PEM text, in its order; at least one.
    ///
    /// # Errors
    /// [`ErrorKind::Pem`] when it holds none, a broken one, or is cut short.
    pub fn chain_from_pem(library: &Library, text: impl AsRef<[u8]>) -> Result<Vec<Self>, Error> {
        Self::of_source(library, &Source::bytes(text.as_ref()))
    }

    /// Reads the first certificate of a file, PEM or DER.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when it cannot be read, [`ErrorKind::Pem`] as for [`from_pem`](Self::from_pem).
    pub fn from_file(library: &Library, path: impl AsRef<Path>) -> Result<Self, Error> {
        first(Self::chain_from_file(library, path)?)
    }

    /// Reads every certificate of a file, PEM or DER (which holds one).
    ///
    /// # Errors
    /// As for [`from_file`](Self::from_file).
    pub fn chain_from_file(library: &Library, path: impl AsRef<Path>) -> Result<Vec<Self>, Error> {
        Self::of_source(library, &Source::File(path.as_ref().to_owned()))
    }

    fn of_source(library: &Library, source: &Source) -> Result<Vec<Self>, Error> {
        let certificates = pem::certificates(library, source).map_err(|error| error.of(library))?;
        certificates.into_iter().map(Self::single).collect()
    }

    fn single(raw: raw::Certificate) -> Result<Self, Error> {
        let library = raw.library().clone();
        Self::new(raw)
            .ok_or_else(|| Error::new(ErrorKind::Library, "the library cannot encode a certificate").of(&library))
    }

    /// Takes a parsed one; `None` when the library cannot encode it.
    pub(crate) fn new(raw: raw::Certificate) -> Option<Self> {
        Self::of_shared(Arc::new(raw))
    }

    /// The same of one that others hold too.
    pub(crate) fn of_shared(raw: Arc<raw::Certificate>) -> Option<Self> {
        let der = raw.der()?;
        Some(Self { inner: Arc::new(Inner { raw, der }) })
    }

    pub(crate) fn raw(&self) -> &raw::Certificate {
        &self.inner.raw
    }

    pub(crate) fn shared(&self) -> Arc<raw::Certificate> {
        Arc::clone(&self.inner.raw)
    }

    /// The certificate in DER.
    #[must_use]
    #[doc(alias = "i2d_X509")]
    pub fn der(&self) -> &[u8] {
        &self.inner.der
    }

    /// The certificate in PEM.
    ///
    /// # Errors
    /// [`ErrorKind::Library`] when the library is out of memory.
    #[doc(alias = "PEM_write_bio_X509")]
    pub fn to_pem(&self) -> Result<String, Error> {
        let failed = |queue| self.error(ErrorKind::Library, "cannot write PEM").with_queue(queue);
        Ok(String::from_utf8_lossy(&self.raw().to_pem().map_err(failed)?).into_owned())
    }

    /// Whom it is for.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    #[doc(alias = "X509_get_subject_name")]
    pub fn subject(&self) -> Result<Name, Error> {
        self.read(|parts| Name::parse(self.library(), parts.subject.inside()))
    }

    /// Who signed it.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    #[doc(alias = "X509_get_issuer_name")]
    pub fn issuer(&self) -> Result<Name, Error> {
        self.read(|parts| Name::parse(self.library(), parts.issuer.inside()))
    }

    /// Common names of the subject. No program should take them for host names: see [`dns_names`](Self::dns_names).
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    pub fn common_names(&self) -> Result<Vec<String>, Error> {
        Ok(self.subject()?.common_names().map(str::to_owned).collect())
    }

    /// Every alternative name; empty when there are none.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    pub fn alt_names(&self) -> Result<Vec<AltName>, Error> {
        self.read(|parts| match parts.extension(alt_name::EXTENSION)? {
            Some(value) => alt_name::parse(self.library(), value),
            None => Ok(Vec::new()),
        })
    }

    /// Host names that it is for, perhaps with wildcards.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    pub fn dns_names(&self) -> Result<Vec<String>, Error> {
        self.alternatives(|name| if let AltName::Dns(name) = name { Some(name) } else { None })
    }

    /// IP addresses that it is for.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    pub fn ip_addresses(&self) -> Result<Vec<IpAddr>, Error> {
        self.alternatives(|name| if let AltName::Ip(address) = name { Some(address) } else { None })
    }

    /// Mail addresses that it is for.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    pub fn emails(&self) -> Result<Vec<String>, Error> {
        self.alternatives(|name| if let AltName::Email(address) = name { Some(address) } else { None })
    }

    /// URIs that it is for.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    pub fn uris(&self) -> Result<Vec<String>, Error> {
        self.alternatives(|name| if let AltName::Uri(uri) = name { Some(uri) } else { None })
    }

    /// When it is valid, to the second; also before 1970 and after 2050.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] for what is no time.
    #[doc(alias = "X509_get0_notBefore")]
    #[doc(alias = "X509_get0_notAfter")]
    pub fn validity(&self) -> Result<Validity, Error> {
        match self.raw().validity() {
            (Some(not_before), Some(not_after)) => Ok(Validity { not_before, not_after }),
            _ => Err(self.malformed(Malformed("a time that is none"))),
        }
    }

    /// Serial number, as a number with the most significant byte first and no nought before it.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    #[doc(alias = "X509_get_serialNumber")]
    pub fn serial(&self) -> Result<Vec<u8>, Error> {
        self.read(|parts| {
            let digits = parts.serial.iter().position(|byte| *byte != 0).unwrap_or(parts.serial.len());
            Ok(parts.serial[digits..].to_vec())
        })
    }

    /// Digest of its DER by an algorithm of this name, such as `SHA256`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a name that the library does not know.
    #[doc(alias = "X509_digest")]
    pub fn fingerprint(&self, algorithm: &str) -> Result<Digest, Error> {
        super::digest(self.library(), algorithm, self.der())
    }

    /// Public key.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    #[doc(alias = "X509_get_pubkey")]
    pub fn public_key(&self) -> Result<PublicKey, Error> {
        self.read(|parts| PublicKey::new(self.library(), parts.key.whole, self.raw().key_bits()))
    }

    /// Name of the algorithm that its issuer signed with, such as `sha256WithRSAEncryption`; an object identifier where
    /// the library has no name for it.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    #[doc(alias = "X509_get_signature_nid")]
    pub fn signature_algorithm(&self) -> Result<String, Error> {
        self.read(|parts| {
            let oid = der::dotted(parts.signature.oid)?;
            Ok(raw::object_names(self.library(), &oid).map_or(oid, |(_, long)| long))
        })
    }

    /// Whether it says that it may sign others.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`].
    #[doc(alias = "X509_check_ca")]
    pub fn is_ca(&self) -> Result<bool, Error> {
        self.read(|parts| parts.is_authority())
    }

    /// Whether it is for this host name or IP address, by the rules of a handshake: alternative names alone count, and a
    /// wildcard stands for one whole part. Nothing else is looked at; a handshake does this by itself.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] when `name` is neither.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// let library = dlssl::current()?;
    /// let certificate = dlssl::Certificate::from_file(&library, "chain.pem")?;
    /// assert!(certificate.is_for("www.example.org")?);
    /// assert!(!certificate.is_for("mail.example.org")?, "its clients will refuse it");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "X509_check_host")]
    #[doc(alias = "X509_check_ip")]
    pub fn is_for(&self, name: &str) -> Result<bool, Error> {
        ServerName::parse(name).map(|name| self.is_for_name(&name, false))
    }

    /// The same for a name that was read already; `no_wildcards` lets none match.
    pub(crate) fn is_for_name(&self, name: &ServerName, no_wildcards: bool) -> bool {
        self.raw().is_for(name, no_wildcards) && (is_enough(self.library(), name) || weak::has_dns_name(self))
    }

    /// The same of one that nobody has looked at, which then need not be encoded.
    pub(crate) fn is_raw_for_name(raw: raw::Certificate, name: &ServerName, no_wildcards: bool) -> bool {
        raw.is_for(name, no_wildcards)
            && (is_enough(raw.library(), name) || Self::new(raw).is_some_and(|this| weak::has_dns_name(&this)))
    }

    /// The library that parsed it.
    #[must_use]
    pub fn library(&self) -> &Library {
        self.raw().library()
    }

    /// The pointer, for functions that are not wrapped; freed with the last clone.
    #[must_use]
    pub fn as_ptr(&self) -> *mut X509 {
        self.raw().as_ptr()
    }

    /// Subject on one line; what is wrong with it, where it cannot be read.
    pub(crate) fn subject_line(&self) -> String {
        self.subject().map_or_else(|error| format!("({error})"), |name| name.to_string())
    }

    /// Issuer on one line.
    pub(crate) fn issuer_line(&self) -> String {
        self.issuer().map_or_else(|error| format!("({error})"), |name| name.to_string())
    }

    /// When it is valid, for errors.
    pub(crate) fn validity_line(&self) -> String {
        self.validity().map_or_else(|error| format!("({error})"), |validity| validity.to_string())
    }

    /// The first of its alternative names, for errors.
    pub(crate) fn names_line(&self) -> String {
        const MOST: usize = 5;
        let names = match self.alt_names() {
            Ok(names) if names.is_empty() => return "no alternative names".to_owned(),
            Ok(names) => names,
            Err(error) => return format!("alternative names ({error})"),
        };
        let shown: Vec<_> = names.iter().take(MOST).map(AltName::shown).collect();
        let more = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
        format!("alternative names {}{more}", shown.join(", "))
    }

    /// Reads its parts.
    fn read<R>(&self, reader: impl FnOnce(Parts<'_>) -> Result<R, Malformed>) -> Result<R, Error> {
        Parts::parse(self.der()).and_then(reader).map_err(|malformed| self.malformed(malformed))
    }

    fn alternatives<R>(&self, select: impl FnMut(AltName) -> Option<R>) -> Result<Vec<R>, Error> {
        Ok(self.alt_names()?.into_iter().filter_map(select).collect())
    }

    fn malformed(&self, Malformed(what): Malformed) -> Error {
        self.error(ErrorKind::Malformed, format!("the certificate holds {what}"))
    }

    fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, message).of(self.library())
    }
}

/// Subject on one line, for errors.
pub(crate) fn subject_line(certificate: &raw::Certificate) -> String {
    let copy = certificate.der().and_then(|der| raw::Certificate::from_der(certificate.library(), &der).ok());
    copy.and_then(Certificate::new).map(|certificate| certificate.subject_line()).unwrap_or_default()
}

/// The parser gives at least one.
/// Whether the library's own word on a name is enough: without alternative names some libraries look for a host in the subject.
fn is_enough(library: &Library, name: &ServerName) -> bool {
    matches!(name, ServerName::Ip(_)) || ignores_subjects(library)
}

fn first(chain: Vec<Certificate>) -> Result<Certificate, Error> {
    chain.into_iter().next().ok_or_else(|| Error::new(ErrorKind::Pem, "no certificate"))
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.der().hash(state);
    }
}

/// Subject on one line, such as `CN=example.org, O=Example`.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject_line())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut this = f.debug_struct("Certificate");
        this.field("subject", &format_args!("{}", self.subject_line()));
        this.field("issuer", &format_args!("{}", self.issuer_line()));
        if let Ok(validity) = self.validity() {
            this.field("validity", &format_args!("{validity}"));
        }
        if let Ok(names) = self.alt_names() {
            this.field("alt_names", &names);
        }
        this.finish_non_exhaustive()
    }
}
