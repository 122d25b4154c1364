//! What a study runs again once its search is over.

use std::collections::BTreeMap;

use kindling_study::{
    Choice, ConfirmSpec, PrunerSpec, StudySpec, TrialNumber, TrialResult, Verdict, WorkerId,
};
use serde_json::json;

use crate::world::{World, complete, fresh_mark, restored, space, spec};

/// A study with two methods (a, b or c; x or y) whose search has run these trials.
fn after(confirm: ConfirmSpec, trials: &[(&str, &str, f64)]) -> World {
    pruned_after(PrunerSpec::None, confirm, trials)
}

fn pruned_after(pruner: PrunerSpec, confirm: ConfirmSpec, trials: &[(&str, &str, f64)]) -> World {
    let space = space(json!([
        { "name": "conv", "distribution": { "type": "categorical", "choices": ["a", "b", "c"] } },
        { "name": "fc", "distribution": { "type": "categorical", "choices": ["x", "y"] } },
        { "name": "rate", "distribution": { "type": "float", "low": 0.0, "high": 1.0 } },
    ]));
    let sampler = json!({ "kind": "tpe", "startup_trials": 2, "candidates": 8 });
    let sampler = serde_json::from_value(sampler).expect("valid");
    let of = spec(trials.len() as u32);
    let mut world = World::of(StudySpec {
        sampler,
        pruner,
        space,
        confirm: Some(confirm),
        max_attempts: 1,
        max_failures_in_a_row: 0,
        keep_checkpoints: 1,
        notify: None,
        ..of
    });
    for (conv, fc, _) in trials {
        let fixed = [("conv", conv), ("fc", fc)];
        let fixed = fixed.map(|(name, choice)| (name.into(), Choice::Text((*choice).into())));
        let (events, _) = world.study.enqueue(&fixed, None, None).expect("room");
        world.apply(&events);
    }
    for (_, _, value) in trials {
        let claim = world.lease("w");
        world.finish(&claim, complete(*value)).expect("taken");
    }
    world
}

/// Runs all remaining trials. Returns which trial was confirmed with which seed, in order.
fn run(world: &mut World) -> Vec<(u32, u32)> {
    let mut confirmed = Vec::new();
    while !world.study.is_finished() {
        let claim = world.lease("w");
        confirmed.extend(world.trial(claim.number).confirms.map(|c| (c.of.0, c.seed)));
        world.finish(&claim, complete(0.1)).expect("taken");
    }
    confirmed
}

fn pairs(best: u32, seeds: u32) -> ConfirmSpec {
    ConfirmSpec { by: vec!["conv".into(), "fc".into()], best, seeds, each: false }
}

const SEARCH: [(&str, &str, f64); 6] = [
    ("a", "x", 0.5),
    ("b", "y", 0.9),
    ("a", "x", 0.7),
    ("b", "y", 0.9),
    ("c", "x", 0.6),
    ("a", "y", 0.1),
];

#[test]
fn the_best_trial_of_each_of_the_best_pairs_runs_again_and_seeds_take_turns() {
    let confirmed = run(&mut after(pairs(3, 2), &SEARCH));
    // Of equal values, the first trial. A second trial of the same pair is not confirmed.
    assert_eq!(confirmed, [(1, 0), (2, 0), (4, 0), (1, 1), (2, 1), (4, 1)]);
}

#[test]
fn each_choice_on_its_own_runs_again_once() {
    let each = ConfirmSpec { each: true, ..pairs(1, 1) };
    // Trial 1 is the best pair and the best of b and y; then come a and x (trial 2) and c (trial 4).
    assert_eq!(run(&mut after(each, &SEARCH)), [(1, 0), (2, 0), (4, 0)]);
    let one = ConfirmSpec { by: vec!["fc".into()], ..pairs(2, 1) };
    assert_eq!(run(&mut after(one, &SEARCH)), [(1, 0), (2, 0)]);
}

