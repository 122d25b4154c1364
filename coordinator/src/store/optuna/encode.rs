//! Converts values to Optuna's format and back.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use kindling_study::external::{NaiveTime, TrialState};
use kindling_study::{
    Choice, Direction, Distribution, FloatScale, ParamValue, Params, SearchSpace, StudyState, Wall,
};
use serde_json::{Map, Value, json};

/// UTC without a zone, as Optuna stores datetimes.
const DATETIME: &str = "%Y-%m-%d %H:%M:%S%.6f";

/// `None` outside the years 1 to 9999, which are all that Python supports.
pub(crate) fn datetime(at: Wall) -> Option<String> {
    let at = Timestamp::from_microsecond(at.0).ok()?;
    let utc = Offset::UTC.to_datetime(at);
    (1..=9999).contains(&utc.year()).then(|| utc.strftime(DATETIME).to_string())
}

pub(super) fn datetime_from(text: &str) -> Option<Wall> {
    let utc = DateTime::strptime(DATETIME, text).ok()?;
    Some(Wall(Offset::UTC.to_timestamp(utc).ok()?.as_microsecond()))
}

/// A naive time in Optuna's format.
pub(crate) fn naive(at: NaiveTime) -> Option<String> {
    datetime(Wall(at.0))
}

pub(super) fn naive_from(text: &str) -> Option<NaiveTime> {
    Some(NaiveTime(datetime_from(text)?.0))
}

pub(super) fn trial_state(state: TrialState) -> &'static str {
    match state {
        TrialState::Waiting => "WAITING",
        TrialState::Running => "RUNNING",
        TrialState::Complete => "COMPLETE",
        TrialState::Pruned => "PRUNED",
        TrialState::Fail => "FAIL",
    }
}

pub(super) fn trial_state_from(word: &str) -> Option<TrialState> {
    use TrialState::{Complete, Fail, Pruned, Running, Waiting};
    [Waiting, Running, Complete, Pruned, Fail].into_iter().find(|s| trial_state(*s) == word)
}

pub(super) fn state(state: StudyState) -> &'static str {
    match state {
        StudyState::Active => "ACTIVE",
        StudyState::Paused => "PAUSED",
        StudyState::Stopped => "STOPPED",
    }
}

pub(super) fn state_from(word: &str) -> Option<StudyState> {
    [StudyState::Active, StudyState::Paused, StudyState::Stopped]
        .into_iter()
        .find(|s| state(*s) == word)
}

pub(super) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Maximize => "MAXIMIZE",
        Direction::Minimize => "MINIMIZE",
    }
}

pub(super) fn direction_from(word: &str) -> Option<Direction> {
    [Direction::Maximize, Direction::Minimize].into_iter().find(|d| direction(*d) == word)
}

/// The system attribute of a study in which Optuna keeps the names of its objectives.
pub(crate) const METRIC_NAMES: &str = "study:metric_names";

/// The system attribute of a trial in which Optuna keeps what it says of a constraint.
pub(crate) fn constraint_key(name: &str) -> String {
    format!("constraints:{name}")
}

/// What Optuna keeps of an artifact as a system attribute of its trial or study: the attribute's key, and its JSON. The
/// artifact's id there is the last part of where its bytes lie, so that the store's folder is one of Optuna's artifact stores.
pub(crate) fn artifact(name: &str, media_type: &str, blob_key: &str) -> (String, String) {
    let mimetype = if media_type.is_empty() { "application/octet-stream" } else { media_type };
    let meta = json!({
        "artifact_id": artifact_id(blob_key),
        "filename": name,
        "mimetype": mimetype,
        "encoding": null,
    });
    // For Optuna the value is a text, which holds the JSON.
    (artifact_key(blob_key), json!(meta.to_string()).to_string())
}

/// The key of that attribute.
pub(super) fn artifact_key(blob_key: &str) -> String {
    format!("artifacts:{}", artifact_id(blob_key))
}

