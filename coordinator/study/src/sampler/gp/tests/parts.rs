//! The search for minima, expected improvement at its extremes, the warp's order.

use proptest::prelude::*;

use super::lbfgs::Lbfgs;
use super::log_ei::log_expected_improvement;
use super::warp::{POWERS, Warp};

/// Value and gradient.
type Function<'a> = &'a dyn Fn(&[f64]) -> (f64, Vec<f64>);

/// Where a search in a box ends, after so many evaluations at most.
fn minimum(
    function: Function<'_>,
    low: &[f64],
    high: &[f64],
    start: &[f64],
    most: usize,
) -> Vec<f64> {
    let (value, gradient) = function(start);
    let bounds = [low.to_vec(), high.to_vec()];
    let mut search = Lbfgs::new(bounds, start.to_vec(), value, gradient, 0.5);
    let mut best = value;
    for _ in 0..most {
        if search.is_done() {
            break;
        }
        let at = search.next();
        let inside = at.iter().zip(low.iter().zip(high)).all(|(x, (l, h))| l <= x && x <= h);
        assert!(inside, "{at:?} is outside the box");
        let (value, gradient) = function(&at);
        search.tell(at, value, gradient);
        assert!(search.value() <= best, "it got worse");
        best = search.value();
    }
    assert!(search.is_done(), "not done after {most} evaluations");
    assert!((function(search.best()).0 - search.value()).abs() < 1e-15);
    search.best().to_vec()
}

fn rosenbrock(x: &[f64]) -> (f64, Vec<f64>) {
    let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
    (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b])
}

fn assert_at(found: &[f64], known: &[f64], error: f64) {
    let off = found.iter().zip(known).any(|(found, known)| (found - known).abs() > error);
    assert!(!off, "{found:?}, not {known:?}");
}

#[test]
fn the_search_follows_a_curved_valley_to_its_end() {
    let found = minimum(&rosenbrock, &[-2.0; 2], &[2.0; 2], &[-1.2, 1.0], 80);
    assert_at(&found, &[1.0, 1.0], 1e-3);
}

#[test]
fn the_search_stays_in_its_box() {
    // Without the bound it would go on to (1, 1).
    let found = minimum(&rosenbrock, &[-2.0; 2], &[0.5, 2.0], &[-1.2, 1.0], 80);
    assert_at(&found, &[0.5, 0.25], 1e-4);
    // A variable that cannot move stays.
    let found = minimum(&rosenbrock, &[-2.0, 0.49], &[2.0, 0.49], &[0.1, 0.49], 80);
    assert_at(&found, &[0.70120, 0.49], 1e-3);
}

proptest! {
    /// `½ Σ (i + 1) (x_i − g_i)² + ½ (Σ x_i)²`, whose minimum is often on the bounds.
    #[test]
    fn the_search_ends_where_no_way_leads_down(
        goals in prop::collection::vec(-3.0..3.0, 1..9),
        start in 0.0..1.0,
    ) {
        let quadratic = |x: &[f64]| {
            let sum: f64 = x.iter().sum();
            let off: Vec<_> = x.iter().zip(&goals).map(|(x, goal)| x - goal).collect();
            let squares = off.iter().enumerate().map(|(i, off)| (i + 1) as f64 * off * off);
            let slopes = off.iter().enumerate().map(|(i, off)| (i + 1) as f64 * off + sum);
            (0.5 * (squares.sum::<f64>() + sum * sum), slopes.collect())
        };
        let n = goals.len();
        let found = minimum(&quadratic, &vec![0.0; n], &vec![1.0; n], &vec![start; n], 200);
        for (x, slope) in found.iter().zip(quadratic(&found).1) {
            // By the conditions of Karush, Kuhn and Tucker.
            prop_assert!(slope > -1e-3 || *x >= 1.0, "{found:?}: {slope} at {x}");
            prop_assert!(slope < 1e-3 || *x <= 0.0, "{found:?}: {slope} at {x}");
        }
    }
}

