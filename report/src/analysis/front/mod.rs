//! The front of several objectives, and how much it covers.

use kindling_proto::v1;
use serde::Serialize;

mod again;
mod hypervolume;

#[cfg(test)]
mod tests;

pub use again::{AgainArm, AgainFront, AgainRun, Estimate};
pub use hypervolume::Hypervolume;

use super::table::{Completed, Rows};
use crate::shown::Directions;

/// The completed, feasible trials of the search that no other dominates.
///
/// A trial dominates another if it is nowhere worse and somewhere better. Trials with equal values are all there.
#[derive(Debug, Clone, Serialize)]
pub struct Front {
    /// Their numbers: best first by the first objective, then by the next; of equals the lower number.
    pub trials: Vec<u32>,
    /// How many completed trials of the search are feasible.
    pub feasible: usize,
    /// How many are not.
    pub infeasible: usize,
    /// How much the front covered after each trial; null without a feasible trial.
    pub hypervolume: Option<Hypervolume>,
}

/// A completed, feasible trial of the search.
struct Point {
    number: u32,
    /// The values to minimise.
    losses: Vec<f64>,
}

impl Front {
    pub(super) fn new(study: &v1::Study, rows: &Rows) -> Self {
        let directions = Directions::of(study);
        let objectives = directions.as_slice().len();
        let completed = rows.iter().filter(|row| row.values.len() == objectives);
        let (feasible, infeasible): (Vec<_>, Vec<_>) = completed.partition(|row| row.is_feasible);
        let point =
            |row: &&Completed| Point { number: row.number, losses: directions.losses(&row.values) };
        let mut points: Vec<_> = feasible.iter().map(point).collect();
        points.sort_by_key(|point| point.number);
        let mut front: Vec<&Point> = Vec::new();
        for point in &points {
            enter(&mut front, point);
        }
        // Stable: of equals, the lower number stays first.
        front.sort_by(|a, b| order(&a.losses, &b.losses));
        Self {
            trials: front.iter().map(|point| point.number).collect(),
            feasible: points.len(),
            infeasible: infeasible.len(),
            hypervolume: Hypervolume::new(&directions, &points, &front),
        }
    }
}

/// Adds a point to a front unless another dominates it, and removes those that it dominates. Whether it covers more
/// than the others.
fn enter<'a>(front: &mut Vec<&'a Point>, point: &'a Point) -> bool {
    let mut is_new = true;
    for other in front.iter() {
        if covers(&other.losses, &point.losses) {
            if !covers(&point.losses, &other.losses) {
                return false;
            }
            is_new = false;
        }
    }
    if is_new {
        front.retain(|other| !covers(&point.losses, &other.losses));
    }
    front.push(point);
    is_new
}

/// Whether losses are nowhere larger than others.
fn covers(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b)
}

fn order(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    let orders = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
    orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
}
