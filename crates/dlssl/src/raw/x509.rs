//! Certificates and keys.

use std::ffi::c_long;
use std::ptr;

use dlssl_core::ffi::constants::{
    ASN1_STRFLGS_DUMP_DER, ASN1_STRFLGS_DUMP_UNKNOWN, ASN1_STRFLGS_ESC_2253, ASN1_STRFLGS_ESC_CTRL,
    ASN1_STRFLGS_UTF8_CONVERT, ERR_LIB_PEM, PEM_R_NO_START_LINE, XN_FLAG_SEP_CPLUS_SPC,
};
use dlssl_core::ffi::{X509, X509_NAME, memory};
use dlssl_core::{ErrorStack, Library};

use super::call::plain;
use super::{MemBuf, owner};
use crate::callback;

owner! {
    /// A certificate.
    Certificate, X509, x509.X509_free
}

owner! {
    /// A private key.
    PrivateKey, EVP_PKEY, evp.EVP_PKEY_free
}

impl Certificate {
    /// Reads the next certificate of a PEM text; `None` when no more begins.
    pub(crate) fn next_pem(text: &mut MemBuf) -> Result<Option<Self>, ErrorStack> {
        let library = text.library().clone();
        let read = library.functions().pem.PEM_read_bio_X509;
        let outcome = plain(
            &library,
            // SAFETY: live BIO; no object to reuse; the callback refuses passwords and needs no data.
            || unsafe { read(text.as_ptr(), ptr::null_mut(), Some(callback::no_password), ptr::null_mut()) },
            |certificate| certificate.is_null(),
        );
        match outcome {
            // SAFETY: just made, owned by nobody else.
            Ok(pointer) => Ok(unsafe { Self::from_raw(&library, pointer) }),
            Err(queue) if queue.has(ERR_LIB_PEM, PEM_R_NO_START_LINE) => Ok(None),
            Err(queue) => Err(queue),
        }
    }

    /// Reads one certificate in DER.
    pub(crate) fn from_der(library: &Library, der: &[u8]) -> Result<Self, ErrorStack> {
        let read = library.functions().x509.d2i_X509;
        let pointer = super::memory::decode(library, der, |at, len| {
            // SAFETY: reads at most `len` bytes of a slice that long; no object to reuse.
            unsafe { read(ptr::null_mut(), at, len) }
        })?;
        // SAFETY: just made, owned by nobody else.
        unsafe { Self::from_raw(library, pointer) }.ok_or_else(ErrorStack::default)
    }

    /// The certificate in DER.
    pub(crate) fn der(&self) -> Option<Vec<u8>> {
        let encode = self.library.functions().x509.i2d_X509;
        // SAFETY: null asks for the length alone.
        let len = unsafe { encode(self.as_ptr(), ptr::null_mut()) };
        let mut der = vec![0u8; usize::try_from(len).ok().filter(|len| *len > 0)?];
        let mut end = der.as_mut_ptr();
        // SAFETY: writes the length that it just said; `end` is our own copy of the pointer.
        let written = unsafe { encode(self.as_ptr(), &raw mut end) };
        (written == len).then_some(der)
    }

    /// Subject and issuer of a certificate that C owns; `None` for null.
    ///
    /// # Safety
    /// `certificate` must be null or a live certificate of `library`.
    pub(crate) unsafe fn names_of(library: &Library, certificate: *const X509) -> Option<(String, String)> {
        if certificate.is_null() {
            return None;
        }
        let x509 = &library.functions().x509;
        // SAFETY: not null, so by contract a live certificate, which owns its names.
        unsafe {
            Some((
                name(library, (x509.X509_get_subject_name)(certificate)),
                name(library, (x509.X509_get_issuer_name)(certificate)),
            ))
        }
    }

    /// Issuer, in the same form.
    pub(crate) fn issuer(&self) -> String {
        // SAFETY: a live certificate of its library.
        unsafe { Self::names_of(&self.library, self.as_ptr()) }.unwrap_or_default().1
    }

    /// Subject, such as `CN=example.org, O=Example`.
    pub(crate) fn subject(&self) -> String {
        // SAFETY: a live certificate of its library.
        unsafe { Self::names_of(&self.library, self.as_ptr()) }.unwrap_or_default().0
    }
}

