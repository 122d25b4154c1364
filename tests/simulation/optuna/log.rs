//! What Optuna's clients were told, in a list of their own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kindling_proto::optuna as wire;
use kindling_proto::optuna::TrialState;

/// Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Notes>>);

#[derive(Default)]
pub(super) struct Notes {
    pub(super) words: Vec<Word>,
    /// Whatever state somebody asked a trial to get, answered or not.
    pub(super) asked: Vec<(i64, TrialState)>,
    /// Broken promises.
    pub(super) broken: Vec<String>,
}

/// A call that was acknowledged.
pub(super) struct Word {
    pub(super) called: Duration,
    pub(super) heard: Duration,
    pub(super) said: Said,
}

/// What it said.
#[derive(Debug, Clone)]
pub(super) enum Said {
    Began(i64),
    Took(i64),
    Param(i64, f64),
    Reported(i64, i64, f64),
    Noted(i64, String),
    Ended(i64, TrialState, Vec<f64>),
    Saw(Vec<wire::Trial>),
}

impl Said {
    /// The trial, if it is about one.
    pub(super) fn trial(&self) -> Option<i64> {
        match self {
            Self::Began(id)
            | Self::Took(id)
            | Self::Param(id, _)
            | Self::Reported(id, ..)
            | Self::Noted(id, _)
            | Self::Ended(id, ..) => Some(*id),
            Self::Saw(_) => None,
        }
    }
}

impl Log {
    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
