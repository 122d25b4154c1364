//! The hyper-parameters that explain the data best: the maximum of likelihood times prior (MAP).

use std::f64::consts::PI;

use super::cholesky::Cholesky;
use super::kernel::{Block, Kernel, Layout, Point, Term};
use super::lanes::{Lanes, WIDTH, ZERO, fast, sum};
use super::lbfgs::Lbfgs;

/// Points with their values, standardised: mean 0, deviation 1.
pub(super) struct Data<'a> {
    pub(super) layout: &'a Layout,
    points: &'a [Point],
    blocks: Vec<Block>,
    values: &'a [f64],
    pub(super) priors: Vec<Prior>,
}

/// A normal distribution of a logarithm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prior {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

/// The least variance of the noise. Covariance matrices stay sound with it.
const LEAST_NOISE: f64 = 1e-9;

impl<'a> Data<'a> {
    pub(super) fn new(layout: &'a Layout, points: &'a [Point], values: &'a [f64]) -> Self {
        let blocks = points.chunks(WIDTH).map(|points| layout.block(points)).collect();
        Self { layout, points, blocks, values, priors: priors(layout) }
    }

    /// The logarithms of the hyper-parameters that explain the data best, and the negative logarithm of likelihood times
    /// prior there. Begins at `start`, and evaluates the likelihood at most this often.
    pub(super) fn fit(&self, start: &[f64], evaluations: usize) -> (Vec<f64>, f64) {
        let priors = &self.priors;
        let low = priors.iter().map(|prior| prior.mean - 4.0 * prior.deviation).collect();
        let high = priors.iter().map(|prior| prior.mean + 4.0 * prior.deviation).collect();
        let (value, gradient) = self.loss(start);
        let mut search = Lbfgs::new([low, high], start.to_vec(), value, gradient, 1.5);
        for _ in 1..evaluations {
            if search.is_done() {
                break;
            }
            let at = search.next();
            let (value, gradient) = self.loss(&at);
            search.tell(at, value, gradient);
        }
        (search.best().to_vec(), search.value())
    }

    /// The negative logarithm of likelihood times prior, and its gradient, by the logarithms of the
    /// hyper-parameters.
    pub(super) fn loss(&self, logarithms: &[f64]) -> (f64, Vec<f64>) {
        let kernel = Kernel::from_logarithms(self.layout, logarithms);
        let (mut loss, mut gradient) = self.negative_log_likelihood(&kernel);
        for ((x, prior), slope) in logarithms.iter().zip(&self.priors).zip(&mut gradient) {
            let z = (x - prior.mean) / prior.deviation;
            loss += 0.5 * z * z;
            *slope += z / prior.deviation;
        }
        (loss, gradient)
    }

    /// `½ yᵀK⁻¹y + ½ ln |K| + n/2 ln 2π`, and its gradient `½ tr((K⁻¹ − ααᵀ) ∂K)` with `α = K⁻¹y` (Rasmussen and
    /// Williams 2006, equations 2.30 and 5.9), by the logarithms of the hyper-parameters.
    pub(super) fn negative_log_likelihood(&self, kernel: &Kernel) -> (f64, Vec<f64>) {
        let factor = self.factor(kernel);
        let n = self.points.len();
        let mut alpha: Vec<Lanes> = self.values.iter().map(|y| [*y; WIDTH]).collect();
        factor.solve(&mut alpha);
        let fit: f64 = self.values.iter().zip(&alpha).map(|(y, a)| y * a[0]).sum();
        let loss = 0.5 * (fit + factor.log_determinant() + n as f64 * libm::log(2.0 * PI));

        let of_term = |term: &Term| 1 + term.dimensions.len();
        let count = self.layout.terms.iter().map(of_term).sum::<usize>() + 1;
        let mut sums = vec![ZERO; count];
        let mut of_noise = 0.0;
        for b in 0..self.blocks.len() {
            let inverse = factor.inverse(b * WIDTH);
            of_noise += add_derivatives(self, kernel, b, &inverse, &alpha, &mut sums);
        }
        let mut gradient: Vec<_> = sums.iter().map(sum).collect();
        gradient.push(of_noise * kernel.noise);
        (loss, gradient)
    }

