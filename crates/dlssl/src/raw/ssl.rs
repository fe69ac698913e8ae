//! `SSL`: one connection's C object.

use std::ffi::{CStr, CString, c_int, c_uint};
use std::ptr::{self, NonNull};

use dlssl_core::compat::bio as compat_bio;
use dlssl_core::compat::error::{note_others, restore};
use dlssl_core::ffi::constants::{
    ERR_LIB_SSL, SSL_AD_REASON_OFFSET, SSL_CTRL_CLEAR_MODE, SSL_CTRL_MODE, SSL_CTRL_SET_TLSEXT_HOSTNAME,
    SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_ZERO_RETURN, SSL_MODE_AUTO_RETRY, SSL_RECEIVED_SHUTDOWN,
    SSL_SENT_SHUTDOWN, TLSEXT_NAMETYPE_host_name, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, X509_CHECK_FLAG_NO_WILDCARDS,
};
use dlssl_core::ffi::{SSL, memory};
use dlssl_core::{ErrorEntry, ErrorStack, Library};

use super::act::{Act, Kind, Transfer};
use super::call::{Outer, Row, must_set_aside, plain, put_back, set_aside, tidy};
use super::stash::Stash;
use super::{Certificate, kernel_tls};
use crate::bio::Bio;
use crate::callback::{Frame, with_frame};
use crate::context::Context;
use crate::hostname::ServerName;

/// A connection.
pub(crate) struct Ssl {
    pointer: NonNull<SSL>,
    context: Context,
    /// The session stays good, also where the connection has no orderly end.
    keep_session: bool,
    offered: Option<Offered>,
}

/// A session that a client offered to go on with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// The name is still to be looked for in its certificate.
    Unchecked,
    /// It was found there when the context kept the session.
    Vouched,
}

/// What C made of it, where it did not just do it.
pub(crate) struct Outcome {
    /// The function's own result.
    pub(crate) result: c_int,
    /// `SSL_get_error`.
    pub(crate) code: c_int,
    /// The error queue.
    pub(crate) queue: ErrorStack,
    /// The queue was empty before: nothing in it is of others.
    pub(crate) was_empty: bool,
    /// `errno` right after the call.
    pub(crate) os: std::io::Error,
}

impl Ssl {
    pub(crate) fn new(context: &Context, row: &Row<'_>) -> Result<Self, ErrorStack> {
        let library = context.library();
        let new = library.functions().ssl.SSL_new;
        // SAFETY: live context, to which the connection takes a reference of its own.
        let pointer = row.plain(|| unsafe { new(context.as_ptr()) }, |ssl| ssl.is_null())?;
        let pointer = NonNull::new(pointer).ok_or_else(ErrorStack::default)?;
        Ok(Self { pointer, context: context.clone(), keep_session: false, offered: None })
    }

    /// The context that it was made from.
    #[inline]
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    #[inline]
    pub(crate) fn library(&self) -> &Library {
        self.context.library()
    }

    pub(crate) fn set_keep_session(&mut self, keep: bool) {
        self.keep_session = keep;
    }

    pub(super) fn set_offered(&mut self, offered: Offered) {
        self.offered = Some(offered);
    }

    pub(crate) fn offered(&self) -> Option<Offered> {
        self.offered
    }

    /// Whether C goes on by itself after a record that holds no data.
    #[cfg(unix)]
    pub(crate) fn set_auto_retry(&mut self, goes_on: bool) {
        let command = if goes_on { SSL_CTRL_MODE } else { SSL_CTRL_CLEAR_MODE };
        let ctrl = self.library().functions().ssl.SSL_ctrl;
        // SAFETY: live connection; these commands take no pointer.
        unsafe { ctrl(self.as_ptr(), command, SSL_MODE_AUTO_RETRY, ptr::null_mut()) };
    }

    /// The pointer, for C.
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut SSL {
        self.pointer.as_ptr()
    }

