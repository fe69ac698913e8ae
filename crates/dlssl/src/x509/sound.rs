//! What each certificate of a chain must be in itself (RFC 5280), judged by us: 1.0.2 and LibreSSL take a broken or doubled
//! extension for an absent one, an intermediate that is no authority, and a text for a time.

use super::alt_name::{DNS, EXTENSION as ALTERNATIVE_NAMES};
use super::der::{BIT_STRING, BOOLEAN, Element, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use super::parse::{BASIC_CONSTRAINTS, Parts};
use super::{Certificate, Malformed};

const KEY_USAGE: &[u8] = &[0x55, 0x1D, 15];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1D, 37];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 30];

/// In name constraints: what is permitted, what is excluded.
const PERMITTED: u8 = 0xA0;
const EXCLUDED: u8 = 0xA1;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// What is wrong in a verified chain (own certificate first, trusted one last), and at which depth.
pub(crate) fn in_chain(chain: &[Certificate]) -> Option<(usize, &'static str)> {
    // Authorities so far that a path length counts: neither the peer's own certificate nor one that renews its own name.
    let mut between = 0;
    for (depth, certificate) in chain.iter().enumerate() {
        let Ok(parts) = Parts::parse(certificate.der()) else { return Some((depth, "malformed certificate")) };
        if !is_validity(parts.validity) {
            return Some((depth, "malformed validity"));
        }
        let basic = match basic_constraints(&parts) {
            Ok(basic) => basic,
            Err(Malformed(fault)) => return Some((depth, fault)),
        };
        if depth == 0 {
            continue;
        }
        // A trusted certificate of version 1 cannot say that it is an authority; being trusted says so.
        let is_old_root = depth + 1 == chain.len() && !parts.has_extensions();
        if !basic.is_authority && !is_old_root {
            return Some((depth, "invalid CA certificate"));
        }
        if basic.path_length.is_some_and(|most| between > most) {
            return Some((depth, "path length constraint exceeded"));
        }
        between += usize::from(parts.subject.whole != parts.issuer.whole);
    }
    None
}

#[derive(Debug, Default, PartialEq, Eq)]
struct BasicConstraints {
    is_authority: bool,
    path_length: Option<usize>,
}

/// Looks at all extensions, each of which may be there once and, if it is one that verification goes by, in its form.
fn basic_constraints(parts: &Parts<'_>) -> Result<BasicConstraints, Malformed> {
    let mut basic = BasicConstraints::default();
    let mut seen: Vec<&[u8]> = Vec::new();
    for extension in parts.extensions() {
        let (id, value) = extension?;
        if seen.contains(&id) {
            return Err(Malformed("an extension is there twice"));
        }
        seen.push(id);
        let fits = match id {
            BASIC_CONSTRAINTS => read_basic_constraints(value).map(|read| basic = read),
            KEY_USAGE => alone(value, BIT_STRING).filter(|bits| bits.content.len() > 1).map(drop),
            EXTENDED_KEY_USAGE => alone(value, SEQUENCE).filter(|all| holds_only(*all, is_identifier)).map(drop),
            ALTERNATIVE_NAMES => alone(value, SEQUENCE).map(drop),
            NAME_CONSTRAINTS => alone(value, SEQUENCE).filter(|all| are_constraints(*all)).map(drop),
            _ => Some(()),
        };
        fits.ok_or(Malformed("malformed extension"))?;
    }
    Ok(basic)
}

fn read_basic_constraints(value: Reader<'_>) -> Option<BasicConstraints> {
    let mut inside = alone(value, SEQUENCE)?.inside();
    let is_authority = inside.optional(BOOLEAN).ok()?.is_some_and(|flag| flag.content != [0]);
    let path_length = match inside.optional(INTEGER).ok()? {
        None => None,
        Some(number) => Some(natural(number.content)?),
    };
    inside.is_at_end().then_some(BasicConstraints { is_authority, path_length })
}

/// The one element that a value holds, with nothing behind it.
fn alone(mut value: Reader<'_>, tag: u8) -> Option<Element<'_>> {
    let element = value.expect(tag).ok()?;
    value.is_at_end().then_some(element)
}

/// Whether each list that is there has a constraint in it, and each constraint its form.
fn are_constraints(all: Element<'_>) -> bool {
    let mut inside = all.inside();
    let mut fits = |tag| inside.optional(tag).is_ok_and(|list| list.is_none_or(|list| holds_only(list, is_constraint)));
    fits(PERMITTED) && fits(EXCLUDED) && inside.is_at_end()
}

/// A star in a constraint is a letter to every library: what is excluded so would be permitted.
fn is_constraint(tree: Element<'_>) -> bool {
    let name = tree.inside().any();
    tree.tag == SEQUENCE && name.is_ok_and(|name| name.tag != DNS || !name.content.contains(&b'*'))
}

fn is_identifier(element: Element<'_>) -> bool {
    element.tag == OBJECT_IDENTIFIER
}

/// Whether there are elements inside, all of this kind.
fn holds_only(all: Element<'_>, is_one: fn(Element<'_>) -> bool) -> bool {
    let mut inside = all.inside();
    loop {
        if !inside.any().is_ok_and(is_one) {
            return false;
        }
        if inside.is_at_end() {
            return true;
        }
    }
}

