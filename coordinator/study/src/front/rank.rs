//! Non-dominated sorting.

use super::{dominates, sorted};

/// The rank of each point: 0 on the front, 1 on the front of the others, and so on. It is exact up to the rank with
/// which `enough` points have one, and all others are one rank behind.
///
/// The fronts are those of NSGA-II's fast non-dominated sort (Deb et al. 2002, doi 10.1109/4235.996017).
pub fn ranks<P: AsRef<[f64]>>(points: &[P], enough: usize) -> Vec<usize> {
    let mut ranks = vec![0; points.len()];
    let mut rest = sorted(points);
    let enough = enough.min(points.len());
    for rank in 0.. {
        for place in &rest {
            ranks[*place] = rank;
        }
        if points.len() - rest.len() >= enough {
            break;
        }
        rest = behind_the_front(points, &rest);
    }
    ranks
}

/// The rank of each point among points that may violate constraints: its front among those that do not, and behind all fronts by how much it
/// violates them; a rank for each amount (constrained domination, Deb et al. 2002).
pub fn constrained_ranks<P: AsRef<[f64]>>(points: &[P], violations: &[f64]) -> Vec<usize> {
    let is_feasible = |place: &usize| violations[*place] <= 0.0;
    let feasible: Vec<_> = (0..points.len()).filter(is_feasible).collect();
    let of_feasible: Vec<_> = feasible.iter().map(|place| points[*place].as_ref()).collect();
    let fronts = ranks(&of_feasible, usize::MAX);
    let mut rank = fronts.iter().max().map_or(0, |last| last + 1);
    let mut all = vec![0; points.len()];
    for (place, front) in feasible.into_iter().zip(fronts) {
        all[place] = front;
    }
    let mut others: Vec<_> = (0..points.len()).filter(|place| !is_feasible(place)).collect();
    others.sort_by(|a, b| violations[*a].total_cmp(&violations[*b]));
    for (at, place) in others.iter().enumerate() {
        let is_worse = at > 0 && violations[others[at - 1]] < violations[*place];
        rank += usize::from(is_worse);
        all[*place] = rank;
    }
    all
}

/// Those of the sorted places that something dominates.
fn behind_the_front<P: AsRef<[f64]>>(points: &[P], sorted: &[usize]) -> Vec<usize> {
    let mut front: Vec<&[f64]> = Vec::new();
    let mut behind = Vec::new();
    for place in sorted {
        let point = points[*place].as_ref();
        let is_dominated = if point.len() == 2 {
            // Of all before it, the newest on the front has the smallest second loss.
            front.last().is_some_and(|newest| dominates(newest, point))
        } else {
            front.iter().any(|other| dominates(other, point))
        };
        if is_dominated {
            behind.push(*place);
        } else {
            front.push(point);
        }
    }
    behind
}
