//! Names for private copies: random, because two plugins of one process may each carry a dlssl.

use crate::ffi::Half;

/// Fewest random characters that make a name.
const FEWEST: usize = 6;

/// Makes a name of `len` bytes in the place of a file's own: the half, as far as there is room, and random characters.
///
/// `None` when `len` leaves too little room for chance, `Err` when the system gives no random bytes.
pub(super) fn soname(half: Half, len: usize) -> Result<Option<String>, getrandom::Error> {
    const CHARACTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let word = match half {
        Half::Ssl => "ssl-",
        Half::Crypto => "crypto-",
    };
    let word = if len >= word.len() + FEWEST { word } else { "" };
    if len < FEWEST {
        return Ok(None);
    }
    let mut random = vec![0; len - word.len()];
    getrandom::fill(&mut random)?;
    let tail = random.iter().map(|byte| char::from(CHARACTERS[usize::from(*byte) % CHARACTERS.len()]));
    Ok(Some(word.chars().chain(tail).collect()))
}

/// What stands between `fd` and the number in the path of a descriptor: nothing but slashes and dots, so that the path
/// stays the same file, and another one each time.
///
/// glibc knows a library again by the spelling of its path; a number that was closed and is in use again would give an
/// older library.
pub(super) fn spelling() -> Result<String, getrandom::Error> {
    let mut random = [0; 3];
    getrandom::fill(&mut random)?;
    let bits = u32::from_le_bytes([random[0], random[1], random[2], 0]);
    Ok((0..24).map(|bit| if bits >> bit & 1 == 0 { "/" } else { "/." }).chain(["/"]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_length_and_says_its_half_where_it_can() {
        for (half, len, start) in
            [(Half::Ssl, 11, "ssl-"), (Half::Crypto, 14, "crypto-"), (Half::Crypto, 12, ""), (Half::Ssl, 40, "ssl-")]
        {
            let name = soname(half, len).unwrap().unwrap();
            assert_eq!(name.len(), len);
            assert!(name.starts_with(start), "{name}");
            assert_ne!(soname(half, len).unwrap().unwrap(), name);
        }
        assert_eq!(soname(Half::Ssl, 5), Ok(None));
    }

    #[test]
    fn a_spelling_is_a_path_to_the_same_place() {
        let spelling = spelling().unwrap();
        assert!(spelling.starts_with('/') && spelling.ends_with('/'));
        assert!(spelling.split('/').all(|part| part.is_empty() || part == "."));
    }
}
