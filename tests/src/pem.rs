//! PEM by hand, to and from DER: no library decides what a test sees.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A block with a line end in each place that needs one.
pub fn der_to_pem(label: &str, der: &[u8]) -> String {
    let mut body = String::new();
    for (at, chunk) in der.chunks(3).enumerate() {
        if at > 0 && at % 16 == 0 {
            body.push('\n');
        }
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let index = (group >> (18 - 6 * digit)) & 0x3F;
            body.push(if digit <= chunk.len() { char::from(DIGITS[index as usize]) } else { '=' });
        }
    }
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// The bytes in the first block, whatever they are.
///
/// # Errors
/// When there is no block, or one that is no PEM.
pub fn pem_to_der(pem: &str) -> Result<Vec<u8>, String> {
    Ok(pem_blocks(pem)?.swap_remove(0))
}

/// The bytes in each block: at least one.
///
/// # Errors
/// When there is no block, or one that is no PEM.
pub fn pem_blocks(pem: &str) -> Result<Vec<Vec<u8>>, String> {
    let blocks = pem.split("-----BEGIN ").skip(1).map(|block| {
        let (_label, body) = block.split_once("-----")?;
        let (body, _end) = body.split_once("-----END ")?;
        decode(body).filter(|der| !der.is_empty())
    });
    let all: Option<Vec<_>> = blocks.collect();
    all.filter(|all| !all.is_empty()).ok_or_else(|| format!("no PEM: {:.60}", pem.escape_debug().to_string()))
}

fn decode(body: &str) -> Option<Vec<u8>> {
    let text: String = body.split_ascii_whitespace().collect();
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut count) = (0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == byte)?;
        group = group << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((group >> count) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let contents: Vec<Vec<u8>> = [1, 2, 3, 47, 48, 49, 300].map(|len| (0..len).map(|n| n as u8).collect()).into();
        let text: String = contents.iter().map(|der| der_to_pem("X", der)).collect();
        assert_eq!(pem_blocks(&text).unwrap(), contents);
        assert_eq!(pem_to_der(&text).unwrap(), contents[0]);
        assert_eq!(der_to_pem("X", b"\0any bytes\xFF"), "-----BEGIN X-----\nAGFueSBieXRlc/8=\n-----END X-----\n");
    }

    #[test]
    fn what_is_no_pem_is_an_error() {
        for text in ["", "AAAA", "-----BEGIN X-----\n!\n-----END X-----\n", "-----BEGIN X-----\nAAAA\n"] {
            assert!(pem_to_der(text).is_err(), "{text}");
        }
    }
}
