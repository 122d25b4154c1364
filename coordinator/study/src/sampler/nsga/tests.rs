use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::niching::{chosen, layer_size, references};
use super::options::Survival;
use super::survival::survivors;
use super::variation::{polynomial, simulated_binary};
use super::*;
use crate::direction::Direction;
use crate::ids::TrialNumber;
use crate::sampler::archive::Goal;
use crate::sampler::random::uniform;
use crate::sampler::tests::finished;
use crate::sampler::{Nsga2Options, Nsga3Options, SamplerSpec, TpeOptions};
use crate::seed::proposal_rng;
use crate::space::{Choice, Condition, Distribution, FloatScale, Param, ParamValue, SearchSpace};
use crate::trial::{Phase, TrialResult};
use crate::values::{Directions, Values};

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

fn both() -> [SamplerSpec; 2] {
    [SamplerSpec::Nsga2(Nsga2Options::DEFAULT), SamplerSpec::Nsga3(Nsga3Options::DEFAULT)]
}

#[test]
fn crossover_stays_between_the_bounds_and_keeps_the_parents_middle() {
    let mut rng = rng();
    for (a, b) in [(0.0, 1.0), (0.4, 0.6), (0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.0, 1e-300)] {
        let draws = 4_000;
        let mut sum = 0.0;
        for _ in 0..draws {
            let child = simulated_binary(5.0, a, b, uniform(&mut rng), uniform(&mut rng));
            assert!((0.0..=1.0).contains(&child), "{a} {b}: {child}");
            sum += child;
        }
        let (mean, middle) = (sum / f64::from(draws), f64::midpoint(a, b));
        assert!((mean - middle).abs() < 0.02, "{a} {b}: {mean}");
    }
    // At half of the distribution, with bounds far away, a child is its parent.
    let child = simulated_binary(20.0, 0.45, 0.55, 0.5, 0.0);
    assert!((child - 0.45).abs() < 1e-3, "{child}");
    // A larger index keeps children nearer.
    let far = |eta: f64| (simulated_binary(eta, 0.4, 0.6, 0.9, 0.0) - 0.4).abs();
    assert!(far(2.0) > 2.0 * far(20.0));
}

#[test]
fn mutation_stays_between_the_bounds_and_is_smaller_with_a_larger_index() {
    let mut rng = rng();
    for at in [0.0, 1e-300, 0.3, 1.0] {
        let mut size = [0.0, 0.0];
        for _ in 0..2_000 {
            let u = uniform(&mut rng);
            for (eta, size) in [5.0, 50.0].into_iter().zip(&mut size) {
                let found = polynomial(eta, at, u);
                assert!((0.0..=1.0).contains(&found), "{at} {u}: {found}");
                *size += (found - at).abs();
            }
        }
        assert!(size[0] > 4.0 * size[1], "{at}: {size:?}");
    }
    assert!(polynomial(20.0, 0.3, 0.5).abs() - 0.3 < 1e-12);
}

#[test]
fn reference_points_are_das_and_dennis() {
    for (objectives, divisions, count) in [(1, 5, 1), (2, 4, 5), (3, 12, 91), (8, 3, 120)] {
        let points = references(objectives, divisions, 50);
        assert_eq!((points.len(), layer_size(objectives, divisions)), (count, count));
        for point in &points {
            let sum = point.iter().sum::<f64>();
            assert!((sum - 1.0).abs() < 1e-12 && point.iter().all(|x| *x >= 0.0), "{point:?}");
        }
        let different: std::collections::HashSet<_> =
            points.iter().map(|point| format!("{point:?}")).collect();
        assert_eq!(different.len(), count);
    }
    // Without a number, as many as fit the population, and some inside.
    assert_eq!(references(3, 0, 20).len(), 15);
    let many = references(8, 0, 20);
    assert!(many.iter().any(|point| point.iter().all(|x| *x > 0.0)), "{many:?}");
}

