//! Sums of many exponentials. Samplers spend most of their time here.

use std::f64::consts::LOG2_E;

/// `ln Σ exp(x)` over the slice. At least one element must be finite.
pub(super) fn log_sum_exp(logarithms: &[f64]) -> f64 {
    let max = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Four sums at a time: a single one would wait for each addition.
    let mut sums = [0.0; 4];
    let chunks = logarithms.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().map(|x| exp(x - max)).sum();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += exp(x - max);
        }
    }
    max + libm::log((sums[0] + sums[1]) + (sums[2] + sums[3]) + rest)
}

/// `exp(x)` for `x ≤ 0`, with a relative error below 1e-12. Far out it returns about 1e-307 instead of 0.
///
/// It has no branches or calls, so the compiler computes several at a time. It uses only IEEE additions and
/// multiplications, so every platform gets the same bits. The exponent is split into `k ln 2 + r` with
/// `|r| ≤ ln 2 / 2` (Cody & Waite, 1980). `exp(r)` is a Taylor polynomial of degree 10, with a remainder
/// below 3e-13.
fn exp(x: f64) -> f64 {
    const TO_DEGREE_10: &[f64; 11] = COEFFICIENTS.last_chunk().unwrap();
    exp_by(x, TO_DEGREE_10)
}

/// `exp(x)` for `x ≤ 0` by a Taylor polynomial with these coefficients, the highest first.
#[inline(always)]
pub(super) fn exp_by<const N: usize>(x: f64, coefficients: &[f64; N]) -> f64 {
    /// Adding this rounds to a whole number and leaves it in the lowest bits.
    const SHIFT: f64 = 6_755_399_441_055_744.0; // 1.5 · 2^52
    /// The upper bits of ln 2, so that `k` times them is exact, and the rest.
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = if x > -707.0 { x } else { -707.0 };
    let shifted = x * LOG2_E + SHIFT;
    let k = shifted - SHIFT;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let mut sum = coefficients[0];
    for coefficient in &coefficients[1..] {
        sum = sum * r + coefficient;
    }
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    sum * power
}

/// The coefficients of the exponential's Taylor polynomial of degree 13: 1 / n!, the highest first.
pub(super) const COEFFICIENTS: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    1.0 / 2.0,
    1.0,
    1.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_agree_with_libm() {
        for i in 0..7_000 {
            let x = -0.1 * f64::from(i) - 1e-3 * f64::from(i % 97);
            let (found, expected) = (exp(x), libm::exp(x));
            assert!((found - expected).abs() <= 1e-12 * expected, "{x}: {found}, not {expected}");
        }
        assert!(exp(-1e300) < 1e-300 && exp(f64::NEG_INFINITY) < 1e-300);
    }

    #[test]
    fn sums_keep_their_scale() {
        let ten = [-800.0; 10];
        assert!((log_sum_exp(&ten) - (10_f64.ln() - 800.0)).abs() < 1e-12);
        assert!(log_sum_exp(&[3.0, f64::NEG_INFINITY, 3.0]) - (3.0 + 2_f64.ln()) < 1e-15);
        assert!((log_sum_exp(&[1e300, 0.0]) - 1e300).abs() < 1.0);
    }
}
