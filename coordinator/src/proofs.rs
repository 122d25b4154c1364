//! Shared by the long-running tests: how much they try, and their random numbers.

use std::ops::Range;

/// The number of cases: `short` in everyday tests, `long` with `KINDLING_PROOFS=long`.
pub(crate) fn proofs(short: usize, long: usize) -> usize {
    if is_long() { long } else { short }
}

/// Whether these tests run long, and print at the end what they saw.
pub(crate) fn is_long() -> bool {
    std::env::var("KINDLING_PROOFS").is_ok_and(|form| form == "long")
}

/// `SplitMix64`: good enough to pick test cases, and the same on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in the range, which must not be empty.
    pub(crate) fn within(&mut self, range: Range<usize>) -> usize {
        range.start + (self.number() % range.len() as u64) as usize
    }

    /// True once in `times` calls, on average.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.number().is_multiple_of(times)
    }

    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.within(0..among.len())]
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number() as u8).collect()
    }
}
