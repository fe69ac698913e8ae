//! Certificates, revocation lists and what is known of object identifiers and digests.

use std::ffi::{CString, c_long, c_uint};
use std::ptr;

use dlssl_core::compat::{stack, time};
use dlssl_core::ffi::constants::{ERR_LIB_PEM, PEM_R_NO_START_LINE};
use dlssl_core::ffi::memory::text;
use dlssl_core::ffi::{X509, stack_st_X509};
use dlssl_core::{ErrorStack, Library};

use super::call::plain;
use super::{MemBuf, PrivateKey, memory, owner};
use crate::callback;

owner! {
    /// A certificate.
    Certificate, X509, x509.X509_free
}

owner! {
    /// A certificate revocation list.
    Crl, X509_CRL, x509.X509_CRL_free
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
            Err(queue) => at_end(queue).map(|()| None),
        }
    }

    /// Reads a certificate in DER; all of the bytes.
    pub(crate) fn from_der(library: &Library, der: &[u8]) -> Result<Self, ErrorStack> {
        let decode = library.functions().x509.d2i_X509;
        let (pointer, whole) = memory::decode(library, der, |at, len| {
            // SAFETY: no object to reuse; reads at most `len` bytes of a slice that long.
            unsafe { decode(ptr::null_mut(), at, len) }
        })?;
        // SAFETY: just made, owned by nobody else.
        let this = unsafe { Self::from_raw(library, pointer) }.ok_or_else(ErrorStack::default)?;
        if whole { Ok(this) } else { Err(ErrorStack::default()) }
    }

    /// Copies a certificate that C owns; `None` for null, or without memory.
    ///
    /// # Safety
    /// `certificate` must be null or a live certificate of `library`.
    pub(crate) unsafe fn copy_of(library: &Library, certificate: *const X509) -> Option<Self> {
        if certificate.is_null() {
            return None;
        }
        let copy = library.functions().x509.X509_dup;
        // SAFETY: not null, so by contract a live certificate.
        let copy = plain(library, || unsafe { copy(certificate) }, |copy| copy.is_null()).ok()?;
        // SAFETY: just made, owned by nobody else.
        unsafe { Self::from_raw(library, copy) }
    }

    /// Copies the certificates of a stack that C owns, first to last.
    ///
    /// # Safety
    /// `chain` must be null or a live stack of certificates of `library`.
    pub(crate) unsafe fn copies_of(library: &Library, chain: *const stack_st_X509) -> Vec<Self> {
        // SAFETY: by contract.
        unsafe {
            stack::certificates(library.functions(), chain)
                .filter_map(|certificate| Self::copy_of(library, certificate))
                .collect()
        }
    }

    /// Takes the certificates of a stack that C just handed out, with a reference to each.
    ///
    /// # Safety
    /// `chain` must be null, or a stack of `library` that is owned by nobody else, as are the references in it.
    pub(crate) unsafe fn all_of(library: &Library, chain: *mut stack_st_X509) -> Vec<Self> {
        let functions = library.functions();
        // SAFETY: by contract; the stack gives up its items before it is freed, and frees none of them.
        unsafe {
            let certificates = stack::certificates(functions, chain)
                .filter_map(|certificate| Self::from_raw(library, certificate))
                .collect();
            stack::free(functions, chain);
            certificates
        }
    }

    /// The certificate in DER.
    pub(crate) fn der(&self) -> Option<Vec<u8>> {
        let write = self.library.functions().x509.i2d_X509;
        // SAFETY: live certificate; no pointer, or one to as many bytes as it said.
        memory::encode(&self.library, |end| unsafe { write(self.as_ptr(), end) })
    }

    /// The certificate in PEM.
    pub(crate) fn to_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        let mut out = MemBuf::new(&self.library)?;
        let write = self.library.functions().pem.PEM_write_bio_X509;
        // SAFETY: live BIO and certificate.
        plain(&self.library, || unsafe { write(out.as_ptr(), self.as_ptr()) }, |result| *result != 1)?;
        Ok(out.take())
    }

    /// First and last second of validity, from 1970; `None` for what is no time.
    pub(crate) fn validity(&self) -> (Option<i64>, Option<i64>) {
        // SAFETY: live certificate of this library.
        unsafe { time::validity(self.library.functions(), self.as_ptr()) }
    }

    /// Length of the public key; `None` for one that the library does not know.
    pub(crate) fn key_bits(&self) -> Option<u32> {
        let get = self.library.functions().x509.X509_get_pubkey;
        // SAFETY: live certificate; the function gives a reference that is ours to free.
        let key = plain(&self.library, || unsafe { get(self.as_ptr()) }, |key| key.is_null()).ok()?;
        // SAFETY: as above.
        unsafe { PrivateKey::from_raw(&self.library, key) }?.bits()
    }

    pub(crate) fn library(&self) -> &Library {
        &self.library
    }
}