    /// Makes this the client's side.
    pub(crate) fn set_client(&self) {
        // SAFETY: live connection, before its handshake.
        unsafe { (self.library().functions().ssl.SSL_set_connect_state)(self.as_ptr()) };
    }

    /// Makes this the server's side.
    pub(crate) fn set_server(&self) {
        // SAFETY: live connection, before its handshake.
        unsafe { (self.library().functions().ssl.SSL_set_accept_state)(self.as_ptr()) };
    }

    /// Connects it to our BIO, of which C may ask for more than it needs at the moment: it gives no more than the record at hand.
    pub(crate) fn use_our_bio(&self) -> Result<(), ErrorStack> {
        let functions = self.library().functions();
        let bio = plain(self.library(), || compat_bio::new(functions, self.context.method()), |bio| bio.is_null())?;
        // SAFETY: live connection; a new BIO, which it becomes the owner of: for both directions it takes one reference.
        unsafe {
            (functions.ssl.SSL_set_bio)(self.as_ptr(), bio, bio);
            (functions.ssl.SSL_set_read_ahead)(self.as_ptr(), 1);
        }
        Ok(())
    }

    /// Connects it to a socket by the library's own BIO.
    pub(crate) fn use_descriptor(&self, descriptor: c_int) -> Result<(), ErrorStack> {
        let set = self.library().functions().ssl.SSL_set_fd;
        // SAFETY: live connection; C only keeps the number, and never closes it.
        plain(self.library(), || unsafe { set(self.as_ptr(), descriptor) }, |result| *result != 1).map(drop)
    }

    /// Sends the name with the first message (SNI).
    pub(crate) fn set_server_name_indication(&self, host: &str, row: &Row<'_>) -> Result<(), ErrorStack> {
        let Ok(host) = CString::new(host) else { return Err(ErrorStack::default()) };
        let ctrl = self.library().functions().ssl.SSL_ctrl;
        let kind = super::memory::long(TLSEXT_NAMETYPE_host_name);
        row.plain(
            // SAFETY: live connection; the command copies the string, which ends with NUL.
            || unsafe { ctrl(self.as_ptr(), SSL_CTRL_SET_TLSEXT_HOSTNAME, kind, host.as_ptr().cast_mut().cast()) },
            |result| *result != 1,
        )
        .map(drop)
    }

    /// Accepts only certificates that are valid for the name.
    pub(crate) fn expect_name(&self, name: &ServerName, no_wildcards: bool, row: &Row<'_>) -> Result<(), ErrorStack> {
        let functions = self.library().functions();
        let flags = name_flags(no_wildcards);
        row.plain(
            // SAFETY: live connection, which owns its parameters; name and address are copied, with their lengths.
            || unsafe {
                let param = (functions.ssl.SSL_get0_param)(self.as_ptr());
                match name {
                    ServerName::Dns(host) => {
                        (functions.x509_vfy.X509_VERIFY_PARAM_set_hostflags)(param, flags);
                        (functions.x509_vfy.X509_VERIFY_PARAM_set1_host)(param, host.as_ptr().cast(), host.len())
                    }
                    ServerName::Ip(std::net::IpAddr::V4(ip)) => {
                        (functions.x509_vfy.X509_VERIFY_PARAM_set1_ip)(param, ip.octets().as_ptr(), 4)
                    }
                    ServerName::Ip(std::net::IpAddr::V6(ip)) => {
                        (functions.x509_vfy.X509_VERIFY_PARAM_set1_ip)(param, ip.octets().as_ptr(), 16)
                    }
                }
            },
            |result| *result != 1,
        )
        .map(drop)
    }

    /// Whether the library is this process's, and nobody else can have left entries in its error queue: what a
    /// [transfer](Self::transfer) asks for.
    #[inline(always)]
    pub(crate) fn is_straight(&self) -> bool {
        let library = self.library();
        !library.is_inherited() && !must_set_aside(library)
    }

