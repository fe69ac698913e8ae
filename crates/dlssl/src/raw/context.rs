//! `SSL_CTX`: one setting, one method; a failure gives the error queue.

use std::ffi::{CStr, c_int, c_long, c_ulong, c_void};
use std::ptr;
use std::sync::{Arc, OnceLock};

use dlssl_core::compat::{options, protocol};
use dlssl_core::ffi::SSL_CTX;
use dlssl_core::ffi::constants::{
    ERR_LIB_X509, SSL_CTRL_CLEAR_MODE, SSL_CTRL_EXTRA_CHAIN_CERT, SSL_CTRL_MODE, SSL_CTRL_SET_ECDH_AUTO,
    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, SSL_MODE_AUTO_RETRY, SSL_MODE_ENABLE_PARTIAL_WRITE, SSL_VERIFY_NONE,
    X509_R_CERT_ALREADY_IN_HASH_TABLE,
};
use dlssl_core::ffi::options::{OptionSpec, Setting};
use dlssl_core::{ErrorStack, Flavour, Library, Version};

use super::call::plain;
use super::{Certificate, Crl, PrivateKey, owner};
use crate::callback::{self, AlpnChoice};

owner! {
    /// The C object.
    RawContext, SSL_CTX, ssl.SSL_CTX_free
}

/// A context. Configured before it is shared; each connection keeps it alive.
pub(crate) struct SslContext {
    /// Freed before what C holds pointers to.
    raw: RawContext,
    library: Library,
    alpn: OnceLock<Arc<AlpnChoice>>,
    staple: OnceLock<Arc<[u8]>>,
}

