//! Promises of all samplers, and a check that TPE beats random search.

use std::collections::VecDeque;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::ids::{TrialId, TrialNumber};
use crate::seed::proposal_rng;
use crate::space::arbitrary::spaces;
use crate::space::{Choice, Condition, Distribution, FloatScale, Param, ParamValue};
use crate::trial::{Attributes, Outcome, Phase, Proposal, Trial, TrialResult};
use crate::values::{Directions, Values};
use crate::{Direction, front};

fn propose(sampler: &SamplerSpec, past: &Past, fixed: &Params, seed: u64) -> Params {
    let ask = Ask {
        space: &past.space,
        archive: &past.archive(),
        pending: past.pending.iter().collect(),
        fixed,
        seed,
        number: past.finished.len() as u32,
    };
    sampler.propose(&ask, &mut ChaCha8Rng::seed_from_u64(seed))
}

fn tpe() -> SamplerSpec {
    SamplerSpec::Tpe(TpeOptions::default())
}

fn gp(startup_trials: u32) -> SamplerSpec {
    SamplerSpec::Gp(GpOptions { startup_trials })
}

fn samplers() -> [SamplerSpec; 9] {
    let grid = SamplerSpec::Grid(GridOptions::default());
    let cmaes = SamplerSpec::Cmaes(CmaesOptions::default());
    let auto = SamplerSpec::Auto {};
    let nsga2 = SamplerSpec::Nsga2(Nsga2Options { population: 4, ..Nsga2Options::default() });
    let nsga3 = SamplerSpec::Nsga3(Nsga3Options { population: 4, ..Nsga3Options::default() });
    let (random, sobol) = (SamplerSpec::Random {}, SamplerSpec::Sobol {});
    [auto, gp(2), tpe(), cmaes, nsga2, nsga3, random, sobol, grid]
}

fn nothing(space: &SearchSpace) -> Params {
    vec![None; space.params().len()].into()
}

/// A trial's parameters: drawn at random, or with numbers at the ends of their ranges.
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

/// How many, if there are any.
const CONSTRAINTS: usize = 2;

#[derive(Debug, Clone)]
struct Past {
    space: SearchSpace,
    directions: Directions,
    finished: Vec<(Params, TrialResult)>,
    pending: Vec<Params>,
    /// What trials say of their constraints, in turns; without any, there are no constraints.
    told: Vec<Vec<f64>>,
}

impl Past {
    /// As much of it as a test has time for. In a build that is not optimised, a Gaussian process takes seconds to learn
    /// from hundreds of trials.
    fn for_sampler(&self, sampler: &SamplerSpec) -> Self {
        let mut past = self.clone();
        if matches!(sampler, SamplerSpec::Auto {} | SamplerSpec::Gp(_)) {
            past.finished.truncate(24);
        }
        past
    }

    fn archive(&self) -> Archive {
        let constraints = if self.told.is_empty() { 0 } else { CONSTRAINTS };
        let goal = Goal::from(self.directions.clone()).with_constraints(constraints);
        let mut archive = Archive::new(&self.space, goal);
        for (place, (params, result)) in self.finished.iter().enumerate() {
            let mut trial = finished(params, result);
            if let (Phase::Finished(outcome), false) = (&mut trial.phase, self.told.is_empty()) {
                outcome.constraints = self.told[place % self.told.len()].clone().into();
            }
            archive.add(&self.space, &trial);
        }
        archive
    }
}

/// A finished trial. A pruned one reached step 3 with the value 0.5.
pub(super) fn finished(params: &Params, result: &TrialResult) -> Trial {
    let proposal = Proposal { params: params.clone(), saw_finished: 0, saw_proposed: 0 };
    let (constraints, attributes) = ([].into(), Attributes::new());
    let outcome = Outcome { result: result.clone(), constraints, attributes };
    let mut trial = Trial::waiting(TrialId(1), vec![None; params.len()].into());
    trial.proposal = Some(proposal);
    trial.curve = vec![(3, 0.5)];
    trial.phase = Phase::Finished(outcome);
    trial
}