#[test]
fn a_niche_that_nobody_is_in_gets_the_nearest() {
    // Two near the first axis are there; of the last front one is near the second axis, one in the middle.
    let there = [vec![1.0, 0.0], vec![0.99, 0.02]];
    let last = [vec![0.98, 0.03], vec![0.0, 1.0], vec![0.5, 0.5], vec![0.05, 0.99]];
    let (there, last): (Vec<_>, Vec<_>) = (there.iter().collect(), last.iter().collect());
    let mut two = chosen(&there, &last, 2, 2, 4, &mut rng());
    two.sort_unstable();
    assert_eq!(two, [1, 2]);
    let mut all = chosen(&there, &last, 4, 2, 6, &mut rng());
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
    // The scale of an objective makes no difference.
    let scaled = |points: &[&Vec<f64>]| -> Vec<Vec<f64>> {
        points.iter().map(|p| vec![1e6 * p[0] - 3.0, p[1]]).collect()
    };
    let (there, last) = (scaled(&there), scaled(&last));
    let (there, last): (Vec<_>, Vec<_>) = (there.iter().collect(), last.iter().collect());
    let mut again = chosen(&there, &last, 2, 2, 4, &mut rng());
    again.sort_unstable();
    assert_eq!(again, two);
}

#[test]
fn whoever_violates_less_survives_and_the_feasible_always_do() {
    let losses = [[5.0, 5.0], [0.0, 0.0], [1.0, 9.0], [0.0, 1.0], [9.0, 1.0]].map(Vec::from);
    let violations = [0.0, 2.0, 0.0, 1.0, f64::INFINITY];
    for survival in [Survival::Crowding, Survival::Niching { divisions: 0 }] {
        let of = |count| -> Vec<usize> {
            let found = survivors(survival, &losses, &violations, count, &mut rng());
            assert!(found.is_sorted_by_key(|(_, fitness)| fitness.rank));
            let mut places: Vec<_> = found.into_iter().map(|(place, _)| place).collect();
            places.sort_unstable();
            places
        };
        assert_eq!((of(2), of(3), of(4)), (vec![0, 2], vec![0, 2, 3], vec![0, 1, 2, 3]));
        assert_eq!(of(9).len(), 5);
        // Of those that violate as much as each other, the oldest, wherever they are.
        let equals = [[1.0, 1.0], [0.0, 2.0], [2.0, 0.0]].map(Vec::from);
        let found = survivors(survival, &equals, &[1.0; 3], 1, &mut rng());
        assert_eq!(found[0].0, 0);
    }
}

fn float(name: &str, when: Vec<Condition>) -> Param {
    let distribution = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
    Param { name: name.into(), distribution, when }
}

fn conditional() -> SearchSpace {
    let choices = (0..3).map(Choice::Int).collect();
    let when = vec![Condition::any_of("kind", [Choice::Int(1)])];
    let kind = Param {
        name: "kind".into(),
        distribution: Distribution::Categorical { choices },
        when: vec![],
    };
    let few = Distribution::Int { low: 0, high: 3, step: 1, log: false };
    let few = Param { name: "few".into(), distribution: few, when: vec![] };
    SearchSpace::new(vec![kind, float("x", vec![]), float("deep", when), few]).expect("valid")
}

/// A study of 120 trials: its archive, and what was proposed. A trial is feasible if x is above 0.6.
fn run(sampler: &SamplerSpec, forget: bool) -> (Archive, Vec<Params>) {
    let space = conditional();
    let goal = Goal::from(Directions::new([Direction::Minimize; 2]).expect("two"));
    let mut archive = Archive::new(&space, goal.with_constraints(1));
    let mut proposed = Vec::new();
    for number in 0..120 {
        let asked = if forget { again(&space, &archive, &proposed) } else { archive.clone() };
        let fixed = space.nothing();
        let ask =
            Ask { space: &space, archive: &asked, pending: vec![], fixed: &fixed, seed: 3, number };
        let params = sampler.propose(&ask, &mut proposal_rng(3, TrialNumber(number)));
        archive.add(&space, &told(&params));
        proposed.push(params);
    }
    (archive, proposed)
}

