//! Changed copies of given inputs, by a generator that a number starts: the same number, the same copies.

/// A generator of changed inputs.
#[derive(Debug)]
pub struct Mutator {
    state: u64,
    /// What copies are made of.
    seeds: Vec<Vec<u8>>,
}

/// Most bytes of a copy.
const MOST: usize = 8192;
/// Bytes at which readers tend to stumble.
const ODD: [u8; 10] = [0, 1, 0x7f, 0x80, 0x81, 0x84, 0xff, b'.', b'-', b'\n'];

impl Mutator {
    /// Begins with a number and at least one input.
    pub fn new(number: u64, mut seeds: Vec<Vec<u8>>) -> Self {
        seeds.push(Vec::new());
        Mutator { state: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, seeds }
    }

    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).unwrap() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        if self.below(2) == 0 { ODD[self.below(ODD.len())] } else { u8::try_from(self.below(256)).unwrap() }
    }

    /// The next copy.
    pub fn next_input(&mut self) -> Vec<u8> {
        let which = self.below(self.seeds.len());
        let mut bytes = self.seeds[which].clone();
        for _ in 0..=self.below(6) {
            self.change(&mut bytes);
        }
        bytes.truncate(MOST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let len = self.below(16).min(bytes.len() - at);
        match self.below(8) {
            0 | 1 if at < bytes.len() => bytes[at] = self.byte(),
            2 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            3 => drop(bytes.drain(at..at + len)),
            4 => {
                let part = bytes[at..at + len].to_vec();
                bytes.splice(at..at, part);
            }
            5 => {
                let other = self.below(self.seeds.len());
                let from = self.below(self.seeds[other].len() + 1);
                let part: Vec<u8> = self.seeds[other][from..].iter().copied().take(200).collect();
                bytes.splice(at..at, part);
            }
            6 => bytes.truncate(at),
            _ => {
                let byte = self.byte();
                bytes.insert(at, byte);
            }
        }
    }
}
