//! Name constraints.

use super::{Case, Draft, HOST, Made, Pki, server};
use crate::verdicts::certificate::{Certificate, common_name, constraints, dns, id, ip};
use crate::verdicts::der::{inside, plain, sequence, small};

pub(super) fn cases() -> Vec<Case> {
    let pki = Pki::new();
    let under = |id, critical, permitted: &[Vec<u8>], excluded: &[Vec<u8>], leaf: Certificate| {
        limited(&pki.root, id, critical, &constraints(permitted, excluded), &leaf)
    };
    let only = |id, name: &str| under(id, true, &[dns(name)], &[], server());
    let never = |id, name: &str| under(id, true, &[], &[dns(name)], server());
    let address = || Certificate::server(&[ip(&[192, 0, 2, 1])]);
    let net = |bytes: [u8; 3]| ip(&[bytes[0], bytes[1], bytes[2], 0, 255, 255, 255, 0]);
    let wild = || Certificate::server(&[dns("*.server.test")]);
    let directory = |name: &str| inside(4, &common_name(name));
    let raw = |id, value: &[u8]| limited(&pki.root, id, true, value, &server());
    vec![
        only("constraints::permitted", "server.test").good("The host is in the domain."),
        only("constraints::permitted-itself", HOST).good("The host itself is permitted."),
        only("constraints::not-permitted", "other.test").bad("The host is in no permitted domain."),
        only("constraints::permitted-suffix", "erver.test").bad("Labels count, not letters."),
        only("constraints::permitted-all", "").good("The empty name permits all."),
        only("constraints::permitted-case", "SERVER.Test").good("Letters large and small are the same."),
        only("constraints::permitted-dot", ".server.test").bad("No dot begins a DNS constraint in RFC 5280."),
        never("constraints::excluded", "server.test").bad("The host is in an excluded domain."),
        never("constraints::excluded-other", "other.test").good("Another domain is excluded."),
        never("constraints::excluded-all", "").bad("The empty name excludes all."),
        never("constraints::excluded-child", "a.www.server.test").good("A host below is excluded."),
        under("constraints::excluded-wins", true, &[dns("server.test")], &[dns(HOST)], server())
            .bad("Excluded counts more than permitted."),
        under("constraints::not-critical", false, &[dns("other.test")], &[], server())
            .bad("They count even where they are not critical."),
        under("constraints::another-kind", true, &[plain(1, b"server.test")], &[], server())
            .good("Mail addresses are limited, of which the leaf has none."),
        under(
            "constraints::one-of-two",
            true,
            &[dns("server.test")],
            &[],
            Certificate::server(&[dns(HOST), dns("other.test")]),
        )
        .bad("Each name must be permitted."),
        under("constraints::permitted-wildcard", true, &[dns("server.test")], &[], wild())
            .good("A star in the domain."),
        under("constraints::excluded-wildcard", true, &[], &[dns(HOST)], wild())
            .host("mail.server.test")
            .bad("A star stands for an excluded host too."),
        under("constraints::excluded-wildcard-itself", true, &[], &[dns(HOST)], wild())
            .bad("The excluded host is looked for, and a star stands for it."),
        under("constraints::address", true, &[net([192, 0, 2])], &[], address())
            .address("192.0.2.1")
            .good("In the net."),
        under("constraints::address-not-permitted", true, &[net([10, 0, 0])], &[], address())
            .address("192.0.2.1")
            .bad("Not in the net."),
        under("constraints::address-excluded", true, &[], &[net([192, 0, 2])], address())
            .address("192.0.2.1")
            .bad("In an excluded net."),
        under("constraints::address-v6-net", true, &[ip(&[0; 32])], &[], address())
            .address("192.0.2.1")
            .bad("All of IPv6 is permitted, and no IPv4."),
        under("constraints::address-broken", true, &[ip(&[192, 0, 2, 0])], &[], address())
            .address("192.0.2.1")
            .bad("A net without a mask."),
        under("constraints::address-only-names", true, &[dns("server.test")], &[], address())
            .address("192.0.2.1")
            .good("Names are limited, of which the leaf has none."),
        under("constraints::directory", true, &[directory("a server")], &[], server())
            .good("The subject is permitted."),
        under("constraints::directory-other", true, &[directory("another")], &[], server())
            .bad("The subject is not permitted."),
        under("constraints::directory-excluded", true, &[], &[directory("a server")], server())
            .bad("The subject is excluded."),
        under("constraints::unknown-kind", true, &[plain(8, &[0x2A, 3])], &[], server())
            .good("A limit on identifiers, of which the leaf has none."),
        raw("constraints::minimum", &sequence(&[inside(0, &sequence(&[&dns("server.test")[..], &plain(0, &[1])]))]))
            .bad("A minimum other than zero has no meaning."),
        raw("constraints::empty", &sequence::<Vec<u8>>(&[])).bad("Constraints without a constraint."),
        raw("constraints::broken", &small(1)).bad("A number in place of constraints."),
        pki.leaf("constraints::in-the-leaf", |leaf| {
            leaf.add(id::CONSTRAINTS, true, &constraints(&[dns("other.test")], &[]))
        })
        .bad("Only an authority has constraints."),
        Pki::root("constraints::of-the-root", |root| {
            root.set(id::CONSTRAINTS, true, &constraints(&[dns("other.test")], &[]))
        })
        .bad("A root may limit itself."),
        two_limits(&pki),
    ]
}

/// An intermediate with these constraints, and a leaf below it.
fn limited(root: &Made, id: &str, critical: bool, value: &[u8], leaf: &Certificate) -> Draft {
    let middle = Certificate::authority("limited").set(id::CONSTRAINTS, critical, value).signed_by(root);
    Draft::new(id, &[root], &[&middle], &leaf.signed_by(&middle))
}

fn two_limits(pki: &Pki) -> Case {
    let limit = |name: &str| constraints(&[dns(name)], &[]);
    let upper = Certificate::authority("upper").set(id::CONSTRAINTS, true, &limit("server.test")).signed_by(&pki.root);
    let lower = Certificate::authority("lower").set(id::CONSTRAINTS, true, &limit("other.test")).signed_by(&upper);
    let leaf = Certificate::server(&[dns("www.other.test")]).signed_by(&lower);
    Draft::new("constraints::widened", &[&pki.root], &[&lower, &upper], &leaf)
        .host("www.other.test")
        .bad("A lower authority cannot permit more than the upper one.")
}
