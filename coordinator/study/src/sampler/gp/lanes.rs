//! Arithmetic on several numbers at once. All of it is elementwise, so the compiler may use whatever vector registers
//! there are, and every platform still gets the same bits.

use crate::sampler::exponential::{COEFFICIENTS, exp_by};

/// How many numbers at once.
pub(super) const WIDTH: usize = 8;

/// One number per lane.
pub(super) type Lanes = [f64; WIDTH];

/// 0 in every lane.
pub(super) const ZERO: Lanes = [0.0; WIDTH];

/// Defines a function that runs with the widest vector registers that this processor has. What it calls must be
/// inlined. The bits are the same with any registers: sums keep their order, and products are never fused with them.
macro_rules! fast {
    ($(#[$about:meta])* fn $name:ident<'a>($($argument:ident: $type:ty),* $(,)?) -> $output:ty $body:block) => {
        $(#[$about])*
        fn $name<'a>($($argument: $type),*) -> $output {
            struct Work<'a> { $($argument: $type),* }
            impl<'a> pulp::NullaryFnOnce for Work<'a> {
                type Output = $output;
                #[inline(always)]
                fn call(self) -> $output {
                    let Self { $($argument),* } = self;
                    $body
                }
            }
            pulp::Arch::new().dispatch(Work { $($argument),* })
        }
    };
}
pub(super) use fast;

/// `f` of each lane.
#[inline(always)]
pub(super) fn map(lanes: &Lanes, f: impl Fn(f64) -> f64) -> Lanes {
    std::array::from_fn(|lane| f(lanes[lane]))
}

/// Multiplies each lane of `a` by that of `b`.
#[inline(always)]
pub(super) fn multiply(a: &mut Lanes, b: &Lanes) {
    for (a, b) in a.iter_mut().zip(b) {
        *a *= b;
    }
}

/// The products, lane by lane.
#[inline(always)]
pub(super) fn product(a: &Lanes, b: &Lanes) -> Lanes {
    std::array::from_fn(|lane| a[lane] * b[lane])
}

/// Adds `factor` times `b` to `a`.
#[inline(always)]
pub(super) fn add(a: &mut Lanes, factor: f64, b: &Lanes) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += factor * b;
    }
}

/// The sum of all lanes, always in the same order.
pub(super) fn sum(lanes: &Lanes) -> f64 {
    lanes.iter().sum()
}

/// `exp(x)` for `x ≤ 0`, to the last bit or two. Far out it returns about 1e-307 instead of 0.
///
/// As `exponential::exp`, it has no branches or calls. Posteriors need more digits than sums of densities do, so
/// the Taylor polynomial has degree 13.
#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
    exp_by(x, &COEFFICIENTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_agree_with_libm() {
        for i in 0..7_000 {
            let x = -0.1 * f64::from(i) - 1e-3 * f64::from(i % 97);
            let (found, expected) = (exp(x), libm::exp(x));
            assert!((found - expected).abs() <= 1e-15 * expected, "{x}: {found}, not {expected}");
        }
        assert!((exp(0.0) - 1.0).abs() < 1e-16);
        assert!(exp(-1e300) < 1e-300 && exp(f64::NEG_INFINITY) < 1e-300);
    }
}
