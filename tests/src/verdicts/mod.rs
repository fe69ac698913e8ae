//! Verdicts on certificates: cases in the shape of x509-limbo's, dlssl's verdict on each, the loaded library's own and the
//! right one.
//!
//! Two things are held: dlssl accepts nothing that the library by itself refuses, and it says what is right but for the
//! differences that [`known`] lists with their reasons.

pub mod case;
pub mod cases;
pub mod certificate;
pub mod der;
pub mod flight;
pub mod known;
pub mod ours;
pub mod theirs;

use dlssl::Certificate;
use serde::Serialize;

use crate::library::library;
use crate::pem::pem_to_der;
use case::{Case, Expected};
use known::Known;
use ours::Way;
use theirs::Order;

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The peer is who it should be.
    Accepted,
    /// It is not, and why.
    Refused(String),
}

impl Verdict {
    /// Whether it is accepted.
    pub fn is_accepted(&self) -> bool {
        *self == Verdict::Accepted
    }
}

/// What came of a case.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    /// Of the case.
    pub id: String,
    /// The right verdict.
    pub expected: Expected,
    /// dlssl's; why it was not tried.
    pub ours: Result<Verdict, String>,
    /// The library's own, as it is by default; why it was not tried.
    pub theirs: Result<Verdict, String>,
    /// Whether a whole handshake was judged too.
    pub handshake: bool,
    /// Why dlssl may differ from the right verdict.
    pub known: Option<&'static str>,
    /// What must not be.
    pub faults: Vec<String>,
}

impl Judged {
    /// Whether dlssl's verdict is not the right one.
    pub fn differs(&self) -> bool {
        self.ours.as_ref().is_ok_and(|ours| ours.is_accepted() != (self.expected == Expected::Success))
    }
}

/// Judges a case on the library under test. `known` says which differences may be; without it, all may.
pub fn judge(case: &Case, known: Option<&'static [Known]>) -> Judged {
    let ours = ours::verdict(case);
    let theirs = theirs::verdict(case, Order::Default);
    let mut judged = Judged {
        id: case.id.clone(),
        expected: case.expected_result,
        ours,
        theirs,
        handshake: false,
        known: None,
        faults: Vec::new(),
    };
    let entry = known.unwrap_or_default().iter().find(|entry| entry.is_about(&case.id));
    judged.known = entry.map(|entry| entry.why);
    let trusted_first = || theirs::verdict(case, Order::TrustedFirst).is_ok_and(|verdict| verdict.is_accepted());
    judged.faults.extend(too_permissive(&judged, trusted_first));
    if let Some(Way::Judged(whole)) = ours::handshake(case) {
        judged.handshake = true;
        if let Ok(ours) = &judged.ours
            && ours.is_accepted() != whole.is_accepted()
        {
            judged.faults.push(format!("the hand-written flight: {ours:?}, a handshake: {whole:?}"));
        }
    }
    if known.is_some() {
        judged.faults.extend(surprise(&judged));
    }
    judged
}

/// What dlssl accepts and the library refuses, however it looks for issuers.
fn too_permissive(judged: &Judged, trusted_first: impl Fn() -> bool) -> Option<String> {
    match (&judged.ours, &judged.theirs) {
        (Ok(Verdict::Accepted), Ok(Verdict::Refused(why))) if !trusted_first() => {
            Some(format!("dlssl accepts what the library refuses: {why}"))
        }
        _ => None,
    }
}

/// A difference that is not listed, or one that is and is none.
fn surprise(judged: &Judged) -> Option<String> {
    match (&judged.ours, judged.differs(), judged.known) {
        (Err(why), ..) => Some(format!("not tried: {why}")),
        (Ok(ours), true, None) => Some(format!("{:?} expected, dlssl says {ours:?}", judged.expected)),
        (Ok(_), false, Some(why)) => Some(format!("dlssl is right, so this is no longer true: {why}")),
        _ => None,
    }
}

/// Whether a certificate that is trusted was signed by another: then a chain may end there.
fn trusts_intermediates(case: &Case) -> Result<bool, String> {
    for pem in &case.trusted_certs {
        if let Ok(root) = Certificate::from_der(library(), &pem_to_der(pem)?)
            && root.subject().ok() != root.issuer().ok()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(ours: Verdict, theirs: Verdict, expected: Expected, known: Option<&'static str>) -> Judged {
        Judged {
            id: String::new(),
            expected,
            ours: Ok(ours),
            theirs: Ok(theirs),
            handshake: false,
            known,
            faults: Vec::new(),
        }
    }

    #[test]
    fn only_what_the_library_refuses_is_too_permissive() {
        let refused = || Verdict::Refused("expired".to_owned());
        let fault = |ours, theirs, trusted_first: bool| {
            too_permissive(&judged(ours, theirs, Expected::Success, None), || trusted_first).is_some()
        };
        assert!(fault(Verdict::Accepted, refused(), false));
        assert!(!fault(Verdict::Accepted, refused(), true));
        assert!(!fault(Verdict::Accepted, Verdict::Accepted, false));
        assert!(!fault(refused(), refused(), false) && !fault(refused(), Verdict::Accepted, false));
    }

    #[test]
    fn a_difference_is_listed_and_a_listed_one_is_there() {
        let fault =
            |expected, known| surprise(&judged(Verdict::Accepted, Verdict::Accepted, expected, known)).is_some();
        assert!(fault(Expected::Failure, None) && fault(Expected::Success, Some("because")));
        assert!(!fault(Expected::Failure, Some("because")) && !fault(Expected::Success, None));
    }
}
