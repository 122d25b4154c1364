//! A few points that cover much, by counting: exact volumes take too long for many points of many objectives.

use super::hypervolume::of_one;
use super::subset::first_largest;
use crate::sampler::hash::{mix, unit};

/// How many places are looked at.
pub(super) const PLACES: usize = 2_048;
/// Bits of a word.
const BITS: usize = u64::BITS as usize;

/// Of points that differ, the indices of `size` of them: one after the other, that which covers the most places that are not covered yet (the
/// estimate of `HypE`: Bader and Zitzler 2011, doi `10.1162/EVCO_a_00009`). The places are spread at random between the best of each objective and the
/// reference, always the same ones. Of points that cover as many, the one with the largest volume of its own is taken.
pub(super) fn by_counting(points: &[&[f64]], size: usize, reference: &[f64]) -> Vec<usize> {
    let ideal: Vec<_> = (0..reference.len())
        .map(|k| points.iter().map(|point| point[k]).fold(f64::INFINITY, f64::min))
        .collect();
    let places = places(&ideal, reference);
    let covered: Vec<_> = points.iter().map(|point| covered(point, &places)).collect();
    let volumes: Vec<_> = points.iter().map(|point| of_one(point, reference)).collect();
    let largest = volumes.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut open = vec![u64::MAX; PLACES / BITS];
    let mut left: Vec<_> = (0..points.len()).collect();
    let mut taken = Vec::with_capacity(size);
    for _ in 0..size.min(points.len()) {
        let adds = |place: &usize| {
            let both = covered[*place].iter().zip(&open).map(|(c, o)| (c & o).count_ones());
            f64::from(both.sum::<u32>()) + (volumes[*place] / largest).clamp(0.0, 1.0) / 2.0
        };
        let best = left.remove(first_largest(left.iter().map(adds)));
        for (open, covered) in open.iter_mut().zip(&covered[best]) {
            *open &= !covered;
        }
        taken.push(best);
    }
    taken
}

/// Per objective, where each place is.
fn places(ideal: &[f64], reference: &[f64]) -> Vec<Vec<f64>> {
    let of = |k: usize| {
        let (low, width) = (ideal[k], reference[k] - ideal[k]);
        let share = move |place: usize| unit(mix(mix(k as u64) ^ place as u64));
        (0..PLACES).map(|place| low + share(place) * width).collect()
    };
    (0..reference.len()).map(of).collect()
}

/// Which places the point covers, a bit for each.
fn covered(point: &[f64], places: &[Vec<f64>]) -> Vec<u64> {
    let mut words = vec![u64::MAX; PLACES / BITS];
    for (x, of) in point.iter().zip(places) {
        for (word, places) in words.iter_mut().zip(of.chunks(BITS)) {
            let beyond = places.iter().enumerate();
            *word &= beyond.fold(0, |bits, (bit, at)| bits | (u64::from(x <= at) << bit));
        }
    }
    words
}
