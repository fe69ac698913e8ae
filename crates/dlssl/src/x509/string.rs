//! The strings of ASN.1, all kinds of them, as Rust's.

use super::Malformed;

const UTF8: u8 = 12;
const NUMERIC: u8 = 18;
const PRINTABLE: u8 = 19;
const TELETEX: u8 = 20;
const VIDEOTEX: u8 = 21;
const IA5: u8 = 22;
const GRAPHIC: u8 = 25;
const VISIBLE: u8 = 26;
const GENERAL: u8 = 27;
const UNIVERSAL: u8 = 28;
const BMP: u8 = 30;

/// Reads a string of the kind that `tag` names; `None` for what is no string.
///
/// Teletex and its kin are read as Latin-1, as everybody writes them. A NUL inside is an error: to C the text would end
/// there, and mean something else.
pub(super) fn decode(tag: u8, bytes: &[u8]) -> Result<Option<String>, Malformed> {
    let text = match tag {
        UTF8 => std::str::from_utf8(bytes).map_err(|_| Malformed("a text that is not UTF-8"))?.to_owned(),
        NUMERIC | PRINTABLE | IA5 | VISIBLE => return ascii(bytes).map(Some),
        TELETEX | VIDEOTEX | GRAPHIC | GENERAL => bytes.iter().copied().map(char::from).collect(),
        BMP => wide::<2>(bytes)?,
        UNIVERSAL => wide::<4>(bytes)?,
        _ => return Ok(None),
    };
    without_nul(text).map(Some)
}

/// Reads a text of ASCII, which alternative names are.
pub(super) fn ascii(bytes: &[u8]) -> Result<String, Malformed> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => without_nul(text.to_owned()),
        _ => Err(Malformed("a text that is not ASCII")),
    }
}

fn without_nul(text: String) -> Result<String, Malformed> {
    if text.contains('\0') { Err(Malformed("a text with a NUL inside")) } else { Ok(text) }
}

/// Characters of `WIDTH` bytes each.
fn wide<const WIDTH: usize>(bytes: &[u8]) -> Result<String, Malformed> {
    const WRONG: Malformed = Malformed("a text with characters that are none");
    if !bytes.len().is_multiple_of(WIDTH) {
        return Err(WRONG);
    }
    bytes
        .chunks_exact(WIDTH)
        .map(|character| char::from_u32(character.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))))
        .collect::<Option<String>>()
        .ok_or(WRONG)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind() {
        let cases: [(u8, &[u8], &str); 9] = [
            (UTF8, "Müller €".as_bytes(), "Müller €"),
            (PRINTABLE, b"Example Inc.", "Example Inc."),
            (NUMERIC, b"12 34", "12 34"),
            (IA5, b"a@b", "a@b"),
            (VISIBLE, b"x~", "x~"),
            (TELETEX, b"M\xFCller", "Müller"),
            (BMP, b"\0M\0\xFC\x20\xAC", "Mü€"),
            (UNIVERSAL, b"\0\0\0M\0\x01\xF6\0", "M😀"),
            (BMP, b"", ""),
        ];
        for (tag, bytes, text) in cases {
            assert_eq!(decode(tag, bytes).unwrap().as_deref(), Some(text));
        }
        assert_eq!(decode(3, b"\0\x05").unwrap(), None);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let cases: [(u8, &[u8]); 9] = [
            (UTF8, b"a\0b"),
            (UTF8, b"\xFF"),
            (PRINTABLE, b"a\0"),
            (IA5, b"M\xFCller"),
            (TELETEX, b"a\0b"),
            (BMP, b"\0\0"),
            (BMP, b"\0a\0"),
            (BMP, b"\xD8\x3D\xDE\x00"),
            (UNIVERSAL, b"\0\x11\0\0"),
        ];
        for (tag, bytes) in cases {
            assert!(decode(tag, bytes).is_err(), "{tag} {bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(tag in any::<u8>(), bytes in proptest::collection::vec(any::<u8>(), 0..32)) {
            if let Ok(Some(text)) = decode(tag, &bytes) {
                prop_assert!(!text.contains('\0'));
            }
        }

        #[test]
        fn texts_read_back(text in "[^\0]{0,20}") {
            let wide: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
            prop_assert_eq!(decode(UNIVERSAL, &wide).unwrap(), Some(text.clone()));
            prop_assert_eq!(decode(UTF8, text.as_bytes()).unwrap(), Some(text));
        }
    }
}