#[test]
fn a_function_without_a_value_ends_the_search() {
    let search = Lbfgs::new([vec![0.0], vec![1.0]], vec![0.5], f64::NAN, vec![0.0], 1.0);
    assert!(search.is_done());
    let mut search = Lbfgs::new([vec![0.0], vec![1.0]], vec![0.5], 1.0, vec![1.0], 1.0);
    for _ in 0..50 {
        search.tell(search.next(), f64::NAN, vec![f64::NAN]);
    }
    assert!(search.is_done() && search.best() == [0.5]);
}

#[test]
fn a_better_mean_is_more_promising_however_far_away() {
    let far = (0..1500).map(|i| -1e10 * libm::exp(-0.03 * f64::from(i)));
    let near = (-5000..5000).map(|i| f64::from(i) / 100.0);
    let beyond = [1e2, 1e4, 1e8, 1e10];
    let mut zs: Vec<_> = far.chain(near).chain(beyond).collect();
    zs.sort_by(f64::total_cmp);
    for deviation in [1e-7, 1.0, 1e3] {
        let mut last = f64::NEG_INFINITY;
        for z in &zs {
            let found = log_expected_improvement(z * deviation, 0.0, deviation);
            let slopes = [found.by_mean, found.by_deviation];
            assert!(found.value.is_finite() && slopes.iter().all(|s| s.is_finite()), "{found:?}");
            assert!(found.value >= last, "{z}: {found:?} after {last}");
            assert!(found.by_mean < 0.0 && found.by_deviation > -1e-9 / deviation, "{found:?}");
            last = found.value;
        }
    }
    // Continuous where one formula takes over from the other.
    let [below, above] =
        [-4.0 - 1e-12, -4.0 + 1e-12].map(|z| log_expected_improvement(z, 0.0, 1.0));
    assert!((below.value - above.value).abs() < 1e-11);
    assert!((below.by_mean - above.by_mean).abs() < 1e-10);
}

#[test]
fn better_losses_stay_better() {
    for losses in [vec![3.0, 1.0, 4.0, 1.5, 9.0, 2.6], vec![-1e6, 0.0, 2.0, 1e6], vec![0.5; 4]] {
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let mut sorted = losses.clone();
        sorted.sort_by(f64::total_cmp);
        let scale = if sorted[0] < sorted[2] { sorted[losses.len() / 2] - least } else { 1.0 };
        for power in POWERS {
            let warp = Warp::new(&losses, power);
            // From one scale below all that it was made for to far above.
            let mut before = f64::NEG_INFINITY;
            for i in -100..2000 {
                let value = warp.apply(least + scale * f64::from(i) / 100.0);
                assert!(value > before, "{losses:?}, power {power}, {i}");
                before = value;
            }
            // A miracle counts no more than that.
            let miracle = warp.apply(least - 1e9 * scale);
            assert!(miracle >= warp.apply(least - scale) - 1e-9, "{miracle}");
            // On the tangent, the slope is the same on both sides.
            let slope = |from: f64| {
                let step = 1e-6 * scale;
                (warp.apply(from + step) - warp.apply(from)) / step
            };
            let (below, above) = (slope(least - 1e-5 * scale), slope(least));
            assert!((below / above - 1.0).abs() < 1e-3, "{below} {above}");
            // And it is the slope that likelihoods allow for.
            let ratio = libm::log(above * scale) - warp.log_stretch(least);
            let higher = least + 2.0 * scale;
            let there = libm::log(slope(higher) * scale) - warp.log_stretch(higher);
            assert!((ratio - there).abs() < 1e-3, "{ratio} {there}");
        }
    }
}

#[test]
fn values_have_mean_0_and_deviation_1() {
    let losses = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6];
    for power in POWERS {
        let warp = Warp::new(&losses, power);
        let values = losses.map(|loss| warp.apply(loss));
        let mean = values.iter().sum::<f64>() / 6.0;
        let square = values.iter().map(|v| v * v).sum::<f64>() / 6.0;
        assert!(mean.abs() < 1e-12 && (square - 1.0).abs() < 1e-12, "{mean} {square}");
    }
}
