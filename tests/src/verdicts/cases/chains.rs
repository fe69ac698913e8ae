//! Which chain is found, and how long it is.

use super::{Case, Draft, Made, Pki, server};
use crate::verdicts::certificate::{CLIENT, Certificate, basic, common_name, constraints, dns, id, purposes, usage};

pub(super) fn cases() -> Vec<Case> {
    let pki = Pki::new();
    let other = Pki::new();
    let leaf = server().signed_by(&pki.middle);
    let (root, middle) = (&pki.root, &pki.middle);
    let draft = |id, trusted: &[&Made], sent: &[&Made]| Draft::new(id, trusted, sent, &leaf);
    let own = server().with(|leaf| leaf.names_issuer_key = false).self_signed();
    let direct = server().signed_by(root);
    let stranger = Certificate::authority("a stranger").self_signed();
    let mut cases = vec![
        draft("chains::no-intermediate", &[root], &[]).bad("The intermediate is missing."),
        draft("chains::intermediate-is-trusted", &[root, middle], &[]).good("It is among the trusted ones."),
        draft("chains::only-intermediate-is-trusted", &[middle], &[])
            .good("The chain may end at a trusted intermediate."),
        draft("chains::intermediate-trusted-root-sent", &[middle], &[root])
            .good("It ends there, though the root is sent."),
        draft("chains::nothing-fits", &[&stranger], &[middle]).bad("The root is not trusted."),
        draft("chains::root-sent-along", &[&stranger], &[middle, root]).bad("A root that is sent is not trusted."),
        draft("chains::root-sent-and-trusted", &[root], &[middle, root]).good("The root is sent, and trusted."),
        draft("chains::twice", &[root], &[middle, middle]).good("The intermediate is sent twice."),
        draft("chains::more-than-needed", &[root], &[&other.middle, &stranger, middle, &other.root])
            .good("Others are sent along, in any order."),
        draft("chains::leaf-again", &[root], &[&leaf, middle]).good("The leaf is sent again."),
        draft("chains::root-twice", &[root, root], &[middle]).good("The root is trusted twice."),
        draft("chains::one-of-many-roots", &[&stranger, &other.root, root], &[middle]).good("One of three roots."),
        Draft::new("chains::directly", &[root], &[], &direct).good("Signed by the root."),
        Draft::new("chains::self-signed", &[root], &[], &own).bad("Signed by itself."),
        Draft::new("chains::self-signed-trusted", &[&own], &[], &own).good("Signed by itself, and trusted."),
        same_name(&pki),
        wrong_key(&pki),
        draft("chains::depth-0", &[root], &[middle]).depth(0).bad("No intermediate is allowed."),
        draft("chains::depth-1", &[root], &[middle]).depth(1).good("One intermediate is allowed."),
        Draft::new("chains::depth-0-direct", &[root], &[], &direct)
            .depth(0)
            .good("None is allowed, and none is there."),
        circle(&pki, "chains::circle").bad("Two sign each other."),
        circle(&pki, "chains::circle-depth").depth(255).bad("Two sign each other, and 255 intermediates are allowed."),
        circle_of_one_name(&pki),
        knot(),
        no_root_beside_good(&pki),
    ];
    let doubled = |id, change: &dyn Fn(Certificate) -> Certificate| doubled(&pki, id, change);
    cases.extend([
        doubled("chains::first-is-no-authority", &|first| first.set(id::BASIC, true, &basic(None, None)))
            .good("The intermediate is sent twice: as no authority, and as one."),
        doubled("chains::first-may-not-sign", &|first| first.set(id::USAGE, true, &usage(&[6])))
            .good("Twice: with a key that may not sign certificates, and with one that may."),
        doubled("chains::first-of-clients", &|first| first.set(id::PURPOSE, false, &purposes(&[CLIENT])))
            .good("Twice: for clients only, and for all."),
        doubled("chains::first-limited", &|first| {
            first.set(id::CONSTRAINTS, true, &constraints(&[dns("other.test")], &[]))
        })
        .good("Twice: for another domain only, and for all."),
    ]);
    cases.extend([cross_signed(&pki), cross_signed_expired_last(&pki), expired_beside_good(&pki)]);
    cases.extend([long("chains::of-20", 18).good("Twenty certificates."), long("chains::of-80", 78).good("Eighty.")]);
    cases.push(long("chains::of-80-depth", 78).depth(10).bad("Eighty, where ten intermediates are allowed."));
    cases.push(long("chains::of-130", 128).bad("More than any library follows."));
    cases
}

/// The right name with another key.
fn same_name(pki: &Pki) -> Case {
    let fake = Certificate::authority("verdict root").self_signed();
    let middle = Certificate::authority("verdict intermediate").signed_by(&fake);
    Draft::new("chains::same-names", &[&pki.root], &[&middle, &fake], &server().signed_by(&middle))
        .bad("Root and intermediate have the right names and other keys.")
}