fn pasts() -> impl Strategy<Value = Past> {
    let value = prop_oneof![Just(0.0), Just(-0.0), Just(f64::MAX), Just(f64::MIN), -1.0..1.0];
    let result = prop_oneof![
        4 => value.prop_map(|value| TrialResult::Complete(value.into())),
        1 => Just(TrialResult::Pruned),
        1 => Just(TrialResult::Fail("no reason".into())),
    ];
    let finished = prop::collection::vec((draws(), result), 0..200);
    // Few histories are long. In those, trials repeat.
    let times = prop_oneof![19 => Just(1), 1 => 2..50_usize];
    let finished = (finished, times).prop_map(|(finished, times)| vec![finished; times].concat());
    let pending = prop::collection::vec(draws(), 0..10);
    let direction = prop_oneof![Just(Direction::Maximize), Just(Direction::Minimize)];
    let directions = prop_oneof![
        4 => direction.clone().prop_map(Directions::from),
        1 => prop::collection::vec(direction, 2..9).prop_map(|all| Directions::new(all).expect("some")),
    ];
    // Some hold, some are violated, some by a huge amount, and some trials say nothing.
    let constraint = prop_oneof![Just(-1.0), Just(0.0), Just(f64::MAX), -1.0..1.0];
    let of_trial = prop_oneof![
        4 => prop::collection::vec(constraint, CONSTRAINTS),
        1 => Just(vec![]),
        1 => Just(vec![1.0; CONSTRAINTS]),
    ];
    let told = prop_oneof![2 => Just(vec![]), 1 => prop::collection::vec(of_trial, 1..9)];
    let all = (spaces(), directions, finished, pending, told);
    all.prop_map(|(space, directions, finished, pending, told)| {
        // What is good for one objective is bad for the next.
        let sign = |place: usize| if place.is_multiple_of(2) { 1.0 } else { -1.0 };
        let of = |(draw, result): (Draw, TrialResult)| {
            let result = match result {
                TrialResult::Complete(value) => {
                    let places = 0..directions.as_slice().len();
                    let values: Vec<_> = places.map(|place| value.first() * sign(place)).collect();
                    TrialResult::Complete(Values::new(values).expect("some"))
                }
                other => other,
            };
            (draw.params(&space), result)
        };
        let finished = finished.into_iter().map(of).collect();
        let pending = pending.iter().map(|draw| draw.params(&space)).collect();
        Past { space, directions, finished, pending, told }
    })
}

/// As many layers as there are, and for each of them a number of units, a dropout and an activation.
fn layers(most: i64) -> SearchSpace {
    let mut params = vec![Param {
        name: "layers".into(),
        distribution: Distribution::Int { low: 1, high: most, step: 1, log: false },
        when: vec![],
    }];
    for layer in 1..=most {
        let when = vec![Condition::between("layers", Some(layer as f64), None)];
        let activations = ["relu", "tanh"].map(|name| Choice::Text(name.into()));
        for (name, distribution) in [
            ("units", Distribution::Int { low: 8, high: 512, step: 1, log: true }),
            ("dropout", Distribution::Float { low: 0.0, high: 0.5, scale: FloatScale::Linear }),
            ("activation", Distribution::Categorical { choices: activations.into() }),
        ] {
            params.push(Param { name: format!("{name}{layer}"), distribution, when: when.clone() });
        }
    }
    SearchSpace::new(params).expect("valid")
}

