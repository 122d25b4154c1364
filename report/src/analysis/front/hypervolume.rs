//! The hypervolume: how much of a box the front covers, trial by trial.
//!
//! The box is spanned by the best value of each objective and a reference point. A point of the box is covered if a
//! trial is nowhere worse. E. Zitzler, L. Thiele, "Multiobjective Evolutionary Algorithms: A Comparative Case Study and
//! the Strength Pareto Approach", 1999, doi 10.1109/4235.797969.
//!
//! What it costs is bounded for any number of trials: of two objectives it is exact and kept up to date; of three it is
//! exact at no more than [`STEPS`] trials; of more it is the share of [`SAMPLES`] evenly spread points.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Point, enter};
use crate::shown::{Direction, Directions};

/// The largest number of steps of the curve, and of exact volumes of three objectives.
const STEPS: usize = 400;
/// How many points of the box are looked at if there are more than three objectives. The share that is covered is then
/// right to about 1 %.
const SAMPLES: usize = 4096;
/// How far beyond the front's worst value the reference point lies, as a share of the front's range.
const MARGIN: f64 = 0.1;

/// How much of the box between the best values and the reference point is covered.
#[derive(Debug, Clone, Serialize)]
pub struct Hypervolume {
    /// The best value of each objective among all feasible trials.
    pub best: Vec<f64>,
    /// For each objective a tenth of the front's range beyond the front's worst value. Where the front has one value
    /// only, the worst of all feasible trials stands in for the front's.
    pub reference: Vec<f64>,
    /// Whether the volumes are exact, and not estimated from 4,096 points of the box, to about 0.01.
    pub exact: bool,
    /// The number of a trial, and the share of the box that is covered from then on: 0 to 1, ascending. At most 400.
    pub curve: Vec<(u32, f64)>,
}

impl Hypervolume {
    /// `points` are by ascending number, and `front` are those of them that no other dominates. `None` without any.
    pub(super) fn new(directions: &Directions, points: &[Point], front: &[&Point]) -> Option<Self> {
        if front.is_empty() {
            return None;
        }
        let sides: Vec<_> = directions
            .as_slice()
            .iter()
            .enumerate()
            .map(|(objective, direction)| Side::new(*direction, objective, points, front))
            .collect();
        let curve = match sides.len() {
            0 | 1 => return None,
            2 => of_two(&sides, points),
            3 => of_three(&sides, points),
            _ => of_more(&sides, points),
        };
        Some(Self {
            best: sides.iter().map(|side| side.direction.loss(side.best)).collect(),
            reference: sides.iter().map(Side::reference).collect(),
            exact: sides.len() < 4,
            curve: thinned(curve),
        })
    }
}

/// One side of the box.
struct Side {
    direction: Direction,
    /// The smallest loss.
    best: f64,
    /// Half of the distance to the largest loss that counts, so that it is finite for any two numbers.
    half: f64,
}

impl Side {
    fn new(direction: Direction, objective: usize, points: &[Point], front: &[&Point]) -> Self {
        let best = front.iter().map(|p| p.losses[objective]).fold(f64::INFINITY, f64::min);
        let half_to = |worst: f64| worst / 2.0 - best / 2.0;
        let of_front = front.iter().map(|p| p.losses[objective]).fold(best, f64::max);
        let of_all = || points.iter().map(|p| p.losses[objective]).fold(best, f64::max);
        let half = Some(half_to(of_front)).filter(|half| *half > 0.0);
        Self { direction, best, half: half.unwrap_or_else(|| half_to(of_all())) }
    }

    fn reference(&self) -> f64 {
        let loss = self.best + (1.0 + MARGIN) * self.half + (1.0 + MARGIN) * self.half;
        self.direction.loss(loss).clamp(f64::MIN, f64::MAX)
    }

    /// 0 for the best loss and 1 for the reference point's.
    fn share(&self, loss: f64) -> f64 {
        let from_best = loss / 2.0 - self.best / 2.0;
        if self.half > 0.0 { from_best / self.half / (1.0 + MARGIN) } else { 0.0 }
    }
}

/// Where a point is in the box; `None` if it is not.
fn place(sides: &[Side], point: &Point) -> Option<Vec<f64>> {
    let shares = sides.iter().zip(&point.losses).map(|(side, loss)| side.share(*loss));
    let place: Vec<_> = shares.collect();
    place.iter().all(|share| *share < 1.0).then_some(place)
}

