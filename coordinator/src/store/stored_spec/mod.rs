//! The texts in which stores keep a study's spec: JSON, in a form of their own.
//!
//! Names and defaults of study files may change, and so may the core's types. What stands in a store may not.
//! So its form is written down here once more, with its own names and its own defaults. What is read becomes
//! the core's types through the core's own checks. The tests hold texts as stores have them.
//!
//! A new key gets a default that means what stores without it meant.

mod method;
mod notify;
mod space;
#[cfg(test)]
mod tests;

use kindling_study::{
    ConfirmSpec, Direction, Directions, Metrics, ObjectiveSpec, SearchSpace, Settings, SpecError,
    StudyName, StudySpec,
};
use serde::{Deserialize, Serialize};

use method::{Pruner, Sampler};
pub(crate) use notify::{notify_from_text, notify_to_text, told_from_text, told_to_text};
use space::Param;

/// Why a text is no spec.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It does not have the form.
    #[error(transparent)]
    Form(#[from] serde_json::Error),
    /// What it says makes no sense.
    #[error(transparent)]
    Sense(#[from] SpecError),
}

/// Why a spec cannot be stored.
#[derive(Debug, thiserror::Error)]
#[error("it could not be read again: {0}")]
pub(crate) struct Lossy(String);

/// The text for a store. It is read back here, so that every accepted spec survives a restart.
pub(crate) fn to_text(spec: &StudySpec) -> Result<String, Lossy> {
    let text = serde_json::to_string(&Spec::from(spec)).map_err(|e| Lossy(e.to_string()))?;
    if from_text(&text).map_err(|e| Lossy(e.to_string()))? != *spec {
        return Err(Lossy("something in it would come out as something else".into()));
    }
    Ok(text)
}

/// Reads what [`to_text`] wrote.
pub(crate) fn from_text(text: &str) -> Result<StudySpec, Unreadable> {
    let spec = StudySpec::try_from(serde_json::from_str::<Spec>(text)?)?;
    spec.check()?;
    Ok(spec)
}

/// The text of what is confirmed. It may change later, so it also has a place of its own.
pub(crate) fn confirm_to_text(confirm: &ConfirmSpec) -> serde_json::Result<String> {
    serde_json::to_string(&Confirm::from(confirm))
}

/// Reads what [`confirm_to_text`] wrote. Whether it fits the space is for [`ConfirmSpec::check`] to say.
pub(crate) fn confirm_from_text(text: &str) -> serde_json::Result<ConfirmSpec> {
    serde_json::from_str::<Confirm>(text).map(Into::into)
}

#[derive(Serialize, Deserialize)]
struct Spec {
    name: String,
    direction: Spelled,
    trials: u32,
    seed: u64,
    max_attempts: u32,
    #[serde(default = "n::<20, _>")]
    max_failures_in_a_row: u32,
    #[serde(default = "n::<1, _>", skip_serializing_if = "is_one")]
    keep_checkpoints: u32,
    sampler: Sampler,
    pruner: Pruner,
    space: Vec<Param>,
    objective: Objective,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirm: Option<Confirm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notify: Option<notify::Stored>,
    #[serde(default, skip_serializing_if = "is_empty")]
    metric_names: Box<[Box<str>]>,
    #[serde(default, skip_serializing_if = "is_empty")]
    constraints: Box<[Box<str>]>,
    /// The index of the objective that the pruner compares.
    #[serde(default, skip_serializing_if = "is_first")]
    pruner_objective: usize,
}

fn is_empty(names: &[Box<str>]) -> bool {
    names.is_empty()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_first(index: &usize) -> bool {
    *index == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_one(count: &u32) -> bool {
    *count == 1
}

/// One word, as before there could be several objectives, or a list.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Spelled {
    One(Way),
    Several(Vec<Way>),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Maximize,
    Minimize,
}

#[derive(Serialize, Deserialize)]
struct Objective {
    kind: String,
    settings: Settings,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    by: Vec<String>,
    #[serde(default = "n::<6, _>")]
    best: u32,
    #[serde(default = "n::<10, _>")]
    seeds: u32,
    #[serde(default = "yes")]
    each: bool,
}

/// A number that a text may leave out.
fn n<const N: u8, T: From<u8>>() -> T {
    N.into()
}

fn yes() -> bool {
    true
}

impl From<&StudySpec> for Spec {
    fn from(spec: &StudySpec) -> Self {
        Self {
            name: spec.name.to_string(),
            direction: Spelled::from(&spec.directions),
            trials: spec.trials,
            seed: spec.seed,
            max_attempts: spec.max_attempts,
            max_failures_in_a_row: spec.max_failures_in_a_row,
            keep_checkpoints: spec.keep_checkpoints,
            sampler: Sampler::from(&spec.sampler),
            pruner: Pruner::from(&spec.pruner),
            space: spec.space.params().iter().map(Param::from).collect(),
            objective: Objective {
                kind: spec.objective.kind.clone(),
                settings: spec.objective.settings.clone(),
            },
            confirm: spec.confirm.as_ref().map(Confirm::from),
            notify: spec.notify.as_ref().map(Into::into),
            metric_names: spec.metrics.names.clone(),
            constraints: spec.metrics.constraints.clone(),
            pruner_objective: spec.metrics.pruner_objective,
        }
    }
}

impl TryFrom<Spec> for StudySpec {
    type Error = SpecError;
    fn try_from(spec: Spec) -> Result<Self, SpecError> {
        let name = StudyName::new(spec.name);
        Ok(Self {
            name: name.map_err(|invalid| SpecError::at(["name"], invalid.to_string()))?,
            directions: spec.direction.try_into()?,
            metrics: Metrics {
                names: spec.metric_names,
                constraints: spec.constraints,
                pruner_objective: spec.pruner_objective,
            },
            trials: spec.trials,
            seed: spec.seed,
            max_attempts: spec.max_attempts,
            max_failures_in_a_row: spec.max_failures_in_a_row,
            keep_checkpoints: spec.keep_checkpoints,
            sampler: spec.sampler.try_into()?,
            pruner: spec.pruner.into(),
            space: SearchSpace::new(spec.space.into_iter().map(Into::into).collect())?,
            objective: ObjectiveSpec {
                kind: spec.objective.kind,
                settings: spec.objective.settings,
            },
            confirm: spec.confirm.map(Into::into),
            notify: spec.notify.map(TryInto::try_into).transpose()?,
        })
    }
}

impl From<&Directions> for Spelled {
    fn from(directions: &Directions) -> Self {
        let way = |direction: &Direction| match direction {
            Direction::Maximize => Way::Maximize,
            Direction::Minimize => Way::Minimize,
        };
        match directions.as_slice() {
            [one] => Self::One(way(one)),
            several => Self::Several(several.iter().map(way).collect()),
        }
    }
}

impl TryFrom<Spelled> for Directions {
    type Error = SpecError;
    fn try_from(spelled: Spelled) -> Result<Self, SpecError> {
        let ways = match spelled {
            Spelled::One(one) => vec![one],
            Spelled::Several(several) => several,
        };
        let direction = |way| match way {
            Way::Maximize => Direction::Maximize,
            Way::Minimize => Direction::Minimize,
        };
        let directions: Vec<_> = ways.into_iter().map(direction).collect();
        Self::new(directions).map_err(|none| SpecError::at(["direction"], none.to_string()))
    }
}

impl From<&ConfirmSpec> for Confirm {
    fn from(ConfirmSpec { by, best, seeds, each }: &ConfirmSpec) -> Self {
        Self { by: by.clone(), best: *best, seeds: *seeds, each: *each }
    }
}

impl From<Confirm> for ConfirmSpec {
    fn from(Confirm { by, best, seeds, each }: Confirm) -> Self {
        Self { by, best, seeds, each }
    }
}
