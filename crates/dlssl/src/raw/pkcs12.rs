//! PKCS#12 files.

use std::ffi::CString;
use std::ptr;

use dlssl_core::compat::pkcs12::{self as compat, Pkcs12Functions};
use dlssl_core::ffi::{OPENSSL_STACK, PKCS12};
use dlssl_core::{ErrorStack, Library};

use super::call::plain;
use super::{Certificate, MemBuf, PrivateKey};

/// What a file holds.
pub(crate) struct Parsed {
    /// The certificate that the key belongs to.
    pub(crate) own: Option<Certificate>,
    pub(crate) key: Option<PrivateKey>,
    /// In no particular order.
    pub(crate) others: Vec<Certificate>,
}

/// Why a file cannot be read.
pub(crate) enum Pkcs12Failure {
    Broken(ErrorStack),
    Password(ErrorStack),
    Algorithms(ErrorStack),
}

/// `ERR_LIB_PKCS12` and its reason for a checksum that does not fit: the password is wrong.
const ERR_LIB_PKCS12: i32 = 35;
const PKCS12_R_MAC_VERIFY_FAILURE: i32 = 113;

/// Frees the C object on every way out.
struct Owned(*mut PKCS12, Pkcs12Functions);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: made by the library of this function, owned by us, freed once.
        unsafe { (self.1.free)(self.0) };
    }
}

/// Opens a file with its password.
pub(crate) fn parse_pkcs12(library: &Library, bytes: &[u8], password: &[u8]) -> Result<Parsed, Pkcs12Failure> {
    let functions = library.functions();
    let file = MemBuf::holding(library, bytes).map_err(Pkcs12Failure::Broken)?;
    let Some(pkcs12) = compat::functions(functions) else {
        return Err(Pkcs12Failure::Algorithms(ErrorStack::default()));
    };
    // SAFETY: live BIO; no object to reuse.
    let file = plain(library, || unsafe { (pkcs12.d2i_bio)(file.as_ptr(), ptr::null_mut()) }, |file| file.is_null())
        .map(|file| Owned(file, pkcs12))
        .map_err(Pkcs12Failure::Broken)?;
    let Ok(password) = CString::new(password) else { return Err(Pkcs12Failure::Password(ErrorStack::default())) };
    let (mut key, mut own, mut others) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let outcome = plain(
        library,
        // SAFETY: live object; a string that ends with NUL; our own variables, null before.
        || unsafe { (pkcs12.parse)(file.0, password.as_ptr(), &raw mut key, &raw mut own, &raw mut others) },
        |result| *result != 1,
    );
    // SAFETY: null, or made by the call and ours to free; the list holds certificates that are ours, and its own
    // memory is freed apart from them.
    let parsed = unsafe {
        let stack = others.cast::<OPENSSL_STACK>();
        let mut others = Vec::new();
        if !stack.is_null() {
            for place in 0..(functions.stack.OPENSSL_sk_num)(stack) {
                let certificate = (functions.stack.OPENSSL_sk_value)(stack, place).cast();
                others.extend(Certificate::from_raw(library, certificate));
            }
            (functions.stack.OPENSSL_sk_free)(stack);
        }
        Parsed { own: Certificate::from_raw(library, own), key: PrivateKey::from_raw(library, key), others }
    };
    match outcome {
        Ok(_) => Ok(parsed),
        Err(queue) if queue.has(ERR_LIB_PKCS12, PKCS12_R_MAC_VERIFY_FAILURE) => Err(Pkcs12Failure::Password(queue)),
        Err(queue) if queue.to_string().contains("unsupported") => Err(Pkcs12Failure::Algorithms(queue)),
        Err(queue) => Err(Pkcs12Failure::Broken(queue)),
    }
}
