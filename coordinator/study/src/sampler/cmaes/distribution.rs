//! The normal distribution that CMA-ES draws from, and what it learns from a generation. Equations by number are
//! Hansen's (arXiv 1604.00772).

use super::eigen::{Matrix, add, dot, eigen, identity, outer};
use super::strategy::Strategy;
use crate::sampler::axis::Line;

/// `mean + step · N(0, covariance)`, and the paths that it took.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Distribution {
    pub(super) mean: Vec<f64>,
    pub(super) step: f64,
    pub(super) covariance: Matrix,
    /// The covariance's axes, as rows of length 1, and the deviation along each.
    pub(super) axes: Matrix,
    pub(super) deviations: Vec<f64>,
    step_path: Vec<f64>,
    pub(super) path: Vec<f64>,
    generations: f64,
}

/// Keeps quotients finite.
const TINY: f64 = 1e-8;

impl Distribution {
    /// As wide in all directions.
    pub(super) fn new(mean: Vec<f64>, step: f64) -> Self {
        let n = mean.len();
        Self {
            mean,
            step,
            covariance: identity(n),
            axes: identity(n),
            deviations: vec![1.0; n],
            step_path: vec![0.0; n],
            path: vec![0.0; n],
            generations: 0.0,
        }
    }

    /// The deviation of one coordinate.
    pub(super) fn deviation(&self, place: usize) -> f64 {
        self.step * self.covariance[place][place].sqrt()
    }

    /// A standard normal vector, brought into the shape of the covariance.
    pub(super) fn shaped(&self, standard: &[f64]) -> Vec<f64> {
        let mut shaped = vec![0.0; standard.len()];
        for ((axis, deviation), z) in self.axes.iter().zip(&self.deviations).zip(standard) {
            add(&mut shaped, deviation * z, axis);
        }
        shaped
    }

    /// A vector whose covariance is this one's, as a standard one: C^(−1/2) y.
    fn whitened(&self, y: &[f64]) -> Vec<f64> {
        let mut white = vec![0.0; y.len()];
        for (axis, deviation) in self.axes.iter().zip(&self.deviations) {
            add(&mut white, dot(axis, y) / deviation, axis);
        }
        white
    }

    /// Shortens a step that is much longer than steps of this distribution are. Such a point was not drawn from it
    /// (Hansen 2011, "Injecting External Solutions Into CMA-ES", arXiv 1110.4181, equation 4).
    pub(super) fn clip(&self, y: &mut [f64]) {
        let n = y.len() as f64;
        let most = n.sqrt() + 2.0 * n / (n + 2.0);
        let white = self.whitened(y);
        let length = dot(&white, &white).sqrt();
        if length > most {
            for y in y {
                *y *= most / length;
            }
        }
    }

    /// Brings the mean back into the space, on continuous lines.
    pub(super) fn stay_inside(&mut self, lines: &[Line]) {
        for (mean, line) in self.mean.iter_mut().zip(lines) {
            if line.is_continuous() {
                *mean = mean.clamp(0.0, 1.0);
            }
        }
    }

    /// Changes the units of the coordinates, but for the mean.
    pub(super) fn rescale(&mut self, scales: &[f64]) {
        for (i, row) in self.covariance.iter_mut().enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry *= scales[i] * scales[j];
            }
        }
        for (path, scale) in self.path.iter_mut().zip(scales) {
            *path *= scale;
        }
        self.find_axes();
    }

    /// Learns from the steps of a generation, `(x − mean) / step`, with the weight of each. False if numbers run out;
    /// then the distribution is of no more use.
    pub(super) fn learn(&mut self, strategy: &Strategy, steps: &[(f64, Vec<f64>)]) -> bool {
        let n = self.mean.len() as f64;
        self.generations += 1.0;
        // (41) to (44): the mean, and the step size by the length of its path.
        let mut towards = vec![0.0; self.mean.len()];
        for (weight, y) in steps.iter().filter(|(weight, _)| *weight > 0.0) {
            add(&mut towards, *weight, y);
        }
        add(&mut self.mean, self.step, &towards);
        let [rate, path_rate] = strategy.path_rates;
        let white = self.whitened(&towards);
        follow(&mut self.step_path, rate, strategy.effective, &white);
        let length = dot(&self.step_path, &self.step_path).sqrt();
        self.step *= libm::exp(rate / strategy.damping * (length / strategy.length - 1.0));
        // (45): a path of its own for the covariance, which stalls while the step size grows fast.
        let begun = 1.0 - libm::pow(1.0 - rate, 2.0 * (self.generations + 1.0));
        let stalls = length / begun.sqrt() >= (1.4 + 2.0 / (n + 1.0)) * strategy.length;
        let effective = if stalls { 0.0 } else { strategy.effective };
        follow(&mut self.path, path_rate, effective, &towards);
        // (46) and (47).
        let [from_path, from_points] = strategy.rates;
        let lost = if stalls { path_rate * (2.0 - path_rate) } else { 0.0 };
        let total: f64 = steps.iter().map(|(weight, _)| weight).sum();
        let keep = 1.0 + from_path * (lost - 1.0) - from_points * total;
        let mut learned = vec![vec![0.0; self.mean.len()]; self.mean.len()];
        outer(&mut learned, from_path, &self.path);
        for (weight, y) in steps {
            let weight = if *weight >= 0.0 {
                *weight
            } else {
                let white = self.whitened(y);
                weight * n / (dot(&white, &white) + TINY)
            };
            outer(&mut learned, from_points * weight, y);
        }
        for (row, learned) in self.covariance.iter_mut().zip(&learned) {
            for (entry, learned) in row.iter_mut().zip(learned) {
                *entry = keep * *entry + learned;
            }
        }
        self.find_axes()
    }

    fn find_axes(&mut self) -> bool {
        let Some((values, axes)) = eigen(&self.covariance) else { return false };
        self.axes = axes;
        self.deviations = values.into_iter().map(f64::sqrt).collect();
        let finite = |x: &f64| x.is_finite();
        self.deviations.iter().all(|deviation| *deviation > 0.0 && deviation.is_finite())
            && self.mean.iter().all(finite)
            && self.step > 0.0
            && self.step.is_finite()
    }
}

/// (43) and (45): forgets a part of a path and adds a step to it.
fn follow(path: &mut [f64], rate: f64, effective: f64, step: &[f64]) {
    let scale = (rate * (2.0 - rate) * effective).sqrt();
    for (path, step) in path.iter_mut().zip(step) {
        *path = (1.0 - rate) * *path + scale * step;
    }
}
