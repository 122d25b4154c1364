//! A run of CMA-ES: from a wide distribution to a narrow one.

use std::cmp::Ordering;

use super::distribution::Distribution;
use super::margin::Stretch;
use super::strategy::Strategy;
use crate::sampler::axis::Line;
use crate::sampler::history::End;

/// The state of a run after some generations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    lines: Vec<Line>,
    strategy: Strategy,
    normal: Distribution,
    stretch: Stretch,
    /// The step size of the first generation.
    begun: f64,
    /// The best and the worst loss of the newest generations.
    losses: Vec<[f64; 2]>,
    over: bool,
}

/// A finished trial: its place on each line, and what came of it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) at: Vec<f64>,
    pub(super) end: End,
}

impl Run {
    pub(super) fn new(lines: Vec<Line>, normal: Distribution, population: usize) -> Self {
        let strategy = Strategy::new(lines.len(), population);
        let (stretch, begun) = (Stretch::new(&lines), normal.step);
        Self { lines, strategy, normal, stretch, begun, losses: Vec::new(), over: false }
    }

    /// How many trials make a generation.
    pub(super) fn population(&self) -> usize {
        self.strategy.weights.len()
    }

    /// Whether it will find nothing more.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// A point of the distribution, perhaps outside the space, from a standard normal vector.
    pub(super) fn point(&self, standard: &[f64]) -> Vec<f64> {
        let mut point = self.normal.shaped(standard);
        for (place, x) in point.iter_mut().enumerate() {
            *x = self.normal.mean[place] + self.normal.step * self.stretch.of(place) * *x;
        }
        point
    }

    /// Learns from a generation, whatever its trials were drawn from. A trial stands for the place of its value, on
    /// a grid the centre of its cell.
    pub(super) fn learn(&mut self, members: &[Member]) {
        let mut order: Vec<_> = members.iter().collect();
        order.sort_by(|a, b| compare(a.end, b.end));
        let step = |member: &&Member| {
            let mut step: Vec<_> = (0..self.lines.len())
                .map(|place| {
                    let way = member.at[place] - self.normal.mean[place];
                    way / (self.normal.step * self.stretch.of(place))
                })
                .collect();
            self.normal.clip(&mut step);
            step
        };
        let steps: Vec<_> = self.weights(&order).into_iter().zip(order.iter().map(step)).collect();
        let learned = self.normal.learn(&self.strategy, &steps);
        if learned {
            let margin = 1.0 / (self.lines.len() * self.population()) as f64;
            self.stretch.keep(margin, &mut self.normal);
        }
        self.normal.stay_inside(&self.lines);
        self.remember(members);
        self.over = !learned || self.is_at_its_end(members);
    }

    /// The weight of each rank. Trials that are equally good share theirs.
    fn weights(&self, order: &[&Member]) -> Vec<f64> {
        let mut weights = self.strategy.weights.clone();
        let mut rest = weights.as_mut_slice();
        for equal in order.chunk_by(|a, b| compare(a.end, b.end).is_eq()) {
            let (weights, others) = rest.split_at_mut(equal.len());
            if equal.len() > 1 {
                weights.fill(weights.iter().sum::<f64>() / equal.len() as f64);
            }
            rest = others;
        }
        weights
    }

    fn remember(&mut self, members: &[Member]) {
        let losses = members.iter().filter_map(|member| match member.end {
            End::Complete(loss) => Some(loss),
            End::Pruned(_) | End::Failed => None,
        });
        let window = 10 + (30 * self.lines.len()).div_ceil(self.population());
        self.losses.extend(range(losses));
        self.losses.drain(..self.losses.len().saturating_sub(window));
    }

    /// Whether the run has converged, or gone astray (Hansen, arXiv 1604.00772, section B.3). A generation without
    /// any value ends it, too: there is nothing to learn where all trials fail.
    fn is_at_its_end(&self, members: &[Member]) -> bool {
        const SPREAD: f64 = 1e-12;
        const CONDITION: f64 = 1e7;
        const WIDER: f64 = 1e4;
        const NARROWER: f64 = 1e-12;
        let window = 10 + (30 * self.lines.len()).div_ceil(self.population());
        let losses = range(self.losses.iter().flatten().copied());
        let is_flat = self.losses.len() == window
            && losses.is_some_and(|[least, most]| most - least < SPREAD * (1.0 + least.abs()));
        let normal = &self.normal;
        let Some([least, most]) = range(normal.deviations.iter().copied()) else { return true };
        let is_narrow = (0..self.lines.len()).all(|place| {
            let wide = normal.deviation(place).max(normal.step * normal.path[place].abs());
            wide * self.stretch.of(place) < NARROWER * self.begun
        });
        is_flat
            || is_narrow
            || normal.step * most > WIDER * self.begun
            || most > CONDITION * least
            || members.iter().all(|member| member.end == End::Failed)
    }
}

/// Better ones first. Pruned trials are behind completed ones, and failed ones behind all.
fn compare(a: End, b: End) -> Ordering {
    let class = |end| match end {
        End::Complete(loss) => (0, loss),
        End::Pruned(loss) => (1, loss),
        End::Failed => (2, 0.0),
    };
    let ((a, loss), (b, other)) = (class(a), class(b));
    a.cmp(&b).then(loss.total_cmp(&other))
}

/// The least and the most of some numbers.
fn range(mut numbers: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let first = numbers.next()?;
    Some(numbers.fold([first; 2], |[least, most], number| [least.min(number), most.max(number)]))
}
