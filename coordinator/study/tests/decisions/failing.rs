//! A study whose trials fail one after another.

use kindling_study::{Attributes, Event, ParamValue, Phase, StudyState, TrialResult};

use crate::world::{UNTIL, World, after, complete, fresh_mark, restored, spec, worker};

fn fail(world: &mut World, times: usize) {
    for time in 0..times {
        let claim = world.lease("w");
        world.finish(&claim, TrialResult::Fail(format!("no file {time}"))).expect("taken");
    }
}

#[test]
fn a_study_of_which_nothing_comes_is_paused_and_says_why() {
    let mut world = World::new(100);
    fail(&mut world, 9);
    assert_eq!((world.study.state(), world.study.pause_reason()), (StudyState::Active, None));
    fail(&mut world, 1);
    assert_eq!(world.study.state(), StudyState::Paused);
    assert_eq!(world.study.lease(&worker("w"), 0, fresh_mark()), None);
    let reason = "10 trials failed in a row, the last one: no file 0";
    assert_eq!(world.study.pause_reason(), Some(reason));
    let again = restored(&world.study, world.study.trials().to_vec());
    assert_eq!(again, world.study, "a restart knows as much");

    // A resumed study gets as many failures again.
    world.change(StudyState::Active);
    assert_eq!(world.study.pause_reason(), None);
    world.study = restored(&world.study, world.study.trials().to_vec());
    fail(&mut world, 9);
    assert_eq!(world.study.state(), StudyState::Active);
    fail(&mut world, 1);
    assert_eq!(world.study.state(), StudyState::Paused);
}

#[test]
fn one_result_starts_the_count_anew_and_then_it_takes_twice_as_many() {
    let mut world = World::new(100);
    fail(&mut world, 9);
    let claim = world.lease("w");
    world.finish(&claim, TrialResult::Pruned).expect("taken");
    fail(&mut world, 19);
    assert_eq!(world.study.state(), StudyState::Active);
    let claim = world.lease("w");
    world.finish(&claim, complete(0.5)).expect("taken");
    fail(&mut world, 20);
    assert_eq!(world.study.state(), StudyState::Paused);
}

#[test]
fn what_is_finished_after_the_pause_does_not_hide_why() {
    let mut world = World::new(100);
    let late = world.lease("v");
    fail(&mut world, 10);
    world.finish(&late, complete(0.5)).expect("taken");
    assert_eq!(world.study.state(), StudyState::Paused);
    assert!(world.study.pause_reason().is_some());
    let again = restored(&world.study, world.study.trials().to_vec());
    assert_eq!(again, world.study);
    world.change(StudyState::Active);
    world.change(StudyState::Paused);
    assert_eq!(world.study.pause_reason(), None, "now it was somebody's wish");
}

#[test]
fn every_way_to_fail_counts() {
    let mut world = World::new(100);
    fail(&mut world, 7);
    let claim = world.lease("w");
    world.finish(&claim, complete(f64::NAN)).expect("taken");
    let claim = world.lease("w");
    world.report(&claim, 0, f64::NAN).expect("taken");
    // The last two are lost together, for the last time.
    let claims = [world.lease("v"), world.lease("v")];
    for _ in 0..2 {
        let events = world.study.expire(UNTIL);
        world.apply(&events);
        if world.study.state() == StudyState::Active {
            assert_eq!(world.lease("v").number, claims[0].number);
            assert_eq!(world.lease("v").number, claims[1].number);
        }
    }
    assert!(matches!(world.trial(claims[1].number).phase, Phase::Finished(_)));
    assert_eq!(world.study.finished().fail, 11);
    assert_eq!(world.study.state(), StudyState::Paused, "ten were passed in one step");
}

#[test]
fn a_study_may_set_its_own_bound_or_none() {
    for (most, fails) in [(1, 1), (5, 3)] {
        let mut spec = spec(100);
        spec.max_failures_in_a_row = most;
        let mut world = World::of(spec);
        fail(&mut world, fails);
        assert_eq!(world.study.state(), StudyState::Paused, "{most}");
    }
    let mut spec = spec(50);
    spec.max_failures_in_a_row = 0;
    let mut world = World::of(spec);
    fail(&mut world, 50);
    assert_eq!((world.study.state(), world.study.is_finished()), (StudyState::Active, true));
}

#[test]
fn a_study_that_often_fails_is_not_paused() {
    for seed in 0..5 {
        let mut spec = spec(1000);
        spec.seed = seed;
        let mut world = World::of(spec);
        while !world.study.is_finished() {
            // 40 % fail: in even seeds a region of the space, in odd seeds at random.
            let claim = world.lease("w");
            let params = world.trial(claim.number).params().cloned().expect("proposed");
            let Some(ParamValue::Float(x)) = params[0] else { panic!("{params:?}") };
            let fails =
                if seed % 2 == 0 { x < 0.4 } else { world.study.seed_of(claim.number) % 5 < 2 };
            let result = if fails { TrialResult::Fail("no".to_owned()) } else { complete(x) };
            world.finish(&claim, result).expect("taken");
            assert_eq!(world.study.state(), StudyState::Active);
        }
        assert!(world.study.finished().fail > 300);
    }
}

#[test]
fn nobody_elses_pause_is_touched_and_it_is_not_paused_twice() {
    let mut world = World::new(100);
    let claims: Vec<_> = (0..12).map(|_| world.lease("w")).collect();
    world.change(StudyState::Paused);
    for claim in &claims {
        let (events, ()) = world
            .study
            .finish(claim, TrialResult::Fail("no".to_owned()), &[], Attributes::new())
            .expect("taken");
        assert!(matches!(events[..], [Event::Finished { .. }]), "{events:?}");
        world.apply(&events);
    }
    assert!(world.study.expire(after(1000)).is_empty());
}
