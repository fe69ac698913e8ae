//! Who a library is, asked through symbols looked up by hand: file names are not trusted.

use std::ffi::{CStr, c_char, c_int, c_ulong, c_void};
use std::path::Path;
use std::ptr::NonNull;

use super::lookup::Lookup;
use super::source::Image;
use crate::error::LoadFailure;
use crate::ffi::memory;
use crate::ffi::name::Name;
use crate::version::{Flavour, Version};

/// Any one of these is in every libcrypto; the first found stands for it in the pair's proof.
pub(crate) const MARKS_OF_LIBCRYPTO: [&CStr; 3] = [c"ERR_peek_error", c"RAND_bytes", c"BIO_new"];
/// The same for libssl.
pub(crate) const MARKS_OF_LIBSSL: [&CStr; 2] = [c"SSL_CTX_new", c"SSL_new"];

/// Identity of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) flavour: Flavour,
    pub(crate) version: Version,
    /// The library's own words, such as `OpenSSL 3.0.19 27 Jan 2026`.
    pub(crate) text: String,
}

/// Finds the first of `marks` in an image.
pub(crate) fn mark(image: &dyn Image, marks: &[&'static CStr]) -> Option<(&'static CStr, NonNull<c_void>)> {
    marks.iter().find_map(|name| image.symbol(name).map(|address| (*name, address)))
}

/// Asks libcrypto for its version.
///
/// # Errors
/// [`LoadFailure::NotOpenSsl`] when it has no version functions or another product answers,
/// [`LoadFailure::Unsupported`] when it is older than the floor.
pub(crate) fn identify(crypto: &Lookup<'_>, path: &Path) -> Result<Identity, LoadFailure> {
    let not_openssl = |found: String| LoadFailure::NotOpenSsl { path: path.to_owned(), found };
    let function = |name: &str| crypto.optional(Name::new(name.as_bytes()));
    let text = function("OpenSSL_version")
        .or_else(|| function("SSLeay_version"))
        .ok_or_else(|| not_openssl("it exports neither OpenSSL_version nor SSLeay_version".into()))?;
    // SAFETY: both functions have had this signature since they exist, and return a static string (or null).
    let text = unsafe {
        let version: unsafe extern "C" fn(c_int) -> *const c_char = std::mem::transmute(text);
        memory::text(version(0))
    };
    let text = text.ok_or_else(|| not_openssl("its version text is empty".into()))?;
    let number = function("OpenSSL_version_num")
        .or_else(|| function("SSLeay"))
        .map(|function| {
            // SAFETY: both have had this signature since they exist.
            unsafe {
                let number: unsafe extern "C" fn() -> c_ulong = std::mem::transmute(function);
                number()
            }
        })
        .unwrap_or_default();
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // 32 bits wide on Windows
    let identity = from_text(&text, number as u64).ok_or_else(|| not_openssl(format!("it calls itself \"{text}\"")))?;
    if identity.version < identity.flavour.floor() {
        return Err(LoadFailure::Unsupported { path: path.to_owned(), text, flavour: identity.flavour });
    }
    Ok(identity)
}

/// Reads flavour and version from the text; from the number only where the text of an OpenSSL holds none.
pub(crate) fn from_text(text: &str, number: u64) -> Option<Identity> {
    let (flavour, rest) = if let Some(rest) = text.strip_prefix("LibreSSL ") {
        (Flavour::LibreSsl, rest)
    } else if let Some(rest) = text.strip_prefix("OpenSSL ") {
        (Flavour::OpenSsl, rest)
    } else {
        return None;
    };
    let version = match (Version::parse(rest), flavour) {
        (Some(version), _) => version,
        // A rebuilt text ("OpenSSL FIPS build") still has its number; LibreSSL's number says nothing.
        (None, Flavour::OpenSsl) if number != 0 => Version::from_openssl_number(number),
        (None, _) => return None,
    };
    Some(Identity { flavour, version, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::source::fake::FakeImage;

    extern "C" fn ancient(_: c_int) -> *const c_char {
        c"OpenSSL 0.9.8zh 3 Dec 2015".as_ptr()
    }
    extern "C" fn boring(_: c_int) -> *const c_char {
        c"BoringSSL".as_ptr()
    }
    extern "C" fn libre(_: c_int) -> *const c_char {
        c"LibreSSL 3.1.0".as_ptr()
    }

    fn with(name: &'static str, version: extern "C" fn(c_int) -> *const c_char) -> FakeImage {
        FakeImage([(name, version as *const () as usize)].into())
    }

    #[test]
    fn refuses_the_unknown_and_the_ancient_by_name() {
        let refused = |image: &FakeImage| identify(&Lookup::new(image, &[], 0), Path::new("/x")).unwrap_err();
        assert_eq!(refused(&FakeImage::default()).code(), "not-openssl");
        assert!(refused(&with("OpenSSL_version", boring)).to_string().contains("BoringSSL"));
        let old = refused(&with("SSLeay_version", ancient));
        assert_eq!(old.code(), "unsupported");
        assert!(old.to_string().contains("0.9.8zh") && old.to_string().contains("1.0.2"), "{old}");
    }

    #[test]
    fn libressl_is_known_by_its_text() {
        let identity = identify(&Lookup::new(&with("OpenSSL_version", libre), &[], 0), Path::new("/x")).unwrap();
        assert_eq!((identity.flavour, identity.version), (Flavour::LibreSsl, Version::new(3, 1, 0)));
    }

    #[test]
    fn a_text_without_numbers_falls_back_to_openssls_number() {
        let identity = from_text("OpenSSL custom", 0x3050_0050).unwrap();
        assert_eq!(identity.version, Version::new(3, 5, 5));
        assert_eq!(from_text("LibreSSL custom", 0x2000_0000), None);
        assert_eq!(from_text("AWS-LC 1.2.3", 0x1010_1070), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(OpenSSL |LibreSSL )?.{0,30}", number: u64) {
            let _ = from_text(&text, number);
        }
    }
}
