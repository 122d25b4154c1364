//! Who gets a trial, keeps it, and loses it.

use std::time::Duration;

use kindling_study::{
    Attempt, Claim, Mark, Phase, Refusal, StudyState, Tick, TrialNumber, TrialResult, Verdict,
};

use crate::world::{UNTIL, World, after, complete, fresh_mark, spec, worker};

#[test]
fn a_study_that_is_paused_or_stopped_gives_out_no_work() {
    for state in [StudyState::Paused, StudyState::Stopped] {
        let mut world = World::new(3);
        world.enqueue(None).expect("room");
        world.change(state);
        assert_eq!(world.study.lease(&worker("w"), 0, fresh_mark()), None, "{state:?}");
        world.change(StudyState::Active);
        assert_eq!(world.lease("w").number, TrialNumber(0));
    }
}

#[test]
fn only_stopping_calls_trials_back_and_that_is_no_loss() {
    let mut world = World::new(3);
    let claim = world.lease("w");
    world.change(StudyState::Paused);
    assert!(matches!(world.trial(claim.number).phase, Phase::Running(_)));
    world.change(StudyState::Stopped);
    assert_eq!(world.trial(claim.number).phase, Phase::Waiting);
    assert_eq!(world.trial(claim.number).losses, 0);
    world.change(StudyState::Active);
    let again = world.lease("v");
    assert_ne!(again.mark, claim.mark, "each lease has its own");
    let expected = Claim { attempt: Attempt(2), worker: worker("v"), mark: again.mark, ..claim };
    assert_eq!(again, expected);
}

#[test]
fn a_refusal_says_where_the_trial_stands() {
    let mut world = World::new(1);
    let first = world.lease("w");
    assert_eq!(world.release(&first), Ok(()));
    assert_eq!(world.study.release(&first), Ok((vec![], ())), "once more");
    let held = |refusal: Result<_, Refusal>| match refusal {
        Err(Refusal::StaleLease { number: TrialNumber(0), claimed: Attempt(1), stands }) => stands,
        other => panic!("{other:?}"),
    };
    assert_eq!(held(world.report(&first, 0, 0.5).map(drop)), "it waits to be leased");
    assert_eq!(held(world.finish(&first, complete(0.5))), "it waits to be leased");
    let other = Claim { worker: worker("x"), ..first.clone() };
    assert_eq!(held(world.release(&other)), "it waits to be leased");
    let second = world.lease("v");
    assert_eq!(held(world.finish(&first, complete(0.5))), "it runs under another lease");
    assert_eq!(held(world.release(&first)), "it runs under another lease");
    world.finish(&second, complete(0.5)).expect("taken");
    assert_eq!(held(world.release(&first)), "it is finished");
    let finished = world.release(&second).expect_err("it has a result").to_string();
    let said = "attempt 2 at trial 0 is not this worker's lease (it is finished)";
    assert_eq!(finished, said);
}

#[test]
fn a_claim_without_the_leases_own_mark_is_nobodys() {
    let mut world = World::new(1);
    let own = world.lease("w");
    let no_mark = "the call shows no mark, as workers of earlier versions do not";
    for (mark, stands) in [(None, no_mark), (Some(fresh_mark()), "it runs under another lease")] {
        let forged = Claim { mark, ..own.clone() };
        let before = world.study.clone();
        let refused = [
            world.report(&forged, 0, 0.5).map(drop),
            world.finish(&forged, complete(0.5)),
            world.release(&forged),
        ];
        for refused in refused {
            let said = refused.expect_err("a guess").to_string();
            assert!(said.ends_with(&format!("lease ({stands})")), "{said}");
        }
        assert_eq!(world.study, before, "nothing changed");
    }
    assert_eq!(world.report(&own, 0, 0.5), Ok(Verdict::Continue));
    assert_eq!(world.finish(&own, complete(0.5)), Ok(()));
    assert_eq!(world.finish(&own, complete(0.5)), Ok(()), "once more");
    let forged = Claim { mark: None, ..own };
    assert!(world.finish(&forged, complete(0.5)).is_err(), "not even what is recorded");
}

#[test]
fn a_mark_does_not_show_itself() {
    let mark = Mark::new([0xAB; Mark::LEN]);
    assert_eq!(format!("{mark:?}"), "Mark(…)");
    assert_eq!(mark, Mark::new([0xAB; Mark::LEN]));
    let mut near = [0xAB; Mark::LEN];
    near[15] = 0xAA;
    assert_ne!(mark, Mark::new(near));
}

