//! How many trials there are, and who may add one.

use kindling_study::{Choice, Refusal, StudyState, TrialNumber, TrialResult};

use crate::world::{World, complete, fresh_mark, worker};

#[test]
fn what_does_not_change_anything_is_no_event() {
    let mut world = World::new(3);
    assert_eq!(world.study.change_state(StudyState::Active), vec![]);
    assert_eq!(world.study.change_budget(3), Ok((vec![], ())));
    assert!(world.study.change_budget(4).is_ok_and(|(events, ())| events.len() == 1));
    world.lease("w");
    assert_eq!(world.study.change_state(StudyState::Paused).len(), 1);
    assert_eq!(world.study.change_state(StudyState::Stopped).len(), 2, "and the trial is called");
}

#[test]
fn a_budget_is_not_below_the_trials_that_exist() {
    let mut world = World::new(5);
    let claims = [world.lease("w"), world.lease("v")];
    let refused = Refusal::BudgetTooSmall { wanted: 1, existing: 2 };
    assert_eq!(world.study.change_budget(1), Err(refused));
    world.change_budget(2).expect("as many as there are");
    assert_eq!(world.study.budget(), 2);
    assert_eq!(world.study.lease(&worker("u"), 0, fresh_mark()), None, "all exist");
    assert_eq!(world.enqueue(None), Err(Refusal::BudgetSpent { budget: 2 }));
    for claim in &claims {
        assert!(!world.study.is_finished());
        world.finish(claim, complete(0.5)).expect("taken");
    }
    assert!(world.study.is_finished());
}

#[test]
fn a_request_adds_one_trial() {
    let mut world = World::new(3);
    assert_eq!(world.enqueue(Some("r")), Ok(TrialNumber(0)));
    assert_eq!(world.study.enqueue(&[], None, Some("r".into())), Ok((vec![], TrialNumber(0))));
    assert_eq!(world.enqueue(Some("q")), Ok(TrialNumber(1)));
    assert_eq!(world.enqueue(None), Ok(TrialNumber(2)));
    let nonsense = [("y".to_owned(), Choice::Int(1))];
    assert!(matches!(world.study.enqueue(&nonsense, None, None), Err(Refusal::NotInSpace(_))));
}

#[test]
fn a_request_that_asks_for_something_else_is_refused() {
    let mut world = World::new(9);
    assert_eq!(world.enqueue(Some("r")), Ok(TrialNumber(0)));
    let claim = world.lease("w");
    world.finish(&claim, TrialResult::Fail("x".into())).expect("taken");
    assert_eq!(world.retry(0, Some("q")), Ok(TrialNumber(1)));
    let reused = |request: &str, number| Refusal::RequestReused {
        request: request.into(),
        number: TrialNumber(number),
    };
    let x = [("x".to_owned(), Choice::Float(0.5))];
    assert_eq!(world.study.enqueue(&x, None, Some("r".into())), Err(reused("r", 0)));
    assert_eq!(world.study.enqueue(&[], None, Some("q".into())), Err(reused("q", 1)), "it retried");
    assert_eq!(world.study.retry(TrialNumber(0), Some("r".into())), Err(reused("r", 0)));
    assert_eq!(world.study.retry(TrialNumber(1), Some("q".into())), Err(reused("q", 1)));
    let again = world.study.retry(TrialNumber(0), Some("q".into()));
    assert_eq!(again, Ok((vec![], TrialNumber(1))));
}

#[test]
fn a_failed_trial_is_retried_in_a_place_of_its_own() {
    let mut world = World::new(2);
    let claims = [world.lease("w"), world.lease("w")];
    assert_eq!(world.retry(0, None), Err(Refusal::NotFailed(TrialNumber(0))));
    let unknown = Refusal::UnknownTrial { number: TrialNumber(2), trials: 2 };
    assert_eq!(world.retry(2, None), Err(unknown));
    world.finish(&claims[0], complete(0.5)).expect("taken");
    world.finish(&claims[1], TrialResult::Fail("x".into())).expect("taken");
    assert_eq!(world.retry(0, None), Err(Refusal::NotFailed(TrialNumber(0))));
    assert_eq!(world.retry(1, Some("r")), Ok(TrialNumber(2)));
    assert_eq!(world.study.retry(TrialNumber(1), Some("r".into())), Ok((vec![], TrialNumber(2))));
    assert_eq!(world.study.budget(), 3);
    let retry = world.trial(TrialNumber(2));
    assert_eq!(retry.retry_of, Some(TrialNumber(1)));
    assert_eq!(Some(&retry.fixed), world.trial(TrialNumber(1)).params());
}
