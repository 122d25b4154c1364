//! A trial of our own, as Optuna's storage reads it from the store.

use std::collections::HashMap;

use kindling_proto::optuna as wire;
use kindling_study::{Outcome, Phase, Study, Trial, TrialNumber, TrialResult, Wall};
use serde_json::json;

use crate::store::{constraint_key, datetime, distribution, fixed};

pub(super) fn trial(study: &Study, number: TrialNumber, trial: &Trial) -> wire::Trial {
    let space = &study.spec().space;
    let mut wire = wire::Trial {
        trial_id: trial.id.0,
        number: number.0.into(),
        datetime_start: time(trial.started),
        datetime_complete: time(trial.finished),
        intermediate_values: steps(trial).collect(),
        ..wire::Trial::default()
    };
    for (param, value) in space.params().iter().zip(trial.params().into_iter().flatten()) {
        let Some(value) = *value else { continue };
        wire.params.insert(param.name.clone(), value.as_number());
        wire.distributions.insert(param.name.clone(), distribution(&param.distribution));
    }
    let is_single = study.spec().directions.as_slice().len() == 1;
    let mut system = HashMap::new();
    system.extend(fixed(space, &trial.fixed).map(|text| ("fixed_params", text)));
    let confirms = trial.confirms.map(|c| json!({ "of": c.of.0, "seed": c.seed }).to_string());
    system.extend(confirms.map(|text| ("confirms", text)));
    let state = match &trial.phase {
        Phase::Waiting => wire::TrialState::Waiting,
        Phase::Running(_) => wire::TrialState::Running,
        Phase::Finished(Outcome { result, .. }) => match result {
            TrialResult::Complete(values) => {
                wire.values = values.as_slice().to_vec();
                wire::TrialState::Complete
            }
            TrialResult::Pruned => {
                // Of several objectives, one value alone would say nothing.
                let last = steps(trial).last().filter(|_| is_single);
                wire.values = last.map(|(_, value)| value).into_iter().collect();
                wire::TrialState::Pruned
            }
            TrialResult::Fail(reason) => {
                system.insert("fail_reason", json!(reason).to_string());
                wire::TrialState::Fail
            }
        },
    };
    wire.state = state.into();
    wire.system_attributes.extend(super::artifacts(&trial.artifacts));
    let constraints = study.spec().metrics.constraints.iter().zip(trial.constraints());
    wire.system_attributes
        .extend(constraints.map(|(name, value)| (constraint_key(name), json!(value).to_string())));
    wire.system_attributes.extend(system.into_iter().map(|(key, text)| (key.to_owned(), text)));
    let attributes = trial.attributes();
    wire.user_attributes =
        attributes.map(|(key, json)| (key.to_owned(), json.as_str().to_owned())).collect();
    wire
}

fn steps(trial: &Trial) -> impl Iterator<Item = (i64, f64)> {
    trial.curve.iter().map(|(step, value)| (step.cast_signed(), *value))
}

fn time(at: Option<Wall>) -> String {
    at.and_then(datetime).unwrap_or_default()
}
