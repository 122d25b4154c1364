//! What a restart, a replay and a comparison read.

use kindling_study::pruner::Median;
use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    Attributes, ConfirmSpec, Direction, Json, LeaseEnd, ObjectiveSpec, PrunerSpec, Settings,
    StudyName, StudySpec, StudyState, Trial, TrialNumber, TrialResult, Wall,
};
use serde_json::json;

use crate::world::{World, complete, fresh_mark, restored, space, spec, worker};

#[test]
fn a_restart_restores_all_that_follows_from_the_trials() {
    let pruner = PrunerSpec::Median(Median { startup_trials: 1, ..Median::default() });
    let mut world = World::of(StudySpec { pruner, ..spec(9) });
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
    assert_eq!(restored.enqueue(&[], None, Some("r".into())), Ok((vec![], TrialNumber(0))));
}

#[test]
fn a_replay_finds_what_was_not_proposed_so() {
    let mut world = World::new(4);
    for _ in 0..3 {
        let claim = world.lease("w");
        world.finish(&claim, complete(0.5)).expect("taken");
    }
    assert_eq!((world.study.replay().checked, world.study.replay().mismatches), (3, vec![]));
    let saw = |trial: &Trial| trial.proposal.as_ref().map(|p| (p.saw_proposed, p.saw_finished));
    let saw: Vec<_> = world.study.trials().iter().filter_map(saw).collect();
    assert_eq!(saw, [(0, 0), (1, 1), (2, 2)]);
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
    let space = space(json!([{
        "name": "y",
        "distribution": { "type": "float", "low": 0.0, "high": 1.0 },
    }]));
    let objective = ObjectiveSpec { kind: "other".into(), settings: Settings::new() };
    for (key, other) in [
        ("name", StudySpec { name: StudyName::new("t").expect("a name"), ..spec(5) }),
        ("direction", StudySpec { directions: Direction::Minimize.into(), ..spec(5) }),
        ("seed", StudySpec { seed: 2, ..spec(5) }),
        ("max_attempts", StudySpec { max_attempts: 3, ..spec(5) }),
        ("max_failures_in_a_row", StudySpec { max_failures_in_a_row: 3, ..spec(5) }),
        ("checkpoints", StudySpec { keep_checkpoints: 2, ..spec(5) }),
        ("sampler", StudySpec { sampler: SamplerSpec::Sobol {}, ..spec(5) }),
        ("pruner", StudySpec { pruner: PrunerSpec::Median(Median::default()), ..spec(5) }),
        ("space", StudySpec { space, ..spec(5) }),
        ("objective", StudySpec { objective, ..spec(5) }),
    ] {
        assert_eq!(spec(5).differences(&other), [key]);
    }
    let confirm = ConfirmSpec { by: vec!["x".into()], best: 1, seeds: 1, each: true };
    let later = StudySpec { confirm: Some(confirm), ..spec(6) };
    assert_eq!(spec(5).differences(&later), Vec::<&str>::new());
}

#[test]
fn attributes_have_an_order_and_no_name_twice() {
    assert!(Attributes::new().is_empty());
    let named = [("b", "1"), ("a", "2"), ("b", "3")]
        .map(|(name, n)| (name.to_owned(), Json::parse(n).expect("JSON")));
    let attributes: Attributes = named.into_iter().collect();
    assert!(!attributes.is_empty());
    let listed: Vec<_> = attributes.iter().map(|(name, json)| (name, json.as_str())).collect();
    assert_eq!(listed, [("a", "2"), ("b", "3")]);
}

#[test]
fn events_name_their_trial_and_leases_their_end() {
    let mut world = World::new(1);
    let (leased, number) = world.study.lease(&worker("w"), 0, fresh_mark()).expect("work");
    assert!(leased.iter().all(|event| event.trial() == Some(number)));
    assert_eq!(world.study.change_state(StudyState::Paused)[0].trial(), None);
    world.apply(&leased);
    let words = [LeaseEnd::Expired, LeaseEnd::HandedBack, LeaseEnd::StudyStopped];
    assert_eq!(words.map(LeaseEnd::as_str), ["EXPIRED", "HANDED_BACK", "STUDY_STOPPED"]);
}
