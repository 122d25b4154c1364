//! What the model knows of the function after some trials: a normal distribution at every point.

use rand_chacha::ChaCha8Rng;

use super::cholesky::Cholesky;
use super::fit;
use super::kernel::{Block, Kernel, Layout, Point};
use super::lanes::{self, Lanes, WIDTH, ZERO, fast};
use crate::sampler::random::uniform;
use crate::sampler::truncnorm;

/// A Gaussian process that has seen some points. Its mean before that is 0.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Posterior {
    pub(super) kernel: Kernel,
    points: Vec<Point>,
    pub(super) factor: Cholesky,
    /// One set of observed values per future: `α = K⁻¹ y`.
    pub(super) alphas: Vec<Vec<f64>>,
}

/// Predictions for the points of a block.
pub(super) struct Prediction {
    /// Per future, the means.
    pub(super) means: Vec<Lanes>,
    /// The deviations of the function itself, without noise. Futures differ in means only.
    pub(super) deviations: Lanes,
    /// `L⁻¹ k`, per observed point.
    solved: Vec<Lanes>,
}

/// No deviation is smaller: it is divided by.
const LEAST_VARIANCE: f64 = 1e-14;

impl Posterior {
    /// A process that has seen nothing.
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel, points: Vec::new(), factor: Cholesky::default(), alphas: Vec::new() }
    }

    /// How many points it has seen.
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// Sees more points. What was observed is told to [`Self::observe`].
    pub(super) fn extend(&mut self, layout: &Layout, points: &[Point]) {
        let blocks: Vec<_> = points.chunks(WIDTH).map(|points| layout.block(points)).collect();
        self.points.extend_from_slice(points);
        fit::append(&mut self.factor, layout, &self.kernel, &self.points, &blocks);
    }

    /// Sets what was observed at the points, in each future.
    pub(super) fn observe(&mut self, futures: &[Vec<f64>]) {
        self.alphas.clear();
        for futures in futures.chunks(WIDTH) {
            let value =
                |row: usize, lane: usize| futures.get(lane).map_or(0.0, |values| values[row]);
            let lanes = |row| std::array::from_fn(|lane| value(row, lane));
            let mut values: Vec<Lanes> = (0..self.len()).map(lanes).collect();
            self.factor.solve(&mut values);
            for lane in 0..futures.len() {
                self.alphas.push(values.iter().map(|lanes| lanes[lane]).collect());
            }
        }
    }

    /// Draws what may be observed at the points beyond those of `values`, `count` times, jointly.
    pub(super) fn futures(
        &self,
        values: &[f64],
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<Vec<f64>> {
        // With L z = y, the z of what is not known yet are independent standard normal numbers.
        let known = self.factor.whitened(values);
        let future = |_| {
            let mut z = known.clone();
            z.extend((known.len()..self.len()).map(|_| normal(rng)));
            let mut future = values.to_vec();
            future.extend((known.len()..self.len()).map(|row| self.factor.colour(row, &z)));
            future
        };
        (0..count).map(future).collect()
    }

    /// Per future, the least mean at any point seen.
    pub(super) fn least_means(&self, futures: &[Vec<f64>]) -> Vec<f64> {
        // With K the covariances and σ² the noise, (K + σ²) α = y, so the means are K α = y − σ² α.
        let means = |(values, alpha): (&Vec<f64>, &Vec<f64>)| {
            let means = values.iter().zip(alpha).map(|(y, a)| y - self.kernel.noise * a);
            means.fold(f64::INFINITY, f64::min)
        };
        futures.iter().zip(&self.alphas).map(means).collect()
    }

    /// Predicts the function at the points of a block.
    pub(super) fn predict(&self, layout: &Layout, points: &[Point], block: &Block) -> Prediction {
        let mut covariances = self.kernel.covariances(layout, &self.points, block);
        let means = self.alphas.iter().map(|alpha| mean(&covariances, alpha)).collect();
        self.factor.forward(&mut covariances, 0);
        let mut explained = ZERO;
        for solved in &covariances {
            let squares = lanes::map(solved, |solved| solved * solved);
            lanes::add(&mut explained, 1.0, &squares);
        }
        let deviations = std::array::from_fn(|lane| {
            let prior = self.kernel.variance(layout, &points[lane.min(points.len() - 1)]);
            (prior - explained[lane]).max(LEAST_VARIANCE).sqrt()
        });
        Prediction { means, deviations, solved: covariances }
    }

    /// For each lane, the gradient of something by its point's coordinates, when its derivatives by the means (per
    /// future) and by the deviation are these. Choices have none.
    pub(super) fn gradient(
        &self,
        layout: &Layout,
        block: &Block,
        prediction: Prediction,
        by_means: &[Lanes],
        by_deviation: &Lanes,
    ) -> Vec<Lanes> {
        // With k the covariances: ∂μ = αᵀ ∂k, and ∂σ = −(K⁻¹k)ᵀ ∂k / σ.
        let Prediction { deviations, solved: mut inverse, .. } = prediction;
        self.factor.backward(&mut inverse, 0);
        gradient(self, layout, block, &deviations, &inverse, by_means, by_deviation)
    }
}

fast! {
    /// `Σ α k`
    fn mean<'a>(covariances: &'a [Lanes], alpha: &'a [f64]) -> Lanes {
        let mut mean = ZERO;
        for (covariances, alpha) in covariances.iter().zip(alpha) {
            lanes::add(&mut mean, *alpha, covariances);
        }
        mean
    }
}

fast! {
    /// See [`Posterior::gradient`]; `inverse` is `K⁻¹ k`.
    fn gradient<'a>(
        posterior: &'a Posterior,
        layout: &'a Layout,
        block: &'a Block,
        deviations: &'a Lanes,
        inverse: &'a [Lanes],
        by_means: &'a [Lanes],
        by_deviation: &'a Lanes,
    ) -> Vec<Lanes> {
        let mut gradient = vec![ZERO; layout.dimensions()];
        let mut scratch = layout.scratch();
        for (row, point) in posterior.points.iter().enumerate() {
            let mut factor = ZERO;
            for (lane, factor) in factor.iter_mut().enumerate() {
                *factor = -by_deviation[lane] * inverse[row][lane] / deviations[lane];
            }
            for (alpha, by_mean) in posterior.alphas.iter().zip(by_means) {
                lanes::add(&mut factor, alpha[row], by_mean);
            }
            posterior.kernel.add_slopes(layout, point, block, &factor, &mut scratch, &mut gradient);
        }
        gradient
    }
}

/// A standard normal number.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    truncnorm::quantile(uniform(rng), -8.0, 8.0)
}
