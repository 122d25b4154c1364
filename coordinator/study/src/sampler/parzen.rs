//! The Parzen estimator: a mixture of product kernels over the parameters of one group. There is one kernel
//! per observation, and the prior is the last.

use rand_chacha::ChaCha8Rng;

use super::axis::{Axis, Line};
use super::dimension::{Choices, Continuous, Dimension, Grid, pick};
use super::exponential::log_sum_exp;
use super::normal::kernels;
use crate::space::{Freedom, ParamValue};

/// The input of an estimator: one row per observation.
#[derive(Debug)]
pub(super) struct Sample {
    /// Per axis, the coordinates of the observations.
    pub(super) columns: Vec<Vec<f64>>,
    /// Per observation, above 0.
    pub(super) weights: Vec<f64>,
    /// How many rows, at the end, belong to pending trials.
    pub(super) pending: usize,
}

impl Sample {
    /// The same observations, of one axis alone.
    pub(super) fn of(&self, axis: usize) -> Self {
        let columns = vec![self.columns[axis].clone()];
        Self { columns, weights: self.weights.clone(), pending: self.pending }
    }
}

/// How much an estimator trusts its observations. With 0.01 for `least`, 0 for `cell`, 1 for the rest and nothing
/// pending, it is Optuna's estimator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// The prior's weight, above 0.
    pub(super) prior: f64,
    /// On a line of length 1 with m kernels (not counting those of pending trials and the prior), none of the
    /// m is narrower than this over m + 2 …
    pub(super) narrowest: f64,
    /// … nor, on a continuous line, narrower than this, however many there are. On a grid the limit is a
    /// hundredth of `narrowest` …
    pub(super) least: f64,
    /// … and this times the width of the cell around the kernel's mean.
    pub(super) cell: f64,
    /// The weight of each choice in each kernel, times the number of kernels. The observed choice gets 1
    /// more. Above 0.
    pub(super) smoothing: f64,
}

/// The density of one group of parameters.
pub(super) struct ParzenEstimator {
    /// Per kernel; the weights sum to 1.
    log_weights: Vec<f64>,
    /// Per kernel, the logarithm of its weight times its peaks on the continuous lines.
    log_peaks: Vec<f64>,
    dimensions: Vec<Dimension>,
}

/// Draws from an estimator, given what is fixed and excluded.
pub(super) struct Draws<'a> {
    estimator: &'a ParzenEstimator,
    freedoms: &'a [Freedom],
    /// Running totals of the kernels' weights, given what is fixed and excluded.
    totals: Vec<f64>,
}

/// How many dimensions to compute before checking which kernels still matter.
pub(super) const BLOCK: usize = 16;

impl Shape {
    /// The least width of a kernel on a line with this many means, at one of them.
    fn least_width(&self, line: &Line, means: usize, mean: f64) -> f64 {
        // The cells of a grid have a width of their own.
        let least = if line.is_continuous() { self.least } else { self.narrowest / 100.0 };
        let least = (self.narrowest / (means as f64 + 2.0)).max(least);
        if self.cell > 0.0 { least.max(self.cell * line.cell(line.value(mean))) } else { least }
    }
}

impl ParzenEstimator {
    /// Makes an estimator from a sample with one column per axis.
    pub(super) fn new(axes: &[Axis], sample: &Sample, shape: Shape) -> Self {
        let sum = sample.weights.iter().sum::<f64>() + shape.prior;
        let weights = sample.weights.iter().chain(std::iter::once(&shape.prior));
        let log_weights: Vec<_> = weights.map(|weight| libm::log(weight / sum)).collect();
        let mut log_peaks = log_weights.clone();
        let seen = sample.weights.len() - sample.pending;
        let normals = |line: &Line, column: &[f64]| {
            let (means, pending) = column.split_at(seen);
            kernels(means, pending, |mean| shape.least_width(line, seen, mean))
        };
        let dimension = |(axis, column): (&Axis, &Vec<f64>)| match axis {
            Axis::Single(value) => Dimension::Single(*value),
            Axis::Choices(count) => {
                Dimension::Choices(Choices::new(*count, shape.smoothing, column))
            }
            Axis::Line(line) if line.is_continuous() => {
                let normals = normals(line, column);
                for (log_peak, normal) in log_peaks.iter_mut().zip(&normals) {
                    *log_peak += normal.log_peak() - line.log_span();
                }
                Dimension::Continuous(*line, Continuous::new(&normals))
            }
            Axis::Line(line) => Dimension::Grid(*line, Grid::new(&normals(line, column))),
        };
        let dimensions = axes.iter().zip(&sample.columns).map(dimension).collect();
        Self { log_weights, log_peaks, dimensions }
    }

