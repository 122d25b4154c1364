//! The kernels of a Parzen estimator on a line: normal distributions cut to `[0, 1]`.

use std::f64::consts::PI;

use super::truncnorm;

/// A normal distribution cut to `[0, 1]`, which holds its mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Normal {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

/// Of a width that all kernels share.
const MIN_WIDTH: f64 = 1e-3;

/// In the middle, as wide as the line.
const PRIOR: Normal = Normal { mean: 0.5, deviation: 1.0 };

/// How wide kernels are, in units of the line, which is 1 long.
#[derive(Debug, Clone, Copy)]
pub(super) enum Width {
    /// As the larger gap to a neighbour; at least `narrowest / (m + 2)` with m kernels, and
    /// `narrowest / 100`. With 1 this is Optuna's rule.
    Gaps { narrowest: f64 },
    /// The same for all kernels: `factor · m^(−1 / (d + 4))` in d dimensions, the rate at which a
    /// kernel density estimate converges best (Scott, Multivariate Density Estimation, 1992).
    Same { factor: f64 },
}

/// A kernel at each mean, and last the prior's.
pub(super) fn kernels(means: &[f64], width: Width, dimensions: usize) -> Vec<Normal> {
    let mut normals = match width {
        Width::Gaps { narrowest } => as_wide_as_gaps(means, narrowest),
        Width::Same { factor } => {
            let rate = libm::pow(means.len() as f64, -1.0 / (dimensions as f64 + 4.0));
            let deviation = (factor * rate).clamp(MIN_WIDTH, 1.0);
            means.iter().map(|mean| Normal { mean: *mean, deviation }).collect()
        }
    };
    normals.push(PRIOR);
    normals
}

fn as_wide_as_gaps(means: &[f64], narrowest: f64) -> Vec<Normal> {
    let narrowest = narrowest / (means.len() as f64 + 2.0).min(100.0);
    let mut order: Vec<_> = (0..means.len()).collect();
    order.sort_unstable_by(|a, b| means[*a].total_cmp(&means[*b]));
    let mut normals = vec![PRIOR; means.len()];
    for (rank, place) in order.iter().enumerate() {
        let mean = means[*place];
        let below = rank.checked_sub(1).map(|r| mean - means[order[r]]);
        let above = order.get(rank + 1).map(|next| means[*next] - mean);
        let gap = match (below, above) {
            (Some(below), Some(above)) => below.max(above),
            (Some(gap), None) | (None, Some(gap)) => gap,
            (None, None) => mean.max(1.0 - mean),
        };
        normals[*place] = Normal { mean, deviation: gap.clamp(narrowest, 1.0) };
    }
    normals
}

impl Normal {
    /// The logarithm of the density at the mean.
    pub(super) fn log_peak(&self) -> f64 {
        -libm::log((2.0 * PI).sqrt() * self.deviation) - self.log_inside()
    }

    pub(super) fn log_density(&self, at: f64) -> f64 {
        let z = self.z(at);
        self.log_peak() - 0.5 * z * z
    }

    /// The logarithm of the mass between two places.
    pub(super) fn log_mass(&self, low: f64, high: f64) -> f64 {
        libm::log(truncnorm::mass(self.z(low), self.z(high))) - self.log_inside()
    }

    /// The place below which a share of the mass lies.
    pub(super) fn sample(&self, share: f64) -> f64 {
        let z = truncnorm::quantile(share, self.z(0.0), self.z(1.0));
        (self.mean + z * self.deviation).clamp(0.0, 1.0)
    }

    fn z(&self, at: f64) -> f64 {
        (at - self.mean) / self.deviation
    }

    /// The logarithm of the mass that the cut leaves.
    fn log_inside(&self) -> f64 {
        /// Beyond it lies less than the rounding of 1.
        const FAR: f64 = 8.5;
        let (low, high) = (self.z(0.0), self.z(1.0));
        if low < -FAR && high > FAR { 0.0 } else { libm::log(truncnorm::mass(low, high)) }
    }
}
