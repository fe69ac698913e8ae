//! Who may sign, for what purpose, and how deep.

use super::{Case, Draft, Pki, server};
use crate::verdicts::certificate::{ANY, CLIENT, Certificate, SERVER, basic, common_name, id, purposes, usage};

const CODE: &str = "1.3.6.1.5.5.7.3.3";
const MAIL: &str = "1.3.6.1.5.5.7.3.4";
const TIME: &str = "1.3.6.1.5.5.7.3.8";
const STATUS: &str = "1.3.6.1.5.5.7.3.9";
const PRECERTIFICATES: &str = "1.3.6.1.4.1.11129.2.4.4";

pub(super) fn cases() -> Vec<Case> {
    let pki = Pki::new();
    let basics = |id, critical, value: Vec<u8>| pki.middle(id, |middle| middle.set(id::BASIC, critical, &value));
    let used = |id, bits: &[u8]| pki.leaf(id, |leaf| leaf.set(id::USAGE, true, &usage(bits)));
    let purpose = |id, which: &[&str]| pki.leaf(id, |leaf| leaf.set(id::PURPOSE, false, &purposes(which)));
    let authority_for = |id, which: &[&str]| pki.middle(id, |middle| middle.set(id::PURPOSE, false, &purposes(which)));
    let client = |id, which: &[&str]| {
        let leaf = Certificate::server(&[]).without(id::NAMES).set(id::PURPOSE, false, &purposes(which));
        pki.draft(id, &leaf.signed_by(&pki.middle)).client()
    };
    vec![
        pki.middle("authorities::no-basic-constraints", |middle| middle.without(id::BASIC))
            .bad("An intermediate that does not say that it is an authority."),
        basics("authorities::not-an-authority", true, basic(Some(false), None)).bad("One that says it is none."),
        basics("authorities::empty-basic-constraints", true, basic(None, None)).bad("None by default."),
        basics("authorities::basic-not-critical", false, basic(Some(true), None))
            .good("Not critical, against RFC 5280 and as is in use."),
        basics("authorities::length-without-authority", true, basic(None, Some(0))).bad("A length, but no authority."),
        pki.middle("authorities::no-sign-bit", |middle| middle.set(id::USAGE, true, &usage(&[6])))
            .bad("An intermediate whose key may not sign certificates."),
        pki.middle("authorities::no-usage", |middle| middle.without(id::USAGE))
            .bad("RFC 5280: an authority says what its key is for."),
        pki.middle("authorities::version-1", |middle| middle.of_version_1()).bad("An intermediate of version 1."),
        Pki::root("authorities::root-version-1", |root| root.of_version_1())
            .good("A root of version 1 is trusted for being there."),
        Pki::root("authorities::root-no-basic-constraints", |root| root.without(id::BASIC).without(id::USAGE))
            .bad("A root of version 3 that is no authority."),
        Pki::root("authorities::root-basic-not-critical", |root| root.set(id::BASIC, false, &basic(Some(true), None)))
            .good("A root whose basic constraints are not critical, as is in use."),
        Pki::root("authorities::root-no-sign-bit", |root| root.set(id::USAGE, true, &usage(&[6])))
            .bad("A root whose key may not sign certificates."),
        leaf_as_authority(&pki),
        pki.leaf("authorities::leaf-is-authority", |leaf| leaf.set(id::BASIC, true, &basic(Some(true), None)))
            .good("An authority's certificate used by a server: RFC 5280 does not forbid it."),
        pki.leaf("authorities::leaf-is-authority-other-name", |leaf| {
            leaf.set(id::BASIC, true, &basic(Some(true), None))
        })
        .host("mail.server.test")
        .bad("The same, for another host."),
        pki.leaf("authorities::leaf-basic-constraints", |leaf| leaf.set(id::BASIC, true, &basic(None, None)))
            .good("A leaf that says it is no authority."),
        pki.leaf("authorities::leaf-length", |leaf| leaf.set(id::BASIC, true, &basic(None, Some(0))))
            .bad("A length in a leaf, which is no authority."),
        pki.leaf("authorities::leaf-may-sign", |leaf| {
            leaf.set(id::BASIC, true, &basic(None, None)).set(id::USAGE, true, &usage(&[0, 5]))
        })
        .bad("A key for certificates, and no authority."),
        length_0_and_authority_as_leaf(&pki),
        chain_with_lengths(&pki, "authorities::length-1-then-2", &[Some(1), Some(2)])
            .good("A lower authority with a greater length, and nothing below it."),
        chain_with_lengths(&pki, "authorities::length-of-the-second", &[None, Some(0), None])
            .bad("The second allows none below, and one is."),
        chain_with_lengths(&pki, "authorities::length-0", &[Some(0)]).good("No authority below, and none is."),
        chain_with_lengths(&pki, "authorities::length-0-and-one", &[Some(0), None])
            .bad("No authority below, but one is."),
        chain_with_lengths(&pki, "authorities::length-1-and-one", &[Some(1), None]).good("One below, and one is."),
        chain_with_lengths(&pki, "authorities::length-1-and-two", &[Some(1), None, None])
            .bad("One below, but two are."),
        chain_with_lengths(&pki, "authorities::length-grows", &[Some(0), Some(5), None])
            .bad("A lower authority cannot allow more."),
        self_issued(&pki),
        Pki::root("authorities::length-of-the-root", |root| root.set(id::BASIC, true, &basic(Some(true), Some(0))))
            .bad("The root allows no intermediate."),
        purpose("authorities::server-and-client", &[SERVER, CLIENT]).good("Two purposes."),
        purpose("authorities::client-only", &[CLIENT]).bad("A client's certificate."),
        purpose("authorities::code-only", &[CODE]).bad("A certificate for code."),
        purpose("authorities::any-purpose", &[ANY]).bad("The web's rules want the purpose of servers by name."),
        purpose("authorities::any-and-server", &[ANY, SERVER]).good("Any, and the right one."),
        purpose("authorities::server-and-others", &[SERVER, CODE, MAIL, TIME, STATUS, PRECERTIFICATES])
            .good("The right one among others, which RFC 5280 allows."),
        purpose("authorities::mail-time-and-status", &[MAIL, TIME, STATUS]).bad("Three, and not the right one."),
        purpose("authorities::precertificates-only", &[PRECERTIFICATES]).bad("A key for precertificates."),
        pki.leaf("authorities::critical-server", |leaf| leaf.set(id::PURPOSE, true, &purposes(&[SERVER])))
            .good("The right one, critical: RFC 5280 leaves that open."),
        purpose("authorities::no-purpose-in-it", &[]).bad("A list of purposes with none in it."),
        pki.leaf("authorities::no-purposes", |leaf| leaf.without(id::PURPOSE)).good("RFC 5280: no list, any purpose."),
        pki.leaf("authorities::critical-client", |leaf| leaf.set(id::PURPOSE, true, &purposes(&[CLIENT])))
            .bad("A client's, and critical."),
        authority_for("authorities::of-servers", &[SERVER]).good("An authority for servers."),
        authority_for("authorities::of-clients", &[CLIENT]).bad("An authority for clients only."),
        authority_for("authorities::of-any", &[ANY]).good("An authority for all."),
        Pki::root("authorities::root-of-clients", |root| root.set(id::PURPOSE, false, &purposes(&[CLIENT])))
            .bad("A root that is for clients only."),
        Pki::root("authorities::root-of-servers", |root| root.set(id::PURPOSE, false, &purposes(&[SERVER])))
            .good("A root that is for servers."),
        used("authorities::signs", &[0]).good("A key that signs."),
        used("authorities::encrypts", &[2]).good("A key for encryption, for a verifier a server's too."),
        used("authorities::only-lists", &[6]).bad("A key for revocation lists."),
        used("authorities::only-certificates", &[5]).bad("A key for certificates."),
        pki.leaf("authorities::leaf-no-usage", |leaf| leaf.without(id::USAGE)).good("A key for anything."),
        client("authorities::client-good", &[CLIENT]).good("A client's certificate for a server to look at."),
        client("authorities::client-is-server", &[SERVER]).bad("A server's certificate shown by a client."),
        client("authorities::client-any", &[ANY]).bad("Any purpose, shown by a client."),
    ]
}