#[test]
fn nothing_runs_again_before_the_search_is_over() {
    let mut world = after(pairs(2, 2), &SEARCH);
    let left = |world: &World| (world.study.confirmations(), world.study.has_confirmations_left());
    assert_eq!(left(&world), (4, true));
    world.change_budget(7).expect("more");
    assert_eq!(left(&world), (4, false), "so many at most");
    let claim = world.lease("w");
    assert_eq!(world.study.get(claim.number).expect("leased").confirms, None);
    let worker = WorkerId::new("idle").expect("valid");
    assert_eq!(
        world.study.lease(&worker, 0, fresh_mark()),
        None,
        "its end decides what is confirmed"
    );
    world.finish(&claim, complete(0.0)).expect("taken");
    assert_eq!(world.study.confirmations(), 4);
}

#[test]
fn how_much_will_run_again_is_bounded_before_anything_has_run() {
    let each = |best, seeds| ConfirmSpec { each: true, ..pairs(best, seeds) };
    let one = ConfirmSpec { by: vec!["fc".into()], ..pairs(6, 3) };
    for (confirm, most) in [
        (pairs(4, 3), 12),
        // There are six pairs, and seven trials below.
        (pairs(100, 1), 6),
        (one, 6),
        // The best pair is also the best of each of its two choices.
        (each(1, 10), 40),
        (each(0, 10), 50),
        (each(6, 10_000), 70_000),
    ] {
        let mut world = after(confirm, &SEARCH);
        let exact = world.study.confirmations();
        world.change_budget(7).expect("more");
        assert_eq!(world.study.confirmations(), most);
        assert!(exact <= most, "{exact}");
    }
}

#[test]
fn a_longer_search_confirms_what_it_found_and_keeps_what_was_confirmed() {
    let mut world = after(pairs(1, 2), &SEARCH[..3]);
    assert_eq!(run(&mut world), [(1, 0), (1, 1)]);
    world.change_budget(4).expect("more");
    assert!(!world.study.is_finished(), "what was confirmed is not of the search");
    let claim = world.lease("w");
    world.finish(&claim, complete(1.0)).expect("taken");
    let number = claim.number.0;
    assert_eq!(number, 5, "after two that confirm");
    assert_eq!(run(&mut world), [(number, 0), (number, 1)]);
    assert_eq!(world.study.trials().len(), 8);
}

#[test]
fn another_wish_adds_what_is_missing() {
    let mut world = after(pairs(1, 1), &SEARCH);
    assert_eq!(run(&mut world), [(1, 0)]);
    let (events, ()) = world.study.change_confirm(pairs(2, 2)).expect("it fits");
    world.apply(&events);
    assert!(!world.study.is_finished());
    assert_eq!(run(&mut world), [(2, 0), (1, 1), (2, 1)]);
    assert_eq!(world.study.change_confirm(pairs(2, 2)), Ok((vec![], ())), "said before");
}

#[test]
fn trials_under_one_seed_share_it_and_no_other_has_it() {
    let mut world = after(pairs(2, 2), &SEARCH);
    run(&mut world);
    let mut seeds: BTreeMap<u64, Vec<Option<u32>>> = BTreeMap::new();
    for (number, trial) in (0..).map(TrialNumber).zip(world.study.trials()) {
        let place = seeds.entry(world.study.seed_of(number)).or_default();
        place.push(trial.confirms.map(|c| c.seed));
    }
    let mut shared: Vec<_> = seeds.into_values().filter(|of| of.len() > 1).collect();
    shared.sort();
    assert_eq!(shared, [[Some(0), Some(0)], [Some(1), Some(1)]]);
}

