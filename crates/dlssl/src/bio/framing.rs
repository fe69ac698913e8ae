//! Where records begin and end in a stream of TLS: tells a cut between two records from one inside.

/// Bytes of a record's head: type, version, length.
const HEAD: usize = 5;

/// Follows the records that C has taken.
#[derive(Default)]
pub(crate) struct Framing {
    head: [u8; HEAD],
    /// How much of the head has gone by.
    in_head: usize,
    /// How much of the body is to come.
    left: usize,
    /// Heads that have gone by since somebody began to count.
    records: usize,
}

impl Framing {
    /// Notes that these bytes went by.
    pub(crate) fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let part = self.left.min(bytes.len());
                self.left -= part;
                bytes = &bytes[part..];
                continue;
            }
            let part = (HEAD - self.in_head).min(bytes.len());
            self.head[self.in_head..self.in_head + part].copy_from_slice(&bytes[..part]);
            self.in_head += part;
            bytes = &bytes[part..];
            if self.in_head == HEAD {
                self.in_head = 0;
                self.records += 1;
                self.left = usize::from(u16::from_be_bytes([self.head[3], self.head[4]]));
            }
        }
    }

    /// Counts from nought.
    pub(crate) fn begin_count(&mut self) {
        self.records = 0;
    }

    /// Records whose head has gone by.
    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// Whether a record has begun and not ended.
    pub(crate) fn is_inside(&self) -> bool {
        self.in_head > 0 || self.left > 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_end_of_a_record_is_the_only_outside(
            lengths in proptest::collection::vec(0usize..500, 1..6),
            cut in 0usize..3000,
            step in 1usize..700,
        ) {
            let mut stream = Vec::new();
            let mut ends = vec![0];
            for length in lengths {
                stream.extend([23, 3, 3]);
                stream.extend((length as u16).to_be_bytes());
                stream.resize(stream.len() + length, 0);
                ends.push(stream.len());
            }
            let cut = cut.min(stream.len());
            let mut framing = Framing::default();
            stream[..cut].chunks(step).for_each(|chunk| framing.advance(chunk));
            prop_assert_eq!(framing.is_inside(), !ends.contains(&cut));
            prop_assert_eq!(framing.records(), ends.iter().filter(|end| **end + HEAD <= cut).count().min(ends.len() - 1));
        }
    }
}