/// The best has twelve layers of many units each, of a hundred.
#[test]
fn a_hundred_layers_are_searched_by_every_sampler() {
    let space = layers(100);
    for sampler in samplers() {
        let mut past = Past {
            space: space.clone(),
            directions: Direction::Minimize.into(),
            finished: vec![],
            pending: vec![],
            told: vec![],
        };
        let trials = if matches!(sampler, SamplerSpec::Gp(_)) { 12 } else { 40 };
        for seed in 0..trials {
            let params = propose(&sampler, &past, &nothing(&space), seed);
            assert!(space.contains(&params), "{params:?}");
            let Some(ParamValue::Int(layers)) = params[0] else { panic!("always active") };
            let active = params.iter().flatten().count();
            assert_eq!(active, 1 + 3 * layers as usize);
            past.finished
                .push((params, TrialResult::Complete(((layers - 12).abs() as f64).into())));
        }
        // A layer that shall be there makes as many.
        let mut fixed = nothing(&space);
        fixed[space.position("units90").expect("there")] = Some(ParamValue::Int(64));
        let params = propose(&sampler, &past, &fixed, 7);
        assert!(matches!(params[0], Some(ParamValue::Int(90..=100))), "{:?}", params[0]);
        assert!(space.contains(&params));
    }
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
        for sampler in samplers() {
            let past = past.for_sampler(&sampler);
            let proposal = propose(&sampler, &past, &fixed, seed);
            prop_assert!(past.space.contains(&proposal), "{proposal:?}");
            for (proposed, fixed) in proposal.iter().zip(&fixed) {
                prop_assert!(fixed.is_none() || proposed == fixed, "{proposal:?}");
            }
            prop_assert_eq!(&proposal, &propose(&sampler, &past, &fixed, seed));
        }
    }

    #[test]
    fn designs_stay_in_the_space_and_keep_what_is_fixed(
        space in spaces(), other in draws(), mask: u8, seed: u64, number: u32, points in 1_u16..7,
    ) {
        let mut fixed = other.params(&space);
        for place in (0..fixed.len()).filter(|place| mask >> place & 1 == 0) {
            fixed[place] = None;
        }
        let grid = GridOptions { points: points.try_into().expect("not 0") };
        let designs: [&dyn Fn() -> Params; 2] = [
            &|| grid::propose(&grid, &space, number, &fixed, |_| false),
            &|| sobol::propose(&space, seed, number, &fixed),
        ];
        for propose in designs {
            let proposal = propose();
            prop_assert!(space.contains(&proposal), "{proposal:?}");
            for (proposed, fixed) in proposal.iter().zip(&fixed) {
                prop_assert!(fixed.is_none() || proposed == fixed, "{proposal:?}");
            }
            prop_assert_eq!(&proposal, &propose());
        }
    }

    #[test]
    fn fixed_values_that_disagree_do_no_harm(past in pasts(), others: [u64; 8], seed: u64) {
        let mut fixed = nothing(&past.space);
        for (place, seed) in others.into_iter().enumerate().take(fixed.len()) {
            fixed[place] = Draw { seed, extreme: true }.params(&past.space)[place];
        }
        for sampler in samplers() {
            let past = past.for_sampler(&sampler);
            let proposal = propose(&sampler, &past, &fixed, seed);
            prop_assert!(past.space.contains(&proposal), "{proposal:?}");
        }
    }
}

/// 2 · 3 + 4 configurations: the second and third parameters are active only under some choices of the first.
fn ten_configurations() -> SearchSpace {
    let choices = |n: i64| (0..n).map(Choice::Int).collect();
    let int = Distribution::Int { low: 1, high: 4, step: 1, log: false };
    let categorical = |n| Distribution::Categorical { choices: choices(n) };
    let when = |any_of: &[i64]| {
        Condition::any_of("a", any_of.iter().copied().map(Choice::Int).collect::<Vec<_>>())
    };
    SearchSpace::new(vec![
        Param { name: "a".into(), distribution: categorical(3), when: vec![] },
        Param { name: "b".into(), distribution: categorical(3), when: vec![when(&[0, 1])] },
        Param { name: "c".into(), distribution: int, when: vec![when(&[2])] },
    ])
    .expect("valid")
}

#[test]
fn nothing_is_proposed_twice_while_something_is_untried() {
    for sampler in samplers() {
        for seed in 0..20 {
            let mut past = Past {
                space: ten_configurations(),
                directions: Direction::Maximize.into(),
                finished: vec![],
                pending: vec![],
                told: vec![],
            };
            let results = [
                TrialResult::Complete(1.0.into()),
                TrialResult::Fail("lost".into()),
                TrialResult::Pruned,
            ];
            let mut seen: Vec<Params> = vec![];
            for trial in 0..10 {
                let fixed = nothing(&past.space);
                let proposal = propose(&sampler, &past, &fixed, seed + trial);
                assert!(!seen.contains(&proposal), "{sampler:?}: {proposal:?} after {seen:?}");
                seen.push(proposal.clone());
                match results.get(trial as usize % 4) {
                    Some(result) => past.finished.push((proposal, result.clone())),
                    None => past.pending.push(proposal),
                }
            }
            let eleventh = propose(&sampler, &past, &nothing(&past.space), seed);
            assert!(past.space.contains(&eleventh));
        }
    }
}

#[test]
fn a_trial_whose_values_are_all_fixed_may_repeat_another() {
    let mut past = Past {
        space: ten_configurations(),
        directions: Direction::Maximize.into(),
        finished: vec![],
        pending: vec![],
        told: vec![],
    };
    let failed: Params = vec![Some(ParamValue::Choice(2)), None, Some(ParamValue::Int(3))].into();
    past.finished.push((failed.clone(), TrialResult::Fail("lost".into())));
    for sampler in samplers() {
        assert_eq!(propose(&sampler, &past, &failed, 1), failed);
    }
}

