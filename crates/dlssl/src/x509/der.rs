//! DER, as far as a certificate needs it: elements, object identifiers. Reads what C has already accepted, and takes
//! nothing for granted.

use super::Malformed;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// One element: what it is and what is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// With its tag and length.
    pub(super) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// Reads what is inside.
    pub(super) fn inside(self) -> Reader<'a> {
        Reader { rest: self.content }
    }
}

/// Elements one after the other.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Tag of the next element.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self) -> Result<Element<'a>, Malformed> {
        let (tag, header, len) = head(self.rest).ok_or(Malformed("an element without a length"))?;
        let end = header.checked_add(len).filter(|end| *end <= self.rest.len());
        let (whole, rest) = self.rest.split_at(end.ok_or(Malformed("an element that is cut short"))?);
        self.rest = rest;
        Ok(Element { tag, content: &whole[header..], whole })
    }

    /// The next element, which must be of this kind.
    pub(super) fn expect(&mut self, tag: u8) -> Result<Element<'a>, Malformed> {
        if self.peek() == Some(tag) { self.any() } else { Err(Malformed("an element of another kind")) }
    }

    /// The next element, if it is of this kind.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Malformed> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }
}

/// Tag, length of the header, length of the content. Only tags of one byte and lengths that are known beforehand.
fn head(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (&tag, &first) = (bytes.first()?, bytes.get(1)?);
    if tag & 0x1F == 0x1F {
        return None;
    }
    if first < 0x80 {
        return Some((tag, 2, usize::from(first)));
    }
    let count = usize::from(first & 0x7F);
    if count == 0 || count > 4 {
        return None;
    }
    let len = bytes.get(2..2 + count)?.iter().fold(0u64, |len, byte| len << 8 | u64::from(*byte));
    Some((tag, 2 + count, usize::try_from(len).ok()?))
}

/// Content of an object identifier, in the one form that it can have: so equal ones have equal bytes.
pub(super) fn identifier(element: Element<'_>) -> Result<&[u8], Malformed> {
    // A number ends with a byte below 0x80, and none begins with a nought.
    let mut begins = true;
    let is_sound = element.content.iter().all(|byte| {
        let sound = !begins || *byte != 0x80;
        begins = byte & 0x80 == 0;
        sound
    });
    if is_sound && begins && !element.content.is_empty() { Ok(element.content) } else { Err(NO_IDENTIFIER) }
}

const NO_IDENTIFIER: Malformed = Malformed("an object identifier that is none");

/// Writes an object identifier with dots, such as `2.5.4.3`.
pub(super) fn dotted(content: &[u8]) -> Result<String, Malformed> {
    let mut text = String::new();
    let mut number = 0u128;
    if content.last().is_none_or(|last| last & 0x80 != 0) {
        return Err(NO_IDENTIFIER);
    }
    for byte in content {
        number = number.checked_mul(128).ok_or(NO_IDENTIFIER)? | u128::from(byte & 0x7F);
        if byte & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            let first = (number / 40).min(2);
            text = format!("{first}.{}", number - first * 40);
        } else {
            text.push('.');
            text.push_str(&number.to_string());
        }
        number = 0;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_are_told_apart() {
        let mut reader = Reader::new(&[0x30, 3, 2, 1, 5, 4, 0x81, 1, 9]);
        let sequence = reader.expect(SEQUENCE).unwrap();
        assert_eq!(sequence.inside().expect(INTEGER).unwrap().content, [5]);
        assert_eq!(reader.optional(BOOLEAN).unwrap(), None);
        assert_eq!(reader.any().unwrap().content, [9]);
        assert!(reader.is_at_end() && reader.any().is_err());
    }

    #[test]
    fn what_is_cut_short_or_endless_is_refused() {
        for bytes in [&[0x30][..], &[0x30, 5, 1], &[0x30, 0x80, 0, 0], &[0x30, 0x85, 0, 0, 0, 0, 1, 7], &[0x1F, 1, 0]] {
            assert!(Reader::new(bytes).any().is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn identifiers() {
        assert_eq!(dotted(&[0x55, 4, 3]).unwrap(), "2.5.4.3");
        assert_eq!(dotted(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D]).unwrap(), "1.2.840.113549");
        assert_eq!(dotted(&[0x88, 0x37]).unwrap(), "2.999");
        for wrong in [&[][..], &[0x55, 0x84], &[0xFF; 30]] {
            assert!(dotted(wrong).is_err());
        }
    }

    #[test]
    fn identifiers_have_one_form() {
        let read = |content: &[u8]| identifier(Element { tag: OBJECT_IDENTIFIER, content, whole: content }).is_ok();
        assert!(read(&[0x55, 4, 3]) && read(&[0x2A, 0x86, 0x80, 1]));
        // Nothing, one that does not end, and numbers with a nought before them.
        for wrong in [&[][..], &[0x55, 0x84], &[0x80, 0x55], &[0x2A, 0x80, 0x86, 0x48]] {
            assert!(!read(wrong), "{wrong:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(element) = reader.any() {
                prop_assert!(element.whole.len() >= 2);
            }
            let _ = dotted(&bytes);
        }
    }
}
