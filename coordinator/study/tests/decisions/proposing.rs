//! Proposals that take long are asked for, computed anywhere, and taken if the study has not gone on.

use kindling_study::sampler::{SamplerSpec, TpeOptions};
use kindling_study::{Event, StudySpec, TrialNumber};
use serde_json::json;

use crate::world::{World, complete, fresh_mark, space, spec, worker};

/// A study in which proposals take long once there is something to learn from.
fn wide() -> World {
    let int = json!({ "type": "int", "low": 0, "high": 1000, "step": 1, "log": false });
    let params = (0..20).map(|i| json!({ "name": format!("p{i}"), "distribution": int }));
    let sampler = SamplerSpec::Tpe(TpeOptions { candidates: 600, ..TpeOptions::default() });
    let mut world = World::of(StudySpec { space: space(params.collect()), sampler, ..spec(40) });
    for trial in 0..10 {
        assert_eq!(world.study.next_effort(), 0, "too little to learn from");
        let claim = world.lease("w");
        world.finish(&claim, complete(f64::from(trial))).expect("taken");
    }
    world
}

#[test]
fn it_is_the_proposal_that_the_lease_would_have_made() {
    let mut world = wide();
    let asked = world.study.ask().expect("it takes long");
    let proposal = asked.propose();
    let (events, number) = world.study.lease(&worker("w"), 0, fresh_mark()).expect("work");
    assert_eq!(events[0], Event::Proposed { number, proposal: proposal.clone() });

    let taken = world.study.take_proposal(&asked, proposal.clone());
    world.apply(&taken);
    assert!(world.study.waiting().contains(&number) && world.study.next_effort() == 0);
    let claim = world.lease("w");
    assert_eq!(world.trial(claim.number).params(), Some(&proposal.params));
    world.finish(&claim, complete(0.5)).expect("taken");
    assert_eq!(world.study.replay().mismatches, []);
}

#[test]
fn it_is_not_taken_once_the_study_has_gone_on() {
    let mut world = wide();
    let asked = world.study.ask().expect("it takes long");
    let proposal = asked.propose();
    world.lease("another");
    assert_eq!(world.study.take_proposal(&asked, proposal), [], "its number is taken");

    let asked = world.study.ask().expect("it takes long");
    let proposal = asked.propose();
    let (events, number) = world.study.enqueue(&[], None, None).expect("room");
    world.apply(&events);
    assert_eq!((number, asked.number()), (TrialNumber(11), TrialNumber(11)));
    // Nothing is fixed in it, so that it is the very trial that was asked for.
    let taken = world.study.take_proposal(&asked, proposal.clone());
    assert_eq!(taken, [Event::Proposed { number, proposal: proposal.clone() }]);
    world.apply(&taken);
    assert_eq!(world.study.take_proposal(&asked, proposal), [], "it was taken");
    assert_eq!(world.study.replay().mismatches, []);
}

#[test]
fn what_finishes_meanwhile_was_not_seen() {
    let mut world = wide();
    let running = world.lease("another");
    let asked = world.study.ask().expect("it takes long");
    world.finish(&running, complete(99.0)).expect("taken");
    let taken = world.study.take_proposal(&asked, asked.propose());
    let [Event::Proposed { proposal, .. }] = &taken[..] else { panic!("{taken:?}") };
    assert_eq!((proposal.saw_finished, world.study.finish_order().len()), (10, 11));
    world.apply(&taken);
    assert_eq!(world.study.replay().mismatches, []);
}
