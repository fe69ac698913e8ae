//! Revocation lists.

use super::{Case, Draft, Made, Pki, server};
use crate::verdicts::certificate::{Certificate, common_name, dns, extension, generalized, id, usage, utc};
use crate::verdicts::der::{concat, inside, integer, oid, plain, sequence, small, tlv};

const THIS: &str = "250601000000Z";
const NEXT: &str = "250701000000Z";

/// RFC 5280: the number of a list, what a list is about, and where a certificate's list is.
const NUMBER: &str = "2.5.29.20";
const SCOPE: &str = "2.5.29.28";
const PLACES: &str = "2.5.29.31";
const PLACE: &str = "http://server.test/list";

pub(super) fn cases() -> Vec<Case> {
    let pki = Pki::new();
    let leaf = server().with(|leaf| leaf.serial = vec![0x55, 1]).signed_by(&pki.middle);
    let draft = |id, lists: &[Vec<u8>]| pki.draft(id, &leaf).lists(lists);
    let root = || List::new(&pki.root).made();
    let middle = || List::new(&pki.middle);
    let revoked = |serial: &[u8]| middle().revoke(serial).made();
    let mut cases = vec![
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
        draft("revocation::unknown-critical", &[middle().extended(id::UNKNOWN, true, &small(1)).made(), root()])
            .bad("The list has a critical extension that nobody knows."),
        draft("revocation::unknown-critical-of-entry", &[middle().revoke(&[9]).entries_with(true).made(), root()])
            .bad("So has an entry of it."),
        may_not_sign(&pki),
        draft("revocation::no-next", &[middle().without_next().made(), root()])
            .good("The list does not say when the next one comes."),
        draft("revocation::on-another-list", &[middle().made(), List::new(&pki.root).revoke(&[0x55, 1]).made()])
            .good("Another authority's list has the same number."),
        draft("revocation::twice", &[middle().revoke(&[0x55, 1]).revoke(&[0x55, 1]).made(), root()])
            .bad("The leaf is on the list twice."),
        draft("revocation::long-list", &[long_list(middle()), root()]).good("Ten thousand others are on the list."),
        draft("revocation::long-list-and-leaf", &[long_list(middle().revoke(&[0x55, 1])), root()])
            .bad("So are they, and the leaf."),
        draft("revocation::unknown", &[middle().extended(id::UNKNOWN, false, &small(1)).made(), root()])
            .good("The list has an extension that nobody knows."),
        draft("revocation::unknown-of-entry", &[middle().revoke(&[0x55, 1]).entries_with(false).made(), root()])
            .bad("The leaf's entry has one."),
        draft("revocation::critical-of-entry", &[middle().revoke(&[0x55, 1]).entries_with(true).made(), root()])
            .bad("The leaf's entry has a critical one."),
        draft("revocation::in-the-future", &[middle().since("260101000000Z").revoke(&[0x55, 1]).made(), root()])
            .bad("The leaf is on the list, as of a day to come."),
        draft("revocation::before-the-leaf", &[middle().since("200101000000Z").revoke(&[0x55, 1]).made(), root()])
            .bad("The leaf is on the list, as of a day before it began."),
        draft("revocation::no-number", &[List { extensions: Vec::new(), ..middle() }.made(), root()])
            .bad("The list has no number, which RFC 5280 wants."),
        draft(
            "revocation::number-critical",
            &[List { extensions: Vec::new(), ..middle() }.extended(NUMBER, true, &small(1)).made(), root()],
        )
        .bad("The list's number is critical, which RFC 5280 forbids."),
        draft("revocation::version-3", &[List { version: 2, ..middle() }.made(), root()])
            .bad("There is no version 3 of lists."),
        draft(
            "revocation::generalized",
            &[List { next: Some(generalized("20250701000000Z")), ..middle() }.made(), root()],
        )
        .bad("Before 2050, a time has two digits for the year."),
        no_usage(),
    ];
    cases.extend(scopes(&pki));
    cases
}

