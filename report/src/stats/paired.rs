//! Student's paired t-test.

use statrs::distribution::ContinuousCDF as _;

use super::sample::{mean, standard_error, student};

/// The two-sided p-value: the probability of a mean difference at least this far from 0 if the true one is 0.
///
/// `None` for fewer than two differences. Without a spread there is nothing to compare the mean with. Then
/// the result is 1 if all differences are 0, and `None` if all are the same other number: the formula would
/// give 0, a certainty that no sample supports.
pub fn paired_t(differences: &[f64]) -> Option<f64> {
    /// A spread below this share of the mean is a rounding error.
    const ROUNDING: f64 = 1e-12;
    let (mean, error) = (mean(differences)?, standard_error(differences)?);
    if error <= ROUNDING * mean.abs() {
        return (mean == 0.0).then_some(1.0);
    }
    let beyond = student(differences.len())?.sf((mean / error).abs());
    Some((2.0 * beyond).min(1.0))
}
