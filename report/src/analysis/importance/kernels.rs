//! Densities over the cells of an axis: a kernel per occupied cell, and a prior.

use std::f64::consts::FRAC_1_SQRT_2;

use statrs::function::erf::erfc;

use super::Axis;

/// Keeps quotients of densities finite.
const TINY: f64 = 1e-12;

/// How the mass of a trial spreads over the cells.
pub(super) struct Kernels {
    /// One row for a trial in each cell; each row sums to 1.
    pub(super) rows: Vec<Vec<f64>>,
    /// The row for a trial that could be anywhere. Every estimate contains one such trial.
    pub(super) prior: Vec<f64>,
}

/// A density over the cells of an axis or a plane.
pub(super) struct Estimate {
    /// Includes the prior.
    pub(super) density: Vec<f64>,
    /// The mean of the trials' kernels.
    pub(super) mean: Vec<f64>,
    /// The mean of the kernels' squares.
    pub(super) squares: Vec<f64>,
    /// The number of trials.
    pub(super) trials: f64,
}

impl Kernels {
    /// Kernels of a suitable width for these counts per cell. There must be at least one trial.
    pub(super) fn new(axis: &Axis, counts: &[f64]) -> Self {
        match axis {
            Axis::Line { cells, .. } => Self::on_line(*cells, counts),
            Axis::Choices(cells) => Self::on_choices(*cells, counts),
        }
    }

    /// Normal distributions, truncated to the axis and centred on each cell.
    ///
    /// Width by D. W. Scott, "Multivariate Density Estimation", 1992: the standard deviation is 1.059
    /// n^(−1/5) times the smaller of the sample's own and its interquartile range / 1.34. It is at least so
    /// large that nine tenths lie in one cell.
    fn on_line(cells: usize, counts: &[f64]) -> Self {
        const NARROWEST: f64 = 0.5 / 1.64;
        let trials: f64 = counts.iter().sum();
        let mean = moment(counts, |x| x) / trials;
        let variance = moment(counts, |x| (x - mean).powi(2)) / (trials - 1.0).max(1.0);
        let spread = variance.sqrt().min(interquartile_range(counts) / 1.34);
        let deviation = (1.059 * spread * trials.powf(-0.2)).max(NARROWEST);
        let middle = (cells as f64 - 1.0) / 2.0;
        Self {
            rows: (0..cells).map(|cell| normal(cells, cell as f64, deviation)).collect(),
            prior: normal(cells, middle, cells as f64),
        }
    }

    /// A choice's kernel is largest on the choice itself, with an equal small mass on every other one. That
    /// mass shrinks with the number of choices that occur.
    fn on_choices(cells: usize, counts: &[f64]) -> Self {
        let occurring = counts.iter().filter(|count| **count > 0.0).count() as f64;
        let little = 1.0 / (occurring + 1.0);
        let sum = 1.0 + little * cells as f64;
        let row = |own| {
            (0..cells).map(move |cell| (little + f64::from(u8::from(cell == own))) / sum).collect()
        };
        Self { rows: (0..cells).map(row).collect(), prior: vec![1.0 / cells as f64; cells] }
    }

    /// The density for these counts per cell.
    pub(super) fn estimate(&self, counts: &[f64]) -> Estimate {
        let trials: f64 = counts.iter().sum();
        let mean = mixture(&self.rows, counts, |x| x);
        let squares = mixture(&self.rows, counts, |x| x * x);
        Estimate::new(mean, squares, &self.prior, trials)
    }
}

impl Estimate {
    /// From sums over the trials' kernels and over their squares.
    pub(super) fn new(
        mut sum: Vec<f64>,
        mut squares: Vec<f64>,
        prior: &[f64],
        trials: f64,
    ) -> Self {
        let with_prior = sum.iter().zip(prior).map(|(sum, prior)| (sum + prior) / (trials + 1.0));
        let density = with_prior.collect();
        for x in sum.iter_mut().chain(&mut squares) {
            *x /= trials;
        }
        Self { density, mean: sum, squares, trials }
    }

    /// Pearson's divergence of this density from another.
    pub(super) fn divergence(&self, from: &Self) -> f64 {
        let cells = self.density.iter().zip(&from.density);
        cells.map(|(p, q)| (q + TINY) * ((p + TINY) / (q + TINY) - 1.0).powi(2)).sum()
    }
}

/// Σ count · row per cell, with `f` applied to each number.
pub(super) fn mixture(rows: &[Vec<f64>], counts: &[f64], f: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut sum = vec![0.0; rows.len()];
    for (row, count) in rows.iter().zip(counts).filter(|(_, count)| **count > 0.0) {
        for (sum, x) in sum.iter_mut().zip(row) {
            *sum += count * f(*x);
        }
    }
    sum
}

/// Σ count · f(cell).
fn moment(counts: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    counts.iter().enumerate().map(|(cell, count)| count * f(cell as f64)).sum()
}

/// The distance between the cell that reaches a quarter of the trials and the one that exceeds three
/// quarters.
fn interquartile_range(counts: &[f64]) -> f64 {
    let mut reached = 0.0;
    let occupied = counts.iter().enumerate().filter(|(_, count)| **count > 0.0);
    let occupied: Vec<_> = occupied
        .map(|(cell, count)| {
            reached += count;
            (cell as f64, reached)
        })
        .collect();
    let first = |is_there: &dyn Fn(f64) -> bool| {
        let found = occupied.iter().find(|(_, reached)| is_there(*reached));
        found.or(occupied.last()).map_or(0.0, |(cell, _)| *cell)
    };
    let (quarter, three) = ((reached / 4.0).floor(), (reached * 3.0 / 4.0).floor());
    first(&|reached| reached > three) - first(&|reached| reached >= quarter)
}

/// The mass of each cell under a normal distribution that is truncated to the axis.
fn normal(cells: usize, mean: f64, deviation: f64) -> Vec<f64> {
    let z = |edge: f64| (edge - 0.5 - mean) / deviation;
    let inside = mass(z(0.0), z(cells as f64));
    (0..cells).map(|cell| mass(z(cell as f64), z(cell as f64 + 1.0)) / inside).collect()
}

/// The mass of a standard normal distribution between `a` and `b`, accurate in both tails.
fn mass(a: f64, b: f64) -> f64 {
    let below = |x: f64| 0.5 * erfc(-x * FRAC_1_SQRT_2);
    if a > 0.0 { below(-a) - below(-b) } else { below(b) - below(a) }
}