/// Authorities one below the other, with these lengths.
fn chain_with_lengths(pki: &Pki, id: &str, lengths: &[Option<u8>]) -> Draft {
    let mut chain = vec![pki.root.clone()];
    for (at, length) in lengths.iter().enumerate() {
        let authority = Certificate::authority(&format!("authority {at}"));
        let authority = authority.set(id::BASIC, true, &basic(Some(true), *length));
        chain.push(authority.signed_by(chain.last().unwrap()));
    }
    let sent: Vec<_> = chain[1..].iter().rev().collect();
    Draft::new(id, &[&pki.root], &sent, &server().signed_by(chain.last().unwrap()))
}

/// An authority that signs its own name for a new key, which no length counts.
fn self_issued(pki: &Pki) -> Case {
    let old = Certificate::authority("same name").set(id::BASIC, true, &basic(Some(true), Some(0)));
    let old = old.signed_by(&pki.root);
    let new = Certificate::authority("same name").with(|new| new.subject = common_name("same name")).signed_by(&old);
    Draft::new("authorities::length-self-issued", &[&pki.root], &[&new, &old], &server().signed_by(&new))
        .good("A new key under the same name is not counted.")
}

/// The last certificate is no intermediate, so no length counts it.
fn length_0_and_authority_as_leaf(pki: &Pki) -> Case {
    let none_below = basic(Some(true), Some(0));
    let middle = Certificate::authority("none below").set(id::BASIC, true, &none_below).signed_by(&pki.root);
    let leaf = server().set(id::BASIC, true, &none_below).signed_by(&middle);
    Draft::new("authorities::length-0-leaf-is-authority", &[&pki.root], &[&middle], &leaf)
        .good("No authority below, and the leaf is one.")
}

fn leaf_as_authority(pki: &Pki) -> Case {
    let leaf = server().with(|leaf| leaf.subject = common_name("a server that signs")).signed_by(&pki.middle);
    Draft::new("authorities::leaf-signs", &[&pki.root], &[&leaf, &pki.middle], &server().signed_by(&leaf))
        .bad("A server's certificate signs another.")
}
