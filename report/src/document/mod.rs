//! The data that the page shows and that `kindling report --format json` writes.
//!
//! Times are milliseconds since 1970 UTC. Missing values are null. Nothing is NaN, which JSON cannot
//! represent.

use kindling_proto::v1;
use serde::Serialize;

#[cfg(test)]
mod tests;

use crate::analysis::Analysis;
use crate::shown::{Artifact, Study, Trial, Worker, best};

/// The version of the layout. It grows when a reader of the previous version would misread the new one.
const VERSION: u32 = 2;

/// A study with all its results.
#[derive(Debug, Clone, Serialize)]
pub struct Document {
    /// The version of the layout: 2.
    pub version: u32,
    /// When it was made.
    pub generated: i64,
    /// The study.
    pub study: Study,
    /// The workers known to the coordinator; none in a report on a stored study.
    pub workers: Vec<Worker>,
    /// All its trials, by ascending number.
    pub trials: Vec<Trial>,
    /// The files that the study itself keeps, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// Statistics over the trials.
    pub analysis: Analysis,
}

/// The first piece of a document that comes in pieces: all but its trials, which follow some at a time, and its analysis.
#[derive(Debug, Clone, Serialize)]
pub struct Beginning {
    /// The version of the layout, as a document's.
    pub version: u32,
    /// When it was made.
    pub generated: i64,
    /// The study.
    pub study: Study,
    /// The workers known to the coordinator.
    pub workers: Vec<Worker>,
    /// The files that the study itself keeps, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// How many trials there are.
    pub total: usize,
    /// Those that are shown first, ahead of the others: the best one, or the front as far as it is listed. They come
    /// again in their turn.
    pub trials: Vec<Trial>,
}

/// A change to a study, as sent to the live page.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The study as it is now.
    pub study: Study,
    /// All workers.
    pub workers: Vec<Worker>,
    /// The new and changed trials, complete.
    pub trials: Vec<Trial>,
    /// The files that the study itself keeps; absent if they are the same as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Vec<Artifact>>,
}

impl Document {
    /// The whole document. `trials` are all of the study's, `now` is in milliseconds since 1970 UTC.
    pub fn new(study: &v1::Study, trials: &[v1::Trial], workers: &[v1::Worker], now: i64) -> Self {
        let Change { study: shown, workers, trials: mut sorted, .. } =
            Change::new(study, trials, workers);
        sorted.sort_by_key(|trial| trial.number);
        Self {
            version: VERSION,
            generated: now,
            study: shown,
            workers,
            trials: sorted,
            artifacts: Vec::new(),
            analysis: Analysis::new(study, trials),
        }
    }

    /// The same, with the files that the study itself keeps.
    #[must_use]
    pub fn with_artifacts(self, artifacts: &[v1::Artifact]) -> Self {
        Self { artifacts: shown(artifacts), ..self }
    }
}

impl Beginning {
    /// Of a study with so many trials. `now` is in milliseconds since 1970 UTC.
    pub fn new(study: &v1::Study, workers: &[v1::Worker], total: usize, now: i64) -> Self {
        let first: Vec<_> = best(study).into_iter().chain(&study.front).cloned().collect();
        let Change { study, workers, trials, .. } = Change::new(study, &first, workers);
        Self {
            version: VERSION,
            generated: now,
            study,
            workers,
            artifacts: Vec::new(),
            total,
            trials,
        }
    }

    /// The same, with the files that the study itself keeps.
    #[must_use]
    pub fn with_artifacts(self, artifacts: &[v1::Artifact]) -> Self {
        Self { artifacts: shown(artifacts), ..self }
    }
}

impl Change {
    /// A change with these trials, in their order.
    pub fn new(study: &v1::Study, trials: &[v1::Trial], workers: &[v1::Worker]) -> Self {
        let shown = Study::new(study);
        Self {
            workers: workers.iter().map(|worker| Worker::new(worker, &shown.name)).collect(),
            trials: trials.iter().map(Trial::new).collect(),
            study: shown,
            artifacts: None,
        }
    }

    /// The same, with the files that the study itself keeps now.
    #[must_use]
    pub fn with_artifacts(self, artifacts: &[v1::Artifact]) -> Self {
        Self { artifacts: Some(shown(artifacts)), ..self }
    }
}

fn shown(artifacts: &[v1::Artifact]) -> Vec<Artifact> {
    artifacts.iter().map(Artifact::new).collect()
}
