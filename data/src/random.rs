//! Random numbers that are the same on every platform and with every version of our dependencies.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded stream of numbers, derived from `ChaCha8`'s raw output by our own code.
///
/// How the `rand` crate turns bits into ranges may change between versions, but a recorded study must not.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    /// The stream of `seed` for one purpose. Two purposes never share numbers, even with the same seed.
    pub(crate) fn new(purpose: [u8; 8], seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&purpose);
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A uniform whole number from 0 to `bound` − 1. `bound` must not be 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        // Lemire's method: the high half of the product, rejecting the 2^64 mod `bound` values that would
        // cause a bias.
        let surplus = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(bound);
            if product as u64 >= surplus {
                return (product >> 64) as usize;
            }
        }
    }

    /// A uniform number from `low` (inclusive) to `high` (exclusive).
    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        low + (high - low) * ((self.0.next_u64() >> 11) as f64 * STEP)
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.uniform(0.0, 1.0) < probability
    }

    /// Draws `count` items without replacement and moves them to the front, in random order.
    pub(crate) fn draw_to_front<T>(&mut self, items: &mut [T], count: usize) {
        for i in 0..count.min(items.len()) {
            let j = i + self.below(items.len() - i);
            items.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_below_the_bound_is_as_likely() {
        let mut random = Random::new(*b"test____", 1);
        let mut counts = [0_u32; 6];
        for _ in 0..6_000 {
            counts[random.below(6)] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn uniform_numbers_stay_within_their_range_and_fill_it() {
        let mut random = Random::new(*b"test____", 2);
        let drawn: Vec<f64> = (0..1_000).map(|_| random.uniform(-3.0, 5.0)).collect();
        let (low, high) =
            drawn.iter().fold((f64::MAX, f64::MIN), |(l, h), &x| (l.min(x), h.max(x)));
        assert!((-3.0..-2.9).contains(&low) && (4.9..5.0).contains(&high), "{low} {high}");
    }

    #[test]
    fn two_purposes_share_no_numbers() {
        let mut one = Random::new(*b"one_____", 3);
        let mut two = Random::new(*b"two_____", 3);
        assert_ne!(one.below(usize::MAX), two.below(usize::MAX));
    }
}
