//! The kernels of a Parzen estimator on a line: normal distributions cut to `[0, 1]`.

use std::f64::consts::PI;

use super::truncnorm;

/// A normal distribution cut to `[0, 1]`. Its mean lies inside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Normal {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

/// Centred, with a deviation as long as the line.
const PRIOR: Normal = Normal { mean: 0.5, deviation: 1.0 };

/// The width of a pending trial's kernel, as a share of the least width of the others. Wide enough to avoid
/// the same point, too narrow to keep other trials out of the region.
const PENDING: f64 = 0.2;

/// A kernel at each mean, as wide as the larger gap to a neighbour, but at least as `least` says for this mean.
/// Then a narrow one at each pending trial's place, and last the prior.
pub(super) fn kernels(means: &[f64], pending: &[f64], least: impl Fn(f64) -> f64) -> Vec<Normal> {
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
        normals[*place] = Normal { mean, deviation: gap.clamp(least(mean), 1.0) };
    }
    let narrow = |at: &f64| Normal { mean: *at, deviation: PENDING * least(*at) };
    normals.extend(pending.iter().map(narrow));
    normals.push(PRIOR);
    normals
}

impl Normal {
    /// The logarithm of the density at the mean.
    pub(super) fn log_peak(&self) -> f64 {
        -libm::log((2.0 * PI).sqrt() * self.deviation) - self.log_inside()
    }

    /// The logarithm of the density; `log_inside` is the result of [`Self::log_inside`].
    pub(super) fn log_density(&self, at: f64, log_inside: f64) -> f64 {
        let z = self.z(at);
        -libm::log((2.0 * PI).sqrt() * self.deviation) - log_inside - 0.5 * z * z
    }

    /// The logarithm of the mass between two places; `log_inside` is the result of [`Self::log_inside`].
    pub(super) fn log_mass(&self, low: f64, high: f64, log_inside: f64) -> f64 {
        libm::log(truncnorm::mass(self.z(low), self.z(high))) - log_inside
    }

    /// The place below which `share` of the mass lies.
    pub(super) fn sample(&self, share: f64) -> f64 {
        let z = truncnorm::quantile(share, self.z(0.0), self.z(1.0));
        (self.mean + z * self.deviation).clamp(0.0, 1.0)
    }

    /// The place between two others below which `share` of the mass between them lies.
    pub(super) fn sample_between(&self, share: f64, low: f64, high: f64) -> f64 {
        let z = truncnorm::quantile_between(share, self.z(low), self.z(high));
        (self.mean + z * self.deviation).clamp(low, high)
    }

    /// The mass between two places of the uncut distribution.
    pub(super) fn mass(&self, low: f64, high: f64) -> f64 {
        truncnorm::mass(self.z(low), self.z(high))
    }

    fn z(&self, at: f64) -> f64 {
        (at - self.mean) / self.deviation
    }

    /// The logarithm of the mass left after the cut.
    pub(super) fn log_inside(&self) -> f64 {
        /// The mass beyond this is below the rounding of 1.
        const FAR: f64 = 8.5;
        let (low, high) = (self.z(0.0), self.z(1.0));
        if low < -FAR && high > FAR { 0.0 } else { libm::log(truncnorm::mass(low, high)) }
    }
}
