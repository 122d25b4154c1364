//! The Parzen estimator: a mixture of product kernels over the parameters of one group, one kernel
//! for each observation and, last, the prior.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;

use super::axis::{Axis, Line, Site};
use super::freedom::Freedom;
use super::random::uniform;
use super::truncnorm;
use crate::space::ParamValue;

/// The newest observations that weigh as much as the prior; older ones weigh less.
const FULL_WEIGHT: usize = 25;

/// The density of one group of parameters.
pub(super) struct ParzenEstimator {
    /// Of each kernel; the weights sum up to 1.
    log_weights: Vec<f64>,
    dimensions: Vec<Dimension>,
}

/// The kernels' factors for one parameter.
enum Dimension {
    Single(ParamValue),
    Choices(Choices),
    Line(Line, Normals),
}

/// Each kernel but the prior prefers the choice observed.
struct Choices {
    count: usize,
    observed: Vec<usize>,
}

/// Each kernel's normal distribution; on a grid, many kernels share one.
struct Normals {
    distinct: Vec<Normal>,
    /// For each kernel, its place among `distinct`.
    kernels: Vec<usize>,
}

/// A normal distribution cut to `[0, 1]`, which holds its mean.
struct Normal {
    mean: f64,
    deviation: f64,
    /// The logarithms of the mass that the cut leaves, and of the density at the mean.
    log_mass: f64,
    log_peak: f64,
}

/// Draws from an estimator, given what is fixed and what is excluded.
pub(super) struct Draws<'a> {
    estimator: &'a ParzenEstimator,
    freedoms: &'a [Freedom],
    /// Running totals of the kernels' weights, given what is fixed and excluded.
    totals: Vec<f64>,
}

impl ParzenEstimator {
    /// The estimator of these observations: for each axis the values observed, oldest first.
    pub(super) fn new(axes: &[Axis], columns: &[Vec<ParamValue>]) -> Self {
        let log_weights = log_weights(columns.first().map_or(0, Vec::len));
        let both = axes.iter().zip(columns);
        Self {
            log_weights,
            dimensions: both.map(|(a, column)| Dimension::new(a, column)).collect(),
        }
    }

    /// The logarithm of the density at a point with one value per axis: of the mass, where a
    /// parameter is discrete; per unit of the logarithm, where its scale is logarithmic.
    pub(super) fn log_density(&self, point: &[ParamValue]) -> f64 {
        let mut kernels = self.log_weights.clone();
        for (dimension, value) in self.dimensions.iter().zip(point) {
            dimension.add_log_density(*value, &mut kernels);
        }
        let max = max(&kernels);
        max + libm::log(kernels.iter().map(|k| libm::exp(k - max)).sum())
    }

