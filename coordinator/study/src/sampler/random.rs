//! Independent uniform draws from each active parameter's distribution.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::axis::{Axis, Line};
use crate::space::{Freedom, Numbers, ParamValue, Params, SearchSpace, freedoms, within};

pub(super) fn propose(space: &SearchSpace, fixed: &Params, rng: &mut ChaCha8Rng) -> Params {
    let mut values: Params = vec![None; space.params().len()].into();
    for (place, freedom) in freedoms(space, fixed).iter().enumerate() {
        if space.is_active(place, &values) {
            let axis = Axis::new(&space.params()[place].distribution);
            values[place] = Some(pick(&axis, freedom, || uniform(rng)));
        }
    }
    values
}

/// The value at `at` in `[0, 1)` among those left open. Calls `at` only if there is a choice.
pub(super) fn pick(axis: &Axis, freedom: &Freedom, at: impl FnOnce() -> f64) -> ParamValue {
    let index = |count: usize, at: f64| (at * count as f64) as usize;
    match (freedom, axis) {
        (Freedom::Within(open), Axis::Single(value)) => open.nearest(*value),
        (Freedom::Fixed(value), _) | (_, Axis::Single(value)) => *value,
        (Freedom::Within(open), Axis::Line(line)) => pick_among(line, open, at()),
        (Freedom::Within(open), Axis::Choices(_)) => open.spans()[0].0,
        (Freedom::Among(open), _) => ParamValue::Choice(open[index(open.len(), at())]),
        (Freedom::Any, Axis::Choices(count)) => ParamValue::Choice(index(*count, at())),
        (Freedom::Any, Axis::Line(line)) => line.value(at()),
    }
}

/// The value at `at` in `[0, 1)` along the parts of the line that are open.
fn pick_among(line: &Line, open: &Numbers, at: f64) -> ParamValue {
    let spans = open.spans();
    let stretches: Vec<_> = spans.iter().map(|(low, high)| line.stretch(*low, *high)).collect();
    let mut left = at * stretches.iter().map(|(from, to)| to - from).sum::<f64>();
    for ((from, to), span) in stretches.iter().zip(&spans) {
        if left < to - from {
            return within(line.value(from + left), *span);
        }
        left -= to - from;
    }
    spans[0].0
}

/// A number in `[0, 1)`. Made here, so that no release of `rand` can change a proposal.
pub(super) fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;
    use crate::space::{Choice, Condition, Distribution, FloatScale, Param};

    const DRAWS: u32 = 10_000;

    /// The share of draws that satisfy `hit`.
    fn share(distribution: Distribution, hit: impl Fn(ParamValue) -> bool) -> f64 {
        let param = Param { name: "x".into(), distribution, when: vec![] };
        let space = SearchSpace::new(vec![param]).expect("valid");
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let drawn = (0..DRAWS).filter_map(|_| propose(&space, &vec![None].into(), &mut rng)[0]);
        drawn.filter(|value| hit(*value)).count() as f64 / f64::from(DRAWS)
    }

    fn about(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 4.0 * (expected * (1.0 - expected) / f64::from(DRAWS)).sqrt()
    }

    #[test]
    fn draws_are_uniform_on_their_scale() {
        let float = |low, high, scale| Distribution::Float { low, high, scale };
        let below = |limit: f64| move |value| matches!(value, ParamValue::Float(x) if x < limit);
        assert!(about(share(float(-1.0, 3.0, FloatScale::Linear), below(0.0)), 0.25));
        assert!(about(share(float(1e-4, 1.0, FloatScale::Log), below(1e-3)), 0.25));
        assert!(about(share(float(0.0, 2.0, FloatScale::Step(0.5)), below(0.25)), 0.2));

        let is = |goal| move |value| value == goal;
        let ints = Distribution::Int { low: 2, high: 11, step: 3, log: false };
        assert!(about(share(ints, is(ParamValue::Int(11))), 0.25));
        let log_ints = Distribution::Int { low: 1, high: 16, step: 1, log: true };
        let two = (2.5_f64 / 1.5).ln() / (16.5_f64 / 0.5).ln();
        assert!(about(share(log_ints, is(ParamValue::Int(2))), two));
        let choices = (0..4).map(Choice::Int).collect();
        let choices = Distribution::Categorical { choices };
        assert!(about(share(choices, is(ParamValue::Choice(3))), 0.25));
    }

    #[test]
    fn a_parent_is_uniform_among_what_its_fixed_child_allows() {
        let choices = (0..4).map(Choice::Int).collect();
        let parent = Distribution::Categorical { choices };
        let child = Distribution::Int { low: 0, high: 9, step: 1, log: false };
        let when = Condition::any_of("m", [Choice::Int(3), Choice::Int(1)]);
        let space = SearchSpace::new(vec![
            Param { name: "m".into(), distribution: parent, when: vec![] },
            Param { name: "k".into(), distribution: child, when: vec![when] },
        ])
        .expect("valid");
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let fixed: Params = vec![None, Some(ParamValue::Int(5))].into();
        let mut seen = [0; 4];
        for _ in 0..DRAWS {
            let proposal = propose(&space, &fixed, &mut rng);
            assert_eq!(proposal[1], fixed[1]);
            if let Some(ParamValue::Choice(c)) = proposal[0] {
                seen[c] += 1;
            }
        }
        assert_eq!([seen[0], seen[2]], [0, 0]);
        assert!(about(f64::from(seen[1]) / f64::from(DRAWS), 0.5));
    }

    #[test]
    fn a_parent_is_uniform_among_the_numbers_that_its_fixed_child_allows() {
        let parent = Distribution::Int { low: 1, high: 1 << 60, step: 1, log: false };
        let few = Distribution::Int { low: 1, high: 12, step: 1, log: false };
        let child = Distribution::Int { low: 0, high: 9, step: 1, log: false };
        let [some, wide] = [
            Condition::any_of("few", [2, 9, 10, 11].map(Choice::Int)),
            Condition::between("wide", Some(1000.0), Some(1004.0)),
        ];
        let space = SearchSpace::new(vec![
            Param { name: "few".into(), distribution: few, when: vec![] },
            Param { name: "wide".into(), distribution: parent, when: vec![] },
            Param { name: "k".into(), distribution: child, when: vec![some, wide] },
        ])
        .expect("valid");
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let fixed: Params = vec![None, None, Some(ParamValue::Int(5))].into();
        let mut seen = [0; 13];
        for _ in 0..DRAWS {
            let proposal = propose(&space, &fixed, &mut rng);
            assert!(space.contains(&proposal) && proposal[2] == fixed[2], "{proposal:?}");
            if let Some(ParamValue::Int(x)) = proposal[0] {
                seen[x as usize] += 1;
            }
        }
        assert_eq!(seen.iter().filter(|count| **count > 0).count(), 4);
        for x in [2, 9, 10, 11] {
            assert!(about(f64::from(seen[x]) / f64::from(DRAWS), 0.25), "{seen:?}");
        }
    }
}
