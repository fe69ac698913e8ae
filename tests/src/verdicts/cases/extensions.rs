//! Extensions that are unknown, twice there, or broken.

use super::{Case, HOST, Pki};
use crate::verdicts::certificate::{Certificate, SERVER, basic, directory, dns, id, purposes, usage};
use crate::verdicts::der::{boolean, inside, octets, oid, plain, sequence, small, tlv};

/// RFC 5280: policies, their constraints, and the poison of certificate transparency.
const POLICIES: &str = "2.5.29.32";
const POLICY_CONSTRAINTS: &str = "2.5.29.36";
/// Where more about the issuer is to be found.
const ISSUER_INFO: &str = "1.3.6.1.5.5.7.1.1";
const POISON: &str = "1.3.6.1.4.1.11129.2.4.3";

pub(super) fn cases() -> Vec<Case> {
    let pki = Pki::new();
    let add = |id, which: &str, critical, value: &[u8]| pki.leaf(id, |leaf| leaf.add(which, critical, value));
    let set = |id, which: &str, value: &[u8]| pki.leaf(id, |leaf| leaf.set(which, true, value));
    let names = sequence(&[dns(HOST)]);
    let issuer_key = |id, value: &[u8]| pki.leaf(id, |leaf| leaf.add(id::ISSUER_KEY, false, value));
    let info = sequence(&[sequence(&[oid("1.3.6.1.5.5.7.48.2"), plain(6, b"http://server.test/issuer.der")])]);
    vec![
        add("extensions::issuer-info", ISSUER_INFO, false, &info).good("Where the issuer's certificate is to be had."),
        add("extensions::issuer-info-critical", ISSUER_INFO, true, &info)
            .bad("The same, critical, which RFC 5280 forbids."),
        add("extensions::issuer-info-broken", ISSUER_INFO, false, b"no DER").bad("The same, and broken."),
        add("extensions::issuer-info-empty", ISSUER_INFO, false, &sequence::<Vec<u8>>(&[]))
            .bad("The same, with nothing in it."),
        pki.middle("extensions::key-critical", |middle| {
            let key = octets(&middle.key.id());
            middle.set(id::KEY, true, &key)
        })
        .bad("A critical key identifier, which RFC 5280 forbids."),
        pki.leaf("extensions::issuer-key-critical", |leaf| {
            leaf.add(id::ISSUER_KEY, true, &sequence(&[plain(0, &pki.middle.key.id())]))
        })
        .bad("A critical identifier of the issuer's key, which RFC 5280 forbids."),
        Pki::root("extensions::root-no-key", |root| root.without(id::KEY)).good("A root without a key identifier."),
        Pki::root("extensions::root-no-issuer-key", |root| root.with(|root| root.names_issuer_key = false))
            .good("A root need not name its own key."),
        Pki::root("extensions::root-issuer-key-other", |root| {
            root.set(id::ISSUER_KEY, false, &sequence(&[plain(0, &[7; 20])]))
        })
        .bad("A root that names another key as its issuer's."),
        Pki::root("extensions::root-issuer-key-whole", |root| {
            let name = inside(1, &directory(&root.subject));
            let whole = sequence(&[plain(0, &root.key.id()), name, plain(2, &root.serial)]);
            root.set(id::ISSUER_KEY, false, &whole)
        })
        .good("A root that names itself by key, name and number."),
        pki.middle("extensions::policy-constraints-not-critical", |middle| {
            middle.add(POLICY_CONSTRAINTS, false, &sequence(&[plain(0, &[3])]))
        })
        .bad("Constraints on policies must be critical."),
        add("extensions::unknown", id::UNKNOWN, false, &small(1)).good("One that nobody knows."),
        add("extensions::unknown-critical", id::UNKNOWN, true, &small(1)).bad("The same, and critical."),
        pki.middle("extensions::unknown-critical-intermediate", |middle| middle.add(id::UNKNOWN, true, &small(1)))
            .bad("A critical one in the intermediate."),
        Pki::root("extensions::unknown-critical-root", |root| root.add(id::UNKNOWN, true, &small(1)))
            .bad("A critical one in the root."),
        add("extensions::poison", POISON, true, &[5, 0]).bad("A precertificate is no certificate."),
        add("extensions::names-twice", id::NAMES, false, &sequence(&[dns("other.test")])).bad("Two lists of names."),
        pki.leaf("extensions::names-twice-first-other", |leaf| {
            leaf.set(id::NAMES, false, &sequence(&[dns("other.test")])).add(id::NAMES, false, &names)
        })
        .bad("Two lists, the second with the name."),
        add("extensions::usage-twice", id::USAGE, true, &usage(&[0])).bad("Key usage twice, the same."),
        add("extensions::purposes-twice", id::PURPOSE, false, &purposes(&[SERVER])).bad("Purposes twice, the same."),
        pki.leaf("extensions::unknown-twice", |leaf| {
            leaf.add(id::UNKNOWN, false, &small(1)).add(id::UNKNOWN, false, &small(1))
        })
        .bad("One that nobody knows, twice."),
        pki.middle("extensions::basic-twice", |middle| middle.add(id::BASIC, true, &basic(Some(true), None)))
            .bad("Basic constraints of the intermediate twice."),
        pki.middle("extensions::basic-contradict", |middle| middle.add(id::BASIC, true, &basic(Some(false), None)))
            .bad("Twice, and they contradict each other."),
        set("extensions::broken-names", id::NAMES, &small(1)).bad("A number in place of the names."),
        set("extensions::broken-usage", id::USAGE, &small(1)).bad("A number in place of key usage."),
        set("extensions::broken-purposes", id::PURPOSE, &small(1)).bad("A number in place of the purposes."),
        set("extensions::broken-basic", id::BASIC, &small(1)).bad("A number in place of basic constraints."),
        set("extensions::names-then-bytes", id::NAMES, &[&names[..], &[5, 0]].concat()).bad("Bytes after the names."),
        set("extensions::names-cut", id::NAMES, &names[..names.len() - 1]).bad("The last byte of the names is gone."),
        pki.middle("extensions::length-negative", |middle| {
            middle.set(id::BASIC, true, &sequence(&[boolean(true), vec![2, 1, 0xFF]]))
        })
        .bad("A path length below zero."),
        pki.leaf("extensions::names-critical", |leaf| leaf.set(id::NAMES, true, &names)).good("Critical names."),
        set("extensions::no-usage-in-it", id::USAGE, &tlv(3, &[0])).bad("Key usage without a bit."),
        pki.leaf("extensions::none", |leaf| {
            leaf.with(|leaf| {
                leaf.extensions.clear();
                leaf.names_issuer_key = false;
            })
        })
        .bad("No extensions, so no name."),
        issuer_key("extensions::issuer-key-other", &sequence(&[plain(0, &[7; 20])]))
            .bad("It names another key of the issuer, by which no issuer is found."),
        issuer_key("extensions::issuer-serial-other", &{
            let name = inside(4, &pki.root.subject);
            sequence(&[inside(1, &name), plain(2, &[9, 9])])
        })
        .bad("It names another certificate of the issuer."),
        issuer_key("extensions::issuer-key-empty", &sequence::<Vec<u8>>(&[])).good("It names nothing."),
        issuer_key("extensions::issuer-key-critical-free", &sequence(&[plain(0, &[])]))
            .bad("It names an empty key identifier."),
        pki.leaf("extensions::no-issuer-key", |leaf| leaf.with(|leaf| leaf.names_issuer_key = false))
            .good("Without the issuer's key, as small authorities do."),
        pki.middle("extensions::no-key-of-authority", |middle| {
            middle.without(id::KEY).with(|middle| middle.names_issuer_key = false)
        })
        .good("An authority without a key identifier."),
        add("extensions::policies", POLICIES, true, &sequence(&[sequence(&[oid("2.23.140.1.2.1")])]))
            .good("A policy, critical: known and not asked for."),
        pki.middle("extensions::policy-demanded", |middle| {
            middle.add(POLICY_CONSTRAINTS, true, &sequence(&[plain(0, &[0])]))
        })
        .bad("The intermediate demands a policy, which is nowhere."),
        pki.leaf("extensions::explicit-false", |leaf| {
            // DER leaves out what is the default.
            leaf.with(|leaf| {
                let odd = sequence(&[oid(id::UNKNOWN), boolean(false), octets(&small(1))]);
                leaf.extensions.push((id::UNKNOWN.to_owned(), odd));
            })
        })
        .bad("\"Not critical\" is spelled out, which is not DER."),
        Pki::root("extensions::of-the-root", |root| root.add(id::UNKNOWN, false, &small(1))).good("One in the root."),
        pki.draft("extensions::version-1-with", &old_with_extensions(&pki)).bad("Version 1 has no extensions."),
        pki.leaf("extensions::must-staple", |leaf| leaf.add("1.3.6.1.5.5.7.1.24", false, &sequence(&[small(5)])))
            .good("A demand for a stapled status, on which verification alone has no say."),
    ]
}

fn old_with_extensions(pki: &Pki) -> super::Made {
    Certificate::server(&[dns(HOST)]).with(|leaf| leaf.version = None).signed_by(&pki.middle)
}
