//! What a trial leaves behind, and what its next attempt makes of it.

use std::collections::BTreeMap;

use kindling_study::{
    Attempt, Checkpoint, Claim, LeaseEnd, OtherValue, Phase, Refusal, Registry, StudyId, StudySpec,
    StudyState, Trial, TrialId, TrialNumber, TrialResult, Verdict, Wall,
};
use serde_json::json;

use crate::world::{UNTIL, World, blob, complete, fresh_mark, restored, space, spec};

const FIRST: TrialNumber = TrialNumber(0);

/// A study that keeps so many checkpoints, and a trial that has reported steps 0 to 3.
fn reported(keep_checkpoints: u32) -> (World, Claim) {
    let mut world = World::of(StudySpec { keep_checkpoints, max_attempts: 99, ..spec(9) });
    let claim = world.lease("w");
    for step in 0..4 {
        world.report(&claim, step, 0.5).expect("taken");
    }
    (world, claim)
}

/// The trial's checkpoints: the attempts and steps.
fn kept(world: &World) -> Vec<(u32, u64)> {
    world.trial(FIRST).checkpoints.iter().map(|kept| (kept.attempt.0, kept.step)).collect()
}

/// The trial is lost and leased again.
fn again(world: &mut World) -> Claim {
    let events = world.study.expire(UNTIL);
    world.apply(&events);
    let claim = world.lease("v");
    assert_eq!(claim.number, FIRST);
    claim
}

#[test]
fn a_new_attempt_goes_on_from_the_newest_checkpoint() {
    let (mut world, first) = reported(1);
    assert_eq!(world.save(&first, 1, 1), Ok(()));
    assert_eq!(world.save(&first, 2, 2), Ok(()));
    assert_eq!(kept(&world), [(1, 2)]);
    assert_eq!(world.trial(FIRST).start(), None, "the first attempt began at the start");
    let second = again(&mut world);
    assert_eq!(world.steps(FIRST), [0, 1, 2], "what the checkpoint contains");
    let trial = world.trial(FIRST);
    assert_eq!((trial.resumed, trial.has_reported(), trial.has_begun()), (Some(2), false, false));
    assert_eq!(trial.start().map(|start| (start.step, start.blob.sha256)), Some((2, [2; 32])));
    assert_eq!(world.report(&second, 3, 0.25), Ok(Verdict::Continue), "another value than before");
    assert!(world.trial(FIRST).has_reported());
    assert_eq!(world.report(&second, 3, 0.25), Ok(Verdict::Continue), "once more");
    assert_eq!(world.trial(FIRST).curve, [(0, 0.5), (1, 0.5), (2, 0.5), (3, 0.25)]);
    let back = Refusal::StepGoesBack { number: FIRST, step: 1, newest: 3 };
    assert_eq!(world.report(&second, 1, 0.5), Err(back), "not even what the first one said");
    assert_eq!(restored(&world.study, world.study.trials().to_vec()), world.study);
}

#[test]
fn without_a_checkpoint_an_attempt_begins_at_the_start() {
    let (mut world, _) = reported(1);
    again(&mut world);
    assert_eq!((world.steps(FIRST), world.trial(FIRST).resumed), (vec![], None));
}

#[test]
fn the_first_report_of_an_attempt_says_where_it_went_on() {
    for (step, left, resumed) in [
        (0, vec![0], None),
        (1, vec![0, 1], Some(0)),
        (2, vec![0, 1, 2], Some(1)),
        (9, vec![0, 1, 2, 9], Some(2)),
    ] {
        let (mut world, first) = reported(1);
        world.save(&first, 2, 2).expect("taken");
        let second = again(&mut world);
        assert_eq!(world.report(&second, step, 0.5), Ok(Verdict::Continue));
        assert_eq!((world.steps(FIRST), world.trial(FIRST).resumed), (left, resumed), "{step}");
        assert!(world.trial(FIRST).has_reported());
        let once_more = world.study.report(&second, step, 0.5, &[]);
        assert_eq!(once_more, Ok((vec![], Verdict::Continue)));
        assert_eq!(kept(&world), [(1, 2)], "the checkpoint is kept until there is a newer one");
        assert_eq!(restored(&world.study, world.study.trials().to_vec()), world.study);
    }
}