/// A valley in two parameters, plus a third that only one of two methods has. That method is the better one
/// if its parameter is right.
fn valley() -> SearchSpace {
    let float = |name: &str, when| {
        let distribution = Distribution::Float { low: -5.0, high: 5.0, scale: FloatScale::Linear };
        Param { name: name.into(), distribution, when }
    };
    let choices = ["tuned", "plain"].map(|c| Choice::Text(c.into())).into();
    let tuned = Condition::any_of("method", [Choice::Text("tuned".into())]);
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

/// The best of `trials` trials, with as many running at a time as said.
fn best_of(
    sampler: &SamplerSpec,
    space: &SearchSpace,
    loss: impl Fn(&Params) -> f64,
    (trials, parallel): (usize, usize),
    seed: u64,
) -> (f64, Params) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut archive = Archive::new(space, Direction::Minimize);
    let (mut running, mut best) = (VecDeque::<Params>::new(), (f64::INFINITY, nothing(space)));
    for _ in 0..trials {
        if running.len() == parallel {
            let params = running.pop_front().expect("some");
            let value = loss(&params);
            archive.add(space, &finished(&params, &TrialResult::Complete(value.into())));
            if value < best.0 {
                best = (value, params);
            }
        }
        let ask = Ask {
            space,
            archive: &archive,
            pending: running.iter().collect(),
            fixed: &nothing(space),
            seed,
            number: 0,
        };
        running.push_back(sampler.propose(&ask, &mut rng));
    }
    best
}

/// The best value after 60 trials with four running at a time; the median over 15 studies.
fn median_depth(sampler: &SamplerSpec) -> f64 {
    let space = valley();
    let study = |seed: u64| best_of(sampler, &space, depth, (60, 4), seed).0;
    let mut bests: Vec<_> = (0..15).map(study).collect();
    bests.sort_by(f64::total_cmp);
    bests[7]
}

#[test]
fn tpe_beats_random_search() {
    let (tpe, random) = (median_depth(&tpe()), median_depth(&SamplerSpec::Random {}));
    assert!(tpe < 0.5 * random, "TPE reaches {tpe}, random search {random}");
}

/// A bowl over whole numbers of 2, 3, 4 and 6 values and a float. When good kernels could be far narrower than a
/// cell, about ten of thirty studies kept the whole numbers of an early trial.
#[test]
fn tpe_does_not_settle_on_whole_numbers_too_early() {
    let int = |high| Distribution::Int { low: 0, high, step: 1, log: false };
    let float = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
    let distributions = [int(1), int(2), int(3), int(5), float];
    let params = ["a", "b", "c", "d", "e"].into_iter().zip(distributions);
    let params =
        params.map(|(name, distribution)| Param { name: name.into(), distribution, when: vec![] });
    let space = SearchSpace::new(params.collect()).expect("valid");
    let goal = [(0.0, 1.0), (2.0, 2.0), (1.0, 3.0), (4.0, 5.0), (0.37, 1.0)];
    let loss = |params: &Params| {
        let off = params.iter().zip(goal).map(|(value, (goal, range))| match value {
            Some(ParamValue::Int(x)) => (*x as f64 - goal) / range,
            Some(ParamValue::Float(x)) => (x - goal) / range,
            _ => 1.0,
        });
        off.map(|d| d * d).sum()
    };
    let goes_wrong = |seed: &u64| {
        let (_, best) = best_of(&tpe(), &space, loss, (100, 1), *seed);
        best[..4] != [0, 2, 1, 4].map(|x| Some(ParamValue::Int(x)))
    };
    let wrong = (0..30).filter(goes_wrong).count();
    assert!(wrong <= 1, "{wrong} of 30 studies");
}

#[test]
fn candidates_come_from_the_good_density() {
    let float = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
    let param = Param { name: "x".into(), distribution: float, when: vec![] };
    let space = SearchSpace::new(vec![param]).expect("valid");
    let at = |x: f64| -> Params { vec![Some(ParamValue::Float(x))].into() };
    let past = Past {
        space,
        directions: Direction::Maximize.into(),
        finished: (0..100)
            .map(|i| (at(f64::from(i) / 100.0), TrialResult::Complete(f64::from(i).into())))
            .collect(),
        pending: vec![at(0.0)],
        told: vec![],
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
        finished: all.map(|params| (params, TrialResult::Complete(0.0.into()))).collect(),
        pending: vec![],
        told: vec![],
        directions: Direction::Minimize.into(),
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
            .map(|params| (params.clone(), TrialResult::Complete(depth(&params).into())))
            .collect(),
        space: space.clone(),
        directions: Direction::Minimize.into(),
        pending: vec![],
        told: vec![],
    };
    let ask = |past: &Past, startup_trials| {
        let options = TpeOptions { startup_trials, ..TpeOptions::default() };
        propose(&SamplerSpec::Tpe(options), past, &nothing(&space), 1)
    };
    assert_eq!(ask(&past(9), 10), ask(&past(9), 99));
    assert_ne!(ask(&past(10), 10), ask(&past(10), 99));
}

