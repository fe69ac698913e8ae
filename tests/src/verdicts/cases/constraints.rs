//! Name constraints.

use super::{Case, Draft, HOST, Made, Pki, server};
use crate::verdicts::certificate::{Certificate, common_name, constraints, directory, dns, id, ip, mail};
use crate::verdicts::der::{concat, inside, oid, plain, sequence, small};

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
    let directory = |name: &str| directory(&common_name(name));
    let raw = |id, value: &[u8]| limited(&pki.root, id, true, value, &server());
    let mut cases = vec![
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
    ];
    cases.extend(forms(&pki));
    cases.extend(paths(&pki));
    cases
}

/// More forms of names, in constraints and in leaves.
fn forms(pki: &Pki) -> Vec<Case> {
    let under = |id, permitted: &[Vec<u8>], excluded: &[Vec<u8>], leaf: Certificate| {
        limited(&pki.root, id, true, &constraints(permitted, excluded), &leaf)
    };
    let beside = |more: Vec<u8>| Certificate::server(&[dns(HOST), more]);
    let own = [directory(&common_name("a server"))];
    let other = [directory(&common_name("another"))];
    let net = [ip(&[192, 0, 2, 0, 255, 255, 255, 0])];
    let v6 = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let v6_net = |first: u8| ip(&concat(&[&[first, 1, 0xD, 0xB8][..], &[0; 12], &[0xFF; 4], &[0; 12]]));
    let v6_server = || Certificate::server(&[ip(&v6)]);
    let of_v6 = |id, permitted: &[Vec<u8>], excluded: &[Vec<u8>]| {
        under(id, permitted, excluded, v6_server()).address("2001:db8::1")
    };
    let private = || inside(0, &concat(&[oid(id::UNKNOWN), inside(0, &[5, 0])]));
    let registered = || plain(8, &[0x2A, 3]);
    vec![
        limited(&pki.root, "constraints::not-critical-permitted", false, &constraints(&[dns(HOST)], &[]), &server())
            .good("Not critical, as the web's rules allow, and kept."),
        under("constraints::excluded-second", &[], &[dns("other.test")], beside(dns("www.other.test")))
            .bad("The second name is in an excluded domain."),
        under("constraints::permitted-star", &[dns("*.server.test")], &[], server())
            .bad("No star stands in a constraint."),
        under("constraints::excluded-star", &[], &[dns("*.server.test")], server()).bad("Nor in one that excludes."),
        under("constraints::permitted-below-wildcard", &[dns(HOST)], &[], Certificate::server(&[dns("*.server.test")]))
            .bad("A star stands for more than the permitted host."),
        under("constraints::name-with-dot", &[dns("server.test")], &[], beside(dns(".server.test")))
            .bad("A name that begins with a dot is none."),
        under("constraints::subject-elsewhere", &[dns("server.test")], &[], {
            server().with(|leaf| leaf.subject = common_name("www.other.test"))
        })
        .good("Only alternative names are hosts; the subject is elsewhere."),
        under("constraints::names-only-address", &net, &[], server())
            .good("Addresses are limited, of which the leaf has none."),
        under("constraints::names-only-address-excluded", &[], &net, server())
            .good("Addresses are excluded, of which the leaf has none."),
        under("constraints::address-and-range", &net, &[], {
            Certificate::server(&[ip(&[192, 0, 2, 1]), ip(&[192, 0, 2, 0, 255, 255, 255, 0])])
        })
        .address("192.0.2.1")
        .bad("A net among the leaf's addresses."),
        of_v6("constraints::address-v6", &[v6_net(0x20)], &[]).good("In the net of IPv6."),
        of_v6("constraints::address-v6-not-permitted", &[v6_net(0x30)], &[]).bad("Not in the net of IPv6."),
        of_v6("constraints::address-v6-excluded", &[], &[v6_net(0x20)]).bad("In an excluded net of IPv6."),
        of_v6("constraints::address-v6-broken", &[ip(&v6)], &[]).bad("A net of IPv6 without a mask."),
        under("constraints::directory-alternative", &own, &[], beside(own[0].clone()))
            .good("Subject and alternative directory name are permitted."),
        under("constraints::directory-alternative-other", &own, &[], beside(other[0].clone()))
            .bad("The subject is permitted, the alternative directory name is not."),
        under("constraints::directory-subject-other", &other, &[], beside(other[0].clone()))
            .bad("The alternative directory name is permitted, the subject is not."),
        under("constraints::directory-alternative-excluded", &[], &other, beside(other[0].clone()))
            .bad("The alternative directory name is excluded."),
        under("constraints::mail", &[mail("a@server.test")], &[], beside(mail("a@server.test")))
            .good("The mail address is permitted."),
        under("constraints::mail-domain", &[mail("server.test")], &[], beside(mail("a@server.test")))
            .good("Its host is permitted."),
        under("constraints::mail-other", &[mail("server.test")], &[], beside(mail("a@other.test")))
            .bad("Its host is not permitted."),
        under("constraints::mail-two-ats", &[mail("server.test")], &[], beside(mail("a@other.test@server.test")))
            .bad("Two at signs in a mail address."),
        under("constraints::mail-constraint-two-ats", &[mail("a@b@server.test")], &[], beside(mail("b@server.test")))
            .bad("Two at signs in a constraint."),
        under("constraints::other-name", &[], &[private()], beside(private()))
            .bad("A kind of name that nobody knows is excluded, and there."),
        under("constraints::other-name-absent", &[], &[private()], server()).good("The same, and the leaf has none."),
        under("constraints::unknown-kind-there", &[registered()], &[], beside(registered()))
            .bad("A limit on identifiers that nobody evaluates, and the leaf has one."),
        limited(&pki.root, "constraints::empty-lists", true, &sequence(&[inside(0, &[]), inside(1, &[])]), &server())
            .bad("Two lists without a constraint in them."),
        pki.leaf("constraints::in-the-leaf-not-critical", |leaf| {
            leaf.add(id::CONSTRAINTS, false, &constraints(&[dns("server.test")], &[]))
        })
        .bad("Nor has a leaf constraints that are not critical."),
    ]
}