fn artifact_id(blob_key: &str) -> &str {
    blob_key.rsplit_once('/').map_or(blob_key, |(_, id)| id)
}

/// A value and its type. Not every database has NaN, and Optuna does not store infinity as a number.
pub(crate) fn float(value: f64) -> (Option<f64>, &'static str) {
    match value {
        v if v.is_nan() => (None, "NAN"),
        f64::INFINITY => (None, "INF_POS"),
        f64::NEG_INFINITY => (None, "INF_NEG"),
        v => (Some(v), "FINITE"),
    }
}

pub(super) fn float_from(value: Option<f64>, kind: &str) -> Option<f64> {
    match (value, kind) {
        (Some(value), "FINITE") => Some(value),
        (None, "NAN") => Some(f64::NAN),
        (None, "INF_POS") => Some(f64::INFINITY),
        (None, "INF_NEG") => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

pub(crate) fn distribution(distribution: &Distribution) -> String {
    let (name, attributes) = match distribution {
        Distribution::Float { low, high, scale } => {
            let step = if let FloatScale::Step(step) = scale { Some(step) } else { None };
            let log = *scale == FloatScale::Log;
            let attributes = json!({"step": step, "low": low, "high": high, "log": log});
            ("FloatDistribution", attributes)
        }
        Distribution::Int { low, high, step, log } => {
            let attributes = json!({"log": log, "step": step, "low": low, "high": high});
            ("IntDistribution", attributes)
        }
        Distribution::Categorical { choices } => {
            ("CategoricalDistribution", json!({"choices": choices}))
        }
    };
    json!({"name": name, "attributes": attributes}).to_string()
}

/// The value, in the type of the distribution.
pub(super) fn param_from(value: f64, distribution: &Distribution) -> Option<ParamValue> {
    let is_whole = value.fract() == 0.0 && value.abs() <= i64::MAX as f64;
    match distribution {
        Distribution::Float { .. } => Some(ParamValue::Float(value)),
        Distribution::Int { .. } if is_whole => Some(ParamValue::Int(value as i64)),
        Distribution::Categorical { .. } if is_whole && value >= 0.0 => {
            Some(ParamValue::Choice(value as usize))
        }
        _ => None,
    }
}

/// The integers that [`ParamValue::as_number`] rounds, by name.
pub(super) fn exact_ints(space: &SearchSpace, params: &Params) -> Option<String> {
    let inexact = |value| matches!(value, ParamValue::Int(i) if i128::from(i) != i as f64 as i128);
    object(space, params, inexact)
}

/// Fixed values by parameter name, in readable form. `None` if there are none.
pub(crate) fn fixed(space: &SearchSpace, fixed: &Params) -> Option<String> {
    object(space, fixed, |_| true)
}

fn object(
    space: &SearchSpace,
    values: &Params,
    wanted: impl Fn(ParamValue) -> bool,
) -> Option<String> {
    let mut object = Map::new();
    for (param, value) in space.params().iter().zip(values) {
        if let Some(value) = value.filter(|v| wanted(*v)) {
            object.insert(param.name.clone(), json!(param.distribution.show(value)));
        }
    }
    (!object.is_empty()).then(|| Value::Object(object).to_string())
}

/// Reads fixed values. An error names what makes no sense.
pub(super) fn fixed_from(space: &SearchSpace, text: &str) -> Result<Params, String> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut values = space.nothing();
    for (name, value) in object {
        let place = space.position(&name).ok_or_else(|| format!("no parameter `{name}`"))?;
        let choice: Choice = serde_json::from_value(value).map_err(|e| format!("`{name}`: {e}"))?;
        let distribution = &space.params()[place].distribution;
        let value = distribution.parse(&choice);
        let value = value.ok_or_else(|| format!("`{name}`: {choice} is not in {distribution}"))?;
        values[place] = Some(value);
    }
    Ok(values)
}
