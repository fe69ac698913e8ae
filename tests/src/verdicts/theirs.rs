//! The loaded library's own verdict: `X509_verify_cert` with the same roots, time, name and purpose, and nothing of dlssl's.

use std::ffi::{CStr, CString, c_char, c_int, c_ulong, c_void};
use std::net::IpAddr;
use std::ptr;
use std::time::UNIX_EPOCH;

use dlssl::{Flavour, Version};
use dlssl_core::Half;
use dlssl_core::ffi::memory::text;
use dlssl_core::ffi::{X509, X509_CRL, X509_STORE, X509_STORE_CTX};

use super::Verdict;
use super::case::{Case, Kind};
use crate::library::library;
use crate::pem::pem_to_der;

const CRL_CHECK_ALL: c_ulong = 0x4 | 0x8;
const TRUSTED_FIRST: c_ulong = 0x8000;
const PARTIAL_CHAIN: c_ulong = 0x8_0000;

/// How issuers are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As the library does by itself.
    Default,
    /// Among the trusted ones first, as newer libraries do and dlssl asks of all.
    TrustedFirst,
}

/// Asks the library.
///
/// # Errors
/// Why the case cannot be tried.
pub fn verdict(case: &Case, order: Order) -> Result<Verdict, String> {
    let mut objects = Objects::new();
    let mut certificates = |list: &[String]| -> Result<Option<Vec<_>>, String> {
        list.iter().map(|pem| Ok(objects.certificate(&pem_to_der(pem)?))).collect()
    };
    let (trusted, untrusted) = (certificates(&case.trusted_certs)?, certificates(&case.untrusted_intermediates)?);
    let (Some(trusted), Some(untrusted)) = (trusted, untrusted) else {
        return Ok(Verdict::Refused("a root or intermediate cannot be read".to_owned()));
    };
    let Some(peer) = objects.certificate(&pem_to_der(&case.peer_certificate)?) else {
        return Ok(Verdict::Refused("the certificate cannot be read".to_owned()));
    };
    let mut lists = Vec::new();
    for pem in &case.crls {
        match objects.list(&pem_to_der(pem)?) {
            Some(list) => lists.push(list),
            None => return Ok(Verdict::Refused("a revocation list cannot be read".to_owned())),
        }
    }
    let mut flags = if order == Order::TrustedFirst { TRUSTED_FIRST } else { 0 };
    if super::trusts_intermediates(case)? {
        flags |= PARTIAL_CHAIN;
    }
    if !lists.is_empty() {
        flags |= CRL_CHECK_ALL;
    }
    objects.verify(case, flags, &Given { trusted, untrusted, lists, peer })
}

struct Given {
    trusted: Vec<*mut X509>,
    untrusted: Vec<*mut X509>,
    lists: Vec<*mut X509_CRL>,
    peer: *mut X509,
}

/// What is freed in the end.
struct Objects {
    certificates: Vec<*mut X509>,
    lists: Vec<*mut X509_CRL>,
    store: *mut X509_STORE,
    stack: *mut c_void,
    context: *mut X509_STORE_CTX,
}

/// A function by its name and type.
macro_rules! c {
    ($name:literal, fn($($type:ty),*) $(-> $result:ty)?) => {{
        let name = const { match CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
            Ok(name) => name,
            Err(_) => panic!("a NUL in a name"),
        } };
        // SAFETY: each library in the range exports it with this signature, or the test ends here.
        unsafe {
            let address = function(name).unwrap_or_else(|| panic!("no {}", $name));
            std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($type),*) $(-> $result)?>(address)
        }
    }};
}

/// The address of a function of libcrypto.
unsafe fn function(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the caller says what it is.
    unsafe { library().symbol(Half::Crypto, name) }.map(ptr::NonNull::as_ptr)
}

impl Objects {
    fn new() -> Self {
        let store = c!("X509_STORE_new", fn() -> *mut X509_STORE);
        let context = c!("X509_STORE_CTX_new", fn() -> *mut X509_STORE_CTX);
        let stack = match is_new() {
            true => c!("OPENSSL_sk_new_null", fn() -> *mut c_void),
            false => c!("sk_new_null", fn() -> *mut c_void),
        };
        // SAFETY: functions without arguments that make an object or null.
        let (store, context, stack) = unsafe { (store(), context(), stack()) };
        assert!(!store.is_null() && !context.is_null() && !stack.is_null());
        Objects { certificates: Vec::new(), lists: Vec::new(), store, stack, context }
    }

    fn certificate(&mut self, der: &[u8]) -> Option<*mut X509> {
        let mut at = der.as_ptr();
        let read = library().functions().x509.d2i_X509;
        // SAFETY: no object to reuse; reads within the slice.
        let made = unsafe { read(ptr::null_mut(), &raw mut at, der.len().try_into().unwrap()) };
        let _ = library().take_errors();
        if made.is_null() {
            return None;
        }
        self.certificates.push(made);
        // TLS takes no bytes after a certificate.
        (at as usize - der.as_ptr() as usize == der.len()).then_some(made)
    }

