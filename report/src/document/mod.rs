//! What the page shows: `kindling report --format json` writes it, too. Times are milliseconds since
//! 1970 UTC; what is missing is null, and nothing is ever NaN, which JSON cannot say.

use kindling_proto::v1;
use serde::Serialize;

#[cfg(test)]
mod tests;

use crate::analysis::Analysis;
use crate::shown::{Study, Trial, Worker};

/// The layout of a document; it grows when a reader of the older one would go wrong.
const VERSION: u32 = 1;

/// A study with all that it found out.
#[derive(Debug, Clone, Serialize)]
pub struct Document {
    /// The layout: 1.
    pub version: u32,
    /// When it was made.
    pub generated: i64,
    /// The study.
    pub study: Study,
    /// The workers that its coordinator knows; none in a report of a stored study.
    pub workers: Vec<Worker>,
    /// All its trials, by ascending number.
    pub trials: Vec<Trial>,
    /// What follows from the trials.
    pub analysis: Analysis,
}

/// What changed in a study: what the live page is sent.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The study as it is now.
    pub study: Study,
    /// All workers.
    pub workers: Vec<Worker>,
    /// The trials that changed or came, whole.
    pub trials: Vec<Trial>,
}

impl Document {
    /// All there is to know. `trials` are the study's, `now` milliseconds since 1970 UTC.
    pub fn new(study: &v1::Study, trials: &[v1::Trial], workers: &[v1::Worker], now: i64) -> Self {
        let Change { study: shown, workers, trials: mut sorted } =
            Change::new(study, trials, workers);
        sorted.sort_by_key(|trial| trial.number);
        Self {
            version: VERSION,
            generated: now,
            study: shown,
            workers,
            trials: sorted,
            analysis: Analysis::new(study, trials),
        }
    }
}

impl Change {
    /// Of these trials, in their order.
    pub fn new(study: &v1::Study, trials: &[v1::Trial], workers: &[v1::Worker]) -> Self {
        let shown = Study::new(study);
        Self {
            workers: workers.iter().map(|worker| Worker::new(worker, &shown.name)).collect(),
            trials: trials.iter().map(Trial::new).collect(),
            study: shown,
        }
    }
}