fn of_two(sides: &[Side], points: &[Point]) -> Vec<(u32, f64)> {
    let mut stairs = Stairs::default();
    let mut curve = Vec::new();
    for point in points {
        let Some(place) = place(sides, point) else { continue };
        if stairs.insert(place[0], place[1]) {
            curve.push((point.number, stairs.area));
        }
    }
    curve
}

fn of_three(sides: &[Side], points: &[Point]) -> Vec<(u32, f64)> {
    let inside: Vec<_> = points
        .iter()
        .filter_map(|p| Some(Point { number: p.number, losses: place(sides, p)? }))
        .collect();
    let mut front = Vec::new();
    let steps: Vec<_> = (0..inside.len()).filter(|at| enter(&mut front, &inside[*at])).collect();
    let chosen = thinned(steps);
    let (mut front, mut curve, mut next) = (Vec::new(), Vec::new(), chosen.iter().peekable());
    for (at, point) in inside.iter().enumerate() {
        enter(&mut front, point);
        if next.next_if(|step| **step == at).is_some() {
            curve.push((point.number, volume(&front)));
        }
    }
    curve
}

/// The exact volume of three objectives: areas, from slice to slice.
fn volume(front: &[&Point]) -> f64 {
    let mut sorted: Vec<_> =
        front.iter().map(|p| (p.losses[0], p.losses[1], p.losses[2])).collect();
    sorted.sort_by(|a, b| a.2.total_cmp(&b.2));
    let ends = sorted.iter().skip(1).map(|point| point.2).chain([1.0]);
    let mut stairs = Stairs::default();
    let mut volume = 0.0;
    for ((x, y, z), end) in sorted.iter().zip(ends) {
        stairs.insert(*x, *y);
        volume += stairs.area * (end - z);
    }
    volume
}

fn of_more(sides: &[Side], points: &[Point]) -> Vec<(u32, f64)> {
    let mut left = spread(sides.len());
    let mut curve = Vec::new();
    for point in points {
        let Some(place) = place(sides, point) else { continue };
        let before = left.len();
        left.retain(|sample| !super::covers(&place, sample));
        if left.len() < before {
            curve.push((point.number, 1.0 - left.len() as f64 / SAMPLES as f64));
        }
    }
    curve
}

/// Points of the unit cube, evenly spread, always the same: the R sequence.
///
/// M. Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018: multiples of 1 / φ, 1 / φ², …, where
/// φ ^ (d + 1) = φ + 1.
fn spread(dimensions: usize) -> Vec<Vec<f64>> {
    let mut phi = 2.0_f64;
    for _ in 0..64 {
        phi = (1.0 + phi).powf(1.0 / (dimensions as f64 + 1.0));
    }
    let coordinate = |at: usize, axis: usize| (0.5 + at as f64 / phi.powi(axis as i32 + 1)).fract();
    let point = |at| (0..dimensions).map(|axis| coordinate(at, axis)).collect();
    (1..=SAMPLES).map(point).collect()
}

/// The corners of what is covered of the unit square, and its area.
#[derive(Default)]
struct Stairs {
    /// Heights by place, descending. The keys are the bits of numbers from 0, which are in the numbers' order.
    corners: BTreeMap<u64, f64>,
    area: f64,
}

impl Stairs {
    /// Adds a corner. Whether it covers more.
    fn insert(&mut self, x: f64, y: f64) -> bool {
        let key = bits(x);
        let before = self.corners.range(..=key).next_back().map_or(1.0, |(_, height)| *height);
        if before <= y {
            return false;
        }
        // From here to the right: the new area lies below the old corners, until one is lower.
        let (mut from, mut height, mut gone) = (x, before, Vec::new());
        for (corner, lower) in self.corners.range(key..) {
            let at = f64::from_bits(*corner);
            self.area += (at - from) * (height - y);
            (from, height) = (at, *lower);
            if height <= y {
                break;
            }
            gone.push(*corner);
        }
        if height > y {
            self.area += (1.0 - from) * (height - y);
        }
        for corner in gone {
            self.corners.remove(&corner);
        }
        self.corners.insert(key, y);
        true
    }
}

/// The key of a number from 0; −0 is 0.
fn bits(x: f64) -> u64 {
    (x + 0.0).to_bits()
}

/// At most [`STEPS`] of them, evenly, with the last.
fn thinned<T: Copy>(all: Vec<T>) -> Vec<T> {
    if all.len() <= STEPS {
        return all;
    }
    let last = all.len() - 1;
    (0..STEPS).map(|at| all[at * last / (STEPS - 1)]).collect()
}
