//! The Parzen estimator: a mixture of product kernels over the parameters of one group, one kernel
//! for each observation and, last, the prior.

use rand_chacha::ChaCha8Rng;

use super::axis::{Axis, Line, Site};
use super::exponential::log_sum_exp;
use super::normal::{Normal, kernels};
use super::random::uniform;
use crate::space::{Freedom, ParamValue};

/// What an estimator is made of: a row for each observation.
#[derive(Debug)]
pub(super) struct Sample {
    /// For each axis the coordinates of the observations.
    pub(super) columns: Vec<Vec<f64>>,
    /// Of each observation, above 0.
    pub(super) weights: Vec<f64>,
    /// How many of the rows, the last ones, are of trials that are pending.
    pub(super) pending: usize,
}

/// How far an estimator trusts its observations. With 1 for all, 0.01 for the
/// least width and nothing pending it is Optuna's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// The prior's weight; above 0.
    pub(super) prior: f64,
    /// With m kernels on a line of length 1, those of pending trials and the prior not counted, none of
    /// the m is narrower than this over m + 2 …
    pub(super) narrowest: f64,
    /// … and on a continuous line, however many they are, than this; on a grid than a hundredth of
    /// `narrowest`.
    pub(super) least: f64,
    /// What each choice gets from each kernel, times the number of kernels, before the choice
    /// observed gets 1 more; above 0.
    pub(super) smoothing: f64,
}

/// The density of one group of parameters.
pub(super) struct ParzenEstimator {
    /// Of each kernel; the weights sum up to 1.
    log_weights: Vec<f64>,
    /// Of each kernel the logarithm of its weight times its peaks on the continuous lines.
    log_peaks: Vec<f64>,
    dimensions: Vec<Dimension>,
}

/// The kernels' factors for one parameter.
enum Dimension {
    Single(ParamValue),
    Choices(Choices),
    Continuous(Line, Continuous),
    Grid(Line, Grid),
}

/// Each kernel but the prior prefers the choice observed.
struct Choices {
    count: usize,
    /// What each choice gets from each kernel, before the one observed gets 1 more.
    base: f64,
    /// Indices of choices, as numbers, so that the compiler compares several at a time.
    observed: Vec<f64>,
}

/// Each kernel's normal distribution on a continuous line.
struct Continuous {
    means: Vec<f64>,
    /// 1 / the deviations.
    precisions: Vec<f64>,
}

/// Each kernel's normal distribution on a grid, where many kernels share one.
struct Grid {
    distinct: Vec<Normal>,
    /// For each kernel, its place among `distinct`.
    kernels: Vec<usize>,
}

/// Draws from an estimator, given what is fixed and what is excluded.
pub(super) struct Draws<'a> {
    estimator: &'a ParzenEstimator,
    freedoms: &'a [Freedom],
    /// Running totals of the kernels' weights, given what is fixed and excluded.
    totals: Vec<f64>,
}

impl Shape {
    /// How narrow kernels may be on a line with so many means.
    fn least_width(&self, line: &Line, means: usize) -> f64 {
        // A grid's cells have a width of their own.
        let least = if line.is_continuous() { self.least } else { self.narrowest / 100.0 };
        (self.narrowest / (means as f64 + 2.0)).max(least)
    }
}

