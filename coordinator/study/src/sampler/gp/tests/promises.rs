//! Promises of the Gaussian process: any space, any history.

use proptest::prelude::*;

use super::*;
use crate::sampler::SamplerSpec;
use crate::space::arbitrary::spaces;
use crate::space::{Configurations, Values};

fn sampler(startup_trials: u32) -> SamplerSpec {
    SamplerSpec::Gp(GpOptions { startup_trials })
}

/// What comes of a trial: anything.
fn results() -> impl Strategy<Value = TrialResult> {
    let extremes: &'static [f64] = &[0.0, f64::MAX, f64::MIN, 5e-324, 1e-300, -1e300];
    let value = prop_oneof![
        2 => prop::sample::select(extremes),
        1 => -1.0..1.0,
        1 => -1e9..1e9,
    ];
    prop_oneof![
        6 => value.prop_map(complete),
        1 => Just(TrialResult::Pruned),
        1 => Just(TrialResult::Fail("no reason".into())),
    ]
}

/// Histories: of trials that differ, of trials with one and the same value, of one trial repeated.
fn histories() -> impl Strategy<Value = Vec<(u64, TrialResult)>> {
    let seed = prop_oneof![1 => 0..4_u64, 4 => any::<u64>()];
    let any = prop::collection::vec((seed, results()), 1..30);
    let equal = prop_oneof![3 => Just(None), 1 => results().prop_map(Some)];
    let same = prop_oneof![9 => Just(false), 1 => Just(true)];
    (any, equal, same).prop_map(|(mut trials, equal, same)| {
        for (seed, result) in &mut trials {
            if let Some(equal) = &equal {
                result.clone_from(equal);
            }
            if same {
                *seed = 1;
            }
        }
        trials
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_proposal_is_in_the_space_and_keeps_what_is_fixed(
        space in spaces(),
        history in histories(),
        running in prop::collection::vec(any::<u64>(), 0..5),
        other: u64,
        mask: u8,
        number: u32,
        maximize: bool,
    ) {
        let drawn = |seed: &u64| anywhere(&space, &mut seeded(*seed));
        let direction = if maximize { Direction::Maximize } else { Direction::Minimize };
        let mut archive = Archive::new(&space, direction);
        for (seed, result) in &history {
            archive.add(&space, &finished(&drawn(seed), result));
        }
        let running: Vec<_> = running.iter().map(drawn).collect();
        let mut fixed = drawn(&other);
        for place in (0..fixed.len()).filter(|place| mask >> place & 1 == 0) {
            fixed[place] = None;
        }
        for startup in [0, 1] {
            let pending = running.iter().collect();
            let ask =
                Ask { space: &space, archive: &archive, pending, fixed: &fixed, seed: 5, number };
            let proposal = sampler(startup).propose(&ask, &mut seeded(9));
            // So it is finite, too.
            prop_assert!(space.contains(&proposal), "{proposal:?}");
            for (proposed, fixed) in proposal.iter().zip(&fixed) {
                prop_assert!(fixed.is_none() || proposed == fixed, "{proposal:?}");
            }
            prop_assert_eq!(&proposal, &sampler(startup).propose(&ask, &mut seeded(9)));
            if archive.observations() > 0 {
                let model = Model::of(&archive);
                prop_assert!(model.values.iter().all(|value| value.is_finite()));
                let mut alphas = model.posterior.alphas.iter().flatten();
                prop_assert!(alphas.all(|alpha| alpha.is_finite()));
            }
        }
    }

    /// Fixed values may be such that no configuration has them all.
    #[test]
    fn fixed_values_that_disagree_do_no_harm(
        space in spaces(), history in histories(), others: [u64; 8],
    ) {
        let drawn = |seed: &u64| anywhere(&space, &mut seeded(*seed));
        let trials: Vec<_> =
            history.iter().map(|(seed, result)| (drawn(seed), result.clone())).collect();
        let archive = archive(&space, &trials);
        let fixed: Params =
            (0..space.params().len()).map(|place| drawn(&others[place % 8])[place]).collect();
        let ask =
            Ask { space: &space, archive: &archive, pending: vec![], fixed: &fixed, seed: 5, number: 7 };
        prop_assert!(space.contains(&sampler(0).propose(&ask, &mut seeded(9))));
    }

    #[test]
    fn nothing_is_proposed_twice_while_something_is_untried(
        counts in prop::collection::vec(1..4_i64, 1..4),
        depends: bool,
        steps in any::<u64>(),
        seed: u64,
    ) {
        let parent = || if depends { vec![(0, vec![0])] } else { vec![] };
        let mut params = vec![(choices(2), vec![])];
        params.extend(counts.iter().enumerate().map(|(i, count)| {
            let distribution = match i {
                0 => int(1, *count, 1, true),
                1 => choices(*count),
                _ => float(0.0, *count as f64 - 0.9, FloatScale::Step(0.5)),
            };
            (distribution, parent())
        }));
        let space = space(&params);
        let mut archive = archive(&space, &[]);
        let fixed = space.nothing();
        let all = Configurations::new(&space, &fixed, Values::All).expect("discrete");
        let mut pending: Vec<Params> = Vec::new();
        for number in 0..16 {
            let ask = Ask {
                space: &space,
                archive: &archive,
                pending: pending.iter().collect(),
                fixed: &fixed,
                seed,
                number,
            };
            let is_open = all.untried(0, |params| ask.is_tried(params)).is_some();
            let proposal = sampler(2).propose(&ask, &mut seeded(seed ^ u64::from(number)));
            prop_assert!(!is_open || !ask.is_tried(&proposal), "{number}: {proposal:?}");
            match steps >> (2 * number) & 3 {
                0 => pending.push(proposal),
                1 => archive.add(&space, &finished(&proposal, &TrialResult::Fail("lost".into()))),
                _ => archive.add(&space, &finished(&proposal, &complete(f64::from(number % 5)))),
            }
        }
    }
}

#[test]
fn fixed_numbers_keep_every_digit() {
    let wide = int(0, i64::MAX / 2, 3, false);
    let space = space(&[
        (float(-5.0, 10.0, FloatScale::Linear), vec![]),
        (float(-5.0, 10.0, FloatScale::Linear), vec![]),
        (wide, vec![]),
    ]);
    let mut rng = seeded(31);
    let trials: Vec<_> = (0..12).map(|_| anywhere(&space, &mut rng)).collect();
    let loss = |params: &Params| numbers(params)[1].map_or(0.0, |x| (x - 2.0) * (x - 2.0));
    let trials: Vec<_> =
        trials.into_iter().map(|params| (params.clone(), complete(loss(&params)))).collect();
    let archive = archive(&space, &trials);
    let values = [ParamValue::Float(0.1), ParamValue::Int(3 * ((1 << 60) + 1))];
    let fixed: Params = vec![Some(values[0]), None, Some(values[1])].into();
    for number in 0..8 {
        let pending = vec![];
        let ask = Ask { space: &space, archive: &archive, pending, fixed: &fixed, seed: 5, number };
        let proposal = sampler(10).propose(&ask, &mut seeded(number.into()));
        assert_eq!([proposal[0], proposal[2]], values.map(Some));
    }
}