    /// Reads or writes, with callbacks connected to `bio` and `stash`: C's own result. What is not positive, and a panic, are for
    /// [`finish_transfer`](Self::finish_transfer).
    #[inline(always)]
    pub(crate) fn transfer(&mut self, bio: &mut dyn Bio, stash: &mut Stash, what: Transfer<'_>) -> c_int {
        with_frame(self.frame(Some(bio), stash), || what.call(self))
    }

    #[inline(always)]
    fn frame<'a>(&'a self, bio: Option<&'a mut dyn Bio>, stash: &'a mut Stash) -> Frame<'a> {
        Frame { library: self.library(), bio, stash, context: Some(&self.context) }
    }

    /// What came of a transfer that was not just done.
    pub(crate) fn finish_transfer(&self, result: c_int, kind: Kind, stash: &mut Stash) -> Result<usize, Outcome> {
        self.finish(result, false, None, stash, kind)
    }

    /// Does one thing on the connection, with callbacks connected to `bio` and `stash`: how much, or what else came of it.
    #[inline(always)]
    pub(crate) fn handle<A: Act + ?Sized>(
        &mut self,
        bio: Option<&mut dyn Bio>,
        stash: &mut Stash,
        what: &mut A,
    ) -> Result<usize, Outcome> {
        let library = self.library();
        let kind = what.kind();
        // Of C's own socket BIO we know too little to tell whose entries are found afterwards.
        let was_empty = !kind.is_on_data_path() || bio.is_none() || must_set_aside(library);
        let outer = if was_empty { set_aside(library) } else { None };
        // A trait object behind `&mut` is tied to one lifetime until it is named anew.
        let bio = bio.filter(|_| !stash.renegotiation).map(|bio| -> &mut dyn Bio { bio });
        // One thread alone has the connection (`&mut self`).
        let result = with_frame(self.frame(bio, stash), || what.call(self));
        if result > 0 && !was_empty && !stash.has_panicked() {
            // Positive.
            return Ok(result as usize);
        }
        self.finish(result, was_empty, outer, stash, kind)
    }

    /// The end of a call into C that was more than a success on the data path.
    #[cold]
    fn finish(
        &self,
        result: c_int,
        was_empty: bool,
        outer: Outer,
        stash: &mut Stash,
        kind: Kind,
    ) -> Result<usize, Outcome> {
        let library = self.library();
        let sends_file = kind.sends_file();
        let outcome = match usize::try_from(result) {
            Ok(count) if count > 0 || sends_file => {
                if !kind.is_on_data_path() {
                    tidy(library);
                }
                Ok(count)
            }
            _ => {
                let outcome = self.outcome(result, was_empty, kind == Kind::Read);
                Err(if sends_file { kernel_tls::with_system_error(outcome) } else { outcome })
            }
        };
        put_back(library, outer);
        stash.go_on_with_panic();
        outcome
    }

    /// What C says about a call that it did not just do. To be called right after it.
    fn outcome(&self, result: c_int, was_empty: bool, reads: bool) -> Outcome {
        let os = std::io::Error::last_os_error();
        let library = self.library();
        // SAFETY: live connection; to be called after the call that gave `result`, with nothing in between but itself.
        let ask = || unsafe { (library.functions().ssl.SSL_get_error)(self.as_ptr(), result) };
        let mut code = ask();
        // C says so only with an empty queue.
        let is_pause = matches!(code, SSL_ERROR_WANT_READ | SSL_ERROR_WANT_WRITE);
        let mut queue = if is_pause { ErrorStack::default() } else { library.take_errors() };
        if !was_empty && !queue.is_empty() {
            // C takes any entry for its own. Without them it goes by the state of the connection. There, an alert of ours
            // that could not be sent looks like a pause, and the peer's like an end; but that leaves an entry after all
            // others.
            let by_state = ask();
            let is_alert = |entry: &ErrorEntry| {
                entry.library_number() == ERR_LIB_SSL && entry.reason_number() >= SSL_AD_REASON_OFFSET
            };
            let has_not_failed = match by_state {
                SSL_ERROR_WANT_READ => true,
                SSL_ERROR_WANT_WRITE => !reads,
                SSL_ERROR_ZERO_RETURN => reads && !queue.entries().last().is_some_and(is_alert),
                _ => false,
            };
            if has_not_failed {
                note_others(library);
                restore(library.functions(), queue.entries());
                (code, queue) = (by_state, ErrorStack::default());
            }
        }
        Outcome { result, code, queue, was_empty, os }
    }

    /// Gives C's buffers back until they are needed again. `between_records`: nothing of a record that has begun is with
    /// C, which our BIO knows.
    pub(crate) fn free_buffers(&mut self, between_records: bool) -> bool {
        let free = between_records && !self.has_pending();
        if free {
            // SAFETY: live connection of this library, which holds no byte of its peer, as was just asked.
            unsafe { dlssl_core::compat::options::free_buffers(self.library().functions(), self.as_ptr()) };
        }
        free
    }

    /// Whether the peer has said that it will send nothing more.
    pub(crate) fn has_received_close(&self) -> bool {
        self.shutdown_state() & SSL_RECEIVED_SHUTDOWN != 0
    }

    /// Whether we have said so.
    pub(crate) fn has_sent_close(&self) -> bool {
        self.shutdown_state() & SSL_SENT_SHUTDOWN != 0
    }

    fn shutdown_state(&self) -> c_int {
        // SAFETY: live connection; plain getter.
        unsafe { (self.library().functions().ssl.SSL_get_shutdown)(self.as_ptr()) }
    }

    /// Decrypted bytes that are ready.
    pub(crate) fn pending(&self) -> usize {
        // SAFETY: live connection; plain getter.
        let pending = unsafe { (self.library().functions().ssl.SSL_pending)(self.as_ptr()) };
        usize::try_from(pending).unwrap_or(0)
    }

    /// Whether the library holds bytes of the peer, decrypted or not.
    pub(crate) fn has_pending(&self) -> bool {
        // SAFETY: live connection of this library.
        unsafe { dlssl_core::compat::options::has_pending(self.library().functions(), self.as_ptr()) }
    }

    /// Number of the negotiated version.
    pub(crate) fn version(&self) -> c_int {
        // SAFETY: live connection; plain getter.
        unsafe { (self.library().functions().ssl.SSL_version)(self.as_ptr()) }
    }

    /// Name of the negotiated version; a static string of the library, which is never unloaded.
    pub(crate) fn version_name(&self) -> &str {
        // SAFETY: live connection; a static string.
        unsafe { static_text((self.library().functions().ssl.SSL_get_version)(self.as_ptr())) }
    }

    /// Name of the negotiated cipher suite; static as above. Empty before the handshake.
    pub(crate) fn cipher_name(&self) -> &str {
        let ssl = &self.library().functions().ssl;
        // SAFETY: live connection; a static string, also for null ("(NONE)").
        unsafe {
            let cipher = (ssl.SSL_get_current_cipher)(self.as_ptr());
            if cipher.is_null() { "" } else { static_text((ssl.SSL_CIPHER_get_name)(cipher)) }
        }
    }

    /// Secret bits of the negotiated cipher suite; 0 before the handshake.
    pub(crate) fn cipher_bits(&self) -> u32 {
        let ssl = &self.library().functions().ssl;
        // SAFETY: live connection; a suite is static, null is told apart; nobody asks for the algorithm's own bits.
        let bits = unsafe {
            let cipher = (ssl.SSL_get_current_cipher)(self.as_ptr());
            if cipher.is_null() { 0 } else { (ssl.SSL_CIPHER_get_bits)(cipher, ptr::null_mut()) }
        };
        u32::try_from(bits).unwrap_or(0)
    }

    /// Protocol that ALPN selected.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        let (mut data, mut len): (_, c_uint) = (ptr::null(), 0);
        // SAFETY: live connection, which owns the bytes and keeps them while it is borrowed; out pointers are live.
        let selected = unsafe {
            (self.library().functions().ssl.SSL_get0_alpn_selected)(self.as_ptr(), &raw mut data, &raw mut len);
            memory::slice(data, isize::try_from(len).unwrap_or(0))
        };
        (!selected.is_empty()).then_some(selected)
    }

    /// Name that the client asked for; `None` also for one that is not UTF-8.
    pub(crate) fn server_name(&self) -> Option<&str> {
        // SAFETY: live connection; null, or a string that it keeps for as long as it is not used mutably.
        unsafe {
            let name = (self.library().functions().ssl.SSL_get_servername)(self.as_ptr(), TLSEXT_NAMETYPE_host_name);
            if name.is_null() { None } else { CStr::from_ptr(name).to_str().ok() }
        }
    }

    /// The peer's own certificate.
    pub(crate) fn peer_certificate(&self) -> Option<Certificate> {
        // SAFETY: live connection; the function gives a reference that is ours to free.
        unsafe {
            let certificate = (self.library().functions().ssl.SSL_get1_peer_certificate)(self.as_ptr());
            Certificate::from_raw(self.library(), certificate)
        }
    }

    /// The certificates that the peer sent, its own first. A server's list lacks that one in the library.
    pub(crate) fn peer_chain(&self) -> Vec<Certificate> {
        let own = self.peer_certificate();
        // SAFETY: live connection, which owns the stack.
        let mut chain = unsafe {
            let chain = (self.library().functions().ssl.SSL_get_peer_cert_chain)(self.as_ptr());
            Certificate::copies_of(self.library(), chain)
        };
        if let Some(own) = own
            && chain.first().is_none_or(|first| first.der() != own.der())
        {
            chain.insert(0, own);
        }
        chain
    }

    /// Copies of the certificates of the chain that verification built, where C keeps it.
    pub(crate) fn kept_chain(&self) -> Vec<Certificate> {
        // SAFETY: live connection of this library, which owns the stack.
        unsafe {
            let chain = dlssl_core::compat::verify::kept_chain(self.library().functions(), self.as_ptr());
            Certificate::copies_of(self.library(), chain)
        }
    }

    /// Number of the verification result; 0 is "accepted".
    pub(crate) fn verify_result(&self) -> i64 {
        // SAFETY: live connection; plain getter.
        let result = unsafe { (self.library().functions().ssl.SSL_get_verify_result)(self.as_ptr()) };
        #[allow(clippy::useless_conversion)] // 32 bits wide on Windows
        i64::from(result)
    }
}

impl Drop for Ssl {
    fn drop(&mut self) {
        // What a process inherited is left alone, as all that C owns.
        if self.library().is_inherited() {
            return;
        }
        if self.keep_session {
            self.end_quietly();
        }
        // SAFETY: owned by us, made by this library, freed once, before the context, to whose data C holds pointers.
        unsafe { (self.library().functions().ssl.SSL_free)(self.as_ptr()) };
    }
}

// SAFETY: a connection has no ties to the thread that made it.
unsafe impl Send for Ssl {}
// SAFETY: what changes it wants it alone; what is public on a shared reference only reads.
unsafe impl Sync for Ssl {}

/// How names are compared.
pub(super) fn name_flags(no_wildcards: bool) -> c_uint {
    let flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    if no_wildcards { flags | X509_CHECK_FLAG_NO_WILDCARDS } else { flags }
}

/// Views a static string of a library; what is not UTF-8 is left out.
///
/// # Safety
/// `text` must be null or a string that ends with NUL and lives as long as the program.
unsafe fn static_text(text: *const std::ffi::c_char) -> &'static str {
    if text.is_null() {
        return "";
    }
    // SAFETY: not null, so by contract such a string.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or_default()
}
