//! What is accepted about a trial, and only once.

use std::time::Duration;

use kindling_study::pruner::Patience;
use kindling_study::{
    Attributes, Claim, Direction, Json, Phase, PrunerSpec, Refusal, Study, StudySpec, TrialNumber,
    TrialResult, Values, Verdict, Wall,
};

use crate::world::{World, complete, spec};

#[test]
fn a_step_fits_the_store_and_does_not_go_back() {
    let mut world = World::new(1);
    let claim = world.lease("w");
    let largest = i64::MAX as u64;
    assert_eq!(world.report(&claim, largest + 1, 0.5), Err(Refusal::StepTooLarge(1 << 63)));
    assert_eq!(world.report(&claim, 3, 0.5), Ok(Verdict::Continue));
    let number = claim.number;
    let back = Refusal::StepGoesBack { number, step: 2, newest: 3 };
    assert_eq!(world.report(&claim, 2, 0.5), Err(back));
    let conflict = Refusal::Conflict { number, what: "step 3".into() };
    assert_eq!(world.report(&claim, 3, 0.6), Err(conflict));
    assert_eq!(
        world.study.report(&claim, 3, 0.5, &[]),
        Ok((vec![], Verdict::Continue)),
        "once more"
    );
    assert_eq!(world.report(&claim, largest, 0.5), Ok(Verdict::Continue));
    assert_eq!(world.trial(number).intermediate(3), Some(0.5));
    assert_eq!(world.trial(number).intermediate(4), None);
}

#[test]
fn what_a_pruner_gave_up_stays_so_and_what_came_before_it_does_not() {
    let pruner = PrunerSpec::Patience(Patience { patience: 1, ..Patience::default() });
    let mut world = World::of(StudySpec { pruner, ..spec(1) });
    let claim = world.lease("w");
    assert_eq!(world.report(&claim, 0, 0.5), Ok(Verdict::Continue));
    assert_eq!(world.report(&claim, 1, 0.4), Ok(Verdict::Prune));
    assert_eq!(world.report(&claim, 2, 0.9), Ok(Verdict::Prune), "for good");
    assert_eq!(world.trial(claim.number).pruned_at, Some(1));
    for (step, value, verdict) in
        [(0, 0.5, Verdict::Continue), (1, 0.4, Verdict::Prune), (2, 0.9, Verdict::Prune)]
    {
        assert_eq!(world.study.report(&claim, step, value, &[]), Ok((vec![], verdict)));
    }
}

#[test]
fn a_value_that_is_not_finite_fails_the_trial_and_says_why() {
    let mut world = World::new(2);
    let claim = world.lease("w");
    assert_eq!(world.report(&claim, 4, f64::NEG_INFINITY), Ok(Verdict::Stop));
    let failed = |why: &str| TrialResult::Fail(why.into());
    let of = |world: &World, claim: &Claim| match &world.trial(claim.number).phase {
        Phase::Finished(outcome) => outcome.result.clone(),
        phase => panic!("{phase:?}"),
    };
    assert_eq!(of(&world, &claim), failed("the intermediate value of step 4 is -inf"));
    assert_eq!(world.study.report(&claim, 4, f64::NEG_INFINITY, &[]), Ok((vec![], Verdict::Stop)));
    let another = world.study.report(&claim, 5, f64::NAN, &[]).expect_err("another one");
    assert!(another.to_string().contains("it is finished"), "{another}");

    let claim = world.lease("w");
    world.finish(&claim, complete(f64::NAN)).expect("taken");
    assert_eq!(of(&world, &claim), failed("the objective value is NaN"));
    assert_eq!(world.finish(&claim, complete(f64::NAN)), Ok(()), "once more");
    assert_eq!(world.study.finished().fail, 2);
}

#[test]
fn a_result_is_taken_once_and_repeated_at_will() {
    let mut world = World::new(1);
    let claim = world.lease("w");
    world.finish(&claim, complete(0.5)).expect("taken");
    let again = world.study.finish(&claim, complete(0.5), &[], Attributes::new());
    assert_eq!(again, Ok((vec![], ())));
    let other = Refusal::Conflict { number: claim.number, what: "its result".into() };
    assert_eq!(world.finish(&claim, complete(0.6)), Err(other.clone()));
    let said = [("a".to_owned(), Json::parse("1").expect("JSON"))].into_iter().collect();
    assert_eq!(world.study.finish(&claim, complete(0.5), &[], said), Err(other));
    let late = world.report(&claim, 0, 0.5).expect_err("it is over");
    assert!(matches!(late, Refusal::StaleLease { .. }), "{late}");
}

#[test]
fn the_best_is_the_first_of_equals() {
    for (direction, values, best) in [
        (Direction::Maximize, [0.2, 0.8, 0.8, 0.5], 1),
        (Direction::Minimize, [0.5, 0.2, 0.8, 0.2], 1),
        (Direction::Minimize, [0.9, 0.8, 0.8, 0.1], 3),
    ] {
        let mut world = World::of(StudySpec { directions: direction.into(), ..spec(9) });
        assert_eq!(world.study.best(), None);
        for value in values {
            let claim = world.lease("w");
            world.finish(&claim, complete(value)).expect("taken");
        }
        let claim = world.lease("w");
        world.finish(&claim, TrialResult::Pruned).expect("taken");
        assert_eq!(world.study.best(), Some(TrialNumber(best)));
        assert_eq!(world.trial(claim.number).values(), None);
        let finished = world.study.finished();
        assert_eq!((finished.complete, finished.pruned, finished.fail), (4, 1, 0));
    }
}

#[test]
fn a_result_with_another_number_of_values_fails_its_trial() {
    let mut world = World::new(1);
    let claim = world.lease("w");
    let two = Values::new([0.5, 0.25]).expect("two");
    world.finish(&claim, TrialResult::Complete(two)).expect("taken");
    let Phase::Finished(outcome) = &world.trial(claim.number).phase else { panic!("not over") };
    let reason = "its result has 2 values, for 1 objective".to_owned();
    assert_eq!(outcome.result, TrialResult::Fail(reason));
}

#[test]
fn times_are_the_wall_clocks() {
    assert_eq!(Study::new(spec(1), Wall(5)).created(), Wall(5));
    let mut world = World::new(3);
    world.enqueue(None).expect("room");
    assert_eq!(world.study.duration(TrialNumber(0), Wall(9)), None, "not begun");
    assert_eq!(world.study.first_started(), None);
    world.at = 7;
    let claim = world.lease("w");
    world.at = 3;
    world.lease("w");
    assert_eq!(world.study.first_started(), Some(Wall(3)), "the earliest, not the first");
    let micros = |world: &World, now| world.study.duration(TrialNumber(0), Wall(now));
    assert_eq!(micros(&world, 12), Some(Duration::from_micros(5)));
    assert_eq!(micros(&world, 2), Some(Duration::ZERO), "the clock went back");
    world.at = 17;
    world.finish(&claim, complete(0.5)).expect("taken");
    assert_eq!(micros(&world, 99), Some(Duration::from_micros(10)));
    assert_eq!(world.study.duration(TrialNumber(9), Wall(9)), None);
}
