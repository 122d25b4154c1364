//! Several objectives by name, and constraints.

use kindling_study::{
    Attributes, ConfirmSpec, Direction, Directions, Event, Metrics, OtherValue, PrunerSpec,
    Refusal, StudySpec, TrialNumber, TrialResult, Values, Verdict,
};
use serde_json::json;

use crate::world::{World, complete, restored, spec};

fn names(of: &[&str]) -> Box<[Box<str>]> {
    of.iter().map(|name| (*name).into()).collect()
}

/// Accuracy, the more the better, and latency, the less the better; the pruner compares the second.
fn two(trials: u32, constraints: &[&str]) -> StudySpec {
    let metrics = Metrics {
        names: names(&["accuracy", "latency"]),
        constraints: names(constraints),
        pruner_objective: 1,
    };
    let directions = Directions::new([Direction::Maximize, Direction::Minimize]).expect("two");
    StudySpec { directions, metrics, ..spec(trials) }
}

fn both(accuracy: f64, latency: f64) -> TrialResult {
    TrialResult::Complete(Values::new([accuracy, latency]).expect("two"))
}

/// Finishes a new trial, and returns its number.
fn finish(world: &mut World, result: TrialResult, constraints: &[f64]) -> TrialNumber {
    let claim = world.lease("w");
    let decided = world.study.finish(&claim, result, constraints, Attributes::new());
    let (events, ()) = decided.expect("taken");
    world.apply(&events);
    claim.number
}