/// Lists that are about some certificates only.
fn scopes(pki: &Pki) -> Vec<Case> {
    let uri = |text: &str| plain(6, text.as_bytes());
    let place = |names: &[Vec<u8>]| inside(0, &inside(0, &concat(names)));
    let at = |text: &str| place(&[uri(text)]);
    let yes = [0xFF];
    let leaf = |places: Option<&[Vec<u8>]>| {
        let leaf =
            places.map_or_else(server, |names| server().add(PLACES, false, &sequence(&[sequence(&[place(names)])])));
        leaf.signed_by(&pki.middle)
    };
    let list = |scope: &[Vec<u8>]| List::new(&pki.middle).extended(SCOPE, true, &sequence(scope)).made();
    let scoped = |id, places: Option<&[Vec<u8>]>, scope: &[Vec<u8>]| {
        pki.draft(id, &leaf(places)).lists(&[list(scope), List::new(&pki.root).made()])
    };
    let here = [uri(PLACE)];
    let here = Some(&here[..]);
    let relative = inside(0, &inside(1, &sequence(&[oid("2.5.4.3"), tlv(0x0C, b"part")])));
    let of_root = List::new(&pki.root).extended(SCOPE, true, &sequence(&[plain(1, &yes)])).made();
    vec![
        scoped("revocation::place", here, &[at(PLACE)]).good("The list is that of the place the leaf names."),
        scoped("revocation::place-other", here, &[at("http://server.test/other")])
            .bad("The list is that of another place."),
        scoped("revocation::place-spelled-otherwise", here, &[at("http://server.test/%6Cist")])
            .bad("The same place spelled otherwise: bytes count."),
        scoped("revocation::place-of-none", None, &[at(PLACE)]).bad("The list has a place, and the leaf names none."),
        scoped("revocation::place-among-two", here, &[place(&[dns("server.test"), uri(PLACE)])])
            .good("The list has two names, one of which the leaf names."),
        scoped("revocation::place-relative", None, &[relative]).bad("The list's place is relative to its issuer."),
        scoped("revocation::only-leaves", None, &[plain(1, &yes)]).good("The list is about leaves."),
        scoped("revocation::only-authorities", None, &[plain(2, &yes)])
            .bad("The list is about authorities, and the leaf is none."),
        scoped("revocation::only-attributes", None, &[plain(5, &yes)]).bad("The list is about attribute certificates."),
        scoped("revocation::only-some-reasons", here, &[at(PLACE), plain(3, &[6, 0x40])])
            .bad("The list is about stolen keys only."),
        scoped("revocation::indirect", here, &[at(PLACE), plain(4, &yes)])
            .bad("A list that is for others' certificates too, which the web's rules forbid."),
        pki.draft("revocation::only-leaves-for-intermediate", &leaf(None))
            .lists(&[List::new(&pki.middle).made(), of_root])
            .bad("The root's list is about leaves, so nothing is known of the intermediate."),
    ]
}

/// With ten thousand entries more.
fn long_list(mut list: List) -> Vec<u8> {
    list.entries.extend((0..10_000_u32).map(|number| concat(&[&[0x44][..], &number.to_be_bytes()])));
    list.made()
}

/// What a list shall say.
struct List {
    signer: Made,
    issuer: Vec<u8>,
    this: Vec<u8>,
    next: Option<Vec<u8>>,
    entries: Vec<Vec<u8>>,
    version: u8,
    /// When all were revoked.
    since: Vec<u8>,
    extensions: Vec<Vec<u8>>,
    /// Of each entry.
    entry: Option<Vec<u8>>,
}

impl List {
    fn new(issuer: &Made) -> Self {
        List {
            signer: issuer.clone(),
            issuer: issuer.subject.clone(),
            this: utc(THIS),
            next: Some(utc(NEXT)),
            entries: Vec::new(),
            version: 1,
            since: utc(THIS),
            extensions: vec![extension(NUMBER, false, &small(1))],
            entry: None,
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

    fn since(mut self, time: &str) -> Self {
        self.since = utc(time);
        self
    }

    fn extended(mut self, id: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions.push(extension(id, critical, value));
        self
    }

    /// Each entry has an extension that nobody knows.
    fn entries_with(mut self, critical: bool) -> Self {
        self.entry = Some(sequence(&[extension(id::UNKNOWN, critical, &small(1))]));
        self
    }

    fn made(&self) -> Vec<u8> {
        let entries = self.entries.iter().map(|serial| {
            let parts = [Some(integer(serial)), Some(self.since.clone()), self.entry.clone()];
            sequence(&parts.into_iter().flatten().collect::<Vec<_>>())
        });
        let entries: Vec<_> = entries.collect();
        let mut parts =
            vec![small(self.version), self.signer.key.algorithm().to_vec(), self.issuer.clone(), self.this.clone()];
        parts.extend(self.next.clone());
        if !entries.is_empty() {
            parts.push(sequence(&entries));
        }
        if !self.extensions.is_empty() {
            parts.push(inside(0, &sequence(&self.extensions)));
        }
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

/// An authority that does not say what its key is for.
fn no_usage() -> Case {
    let root = Certificate::authority("a root for anything").without(id::USAGE).self_signed();
    Draft::new("revocation::no-usage", &[&root], &[], &server().signed_by(&root))
        .lists(&[List::new(&root).made()])
        .good("The root does not say what its key is for, so it may sign lists.")
}

/// An authority whose key may not sign lists.
fn may_not_sign(pki: &Pki) -> Case {
    let middle = Certificate::authority("no lists").set(id::USAGE, true, &usage(&[5]));
    let middle = middle.with(|middle| middle.subject = common_name("no lists")).signed_by(&pki.root);
    Draft::new("revocation::may-not-sign", &[&pki.root], &[&middle], &server().signed_by(&middle))
        .lists(&[List::new(&middle).made(), List::new(&pki.root).made()])
        .bad("The intermediate's key may not sign lists.")
}