/// Where constraints stand in the chain, and whom they bind.
fn paths(pki: &Pki) -> Vec<Case> {
    let limits = |permitted: &[&str], excluded: &[&str]| {
        let names = |all: &[&str]| all.iter().map(|name| dns(name)).collect::<Vec<_>>();
        constraints(&names(permitted), &names(excluded))
    };
    let limit = |name: &str, value: &[u8]| Certificate::authority(name).set(id::CONSTRAINTS, true, value);
    let elsewhere = sequence(&[dns("www.other.test")]);

    // An intermediate has a name that the authority above it, or the root, forbids.
    let value = limits(&["server.test"], &[]);
    let upper = limit("upper", &value).signed_by(&pki.root);
    let lower = Certificate::authority("lower").set(id::NAMES, false, &elsewhere).signed_by(&upper);
    let of_intermediate = Draft::new(
        "constraints::name-of-an-intermediate",
        &[&pki.root],
        &[&lower, &upper],
        &server().signed_by(&lower),
    );
    let root = limit("limited root", &value).self_signed();
    let upper = Certificate::authority("upper").signed_by(&root);
    let lower = Certificate::authority("lower").set(id::NAMES, false, &elsewhere).signed_by(&upper);
    let by_root = Draft::new(
        "constraints::name-of-an-intermediate-by-root",
        &[&root],
        &[&lower, &upper],
        &server().signed_by(&lower),
    );
    // The same where the intermediate is its issuer's new key: that is not bound, but a leaf is.
    let renewed = Certificate::authority("limited root").set(id::NAMES, false, &elsewhere).signed_by(&root);
    let self_issued = Draft::new("constraints::self-issued", &[&root], &[&renewed], &server().signed_by(&renewed));
    let leaf = Certificate::server(&[dns("www.other.test")]).with(|leaf| leaf.subject = root.subject.clone());
    let self_issued_leaf = Draft::new("constraints::self-issued-leaf", &[&root], &[], &leaf.signed_by(&root));

    let upper = limit("upper", &limits(&["server.test", "other.test"], &[])).signed_by(&pki.root);
    let lower = limit("lower", &limits(&["other.test"], &[])).signed_by(&upper);
    let narrowed = Draft::new("constraints::narrowed", &[&pki.root], &[&lower, &upper], &server().signed_by(&lower));

    // One intermediate below two roots, in two certificates; only below the first, its own name is forbidden.
    let limited = limit("limited", &limits(&[], &["other.test"])).signed_by(&pki.root);
    let free = Certificate::authority("a free root").self_signed();
    let both = Certificate::authority("below two roots");
    let first = both.clone().set(id::NAMES, false, &elsewhere).signed_by(&limited);
    let second = both.signed_by(&free);
    let sent = [&first, &limited, &second];
    let two_ways = Draft::new("constraints::of-one-way", &[&pki.root, &free], &sent, &server().signed_by(&second));
    vec![
        of_intermediate.bad("The name of an intermediate is not permitted."),
        by_root.bad("The root does not permit the name of an intermediate."),
        self_issued.good("Names of an authority's own new key are not bound."),
        self_issued_leaf.host("www.other.test").bad("Those of a leaf are, though it has its issuer's name."),
        narrowed.bad("A lower authority permits less than the upper one."),
        two_ways.good("One way to a root is forbidden, another is not."),
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
