//! Time.

use super::{Case, Pki};
use crate::verdicts::certificate::{generalized, utc};

pub(super) fn cases() -> Vec<Case> {
    let pki = Pki::new();
    let until = |id, to: &str| pki.leaf(id, |leaf| leaf.valid("240101000000Z", to));
    let from = |id, from: &str| pki.leaf(id, |leaf| leaf.valid(from, "340101000000Z"));
    let times = |id, from: Vec<u8>, to: Vec<u8>| pki.leaf(id, |leaf| leaf.times(from, to));
    let begin = || utc("240101000000Z");
    vec![
        pki.leaf("validity::good", |leaf| leaf).good("Nothing is wrong."),
        until("validity::expired", "250101000000Z").bad("The leaf has expired."),
        until("validity::last-second", "250615120000Z").good("The last second of validity counts."),
        until("validity::one-second-late", "250615115959Z").bad("It expired a second ago."),
        from("validity::not-yet", "260101000000Z").bad("The leaf is not valid yet."),
        from("validity::first-second", "250615120000Z").good("The first second of validity counts."),
        from("validity::one-second-early", "250615120001Z").bad("It begins in a second."),
        pki.leaf("validity::backwards", |leaf| leaf.valid("340101000000Z", "240101000000Z"))
            .bad("The validity ends before it begins."),
        pki.middle("validity::expired-intermediate", |middle| middle.valid("200101000000Z", "210101000000Z"))
            .bad("The intermediate has expired."),
        pki.middle("validity::intermediate-not-yet", |middle| middle.valid("330101000000Z", "340101000000Z"))
            .bad("The intermediate is not valid yet."),
        Pki::root("validity::expired-root", |root| root.valid("200101000000Z", "210101000000Z"))
            .bad("The root has expired, which is how roots are retired."),
        times("validity::generalized-2050", begin(), generalized("20500101000000Z")).good("The end is in 2050."),
        times("validity::no-end", begin(), generalized("99991231235959Z")).good("RFC 5280's word for no end."),
        times("validity::utc-49", begin(), utc("491231235959Z")).good("The two digits 49 mean 2049."),
        times("validity::utc-50", begin(), utc("500101000000Z")).bad("The two digits 50 mean 1950."),
        times("validity::from-1950", utc("500101000000Z"), utc("340101000000Z")).good("Valid since 1950."),
        times("validity::without-seconds", utc("2401010000Z"), utc("3401010000Z")).bad("DER demands seconds."),
        times("validity::with-offset", utc("240101000000+0100"), utc("340101000000+0100")).bad("DER demands UTC."),
        times("validity::fraction", begin(), generalized("20500101000000.5Z")).bad("DER knows no fractions here."),
        times("validity::no-time", begin(), utc("not a time 1Z")).bad("The end is not a time."),
        times("validity::month-13", begin(), utc("341301000000Z")).bad("There is no thirteenth month."),
        times("validity::other-type", begin(), crate::verdicts::der::tlv(0x0C, b"340101000000Z"))
            .bad("A text in place of a time."),
        pki.leaf("validity::far-future", |leaf| leaf.times(begin(), generalized("29990101000000Z")))
            .at("2037-12-31T23:59:59Z")
            .bad("The intermediate has expired by then."),
        pki.leaf("validity::at-the-epoch", |leaf| leaf).at("1970-01-01T00:00:00Z").bad("Nothing was valid in 1970."),
    ]
}