/// One line, in UTF-8, with what would confuse a reader escaped.
const NAME_FLAGS: std::ffi::c_ulong = XN_FLAG_SEP_CPLUS_SPC
    | ASN1_STRFLGS_ESC_2253
    | ASN1_STRFLGS_ESC_CTRL
    | ASN1_STRFLGS_UTF8_CONVERT
    | ASN1_STRFLGS_DUMP_UNKNOWN
    | ASN1_STRFLGS_DUMP_DER;

/// Prints a name; empty where it cannot be printed.
///
/// # Safety
/// `name` must be null or a live name of `library`.
unsafe fn name(library: &Library, name: *const X509_NAME) -> String {
    let Ok(mut out) = MemBuf::new(library) else { return String::new() };
    if name.is_null() {
        return String::new();
    }
    let print = library.functions().x509.X509_NAME_print_ex;
    // SAFETY: live BIO; by contract a live name.
    unsafe { print(out.as_ptr(), name, 0, NAME_FLAGS) };
    String::from_utf8_lossy(&out.take()).into_owned()
}

impl PrivateKey {
    /// Reads one private key in DER, of any kind.
    pub(crate) fn from_der(library: &Library, der: &[u8]) -> Result<Self, ErrorStack> {
        let read = library.functions().evp.d2i_AutoPrivateKey;
        let pointer = super::memory::decode(library, der, |at, len| {
            // SAFETY: reads at most `len` bytes of a slice that long; no object to reuse.
            unsafe { read(ptr::null_mut(), at, len) }
        })?;
        // SAFETY: just made, owned by nobody else.
        unsafe { Self::from_raw(library, pointer) }.ok_or_else(ErrorStack::default)
    }

    /// Reads the first private key of a PEM text. An encrypted one takes the password; without one it is an error:
    /// nobody is asked.
    pub(crate) fn from_pem(text: &mut MemBuf, password: Option<&[u8]>) -> Result<Option<Self>, ErrorStack> {
        let library = text.library().clone();
        let read = library.functions().pem.PEM_read_bio_PrivateKey;
        let password = password.map(callback::KnownPassword);
        let (function, data) = match &password {
            Some(password) => (callback::known_password as _, (&raw const *password).cast_mut().cast()),
            None => (callback::no_password as dlssl_core::ffi::pem_password_cb, ptr::null_mut()),
        };
        let pointer = plain(
            &library,
            // SAFETY: live BIO; no object to reuse; the callback's data is what it expects, and lives through the call.
            || unsafe { read(text.as_ptr(), ptr::null_mut(), Some(function), data) },
            |key| key.is_null(),
        )?;
        // SAFETY: just made, owned by nobody else.
        Ok(unsafe { Self::from_raw(&library, pointer) })
    }
}

/// The library's text for a verification result.
pub(crate) fn verify_error_text(library: &Library, code: i64) -> String {
    let code = c_long::try_from(code).unwrap_or(c_long::MAX);
    // SAFETY: takes a number and gives a static string.
    let text = unsafe { memory::text((library.functions().x509.X509_verify_cert_error_string)(code)) };
    // LibreSSL before 3.2 checks names and has no words for it.
    let has_words = |text: &String| !text.starts_with("error number") && !text.starts_with("Error Verify unknown");
    text.filter(has_words).unwrap_or_else(|| match code {
        62 => "hostname mismatch".to_owned(),
        63 => "email address mismatch".to_owned(),
        64 => "IP address mismatch".to_owned(),
        code => format!("verification error {code}"),
    })
}

/// Where the library looks for certificates by default.
pub(crate) struct Locations {
    pub(crate) file: String,
    pub(crate) directory: String,
    pub(crate) file_variable: String,
    pub(crate) directory_variable: String,
}

/// Asks for the default places and the variables that replace them.
pub(crate) fn locations(library: &Library) -> Locations {
    let x509 = &library.functions().x509;
    // SAFETY: none takes an argument, all give static strings.
    unsafe {
        Locations {
            file: memory::text((x509.X509_get_default_cert_file)()).unwrap_or_default(),
            directory: memory::text((x509.X509_get_default_cert_dir)()).unwrap_or_default(),
            file_variable: memory::text((x509.X509_get_default_cert_file_env)()).unwrap_or_default(),
            directory_variable: memory::text((x509.X509_get_default_cert_dir_env)()).unwrap_or_default(),
        }
    }
}
