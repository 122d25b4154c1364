//! A trial, as the page shows it.

use std::collections::BTreeMap;

use kindling_proto::v1;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::choice::Choice;
use super::kept::{Artifact, Attempt, Checkpoint};
use super::time::milliseconds;
use super::values::values;

/// Parameters by name.
pub type Params = BTreeMap<String, Choice>;

/// A trial.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// The number, from 0.
    pub number: u32,
    /// WAITING, RUNNING, COMPLETE, PRUNED or FAIL.
    pub state: &'static str,
    /// The objective values, once complete; empty before, and for a trial that ended otherwise.
    pub values: Vec<f64>,
    /// The active parameters.
    pub params: Params,
    /// What it found for the study's constraints, in their order; empty if it did not say. Feasible is what is at or
    /// below 0. Infinity is the largest number; null is not a number.
    pub constraints: Vec<Option<f64>>,
    /// Intermediate values as (step, value), by ascending step. Of several objectives, those of the study's
    /// `curve_objective`.
    pub curve: Vec<(u64, f64)>,
    /// The same of other objectives, by their index.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other_curves: BTreeMap<u32, Vec<(u64, f64)>>,
    /// The objective's other results as raw JSON, which is not parsed here.
    pub attributes: BTreeMap<String, Box<RawValue>>,
    /// The fencing number of the latest lease; 0 if never leased.
    pub attempt: u32,
    /// The worker of the latest lease; empty if never leased.
    pub worker: String,
    /// The attempts at it, oldest first, as far as they are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// What a next attempt can go on from, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checkpoints: Vec<Checkpoint>,
    /// The files that it keeps, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// The trial whose checkpoint its first attempt went on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_start: Option<u32>,
    /// Why it failed.
    pub fail_reason: Option<String>,
    /// The failed trial that this one retries.
    pub retry_of: Option<u32>,
    /// Set if this is a confirmation run rather than part of the search.
    pub confirms: Option<Confirmation>,
    /// When it was first leased.
    pub start: Option<i64>,
    /// When it finished.
    pub complete: Option<i64>,
    /// What people wrote about it, in Markdown that nobody has checked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// How often the note was changed; absent if it never was.
    #[serde(skip_serializing_if = "is_zero")]
    pub note_version: u32,
    /// In the order in which they were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Marks a trial that runs another one's configuration again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// The trial of the search.
    pub of: u32,
    /// The index of the fresh seed, from 0. Confirmation runs with the same index share the seed.
    pub seed: u32,
}

impl Trial {
    /// Converts a wire message. An attribute that is not JSON becomes a JSON string.
    pub fn new(trial: &v1::Trial) -> Self {
        let attribute = |(key, text): (&String, &String)| {
            let value = serde_json::from_str(text).or_else(|_| to_raw_value(text));
            Some((key.clone(), value.ok()?))
        };
        let curve = trial.intermediate_values.iter().filter(|v| v.value.is_finite());
        Self {
            number: trial.number,
            state: match trial.state() {
                v1::TrialState::Running => "RUNNING",
                v1::TrialState::Complete => "COMPLETE",
                v1::TrialState::Pruned => "PRUNED",
                v1::TrialState::Fail => "FAIL",
                v1::TrialState::Waiting | v1::TrialState::Unspecified => "WAITING",
            },
            values: values(trial).to_vec(),
            constraints: trial.constraints.iter().map(|value| finite(*value)).collect(),
            params: params(trial),
            other_curves: other_curves(trial),
            curve: curve.map(|v| (v.step, v.value)).collect(),
            attributes: trial.attributes_json.iter().filter_map(attribute).collect(),
            attempt: trial.attempt,
            worker: trial.worker.clone(),
            attempts: trial.attempts.iter().map(Attempt::new).collect(),
            checkpoints: trial.checkpoints.iter().map(Checkpoint::new).collect(),
            artifacts: trial.artifacts.iter().map(Artifact::new).collect(),
            warm_start: trial.warm_start,
            fail_reason: Some(&trial.fail_reason).filter(|r| !r.is_empty()).cloned(),
            retry_of: trial.retry_of,
            confirms: trial.confirms.map(|c| Confirmation { of: c.of, seed: c.seed }),
            start: trial.start_time.map(milliseconds),
            complete: trial.complete_time.map(milliseconds),
            note: trial.note.clone(),
            note_version: trial.note_version,
            tags: trial.tags.clone(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(version: &u32) -> bool {
    *version == 0
}

/// A number that JSON can say; infinity is the largest.
fn finite(value: f64) -> Option<f64> {
    (!value.is_nan()).then(|| value.clamp(f64::MIN, f64::MAX))
}

fn other_curves(trial: &v1::Trial) -> BTreeMap<u32, Vec<(u64, f64)>> {
    let mut curves: BTreeMap<u32, Vec<(u64, f64)>> = BTreeMap::new();
    for step in &trial.intermediate_values {
        for other in step.others.iter().filter(|other| other.value.is_finite()) {
            curves.entry(other.objective).or_default().push((step.step, other.value));
        }
    }
    curves
}

pub(crate) fn params(trial: &v1::Trial) -> Params {
    let named = |p: &v1::NamedValue| Some((p.name.clone(), Choice::new(p.value.as_ref()?)?));
    trial.params.iter().filter_map(named).collect()
}