#[test]
fn what_confirms_is_neither_learned_from_nor_pruned_nor_the_best() {
    let pruner = r#"{"kind": "median", "startup_trials": 0, "warmup_steps": 0}"#;
    let pruner = serde_json::from_str(pruner).expect("valid");
    let mut world = pruned_after(pruner, pairs(1, 2), &SEARCH);
    for (step, value) in [(0, 0.9), (0, 0.1)] {
        let claim = world.lease("w");
        let (events, verdict) = world.study.report(&claim, step, value, &[]).expect("taken");
        world.apply(&events);
        assert_eq!(verdict, Verdict::Continue);
        world.finish(&claim, complete(5.0)).expect("taken");
    }
    assert_eq!(world.study.best(), Some(TrialNumber(1)));
    // A replay learns from the search alone, and so does a resumed search.
    world.change_budget(7).expect("more");
    let claim = world.lease("w");
    assert_eq!(world.study.get(claim.number).expect("leased").confirms, None);
    assert_eq!(world.report(&claim, 0, 0.05), Ok(Verdict::Continue), "below what was confirmed");
    assert!(world.study.replay().mismatches.is_empty());
}

#[test]
fn a_search_that_goes_on_does_not_see_what_is_being_confirmed() {
    let mut world = after(pairs(1, 2), &SEARCH);
    let confirming = world.lease("w");
    world.change_budget(9).expect("more");
    for _ in 0..3 {
        let claim = world.lease("v");
        assert_eq!(world.trial(claim.number).confirms, None);
    }
    assert!(world.study.replay().mismatches.is_empty(), "its proposals are of the search alone");
    world.finish(&confirming, complete(0.5)).expect("taken");
    assert!(world.study.replay().mismatches.is_empty());
}

#[test]
fn a_restart_keeps_what_was_confirmed_and_what_is_still_to_be() {
    let mut world = after(pairs(2, 2), &SEARCH);
    let claim = world.lease("w");
    world.finish(&claim, complete(0.5)).expect("taken");
    world.lease("w");
    let restarted = restored(&world.study, world.study.trials().to_vec());
    assert_eq!(restarted, world.study);
    assert_eq!((restarted.confirmations(), restarted.is_finished()), (4, false));
}

#[test]
fn a_failed_confirmation_is_tried_again_as_one() {
    let mut world = after(pairs(1, 1), &SEARCH);
    let claim = world.lease("w");
    let result = TrialResult::Fail("boom".into());
    world.finish(&claim, result).expect("taken");
    assert!(world.study.is_finished());
    let (events, again) = world.study.retry(claim.number, None).expect("it failed");
    world.apply(&events);
    assert_eq!(world.study.budget(), 6);
    assert_eq!((world.study.confirmations(), world.study.is_finished()), (2, false));
    assert_eq!(world.study.seed_of(again), world.study.seed_of(claim.number));
    assert_eq!(run(&mut world), [(1, 0)]);
}

#[test]
fn what_does_not_fit_the_space_is_refused() {
    let world = after(pairs(1, 1), &SEARCH);
    for (confirm, said) in [
        (ConfirmSpec { by: vec![], ..pairs(1, 1) }, "confirm.by: expected at least one"),
        (ConfirmSpec { by: vec!["rate".into()], ..pairs(1, 1) }, "`rate` is not categorical"),
        (ConfirmSpec { by: vec!["lr".into()], ..pairs(1, 1) }, "has no parameter `lr`"),
        (ConfirmSpec { by: vec!["fc".into(), "fc".into()], ..pairs(1, 1) }, "twice"),
        (pairs(1, 0), "confirm.seeds: expected 1 to 10000, found 0"),
    ] {
        let refusal = world.study.change_confirm(confirm).expect_err(said).to_string();
        assert!(refusal.contains(said), "{refusal}");
    }
}

#[test]
fn what_is_not_said_is_six_combinations_and_each_choice_under_ten_seeds() {
    let by = vec!["conv".to_owned()];
    let said: ConfirmSpec = serde_json::from_value(json!({ "by": by })).expect("valid");
    assert_eq!(said, ConfirmSpec { by, best: 6, seeds: 10, each: true });
}
