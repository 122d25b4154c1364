//! External studies and their trials as Kindling's own readers see them.

use std::collections::HashMap;

use kindling_proto::{limits, v1};
use kindling_study::external::{
    ExternalStudy, ExternalTrial, NaiveTime, PythonJson, TrialState, in_space,
};
use kindling_study::{Remark, SearchSpace, StudyId, TrialNumber};
use serde_json::json;

use super::json::to_struct;
use super::to_wire::{as_far_as_it_fits, direction, parameter, timestamp, value_of};
use crate::naive_time;

/// The kind of objective, sampler and pruner of a study that Optuna's clients drive.
const OPTUNA: &str = "optuna";
/// Why a trial failed, as far as one can know.
const FAILED: &str = "its client said that it failed, or left";
/// Under this name Optuna says why it did not take a trial's value.
const WARNING: &str = "STUDY_TELL_WARNING";

/// What its spec would say is said by its trials. As many trials as there are is all that is planned.
pub(crate) fn external_study(
    id: StudyId,
    study: &ExternalStudy,
    space: Option<&SearchSpace>,
) -> v1::Study {
    let counts = study.counts();
    let kind = || json!({ "kind": OPTUNA }).as_object().cloned().map(to_struct);
    let spec = v1::StudySpec {
        name: study.name().to_string(),
        directions: study.directions().as_slice().iter().map(|d| direction(*d).into()).collect(),
        trials: study.next_number().0,
        seed: 0,
        max_attempts: 1,
        max_failures_in_a_row: Some(0),
        sampler: kind(),
        pruner: kind(),
        space: space.into_iter().flat_map(SearchSpace::params).map(parameter).collect(),
        objective: Some(v1::Objective { kind: OPTUNA.to_owned(), settings_json: "{}".to_owned() }),
        confirm: None,
        metric_names: study.metric_names().unwrap_or_default(),
        constraints: study.constraints().map(str::to_owned).collect(),
        keep_checkpoints: 0,
        notify: None,
    };
    let is_single = study.directions().as_slice().len() == 1;
    let in_short =
        |number| Some(external_trial_in_short(study, space, number, study.trial(number).ok()?));
    let best = study.best().and_then(in_short);
    let front_size = if is_single { 0 } else { study.front().len() };
    let Remark { note, note_version, tags, .. } = study.remark();
    v1::Study {
        id: id.0,
        spec: Some(spec),
        state: v1::StudyState::Active.into(),
        budget: study.next_number().0,
        create_time: Some(timestamp(study.created())),
        counts: Some(v1::TrialCounts {
            waiting: counts.of(TrialState::Waiting),
            running: counts.of(TrialState::Running),
            complete: counts.of(TrialState::Complete),
            pruned: counts.of(TrialState::Pruned),
            fail: counts.of(TrialState::Fail),
        }),
        best,
        // Nobody knows whether its clients will come again.
        finished: false,
        confirmations_known: true,
        failures: failures(study).into_iter().collect(),
        external: true,
        front: as_far_as_it_fits(study.front().take(front_size).filter_map(in_short)),
        front_size: front_size as u32,
        note,
        tags,
        archived: study.is_archived(),
        note_version,
        ..v1::Study::default()
    }
}

/// Why trials failed, of which their client says nothing more.
fn failures(study: &ExternalStudy) -> Option<v1::Failure> {
    let newest = study.trials().iter().rposition(|trial| trial.state == TrialState::Fail)?;
    let trials = study.counts().of(TrialState::Fail);
    Some(v1::Failure { reason: FAILED.to_owned(), trials, newest: newest as u32 })
}

/// A trial with all that fits into a message.
pub(crate) fn external_trial(
    study: &ExternalStudy,
    space: Option<&SearchSpace>,
    number: TrialNumber,
    trial: &ExternalTrial,
) -> v1::Trial {
    let mut whole = external_trial_in_short(study, space, number, trial);
    whole.note = study.remark_on(trial.id).note;
    whole.intermediate_values = steps(trial).take(limits::REPORTS).collect();
    let mut bytes = 0;
    let attributes =
        trial.user_attributes.iter().map(|(key, value)| (key.to_string(), text(value)));
    let fits = |(key, text): &(String, String)| {
        bytes += key.len() + text.len();
        bytes <= limits::ATTRIBUTES_IN_ALL
    };
    whole.attributes_json = attributes.take_while(fits).take(limits::ATTRIBUTES).collect();
    let told = whole.intermediate_values.len() + whole.attributes_json.len();
    whole.left_out -= told as u32;
    whole
}

