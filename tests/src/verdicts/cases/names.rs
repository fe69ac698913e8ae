//! Whether the certificate is for the host.

use super::{Case, HOST, Pki};
use crate::verdicts::certificate::{common_name, dns, id, ip, name};
use crate::verdicts::der::{concat, inside, oid, plain, sequence, tlv};

pub(super) fn cases() -> Vec<Case> {
    let pki = Pki::new();
    let named = |id, names: &[Vec<u8>]| pki.leaf(id, |leaf| leaf.set(id::NAMES, false, &sequence(names)));
    let one = |id, name: &str| named(id, &[dns(name)]);
    // Without alternative names.
    let subject =
        |id, subject: Vec<u8>| pki.leaf(id, |leaf| leaf.without(id::NAMES).with(|leaf| leaf.subject = subject));
    let empty = |id, critical| {
        pki.leaf(id, |leaf| {
            leaf.set(id::NAMES, critical, &sequence(&[dns(HOST)])).with(|leaf| leaf.subject = sequence::<Vec<u8>>(&[]))
        })
    };
    let other_name = inside(0, &concat(&[oid("1.3.6.1.5.5.7.8.5"), inside(0, &tlv(0x0C, HOST.as_bytes()))]));
    let many: Vec<_> = (0..500).map(|n| dns(&format!("host{n}.server.test"))).chain([dns(HOST)]).collect();
    let v6 = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    vec![
        one("names::exact", HOST).good("The name itself."),
        one("names::case", "WWW.Server.TEST").good("Letters large and small are the same."),
        one("names::mismatch", "www.other.test").bad("Another host."),
        one("names::parent", "server.test").bad("The domain is not its hosts."),
        one("names::child", "a.www.server.test").bad("A host below is another."),
        one("names::longer", "www.server.test.evil.example").bad("The name at the beginning of another."),
        one("names::suffix", "evil-www.server.test").bad("The name at the end of another."),
        one("names::dot-at-the-end", "www.server.test.").bad("Names in certificates have no dot at the end."),
        one("names::space", " www.server.test").bad("A space before the name."),
        one("names::empty-name", "").bad("An empty name."),
        named("names::second", &[dns("a.test"), dns(HOST)]).good("The second of two names."),
        named("names::many", &many).good("The last of 501 names."),
        named("names::none", &[]).bad("Alternative names without one in it."),
        one("names::wildcard", "*.server.test").good("A star for the first label."),
        one("names::wildcard-two-labels", "*.test").bad("A star does not stand for two labels."),
        one("names::wildcard-for-domain", "*.server.test").host("server.test").bad("A star stands for a label."),
        one("names::wildcard-top", "*.test").host("server.test").bad("A star for all of a top-level domain."),
        one("names::wildcard-alone", "*").host("server").bad("A star alone."),
        one("names::wildcard-inside", "www.*.test").bad("A star in the second label."),
        one("names::wildcard-two", "*.*.test").bad("Two stars."),
        one("names::wildcard-part", "w*.server.test").bad("A star beside letters: RFC 9525 has none."),
        one("names::wildcard-part-end", "*w.server.test").bad("A star before letters."),
        one("names::wildcard-xn", "xn--*.server.test")
            .host("xn--bcher-kva.server.test")
            .bad("A star in an xn-- label."),
        one("names::wildcard-is-xn", "*.server.test")
            .host("xn--bcher-kva.server.test")
            .good("A star for an xn-- label."),
        one("names::wildcard-deep", "*.a.b.server.test").host("x.a.b.server.test").good("A star below more labels."),
        one("names::not-ascii", "b\u{FC}cher.server.test")
            .host("xn--bcher-kva.server.test")
            .bad("An international name stands in its xn-- form only."),
        one("names::underscore", "a_b.server.test").host("a_b.server.test").good("An underscore, as is in use."),
        named("names::nul", &[plain(2, b"www.server.test\0.evil.example")]).bad("A NUL after the name."),
        named("names::nul-at-the-end", &[plain(2, b"www.server.test\0")]).bad("A NUL at the end."),
        named("names::latin", &[plain(2, b"www.server.test\xE9")]).bad("A byte that is not ASCII."),
        named("names::email", &[plain(1, HOST.as_bytes())]).bad("The name as a mail address."),
        named("names::uri", &[plain(6, b"https://www.server.test/")]).bad("The name in a URI."),
        named("names::other", &[other_name]).bad("The name as one of another kind."),
        subject("names::subject-only", common_name(HOST)).bad("RFC 9525: the subject is not looked at."),
        subject("names::subject-wildcard", common_name("*.server.test")).bad("The same with a star."),
        subject("names::subject-nul", name(&[("2.5.4.3", tlv(0x0C, b"www.server.test\0.evil.example"))]))
            .bad("The same with a NUL."),
        pki.leaf("names::subject-beside-names", |leaf| {
            leaf.set(id::NAMES, false, &sequence(&[dns("other.test")])).with(|leaf| leaf.subject = common_name(HOST))
        })
        .bad("The subject does not count beside alternative names."),
        pki.leaf("names::subject-beside-email", |leaf| {
            let names = sequence(&[plain(1, b"a@server.test")]);
            leaf.set(id::NAMES, false, &names).with(|leaf| leaf.subject = common_name(HOST))
        })
        .bad("Nor beside a mail address alone."),
        empty("names::empty-subject", true).good("No subject; the names are critical."),
        empty("names::empty-subject-not-critical", false).bad("No subject, so the names must be critical."),
        named("names::address", &[ip(&[192, 0, 2, 1])]).address("192.0.2.1").good("An address."),
        named("names::address-other", &[ip(&[192, 0, 2, 2])]).address("192.0.2.1").bad("Another address."),
        named("names::address-as-name", &[dns("192.0.2.1")]).address("192.0.2.1").bad("An address spelled as a name."),
        named("names::address-wildcard", &[dns("*.0.2.1")]).address("192.0.2.1").bad("A star in such a name."),
        named("names::address-range", &[ip(&[192, 0, 2, 1, 255, 255, 255, 0])])
            .address("192.0.2.1")
            .bad("An address with a mask, as only constraints have it."),
        named("names::address-short", &[ip(&[192, 0, 2])]).address("192.0.2.1").bad("Three bytes of an address."),
        named("names::address-v6", &[ip(&v6)]).address("2001:db8::1").good("An IPv6 address."),
        named("names::address-v6-other", &[ip(&v6)]).address("2001:db8::2").bad("Another IPv6 address."),
        named("names::address-mapped", &[ip(&[192, 0, 2, 1])])
            .address("::ffff:192.0.2.1")
            .bad("An IPv4 address is not its IPv6 form."),
        subject("names::address-in-subject", common_name("192.0.2.1"))
            .address("192.0.2.1")
            .bad("The subject is not looked at for addresses either."),
        named("names::host-of-address", &[ip(&[192, 0, 2, 1])]).bad("An address where a name is asked for."),
    ]
}