impl SslContext {
    /// A context for any version of TLS, either side.
    pub(crate) fn new(library: &Library) -> Result<Self, ErrorStack> {
        let ssl = &library.functions().ssl;
        // SAFETY: the library's own method.
        let pointer = plain(library, || unsafe { (ssl.SSL_CTX_new)((ssl.TLS_method)()) }, |ctx| ctx.is_null())?;
        // SAFETY: just made, owned by nobody else.
        let raw = unsafe { RawContext::from_raw(library, pointer) }.ok_or_else(ErrorStack::default)?;
        let this = Self { raw, library: library.clone(), alpn: OnceLock::new(), staple: OnceLock::new() };
        // A write takes what fits into one record, and may come back from another buffer (our BIO keeps what was not
        // sent). After a record that holds no data a read comes back to us, who count them: in C it would go on for as
        // long as the peer sends such.
        this.ctrl(SSL_CTRL_MODE, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        this.ctrl(SSL_CTRL_CLEAR_MODE, SSL_MODE_AUTO_RETRY);
        // 1.0.2 picks no curve by itself; later versions always do and do not know the command.
        if library.flavour() == Flavour::OpenSsl && library.version() < Version::new(1, 1, 0) {
            this.ctrl(SSL_CTRL_SET_ECDH_AUTO, 1);
        }
        Ok(this)
    }

    pub(super) fn ctrl(&self, command: c_int, number: c_long) -> c_long {
        // SAFETY: live context; these commands take no pointer.
        unsafe { (self.library.functions().ssl.SSL_CTX_ctrl)(self.as_ptr(), command, number, ptr::null_mut()) }
    }

    /// Runs one setting whose function gives 1 for success.
    pub(super) fn set(&self, call: impl FnOnce() -> c_int) -> Result<(), ErrorStack> {
        plain(&self.library, call, |result| *result != 1).map(drop)
    }

    /// Applies a setting by name; what the library makes of it. `Missing` when it cannot, also when it refuses a bit.
    pub(crate) fn apply(&self, option: OptionSpec) -> Setting {
        let setting = option.resolve(self.library.flavour(), self.library.version());
        match setting {
            Setting::Bits(bits) => {
                // SAFETY: live context of this library.
                if unsafe { options::set(self.library.functions(), self.as_ptr(), bits) } {
                    setting
                } else {
                    Setting::Missing
                }
            }
            other => other,
        }
    }

    /// Number of the lowest version that it would speak as it is.
    pub(crate) fn min_protocol(&self) -> Option<c_int> {
        // SAFETY: live context of this library.
        unsafe { protocol::min_of_context(self.library.functions(), self.library.flavour(), self.as_ptr()) }
    }

    /// Whether the library's own list of cipher suites is good as it is, and may be the distribution's policy.
    pub(crate) fn has_good_ciphers(&self) -> bool {
        self.library.flavour() == Flavour::OpenSsl && self.library.version() >= Version::new(1, 1, 0)
    }

    /// Bounds the protocol versions.
    pub(crate) fn set_bounds(&self, bounds: protocol::Bounds) -> Result<(), protocol::BoundRefused> {
        let identity = (self.library.flavour(), self.library.version());
        // SAFETY: live context of this library.
        unsafe { protocol::set_bounds(self.library.functions(), identity, self.as_ptr(), bounds) }
    }

    pub(crate) fn set_cipher_list(&self, list: &CStr) -> Result<(), ErrorStack> {
        let set = self.library.functions().ssl.SSL_CTX_set_cipher_list;
        // SAFETY: live context; a string that ends with NUL.
        self.set(|| unsafe { set(self.as_ptr(), list.as_ptr()) })
    }

    /// `None` where the library has no cipher suites of TLS 1.3 to choose from.
    pub(crate) fn set_ciphersuites(&self, list: &CStr) -> Option<Result<(), ErrorStack>> {
        options::set_ciphersuites(&self.library, |set| {
            // SAFETY: live context; a string that ends with NUL.
            self.set(|| unsafe { set(self.as_ptr(), list.as_ptr()) })
        })
    }

    pub(crate) fn set_verify(&self, mode: c_int) {
        let set = self.library.functions().ssl.SSL_CTX_set_verify;
        let callback = (mode != SSL_VERIFY_NONE).then_some(callback::verify as _);
        // SAFETY: live context; a static callback.
        unsafe { set(self.as_ptr(), mode, callback) };
    }

    /// Has verification run through our callback.
    pub(crate) fn verify_by_ours(&self) {
        let set = self.library.functions().ssl.SSL_CTX_set_cert_verify_callback;
        // SAFETY: live context; a static callback that needs no data.
        unsafe { set(self.as_ptr(), Some(callback::verify_chain), ptr::null_mut()) };
    }

    /// Sets flags of verification; an error when not all of them are set afterwards.
    pub(crate) fn set_verify_flags(&self, flags: c_ulong) -> Result<(), ErrorStack> {
        let functions = self.library.functions();
        self.set(|| {
            // SAFETY: live context, which owns its parameters.
            unsafe {
                let param = (functions.ssl.SSL_CTX_get0_param)(self.as_ptr());
                let result = (functions.x509_vfy.X509_VERIFY_PARAM_set_flags)(param, flags);
                let set = (functions.x509_vfy.X509_VERIFY_PARAM_get_flags)(param) & flags == flags;
                if set { result } else { 0 }
            }
        })
    }

    /// Bounds how many certificates stand between the peer's own and the root. The library is never stricter than that;
    /// older ones count one more, so the callback checks exactly.
    pub(crate) fn set_verify_depth(&self, most: u32) {
        /// More than any chain has, and far from where versions overflow.
        const MOST: u32 = 10_000;
        let depth = c_int::try_from(most.min(MOST) + 1).unwrap_or(c_int::MAX);
        // SAFETY: live context.
        unsafe { (self.library.functions().ssl.SSL_CTX_set_verify_depth)(self.as_ptr(), depth) };
    }

    /// Verifies as of a moment, in seconds from 1970; an error where the platform cannot count that far.
    pub(crate) fn set_verify_time(&self, seconds: i64) -> Result<(), ()> {
        let functions = self.library.functions();
        #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions)] // 32 bits wide on some platforms
        let seconds = dlssl_core::ffi::time_t::try_from(seconds).map_err(|_| ())?;
        // SAFETY: live context, which owns its parameters.
        unsafe {
            let param = (functions.ssl.SSL_CTX_get0_param)(self.as_ptr());
            (functions.x509_vfy.X509_VERIFY_PARAM_set_time)(param, seconds);
        }
        Ok(())
    }

    /// Takes a revocation list into account.
    pub(crate) fn add_crl(&self, list: &Crl) -> Result<(), ErrorStack> {
        let functions = self.library.functions();
        let outcome = self.set(|| {
            // SAFETY: live context, which owns its store; the store takes a reference of its own.
            unsafe {
                let store = (functions.ssl.SSL_CTX_get_cert_store)(self.as_ptr());
                (functions.x509_vfy.X509_STORE_add_crl)(store, list.as_ptr())
            }
        });
        match outcome {
            // Older versions refuse a list that is already there; it is.
            Err(queue) if queue.has(ERR_LIB_X509, X509_R_CERT_ALREADY_IN_HASH_TABLE) => Ok(()),
            outcome => outcome,
        }
    }

    /// Tells clients that certificates of this authority are taken.
    pub(crate) fn add_client_authority(&self, certificate: &Certificate) -> Result<(), ErrorStack> {
        let add = self.library.functions().ssl.SSL_CTX_add_client_CA;
        // SAFETY: live context, which copies the certificate's name.
        self.set(|| unsafe { add(self.as_ptr(), certificate.as_ptr()) })
    }

    /// Trusts one certificate.
    pub(crate) fn trust(&self, certificate: &Certificate) -> Result<(), ErrorStack> {
        let functions = self.library.functions();
        let outcome = self.set(|| {
            // SAFETY: live context, which owns its store; the store takes a reference of its own.
            unsafe {
                let store = (functions.ssl.SSL_CTX_get_cert_store)(self.as_ptr());
                (functions.x509_vfy.X509_STORE_add_cert)(store, certificate.as_ptr())
            }
        });
        match outcome {
            // Older versions refuse a certificate that is already trusted; it is.
            Err(queue) if queue.has(ERR_LIB_X509, X509_R_CERT_ALREADY_IN_HASH_TABLE) => Ok(()),
            outcome => outcome,
        }
    }

    /// Trusts the certificates of a file or a directory, or both.
    pub(crate) fn trust_locations(&self, file: Option<&CStr>, directory: Option<&CStr>) -> Result<(), ErrorStack> {
        let load = self.library.functions().ssl.SSL_CTX_load_verify_locations;
        let pointer = |name: Option<&CStr>| name.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: live context; strings that end with NUL, or null for none.
        self.set(|| unsafe { load(self.as_ptr(), pointer(file), pointer(directory)) })
    }

    pub(crate) fn use_certificate(&self, certificate: &Certificate) -> Result<(), ErrorStack> {
        let set = self.library.functions().ssl.SSL_CTX_use_certificate;
        // SAFETY: live context, which takes a reference of its own.
        self.set(|| unsafe { set(self.as_ptr(), certificate.as_ptr()) })
    }

    /// Sends a certificate after the own one.
    pub(crate) fn add_chain_certificate(&self, certificate: Certificate) -> Result<(), ErrorStack> {
        let ctrl = self.library.functions().ssl.SSL_CTX_ctrl;
        plain(
            &self.library,
            // SAFETY: live context, which becomes the owner of the certificate when the command succeeds.
            || unsafe { ctrl(self.as_ptr(), SSL_CTRL_EXTRA_CHAIN_CERT, 0, certificate.as_ptr().cast()) },
            |result| *result != 1,
        )?;
        let _owned_by_the_context = certificate.into_raw();
        Ok(())
    }

    pub(crate) fn use_private_key(&self, key: &PrivateKey) -> Result<(), ErrorStack> {
        let ssl = &self.library.functions().ssl;
        // SAFETY: live context, which takes a reference of its own.
        self.set(|| unsafe { (ssl.SSL_CTX_use_PrivateKey)(self.as_ptr(), key.as_ptr()) })?;
        // SAFETY: live context.
        self.set(|| unsafe { (ssl.SSL_CTX_check_private_key)(self.as_ptr()) })
    }

    /// Offers protocols (client). `wire` is the list as ALPN writes it.
    pub(crate) fn offer_alpn(&self, wire: &[u8]) -> Result<(), ErrorStack> {
        let set = self.library.functions().ssl.SSL_CTX_set_alpn_protos;
        let len = std::ffi::c_uint::try_from(wire.len()).unwrap_or(0);
        // SAFETY: live context, which copies the list. This function gives 0 for success.
        self.set(|| unsafe { c_int::from(set(self.as_ptr(), wire.as_ptr(), len) == 0) })
    }

    /// Chooses among offered protocols (server). To be called once.
    pub(crate) fn choose_alpn(&self, choice: AlpnChoice) {
        let set = self.library.functions().ssl.SSL_CTX_set_alpn_select_cb;
        let choice = Arc::as_ptr(self.alpn.get_or_init(|| Arc::new(choice)));
        // SAFETY: live context; a static callback. Its argument is ours, never replaced, and every connection keeps us
        // alive.
        unsafe { set(self.as_ptr(), Some(callback::alpn_select), choice.cast_mut().cast::<c_void>()) };
    }

    /// Hears alerts, or `all` that the state machine does.
    pub(crate) fn hear_events(&self, all: bool) {
        let set = self.library.functions().ssl.SSL_CTX_set_info_callback;
        let hear: unsafe extern "C" fn(_, _, _) = if all { callback::info } else { callback::info_on_alerts };
        // SAFETY: live context; a static callback.
        unsafe { set(self.as_ptr(), Some(hear)) };
    }

    /// Status to staple with the certificate. To be called once.
    pub(crate) fn set_staple(&self, status: Arc<[u8]>) {
        let _ = self.staple.set(status);
    }

    pub(crate) fn staple(&self) -> Option<&[u8]> {
        self.staple.get().map(AsRef::as_ref)
    }

    /// Names the application in sessions, which servers that ask for certificates must do.
    pub(crate) fn set_session_id_context(&self, id: &[u8]) -> Result<(), ErrorStack> {
        let set = self.library.functions().ssl.SSL_CTX_set_session_id_context;
        let len = std::ffi::c_uint::try_from(id.len()).unwrap_or(0);
        // SAFETY: live context, which copies the bytes.
        self.set(|| unsafe { set(self.as_ptr(), id.as_ptr(), len) })
    }

    #[inline]
    pub(crate) fn library(&self) -> &Library {
        &self.library
    }

    /// The pointer, for C.
    pub(crate) fn as_ptr(&self) -> *mut SSL_CTX {
        self.raw.as_ptr()
    }
}