/// A trial without its intermediate values, attributes and most of a note.
pub(crate) fn external_trial_in_short(
    study: &ExternalStudy,
    space: Option<&SearchSpace>,
    number: TrialNumber,
    trial: &ExternalTrial,
) -> v1::Trial {
    // What has no finite value cannot be drawn or compared.
    let values = trial.values.as_deref().unwrap_or_default();
    let is_complete = trial.state == TrialState::Complete;
    let is_drawn = !values.is_empty() && values.iter().all(|value| value.is_finite());
    let fail_reason = match trial.state {
        TrialState::Fail => {
            let warning = trial.system_attributes.get(WARNING);
            warning.map_or_else(|| FAILED.to_owned(), text)
        }
        TrialState::Complete if !is_drawn => "its value is not finite".to_owned(),
        _ => String::new(),
    };
    let Remark { note, note_version, tags, .. } = study.remark_on(trial.id);
    v1::Trial {
        number: number.0,
        state: external_state(trial).into(),
        params: space.map(|space| params(space, trial)).unwrap_or_default(),
        values: if is_complete && is_drawn { values.to_vec() } else { Vec::new() },
        intermediate_values: Vec::new(),
        attributes_json: HashMap::new(),
        fail_reason,
        attempt: u32::from(trial.started.is_some()),
        worker: String::new(),
        retry_of: None,
        start_time: trial.started.and_then(time),
        complete_time: trial.completed.and_then(time),
        confirms: None,
        left_out: (steps(trial).count() + trial.user_attributes.len()) as u32,
        constraints: constraints(study, trial),
        checkpoints: Vec::new(),
        artifacts: Vec::new(),
        attempts: Vec::new(),
        warm_start: None,
        note: limits::cut(note, limits::NOTE_IN_SHORT),
        tags,
        note_version,
    }
}

/// What the trial found for each of the study's constraints; nothing if it left one open.
fn constraints(study: &ExternalStudy, trial: &ExternalTrial) -> Vec<f64> {
    if study.constraints().len() == 0 {
        return Vec::new();
    }
    let told = trial.constraints();
    let told = study.constraints().map(|name| told.get(name).copied());
    told.collect::<Option<_>>().unwrap_or_default()
}

/// The state that readers see.
pub(crate) fn external_state(trial: &ExternalTrial) -> v1::TrialState {
    let value = trial.values.as_deref().and_then(|values| values.first());
    match trial.state {
        TrialState::Waiting => v1::TrialState::Waiting,
        TrialState::Running => v1::TrialState::Running,
        TrialState::Complete if value.is_some_and(|value| value.is_finite()) => {
            v1::TrialState::Complete
        }
        TrialState::Pruned => v1::TrialState::Pruned,
        TrialState::Fail | TrialState::Complete => v1::TrialState::Fail,
    }
}

fn params(space: &SearchSpace, trial: &ExternalTrial) -> Vec<v1::NamedValue> {
    let named = space.params().iter().filter_map(|param| {
        let (value, _) = trial.params.get(param.name.as_str())?;
        let value = value_of(&param.distribution.show(in_space(&param.distribution, *value)?));
        Some(v1::NamedValue { name: param.name.clone(), value: Some(value) })
    });
    named.collect()
}

/// Those that can be drawn.
fn steps(trial: &ExternalTrial) -> impl Iterator<Item = v1::IntermediateValue> {
    trial.intermediate.iter().filter_map(|(step, value)| {
        let step = u64::try_from(*step).ok()?;
        value.is_finite().then(|| v1::IntermediateValue { step, value: *value, others: Vec::new() })
    })
}

/// JSON without Python's extensions; what has some is told as a text.
fn text(value: &PythonJson) -> String {
    match serde_json::from_str::<serde::de::IgnoredAny>(value.as_str()) {
        Ok(_) => value.as_str().to_owned(),
        Err(_) => json!(value.as_str()).to_string(),
    }
}

fn time(at: NaiveTime) -> Option<prost_types::Timestamp> {
    naive_time::moment(at).map(timestamp)
}
