//! Compares with `SciPy`'s own numbers, and checks general properties.

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::*;

/// A sample and the known results for it; see `ask_scipy.py`.
#[derive(Debug, Serialize, Deserialize)]
struct Case {
    name: String,
    sample: Vec<f64>,
    #[serde(flatten)]
    known: Option<Known>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    mean: f64,
    sd: f64,
    low: f64,
    high: f64,
    p_t: f64,
    p_wilcoxon: f64,
}

impl Case {
    fn check(&self) {
        let known = self.known.as_ref().expect("an answer");
        let (low, high) = interval(&self.sample).expect("an interval");
        let found = [
            mean(&self.sample).expect("a mean"),
            sd(&self.sample).expect("a deviation"),
            low,
            high,
            paired_t(&self.sample).expect("a probability"),
            wilcoxon(&self.sample).expect("a probability"),
        ];
        let Known { mean, sd, low, high, p_t, p_wilcoxon } = *known;
        for (found, known) in found.into_iter().zip([mean, sd, low, high, p_t, p_wilcoxon]) {
            let is_close = (found - known).abs() <= 1e-12 + 1e-10 * known.abs();
            assert!(is_close, "{found}, not {known}: {self:?}");
        }
    }
}

#[test]
fn numbers_are_those_that_scipy_gave() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json")).expect("cases");
    cases.iter().for_each(Case::check);
}

#[test]
fn numbers_are_those_that_scipy_gives() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let cases: Vec<_> = (0..300).map(|number| random_case(number, &mut rng)).collect();
    let Some(answers) = crate::peer::ask::<Vec<Case>>("stats/ask_scipy.py", &cases) else { return };
    assert_eq!(answers.len(), cases.len());
    answers.iter().for_each(Case::check);
}

/// 2 to 60 differences: real numbers, or multiples of 1/5,000 as between two accuracies.
fn random_case(number: usize, rng: &mut ChaCha8Rng) -> Case {
    let spread = rng.random_range(2..30);
    let shift = rng.random_range(-10..10);
    let difference = |rng: &mut ChaCha8Rng| match number % 3 {
        0 => rng.random_range(-1.0..1.2),
        1 => f64::from(rng.random_range(-spread..=spread) + shift),
        _ => f64::from(rng.random_range(-spread..=spread) + shift) / 5000.0,
    };
    let count = rng.random_range(2..=60);
    let mut sample: Vec<_> = (0..count).map(|_| difference(rng)).collect();
    // Without a spread there is no p-value.
    sample[0] += 1.0;
    Case { name: format!("no. {number}"), sample, known: None }
}

#[test]
fn a_sample_that_tells_nothing_says_so() {
    assert_eq!((mean(&[]), sd(&[1.0]), interval(&[1.0])), (None, None, None));
    assert_eq!((paired_t(&[1.0]), wilcoxon(&[1.0])), (None, None));
    assert_eq!((paired_t(&[0.0; 9]), wilcoxon(&[0.0; 9])), (Some(1.0), Some(1.0)));
    // The same difference nine times, exactly and with rounding errors.
    assert_eq!(paired_t(&[0.25; 9]), None);
    assert_eq!(paired_t(&[0.1, 0.3 - 0.2, 0.1]), None);
    // Nine equal signs are significant: 2 of 512 possible outcomes.
    assert_eq!(wilcoxon(&[0.25; 9]), Some(2.0 / 512.0));
    assert_eq!(interval(&[0.25; 9]), Some((0.25, 0.25)));
}

#[test]
fn holm_multiplies_by_what_is_left_and_never_falls() {
    let p = [Some(0.04), None, Some(0.01), Some(0.03), Some(0.02)];
    let known = [Some(0.06), None, Some(0.04), Some(0.06), Some(0.06)];
    for (found, known) in holm(&p).into_iter().zip(known) {
        assert!(found == known || (found.unwrap() - known.unwrap()).abs() < 1e-15);
    }
    assert_eq!(holm(&[Some(0.7), Some(0.6)]), [Some(1.0), Some(1.0)]);
    assert_eq!(holm(&[]), []);
}

proptest! {
    #[test]
    fn probabilities_are_probabilities(sample in prop::collection::vec(-9i8..9, 2..60)) {
        let sample: Vec<_> = sample.into_iter().map(f64::from).collect();
        let mirrored: Vec<_> = sample.iter().map(|x| -x).collect();
        for test in [paired_t, wilcoxon] {
            let p = test(&sample);
            prop_assert!(p.is_none_or(|p| (0.0..=1.0).contains(&p)), "{p:?}");
            let other = test(&mirrored);
            let is_same = p.zip(other).map_or(p == other, |(p, q)| (p - q).abs() < 1e-12);
            prop_assert!(is_same, "{p:?} and {other:?} of the mirrored");
        }
    }

    #[test]
    fn holm_keeps_the_order_and_only_raises(p in prop::collection::vec(0.0..=1.0, 0..40)) {
        let wrapped: Vec<_> = p.iter().copied().map(Some).collect();
        let adjusted: Vec<_> = holm(&wrapped).into_iter().flatten().collect();
        prop_assert_eq!(adjusted.len(), p.len());
        for (a, x) in adjusted.iter().zip(&p) {
            prop_assert!(x <= a && *a <= 1.0);
            for (b, y) in adjusted.iter().zip(&p) {
                prop_assert!(x > y || a <= b, "{x} ≤ {y} but {a} > {b}");
            }
        }
    }
}
