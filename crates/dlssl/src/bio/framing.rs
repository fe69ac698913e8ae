//! Where records begin and end in a stream of TLS: tells a cut between two records from one inside.

/// Bytes of a record's head: type, version, length.
pub(super) const HEAD: usize = 5;

/// Follows the records that C has taken.
#[derive(Default)]
pub(crate) struct Framing {
    head: [u8; HEAD],
    /// How much of the head has gone by.
    in_head: u8,
    /// How much of the body is to come.
    left: u16,
    /// Heads that have gone by since somebody began to count.
    records: u32,
}

impl Framing {
    /// Whether a record is to begin, the first since somebody began to count.
    #[inline]
    pub(crate) fn is_first(&self) -> bool {
        self.records == 0 && !self.is_inside()
    }

    /// Takes these bytes, which come between two records, where they begin one and hold nothing behind it: how much of it is to come.
    #[inline]
    pub(crate) fn begin(&mut self, bytes: &[u8]) -> Option<usize> {
        let &[kind, _, _, high, low, ..] = bytes else { return None };
        let is_older_hello = kind & 0x80 != 0;
        let left = (HEAD + usize::from(u16::from_be_bytes([high, low]))).checked_sub(bytes.len())?;
        if is_older_hello {
            return None;
        }
        self.records += 1;
        // No more than a body has.
        self.left = left as u16;
        Some(left)
    }

    /// How many of these bytes, which come next, belong to the record at hand.
    #[inline]
    fn part(&self, next: &[u8]) -> usize {
        let whole = if self.left > 0 {
            self.left()
        } else if self.in_head == 0 && next.len() >= HEAD {
            HEAD + body([next[0], next[1], next[2], next[3], next[4]])
        } else {
            self.part_of_head(next)
        };
        whole.min(next.len())
    }

    /// Takes those of these bytes that belong to the record at hand, at most `room`: how many.
    #[inline]
    pub(crate) fn take(&mut self, next: &[u8], room: usize) -> usize {
        let part = self.part(next).min(room);
        self.advance(&next[..part]);
        part
    }

    #[cold]
    fn part_of_head(&self, next: &[u8]) -> usize {
        let missing = HEAD - usize::from(self.in_head);
        let Some(rest) = next.get(..missing) else { return missing };
        let mut head = self.head;
        head[HEAD - missing..].copy_from_slice(rest);
        missing + body(head)
    }

    /// How much of the record's body is to come; 0 where its head is not known.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        usize::from(self.left)
    }

    /// Notes that these bytes went by.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: &[u8]) {
        if self.left() >= bytes.len() {
            // No more than there is left.
            self.left -= bytes.len() as u16;
            return;
        }
        if self.is_inside() || self.begin(bytes).is_none() {
            self.step_through(bytes);
        }
    }

    #[cold]
    fn step_through(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let part = self.left().min(bytes.len());
                // No more than there is left.
                self.left -= part as u16;
                bytes = &bytes[part..];
                continue;
            }
            let in_head = usize::from(self.in_head);
            let part = (HEAD - in_head).min(bytes.len());
            self.head[in_head..in_head + part].copy_from_slice(&bytes[..part]);
            // At most five.
            self.in_head += part as u8;
            bytes = &bytes[part..];
            if in_head + part == HEAD {
                self.in_head = 0;
                self.records += 1;
                // From two bytes.
                self.left = body(self.head) as u16;
            }
        }
    }

    /// Counts from nought.
    #[inline]
    pub(crate) fn begin_count(&mut self) {
        self.records = 0;
    }

    /// Records whose head has gone by.
    pub(crate) fn records(&self) -> usize {
        self.records as usize
    }

    /// Whether a record has begun and not ended.
    #[inline]
    pub(crate) fn is_inside(&self) -> bool {
        self.in_head > 0 || self.left > 0
    }
}

/// How long the body is that follows a head. The hello of a client that also speaks SSL 2 has one of two bytes, the first
/// of which no TLS record begins with.
#[inline]
fn body(head: [u8; HEAD]) -> usize {
    if head[0] & 0x80 != 0 {
        usize::from(u16::from_be_bytes([head[0] & 0x7F, head[1]])).saturating_sub(HEAD - 2)
    } else {
        usize::from(u16::from_be_bytes([head[3], head[4]]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_older_hello_has_a_head_of_two_bytes() {
        let hello = [&[0x80, 46][..], &[1; 46]].concat();
        let mut framing = Framing::default();
        assert_eq!(framing.part(&[&hello[..], &[22, 3, 3]].concat()), hello.len());
        framing.advance(&hello[..9]);
        assert!(framing.is_inside());
        framing.advance(&hello[9..]);
        assert!(!framing.is_inside());
        assert_eq!(Framing::default().begin(&hello), None);
    }

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
            let mut begun = Framing::default();
            prop_assert!(begun.is_first());
            let left = begun.begin(&stream[..cut]);
            prop_assert_eq!(left, ends[1].checked_sub(cut).filter(|_| cut >= HEAD));
            prop_assert_eq!((begun.left(), begun.records()), (left.unwrap_or(0), usize::from(left.is_some())));
            prop_assert_eq!(framing.records(), ends.iter().filter(|end| **end + HEAD <= cut).count().min(ends.len() - 1));
            // What belongs to the record at hand ends with it, or with what is known of its head.
            let rest = &stream[cut..];
            let end = ends.iter().find(|end| **end > cut).map_or(0, |end| end - cut);
            let part = framing.part(rest);
            prop_assert!(part == end || rest.is_empty() && part == 0, "{} of {}", part, end);
            prop_assert!(framing.part(&rest[..rest.len().min(3)]) <= end.max(3));
        }
    }
}