#[test]
fn without_startup_a_sampler_needs_no_trial_with_a_value() {
    let tpe = SamplerSpec::Tpe(TpeOptions { startup_trials: 0, ..TpeOptions::default() });
    let failed = Draw { seed: 1, extreme: false }.params(&valley());
    let failed = (failed, TrialResult::Fail("no reason".into()));
    for finished in [vec![], vec![failed]] {
        let past = Past {
            space: valley(),
            directions: Direction::Minimize.into(),
            finished,
            pending: vec![Draw { seed: 2, extreme: false }.params(&valley())],
            told: vec![],
        };
        for sampler in [&gp(0), &tpe] {
            let proposal = propose(sampler, &past, &nothing(&past.space), 1);
            assert!(past.space.contains(&proposal), "{proposal:?}");
        }
    }
}

#[test]
fn startup_trials_use_each_choice_as_often_as_any_other() {
    let choices = |n| Distribution::Categorical { choices: (0..n).map(Choice::Int).collect() };
    let param = |name: &str, n| Param { name: name.into(), distribution: choices(n), when: vec![] };
    let space = SearchSpace::new(vec![param("a", 7), param("b", 2)]).expect("valid");
    let mut past = Past {
        space,
        directions: Direction::Maximize.into(),
        finished: vec![],
        pending: vec![],
        told: vec![],
    };
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
        // Running and finished trials both count.
        match trial % 3 {
            0 => past.pending.push(params),
            _ => past.finished.push((params, TrialResult::Complete(0.0.into()))),
        }
    }
}

/// Two objectives against each other: ZDT1 (Zitzler et al. 2000, doi 10.1162/106365600568202) in four dimensions.
fn covered(sampler: &SamplerSpec, seed: u64) -> f64 {
    let distribution = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
    let param = |i: usize| Param {
        name: format!("x{i}"),
        distribution: distribution.clone(),
        when: vec![],
    };
    let space = SearchSpace::new((0..4).map(param).collect()).expect("valid");
    let directions = Directions::new([Direction::Minimize, Direction::Maximize]).expect("two");
    let mut archive = Archive::new(&space, directions);
    let mut losses = Vec::new();
    for number in 0..100 {
        let (archive_of, fixed) = (&archive, nothing(&space));
        let ask = Ask {
            space: &space,
            archive: archive_of,
            pending: vec![],
            fixed: &fixed,
            seed,
            number,
        };
        let params = sampler.propose(&ask, &mut proposal_rng(seed, TrialNumber(number)));
        let x: Vec<f64> = params.iter().map(|x| x.expect("active").as_number()).collect();
        let rest = 1.0 + 3.0 * x[1..].iter().sum::<f64>();
        let other = rest * (1.0 - libm::sqrt(x[0] / rest));
        losses.push([x[0], other]);
        let values = Values::new([x[0], -other]).expect("two");
        archive.add(&space, &finished(&params, &TrialResult::Complete(values)));
    }
    front::hypervolume(&losses, &[1.1, 10.0])
}

#[test]
fn of_two_objectives_tpe_finds_more_of_the_front_than_chance_does() {
    let mean = |sampler: SamplerSpec| (0..8).map(|seed| covered(&sampler, seed)).sum::<f64>() / 8.0;
    let tpe = mean(SamplerSpec::Tpe(TpeOptions::default()));
    let random = mean(SamplerSpec::Random {});
    // All there is to cover is 10.54.
    assert!(tpe > random + 0.5, "{tpe} {random}");
    let few = Nsga2Options { population: 10, ..Nsga2Options::default() };
    for sampler in [SamplerSpec::Nsga2(few), SamplerSpec::Nsga3(Nsga3Options::default())] {
        assert!(mean(sampler) > random + 0.3, "{random}");
    }
    // The others have nothing better.
    for sampler in [SamplerSpec::Auto {}, SamplerSpec::Cmaes(CmaesOptions::default())] {
        assert!((mean(sampler) - tpe).abs() < 1e-12);
    }
}