#[test]
fn verdicts_and_values_of_other_objectives_go_with_the_curve() {
    let (mut world, first) = reported(1);
    world.save(&first, 1, 1).expect("taken");
    let mut trials = world.study.trials().to_vec();
    let other = |step| OtherValue { step, objective: 1, value: 0.5 };
    (trials[0].other_values, trials[0].pruned_at) = (vec![other(0), other(1), other(2)], Some(1));
    world.study = restored(&world.study, trials);
    let second = again(&mut world);
    assert_eq!(world.trial(FIRST).other_values, [other(0), other(1)]);
    assert_eq!(world.trial(FIRST).pruned_at, Some(1), "it was given up before the checkpoint");
    assert_eq!(world.study.report(&second, 2, 0.5, &[]).expect("taken").1, Verdict::Prune);
    assert_eq!(world.report(&second, 1, 0.5), Ok(Verdict::Continue), "it goes over that");
    assert_eq!(world.trial(FIRST).other_values, [other(0)]);
    assert_eq!(world.trial(FIRST).pruned_at, None);
}

#[test]
fn a_pruner_sees_what_is_kept_and_no_more() {
    let pruner = serde_json::from_str(r#"{"kind": "patience", "patience": 2}"#).expect("valid");
    let mut world = World::of(StudySpec { pruner, ..spec(9) });
    let first = world.lease("w");
    for (step, value) in [(0, 0.5), (1, 0.9), (2, 0.1), (3, 0.1)] {
        world.report(&first, step, value).expect("taken");
    }
    world.save(&first, 1, 1).expect("taken");
    let begun = again(&mut world);
    let mut anew = World { study: world.study.clone(), at: 0 };
    assert_eq!(world.report(&begun, 2, 0.8), Ok(Verdict::Continue));
    assert_eq!(world.report(&begun, 3, 0.8), Ok(Verdict::Prune), "0.9 is the best of the trial");
    assert_eq!(anew.report(&begun, 0, 0.5), Ok(Verdict::Continue));
    for step in 1..4 {
        let value = 0.5 + step as f64 / 100.0;
        assert_eq!(anew.report(&begun, step, value), Ok(Verdict::Continue), "0.9 is gone");
    }
}

#[test]
fn of_an_attempt_steps_ascend_and_the_newest_are_kept() {
    let (mut world, first) = reported(2);
    for (step, content) in [(0, 1), (2, 2), (3, 3)] {
        assert_eq!(world.save(&first, step, content), Ok(()));
    }
    assert_eq!(kept(&world), [(1, 2), (1, 3)]);
    let late = Refusal::StepGoesBack { number: FIRST, step: 1, newest: 3 };
    assert_eq!(world.save(&first, 1, 1), Err(late));
    let before = world.study.clone();
    assert_eq!(world.save(&first, 2, 2), Ok(()), "once more");
    assert_eq!(world.save(&first, 3, 3), Ok(()), "once more");
    assert_eq!(world.study, before, "the bytes of the first call stay");
    let other = Refusal::Conflict { number: FIRST, what: "the checkpoint of step 3".into() };
    assert_eq!(world.save(&first, 3, 4), Err(other));
    assert_eq!(world.save(&first, 1 << 63, 4), Err(Refusal::StepTooLarge(1 << 63)));
    let second = again(&mut world);
    assert_eq!(world.save(&second, 1, 9), Ok(()), "another attempt may begin anywhere");
    assert_eq!(kept(&world), [(1, 3), (2, 1)]);
    assert!(world.trial(FIRST).has_begun(), "it has saved something");
    assert_eq!(world.trial(FIRST).start().map(|start| start.step), Some(3));
    again(&mut world);
    assert_eq!(world.trial(FIRST).resumed, Some(1), "of the newest attempt, not of the last step");
}

#[test]
fn only_the_newest_lease_saves() {
    let (mut world, first) = reported(3);
    world.save(&first, 1, 1).expect("taken");
    world.keep(&first, "a", 1).expect("taken");
    let saves = |world: &World, claim: &Claim, step| {
        let stands = |refused: Result<_, Refusal>| match refused {
            Err(Refusal::StaleLease { stands, .. }) => stands,
            other => panic!("{other:?}"),
        };
        let checkpoint = world.study.save_checkpoint(claim, step, blob(7)).map(drop);
        let artifact = world.study.save_artifact(claim, "b", "", blob(7)).map(drop);
        assert_eq!(stands(checkpoint), stands(artifact));
        stands(world.study.may_save(claim).map(drop))
    };
    let events = world.study.lose(FIRST);
    world.apply(&events);
    assert_eq!(saves(&world, &first, 3), "it waits to be leased");
    let second = world.lease("v");
    assert_eq!(saves(&world, &first, 3), "it runs under another lease");
    assert_eq!(saves(&world, &first, 1), "it runs under another lease", "not even once more");
    let forged = Claim { mark: Some(fresh_mark()), ..second.clone() };
    assert_eq!(saves(&world, &forged, 3), "it runs under another lease");
    world.save(&second, 5, 5).expect("its own");
    world.keep(&second, "b", 5).expect("its own");
    world.finish(&second, complete(0.5)).expect("taken");
    let finished = world.study.clone();
    assert_eq!(world.save(&second, 5, 5), Ok(()), "once more");
    assert_eq!(world.keep(&second, "b", 5), Ok(()), "once more");
    assert_eq!(world.study, finished);
    let over = |refused: Result<(), Refusal>| {
        let said = refused.expect_err("it is over").to_string();
        assert!(said.ends_with("(it is finished)"), "{said}");
    };
    over(world.save(&second, 6, 6));
    over(world.keep(&second, "b", 6));
    over(world.keep(&second, "c", 6));
    assert_eq!(kept(&world), [(2, 5)], "of a finished trial the newest is kept");
}

#[test]
fn artifacts_are_kept_by_name_and_replaced() {
    let (mut world, first) = reported(1);
    world.at = 5;
    for (name, content) in [("b", 1), ("a/x", 2), ("b", 3), ("b", 3)] {
        assert_eq!(world.keep(&first, name, content), Ok(()));
        world.at += 1;
    }
    let told = |trial: &Trial| -> Vec<_> {
        let artifacts = trial.artifacts.iter();
        artifacts.map(|a| (a.name.to_string(), a.blob.sha256[0], a.saved)).collect()
    };
    let expected = [("a/x".to_owned(), 2, Wall(6)), ("b".to_owned(), 3, Wall(7))];
    assert_eq!(told(world.trial(FIRST)), expected);
    let typed = world.study.save_artifact(&first, "b", "image/png", blob(3)).expect("taken");
    assert_eq!(typed.0.len(), 1, "another type makes it another");
    again(&mut world);
    assert_eq!(told(world.trial(FIRST)), expected, "they stay when the attempt is lost");

    let events = world.study.save_study_artifact("s", "text/plain", blob(8));
    world.apply(&events);
    assert_eq!(events[0].trial(), None);
    assert_eq!(world.study.save_study_artifact("s", "text/plain", blob(8)), []);
    let events = world.study.save_study_artifact("s", "text/plain", blob(9));
    world.apply(&events);
    let [artifact] = world.study.artifacts() else { panic!("{:?}", world.study.artifacts()) };
    assert_eq!((&*artifact.name, artifact.blob.sha256[0]), ("s", 9));
    assert_eq!(restored(&world.study, world.study.trials().to_vec()), world.study);
}

#[test]
fn a_trial_may_go_on_from_anothers_checkpoint() {
    let (mut world, first) = reported(1);
    assert_eq!(world.enqueue_from(FIRST), Err(Refusal::NoCheckpoint(FIRST)));
    let unknown = Refusal::UnknownTrial { number: TrialNumber(7), trials: 1 };
    assert_eq!(world.enqueue_from(TrialNumber(7)), Err(unknown));
    world.save(&first, 2, 2).expect("taken");
    let from = world.enqueue_from(FIRST).expect("it has one");
    world.save(&first, 3, 3).expect("taken");
    let start = |world: &World, number| {
        let trial: &Trial = world.trial(number);
        trial.start().map(|Checkpoint { attempt, step, blob }| (attempt.0, *step, blob.sha256[0]))
    };
    assert_eq!(world.trial(from).warm_start, Some(FIRST));
    let claim = world.lease("v");
    assert_eq!(claim.number, from);
    assert_eq!(start(&world, from), Some((0, 2, 2)), "what was the newest at that time");
    assert_eq!((world.steps(from), world.trial(from).resumed), (vec![], Some(2)));
    world.report(&claim, 3, 0.5).expect("taken");
    world.release(&claim).expect("held");
    let claim = world.lease("v");
    assert_eq!(start(&world, from), Some((0, 2, 2)), "still");
    assert_eq!(world.steps(from), Vec::<u64>::new(), "nothing of this is in the checkpoint");
    world.report(&claim, 3, 0.5).expect("taken");
    world.save(&claim, 3, 4).expect("taken");
    world.finish(&claim, TrialResult::Fail("x".into())).expect("taken");
    let retry = world.retry(from.0, None).expect("it failed");
    let claim = world.lease("v");
    assert_eq!(claim.number, retry);
    assert_eq!(start(&world, retry), Some((0, 3, 3)), "not from the one that failed");
    assert_eq!(restored(&world.study, world.study.trials().to_vec()), world.study);
}

#[test]
fn a_retry_begins_at_the_start() {
    let (mut world, first) = reported(1);
    world.save(&first, 2, 2).expect("taken");
    world.finish(&first, TrialResult::Fail("diverged".into())).expect("taken");
    let retry = world.retry(0, None).expect("it failed");
    let trial = world.trial(retry);
    assert_eq!((trial.warm_start, trial.checkpoints.len()), (None, 0));
    let from = world.enqueue_from(FIRST).expect("unless somebody asks for it");
    assert_eq!(world.trial(from).checkpoints[0].step, 2);
}

#[test]
fn a_request_names_its_warm_start() {
    let (mut world, first) = reported(1);
    world.save(&first, 2, 2).expect("taken");
    let ask = |world: &World, from| world.study.enqueue(&[], from, Some("r".into()));
    let (events, number) = ask(&world, Some(FIRST)).expect("room");
    world.apply(&events);
    world.save(&first, 3, 3).expect("taken");
    assert_eq!(ask(&world, Some(FIRST)), Ok((vec![], number)), "once more");
    let reused = Refusal::RequestReused { request: "r".into(), number };
    assert_eq!(ask(&world, None), Err(reused));
}

#[test]
fn what_is_confirmed_starts_where_it_did() {
    let confirm = serde_json::from_str(r#"{"by": ["x"], "seeds": 1}"#).expect("valid");
    let choices = space(json!([{
        "name": "x",
        "distribution": { "type": "categorical", "choices": ["a"] },
    }]));
    let mut world = World::of(StudySpec { confirm: Some(confirm), space: choices, ..spec(2) });
    let first = world.lease("w");
    world.save(&first, 2, 2).expect("taken");
    world.enqueue_from(FIRST).expect("room");
    world.finish(&first, complete(0.5)).expect("taken");
    let second = world.lease("w");
    world.finish(&second, complete(0.9)).expect("taken");
    let third = world.lease("w");
    let trial = world.trial(third.number);
    assert_eq!(trial.confirms.map(|c| c.of), Some(second.number));
    assert_eq!((trial.warm_start, trial.resumed), (Some(FIRST), Some(2)));
    assert_eq!(trial.start().map(|start| start.blob.sha256[0]), Some(2));
}

#[test]
fn attempts_say_who_and_when_and_why() {
    let (mut world, first) = reported(1);
    world.save(&first, 2, 2).expect("taken");
    world.at = 10;
    world.release(&first).expect("held");
    world.at = 20;
    let second = world.lease("v");
    world.at = 30;
    world.change(StudyState::Stopped);
    world.change(StudyState::Active);
    world.at = 40;
    world.lease("u");
    world.at = 50;
    let events = world.study.lose(FIRST);
    world.apply(&events);
    let told: Vec<_> = world
        .trial(FIRST)
        .attempts
        .iter()
        .map(|past| {
            (
                past.attempt.0,
                past.worker.as_str(),
                past.leased.0,
                past.ended.0,
                past.end,
                past.resumed,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "w", 0, 10, LeaseEnd::HandedBack, None),
            (2, "v", 20, 30, LeaseEnd::StudyStopped, Some(2)),
            (3, "u", 40, 50, LeaseEnd::Expired, Some(2)),
        ]
    );
    assert_eq!(second.attempt, Attempt(2));
    for _ in 0..40 {
        let claim = world.lease("w");
        world.release(&claim).expect("held");
    }
    let known = world.trial(FIRST).attempts.iter().map(|past| past.attempt.0);
    assert!(known.eq(12..=43), "the newest 32");
    world.lease("w");
    let known = world.trial(FIRST).attempts.iter().map(|past| past.attempt.0);
    assert!(known.eq(13..=43), "with the one that runs");
    assert!(matches!(world.trial(FIRST).phase, Phase::Running(_)));
}

#[test]
fn all_that_is_kept_can_be_listed() {
    let (mut world, first) = reported(2);
    world.save(&first, 1, 1).expect("taken");
    world.save(&first, 2, 2).expect("taken");
    world.keep(&first, "a", 3).expect("taken");
    world.enqueue_from(FIRST).expect("room");
    let events = world.study.save_study_artifact("s", "", blob(4));
    world.apply(&events);
    world.finish(&first, complete(0.5)).expect("taken");
    assert_eq!(Registry::default().blobs().count(), 0);
    let studies = BTreeMap::from([(StudyId(1), world.study)]);
    let studies = Registry::restore(studies, BTreeMap::new(), StudyId(2), TrialId(9));
    let mut contents: Vec<_> = studies.blobs().map(|blob| blob.sha256[0]).collect();
    contents.sort_unstable();
    assert_eq!(contents, [2, 2, 3, 4], "the checkpoint that two trials need is there twice");
}