#[test]
fn a_lease_ends_at_its_deadline_and_too_many_losses_fail_the_trial() {
    let mut world = World::new(1);
    let claim = world.lease("w");
    let last = Tick(UNTIL.0.saturating_sub(Duration::from_nanos(1)));
    assert_eq!(last + Duration::from_nanos(1), UNTIL);
    assert_eq!(world.study.expire(last), vec![]);
    let events = world.study.expire(UNTIL);
    assert_eq!(events, world.study.lose(claim.number));
    world.apply(&events);
    assert_eq!(
        (&world.trial(claim.number).phase, world.trial(claim.number).losses),
        (&Phase::Waiting, 1)
    );
    let claim = world.lease("v");
    let events = world.study.expire(UNTIL);
    world.apply(&events);
    let Phase::Finished(outcome) = &world.trial(claim.number).phase else { panic!("{events:?}") };
    let reason = TrialResult::Fail("lost 2 times with its worker, last with v".into());
    assert_eq!(outcome.result, reason);
}

#[test]
fn leases_are_renewed_and_hastened_by_worker() {
    let mut world = World::new(3);
    let (of_w, of_v) = (world.lease("w"), world.lease("v"));
    let until = |world: &World, claim: &Claim| match world.trial(claim.number).phase {
        Phase::Running(lease) => lease.deadline,
        ref phase => panic!("{phase:?}"),
    };
    world.study.renew(&worker("w"), after(50));
    assert_eq!((until(&world, &of_w), until(&world, &of_v)), (after(50), UNTIL));
    world.study.hasten(&worker("w"), after(40));
    assert_eq!(until(&world, &of_w), after(40));
    world.study.hasten(&worker("w"), after(60));
    assert_eq!(until(&world, &of_w), after(40), "never later");
    world.study.renew_all(after(70));
    assert_eq!((until(&world, &of_w), until(&world, &of_v)), (after(70), after(70)));
    assert_eq!(world.study.held_by(&worker("w")).collect::<Vec<_>>(), [of_w.number]);
    let another = world.lease("w");
    world.release(&of_w).expect("its own");
    assert_eq!(world.study.held_by(&worker("w")).collect::<Vec<_>>(), [another.number]);
}

#[test]
fn a_loss_after_a_new_checkpoint_does_not_count() {
    let mut world = World::of(kindling_study::StudySpec { max_attempts: 2, ..spec(1) });
    let lose = |world: &mut World| {
        let events = world.study.lose(TrialNumber(0));
        world.apply(&events);
        world.trial(TrialNumber(0)).phase.clone()
    };
    // Each attempt gets further, and kills its worker.
    for step in 0..5 {
        let claim = world.lease("w");
        world.save(&claim, step, 1).expect("saved");
        assert_eq!(lose(&mut world), Phase::Waiting, "{step}");
        let handed_back = world.lease("w");
        world.release(&handed_back).expect("given back");
    }
    world.lease("w");
    assert_eq!(lose(&mut world), Phase::Waiting, "once since then");
    world.lease("v");
    let Phase::Finished(outcome) = lose(&mut world) else { panic!("twice since then") };
    let reason = "lost 2 times with its worker without getting further, last with v";
    assert_eq!(outcome.result, TrialResult::Fail(reason.into()));
}

#[test]
fn a_trial_that_gets_further_each_time_ends_too() {
    let mut world = World::of(kindling_study::StudySpec { max_attempts: 4, ..spec(1) });
    let mut losses = 0;
    loop {
        let claim = world.lease("w");
        world.save(&claim, losses, 1).expect("saved");
        let events = world.study.lose(TrialNumber(0));
        world.apply(&events);
        losses += 1;
        assert!(losses <= 40, "ten times as often as one that stands still");
        if matches!(world.trial(TrialNumber(0)).phase, Phase::Finished(_)) {
            break;
        }
    }
    assert_eq!(losses, 40);
    let Phase::Finished(outcome) = &world.trial(TrialNumber(0)).phase else { panic!("it ended") };
    assert_eq!(
        outcome.result,
        TrialResult::Fail("lost 40 times with its worker, last with w".into())
    );
}

#[test]
fn losses_that_nobody_remembers_count_as_far_as_there_were_some() {
    let most = 50;
    let mut world = World::of(kindling_study::StudySpec { max_attempts: most, ..spec(1) });
    let claim = world.lease("w");
    world.save(&claim, 0, 1).expect("saved");
    let mut losses = 0;
    loop {
        let events = world.study.lose(TrialNumber(0));
        world.apply(&events);
        if !matches!(world.trial(TrialNumber(0)).phase, Phase::Waiting) {
            break;
        }
        losses += 1;
        world.lease("w");
    }
    assert_eq!(losses, most, "the first loss is forgiven, and the last one ends it");
}
