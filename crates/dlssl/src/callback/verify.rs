//! `SSL_CTX_set_cert_verify_callback` and `SSL_CTX_set_verify`: the library's verification with our checks and the
//! program's own around it.
//!
//! What the library leaves to its version is decided here: weak keys and digests, names in the subject, the depth, pins.

use std::ffi::{c_int, c_void};
use std::sync::{Arc, OnceLock};

use dlssl_core::Library;
use dlssl_core::compat::verify as compat;
use dlssl_core::ffi::X509_STORE_CTX;
use dlssl_core::ffi::constants::X509_V_ERR_APPLICATION_VERIFICATION;
use once_cell::race::OnceBox;

use super::{Frame, in_callback};
use crate::config::{Verification, VerifyCallback};
use crate::context::Context;
use crate::error::{NO_HOST_NAME, VerifyFailure};
use crate::raw::{self, verify_error_text};
use crate::x509::{Certificate, Pin, sound, weak};

/// What a context demands beyond the library's own verification.
#[derive(Default)]
pub(crate) struct Policy {
    /// The chain is not judged.
    pub(crate) ignored: bool,
    /// Most certificates between the peer's own and the root.
    pub(crate) depth: Option<u32>,
    pub(crate) allow_weak: bool,
    pub(crate) pins: Vec<Pin>,
    pub(crate) callback: Option<VerifyCallback>,
}

impl Policy {
    /// Whether one of the certificates is pinned, or none needs to be.
    pub(crate) fn is_pinned(&self, chain: &[Certificate]) -> bool {
        self.pins.is_empty() || chain.iter().any(|certificate| self.pins.iter().any(|pin| pin.fits(certificate)))
    }
}

/// The chain that was verified, from the peer's own certificate to a trusted one. Its bytes are made again when somebody asks:
/// most never do.
#[derive(Default)]
pub(crate) enum Chain {
    #[default]
    None,
    /// C keeps it as long as the connection.
    InC(OnceBox<Vec<Certificate>>),
    /// C does not.
    Ours(Box<Kept>),
}

pub(crate) struct Kept {
    raw: Box<[Arc<raw::Certificate>]>,
    shown: OnceLock<Vec<Certificate>>,
}

impl Chain {
    fn of(library: &Library, chain: &[Certificate]) -> Self {
        if chain.is_empty() {
            Self::None
        } else if compat::keeps_chain(library.functions()) {
            Self::InC(OnceBox::new())
        } else {
            let raw = chain.iter().map(Certificate::shared).collect();
            Self::Ours(Box::new(Kept { raw, shown: OnceLock::new() }))
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The certificates; `ssl` is the connection's own.
    pub(crate) fn certificates(&self, ssl: &raw::Ssl) -> &[Certificate] {
        // Each was encoded once already.
        match self {
            Self::None => &[],
            Self::InC(shown) => {
                shown.get_or_init(|| Box::new(ssl.kept_chain().into_iter().filter_map(Certificate::new).collect()))
            }
            Self::Ours(kept) => {
                kept.shown.get_or_init(|| kept.raw.iter().map(Arc::clone).filter_map(Certificate::of_shared).collect())
            }
        }
    }
}

/// Verifies the peer's chain: the library's verification, then our checks. 1 or 0, no other number.
pub(crate) unsafe extern "C" fn verify_chain(store: *mut X509_STORE_CTX, _: *mut c_void) -> c_int {
    let prepared = in_callback(None, |frame| {
        // C, too, forgets the chain before.
        frame.stash.chain = Chain::None;
        frame.stash.vouches = false;
        let context = frame.context?;
        if context.verify_policy().allow_weak {
            // SAFETY: C hands a live store context of the frame's library.
            unsafe { compat::set_level(frame.library.functions(), store, 0) };
        }
        Some(context.clone())
    });
    let Some(context) = prepared else { return 0 };
    let (library, policy) = (context.library(), context.verify_policy());
    // Not inside of `in_callback`: C calls `verify` from here.
    // SAFETY: as above.
    let accepted = unsafe { compat::verify(library.functions(), store) };
    c_int::from(in_callback(false, |frame| {
        let step = Step { store, library };
        if !accepted {
            // Where nobody minds, this is not why a handshake fails.
            if !policy.ignored {
                frame.stash.refuse(|| failure(&step.verification(false)));
            }
            return false;
        }
        if policy.ignored {
            let chain = step.chain().filter(|_| step.code() == 0).unwrap_or_default();
            frame.stash.chain = Chain::of(library, &chain);
            return true;
        }
        // What cannot be looked at is not taken.
        let Some(chain) = step.chain() else {
            return refuse(frame, &step, step.fault(None, 0, "the library does not give the verified chain"));
        };
        if !own_checks(frame, policy, &step, &chain) {
            return false;
        }
        if step.code() == 0 {
            frame.stash.chain = Chain::of(library, &chain);
            // What a program may have overruled is looked at again when the session is resumed.
            frame.stash.vouches = policy.callback.as_ref().is_none_or(|callback| !callback.decides);
        }
        true
    }))
}

/// What the library leaves to its version; whether the chain may be taken.
fn own_checks(frame: &mut Frame<'_>, policy: &Policy, step: &Step<'_>, chain: &[Certificate]) -> bool {
    let weak = if policy.allow_weak { None } else { weak::in_chain(chain) };
    let between = chain.len().saturating_sub(2);
    let too_long = policy.depth.is_some_and(|most| between > most as usize);
    // Without alternative names some libraries look at the subject.
    let nameless = frame.stash.expects_dns && !chain.first().is_some_and(weak::has_dns_name);
    let faults = [
        sound::in_chain(chain),
        weak,
        too_long.then_some((chain.len() - 1, "certificate chain too long")),
        nameless.then_some((0, NO_HOST_NAME)),
    ];
    for (depth, reason) in faults.into_iter().flatten() {
        let fault = step.fault(chain.get(depth), depth, reason);
        let overruled = policy.callback.as_ref().is_some_and(|callback| callback.decides && (callback.judge)(&fault));
        if !overruled {
            return refuse(frame, step, fault);
        }
        // The verdict tells, as it does where the program overrules the library.
        if step.code() == 0 {
            step.set_code(fault.code);
        }
    }
    if !policy.is_pinned(chain) {
        return refuse(frame, step, step.fault(chain.first(), 0, "no certificate of the chain is pinned"));
    }
    true
}

/// Notes why, for C and for us.
fn refuse(frame: &mut Frame<'_>, step: &Step<'_>, fault: Verification) -> bool {
    step.set_code(fault.code);
    frame.stash.refuse(|| failure(&fault));
    false
}

/// One certificate, accepted by the library or not: the program may have its say, and a refusal is noted.
pub(crate) unsafe extern "C" fn verify(accepted: c_int, store: *mut X509_STORE_CTX) -> c_int {
    c_int::from(in_callback(false, |frame| {
        let accepted = accepted == 1;
        let Some(policy) = frame.context.map(Context::verify_policy) else { return accepted };
        if policy.ignored || accepted && policy.callback.is_none() {
            return accepted;
        }
        let step = Step { store, library: frame.library };
        let verification = step.verification(accepted);
        let taken = match &policy.callback {
            Some(callback) => {
                let said = compat::aside(|| (callback.judge)(&verification));
                if callback.decides { said } else { said && accepted }
            }
            None => accepted,
        };
        if taken {
            return true;
        }
        if accepted {
            step.set_code(X509_V_ERR_APPLICATION_VERIFICATION);
        }
        frame.stash.refuse(|| {
            let mut failure = failure(&verification);
            if accepted {
                failure.code = X509_V_ERR_APPLICATION_VERIFICATION;
                "the program's own verification refused it".clone_into(&mut failure.reason);
            }
            failure
        });
        false
    }))
}

/// The store context that C hands to a callback, with its library.
struct Step<'a> {
    store: *mut X509_STORE_CTX,
    library: &'a Library,
}

impl Step<'_> {
    fn code(&self) -> c_int {
        // SAFETY: C hands a live store context of this library; plain getter.
        unsafe { (self.library.functions().x509_vfy.X509_STORE_CTX_get_error)(self.store) }
    }

