//! Search spaces for property tests.

use proptest::prelude::*;

use super::{Choice, Condition, Distribution, FloatScale, Numbers, Param, SearchSpace};

/// Any distribution; extreme ones are frequent.
pub(crate) fn distributions() -> impl Strategy<Value = Distribution> {
    let float = (-1e3..1e3, prop_oneof![Just(0.0), Just(1e-300), Just(1e300), 1e-6..1e3]);
    let log = (
        prop_oneof![Just(5e-324), Just(1e300), 1e-6..1.0],
        prop_oneof![Just(1.0), Just(1.0 + f64::EPSILON), Just(1e7), 1.0..1e4],
    );
    let steps = (-10.0..10.0, 0.0..10.0, prop_oneof![Just(0.1), Just(1e-6), 1e-3..4.0]);
    let int = (-20_i64..20, prop_oneof![Just(0), Just(i64::MAX / 2), 0_i64..50], 1_i64..9);
    let log_int = (1_i64..9, prop_oneof![Just(0), Just(i64::MAX - 9), 0_i64..2000]);
    let floats = prop_oneof![
        float.prop_map(|(low, width)| (low, low + width, FloatScale::Linear)),
        log.prop_map(|(low, ratio)| (low, low * ratio, FloatScale::Log)),
        steps.prop_map(|(low, width, step)| (low, low + width, FloatScale::Step(step))),
    ];
    let ints = prop_oneof![
        int.prop_map(|(low, width, step)| (low, low + width, step, false)),
        log_int.prop_map(|(low, width)| (low, low + width, 1, true)),
    ];
    prop_oneof![
        floats.prop_map(|(low, high, scale)| Distribution::Float { low, high, scale }),
        ints.prop_map(|(low, high, step, log)| Distribution::Int { low, high, step, log }),
        (1_i64..5).prop_map(|n| {
            Distribution::Categorical { choices: (0..n).map(Choice::Int).collect() }
        }),
    ]
}

/// Spaces with any distributions.
pub(crate) fn spaces() -> impl Strategy<Value = SearchSpace> {
    spaces_of(distributions())
}

/// Spaces in which about half the parameters depend on up to two others, on some of its choices or in a range of
/// its numbers.
pub(crate) fn spaces_of(
    distributions: impl Strategy<Value = Distribution>,
) -> impl Strategy<Value = SearchSpace> {
    let condition = (any::<prop::sample::Index>(), 1_u8..16, 0.0..=1.0, 0.0..=1.0);
    let param = (distributions, prop::collection::vec(condition, 0..3));
    prop::collection::vec(param, 1..8).prop_map(|drawn| {
        let mut params: Vec<Param> = Vec::new();
        for (distribution, conditions) in drawn {
            let parents = &params;
            let when =
                conditions.iter().filter(|_| !parents.is_empty()).map(|&(parent, mask, a, b)| {
                    let parent = parent.get(parents);
                    if choices(parent).is_empty() {
                        return of_numbers(parent, mask, a, b);
                    }
                    let chosen =
                        choices(parent).iter().enumerate().filter(|(c, _)| mask >> c & 1 == 1);
                    let mut any_of: Vec<_> = chosen.map(|(_, choice)| choice.clone()).collect();
                    if any_of.is_empty() {
                        any_of.push(Choice::Int(0));
                    }
                    Condition::any_of(parent.name.clone(), any_of)
                });
            let when = when.collect();
            params.push(Param { name: params.len().to_string(), distribution, when });
        }
        SearchSpace::new(params).expect("valid")
    })
}

/// A condition on a number: some whole ones, or a range, open or not.
fn of_numbers(parent: &Param, mask: u8, a: f64, b: f64) -> Condition {
    let name = parent.name.as_str();
    let (low, high) = match parent.distribution {
        Distribution::Int { low, high, step, .. } => {
            let last = (high - low) / step;
            let number = |k: i64| Choice::Int(low + k.min(last) * step);
            if mask & 8 == 0 {
                let some = (0..3).filter(|k| mask >> k & 1 == 1).map(|k| number(k * 2));
                return Condition::any_of(name, some.collect::<Vec<_>>());
            }
            (low as f64, (low + last * step) as f64)
        }
        Distribution::Float { low, high, .. } => (low, high),
        Distribution::Categorical { .. } => unreachable!("a number"),
    };
    let place = |share: f64| (low * (1.0 - share) + high * share).clamp(low, high);
    let (at_least, at_most) = match mask & 3 {
        0 => (Some(place(a)), Some(high)),
        1 => (Some(place(a)), None),
        2 => (None, Some(place(a))),
        _ => (Some(place(a.min(b))), Some(place(a.max(b)))),
    };
    let (from, to) = (at_least.unwrap_or(low), at_most.unwrap_or(high));
    if Numbers::between(&parent.distribution, from, to).is_some() {
        Condition::between(name, at_least, at_most)
    } else {
        Condition::between(name, Some(low), None)
    }
}

fn choices(param: &Param) -> &[Choice] {
    match &param.distribution {
        Distribution::Categorical { choices } => choices,
        Distribution::Float { .. } | Distribution::Int { .. } => &[],
    }
}