    /// The logarithm of the density at a point with one value per axis. For a discrete parameter it is the
    /// mass; on a logarithmic scale it is the density per unit of the logarithm.
    pub(super) fn log_density(&self, point: &[ParamValue]) -> f64 {
        let mut kernels = self.log_peaks.clone();
        let first = self.dimensions.len().min(BLOCK);
        for (dimension, value) in self.dimensions[..first].iter().zip(point) {
            dimension.fall_off(*value, &mut kernels);
        }
        self.fall_off_where_it_counts(first, point, &mut kernels);
        log_sum_exp(&kernels)
    }

    /// Adds the dimensions from `first` on, but only to kernels that still matter to the sum. In a wide space
    /// these are few. A kernel never rises from one dimension to the next. So one that is far below where the
    /// prior will end cannot change a bit of the sum.
    fn fall_off_where_it_counts(&self, first: usize, point: &[ParamValue], kernels: &mut [f64]) {
        /// Farther than `exponential` can tell from zero, plus some room for rounding.
        const FAR: f64 = 800.0;
        let prior = kernels.len() - 1;
        let rest = self.dimensions[first..].iter().zip(&point[first..]);
        for (dimension, value) in rest.clone() {
            dimension.fall_off_of(*value, &[prior], kernels);
        }
        let least = kernels[prior] - FAR;
        let mut near: Vec<_> = (0..prior).collect();
        for (place, (dimension, value)) in rest.enumerate() {
            if place % BLOCK == 0 {
                near.retain(|kernel| kernels[*kernel] >= least);
            }
            dimension.fall_off_of(*value, &near, kernels);
        }
    }

    /// Prepares draws, with one freedom per axis.
    pub(super) fn draws<'a>(&'a self, freedoms: &'a [Freedom]) -> Draws<'a> {
        let mut kernels = self.log_weights.clone();
        for (dimension, freedom) in self.dimensions.iter().zip(freedoms) {
            match (freedom, dimension) {
                (Freedom::Fixed(value), Dimension::Continuous(_, continuous)) => {
                    continuous.add_log_peaks(&mut kernels);
                    dimension.fall_off(*value, &mut kernels);
                }
                (Freedom::Fixed(value), _) => dimension.fall_off(*value, &mut kernels),
                (Freedom::Among(open), Dimension::Choices(choices)) => {
                    choices.add_log_mass_of(open, &mut kernels);
                }
                (Freedom::Within(open), dimension) => {
                    dimension.add_log_mass_within(open, &mut kernels);
                }
                (Freedom::Among(_) | Freedom::Any, _) => {}
            }
        }
        let max = kernels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut total = 0.0;
        for kernel in &mut kernels {
            total += libm::exp(*kernel - max);
            *kernel = total;
        }
        Draws { estimator: self, freedoms, totals: kernels }
    }
}

impl Draws<'_> {
    /// Draws a point.
    pub(super) fn sample(&self, rng: &mut ChaCha8Rng) -> Vec<ParamValue> {
        let kernel = pick(&self.totals, rng);
        let dimensions = self.estimator.dimensions.iter().zip(self.freedoms);
        dimensions.map(|(dimension, freedom)| dimension.sample(kernel, freedom, rng)).collect()
    }
}

#[cfg(test)]
pub(in crate::sampler) mod tests;
