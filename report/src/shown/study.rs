//! A study, as the page shows it.

use kindling_proto::v1;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::metrics::{compared_metric, metric_names};
use super::param::Param;
use super::time::{milliseconds, seconds};
use super::values::{Directions, best};
use crate::json::from_struct;

/// A study and its current state.
#[derive(Debug, Clone, Serialize)]
pub struct Study {
    /// The name, unique on its coordinator.
    pub name: String,
    /// Whether Optuna's clients drive it, so that its sampler, budget and rate are theirs to know.
    pub external: bool,
    /// Which way is better, per objective.
    pub directions: Directions,
    /// The objectives' names, in the order of `directions`. Several without names are `objective 0`, `objective 1`, … as
    /// Optuna calls them; a single one without a name is `value`.
    pub metrics: Vec<String>,
    /// The index of the objective whose intermediate values are a trial's `curve`: what the pruner compares.
    pub curve_objective: usize,
    /// The names of the constraints.
    pub constraints: Vec<String>,
    /// The numbers of the front's trials, best first by the first objective, as far as the coordinator lists them; empty
    /// for one objective.
    pub front: Vec<u32>,
    /// How many trials the front has.
    pub front_size: u32,
    /// ACTIVE, PAUSED, STOPPED or FINISHED.
    pub state: &'static str,
    /// The number of trials in the search.
    pub budget: u32,
    /// The number of confirmation trials, past and future. While the search runs, it is an upper limit.
    pub confirmations: u32,
    /// Whether `confirmations` is exact.
    pub confirmations_known: bool,
    /// A 64-bit integer, as text because JavaScript's numbers cannot hold it.
    pub seed: String,
    /// When it was created.
    pub created: i64,
    /// What people wrote about it, in Markdown that nobody has checked; empty: nothing.
    pub note: String,
    /// How often the note was changed. Whoever changes it says which version was read.
    pub note_version: u32,
    /// In the order in which they were given.
    pub tags: Vec<String>,
    /// Whether it has left the lists.
    pub archived: bool,
    /// Trials by state.
    pub counts: Counts,
    /// Trials finished per hour.
    pub trials_per_hour: Option<f64>,
    /// The estimated time for the rest, at the rate of the latest finished trials.
    pub seconds_left: Option<f64>,
    /// Why trials failed: the most frequent reasons, in descending order.
    pub failures: Vec<Failure>,
    /// Why the study was paused, unless a user paused it.
    pub pause_reason: Option<String>,
    /// The number of the search's best trial.
    pub best: Option<u32>,
    /// The sampler with its options.
    pub sampler: Map<String, Json>,
    /// The pruner with its options.
    pub pruner: Map<String, Json>,
    /// The objective that workers run.
    pub objective: Objective,
    /// The search space.
    pub space: Vec<Param>,
    /// The plan for confirmation runs after the search.
    pub confirm: Option<ConfirmPlan>,
}

/// The number of trials in each state.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "named after the states")]
pub struct Counts {
    pub waiting: u32,
    pub running: u32,
    pub complete: u32,
    pub pruned: u32,
    pub fail: u32,
}

/// Trials that failed for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The reason given by the newest of them, shortened.
    pub reason: String,
    /// The number of trials.
    pub trials: u32,
    /// The number of the newest of them.
    pub newest: u32,
}

/// The objective that workers run.
#[derive(Debug, Clone, Serialize)]
pub struct Objective {
    /// Its name, as workers offer it.
    pub kind: String,
    /// Settings that only the objective understands.
    pub settings: Json,
}

/// The plan for confirmation runs after the search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfirmPlan {
    /// The categorical parameters whose combinations are compared.
    pub by: Vec<String>,
    /// How many of the best combinations to run.
    pub best: u32,
    /// How many times to run each one.
    pub seeds: u32,
    /// Whether to run the best configuration of each single choice, too.
    pub each: bool,
}

impl Study {
    /// Converts a wire message.
    pub fn new(study: &v1::Study) -> Self {
        let spec = study.spec.clone().unwrap_or_default();
        let counts = study.counts.unwrap_or_default();
        let objective = spec.objective.as_ref().map(Objective::new);
        let directions = Directions::of(study);
        let pruner = spec.pruner.as_ref().map(from_struct).unwrap_or_default();
        let metrics = metric_names(&spec.metric_names, directions.as_slice().len());
        Self {
            external: study.external,
            curve_objective: compared_metric(&pruner, &metrics),
            metrics,
            constraints: spec.constraints.clone(),
            front: study.front.iter().map(|trial| trial.number).collect(),
            front_size: study.front_size,
            directions,
            state: match study.state() {
                _ if study.finished => "FINISHED",
                v1::StudyState::Paused => "PAUSED",
                v1::StudyState::Stopped => "STOPPED",
                v1::StudyState::Active | v1::StudyState::Unspecified => "ACTIVE",
            },
            budget: study.budget,
            confirmations: study.confirmations,
            confirmations_known: study.confirmations_known,
            seed: spec.seed.to_string(),
            created: study.create_time.map_or(0, milliseconds),
            note: study.note.clone(),
            note_version: study.note_version,
            tags: study.tags.clone(),
            archived: study.archived,
            counts: Counts {
                waiting: counts.waiting,
                running: counts.running,
                complete: counts.complete,
                pruned: counts.pruned,
                fail: counts.fail,
            },
            trials_per_hour: study.trials_per_hour,
            seconds_left: study.time_left.map(seconds),
            failures: study.failures.iter().map(Failure::new).collect(),
            pause_reason: Some(&study.pause_reason).filter(|reason| !reason.is_empty()).cloned(),
            best: best(study).map(|trial| trial.number),
            sampler: spec.sampler.as_ref().map(from_struct).unwrap_or_default(),
            pruner,
            objective: objective.unwrap_or_else(|| Objective::new(&v1::Objective::default())),
            space: spec.space.iter().map(Param::new).collect(),
            confirm: study.confirm.as_ref().map(ConfirmPlan::new),
            name: spec.name,
        }
    }
}

impl Failure {
    fn new(failure: &v1::Failure) -> Self {
        let v1::Failure { reason, trials, newest } = failure;
        Self { reason: reason.clone(), trials: *trials, newest: *newest }
    }
}

impl Objective {
    fn new(objective: &v1::Objective) -> Self {
        Self {
            kind: objective.kind.clone(),
            settings: serde_json::from_str(&objective.settings_json).unwrap_or_default(),
        }
    }
}

impl ConfirmPlan {
    pub(crate) fn new(confirm: &v1::Confirm) -> Self {
        Self {
            by: confirm.by.clone(),
            best: confirm.best,
            seeds: confirm.seeds,
            each: confirm.each,
        }
    }
}
