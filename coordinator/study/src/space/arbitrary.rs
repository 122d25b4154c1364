//! Search spaces for property tests.

use proptest::prelude::*;

use super::{Choice, Condition, Distribution, FloatScale, Param, SearchSpace};

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

/// Spaces in which about half the parameters depend on up to two others.
pub(crate) fn spaces_of(
    distributions: impl Strategy<Value = Distribution>,
) -> impl Strategy<Value = SearchSpace> {
    let condition = (any::<prop::sample::Index>(), 1_u8..16);
    let param = (distributions, prop::collection::vec(condition, 0..3));
    prop::collection::vec(param, 1..8).prop_map(|drawn| {
        let mut params: Vec<Param> = Vec::new();
        for (distribution, conditions) in drawn {
            let parents: Vec<_> = params.iter().filter(|p| !choices(p).is_empty()).collect();
            let when = conditions.iter().filter(|_| !parents.is_empty()).map(|(parent, mask)| {
                let parent = parent.get(&parents);
                let chosen = choices(parent).iter().enumerate().filter(|(c, _)| mask >> c & 1 == 1);
                let mut any_of: Vec<_> = chosen.map(|(_, choice)| choice.clone()).collect();
                if any_of.is_empty() {
                    any_of.push(Choice::Int(0));
                }
                Condition { parent: parent.name.clone(), any_of }
            });
            let when = when.collect();
            params.push(Param { name: params.len().to_string(), distribution, when });
        }
        SearchSpace::new(params).expect("valid")
    })
}

fn choices(param: &Param) -> &[Choice] {
    match &param.distribution {
        Distribution::Categorical { choices } => choices,
        Distribution::Float { .. } | Distribution::Int { .. } => &[],
    }
}