fn wrong_key(pki: &Pki) -> Case {
    let fake = Certificate::authority("verdict intermediate").with(|fake| fake.names_issuer_key = false).self_signed();
    let leaf = server().with(|leaf| leaf.names_issuer_key = false).signed_by(&fake);
    Draft::new("chains::signed-by-another", &[&pki.root], &[&pki.middle], &leaf)
        .bad("Not the intermediate's signature.")
}

/// Two that sign each other.
fn circle(pki: &Pki, id: &str) -> Draft {
    let (a, b) = (Certificate::authority("a"), Certificate::authority("b"));
    let (a_self, b_self) = (a.self_signed(), b.self_signed());
    let (a, b) = (a.signed_by(&b_self), b.signed_by(&a_self));
    Draft::new(id, &[&pki.root], &[&a, &b], &server().signed_by(&a))
}

/// Two keys of one name that sign each other.
fn circle_of_one_name(pki: &Pki) -> Case {
    let (a, b) = (Certificate::authority("one name"), Certificate::authority("one name"));
    let (a_self, b_self) = (a.self_signed(), b.self_signed());
    let (a, b) = (a.signed_by(&b_self), b.signed_by(&a_self));
    Draft::new("chains::circle-of-one-name", &[&pki.root], &[&a, &b], &server().signed_by(&a))
        .bad("Two keys of one name sign each other.")
}

/// Three authorities that have each signed both others; the first is trusted.
fn knot() -> Case {
    let all = ["knot a", "knot b", "knot c"].map(Certificate::authority);
    let roots = all.each_ref().map(Certificate::self_signed);
    let mut sent = vec![Certificate::authority("below a").signed_by(&roots[0])];
    for (subject, certificate) in all.iter().enumerate() {
        let others = roots.iter().enumerate().filter(|(signer, _)| *signer != subject);
        sent.extend(others.map(|(_, signer)| certificate.signed_by(signer)));
    }
    let leaf = server().signed_by(&sent[0]);
    Draft::new("chains::knot", &[&roots[0]], &sent.iter().collect::<Vec<_>>(), &leaf)
        .good("Three that have all signed each other, one of which is trusted.")
}

/// The intermediate twice: below a root that nobody has, and below the right one.
fn no_root_beside_good(pki: &Pki) -> Case {
    let gone = Certificate::authority("a root that is gone").self_signed();
    let first = Certificate::authority("verdict intermediate").with_key(&pki.middle.key).signed_by(&gone);
    let leaf = server().signed_by(&pki.middle);
    Draft::new("chains::first-has-no-root", &[&pki.root], &[&first, &pki.middle], &leaf)
        .good("Twice: below a root that is not there, and below the right one.")
}

/// The intermediate twice, in one name and key: the first differs, the second is good.
fn doubled(pki: &Pki, id: &str, change: &dyn Fn(Certificate) -> Certificate) -> Draft {
    let first = Certificate::authority("verdict intermediate").with_key(&pki.middle.key);
    let first = change(first).signed_by(&pki.root);
    Draft::new(id, &[&pki.root], &[&first, &pki.middle], &server().signed_by(&pki.middle))
}

/// The new root signed by an old one that is not trusted; the new one is.
fn cross_signed(pki: &Pki) -> Case {
    let old = Certificate::authority("old root").self_signed();
    let cross = Certificate::authority("verdict root").with_key(&pki.root.key).signed_by(&old);
    let leaf = server().signed_by(&pki.middle);
    Draft::new("chains::cross-signed", &[&pki.root], &[&pki.middle, &cross], &leaf)
        .good("The root is also sent as signed by an old one, which is not trusted.")
}

/// The same, where the old root is trusted and has expired.
fn cross_signed_expired_last(pki: &Pki) -> Case {
    let old = Certificate::authority("old root").valid("200101000000Z", "250101000000Z").self_signed();
    let cross = Certificate::authority("verdict root").with_key(&pki.root.key).signed_by(&old);
    let leaf = server().signed_by(&pki.middle);
    Draft::new("chains::cross-signed-by-expired", &[&old, &pki.root], &[&pki.middle, &cross], &leaf)
        .good("The old root is trusted too, and has expired.")
}

/// Two intermediates of one name and key, the first of which has expired.
fn expired_beside_good(pki: &Pki) -> Case {
    let expired = Certificate::authority("verdict intermediate").with_key(&pki.middle.key);
    let expired = expired.valid("200101000000Z", "250101000000Z").signed_by(&pki.root);
    let leaf = server().signed_by(&pki.middle);
    Draft::new("chains::expired-beside-good", &[&pki.root], &[&expired, &pki.middle], &leaf)
        .good("The intermediate is sent twice: expired, and renewed.")
}

/// A chain with so many intermediates.
fn long(id: &str, count: usize) -> Draft {
    let mut chain = vec![Certificate::authority("long root").self_signed()];
    for number in 0..count {
        let next = Certificate::authority("x").with(|next| next.subject = common_name(&format!("link {number}")));
        chain.push(next.signed_by(chain.last().unwrap()));
    }
    let sent: Vec<_> = chain[1..].iter().rev().collect();
    Draft::new(id, &[&chain[0]], &sent, &server().signed_by(chain.last().unwrap()))
}
