//! What the core decides, case by case: each fact is one that a change of a line would break.

use std::ops::Bound;
use std::time::Duration;

use kindling_study::{
    Attempt, Attributes, Choice, Claim, Creation, Event, LeaseEnd, Phase, Record, Refusal,
    Registry, Result as TrialResult, Study, StudyId, StudySpec, StudyState, Tick, Trial,
    TrialNumber, Verdict, Wall, WorkerId,
};
use serde_json::json;

/// When a lease ends.
const UNTIL: Tick = Tick(Duration::from_secs(30));

/// A study of some trials with one parameter, `x` from 0 to 1.
fn spec(trials: u32) -> StudySpec {
    let space = json!([{
        "name": "x",
        "distribution": { "type": "float", "low": 0.0, "high": 1.0 },
    }]);
    let spec = json!({
        "name": "s", "direction": "maximize", "trials": trials, "seed": 1, "max_attempts": 2,
        "sampler": { "kind": "random" }, "pruner": { "kind": "none" }, "space": space,
        "objective": { "kind": "test", "settings": {} },
    });
    serde_json::from_value(spec).expect("valid")
}

struct World {
    study: Study,
    /// The wall clock, in microseconds.
    at: i64,
}

impl World {
    fn new(trials: u32) -> Self {
        Self::of(spec(trials))
    }

    fn of(spec: StudySpec) -> Self {
        Self { study: Study::new(spec, Wall(0)), at: 0 }
    }

    fn apply(&mut self, events: &[Event]) {
        for event in events {
            self.study.apply(event, Wall(self.at), UNTIL);
        }
    }

    fn lease(&mut self, name: &str) -> Claim {
        let (events, number) = self.study.lease(&worker(name)).expect("work");
        self.apply(&events);
        let attempt = self.trial(number).attempt;
        Claim { number, attempt, worker: worker(name) }
    }

    fn report(&mut self, claim: &Claim, step: u64, value: f64) -> Result<Verdict, Refusal> {
        let (events, verdict) = self.study.report(claim, step, value)?;
        self.apply(&events);
        Ok(verdict)
    }

    fn finish(&mut self, claim: &Claim, result: TrialResult) -> Result<(), Refusal> {
        let (events, ()) = self.study.finish(claim, result, Attributes::new())?;
        self.apply(&events);
        Ok(())
    }

    fn release(&mut self, claim: &Claim) -> Result<(), Refusal> {
        let (events, ()) = self.study.release(claim)?;
        self.apply(&events);
        Ok(())
    }

    fn enqueue(&mut self, request: Option<&str>) -> Result<TrialNumber, Refusal> {
        let (events, number) = self.study.enqueue(&[], request.map(str::to_owned))?;
        self.apply(&events);
        Ok(number)
    }

    fn retry(&mut self, number: u32, request: Option<&str>) -> Result<TrialNumber, Refusal> {
        let (events, number) = self.study.retry(TrialNumber(number), request.map(str::to_owned))?;
        self.apply(&events);
        Ok(number)
    }

    fn change(&mut self, state: StudyState) {
        let events = self.study.change_state(state);
        self.apply(&events);
    }

    fn trial(&self, number: TrialNumber) -> &Trial {
        self.study.get(number).expect("it is there")
    }
}

fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).expect("a name")
}

fn complete(value: f64) -> TrialResult {
    TrialResult::Complete(value)
}

fn after(seconds: u64) -> Tick {
    Tick(Duration::from_secs(seconds))
}

#[test]
fn a_study_that_is_paused_or_stopped_gives_out_no_work() {
    for state in [StudyState::Paused, StudyState::Stopped] {
        let mut world = World::new(3);
        world.enqueue(None).expect("room");
        world.change(state);
        assert_eq!(world.study.lease(&worker("w")), None, "{state:?}");
        world.change(StudyState::Active);
        assert_eq!(world.lease("w").number, TrialNumber(0));
    }
}

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
fn only_stopping_calls_trials_back_and_that_is_no_loss() {
    let mut world = World::new(3);
    let claim = world.lease("w");
    world.change(StudyState::Paused);
    assert!(matches!(world.trial(claim.number).phase, Phase::Running(_)));
    world.change(StudyState::Stopped);
    assert_eq!(world.trial(claim.number).phase, Phase::Waiting);
    assert_eq!(world.trial(claim.number).losses, 0);
    world.change(StudyState::Active);
    assert_eq!(world.lease("v"), Claim { attempt: Attempt(2), worker: worker("v"), ..claim });
}