impl Crl {
    /// Reads the next list of a PEM text; `None` when no more begins.
    pub(crate) fn next_pem(text: &mut MemBuf) -> Result<Option<Self>, ErrorStack> {
        let library = text.library().clone();
        let read = library.functions().pem.PEM_read_bio_X509_CRL;
        let outcome = plain(
            &library,
            // SAFETY: live BIO; no object to reuse; the callback refuses passwords and needs no data.
            || unsafe { read(text.as_ptr(), ptr::null_mut(), Some(callback::no_password), ptr::null_mut()) },
            |list| list.is_null(),
        );
        match outcome {
            // SAFETY: just made, owned by nobody else.
            Ok(pointer) => Ok(unsafe { Self::from_raw(&library, pointer) }),
            Err(queue) => at_end(queue).map(|()| None),
        }
    }

    /// Reads a list in DER; all of the bytes.
    pub(crate) fn from_der(library: &Library, der: &[u8]) -> Result<Self, ErrorStack> {
        let decode = library.functions().x509.d2i_X509_CRL;
        let (pointer, whole) = memory::decode(library, der, |at, len| {
            // SAFETY: no object to reuse; reads at most `len` bytes of a slice that long.
            unsafe { decode(ptr::null_mut(), at, len) }
        })?;
        // SAFETY: just made, owned by nobody else.
        let this = unsafe { Self::from_raw(library, pointer) }.ok_or_else(ErrorStack::default)?;
        if whole { Ok(this) } else { Err(ErrorStack::default()) }
    }
}

/// Whether PEM ended because nothing more begins.
fn at_end(queue: ErrorStack) -> Result<(), ErrorStack> {
    if queue.has(ERR_LIB_PEM, PEM_R_NO_START_LINE) { Ok(()) } else { Err(queue) }
}

/// Short and long name of an object identifier with dots; `None` for one that the library does not know.
pub(crate) fn object_names(library: &Library, oid: &str) -> Option<(String, String)> {
    let objects = &library.functions().objects;
    let oid = CString::new(oid).ok()?;
    // SAFETY: a string that ends with NUL.
    let number = plain(library, || unsafe { (objects.OBJ_txt2nid)(oid.as_ptr()) }, |number| *number <= 0).ok()?;
    // SAFETY: takes a number and gives a static string or null.
    unsafe { text((objects.OBJ_nid2sn)(number)).zip(text((objects.OBJ_nid2ln)(number))) }
}

/// Digest by name; `None` for a name that the library does not know.
pub(crate) fn digest(library: &Library, algorithm: &str, data: &[u8]) -> Option<Result<Vec<u8>, ErrorStack>> {
    /// `EVP_MAX_MD_SIZE`, the same in every version.
    const LONGEST: usize = 64;
    let evp = &library.functions().evp;
    let name = CString::new(algorithm).ok()?;
    let find = || {
        // SAFETY: a string that ends with NUL; the algorithm is static.
        unsafe { (evp.EVP_get_digestbyname)(name.as_ptr()) }
    };
    let kind = plain(library, find, |kind| kind.is_null()).ok()?;
    let mut out = vec![0u8; LONGEST];
    let mut len: c_uint = 0;
    let run = || {
        // SAFETY: data with its length; no digest is longer than `out`; no engine.
        unsafe {
            (evp.EVP_Digest)(data.as_ptr().cast(), data.len(), out.as_mut_ptr(), &raw mut len, kind, ptr::null_mut())
        }
    };
    Some(plain(library, run, |result| *result != 1).map(|_| {
        out.truncate(usize::try_from(len).unwrap_or(0));
        out
    }))
}

/// The library's text for a verification result.
pub(crate) fn verify_error_text(library: &Library, code: i64) -> String {
    let code = c_long::try_from(code).unwrap_or(c_long::MAX);
    // SAFETY: takes a number and gives a static string.
    let words = unsafe { text((library.functions().x509.X509_verify_cert_error_string)(code)) };
    // LibreSSL before 3.2 checks names and has no words for it.
    let has_words = |text: &String| !text.starts_with("error number") && !text.starts_with("Error Verify unknown");
    words.filter(has_words).unwrap_or_else(|| match code {
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
            file: text((x509.X509_get_default_cert_file)()).unwrap_or_default(),
            directory: text((x509.X509_get_default_cert_dir)()).unwrap_or_default(),
            file_variable: text((x509.X509_get_default_cert_file_env)()).unwrap_or_default(),
            directory_variable: text((x509.X509_get_default_cert_dir_env)()).unwrap_or_default(),
        }
    }
}
