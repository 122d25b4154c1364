//! The hypervolume of a set of points.

use super::{covers, lexicographic};

/// The volume of what the points dominate, as far as the reference point is dominated, too. It is infinite if a point or
/// the reference is infinitely far away.
///
/// In two and three dimensions it is swept along the first objective, with O(n log n) and O(n²) steps for n points. In more
/// it is the sum of what each point adds to those after it (WFG: While et al. 2012, doi 10.1109/TEVC.2010.2077298).
pub fn hypervolume<P: AsRef<[f64]>>(points: &[P], reference: &[f64]) -> f64 {
    let inside = points.iter().map(AsRef::as_ref).filter(|point| covers(point, reference));
    let mut inside: Vec<_> = inside.map(<[f64]>::to_vec).collect();
    if inside.is_empty() {
        return 0.0;
    }
    keep_front(&mut inside);
    let volume = match reference {
        [_, _] => area(&inside, reference),
        [_, _, _] => sweep(&inside, reference),
        _ => sum(&inside, reference),
    };
    // Infinity less infinity is what somebody adds who is infinitely far away.
    if volume.is_finite() { volume } else { f64::INFINITY }
}

/// The volume of what one point dominates.
pub(super) fn of_one(point: &[f64], reference: &[f64]) -> f64 {
    point.iter().zip(reference).map(|(x, r)| r - x).product()
}

/// Sorts the points, and keeps those that none before them covers.
fn keep_front(points: &mut Vec<Vec<f64>>) {
    points.sort_by(|a, b| lexicographic(a, b));
    let mut kept: Vec<Vec<f64>> = Vec::with_capacity(points.len());
    for point in points.drain(..) {
        if !kept.iter().any(|other| covers(other, &point)) {
            kept.push(point);
        }
    }
    *points = kept;
}

/// In two dimensions, of a sorted front.
fn area<P: AsRef<[f64]>>(front: &[P], reference: &[f64]) -> f64 {
    let mut last = reference[1];
    let mut area = 0.0;
    for point in front.iter().map(AsRef::as_ref) {
        area += (reference[0] - point[0]) * (last - point[1]);
        last = point[1];
    }
    area
}

/// In three dimensions, of a sorted front: from each point to the next along the first objective, the area in the
/// other two is that of all points so far.
fn sweep(front: &[Vec<f64>], reference: &[f64]) -> f64 {
    let mut so_far: Vec<&[f64]> = Vec::with_capacity(front.len());
    let mut volume = 0.0;
    for (place, point) in front.iter().enumerate() {
        let flat = &point[1..];
        so_far.retain(|other| !covers(flat, other));
        if !so_far.iter().any(|other| covers(other, flat)) {
            let at = so_far.partition_point(|other| other[0] < flat[0]);
            so_far.insert(at, flat);
        }
        let until = front.get(place + 1).map_or(reference[0], |next| next[0]);
        if until > point[0] {
            volume += (until - point[0]) * area(&so_far, &reference[1..]);
        }
    }
    volume
}

/// In any number of dimensions, of a sorted front: what each point has for itself, if those after it come first.
fn sum(front: &[Vec<f64>], reference: &[f64]) -> f64 {
    let own = |place: usize| {
        let point = &front[place];
        of_one(point, reference) - shared(point, &front[place + 1..], reference)
    };
    (0..front.len()).map(own).sum()
}

/// The volume of what a point and any of the others dominate both.
pub(super) fn shared<P: AsRef<[f64]>>(point: &[f64], others: &[P], reference: &[f64]) -> f64 {
    let limited = |other: &P| -> Vec<f64> {
        point.iter().zip(other.as_ref()).map(|(a, b)| a.max(*b)).collect()
    };
    let limited: Vec<_> = others.iter().map(limited).collect();
    hypervolume(&limited, reference)
}
