//! A few points that cover much.

use super::hypervolume::{of_one, shared};
use super::sampled::{PLACES, by_counting};
use super::{lexicographic, sorted};

/// A small number in place of a reference at 0, where a tenth more is no more.
const CLOSE: f64 = 1e-12;

/// The point from which hypervolumes are measured: in each objective, a tenth beyond the worst loss.
pub fn reference<P: AsRef<[f64]>>(points: &[P]) -> Vec<f64> {
    let objectives = points.first().map_or(0, |point| point.as_ref().len());
    let worst = |place: usize| {
        points.iter().map(|point| point.as_ref()[place]).fold(f64::NEG_INFINITY, f64::max)
    };
    let beyond = |worst: f64| match (1.1 * worst).max(0.9 * worst) {
        0.0 => CLOSE,
        beyond => beyond,
    };
    (0..objectives).map(|place| beyond(worst(place))).collect()
}

/// The places of `size` points that together cover much, ascending: one after the other, that which adds the
/// most to the hypervolume.
///
/// Of more than three objectives, many points are compared by counting places instead ([`by_counting`]).
///
/// The result covers at least 1 − 1/e of what the best subset does (Guerreiro et al. 2016, doi `10.1162/EVCO_a_00188`). Of points that
/// add as much as each other, the lexicographically first is taken. Equal points count once, as long as there are others.
pub fn subset<P: AsRef<[f64]>>(points: &[P], size: usize, reference: &[f64]) -> Vec<usize> {
    if size >= points.len() {
        return (0..points.len()).collect();
    }
    let mut unique = sorted(points);
    unique.dedup_by(|a, b| {
        lexicographic(points[*a].as_ref(), points[*b].as_ref()) == std::cmp::Ordering::Equal
    });
    let mut taken = if unique.len() < size {
        let others = (0..points.len()).filter(|place| !unique.contains(place));
        let others: Vec<_> = others.take(size - unique.len()).collect();
        unique.into_iter().chain(others).collect()
    } else if reference.iter().all(|x| x.is_finite()) {
        let candidates: Vec<_> = unique.iter().map(|place| points[*place].as_ref()).collect();
        let taken = if reference.len() == 2 {
            in_the_plane(&candidates, size, reference)
        } else if volumes_are_quick(candidates.len(), reference.len(), size) {
            one_by_one(&candidates, size, reference)
        } else {
            by_counting(&candidates, size, reference)
        };
        taken.into_iter().map(|place| unique[place]).collect()
    } else {
        unique.truncate(size);
        unique
    };
    taken.sort_unstable();
    taken
}

/// About how many steps of a few nanoseconds it takes to find that many.
pub(super) fn effort(points: usize, objectives: usize, size: usize) -> usize {
    let size = size.min(points);
    match objectives {
        0..=2 => points.saturating_mul(size),
        3 => points.saturating_mul(size).saturating_mul(size),
        _ => points.saturating_mul(PLACES * objectives / 2 + PLACES / 64 * size),
    }
}

/// Whether volumes are computed in a few milliseconds. Of many objectives that takes exponentially long.
fn volumes_are_quick(points: usize, objectives: usize, size: usize) -> bool {
    let is_little = points.saturating_mul(size) <= 1_000;
    match objectives {
        ..=3 => true,
        4 | 5 => is_little,
        _ => is_little && size <= 12,
    }
}

/// Of sorted points in two dimensions, where what a point adds is a rectangle.
fn in_the_plane(points: &[&[f64]], size: usize, reference: &[f64]) -> Vec<usize> {
    let mut left: Vec<_> =
        (0..points.len()).map(|place| (place, [reference[0], reference[1]])).collect();
    let mut taken = Vec::with_capacity(size);
    for _ in 0..size {
        let adds = |(place, corner): &(usize, [f64; 2])| of_one(points[*place], corner);
        let best = first_largest(left.iter().map(adds));
        let (place, _) = left.remove(best);
        for (_, corner) in &mut left[..best] {
            corner[0] = corner[0].min(points[place][0]);
        }
        for (_, corner) in &mut left[best..] {
            corner[1] = corner[1].min(points[place][1]);
        }
        taken.push(place);
    }
    taken
}

/// Of sorted points in any number of dimensions. What a point adds becomes less with each that is taken, so what it added
/// before is a bound: most need not be computed again.
fn one_by_one(points: &[&[f64]], size: usize, reference: &[f64]) -> Vec<usize> {
    let mut left: Vec<_> =
        points.iter().enumerate().map(|(place, point)| (place, of_one(point, reference))).collect();
    let mut taken: Vec<usize> = Vec::with_capacity(size);
    let mut there: Vec<&[f64]> = Vec::with_capacity(size);
    while taken.len() < size {
        let best = first_largest(left.iter().map(|(_, adds)| *adds));
        let (place, _) = left.remove(best);
        taken.push(place);
        there.push(points[place]);
        if taken.len() < size {
            bound(&mut left, points, &there, reference);
        }
    }
    taken
}

/// Computes what the points add to those that are there, down to the largest.
fn bound(left: &mut [(usize, f64)], points: &[&[f64]], there: &[&[f64]], reference: &[f64]) {
    let newest = &there[there.len() - 1..];
    for (place, adds) in &mut *left {
        let point = points[*place];
        *adds = adds.min(of_one(point, reference) - shared(point, newest, reference));
    }
    let mut order: Vec<_> = (0..left.len()).collect();
    order.sort_by(|a, b| left[*b].1.total_cmp(&left[*a].1));
    let mut largest = 0.0_f64;
    for at in order {
        let (place, adds) = &mut left[at];
        let whole = of_one(points[*place], reference);
        if whole.is_infinite() {
            *adds = f64::INFINITY;
        } else if *adds >= largest {
            *adds = whole - shared(points[*place], there, reference);
        }
        largest = largest.max(*adds);
    }
}

/// The place of the largest number, of the first if several are.
pub(super) fn first_largest(numbers: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (place, number) in numbers.enumerate() {
        if number > best.1 {
            best = (place, number);
        }
    }
    best.0
}