/// The same archive, of which no sampler remembers anything.
fn again(space: &SearchSpace, archive: &Archive, proposed: &[Params]) -> Archive {
    let goal = Goal::from(Directions::new([Direction::Minimize; 2]).expect("two"));
    let mut fresh = Archive::new(space, goal.with_constraints(1));
    for params in proposed {
        fresh.add(space, &told(params));
    }
    assert_eq!(&fresh, archive);
    fresh
}

fn told(params: &Params) -> crate::trial::Trial {
    let x = params[1].map_or(0.0, ParamValue::as_number);
    let deep = params[2].map_or(0.7, |x| (x.as_number() - 0.5).abs());
    let few = params[3].map_or(0.0, ParamValue::as_number);
    let values = Values::new([x + deep, 1.0 - x + deep + few]).expect("two");
    let mut trial = finished(params, &TrialResult::Complete(values));
    if let Phase::Finished(outcome) = &mut trial.phase {
        outcome.constraints = [0.6 - x].into();
    }
    trial
}

#[test]
fn a_constrained_front_under_a_condition_is_found() {
    let [nsga2, nsga3] = both();
    let tpe = SamplerSpec::Tpe(TpeOptions::DEFAULT);
    for sampler in [nsga2, nsga3, tpe] {
        let (_, proposed) = run(&sampler, false);
        let is_good = |params: &&Params| {
            let [x, deep] = [1, 2].map(|place| params[place].map(ParamValue::as_number));
            x.is_some_and(|x| x >= 0.6)
                && deep.is_some_and(|deep| (deep - 0.5).abs() < 0.1)
                && params[3] == Some(ParamValue::Int(0))
        };
        let good = |of: &[Params]| of.iter().filter(is_good).count();
        assert!(good(&proposed[80..]) > 8, "{}: {}", sampler.name(), good(&proposed[80..]));
        assert!(good(&proposed[..20]) < 3, "that is hard to find by chance");
    }
}

#[test]
fn what_is_remembered_makes_no_difference() {
    for sampler in both() {
        assert_eq!(run(&sampler, false).1, run(&sampler, true).1, "{}", sampler.name());
    }
}

/// TPE, whose score has the chance that a trial is feasible in it.
#[test]
fn tpe_stays_where_trials_are_feasible() {
    let space = conditional();
    let (archive, _) = run(&SamplerSpec::Tpe(TpeOptions::DEFAULT), false);
    let is_feasible = |number: &u32| {
        let fixed = space.nothing();
        let ask = Ask {
            space: &space,
            archive: &archive,
            pending: vec![],
            fixed: &fixed,
            seed: 3,
            number: *number,
        };
        let tpe = SamplerSpec::Tpe(TpeOptions::DEFAULT);
        let params = tpe.propose(&ask, &mut proposal_rng(3, TrialNumber(*number)));
        params[1].is_some_and(|x| x.as_number() >= 0.6)
    };
    // Each fourth trial's parameters are chosen by themselves, where it says less.
    let numbers = (500..700_u32).filter(|number| !number.is_multiple_of(4)).take(100);
    let feasible = numbers.filter(is_feasible).count();
    assert!(feasible > 70, "{feasible} of 100");
}