fn failure(world: &World, number: TrialNumber) -> String {
    match world.trial(number).phase.clone() {
        kindling_study::Phase::Finished(outcome) => match outcome.result {
            TrialResult::Fail(reason) => reason,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn front(world: &World) -> Vec<u32> {
    world.study.front().map(|number| number.0).collect()
}

#[test]
fn the_front_has_what_no_other_dominates() {
    let mut world = World::of(two(9, &[]));
    for (accuracy, latency) in [(0.5, 5.0), (0.9, 9.0), (0.4, 6.0), (0.5, 4.0), (0.9, 9.0)] {
        finish(&mut world, both(accuracy, latency), &[]);
    }
    assert_eq!(front(&world), [1, 4, 3], "by accuracy; equals stay");
    assert_eq!(world.study.best(), Some(TrialNumber(1)));
    let study = restored(&world.study, world.study.trials().to_vec());
    assert_eq!(study, world.study, "a restart sees the same");
}

#[test]
fn what_violates_a_constraint_is_no_best() {
    let mut world = World::of(two(9, &["memory"]));
    let infeasible = finish(&mut world, both(0.99, 1.0), &[0.5]);
    assert_eq!((front(&world), world.study.best()), (vec![], None));
    let feasible = finish(&mut world, both(0.5, 5.0), &[0.0]);
    assert_eq!(front(&world), [feasible.0]);
    assert_eq!(world.trial(infeasible).violation(1).to_bits(), 0.5_f64.to_bits());

    let metrics = Metrics { constraints: names(&["a", "b"]), ..Metrics::default() };
    let mut single = World::of(StudySpec { metrics, ..spec(9) });
    finish(&mut single, complete(0.9), &[-1.0, 0.1]);
    let best = finish(&mut single, complete(0.5), &[-1.0, 0.0]);
    assert_eq!(single.study.best(), Some(best));
}

#[test]
fn a_completed_trial_says_all_constraints_and_each_is_a_number() {
    let mut world = World::of(two(9, &["memory", "power"]));
    let missing = finish(&mut world, both(0.5, 1.0), &[]);
    assert_eq!(failure(&world, missing), "its result has 0 constraints, not `memory`, `power`");
    let nan = finish(&mut world, both(0.5, 1.0), &[0.0, f64::NAN]);
    assert_eq!(failure(&world, nan), "the constraint `power` is NaN");
    let surplus = finish(&mut world, TrialResult::Pruned, &[1.0]);
    assert_eq!(failure(&world, surplus), "its result has 1 constraints, not `memory`, `power`");
    let pruned = finish(&mut world, TrialResult::Pruned, &[]);
    assert!(world.trial(pruned).violation(2).is_infinite(), "it did not say");
    let told = finish(&mut world, TrialResult::Pruned, &[-0.0, 1.0]);
    assert_eq!(world.trial(told).constraints(), [0.0, 1.0]);
    let failed = finish(&mut world, TrialResult::Fail("x".into()), &[1.0]);
    assert!(world.trial(failed).constraints().is_empty());
}

#[test]
fn a_repeated_result_repeats_its_constraints() {
    let mut world = World::of(two(9, &["memory"]));
    let claim = world.lease("w");
    let (events, ()) =
        world.study.finish(&claim, both(0.5, 1.0), &[0.25], Attributes::new()).expect("taken");
    world.apply(&events);
    let again = |told| world.study.finish(&claim, both(0.5, 1.0), &[told], Attributes::new());
    assert_eq!(again(0.25), Ok((vec![], ())));
    assert!(matches!(again(0.5), Err(Refusal::Conflict { .. })));
}

#[test]
fn a_report_has_the_pruners_objective_and_any_of_the_others() {
    let mut world = World::of(two(9, &[]));
    let claim = world.lease("w");
    let (events, verdict) = world.study.report(&claim, 1, 5.0, &[(0, 0.5)]).expect("taken");
    assert_eq!(verdict, Verdict::Continue);
    assert!(matches!(&events[..], [Event::Reported { others, .. }] if others.len() == 1));
    world.apply(&events);
    world.report(&claim, 2, 4.0).expect("without the others");
    let trial = world.trial(claim.number);
    assert_eq!(trial.curve, [(1, 5.0), (2, 4.0)]);
    assert_eq!(trial.others_at(1), [OtherValue { step: 1, objective: 0, value: 0.5 }]);
    assert!(trial.others_at(2).is_empty());

    assert_eq!(world.study.report(&claim, 1, 5.0, &[(0, 0.5)]), Ok((vec![], Verdict::Continue)));
    let other = world.study.report(&claim, 1, 5.0, &[(0, 0.6)]);
    assert!(matches!(other, Err(Refusal::Conflict { .. })), "{other:?}");
    for odd in [&[(1, 0.5)][..], &[(2, 0.5)], &[(0, 0.5), (0, 0.5)]] {
        let refused = world.study.report(&claim, 3, 3.0, odd);
        assert!(matches!(refused, Err(Refusal::OddReport(_))), "{refused:?}");
    }
    let (events, verdict) = world.study.report(&claim, 3, 3.0, &[(0, f64::NAN)]).expect("taken");
    assert_eq!(verdict, Verdict::Stop);
    world.apply(&events);
    assert_eq!(failure(&world, claim.number), "the intermediate value of step 3 is NaN");
}

#[test]
fn a_new_lease_forgets_all_curves() {
    let mut world = World::of(two(9, &[]));
    let claim = world.lease("w");
    let (events, _) = world.study.report(&claim, 1, 5.0, &[(0, 0.5)]).expect("taken");
    world.apply(&events);
    let (events, ()) = world.study.release(&claim).expect("taken");
    world.apply(&events);
    let again = world.lease("w");
    assert_eq!(again.number, claim.number);
    assert!(world.trial(again.number).other_values.is_empty());
}

#[test]
fn the_pruner_compares_the_objective_that_the_study_names() {
    let pruner = json!({ "kind": "median", "startup_trials": 0 });
    let pruner: PrunerSpec = serde_json::from_value(pruner).expect("valid");
    let mut world = World::of(StudySpec { pruner, ..two(9, &[]) });
    let first = world.lease("w");
    world.report(&first, 1, 2.0).expect("taken");
    let (events, ()) =
        world.study.finish(&first, both(0.5, 2.0), &[], Attributes::new()).expect("taken");
    world.apply(&events);
    let slower = world.lease("w");
    assert_eq!(world.report(&slower, 1, 3.0), Ok(Verdict::Prune), "latency is minimised");
    let faster = world.lease("v");
    assert_eq!(world.report(&faster, 1, 1.0), Ok(Verdict::Continue));
}

#[test]
fn the_front_runs_again_as_far_as_it_should() {
    let confirm = ConfirmSpec { by: vec![], best: 2, seeds: 2, each: true };
    let mut world = World::of(StudySpec { confirm: Some(confirm.clone()), ..two(4, &[]) });
    assert_eq!(world.study.confirmations(), 4, "at most");
    // The second covers little that its neighbours do not; the last is dominated.
    for (accuracy, latency) in [(0.1, 1.0), (0.11, 8.99), (0.9, 9.0), (0.1, 9.5)] {
        finish(&mut world, both(accuracy, latency), &[]);
    }
    assert_eq!(front(&world), [2, 1, 0]);
    let mut again = Vec::new();
    while !world.study.is_finished() {
        let number = finish(&mut world, both(0.5, 0.5), &[]);
        again.extend(world.trial(number).confirms.map(|c| (c.of.0, c.seed)));
    }
    assert_eq!(again, [(2, 0), (0, 0), (2, 1), (0, 1)]);
    assert_eq!(front(&world), [2, 1, 0], "confirmations are no part of the search");
    let by = ConfirmSpec { by: vec!["x".into()], ..confirm };
    let refused = world.study.change_confirm(by).expect_err("by").to_string();
    assert!(refused.contains("leave it out"), "{refused}");
}
