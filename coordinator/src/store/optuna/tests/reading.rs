//! What is made of rows.

use kindling_study::{Tick, TrialId};

use super::*;
use crate::store::stored_spec;

/// The rows of a store with one study and one waiting trial, whose id is 11. `proposed` says whether
/// it should have parameters.
fn reading(proposed: bool) -> Reading {
    let spec = stored_spec::to_text(&spec()).expect("text");
    let at = |table, id| Place { table, id };
    let mut reading = Reading::default();
    let study = StudyRow {
        at: at("kindling_studies", 1),
        name: "a",
        spec: &spec,
        state: "ACTIVE",
        pause_reason: None,
        budget: 9,
        confirm: None,
        notify: None,
        told: None,
        created_at: 1,
        trials: 1,
    };
    reading.study(study).expect("sound");
    let at_direction = at("study_directions", 1);
    let direction =
        DirectionRow { at: at_direction, study: 1, objective: 0, direction: "MINIMIZE" };
    reading.direction(&direction).expect("sound");
    let trial = TrialRow {
        at: at("trials", 11),
        study: 1,
        number: 0,
        state: "WAITING",
        datetime_start: None,
        datetime_complete: None,
        fixed: None,
        retry_of: None,
        request: None,
        saw_finished: proposed.then_some(0),
        saw_proposed: proposed.then_some(0),
        exact_ints: None,
        pruned_at: None,
        finish_index: None,
        attributes: None,
        confirms_of: None,
        confirms_seed: None,
        constraints: None,
        warm_start: None,
    };
    reading.trial(trial).expect("sound");
    reading
}

fn next(study: i64, trial: i64) -> NextIds {
    NextIds { next_study_id: Some(study), next_trial_id: Some(trial) }
}

#[test]
fn what_is_read_has_the_ids_of_its_rows() {
    let registry = reading(false).finish(&next(4, 20), Tick::default()).expect("sound");
    let study = registry.get(STUDY).expect("there");
    assert_eq!(study.trials().iter().map(|trial| trial.id).collect::<Vec<_>>(), [TrialId(11)]);
    assert_eq!((registry.next_id(), registry.next_trial_id()), (StudyId(4), TrialId(20)));
    assert_eq!(Known::of(&registry).next_ids(), (StudyId(4), TrialId(20)));
}

#[test]
fn a_counter_is_above_all_ids_there_are() {
    let refused = reading(false).finish(&next(4, 11), Tick::default());
    let what = "kindling_meta: row next_trial_id: Some(11), where the newest id is Some(11)";
    assert_eq!(refused, Err(Damage(what.into())));
}

#[test]
fn only_a_parameter_that_ours_lack_is_damage() {
    let at = Place { table: "trial_params", id: 1 };
    let strange = |proposed| {
        let mut read = reading(proposed);
        read.param(Err(at.damaged("not a number")));
        read.param(Ok(ParamRow { at, trial: 99, name: "x", value: 0.5 }));
        read.param(Ok(ParamRow { at, trial: 11, name: "z", value: 0.5 }));
        read.finish(&next(4, 20), Tick::default())
    };
    assert!(strange(false).is_ok());
    let what = "kindling_trials: row 11: its parameters are not in the search space";
    assert_eq!(strange(true), Err(Damage(what.into())));
}