    fn set_code(&self, code: c_int) {
        // SAFETY: as above; plain setter.
        unsafe { (self.library.functions().x509_vfy.X509_STORE_CTX_set_error)(self.store, code) };
    }

    /// The chain as far as it is built; `None` where the library does not give it, or not all of it.
    fn chain(&self) -> Option<Vec<Certificate>> {
        let get = self.library.functions().x509_vfy.X509_STORE_CTX_get1_chain;
        // SAFETY: as above; the function gives a stack and references that are ours, or null.
        let chain = unsafe { raw::Certificate::all_of(self.library, get(self.store)) };
        let chain: Option<Vec<_>> = chain.into_iter().map(Certificate::new).collect();
        chain.filter(|chain| !chain.is_empty())
    }

    /// A fault that we found.
    fn fault(&self, certificate: Option<&Certificate>, depth: usize, reason: &str) -> Verification {
        Verification {
            accepted: false,
            code: X509_V_ERR_APPLICATION_VERIFICATION,
            reason: reason.to_owned(),
            depth: u32::try_from(depth).unwrap_or(u32::MAX),
            certificate: certificate.cloned(),
            chain: self.chain().unwrap_or_default(),
        }
    }

    fn verification(&self, accepted: bool) -> Verification {
        let x509_vfy = &self.library.functions().x509_vfy;
        // SAFETY: as above; the certificate is null, or lives as long as the store context.
        let (depth, certificate) = unsafe {
            let certificate = (x509_vfy.X509_STORE_CTX_get_current_cert)(self.store);
            let depth = (x509_vfy.X509_STORE_CTX_get_error_depth)(self.store);
            (depth, raw::Certificate::copy_of(self.library, certificate))
        };
        let code = if accepted { 0 } else { self.code() };
        Verification {
            accepted,
            code,
            reason: verify_error_text(self.library, i64::from(code)),
            depth: u32::try_from(depth).unwrap_or(0),
            certificate: certificate.and_then(Certificate::new),
            chain: self.chain().unwrap_or_default(),
        }
    }
}

fn failure(verification: &Verification) -> VerifyFailure {
    VerifyFailure {
        code: verification.code,
        reason: verification.reason.clone(),
        depth: verification.depth,
        certificate: verification.certificate.clone(),
        subject: verification.certificate.as_ref().map(Certificate::subject_line).unwrap_or_default(),
        issuer: verification.certificate.as_ref().map(Certificate::issuer_line).unwrap_or_default(),
    }
}
