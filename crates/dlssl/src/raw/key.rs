//! Private keys: from PEM and DER, with passwords, and back.

use std::ffi::c_int;
use std::ptr;

use dlssl_core::{ErrorStack, Library};
use zeroize::Zeroizing;

use super::call::plain;
use super::{MemBuf, memory, owner};
use crate::callback::{self, Question};
use crate::x509::Password;

owner! {
    /// A key, private or public.
    PrivateKey, EVP_PKEY, evp.EVP_PKEY_free
}

/// What became of the question for a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The library asked.
    pub(crate) asked: bool,
    /// It got an answer.
    pub(crate) given: bool,
    /// The answer did not fit into the library's buffer.
    pub(crate) too_long: bool,
}

type Read = (Result<PrivateKey, ErrorStack>, Answer);

impl PrivateKey {
    /// Reads the first private key of a PEM text.
    pub(crate) fn from_pem(text: &mut MemBuf, password: Option<&Password>) -> Read {
        let library = text.library().clone();
        let read = library.functions().pem.PEM_read_bio_PrivateKey;
        Self::asking(&library, password, |question| {
            // SAFETY: live BIO; no object to reuse; the callback's data is the question it takes, which lives through
            // the call.
            unsafe { read(text.as_ptr(), ptr::null_mut(), Some(callback::password), question.cast()) }
        })
    }

    /// Reads a private key in DER that is not encrypted.
    pub(crate) fn from_der(library: &Library, der: &[u8]) -> Result<Self, ErrorStack> {
        let decode = library.functions().evp.d2i_AutoPrivateKey;
        let (pointer, whole) = memory::decode(library, der, |at, len| {
            // SAFETY: no object to reuse; reads at most `len` bytes of a slice that long.
            unsafe { decode(ptr::null_mut(), at, len) }
        })?;
        // SAFETY: just made, owned by nobody else.
        let this = unsafe { Self::from_raw(library, pointer) }.ok_or_else(ErrorStack::default)?;
        if whole { Ok(this) } else { Err(ErrorStack::default()) }
    }

    /// Reads an encrypted private key in DER (PKCS#8).
    pub(crate) fn from_encrypted_der(library: &Library, der: &[u8], password: Option<&Password>) -> Read {
        let text = match MemBuf::holding(library, der) {
            Ok(text) => text,
            Err(queue) => return (Err(queue), Answer::default()),
        };
        let read = library.functions().pem.d2i_PKCS8PrivateKey_bio;
        Self::asking(library, password, |question| {
            // SAFETY: as for PEM.
            unsafe { read(text.as_ptr(), ptr::null_mut(), Some(callback::password), question.cast()) }
        })
    }

    fn asking(
        library: &Library,
        password: Option<&Password>,
        read: impl FnOnce(*mut Question<'_>) -> *mut dlssl_core::ffi::EVP_PKEY,
    ) -> Read {
        let mut question = Question { password, answer: Answer::default() };
        let outcome = plain(library, || read(&raw mut question), |key| key.is_null());
        let outcome = outcome.and_then(|pointer| {
            // SAFETY: just made, owned by nobody else.
            unsafe { Self::from_raw(library, pointer) }.ok_or_else(ErrorStack::default)
        });
        (outcome, question.answer)
    }

    /// The key in PEM (PKCS#8), encrypted where there is a password.
    pub(crate) fn to_pem(&self, password: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let functions = self.library.functions();
        let write = functions.pem.PEM_write_bio_PKCS8PrivateKey;
        let mut out = MemBuf::new(&self.library)?;
        let (text, len) = match password {
            Some(password) => (password.as_ptr(), c_int::try_from(password.len()).unwrap_or(0)),
            None => (ptr::null(), 0),
        };
        let run = || {
            // SAFETY: live BIO and key; a static cipher with a password and its length, or null and nobody is
            // asked. With a callback OpenSSL 3 would ask that, although there is a password.
            unsafe {
                let cipher = if text.is_null() { ptr::null() } else { (functions.evp.EVP_aes_256_cbc)() };
                write(out.as_ptr(), self.as_ptr(), cipher, text.cast(), len, None, ptr::null_mut())
            }
        };
        plain(&self.library, run, |result| *result != 1)?;
        Ok(Zeroizing::new(out.take()))
    }

    /// The key in DER (PKCS#8), not encrypted.
    pub(crate) fn to_der(&self) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let write = self.library.functions().pem.i2d_PKCS8PrivateKey_bio;
        let mut out = MemBuf::new(&self.library)?;
        let run = || {
            // SAFETY: live BIO and key; no cipher, so no password is needed and nobody asked.
            unsafe { write(out.as_ptr(), self.as_ptr(), ptr::null(), ptr::null(), 0, None, ptr::null_mut()) }
        };
        plain(&self.library, run, |result| *result != 1)?;
        Ok(Zeroizing::new(out.take()))
    }

    /// The public half in DER (SubjectPublicKeyInfo).
    pub(crate) fn public_der(&self) -> Option<Vec<u8>> {
        let write = self.library.functions().x509.i2d_PUBKEY;
        // SAFETY: live key; no pointer, or one to as many bytes as it said.
        memory::encode(&self.library, |end| unsafe { write(self.as_ptr(), end) })
    }

    /// Length in bits.
    pub(crate) fn bits(&self) -> Option<u32> {
        // SAFETY: live key; plain getter.
        let bits = unsafe { (self.library.functions().evp.EVP_PKEY_get_bits)(self.as_ptr()) };
        u32::try_from(bits).ok().filter(|bits| *bits > 0)
    }

    pub(crate) fn library(&self) -> &Library {
        &self.library
    }
}
