//! What every sampler promises, and that the clever one earns its keep.

use std::collections::VecDeque;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::Direction;
use crate::space::{Choice, Condition, Distribution, FloatScale, Param, ParamValue};
use crate::trial::{Attributes, Outcome, Phase, Proposal, Result, Trial};

fn propose(sampler: &SamplerSpec, past: &Past, fixed: &Params, seed: u64) -> Params {
    let ask = Ask {
        space: &past.space,
        archive: &past.archive(),
        pending: past.pending.iter().collect(),
        fixed,
    };
    sampler.propose(&ask, &mut ChaCha8Rng::seed_from_u64(seed))
}

fn tpe() -> SamplerSpec {
    SamplerSpec::Tpe(TpeOptions::default())
}

fn nothing(space: &SearchSpace) -> Params {
    vec![None; space.params().len()].into()
}

/// Any distribution, the odd ones often.
fn distributions() -> impl Strategy<Value = Distribution> {
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

/// Spaces in which about half the parameters depend on up to two others.
fn spaces() -> impl Strategy<Value = SearchSpace> {
    let condition = (any::<prop::sample::Index>(), 1_u8..16);
    let param = (distributions(), prop::collection::vec(condition, 0..3));
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

/// A trial's parameters: drawn at random, or with the numbers at the ends of their ranges.
#[derive(Debug, Clone)]
struct Draw {
    seed: u64,
    extreme: bool,
}

impl Draw {
    fn params(&self, space: &SearchSpace) -> Params {
        let extremes = space.params().iter().enumerate().map(|(place, param)| {
            let up = self.seed >> place & 1 == 1;
            match &param.distribution {
                Distribution::Float { low, high, .. } => {
                    Some(ParamValue::Float(if up { *high } else { *low }))
                }
                Distribution::Int { low, high, .. } => {
                    Some(ParamValue::Int(if up { *high } else { *low }))
                }
                Distribution::Categorical { .. } => None,
            }
        });
        let fixed = if self.extreme { extremes.collect() } else { nothing(space) };
        random::propose(space, &fixed, &mut ChaCha8Rng::seed_from_u64(self.seed))
    }
}

fn draws() -> impl Strategy<Value = Draw> {
    // Few seeds, so that trials repeat.
    let seed = prop_oneof![0..4_u64, any::<u64>()];
    (seed, any::<bool>()).prop_map(|(seed, extreme)| Draw { seed, extreme })
}

#[derive(Debug, Clone)]
struct Past {
    space: SearchSpace,
    direction: Direction,
    finished: Vec<(Params, Result)>,
    pending: Vec<Params>,
}

impl Past {
    fn archive(&self) -> Archive {
        let mut archive = Archive::new(&self.space, self.direction);
        for (params, result) in &self.finished {
            archive.add(&self.space, &finished(params, result));
        }
        archive
    }
}

/// A trial that finished; a pruned one got to step 3, at the value 0.5.
pub(super) fn finished(params: &Params, result: &Result) -> Trial {
    let proposal = Proposal { params: params.clone(), saw_finished: 0, saw_pending: vec![] };
    let outcome = Outcome { result: result.clone(), attributes: Attributes::new() };
    let mut trial = Trial::waiting(vec![None; params.len()].into());
    trial.proposal = Some(proposal);
    trial.curve = vec![(3, 0.5)];
    trial.phase = Phase::Finished(outcome);
    trial
}

fn pasts() -> impl Strategy<Value = Past> {
    let value = prop_oneof![Just(0.0), Just(-0.0), Just(f64::MAX), Just(f64::MIN), -1.0..1.0];
    let result = prop_oneof![
        4 => value.prop_map(Result::Complete),
        1 => Just(Result::Pruned),
        1 => Just(Result::Fail("no reason".into())),
    ];
    let finished = prop::collection::vec((draws(), result), 0..200);
    let pending = prop::collection::vec(draws(), 0..10);
    let direction = prop_oneof![Just(Direction::Maximize), Just(Direction::Minimize)];
    (spaces(), direction, finished, pending).prop_map(|(space, direction, finished, pending)| {
        let of = |(draw, result): (Draw, Result)| (draw.params(&space), result);
        let finished = finished.into_iter().map(of).collect();
        let pending = pending.iter().map(|draw| draw.params(&space)).collect();
        Past { space, direction, finished, pending }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_proposal_is_in_the_space_and_keeps_what_is_fixed(
        past in pasts(), other in draws(), mask: u8, seed: u64,
    ) {
        let mut fixed = other.params(&past.space);
        for place in (0..fixed.len()).filter(|place| mask >> place & 1 == 0) {
            fixed[place] = None;
        }
        for sampler in [tpe(), SamplerSpec::Random] {
            let proposal = propose(&sampler, &past, &fixed, seed);
            prop_assert!(past.space.contains(&proposal), "{proposal:?}");
            for (proposed, fixed) in proposal.iter().zip(&fixed) {
                prop_assert!(fixed.is_none() || proposed == fixed, "{proposal:?}");
            }
            prop_assert_eq!(&proposal, &propose(&sampler, &past, &fixed, seed));
        }
    }

    #[test]
    fn fixed_values_that_disagree_do_no_harm(past in pasts(), others: [u64; 8], seed: u64) {
        let mut fixed = nothing(&past.space);
        for (place, seed) in others.into_iter().enumerate().take(fixed.len()) {
            fixed[place] = Draw { seed, extreme: true }.params(&past.space)[place];
        }
        for sampler in [tpe(), SamplerSpec::Random] {
            let proposal = propose(&sampler, &past, &fixed, seed);
            prop_assert!(past.space.contains(&proposal), "{proposal:?}");
        }
    }
}

/// A valley in two parameters, and a third that only one of two methods has: the better one, if
/// its parameter is right.
fn valley() -> SearchSpace {
    let float = |name: &str, when| {
        let distribution = Distribution::Float { low: -5.0, high: 5.0, scale: FloatScale::Linear };
        Param { name: name.into(), distribution, when }
    };
    let choices = ["tuned", "plain"].map(|c| Choice::Text(c.into())).into();
    let tuned = Condition { parent: "method".into(), any_of: vec![Choice::Text("tuned".into())] };
    SearchSpace::new(vec![
        float("x", vec![]),
        float("y", vec![]),
        Param {
            name: "method".into(),
            distribution: Distribution::Categorical { choices },
            when: vec![],
        },
        float("z", vec![tuned]),
    ])
    .expect("valid")
}

fn depth(params: &Params) -> f64 {
    let square_to = |place: usize, goal: f64| match params[place] {
        Some(ParamValue::Float(x)) => (x - goal) * (x - goal),
        _ => 8.0,
    };
    square_to(0, 2.0) + square_to(1, -1.0) + square_to(3, 3.0)
}

/// The best value after 60 trials, four of them running at any time; the median of 15 studies.
fn median_depth(sampler: &SamplerSpec) -> f64 {
    const PARALLEL: usize = 4;
    let space = valley();
    let study = |seed: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut archive = Archive::new(&space, Direction::Minimize);
        let (mut running, mut best) = (VecDeque::<Params>::new(), f64::INFINITY);
        for _ in 0..60 {
            if running.len() == PARALLEL {
                let params = running.pop_front().expect("four");
                let value = depth(&params);
                best = best.min(value);
                archive.add(&space, &finished(&params, &Result::Complete(value)));
            }
            let ask = Ask {
                space: &space,
                archive: &archive,
                pending: running.iter().collect(),
                fixed: &nothing(&space),
            };
            running.push_back(sampler.propose(&ask, &mut rng));
        }
        best
    };
    let mut depths: Vec<_> = (0..15).map(study).collect();
    depths.sort_by(f64::total_cmp);
    depths[7]
}

#[test]
fn tpe_beats_random_search() {
    let (tpe, random) = (median_depth(&tpe()), median_depth(&SamplerSpec::Random));
    assert!(tpe < 0.5 * random, "TPE reaches {tpe}, random search {random}");
}

#[test]
fn candidates_come_from_the_good_density() {
    let float = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
    let param = Param { name: "x".into(), distribution: float, when: vec![] };
    let space = SearchSpace::new(vec![param]).expect("valid");
    let at = |x: f64| -> Params { vec![Some(ParamValue::Float(x))].into() };
    let past = Past {
        space,
        direction: Direction::Maximize,
        finished: (0..100)
            .map(|i| (at(f64::from(i) / 100.0), Result::Complete(f64::from(i))))
            .collect(),
        pending: vec![at(0.0)],
    };
    let first = SamplerSpec::Tpe(TpeOptions { candidates: 1, ..TpeOptions::default() });
    let is_good = |seed| match propose(&first, &past, &nothing(&past.space), seed)[0] {
        Some(ParamValue::Float(x)) => x > 0.8,
        _ => false,
    };
    assert!((0..100).filter(|seed| is_good(*seed)).count() > 70);
}

#[test]
fn trials_that_do_not_fit_the_space_are_left_out() {
    let space = valley();
    let misfits: [Params; 5] = [
        vec![].into(),
        vec![None; 9].into(),
        vec![Some(ParamValue::Choice(7)); 4].into(),
        vec![Some(ParamValue::Float(f64::NAN)), Some(ParamValue::Float(1.0)), None, None].into(),
        vec![None, Some(ParamValue::Float(1.0)), Some(ParamValue::Choice(0)), None].into(),
    ];
    let all = misfits.iter().cycle().take(50).cloned();
    let past = Past {
        finished: all.map(|params| (params, Result::Complete(0.0))).collect(),
        pending: vec![],
        direction: Direction::Minimize,
        space,
    };
    for seed in 0..20 {
        let proposal = propose(&tpe(), &past, &nothing(&past.space), seed);
        assert!(past.space.contains(&proposal), "{proposal:?}");
    }
}

#[test]
fn tpe_learns_from_the_tenth_trial_on() {
    let space = valley();
    let past = |finished: u64| Past {
        finished: (0..finished)
            .map(|seed| Draw { seed, extreme: false }.params(&space))
            .map(|params| (params.clone(), Result::Complete(depth(&params))))
            .collect(),
        space: space.clone(),
        direction: Direction::Minimize,
        pending: vec![],
    };
    let ask = |past: &Past, startup_trials| {
        let options = TpeOptions { startup_trials, ..TpeOptions::default() };
        propose(&SamplerSpec::Tpe(options), past, &nothing(&space), 1)
    };
    assert_eq!(ask(&past(9), 10), ask(&past(9), 99));
    assert_ne!(ask(&past(10), 10), ask(&past(10), 99));
}

#[test]
fn startup_trials_use_each_choice_as_often_as_any_other() {
    let choices = |n| Distribution::Categorical { choices: (0..n).map(Choice::Int).collect() };
    let param = |name: &str, n| Param { name: name.into(), distribution: choices(n), when: vec![] };
    let space = SearchSpace::new(vec![param("a", 7), param("b", 2)]).expect("valid");
    let mut past =
        Past { space, direction: Direction::Maximize, finished: vec![], pending: vec![] };
    let mut uses = [vec![0; 7], vec![0; 2]];
    for trial in 0..40 {
        let options = TpeOptions { startup_trials: 40, ..TpeOptions::default() };
        let params = propose(&SamplerSpec::Tpe(options), &past, &nothing(&past.space), 100 + trial);
        for (uses, value) in uses.iter_mut().zip(&params) {
            let Some(ParamValue::Choice(c)) = value else { panic!("a choice") };
            uses[*c] += 1;
            let (least, most) = (uses.iter().min(), uses.iter().max());
            assert!(most <= least.map(|n| n + 1).as_ref(), "{uses:?}");
        }
        // Whether they run, fail or complete: they count.
        match trial % 3 {
            0 => past.pending.push(params),
            _ => past.finished.push((params, Result::Complete(0.0))),
        }
    }
}
