//! Losses of several objectives: which are on the front, how much they cover, and which few cover most.
//!
//! Points are losses, one per objective: smaller is better in each. They may be infinite, and are never NaN.

mod crowding;
mod hypervolume;
mod rank;
mod sampled;
mod subset;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

pub use crowding::{crowding, sparse};
pub use hypervolume::hypervolume;
pub use rank::{constrained_ranks, ranks};
pub use subset::{reference, subset};

/// The places of the `count` best points, ascending: whole fronts as far as they fit, and of the next one those that
/// cover most. What "good" means to TPE for several objectives (Ozaki et al. 2020, doi 10.1145/3377930.3389817).
pub fn best<P: AsRef<[f64]>>(points: &[P], count: usize) -> Vec<usize> {
    let ranks = ranks(points, count);
    let of = |rank: usize| ranks.iter().enumerate().filter(move |(_, r)| **r == rank);
    let mut taken: Vec<usize> = Vec::with_capacity(count);
    for rank in 0.. {
        let front: Vec<_> = of(rank).map(|(place, _)| place).collect();
        let missing = count.min(points.len()) - taken.len();
        if missing == 0 {
            break;
        }
        let losses: Vec<_> = front.iter().map(|place| points[*place].as_ref()).collect();
        let chosen = subset(&losses, missing, &reference(&losses));
        taken.extend(chosen.into_iter().map(|place| front[place]));
    }
    taken.sort_unstable();
    taken
}

/// About how many steps of a few nanoseconds [`best`] takes for so many points.
pub(crate) fn effort(points: usize, objectives: usize, count: usize) -> usize {
    let sorting = points.saturating_mul(points).saturating_mul(objectives) / 8;
    sorting.saturating_add(subset::effort(points, objectives, count))
}

/// Whether `a` dominates `b`: it is nowhere worse, and somewhere better.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a != b && covers(a, b)
}

/// Whether `a` is nowhere worse than `b`.
fn covers(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b)
}

/// By the first objective, then by the next. Nothing dominates what stands before it in this order.
fn lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    let orders = a.iter().zip(b).map(|(a, b)| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    orders.fold(Ordering::Equal, Ordering::then)
}

/// The places of the points in that order; of equal ones, the first comes first.
fn sorted<P: AsRef<[f64]>>(points: &[P]) -> Vec<usize> {
    let mut places: Vec<_> = (0..points.len()).collect();
    places.sort_by(|a, b| lexicographic(points[*a].as_ref(), points[*b].as_ref()));
    places
}