    /// The factor of the covariance matrix.
    pub(super) fn factor(&self, kernel: &Kernel) -> Cholesky {
        let mut factor = Cholesky::default();
        append(&mut factor, self.layout, kernel, self.points, &self.blocks);
        factor
    }
}

fast! {
    /// Adds the derivatives of the likelihood by way of the covariances with one block's points. Returns the sum of
    /// the derivatives by those points' variances. `inverse` has the block's columns of `K⁻¹`.
    fn add_derivatives<'a>(
        data: &'a Data<'a>,
        kernel: &'a Kernel,
        block: usize,
        inverse: &'a [Lanes],
        alpha: &'a [Lanes],
        sums: &'a mut [Lanes],
    ) -> f64 {
        let (first, n) = (block * WIDTH, data.points.len());
        let mut scratch = data.layout.scratch();
        let mut of_noise = 0.0;
        for i in first..n {
            // A pair outside the corner stands for its mirror image, too.
            let half = if i < first + WIDTH { 0.5 } else { 1.0 };
            let mut weight = ZERO;
            for (lane, weight) in weight.iter_mut().enumerate().take(n - first) {
                *weight = half * (inverse[i][lane] - alpha[i][0] * alpha[first + lane][0]);
            }
            if i < first + WIDTH {
                of_noise += weight[i - first];
            }
            let (point, block) = (&data.points[i], &data.blocks[block]);
            kernel.add_derivatives(data.layout, point, block, &weight, &mut scratch, sums);
        }
        of_noise
    }
}

/// Adds all points to the factor that it does not have yet. The blocks hold those, [`WIDTH`] each.
pub(super) fn append(
    factor: &mut Cholesky,
    layout: &Layout,
    kernel: &Kernel,
    points: &[Point],
    blocks: &[Block],
) {
    for block in blocks {
        let old = factor.len();
        let new = (points.len() - old).min(WIDTH);
        let mut above = kernel.covariances(layout, &points[..old + new], block);
        let mut corner = above.split_off(old);
        for (lane, row) in corner.iter_mut().enumerate() {
            row[lane] += kernel.noise;
        }
        factor.append(above, &corner);
    }
}

/// The logarithms of the hyper-parameters before anything is known.
pub(super) fn expected(layout: &Layout) -> Vec<f64> {
    priors(layout).iter().map(|prior| prior.mean).collect()
}

/// The prior share of the joint terms in the function's variance; the parameters' own terms have the rest.
const JOINT: f64 = 0.5;
/// How sure the priors are: deviations of logarithms. Length scales are anybody's guess.
const OF_JOINT: f64 = 1.0;
const OF_OWN: f64 = 1.5;
const OF_WEIGHTS: f64 = 2.0;
/// Prior length scales, of the unit interval, and between two choices.
const LENGTH: f64 = 0.25;
const BETWEEN_CHOICES: f64 = 1.2;
/// The prior variance of the noise.
const NOISE: f64 = 1e-3;
/// How much products of two own terms count, and how sure that is.
const PAIRS: Prior = Prior { mean: std::f64::consts::LN_2, deviation: 1.5 };

/// Priors of the logarithms of the hyper-parameters, in the order of [`Kernel::from_logarithms`].
fn priors(layout: &Layout) -> Vec<Prior> {
    let variance = |term: &Term| {
        let (share, deviation) =
            if term.is_own() { (1.0 - JOINT, OF_OWN) } else { (JOINT, OF_JOINT) };
        Prior { mean: libm::log(share / term.shares as f64), deviation }
    };
    let weights = layout.terms.iter().flat_map(|term| {
        // Distances grow with the square root of the number of dimensions (Hvarfner et al. 2024, "Vanilla Bayesian
        // Optimization Performs Great in High Dimensions").
        let spread = (term.dimensions.len() as f64).sqrt();
        term.dimensions.iter().map(move |dimension| {
            let length = if layout.is_choice[*dimension] { BETWEEN_CHOICES } else { LENGTH };
            let length = spread * length;
            Prior { mean: libm::log(5.0 / (length * length)), deviation: OF_WEIGHTS }
        })
    });
    // The bounds of the search are four deviations away.
    let mean = libm::log(NOISE);
    let noise = Prior { mean, deviation: (mean - libm::log(LEAST_NOISE)) / 4.0 };
    layout.terms.iter().map(variance).chain(weights).chain([PAIRS, noise]).collect()
}
