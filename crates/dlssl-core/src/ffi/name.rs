//! A symbol's name with the hash by which ELF objects list it.

/// A name and its hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    text: &'a [u8],
    hash: u32,
}

impl<'a> Name<'a> {
    /// Of any text that has no NUL in it.
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, hash: gnu_hash(text) }
    }

    /// Of what stands in a table of names before the first NUL; hashed on the way to it.
    pub(crate) fn until_nul(table: &'a [u8]) -> Self {
        let (mut hash, mut len) = (FIRST, 0);
        while let Some(&byte) = table.get(len)
            && byte != 0
        {
            hash = step(hash, byte);
            len += 1;
        }
        Self { text: &table[..len], hash }
    }

    pub(crate) const fn text(self) -> &'a [u8] {
        self.text
    }

    pub(crate) const fn hash(self) -> u32 {
        self.hash
    }
}

/// The hash of `DT_GNU_HASH`.
const fn gnu_hash(bytes: &[u8]) -> u32 {
    let mut hash = FIRST;
    let mut at = 0;
    while at < bytes.len() {
        hash = step(hash, bytes[at]);
        at += 1;
    }
    hash
}

const FIRST: u32 = 5381;

const fn step(hash: u32, byte: u8) -> u32 {
    hash.wrapping_mul(33).wrapping_add(byte as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_of_the_format() {
        for (text, hash) in [("", 0x0000_1505), ("printf", 0x156b_2bb8), ("exit", 0x7c96_7e3f)] {
            assert_eq!(Name::new(text.as_bytes()).hash(), hash);
            let table = [text.as_bytes(), b"\0more\0"].concat();
            let name = Name::until_nul(&table);
            assert_eq!((name.text(), name.hash()), (text.as_bytes(), hash));
        }
    }
}
