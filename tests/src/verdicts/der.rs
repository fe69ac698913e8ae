//! DER, written by hand: only so can a certificate be wrong in just one place.

/// Tag, length and content.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        short @ 0..=0x7F => out.push(short as u8),
        long => {
            let bytes = long.to_be_bytes();
            let bytes = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap()..];
            out.push(0x80 | bytes.len() as u8);
            out.extend_from_slice(bytes);
        }
    }
    out.extend_from_slice(content);
    out
}

/// `SEQUENCE` of parts that are DER already.
pub fn sequence<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    tlv(0x30, &concat(parts))
}

/// `SET` of parts that are DER already.
pub fn set<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    tlv(0x31, &concat(parts))
}

/// `INTEGER` with these bytes as they are, first one with the sign.
pub fn integer(bytes: &[u8]) -> Vec<u8> {
    tlv(2, bytes)
}

/// `INTEGER` from 0 to 127.
pub fn small(number: u8) -> Vec<u8> {
    assert!(number < 0x80, "a sign bit");
    integer(&[number])
}

/// `BOOLEAN`.
pub fn boolean(value: bool) -> Vec<u8> {
    tlv(1, &[if value { 0xFF } else { 0 }])
}

/// `OCTET STRING`.
pub fn octets(bytes: &[u8]) -> Vec<u8> {
    tlv(4, bytes)
}

/// `BIT STRING` of whole bytes.
pub fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(3, &concat(&[&[0][..], bytes]))
}

/// `OBJECT IDENTIFIER` from its text with dots.
pub fn oid(text: &str) -> Vec<u8> {
    let arcs: Vec<u64> = text.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut content = base128(arcs[0] * 40 + arcs[1]);
    for arc in &arcs[2..] {
        content.extend(base128(*arc));
    }
    tlv(6, &content)
}

/// `[number]`, constructed: a wrapper, or an implicit `SEQUENCE`.
pub fn inside(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xA0 | number, content)
}

/// `[number]`, primitive.
pub fn plain(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x80 | number, content)
}

/// All parts in a row.
pub fn concat<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.as_ref().iter().copied()).collect()
}

fn base128(number: u64) -> Vec<u8> {
    let mut out = vec![(number & 0x7F) as u8];
    let mut rest = number >> 7;
    while rest > 0 {
        out.insert(0, 0x80 | (rest & 0x7F) as u8);
        rest >>= 7;
    }
    out
}