    fn list(&mut self, der: &[u8]) -> Option<*mut X509_CRL> {
        let mut at = der.as_ptr();
        let read = library().functions().x509.d2i_X509_CRL;
        // SAFETY: no object to reuse; reads within the slice.
        let made = unsafe { read(ptr::null_mut(), &raw mut at, der.len().try_into().unwrap()) };
        let _ = library().take_errors();
        if made.is_null() {
            return None;
        }
        self.lists.push(made);
        Some(made)
    }

    fn verify(&mut self, case: &Case, flags: c_ulong, given: &Given) -> Result<Verdict, String> {
        let functions = &library().functions().x509_vfy;
        let init = c!("X509_STORE_CTX_init", fn(*mut X509_STORE_CTX, *mut X509_STORE, *mut X509, *mut c_void) -> c_int);
        let set_default = c!("X509_STORE_CTX_set_default", fn(*mut X509_STORE_CTX, *const c_char) -> c_int);
        let set_depth = c!("X509_VERIFY_PARAM_set_depth", fn(*mut c_void, c_int));
        let push = match is_new() {
            true => c!("OPENSSL_sk_push", fn(*mut c_void, *mut c_void) -> c_int),
            false => c!("sk_push", fn(*mut c_void, *mut c_void) -> c_int),
        };
        // What libssl sets when it verifies such a peer.
        let purpose = if case.validation_kind == Kind::Server { c"ssl_server" } else { c"ssl_client" };
        // SAFETY: live objects of this library, which outlive the verification; names with their length or a NUL.
        unsafe {
            for certificate in &given.trusted {
                // The same root twice is refused by 1.0.2, and is there all the same.
                (functions.X509_STORE_add_cert)(self.store, *certificate);
            }
            for list in &given.lists {
                assert_eq!((functions.X509_STORE_add_crl)(self.store, *list), 1);
            }
            for certificate in &given.untrusted {
                assert!(push(self.stack, certificate.cast()) > 0);
            }
            assert_eq!(init(self.context, self.store, given.peer, self.stack), 1);
            assert_eq!(set_default(self.context, purpose.as_ptr()), 1);
            let param = (functions.X509_STORE_CTX_get0_param)(self.context);
            assert_eq!((functions.X509_VERIFY_PARAM_set_flags)(param, flags), 1);
            if let Some(time) = case.time()? {
                let seconds = match time.duration_since(UNIX_EPOCH) {
                    Ok(after) => i64::try_from(after.as_secs()).ok(),
                    Err(before) => i64::try_from(before.duration().as_secs()).ok().map(|seconds| -seconds),
                };
                #[allow(clippy::useless_conversion)] // 32 bits wide on some platforms
                let seconds = seconds.and_then(|seconds| seconds.try_into().ok());
                (functions.X509_VERIFY_PARAM_set_time)(param, seconds.ok_or("a time beyond this platform's")?);
            }
            if let Some(depth) = case.max_chain_depth {
                // Before 1.1.0, and in LibreSSL, the root counts too.
                set_depth(param.cast(), c_int::try_from(depth).unwrap() + c_int::from(!is_new()));
            }
            if let Some(name) = &case.expected_peer_name {
                let set = if name.kind == "IP" {
                    let bytes = match name.value.parse::<IpAddr>().map_err(|_| "no IP address")? {
                        IpAddr::V4(ip) => ip.octets().to_vec(),
                        IpAddr::V6(ip) => ip.octets().to_vec(),
                    };
                    (functions.X509_VERIFY_PARAM_set1_ip)(param, bytes.as_ptr(), bytes.len())
                } else {
                    let host = CString::new(name.value.clone()).map_err(|_| "a NUL in the name")?;
                    (functions.X509_VERIFY_PARAM_set1_host)(param, host.as_ptr(), name.value.len())
                };
                if set != 1 {
                    return Ok(Verdict::Refused("the library takes no such name".to_owned()));
                }
            }
            let accepted = (functions.X509_verify_cert)(self.context) == 1;
            let code = (functions.X509_STORE_CTX_get_error)(self.context);
            let _ = library().take_errors();
            let words = text((library().functions().x509.X509_verify_cert_error_string)(code.into()));
            Ok(if accepted { Verdict::Accepted } else { Verdict::Refused(words.unwrap_or_default()) })
        }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        let functions = library().functions();
        let free_context = c!("X509_STORE_CTX_free", fn(*mut X509_STORE_CTX));
        let free_store = c!("X509_STORE_free", fn(*mut X509_STORE));
        // SAFETY: made here, freed once; the store keeps references of its own, the stack frees no item.
        unsafe {
            free_context(self.context);
            free_store(self.store);
            (functions.stack.OPENSSL_sk_free)(self.stack.cast());
            for certificate in &self.certificates {
                (functions.x509.X509_free)(*certificate);
            }
            for list in &self.lists {
                (functions.x509.X509_CRL_free)(*list);
            }
        }
    }
}

/// OpenSSL from 1.1.0 on.
fn is_new() -> bool {
    library().flavour() == Flavour::OpenSsl && library().version() >= Version::new(1, 1, 0)
}
