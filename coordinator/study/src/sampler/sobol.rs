//! Quasi-random search: a Sobol sequence, which fills the space more evenly than random draws. It is
//! scrambled, so that every seed has its own sequence.

mod joe_kuo;

use super::axis::Axis;
use super::hash::mix;
use super::random::pick;
use crate::space::{Params, SearchSpace, freedoms};
use joe_kuo::INITIAL_NUMBERS;

/// Point `number` of the seed's sequence, which has a dimension per parameter of the space. An inactive or
/// fixed parameter leaves its dimension unused.
pub(super) fn propose(space: &SearchSpace, seed: u64, number: u32, fixed: &Params) -> Params {
    let mut values = space.nothing();
    for (place, freedom) in freedoms(space, fixed).iter().enumerate() {
        if space.is_active(place, &values) {
            let axis = Axis::new(&space.params()[place].distribution);
            values[place] = Some(pick(&axis, freedom, || unit(seed, place as u32, number)));
        }
    }
    values
}

/// One coordinate, in `[0, 1)`, of point `index` of the seed's scrambled Sobol sequence.
///
/// In every dimension, the first 2^k points fall one into each 2^k-th part of the interval, and so does each
/// later block of 2^k points. The table has 64 dimensions. Each further 64 reuse the sequence with its points
/// in another order, so that dimensions of different sequences are no more alike than random numbers (Burley
/// 2020).
pub(super) fn unit(seed: u64, dimension: u32, index: u32) -> f64 {
    let table = INITIAL_NUMBERS.len() as u32;
    let (sequence, column) = (dimension / table, dimension % table);
    let key = |purpose: u64, which: u32| mix(mix(mix(seed) ^ purpose) ^ u64::from(which));
    let index = match sequence {
        0 => index,
        _ => (scramble(u64::from(index) << 32, key(1, sequence)) >> 32) as u32,
    };
    let point = u64::from(sobol(column as usize, index)) << 32;
    (scramble(point, key(0, dimension)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A permutation of the fractions `bits / 2^64`. It swaps the halves of the interval or not, then the halves
/// of each half, and so on, 53 times. A hash of the position decides each swap (Owen 1995, "Randomly Permuted
/// (t,m,s)-Nets and (t,s)-Sequences"; Burley 2020, "Practical Hash-based Owen Scrambling", who merges the
/// hashes into one).
fn scramble(bits: u64, key: u64) -> u64 {
    let mut scrambled = bits;
    // The digits so far, after a leading 1 that marks their number.
    let mut node = 1;
    for shift in (11..64).rev() {
        let swap = mix(key ^ node) >> 63;
        scrambled ^= swap << shift;
        node = node << 1 | (bits >> shift & 1);
    }
    scrambled
}

/// The coordinate, times 2^32, of point `index` of the unscrambled sequence, in plain order instead of Gray
/// code.
fn sobol(column: usize, index: u32) -> u32 {
    let directions = directions(column);
    let digits = directions.iter().enumerate().filter(|(k, _)| index >> k & 1 == 1);
    digits.fold(0, |sum, (_, direction)| sum ^ direction)
}

/// What each binary digit of an index adds to the coordinate (Bratley and Fox 1988, "Algorithm 659:
/// Implementing Sobol's quasirandom sequence generator").
fn directions(column: usize) -> [u32; 32] {
    let (polynomial, initial) = INITIAL_NUMBERS[column];
    let degree = initial.len();
    let mut directions = [0; 32];
    for k in 0..32 {
        directions[k] = match initial.get(k) {
            Some(number) => number << (31 - k),
            None => (1..=degree)
                .filter(|i| polynomial >> (degree - i) & 1 == 1)
                .fold(directions[k - degree] >> degree, |sum, i| sum ^ directions[k - i]),
        };
    }
    directions
}

#[cfg(test)]
mod tests;
