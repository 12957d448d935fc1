//! Chance, from a seed.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

/// What generators draw from: the same seed gives the same inputs.
pub struct Draw(SmallRng);

impl Draw {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// A number below `n`, which is not zero.
    pub fn below(&mut self, n: usize) -> usize {
        self.0.random_range(0..n)
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Any number; those at the borders of types are likelier than others.
    pub fn number(&mut self) -> u64 {
        let any = self.0.next_u64();
        match any >> 61 {
            0..=3 => any & 7,
            4 => any & 0xffff,
            5 => u64::MAX - (any & 3),
            6 => (1 << (any & 63)) - (any >> 8 & 1),
            _ => any,
        }
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.0.next_u32() as u8
    }

    /// One of a list.
    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    /// Appends random bytes.
    pub fn bytes(&mut self, n: usize, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + n, 0);
        self.0.fill_bytes(&mut out[start..]);
    }

    /// Spoils bytes in a few places: bits, bytes, stretches that go, come twice or become something
    /// that matters elsewhere.
    pub fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..1 + self.below(3) {
            let at = self.below(bytes.len() + 1);
            let end = (at + 1 + self.below(8)).min(bytes.len());
            match self.below(6) {
                _ if at == bytes.len() => bytes.push(self.byte()),
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = self.byte(),
                2 => drop(bytes.drain(at..end)),
                3 => bytes.truncate(at),
                4 => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again).for_each(drop);
                }
                _ => {
                    let number = self.number().to_le_bytes();
                    let end = end.min(at + 8);
                    bytes[at..end].copy_from_slice(&number[..end - at]);
                }
            }
        }
    }
}
