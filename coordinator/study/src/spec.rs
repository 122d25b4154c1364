//! A study's spec, which never changes. What may change later (the budget, the confirmation settings, whom to
//! tell, the state) belongs to the study.

use crate::confirm::{ConfirmError, ConfirmSpec};
use crate::direction::Direction;
use crate::ids::StudyName;
use crate::kept::MAX_KEPT_CHECKPOINTS;
use crate::metrics::Metrics;
use crate::notify::Notify;
use crate::pruner::PrunerSpec;
use crate::sampler::SamplerSpec;
use crate::space::{SearchSpace, SpaceError};
use crate::values::Directions;

/// Free-form settings, as JSON.
pub type Settings = serde_json::Map<String, serde_json::Value>;

/// What a worker runs for each trial.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectiveSpec {
    /// The objective's name among those that a worker offers.
    pub kind: String,
    /// Its settings, which only the objective understands.
    pub settings: Settings,
}

/// The default of [`StudySpec::max_failures_in_a_row`]. If 40 % of a space fail, ten failures in a row come
/// at the start of one study in ten thousand, and twenty in a row once in a hundred million trials.
pub const MAX_FAILURES_IN_A_ROW: u32 = 20;

/// A study as its author wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct StudySpec {
    /// Its name, unique among the coordinator's studies.
    pub name: StudyName,
    /// Which way is better, per objective.
    pub directions: Directions,
    /// What the objectives and constraints are called, and which of them the pruner compares.
    pub metrics: Metrics,
    /// The number of trials to finish.
    pub trials: u32,
    /// The seed from which every proposal and every trial's own seed derive.
    pub seed: u64,
    /// How many leases of a trial may be lost since its newest checkpoint before it fails; at least 1. Ten times as many in
    /// all.
    pub max_attempts: u32,
    /// How many trials may fail in a row before the study is paused; half as many until a trial has completed
    /// or been pruned. 0 means no limit.
    pub max_failures_in_a_row: u32,
    /// How many checkpoints of a running trial are kept, the newest ones; 1 to [`MAX_KEPT_CHECKPOINTS`].
    pub keep_checkpoints: u32,
    /// The sampler, which proposes parameters.
    pub sampler: SamplerSpec,
    /// The pruner, which ends unpromising trials.
    pub pruner: PrunerSpec,
    /// The search space.
    pub space: SearchSpace,
    /// What a worker runs.
    pub objective: ObjectiveSpec,
    /// What to run again once the search is over.
    pub confirm: Option<ConfirmSpec>,
    /// Whom to tell of its news.
    pub notify: Option<Notify>,
}

/// What is wrong with a [`StudySpec`], and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", key.join("."))]
pub struct SpecError {
    /// The key at fault, after the tables that contain it, outermost first.
    pub key: Vec<String>,
    /// What was found and what was expected.
    pub message: String,
}

impl SpecError {
    /// An error at this key.
    pub fn at<const N: usize>(key: [&str; N], message: impl Into<String>) -> Self {
        Self { key: key.map(str::to_owned).into(), message: message.into() }
    }

    /// The same error, for those who see the key inside this table.
    #[must_use]
    pub fn below(mut self, table: &str) -> Self {
        self.key.insert(0, table.to_owned());
        self
    }

    /// An error about a number outside its range.
    pub fn range(key: &str, least: u64, most: u64, found: impl std::fmt::Display) -> Self {
        Self::at([key], format!("expected {least} to {most}, found {found}"))
    }
}

impl From<SpaceError> for SpecError {
    fn from(error: SpaceError) -> Self {
        if error.param.is_empty() {
            return Self::at(["space"], error.message);
        }
        // A parameter's name is not a key of its table.
        match error.key {
            "name" => Self::at(["space", &error.param], error.message),
            key => Self::at(["space", &error.param, key], error.message),
        }
    }
}

impl From<ConfirmError> for SpecError {
    fn from(error: ConfirmError) -> Self {
        Self::at(["confirm", error.key], error.message)
    }
}

impl StudySpec {
    /// Whether the spec makes sense, whoever wrote it: a study file, a caller or a store. The names, the space
    /// and the sampler's options were checked when they were made.
    pub fn check(&self) -> Result<(), SpecError> {
        let counts = [("trials", self.trials), ("max_attempts", self.max_attempts)];
        if let Some((key, found)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err(SpecError::range(key, 1, u32::MAX.into(), found));
        }
        // Stores and their readers use signed numbers.
        if i64::try_from(self.seed).is_err() {
            return Err(SpecError::range("seed", 0, i64::MAX as u64, self.seed));
        }
        if !(1..=MAX_KEPT_CHECKPOINTS).contains(&self.keep_checkpoints) {
            let (most, found) = (MAX_KEPT_CHECKPOINTS.into(), self.keep_checkpoints);
            return Err(SpecError::range("keep", 1, most, found).below("checkpoints"));
        }
        self.metrics.check(self.directions.as_slice().len())?;
        if self.objective.kind.is_empty() {
            let message = "expected the name of an objective, found nothing";
            return Err(SpecError::at(["objective", "kind"], message));
        }
        self.sampler.check().map_err(|error| error.below("sampler"))?;
        self.pruner.check().map_err(|error| error.below("pruner"))?;
        self.confirm.as_ref().map_or(Ok(()), |confirm| {
            Ok(confirm.check(&self.space, self.directions.as_slice().len())?)
        })
    }

    /// Which way is better for the objective that the pruner compares.
    pub(crate) fn pruner_direction(&self) -> Direction {
        self.directions.as_slice()[self.metrics.pruner_objective]
    }

    /// The top-level keys in which two specs differ, except `trials`, `confirm` and `notify`, which may
    /// change after a study's creation.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let mut keys = Vec::new();
        let mut differ = |key, yes: bool| {
            if yes {
                keys.push(key);
            }
        };
        differ("name", self.name != other.name);
        let named = |spec: &Self| (spec.directions.clone(), spec.metrics.names.clone());
        differ("direction", named(self) != named(other));
        differ("constraints", self.metrics.constraints != other.metrics.constraints);
        differ("seed", self.seed != other.seed);
        differ("max_attempts", self.max_attempts != other.max_attempts);
        differ("max_failures_in_a_row", self.max_failures_in_a_row != other.max_failures_in_a_row);
        differ("checkpoints", self.keep_checkpoints != other.keep_checkpoints);
        differ("sampler", self.sampler != other.sampler);
        let pruned = |spec: &Self| (spec.pruner.clone(), spec.metrics.pruner_objective);
        differ("pruner", pruned(self) != pruned(other));
        differ("space", self.space != other.space);
        differ("objective", self.objective != other.objective);
        keys
    }
}