    /// Prepares draws with one freedom per axis.
    pub(super) fn draws<'a>(&'a self, freedoms: &'a [Freedom]) -> Draws<'a> {
        let mut kernels = self.log_weights.clone();
        for (dimension, freedom) in self.dimensions.iter().zip(freedoms) {
            match (freedom, dimension) {
                (Freedom::Fixed(value), _) => dimension.add_log_density(*value, &mut kernels),
                (Freedom::Among(open), Dimension::Choices(choices)) => {
                    choices.add_log_mass(open, &mut kernels);
                }
                (Freedom::Among(_) | Freedom::Any, _) => {}
            }
        }
        let max = max(&kernels);
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

impl Dimension {
    fn new(axis: &Axis, column: &[ParamValue]) -> Self {
        match axis {
            Axis::Single(value) => Self::Single(*value),
            Axis::Choices(count) => {
                let choice = |value: &ParamValue| match value {
                    ParamValue::Choice(c) => Some(*c),
                    ParamValue::Float(_) | ParamValue::Int(_) => None,
                };
                let observed = column.iter().filter_map(choice).collect();
                Self::Choices(Choices { count: *count, observed })
            }
            Axis::Line(line) => {
                let means: Vec<_> = column.iter().map(|value| line.place(*value)).collect();
                Self::Line(*line, Normals::new(&means))
            }
        }
    }

    fn add_log_density(&self, value: ParamValue, kernels: &mut [f64]) {
        match self {
            Self::Single(_) => {}
            Self::Choices(choices) => {
                if let ParamValue::Choice(c) = value {
                    choices.add_log_mass(&[c], kernels);
                }
            }
            Self::Line(line, normals) => match line.site(value) {
                Site::Point { at, log_width } => {
                    normals.add(kernels, |normal| normal.log_density(at) + log_width);
                }
                Site::Cell { low, high } => {
                    normals.add(kernels, |normal| normal.log_cell(low, high));
                }
            },
        }
    }

    fn sample(&self, kernel: usize, freedom: &Freedom, rng: &mut ChaCha8Rng) -> ParamValue {
        match (self, freedom) {
            (_, Freedom::Fixed(value)) | (Self::Single(value), _) => *value,
            (Self::Choices(choices), Freedom::Among(open)) => choices.sample(kernel, open, rng),
            (Self::Choices(choices), Freedom::Any) => {
                let all: Vec<_> = (0..choices.count).collect();
                choices.sample(kernel, &all, rng)
            }
            (Self::Line(line, normals), _) => line.value(normals.of(kernel).sample(rng)),
        }
    }
}

impl Choices {
    /// What each choice gets from each kernel, before the one observed gets 1 more.
    fn base(&self) -> f64 {
        1.0 / (self.observed.len() + 1) as f64
    }

    /// Adds to each kernel the logarithm of its mass on `some` choices.
    fn add_log_mass(&self, some: &[usize], kernels: &mut [f64]) {
        let whole = self.base() * self.count as f64 + 1.0;
        let part = self.base() * some.len() as f64;
        let (miss, hit) = (libm::log(part / whole), libm::log((part + 1.0) / whole));
        for (kernel, observed) in kernels.iter_mut().zip(&self.observed) {
            *kernel += if some.contains(observed) { hit } else { miss };
        }
        if let Some(prior) = kernels.last_mut() {
            *prior += libm::log(some.len() as f64 / self.count as f64);
        }
    }

    /// Draws one of `some`.
    fn sample(&self, kernel: usize, some: &[usize], rng: &mut ChaCha8Rng) -> ParamValue {
        let observed = self.observed.get(kernel);
        let mut total = 0.0;
        let weigh = |choice: &usize| {
            total += if observed == Some(choice) { self.base() + 1.0 } else { self.base() };
            total
        };
        let totals: Vec<_> = some.iter().map(weigh).collect();
        ParamValue::Choice(some[pick(&totals, rng)])
    }
}

impl Normals {
    /// One kernel at each mean, as wide as the larger gap to its neighbours, and the prior.
    fn new(means: &[f64]) -> Self {
        let narrowest = 1.0 / (means.len() as f64 + 2.0).min(100.0);
        let mut order: Vec<_> = (0..means.len()).collect();
        order.sort_by(|a, b| means[*a].total_cmp(&means[*b]));
        let mut distinct: Vec<Normal> = Vec::with_capacity(means.len() + 1);
        let mut kernels = vec![0; means.len()];
        for (rank, kernel) in order.iter().enumerate() {
            let mean = means[*kernel];
            let below = rank.checked_sub(1).map_or(0.0, |r| means[order[r]]);
            let above = order.get(rank + 1).map_or(1.0, |next| means[*next]);
            let deviation = (mean - below).max(above - mean).clamp(narrowest, 1.0);
            if distinct.last().is_none_or(|n| (n.mean, n.deviation) != (mean, deviation)) {
                distinct.push(Normal::new(mean, deviation));
            }
            kernels[*kernel] = distinct.len() - 1;
        }
        distinct.push(Normal::new(0.5, 1.0));
        kernels.push(distinct.len() - 1);
        Self { distinct, kernels }
    }

    fn of(&self, kernel: usize) -> &Normal {
        &self.distinct[self.kernels[kernel]]
    }

    /// Adds to each kernel what its distribution contributes.
    fn add(&self, kernels: &mut [f64], contribution: impl Fn(&Normal) -> f64) {
        let distinct: Vec<_> = self.distinct.iter().map(contribution).collect();
        for (kernel, place) in kernels.iter_mut().zip(&self.kernels) {
            *kernel += distinct[*place];
        }
    }
}

impl Normal {
    fn new(mean: f64, deviation: f64) -> Self {
        let log_mass = libm::log(truncnorm::mass(-mean / deviation, (1.0 - mean) / deviation));
        let log_peak = -libm::log((2.0 * PI).sqrt() * deviation) - log_mass;
        Self { mean, deviation, log_mass, log_peak }
    }

    fn log_density(&self, at: f64) -> f64 {
        let z = (at - self.mean) / self.deviation;
        self.log_peak - 0.5 * z * z
    }

    fn log_cell(&self, low: f64, high: f64) -> f64 {
        let z = |x| (x - self.mean) / self.deviation;
        libm::log(truncnorm::mass(z(low), z(high))) - self.log_mass
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> f64 {
        let z = |x| (x - self.mean) / self.deviation;
        let draw = truncnorm::quantile(uniform(rng), z(0.0), z(1.0));
        (self.mean + draw * self.deviation).clamp(0.0, 1.0)
    }
}

/// The kernels' weights: 1 for the newest observations and the prior, less for those before.
fn log_weights(observations: usize) -> Vec<f64> {
    let old = observations.saturating_sub(FULL_WEIGHT);
    let least = 1.0 / observations as f64;
    let weight = |i: usize| match i {
        i if i >= old => 1.0,
        0 => least,
        i => least + (1.0 - least) * i as f64 / (old - 1) as f64,
    };
    let weights: Vec<_> = (0..=observations).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| libm::log(weight / sum)).collect()
}

/// Picks a place with a probability proportional to the growth of the running total there.
fn pick(totals: &[f64], rng: &mut ChaCha8Rng) -> usize {
    let last = totals.len() - 1;
    let mark = uniform(rng) * totals[last];
    totals.partition_point(|total| *total <= mark).min(last)
}

fn max(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests;
