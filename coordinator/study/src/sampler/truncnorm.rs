//! The standard normal distribution cut to an interval `[a, b]` with `a ≤ 0 ≤ b`: a kernel's centre always
//! lies in its range. All functions come from `libm`, so that every platform gets the same bits.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The probability that the uncut variable lies in `[a, b]`, for any `a ≤ b`. Accurate in both tails.
pub(super) fn mass(a: f64, b: f64) -> f64 {
    if a > 0.0 { cdf(-a) - cdf(-b) } else { cdf(b) - cdf(a) }
}

/// The value below which a share `u` of the cut distribution lies.
pub(super) fn quantile(u: f64, a: f64, b: f64) -> f64 {
    let (below, above) = (cdf(a), cdf(-b));
    let inside = 1.0 - below - above;
    let left = below + u * inside;
    let x = if left <= 0.5 {
        inverse_cdf(left)
    } else {
        -inverse_cdf((above + (1.0 - u) * inside).min(0.5))
    };
    x.clamp(a, b)
}

/// The same between any two places, also far out in a tail, where it is exact, too.
pub(super) fn quantile_between(u: f64, a: f64, b: f64) -> f64 {
    if a > 0.0 {
        return -quantile_between(1.0 - u, -b, -a);
    }
    let left = cdf(a) + u * mass(a, b);
    let x = if left <= 0.5 { inverse_cdf(left) } else { -inverse_cdf(1.0 - left) };
    x.clamp(a, b)
}

/// The probability that the uncut variable is below `x`.
pub(super) fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The `x ≤ 0` with `cdf(x) = p`, for `p ≤ 0.5`.
///
/// Newton's method on `ln cdf`. That function is concave, so a start left of the root never overshoots it.
/// `cdf(x) ≤ exp(−x²/2) / 2` gives such a start.
pub(super) fn inverse_cdf(p: f64) -> f64 {
    const TINY: f64 = 1e-300;
    if p < TINY {
        return f64::NEG_INFINITY;
    }
    let mut x = -(-2.0 * libm::log(2.0 * p)).max(0.0).sqrt();
    for _ in 0..20 {
        let at = cdf(x);
        let density = libm::exp(-0.5 * x * x) / (2.0 * PI).sqrt();
        let step = libm::log(p / at) * at / density;
        x += step;
        // The remaining error is below the square of this step.
        if step.abs() < 1e-8 {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-13 * b.abs()
    }

    #[test]
    fn the_inverse_agrees_with_scipy() {
        // from scipy.special import ndtri; [ndtri(p) for p in (1e-290, 1e-20, 1e-5, 0.1, 0.4999)]
        let known = [
            (1e-290, -36.420_731_673_207_996),
            (1e-20, -9.262_340_089_798_409),
            (1e-5, -4.264_890_793_922_825),
            (0.1, -1.281_551_565_544_600_4),
            (0.4999, -2.506_628_300_880_075e-4),
        ];
        for (p, x) in known {
            let found = inverse_cdf(p);
            assert!((found - x).abs() < 1e-15 * (1.0 + x.abs()), "{p}: {found} is not {x}");
        }
        assert!(inverse_cdf(0.5).abs() < 1e-15);
    }

    #[test]
    fn mass_is_accurate_in_the_tails() {
        // The first value from continued fractions with 60 digits.
        assert!(close(mass(-30.5, -30.0), 4.906_712_624_210_274e-198));
        assert!(close(mass(30.0, 30.5), mass(-30.5, -30.0)));
        assert!(close(mass(-2.0, 1.0), 0.818_594_614_120_363_7));
    }

    #[test]
    fn quantiles_between_any_places_invert_the_mass() {
        for (a, b) in
            [(-1.0, 1.0), (2.0, 2.5), (30.0, 30.5), (-30.5, -30.0), (-3.0, -1.0), (0.5, 9.0)]
        {
            for u in [0.0, 1e-9, 0.25, 0.5, 0.9, 1.0] {
                let x = quantile_between(u, a, b);
                assert!((a..=b).contains(&x), "{u} of [{a}, {b}]: {x}");
                let share = mass(a, x) / mass(a, b);
                assert!((share - u).abs() < 1e-10, "{u} of [{a}, {b}]: {share}");
            }
        }
        // Where there is no mass left that a number could hold.
        assert!((50.0..=60.0).contains(&quantile_between(0.5, 50.0, 60.0)));
    }

    #[test]
    fn quantiles_cover_the_interval_and_invert_the_mass() {
        for (a, b) in [(-1.0, 1.0), (-100.0, 0.0), (0.0, 100.0), (-0.01, 0.0), (-40.0, 60.0)] {
            assert!((a..=b).contains(&quantile(0.0, a, b)));
            assert!((a..=b).contains(&quantile(1.0, a, b)));
            for u in [1e-16, 1e-9, 0.25, 0.5, 0.9, 0.999_999] {
                let share = mass(a, quantile(u, a, b)) / mass(a, b);
                assert!((share - u).abs() < 1e-13, "{u} of [{a}, {b}]: {share}");
            }
        }
        let nearly = 1.0 - f64::EPSILON;
        assert!(close(mass(quantile(nearly, -1.0, 99.0), 99.0), f64::EPSILON * mass(-1.0, 99.0)));
    }
}
