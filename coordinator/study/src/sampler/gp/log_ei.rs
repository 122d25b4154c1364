//! The logarithm of expected improvement, which keeps its slope where the improvement itself is next to nothing
//! (Ament et al. 2023, "Unexpected Improvements to Expected Improvement for Bayesian Optimization").

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The value of an acquisition function, and its derivatives by the mean and by the deviation of the prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slopes {
    pub(super) value: f64,
    pub(super) by_mean: f64,
    pub(super) by_deviation: f64,
}

/// `ln E[max(least − f, 0)]` for a normal `f`, to be minimised.
pub(super) fn log_expected_improvement(least: f64, mean: f64, deviation: f64) -> Slopes {
    let z = (least - mean) / deviation;
    let (log_h, share) = log_h(z);
    // With EI = σ h(z): ∂EI/∂μ = −Φ(z) and ∂EI/∂σ = φ(z); h = φ + zΦ.
    let by_mean = -share / deviation;
    let by_deviation = (1.0 - z * share) / deviation;
    Slopes { value: libm::log(deviation) + log_h, by_mean, by_deviation }
}

/// Below this, `h` is computed by Mills' ratio.
const NEAR: f64 = -4.0;

/// `ln h(z)` with `h = φ(z) + z Φ(z)`, and its derivative `Φ(z) / h(z)`.
fn log_h(z: f64) -> (f64, f64) {
    let log_density = -0.5 * z * z - 0.5 * libm::log(2.0 * PI);
    // Further down the difference has too few digits left.
    if z > NEAR {
        let below = 0.5 * libm::erfc(-z * FRAC_1_SQRT_2);
        let h = libm::exp(log_density) + z * below;
        return (libm::log(h), below / h);
    }
    let (mills, rest) = mills(-z);
    (log_density + libm::log(rest), mills / rest)
}

/// Mills' ratio `R = (1 − Φ(x)) / φ(x)` and `1 − x R`, for `x ≥ 4`. The difference is what is small, so it is not
/// computed as one.
fn mills(x: f64) -> (f64, f64) {
    // Both come of the continued fraction R = 1/(x + 1/(x + 2/(x + 3/(x + …)))) (Abramowitz and Stegun, 26.2.14): with
    // t = 1/(x + 2/(x + …)), R = 1/(x + t) and 1 − x R = t R.
    // After so many terms the rest is below 1e-15 of it, found by trying.
    let terms = 8 + (500.0 / (x * x)) as u32;
    let mut tail = x;
    for k in (2..=terms).rev() {
        tail = x + f64::from(k) / tail;
    }
    let t = 1.0 / tail;
    let ratio = 1.0 / (x + t);
    (ratio, t * ratio)
}
