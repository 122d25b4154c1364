//! What Optuna's clients send, checked.

use jiff::civil::DateTime;
use kindling_proto::{limits, optuna as wire};
use kindling_study::external::{
    ExternalDistribution, ExternalTrial, LONGEST_LOST, LOST_AFTER, NaiveTime, PythonJson,
    PythonValue, RETRY_LOST, SAMPLER, TrialState,
};
use kindling_study::{Direction, Directions, StudyName, TrialId};
use tonic::Request;

use super::advice::sampler_of;
use crate::convert::Invalid;
use crate::naive_time;

/// The header with which a client of ours names a request that it may repeat.
const REQUEST_ID: &str = "kindling-request";

pub(super) fn study(
    request: &wire::CreateNewStudyRequest,
) -> Result<(StudyName, Directions), Invalid> {
    let name = StudyName::of_external(request.study_name.clone())
        .map_err(|error| Invalid::new("study_name", error.to_string()))?;
    let most = limits::EXTERNAL_OBJECTIVES;
    if request.directions.len() > most {
        return Err(Invalid::new("directions", format!("are more than {most}")));
    }
    let directions: Vec<_> = request
        .directions()
        .map(|direction| match direction {
            wire::StudyDirection::Minimize => Direction::Minimize,
            wire::StudyDirection::Maximize => Direction::Maximize,
        })
        .collect();
    let directions = Directions::new(directions)
        .map_err(|error| Invalid::new("directions", error.to_string()))?;
    Ok((name, directions))
}

/// The id of the request, as JSON.
pub(super) fn request_id<T>(request: &Request<T>) -> Result<Option<PythonJson>, Invalid> {
    let wrong = |what: &str| Invalid::new(REQUEST_ID, what);
    let Some(id) = request.metadata().get(REQUEST_ID) else { return Ok(None) };
    let id = id.to_str().map_err(|_| wrong("is no text"))?;
    check_length(REQUEST_ID, id, limits::REQUEST_ID)?;
    let text = serde_json::Value::from(id).to_string();
    PythonJson::parse(&text).map(Some).map_err(|error| wrong(&error.to_string()))
}

pub(super) fn state(state: i32) -> Result<TrialState, Invalid> {
    let state = wire::TrialState::try_from(state);
    Ok(match state.map_err(|_| Invalid::new("state", "is unknown"))? {
        wire::TrialState::Running => TrialState::Running,
        wire::TrialState::Complete => TrialState::Complete,
        wire::TrialState::Pruned => TrialState::Pruned,
        wire::TrialState::Fail => TrialState::Fail,
        wire::TrialState::Waiting => TrialState::Waiting,
    })
}

/// A parameter's name and distribution.
pub(super) fn distribution(name: &str, text: &str) -> Result<ExternalDistribution, Invalid> {
    check_length("param_name", name, limits::ATTRIBUTE_NAME)?;
    check_length("distribution", text, limits::EXTERNAL_DISTRIBUTION)?;
    ExternalDistribution::parse(text)
        .map_err(|error| Invalid::new(format!("distribution of `{name}`"), error.to_string()))
}

/// An attribute's name and value.
pub(super) fn attribute(key: &str, value: &str) -> Result<PythonJson, Invalid> {
    check_length("key", key, limits::ATTRIBUTE_NAME)?;
    check_length("value", value, limits::EXTERNAL_ATTRIBUTE)?;
    PythonJson::parse(value)
        .map_err(|error| Invalid::new(format!("attribute `{key}`"), error.to_string()))
}

/// Refuses an attribute of ours that means nothing.
pub(super) fn check_setting(key: &str, value: &PythonJson) -> Result<(), Invalid> {
    let wrong = |expected: &str| {
        Err(Invalid::new(key, format!("expected {expected}, found {}", value.as_str())))
    };
    match (key, value.value()) {
        (LOST_AFTER, value) => match value.number() {
            Some(seconds) if (0.0..=LONGEST_LOST).contains(&seconds) => Ok(()),
            _ => wrong("seconds, at most a year"),
        },
        (RETRY_LOST, PythonValue::Int(0..)) => Ok(()),
        (RETRY_LOST, _) => wrong("a whole number from 0 on"),
        (SAMPLER, _) => Ok(sampler_of(value).map(|_| ())?),
        _ => Ok(()),
    }
}

/// The trial that a new one is a copy of, if there is one.
pub(super) fn template(
    request: wire::CreateNewTrialRequest,
) -> Result<Option<ExternalTrial>, Invalid> {
    if request.template_trial_is_none {
        return Ok(None);
    }
    let template = request.template_trial.unwrap_or_default();
    let most = limits::PARAMS;
    if template.params.len() > most || template.params.len() != template.distributions.len() {
        let what = format!("are more than {most}, or not those of `distributions`");
        return Err(Invalid::new("params", what));
    }
    if template.intermediate_values.len() > limits::REPORTS {
        let what = format!("are more than {}", limits::REPORTS);
        return Err(Invalid::new("intermediate_values", what));
    }
    let mut trial = ExternalTrial {
        id: TrialId(0),
        state: state(template.state)?,
        values: (!template.values.is_empty()).then(|| template.values.into()),
        started: time("datetime_start", &template.datetime_start)?,
        completed: time("datetime_complete", &template.datetime_complete)?,
        intermediate: template.intermediate_values.into_iter().collect(),
        ..ExternalTrial::running(NaiveTime(0))
    };
    for (name, value) in template.params {
        let text = template.distributions.get(&name);
        let text = text.ok_or_else(|| Invalid::new("distributions", format!("lack `{name}`")))?;
        let distribution = distribution(&name, text)?;
        trial.params.insert(name.into(), (value, distribution));
    }
    for (name, from, to) in [
        ("user_attributes", template.user_attributes, &mut trial.user_attributes),
        ("system_attributes", template.system_attributes, &mut trial.system_attributes),
    ] {
        if from.len() > limits::EXTERNAL_ATTRIBUTES {
            let what = format!("are more than {}", limits::EXTERNAL_ATTRIBUTES);
            return Err(Invalid::new(name, what));
        }
        for (key, value) in from {
            let value = attribute(&key, &value)?;
            to.insert(key.into(), value);
        }
    }
    Ok(Some(trial))
}

fn time(field: &str, text: &str) -> Result<Option<NaiveTime>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", text).ok();
    let time = time.and_then(naive_time::naive);
    time.map(Some).ok_or_else(|| Invalid::new(field, format!("is no time: `{text}`")))
}

fn check_length(field: &str, text: &str, most: usize) -> Result<(), Invalid> {
    if text.len() > most {
        let what = format!("has {} bytes; at most {most} are kept", text.len());
        return Err(Invalid::new(field, what));
    }
    Ok(())
}
