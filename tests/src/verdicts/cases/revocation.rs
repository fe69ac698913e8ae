//! Revocation lists.

use super::{Case, Draft, Made, Pki, server};
use crate::verdicts::certificate::{Certificate, common_name, id, usage, utc};
use crate::verdicts::der::{boolean, inside, integer, octets, oid, sequence, small};

const THIS: &str = "250601000000Z";
const NEXT: &str = "250701000000Z";

pub(super) fn cases() -> Vec<Case> {
    let pki = Pki::new();
    let leaf = server().with(|leaf| leaf.serial = vec![0x55, 1]).signed_by(&pki.middle);
    let draft = |id, lists: &[Vec<u8>]| pki.draft(id, &leaf).lists(lists);
    let root = || List::new(&pki.root).made();
    let middle = || List::new(&pki.middle);
    let revoked = |serial: &[u8]| middle().revoke(serial).made();
    vec![
        draft("revocation::good", &[middle().made(), root()]).good("On no list."),
        draft("revocation::another", &[revoked(&[0x55, 2]), root()]).good("Another one is on the list."),
        draft("revocation::revoked", &[revoked(&[0x55, 1]), root()]).bad("The leaf is on the list."),
        intermediate_revoked(&pki),
        draft("revocation::no-list", &[root()]).bad("The intermediate's list is missing."),
        draft("revocation::no-list-of-the-root", &[middle().made()]).bad("The root's list is missing."),
        draft("revocation::expired", &[middle().times("240601000000Z", "240701000000Z").made(), root()])
            .bad("The list has expired."),
        draft("revocation::not-yet", &[middle().times("250701000000Z", "250801000000Z").made(), root()])
            .bad("The list is not valid yet."),
        draft("revocation::other-key", &[List { signer: pki.root.clone(), ..middle() }.made(), root()])
            .bad("The list has another's signature."),
        draft("revocation::unknown-critical", &[middle().critical().made(), root()])
            .bad("The list has a critical extension that nobody knows."),
        draft("revocation::unknown-critical-of-entry", &[middle().revoke(&[9]).critical_entry().made(), root()])
            .bad("So has an entry of it."),
        may_not_sign(&pki),
        draft("revocation::no-next", &[middle().without_next().made(), root()])
            .good("The list does not say when the next one comes."),
    ]
}

/// What a list shall say.
struct List {
    signer: Made,
    issuer: Vec<u8>,
    this: Vec<u8>,
    next: Option<Vec<u8>>,
    entries: Vec<Vec<u8>>,
    critical: bool,
    critical_entry: bool,
}

impl List {
    fn new(issuer: &Made) -> Self {
        List {
            signer: issuer.clone(),
            issuer: issuer.subject.clone(),
            this: utc(THIS),
            next: Some(utc(NEXT)),
            entries: Vec::new(),
            critical: false,
            critical_entry: false,
        }
    }

    fn revoke(mut self, serial: &[u8]) -> Self {
        self.entries.push(serial.to_vec());
        self
    }

    fn times(mut self, this: &str, next: &str) -> Self {
        (self.this, self.next) = (utc(this), Some(utc(next)));
        self
    }

    fn without_next(mut self) -> Self {
        self.next = None;
        self
    }

    fn critical(mut self) -> Self {
        self.critical = true;
        self
    }

    fn critical_entry(mut self) -> Self {
        self.critical_entry = true;
        self
    }

    fn made(&self) -> Vec<u8> {
        let unknown = sequence(&[oid(id::UNKNOWN), boolean(true), octets(&small(1))]);
        let entries = self.entries.iter().map(|serial| {
            let mut entry = vec![integer(serial), utc(THIS)];
            if self.critical_entry {
                entry.push(sequence(std::slice::from_ref(&unknown)));
            }
            sequence(&entry)
        });
        let entries: Vec<_> = entries.collect();
        let mut parts = vec![small(1), self.signer.key.algorithm().to_vec(), self.issuer.clone(), self.this.clone()];
        parts.extend(self.next.clone());
        if !entries.is_empty() {
            parts.push(sequence(&entries));
        }
        let mut extensions = vec![sequence(&[oid("2.5.29.20"), octets(&small(1))])];
        if self.critical {
            extensions.push(unknown);
        }
        parts.push(inside(0, &sequence(&extensions)));
        self.signer.key.sign(&sequence(&parts))
    }
}

fn intermediate_revoked(pki: &Pki) -> Case {
    let middle = Certificate::authority("revoked intermediate").with(|middle| middle.serial = vec![0x66, 1]);
    let middle = middle.signed_by(&pki.root);
    let lists = [List::new(&middle).made(), List::new(&pki.root).revoke(&[0x66, 1]).made()];
    Draft::new("revocation::intermediate", &[&pki.root], &[&middle], &server().signed_by(&middle))
        .lists(&lists)
        .bad("The intermediate is on the root's list.")
}

/// An authority whose key may not sign lists.
fn may_not_sign(pki: &Pki) -> Case {
    let middle = Certificate::authority("no lists").set(id::USAGE, true, &usage(&[5]));
    let middle = middle.with(|middle| middle.subject = common_name("no lists")).signed_by(&pki.root);
    Draft::new("revocation::may-not-sign", &[&pki.root], &[&middle], &server().signed_by(&middle))
        .lists(&[List::new(&middle).made(), List::new(&pki.root).made()])
        .bad("The intermediate's key may not sign lists.")
}