#[test]
fn a_budget_is_not_below_the_trials_that_exist() {
    let mut world = World::new(5);
    let claims = [world.lease("w"), world.lease("v")];
    let refused = Refusal::BudgetTooSmall { wanted: 1, existing: 2 };
    assert_eq!(world.study.change_budget(1), Err(refused));
    let (events, ()) = world.study.change_budget(2).expect("as many as there are");
    world.apply(&events);
    assert_eq!(world.study.budget(), 2);
    assert_eq!(world.study.lease(&worker("u")), None, "all exist");
    assert_eq!(world.enqueue(None), Err(Refusal::BudgetSpent { budget: 2 }));
    for claim in &claims {
        assert!(!world.study.is_finished());
        world.finish(claim, complete(0.5)).expect("taken");
    }
    assert!(world.study.is_finished());
}

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
    assert_eq!(world.study.report(&claim, 3, 0.5), Ok((vec![], Verdict::Continue)), "once more");
    assert_eq!(world.report(&claim, largest, 0.5), Ok(Verdict::Continue));
    assert_eq!(world.trial(number).intermediate(3), Some(0.5));
    assert_eq!(world.trial(number).intermediate(4), None);
}

#[test]
fn what_a_pruner_gave_up_stays_so_and_what_came_before_it_does_not() {
    let pruner = serde_json::from_value(json!({ "kind": "patience", "patience": 1 }));
    let mut world = World::of(StudySpec { pruner: pruner.expect("valid"), ..spec(1) });
    let claim = world.lease("w");
    assert_eq!(world.report(&claim, 0, 0.5), Ok(Verdict::Continue));
    assert_eq!(world.report(&claim, 1, 0.4), Ok(Verdict::Prune));
    assert_eq!(world.report(&claim, 2, 0.9), Ok(Verdict::Prune), "for good");
    assert_eq!(world.trial(claim.number).pruned_at, Some(1));
    for (step, value, verdict) in
        [(0, 0.5, Verdict::Continue), (1, 0.4, Verdict::Prune), (2, 0.9, Verdict::Prune)]
    {
        assert_eq!(world.study.report(&claim, step, value), Ok((vec![], verdict)));
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
    assert_eq!(world.study.report(&claim, 4, f64::NEG_INFINITY), Ok((vec![], Verdict::Stop)));
    let another = world.study.report(&claim, 5, f64::NAN).expect_err("another one");
    assert!(another.to_string().contains("it finished in attempt 1 on w"), "{another}");

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
    let again = world.study.finish(&claim, complete(0.5), Attributes::new());
    assert_eq!(again, Ok((vec![], ())));
    let other = Refusal::Conflict { number: claim.number, what: "its result".into() };
    assert_eq!(world.finish(&claim, complete(0.6)), Err(other.clone()));
    let said = [("a".to_owned(), json!(1))].into_iter().collect();
    assert_eq!(world.study.finish(&claim, complete(0.5), said), Err(other));
    let late = world.report(&claim, 0, 0.5).expect_err("it is over");
    assert!(matches!(late, Refusal::StaleLease { .. }), "{late}");
}

#[test]
fn a_refusal_says_where_the_trial_stands() {
    let mut world = World::new(1);
    let first = world.lease("w");
    assert_eq!(world.release(&first), Ok(()));
    assert_eq!(world.study.release(&first), Ok((vec![], ())), "once more");
    let held = |refusal: Result<_, Refusal>| match refusal {
        Err(Refusal::StaleLease { number: TrialNumber(0), claimed: Attempt(1), held }) => held,
        other => panic!("{other:?}"),
    };
    assert_eq!(held(world.report(&first, 0, 0.5).map(drop)), "it waits to be leased");
    assert_eq!(held(world.finish(&first, complete(0.5))), "it waits to be leased");
    let other = Claim { worker: worker("x"), ..first.clone() };
    assert_eq!(held(world.release(&other)), "it waits to be leased");
    let second = world.lease("v");
    assert_eq!(held(world.finish(&first, complete(0.5))), "attempt 2 runs on v");
    assert_eq!(held(world.release(&first)), "attempt 2 runs on v");
    world.finish(&second, complete(0.5)).expect("taken");
    assert_eq!(held(world.release(&first)), "it finished in attempt 2 on v");
    let finished = world.release(&second).expect_err("it has a result");
    assert!(finished.to_string().contains("it finished in attempt 2 on v"), "{finished}");
}

#[test]
fn a_lease_ends_at_its_deadline_and_too_many_losses_fail_the_trial() {
    let mut world = World::new(1);
    let claim = world.lease("w");
    assert_eq!(world.study.expire(Tick(UNTIL.0.saturating_sub(Duration::from_nanos(1)))), vec![]);
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
fn a_request_adds_one_trial() {
    let mut world = World::new(3);
    assert_eq!(world.enqueue(Some("r")), Ok(TrialNumber(0)));
    assert_eq!(world.study.enqueue(&[], Some("r".into())), Ok((vec![], TrialNumber(0))));
    assert_eq!(world.enqueue(Some("q")), Ok(TrialNumber(1)));
    assert_eq!(world.enqueue(None), Ok(TrialNumber(2)));
    let nonsense = [("y".to_owned(), Choice::Int(1))];
    assert!(matches!(world.study.enqueue(&nonsense, None), Err(Refusal::NotInSpace(_))));
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

#[test]
fn the_best_is_the_first_of_equals() {
    for (direction, values, best) in [
        ("maximize", [0.2, 0.8, 0.8, 0.5], 1),
        ("minimize", [0.5, 0.2, 0.8, 0.2], 1),
        ("minimize", [0.9, 0.8, 0.8, 0.1], 3),
    ] {
        let direction = serde_json::from_value(json!(direction)).expect("valid");
        let mut world = World::of(StudySpec { direction, ..spec(9) });
        assert_eq!(world.study.best(), None);
        for value in values {
            let claim = world.lease("w");
            world.finish(&claim, complete(value)).expect("taken");
        }
        let claim = world.lease("w");
        world.finish(&claim, TrialResult::Pruned).expect("taken");
        assert_eq!(world.study.best(), Some(TrialNumber(best)));
        assert_eq!(world.trial(claim.number).value(), None);
        let finished = world.study.finished();
        assert_eq!((finished.complete, finished.pruned, finished.fail), (4, 1, 0));
    }
}

#[test]
fn times_are_the_wall_clocks() {
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

#[test]
fn a_restart_restores_all_that_follows_from_the_trials() {
    let pruner = serde_json::from_value(json!({ "kind": "median", "startup_trials": 1 }));
    let mut world = World::of(StudySpec { pruner: pruner.expect("valid"), ..spec(9) });
    world.enqueue(Some("r")).expect("room");
    for (value, result) in [
        (0.9, complete(0.5)),
        (0.1, TrialResult::Pruned),
        (0.5, TrialResult::Fail("x".into())),
        (0.7, complete(0.6)),
    ] {
        world.at += 1;
        let claim = world.lease("w");
        world.report(&claim, 0, value).expect("taken");
        world.finish(&claim, result).expect("taken");
    }
    let running = world.lease("v");
    world.report(&running, 0, 0.2).expect("taken");
    world.enqueue(None).expect("room");
    let restored = restored(&world.study, world.study.trials().to_vec());
    assert_eq!(restored, world.study);
    assert_eq!(restored.best(), Some(TrialNumber(3)));
    assert_eq!(restored.first_started(), Some(Wall(1)));
    assert_eq!(restored.held_by(&worker("v")).collect::<Vec<_>>(), [running.number]);
    assert_eq!(restored.enqueue(&[], Some("r".into())), Ok((vec![], TrialNumber(0))));
}

/// The study as a restart makes it, of these trials.
fn restored(study: &Study, trials: Vec<Trial>) -> Study {
    let (spec, order) = (study.spec().clone(), study.finish_order().to_vec());
    let (state, confirm) = (study.state(), study.confirm().cloned());
    Study::restore(spec, state, study.budget(), confirm, study.created(), trials, order)
}

#[test]
fn a_replay_finds_what_was_not_proposed_so() {
    let mut world = World::new(4);
    for _ in 0..3 {
        let claim = world.lease("w");
        world.finish(&claim, complete(0.5)).expect("taken");
    }
    assert_eq!((world.study.replay().checked, world.study.replay().mismatches), (3, vec![]));
    let mut trials = world.study.trials().to_vec();
    for (place, x) in [(2, 0.25), (0, 0.75)] {
        let proposal = trials[place].proposal.as_mut().expect("proposed");
        proposal.params[0] = Some(kindling_study::ParamValue::Float(x));
    }
    let (of, altered) = (&world.study, restored(&world.study, trials));
    let found = altered.replay().mismatches;
    assert_eq!(found.iter().map(|m| m.number.0).collect::<Vec<_>>(), [0, 2]);
    for mismatch in found {
        assert_eq!(Some(&mismatch.recorded), altered.get(mismatch.number).and_then(Trial::params));
        assert_eq!(Some(&mismatch.recomputed), of.get(mismatch.number).and_then(Trial::params));
    }
}

#[test]
fn specs_differ_by_the_keys_that_do_not_change_later() {
    let with = |key: &str, value: serde_json::Value| -> StudySpec {
        let mut json = serde_json::to_value(spec(5)).expect("JSON");
        json[key] = value;
        serde_json::from_value(json).expect("valid")
    };
    let space = json!([{
        "name": "y",
        "distribution": { "type": "float", "low": 0.0, "high": 1.0 },
    }]);
    for (key, value) in [
        ("name", json!("t")),
        ("direction", json!("minimize")),
        ("seed", json!(2)),
        ("max_attempts", json!(3)),
        ("sampler", json!({ "kind": "sobol" })),
        ("pruner", json!({ "kind": "median" })),
        ("space", space),
        ("objective", json!({ "kind": "other", "settings": {} })),
    ] {
        assert_eq!(spec(5).differences(&with(key, value)), [key]);
    }
    assert_eq!(spec(5).differences(&spec(6)), Vec::<&str>::new());
}

#[test]
fn attributes_have_an_order_and_no_name_twice() {
    assert!(Attributes::new().is_empty());
    let named = [("b", 1), ("a", 2), ("b", 3)].map(|(name, n)| (name.to_owned(), json!(n)));
    let attributes: Attributes = named.into_iter().collect();
    assert!(!attributes.is_empty());
    assert_eq!(attributes.iter().collect::<Vec<_>>(), [("a", &json!(2)), ("b", &json!(3))]);
}

#[test]
fn events_name_their_trial_and_leases_their_end() {
    let mut world = World::new(1);
    let (leased, number) = world.study.lease(&worker("w")).expect("work");
    assert!(leased.iter().all(|event| event.trial() == Some(number)));
    assert_eq!(world.study.change_state(StudyState::Paused)[0].trial(), None);
    world.apply(&leased);
    let words = [LeaseEnd::Expired, LeaseEnd::HandedBack, LeaseEnd::StudyStopped];
    assert_eq!(words.map(LeaseEnd::as_str), ["EXPIRED", "HANDED_BACK", "STUDY_STOPPED"]);
}

/// A registry, and who applies what it decides.
#[derive(Default)]
struct Studies(Registry);

impl Studies {
    fn take(&mut self, study: StudyId, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.0.apply(&Record { study, at: Wall(0), event }, UNTIL);
        }
    }

    fn create(&mut self, name: &str, objective: &str) -> StudyId {
        let mut spec = spec(2);
        spec.name = kindling_study::StudyName::new(name).expect("a name");
        objective.clone_into(&mut spec.objective.kind);
        match self.0.create(spec).expect("no other of the name") {
            Creation::New(id, event) => {
                self.take(id, [event]);
                id
            }
            Creation::Exists(id) => id,
        }
    }

    fn lease(&mut self, name: &str, objective: &str) -> Option<(StudyId, TrialNumber)> {
        let (study, events, number) = self.0.lease(&worker(name), &[objective.to_owned()])?;
        self.take(study, events);
        Some((study, number))
    }
}

#[test]
fn a_studys_id_and_name_are_its_own() {
    let mut studies = Studies::default();
    let a = studies.create("a", "test");
    assert_eq!(studies.create("a", "test"), a, "it exists");
    let b = studies.create("b", "test");
    assert_eq!((a, b, studies.0.next_id()), (StudyId(1), StudyId(2), StudyId(3)));
    let other = StudySpec { seed: 9, ..studies.0.get(a).expect("there").spec().clone() };
    let refused = studies.0.create(other).expect_err("another seed");
    assert_eq!(refused.to_string(), "study `a` exists with another seed");
    assert_eq!(studies.0.find("b").map(|(id, _)| id), Ok(b));
    assert_eq!(studies.0.find("c").map(|(id, _)| id), Err(Refusal::UnknownStudy("c".into())));
    assert_eq!(studies.0.get(StudyId(7)).err(), Some(Refusal::UnknownStudy("#7".into())));
    let ids = |found: &mut dyn Iterator<Item = (StudyId, &Study)>| {
        found.map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&mut studies.0.iter()), [a, b]);
    assert_eq!(ids(&mut studies.0.range(Bound::Excluded(a))), [b]);

    let deleted = studies.0.delete(b).expect("nothing runs");
    studies.take(b, [deleted]);
    assert_eq!(ids(&mut studies.0.iter()), [a]);
    assert_eq!(studies.create("b", "test"), StudyId(3), "ids are not used again");
}

#[test]
fn a_study_with_running_trials_is_not_deleted() {
    let mut studies = Studies::default();
    let a = studies.create("a", "test");
    studies.lease("w", "test");
    assert_eq!(studies.0.delete(a), Err(Refusal::StillRunning(1)));
    assert!(matches!(studies.0.delete(StudyId(9)), Err(Refusal::UnknownStudy(_))));
}

#[test]
fn the_oldest_study_of_a_workers_objectives_comes_first() {
    let mut studies = Studies::default();
    let (a, b) = (studies.create("a", "one"), studies.create("b", "two"));
    let c = studies.create("c", "two");
    let leased: Vec<_> = (0..5).map_while(|_| studies.lease("w", "two")).collect();
    let trials = [(b, 0), (b, 1), (c, 0), (c, 1)].map(|(study, n)| (study, TrialNumber(n)));
    assert_eq!(leased, trials, "and then no more");
    assert_eq!(studies.0.held_by(&worker("w")), trials);
    assert_eq!(studies.lease("v", "one"), Some((a, TrialNumber(0))));
    assert_eq!(studies.0.held_by(&worker("v")), [(a, TrialNumber(0))]);

    let until = |studies: &Studies, study| {
        let trial = studies.0.get(study).expect("there").get(TrialNumber(0)).expect("leased");
        match trial.phase {
            Phase::Running(lease) => lease.deadline,
            ref phase => panic!("{phase:?}"),
        }
    };
    studies.0.renew(&worker("w"), after(50));
    assert_eq!([a, b, c].map(|id| until(&studies, id)), [UNTIL, after(50), after(50)]);
    studies.0.hasten(&worker("w"), after(40));
    assert_eq!([a, b, c].map(|id| until(&studies, id)), [UNTIL, after(40), after(40)]);
    studies.0.renew_all(after(60));
    assert_eq!([a, b, c].map(|id| until(&studies, id)), [after(60); 3]);
}
