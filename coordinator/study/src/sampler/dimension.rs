//! The kernels of a Parzen estimator along one parameter.

use rand_chacha::ChaCha8Rng;

use super::axis::{Line, Site};
use super::normal::Normal;
use super::random::uniform;
use crate::space::{Freedom, Numbers, ParamValue, within};

/// The factors that one parameter contributes to the kernels.
pub(super) enum Dimension {
    Single(ParamValue),
    Choices(Choices),
    Continuous(Line, Continuous),
    Grid(Line, Grid),
}

/// Kernels on choices. Each kernel except the prior prefers the choice observed.
pub(super) struct Choices {
    count: usize,
    /// The weight of each choice in each kernel. The observed choice gets 1 more.
    base: f64,
    /// Indices of choices, as floats so that the compiler compares several at a time.
    observed: Vec<f64>,
}

/// Kernels on a continuous line: one normal distribution each.
pub(super) struct Continuous {
    means: Vec<f64>,
    /// 1 / deviation.
    precisions: Vec<f64>,
}

/// Kernels on a grid: one normal distribution each, often shared by many kernels.
pub(super) struct Grid {
    distinct: Vec<Normal>,
    /// Per distinct normal, the logarithm of the mass left after the cut.
    log_insides: Vec<f64>,
    /// Per kernel, its index in `distinct`.
    kernels: Vec<usize>,
}