impl ParzenEstimator {
    /// The estimator of a sample with a column for each axis.
    pub(super) fn new(axes: &[Axis], sample: &Sample, shape: Shape) -> Self {
        let sum = sample.weights.iter().sum::<f64>() + shape.prior;
        let weights = sample.weights.iter().chain(std::iter::once(&shape.prior));
        let log_weights: Vec<_> = weights.map(|weight| libm::log(weight / sum)).collect();
        let mut log_peaks = log_weights.clone();
        let seen = sample.weights.len() - sample.pending;
        let normals = |line: &Line, column: &[f64]| {
            let (means, pending) = column.split_at(seen);
            kernels(means, pending, shape.least_width(line, seen))
        };
        let dimension = |(axis, column): (&Axis, &Vec<f64>)| match axis {
            Axis::Single(value) => Dimension::Single(*value),
            Axis::Choices(count) => {
                let base = shape.smoothing / (column.len() + 1) as f64;
                Dimension::Choices(Choices { count: *count, base, observed: column.clone() })
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

    /// The logarithm of the density at a point with one value per axis: of the mass, where a
    /// parameter is discrete; per unit of the logarithm, where its scale is logarithmic.
    pub(super) fn log_density(&self, point: &[ParamValue]) -> f64 {
        let mut kernels = self.log_peaks.clone();
        for (dimension, value) in self.dimensions.iter().zip(point) {
            dimension.fall_off(*value, &mut kernels);
        }
        log_sum_exp(&kernels)
    }

    /// Prepares draws with one freedom per axis.
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

impl Dimension {
    /// Adds to each kernel the logarithm of its mass at `value`; on a continuous line, of its
    /// density there relative to its peak.
    fn fall_off(&self, value: ParamValue, kernels: &mut [f64]) {
        match self {
            Self::Single(_) => {}
            Self::Choices(choices) => {
                if let ParamValue::Choice(c) = value {
                    choices.add_log_mass(c, kernels);
                }
            }
            Self::Continuous(line, continuous) => continuous.fall_off(line.place(value), kernels),
            Self::Grid(line, grid) => grid.add_log_mass(&line.site(value), kernels),
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
            (Self::Continuous(line, continuous), _) => {
                line.value(continuous.of(kernel).sample(uniform(rng)))
            }
            (Self::Grid(line, grid), _) => line.value(grid.of(kernel).sample(uniform(rng))),
        }
    }
}

impl Choices {
    /// Adds to each kernel the logarithm of its mass on one choice.
    #[expect(clippy::float_cmp, reason = "indices, which floats keep exactly")]
    fn add_log_mass(&self, choice: usize, kernels: &mut [f64]) {
        let (miss, hit) = self.log_masses(1);
        let choice = choice as f64;
        for (kernel, observed) in kernels.iter_mut().zip(&self.observed) {
            *kernel += if *observed == choice { hit } else { miss };
        }
        self.add_prior(1, kernels);
    }

    /// Adds to each kernel the logarithm of its mass on `some` choices.
    fn add_log_mass_of(&self, some: &[usize], kernels: &mut [f64]) {
        let (miss, hit) = self.log_masses(some.len());
        for (kernel, observed) in kernels.iter_mut().zip(&self.observed) {
            *kernel += if some.contains(&(*observed as usize)) { hit } else { miss };
        }
        self.add_prior(some.len(), kernels);
    }

    /// The logarithms of a kernel's mass on `some` choices without and with the one observed.
    fn log_masses(&self, some: usize) -> (f64, f64) {
        let whole = self.base * self.count as f64 + 1.0;
        let part = self.base * some as f64;
        (libm::log(part / whole), libm::log((part + 1.0) / whole))
    }

    fn add_prior(&self, some: usize, kernels: &mut [f64]) {
        if let Some(prior) = kernels.last_mut() {
            *prior += libm::log(some as f64 / self.count as f64);
        }
    }

    /// Draws one of `some`.
    fn sample(&self, kernel: usize, some: &[usize], rng: &mut ChaCha8Rng) -> ParamValue {
        let observed = self.observed.get(kernel).map(|choice| *choice as usize);
        let mut total = 0.0;
        let weigh = |choice: &usize| {
            total += if observed == Some(*choice) { self.base + 1.0 } else { self.base };
            total
        };
        let totals: Vec<_> = some.iter().map(weigh).collect();
        ParamValue::Choice(some[pick(&totals, rng)])
    }
}

impl Continuous {
    fn new(normals: &[Normal]) -> Self {
        Self {
            means: normals.iter().map(|normal| normal.mean).collect(),
            precisions: normals.iter().map(|normal| 1.0 / normal.deviation).collect(),
        }
    }

    fn of(&self, kernel: usize) -> Normal {
        Normal { mean: self.means[kernel], deviation: 1.0 / self.precisions[kernel] }
    }

    fn add_log_peaks(&self, kernels: &mut [f64]) {
        for (place, kernel) in kernels.iter_mut().enumerate() {
            *kernel += self.of(place).log_peak();
        }
    }

    /// The innermost loop of a proposal.
    fn fall_off(&self, at: f64, kernels: &mut [f64]) {
        let normals = self.means.iter().zip(&self.precisions);
        for (kernel, (mean, precision)) in kernels.iter_mut().zip(normals) {
            let z = (at - mean) * precision;
            *kernel -= 0.5 * z * z;
        }
    }
}

impl Grid {
    fn new(normals: &[Normal]) -> Self {
        let mut order: Vec<_> = (0..normals.len()).collect();
        let key = |place: usize| (normals[place].mean, normals[place].deviation);
        order.sort_by(|a, b| {
            let (a, b) = (key(*a), key(*b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        let (mut distinct, mut kernels) = (Vec::<Normal>::new(), vec![0; normals.len()]);
        for place in order {
            if distinct.last() != Some(&normals[place]) {
                distinct.push(normals[place]);
            }
            kernels[place] = distinct.len() - 1;
        }
        Self { distinct, kernels }
    }

    fn of(&self, kernel: usize) -> Normal {
        self.distinct[self.kernels[kernel]]
    }

    fn add_log_mass(&self, site: &Site, kernels: &mut [f64]) {
        let log_mass = |normal: &Normal| match *site {
            Site::Point { at, log_width } => normal.log_density(at) + log_width,
            Site::Cell { low, high } => normal.log_mass(low, high),
        };
        let distinct: Vec<_> = self.distinct.iter().map(log_mass).collect();
        for (kernel, place) in kernels.iter_mut().zip(&self.kernels) {
            *kernel += distinct[*place];
        }
    }
}

/// Picks a place with a probability proportional to the growth of the running total there.
fn pick(totals: &[f64], rng: &mut ChaCha8Rng) -> usize {
    let last = totals.len() - 1;
    let mark = uniform(rng) * totals[last];
    totals.partition_point(|total| *total <= mark).min(last)
}

#[cfg(test)]
mod tests;
