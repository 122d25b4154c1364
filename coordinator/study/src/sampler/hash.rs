//! Numbers that look random, from integer arithmetic only, so that all platforms agree.

/// A hash in which every bit depends on every bit of `x`: one step of `SplitMix64` (Steele, Lea and Flood
/// 2014, "Fast Splittable Pseudorandom Number Generators").
pub(crate) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A number inside the unit interval, from a hash.
pub(crate) fn unit(hash: u64) -> f64 {
    ((hash >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// The number at `place` in a fixed pseudo-random order of the numbers below `size`.
///
/// A Feistel network permutes the numbers with just enough bits. A result of `size` or more goes through it
/// again until it is below `size` (Black and Rogaway 2002, "Ciphers with Arbitrary Finite Domains"). That
/// takes at most four passes on average, and no memory.
pub(super) fn shuffled(place: u128, size: u128) -> u128 {
    let bits = u128::BITS - (size - 1).leading_zeros();
    let mut number = place;
    loop {
        number = feistel(number, bits.div_ceil(2));
        if number < size {
            return number;
        }
    }
}

/// A permutation of the numbers with `2 · half` bits.
fn feistel(number: u128, half: u32) -> u128 {
    const ROUNDS: u64 = 6;
    let mask = (1_u128 << half) - 1;
    let (mut left, mut right) = (number >> half, number & mask);
    for round in 0..ROUNDS {
        (left, right) = (right, left ^ (u128::from(mix(mix(round) ^ right as u64)) & mask));
    }
    (left << half) | right
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_shuffle_has_every_number_once() {
        for size in 1..200 {
            let numbers: BTreeSet<_> = (0..size).map(|place| shuffled(place, size)).collect();
            assert!(numbers.into_iter().eq(0..size));
        }
        assert!(shuffled(7, u128::MAX) > u128::from(u64::MAX));
    }

    #[test]
    fn neighbours_in_a_shuffle_are_strangers() {
        const SIZE: u128 = 1000;
        let order: Vec<_> = (0..SIZE).map(|place| shuffled(place, SIZE)).collect();
        let near = order.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) < SIZE / 10).count();
        assert!((150..230).contains(&near), "{near} of 999 where 190 are expected");
        let rising = order.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((450..550).contains(&rising), "{rising} of 999 rise");
    }

    #[test]
    fn mix_never_changes() {
        // The first numbers of `java.util.SplittableRandom` with seed 0.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }
}