/// Copies of an archive share what was worked out, also when they have gone different ways.
#[test]
fn what_was_learned_from_another_history_is_not_used() {
    let (sampler, space) = (&both()[0], conditional());
    let (mut one, proposed) = run(sampler, false);
    let mut other = one.clone();
    let ask = |archive: &Archive| {
        let fixed = space.nothing();
        let ask =
            Ask { space: &space, archive, pending: vec![], fixed: &fixed, seed: 3, number: 500 };
        sampler.propose(&ask, &mut proposal_rng(3, TrialNumber(500)))
    };
    let params = |x: f64| -> Params {
        let (kind, x, deep) = (ParamValue::Choice(1), ParamValue::Float(x), ParamValue::Float(0.5));
        vec![Some(kind), Some(x), Some(deep), Some(ParamValue::Int(0))].into()
    };
    let ways = [0.61, 0.9].map(|from| (0..40).map(move |i| params(from + 0.001 * f64::from(i))));
    let [first, second] = ways.map(Iterator::collect::<Vec<_>>);
    for (one_way, other_way) in first.iter().zip(&second) {
        one.add(&space, &told(one_way));
        other.add(&space, &told(other_way));
    }
    let fresh = again(&space, &other, &[proposed, second].concat());
    let known = ask(&one);
    assert_eq!(ask(&other), ask(&fresh));
    assert_eq!(ask(&one), known);
}

#[test]
fn of_a_child_the_genes_are_its_parents_and_fixed_values_stay() {
    let space = conditional();
    let (archive, _) = run(&both()[0], false);
    let mut fixed = space.nothing();
    fixed[2] = Some(ParamValue::Float(0.125));
    let still = Nsga2Options { mutation_probability: Some(0.0), ..Nsga2Options::DEFAULT };
    let still = Nsga2Options { crossover_probability: 0.0, ..still };
    let [first, second] = [[1.0, 0.25, 0.5, 0.125], [0.0, 0.75, -1.0, 0.625]];
    for seed in 0..50 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let ask = Ask {
            space: &space,
            archive: &archive,
            pending: vec![],
            fixed: &fixed,
            seed,
            number: 1,
        };
        let options = Nsga2Options::DEFAULT.genetic();
        let child = variation::child(&options, &ask, [&first, &second], &mut rng);
        assert!(space.contains(&child), "{child:?}");
        assert_eq!((child[0], child[2]), (Some(ParamValue::Choice(1)), fixed[2]));
        let free = space.nothing();
        let ask = Ask { fixed: &free, pending: vec![], ..ask };
        let copy = variation::child(&still.genetic(), &ask, [&second, &first], &mut rng);
        let is = [Some(ParamValue::Choice(0)), Some(ParamValue::Float(0.75)), None];
        assert_eq!((&copy[..3], copy[3]), (&is[..], Some(ParamValue::Int(2))));
        // What only the second parent has comes from there.
        let swapped = [1.0, 0.75, -1.0, 0.625];
        let copy = variation::child(&still.genetic(), &ask, [&swapped, &first], &mut rng);
        assert_eq!(copy[2], Some(ParamValue::Float(0.5)));
        let always = Nsga2Options { mutation_probability: Some(1.0), ..still.clone() };
        let changed = variation::child(&always.genetic(), &ask, [&second, &first], &mut rng);
        assert!(changed[0] != copy[0] || changed[0] != Some(ParamValue::Choice(0)));
        assert_ne!(changed[3], Some(ParamValue::Int(2)), "another whole number");
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let refused = |text: &str| {
        let spec: SamplerSpec = serde_json::from_str(text).expect("it reads");
        spec.check().expect_err("refused").to_string()
    };
    let found = refused(r#"{"kind": "nsga2", "population": 1}"#);
    assert_eq!(found, "population: expected a whole number of at least 2, found 1");
    let found = refused(r#"{"kind": "nsga3", "mutation_probability": 1.5}"#);
    assert_eq!(found, "mutation_probability: expected a number from 0 to 1, found 1.5");
    let found = refused(r#"{"kind": "nsga3", "crossover_eta": -1.0}"#);
    assert_eq!(found, "crossover_eta: expected a number from 0 to 1000, found -1.0");
    assert!(serde_json::from_str::<SamplerSpec>(r#"{"kind": "nsga2", "divisions": 3}"#).is_err());
    assert!(both().iter().all(|sampler| sampler.check().is_ok()));
}