impl Dimension {
    /// Adds to each kernel the logarithm of its mass at `value`. On a continuous line it adds the log density
    /// there relative to the peak.
    pub(super) fn fall_off(&self, value: ParamValue, kernels: &mut [f64]) {
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

    /// The same for some kernels only. The last kernel is the prior.
    pub(super) fn fall_off_of(&self, value: ParamValue, some: &[usize], kernels: &mut [f64]) {
        match self {
            Self::Single(_) => {}
            Self::Choices(choices) => {
                if let ParamValue::Choice(c) = value {
                    choices.add_log_mass_to(c, some, kernels);
                }
            }
            Self::Continuous(line, continuous) => {
                let at = line.place(value);
                for place in some {
                    kernels[*place] -= continuous.depth(*place, at);
                }
            }
            Self::Grid(line, grid) => {
                let site = line.site(value);
                for place in some {
                    kernels[*place] += grid.log_mass(grid.kernels[*place], &site);
                }
            }
        }
    }

    /// Adds to each kernel the logarithm of its mass on the numbers that are open.
    pub(super) fn add_log_mass_within(&self, open: &Numbers, kernels: &mut [f64]) {
        /// Far out there is more mass than a number can hold.
        const LEAST: f64 = f64::MIN_POSITIVE;
        let (line, of): (_, &dyn Fn(usize) -> Normal) = match self {
            Self::Continuous(line, continuous) => (line, &|kernel| continuous.of(kernel)),
            Self::Grid(line, grid) => (line, &|kernel| grid.of(kernel)),
            Self::Single(_) | Self::Choices(_) => return,
        };
        let stretches: Vec<_> =
            open.spans().into_iter().map(|(low, high)| line.stretch(low, high)).collect();
        for (place, kernel) in kernels.iter_mut().enumerate() {
            let normal = of(place);
            let mass: f64 = stretches.iter().map(|(low, high)| normal.mass(*low, *high)).sum();
            *kernel += libm::log(mass.max(LEAST)) - normal.log_inside();
        }
    }

    pub(super) fn sample(
        &self,
        kernel: usize,
        freedom: &Freedom,
        rng: &mut ChaCha8Rng,
    ) -> ParamValue {
        match (self, freedom) {
            (Self::Single(value), Freedom::Within(open)) => open.nearest(*value),
            (_, Freedom::Fixed(value)) | (Self::Single(value), _) => *value,
            (Self::Choices(_), Freedom::Within(open)) => open.spans()[0].0,
            (Self::Continuous(line, continuous), Freedom::Within(open)) => {
                sample_among(line, continuous.of(kernel), open, rng)
            }
            (Self::Grid(line, grid), Freedom::Within(open)) => {
                sample_among(line, grid.of(kernel), open, rng)
            }
            (Self::Choices(choices), Freedom::Among(open)) => choices.sample(kernel, open, rng),
            (Self::Choices(choices), _) => {
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
    /// Kernels for the observed choices, with the smoothing of a shape.
    pub(super) fn new(count: usize, smoothing: f64, observed: &[f64]) -> Self {
        let base = smoothing / (observed.len() + 1) as f64;
        Self { count, base, observed: observed.to_vec() }
    }

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

    /// The same for some kernels only.
    #[expect(clippy::float_cmp, reason = "indices, which floats keep exactly")]
    fn add_log_mass_to(&self, choice: usize, some: &[usize], kernels: &mut [f64]) {
        let (miss, hit) = self.log_masses(1);
        let prior = libm::log(1.0 / self.count as f64);
        let choice = choice as f64;
        for place in some {
            kernels[*place] += match self.observed.get(*place) {
                Some(observed) if *observed == choice => hit,
                Some(_) => miss,
                None => prior,
            };
        }
    }

    /// Adds to each kernel the logarithm of its mass on the `some` choices.
    pub(super) fn add_log_mass_of(&self, some: &[usize], kernels: &mut [f64]) {
        let (miss, hit) = self.log_masses(some.len());
        for (kernel, observed) in kernels.iter_mut().zip(&self.observed) {
            *kernel += if some.contains(&(*observed as usize)) { hit } else { miss };
        }
        self.add_prior(some.len(), kernels);
    }

    /// The logarithms of a kernel's mass on `some` choices: without the observed one, and with it.
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
    pub(super) fn new(normals: &[Normal]) -> Self {
        Self {
            means: normals.iter().map(|normal| normal.mean).collect(),
            precisions: normals.iter().map(|normal| 1.0 / normal.deviation).collect(),
        }
    }

    fn of(&self, kernel: usize) -> Normal {
        Normal { mean: self.means[kernel], deviation: 1.0 / self.precisions[kernel] }
    }

    pub(super) fn add_log_peaks(&self, kernels: &mut [f64]) {
        for (place, kernel) in kernels.iter_mut().enumerate() {
            *kernel += self.of(place).log_peak();
        }
    }

    /// How far a kernel at `at` is below its peak, in logarithms.
    fn depth(&self, kernel: usize, at: f64) -> f64 {
        let z = (at - self.means[kernel]) * self.precisions[kernel];
        0.5 * z * z
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
    pub(super) fn new(normals: &[Normal]) -> Self {
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
        let log_insides = distinct.iter().map(Normal::log_inside).collect();
        Self { distinct, log_insides, kernels }
    }

    fn of(&self, kernel: usize) -> Normal {
        self.distinct[self.kernels[kernel]]
    }

    fn add_log_mass(&self, site: &Site, kernels: &mut [f64]) {
        let distinct: Vec<_> = (0..self.distinct.len()).map(|i| self.log_mass(i, site)).collect();
        for (kernel, place) in kernels.iter_mut().zip(&self.kernels) {
            *kernel += distinct[*place];
        }
    }

    /// The log mass of one of `distinct`.
    fn log_mass(&self, place: usize, site: &Site) -> f64 {
        let (normal, log_inside) = (&self.distinct[place], self.log_insides[place]);
        match *site {
            Site::Point { at, log_width } => normal.log_density(at, log_inside) + log_width,
            Site::Cell { low, high } => normal.log_mass(low, high, log_inside),
        }
    }
}

/// Draws one of the numbers that are open.
fn sample_among(line: &Line, normal: Normal, open: &Numbers, rng: &mut ChaCha8Rng) -> ParamValue {
    let spans = open.spans();
    let mut total = 0.0;
    let weigh = |(low, high): &(ParamValue, ParamValue)| {
        let (from, to) = line.stretch(*low, *high);
        total += normal.mass(from, to);
        total
    };
    let totals: Vec<_> = spans.iter().map(weigh).collect();
    let span = spans[if spans.len() > 1 { pick(&totals, rng) } else { 0 }];
    let (from, to) = line.stretch(span.0, span.1);
    within(line.value(normal.sample_between(uniform(rng), from, to)), span)
}

/// Picks an index with a probability proportional to the growth of the running total there.
pub(super) fn pick(totals: &[f64], rng: &mut ChaCha8Rng) -> usize {
    let last = totals.len() - 1;
    let mark = uniform(rng) * totals[last];
    totals.partition_point(|total| *total <= mark).min(last)
}