/// A number that is not negative; what is too large to count is the most that can be counted.
fn natural(bytes: &[u8]) -> Option<usize> {
    if bytes.first()? & 0x80 != 0 {
        return None;
    }
    Some(bytes.iter().fold(0usize, |number, byte| number.saturating_mul(256).saturating_add(usize::from(*byte))))
}

fn is_validity(validity: Element<'_>) -> bool {
    let mut times = validity.inside();
    let mut next = || times.any().is_ok_and(is_time);
    next() && next() && times.is_at_end()
}

/// `YYMMDDHHMMSSZ`, or the same with a year of four digits: RFC 5280 knows no other form.
fn is_time(time: Element<'_>) -> bool {
    let year = match time.tag {
        UTC_TIME => 2,
        GENERALIZED_TIME => 4,
        _ => return false,
    };
    let Some((b'Z', digits)) = time.content.split_last() else { return false };
    if digits.len() != year + 10 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let bounds = [1..=12, 1..=31, 0..=23, 0..=59, 0..=59];
    digits[year..]
        .chunks(2)
        .zip(bounds)
        .all(|(pair, bounds)| bounds.contains(&((pair[0] - b'0') * 10 + pair[1] - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(der: &[u8]) -> Element<'_> {
        Reader::new(der).any().unwrap()
    }

    fn time(tag: u8, text: &str) -> bool {
        let der = [&[tag, text.len() as u8], text.as_bytes()].concat();
        is_time(element(&der))
    }

    #[test]
    fn times_have_one_form() {
        assert!(time(UTC_TIME, "240229235959Z") && time(GENERALIZED_TIME, "99991231235959Z"));
        for text in [
            "",
            "Z",
            "2402292359Z",
            "241301000000Z",
            "240100000000Z",
            "240101240000Z",
            "240101000000+",
            "not a time 1Z",
        ] {
            assert!(!time(UTC_TIME, text), "{text}");
        }
        assert!(!time(GENERALIZED_TIME, "240229235959Z") && !time(GENERALIZED_TIME, "20240229235959.5Z"));
        assert!(!time(0x0C, "240229235959Z"));
    }

    #[test]
    fn basic_constraints_are_read() {
        let read = |der: &[u8]| read_basic_constraints(Reader::new(der));
        let basic = |is_authority, path_length| Some(BasicConstraints { is_authority, path_length });
        assert_eq!(read(&[0x30, 0]), basic(false, None));
        assert_eq!(read(&[0x30, 3, 1, 1, 0xFF]), basic(true, None));
        assert_eq!(read(&[0x30, 6, 1, 1, 0xFF, 2, 1, 3]), basic(true, Some(3)));
        assert_eq!(read(&[0x30, 14, 1, 1, 0xFF, 2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]), basic(true, Some(usize::MAX)));
        for wrong in [&[][..], &[2, 1, 1], &[0x30, 0, 0], &[0x30, 3, 2, 1, 0xFF], &[0x30, 2, 5, 0], &[0x30, 2, 2, 0]] {
            assert_eq!(read(wrong), None, "{wrong:x?}");
        }
    }

    #[test]
    fn purposes_are_identifiers_and_at_least_one() {
        assert!(holds_only(element(&[0x30, 3, 6, 1, 5]), is_identifier));
        assert!(!holds_only(element(&[0x30, 0]), is_identifier));
        assert!(!holds_only(element(&[0x30, 6, 6, 1, 5, 2, 1, 5]), is_identifier));
    }

    #[test]
    fn constraints_are_lists_of_names_without_stars() {
        let read = |der: &[u8]| are_constraints(element(der));
        let list = |tag, name: &[u8]| {
            let length = name.len() as u8;
            [&[0x30, length + 6, tag, length + 4, 0x30, length + 2, DNS, length], name].concat()
        };
        for tag in [PERMITTED, EXCLUDED] {
            assert!(read(&list(tag, b"a.test")) && read(&list(tag, b"")));
            assert!(!read(&list(tag, b"*.test")));
            assert!(!read(&[0x30, 2, tag, 0]), "an empty list");
            assert!(!read(&[0x30, 4, tag, 2, DNS, 0]), "a name that is in no constraint");
        }
        // A limit on addresses is bytes, of which a star is one.
        assert!(read(&[0x30, 14, EXCLUDED, 12, 0x30, 10, 0x87, 8, b'*', 0, 0, 0, 0xFF, 0, 0, 0]));
        assert!(read(&[0x30, 0]) && !read(&list(0xA2, b"a.test")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            if let Ok(parts) = Parts::parse(&bytes) {
                let _ = (basic_constraints(&parts), is_validity(parts.validity));
            }
        }
    }
}
