//! The numbers of a diagnosis, computed from plain slices.
//!
//! They are computed on the host and in double precision, so they do not depend on the backend's sums.

use std::collections::HashSet;

use serde::Serialize;

/// Bins of a histogram.
const BINS: usize = 20;

/// A histogram with bins of equal width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// Where the first bin begins.
    pub low: f64,
    /// Where the last bin ends.
    pub high: f64,
    /// Numbers in each bin. One on a border belongs to the bin above it; `high` belongs to the last.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// A histogram of numbers from 0 to `high`. Numbers that are not finite are left out.
    pub(super) fn from_zero(numbers: &[f32], high: f64) -> Self {
        let mut counts = vec![0; BINS];
        for &x in numbers.iter().filter(|x| x.is_finite()) {
            let bin = (f64::from(x) / high * BINS as f64) as usize;
            counts[bin.min(BINS - 1)] += 1;
        }
        Self { low: 0.0, high, counts }
    }
}

/// The mean and the standard deviation of exactly these numbers, not of a population they were drawn from.
pub(super) fn mean_and_std(numbers: &[f32]) -> (f64, f64) {
    let n = numbers.len() as f64;
    let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let squares = numbers.iter().map(|&x| (f64::from(x) - mean).powi(2));
    (mean, (squares.sum::<f64>() / n).sqrt())
}

/// The share of numbers for which `f` holds.
pub(super) fn share(numbers: &[f32], f: impl Fn(f32) -> bool) -> f64 {
    numbers.iter().filter(|&&x| f(x)).count() as f64 / numbers.len() as f64
}

/// The share of columns that are 0 in every row of `[rows, columns]`.
pub(super) fn zero_columns(matrix: &[f32], columns: usize) -> f64 {
    let mut zero = vec![true; columns];
    for row in matrix.chunks_exact(columns) {
        for (zero, &x) in zero.iter_mut().zip(row) {
            *zero &= x == 0.0;
        }
    }
    zero.iter().filter(|&&zero| zero).count() as f64 / columns as f64
}

/// The share of rows of `[rows, columns]` that equal an earlier row bit for bit.
pub(super) fn repeated_rows(matrix: &[f32], columns: usize) -> f64 {
    let rows = matrix.chunks_exact(columns);
    let total = rows.len();
    let bits = |row: &[f32]| row.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let different = rows.map(bits).collect::<HashSet<_>>().len();
    (total - different) as f64 / total as f64
}

/// The 2-norm.
pub(super) fn norm(numbers: &[f32]) -> f64 {
    numbers.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

/// Rounds to four significant digits. More would mean nothing for a sample, and every trial stores them.
pub(super) fn rounded(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "computed without rounding")]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_has_equal_bins_and_loses_only_what_is_not_finite() {
        let numbers = [0.0, 0.099, 0.1, 1.0, 1.95, 2.0, f32::NAN, f32::INFINITY];
        let Histogram { low, high, counts } = Histogram::from_zero(&numbers, 2.0);
        assert_eq!((low, high, counts.len()), (0.0, 2.0, BINS));
        let full: Vec<_> = (0..BINS).filter(|&i| counts[i] > 0).map(|i| (i, counts[i])).collect();
        assert_eq!(full, [(0, 2), (1, 1), (10, 1), (19, 2)]);
    }

    #[test]
    fn means_deviations_and_norms_are_those_of_the_numbers() {
        assert_eq!(mean_and_std(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), (5.0, 2.0));
        assert_eq!(norm(&[3.0, -4.0]), 5.0);
        // In single precision the squares would overflow.
        assert_eq!(norm(&[3e30, 4e30]).log10().floor(), 30.0);
        assert_eq!(share(&[0.0, 0.5, 1.0, 0.04], |x| x < 0.05), 0.5);
    }

    #[test]
    fn a_column_is_zero_only_if_it_is_in_every_row() {
        assert_eq!(zero_columns(&[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0], 4), 0.5);
        assert_eq!(zero_columns(&[0.0; 6], 3), 1.0);
    }

    #[test]
    fn a_row_is_repeated_only_if_every_bit_is() {
        let a = [1.0, 2.0];
        let b = [1.0, 2.0_f32.next_up()];
        assert_eq!(repeated_rows(&[a, b, a, a].concat(), 2), 0.5);
        assert_eq!(repeated_rows(&[a, b].concat(), 2), 0.0);
    }

    #[test]
    fn four_digits_are_kept() {
        for (x, kept) in [
            (0.123_456, 0.1235),
            (-98_765.4, -98_770.0),
            (1.234_56e-12, 1.235e-12),
            (0.0, 0.0),
            (f64::INFINITY, f64::INFINITY),
        ] {
            assert_eq!(rounded(x), kept);
        }
        assert!(rounded(f64::NAN).is_nan());
    }
}
