//! One sample: its mean, its spread, and a confidence interval.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// The share of such intervals that contain the true mean.
const CONFIDENCE: f64 = 0.95;

/// The arithmetic mean; `None` for an empty sample.
pub fn mean(sample: &[f64]) -> Option<f64> {
    (!sample.is_empty()).then(|| sample.iter().sum::<f64>() / sample.len() as f64)
}

/// The estimated standard deviation of the population (divisor n − 1); `None` for fewer than two values.
pub fn sd(sample: &[f64]) -> Option<f64> {
    if sample.len() < 2 {
        return None;
    }
    let mean = mean(sample)?;
    let squares: f64 = sample.iter().map(|x| (x - mean).powi(2)).sum();
    Some((squares / (sample.len() as f64 - 1.0)).sqrt())
}

/// The 95 % confidence interval of the mean by Student's t distribution; `None` for fewer than two values.
///
/// If all values are equal, the interval has no width.
pub fn interval(sample: &[f64]) -> Option<(f64, f64)> {
    let (mean, error) = (mean(sample)?, standard_error(sample)?);
    let t = student(sample.len())?.inverse_cdf(f64::midpoint(1.0, CONFIDENCE));
    Some((mean - t * error, mean + t * error))
}

/// The standard error of the mean.
pub(super) fn standard_error(sample: &[f64]) -> Option<f64> {
    Some(sd(sample)? / (sample.len() as f64).sqrt())
}

/// The distribution of the mean of `count` values, in standard errors.
pub(super) fn student(count: usize) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, count as f64 - 1.0).ok()
}
