//! What a trial is given and how it may end, from its objective's point of view.

use std::collections::BTreeMap;
use std::fmt;

use crate::metrics::Metrics;

/// Free-form settings and attributes, as JSON.
pub type JsonMap = serde_json::Map<String, serde_json::Value>;

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamValue {
    /// Of a float parameter.
    Float(f64),
    /// Of an int parameter, or a categorical choice that is a whole number.
    Int(i64),
    /// A categorical choice that is a Boolean.
    Bool(bool),
    /// A categorical choice that is a string.
    Text(String),
    /// A categorical choice that is no value: Python's `None`.
    None,
    /// A categorical choice that is a list or a table.
    Json(serde_json::Value),
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(x) => write!(f, "{x}"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Text(s) => f.write_str(s),
            Self::None => f.write_str("null"),
            Self::Json(json) => write!(f, "{json}"),
        }
    }
}

/// The active parameters of a trial, by name.
pub type Params = BTreeMap<String, ParamValue>;

/// Everything that determines one trial's work. The same parameters, settings and seeds give the same result.
#[derive(Debug, Clone, Default)]
pub struct TrialFacts {
    /// The study's name.
    pub study: String,
    /// The trial's number in its study, from 0.
    pub number: u32,
    /// The attempt at the trial, counted from 1.
    pub attempt: u32,
    /// The active parameters.
    pub params: Params,
    /// The objective's settings from the study file.
    pub settings: JsonMap,
    /// The trial's own seed, the same in every attempt.
    pub seed: u64,
    /// The study's seed, for what all trials share, such as the split of the data.
    pub study_seed: u64,
    /// What the study's objectives and constraints are called.
    pub metrics: Metrics,
}

/// Why a trial ended without a value.
#[derive(Debug, PartialEq, Eq)]
pub enum TrialError {
    /// It was told to stop: pruned, its study stopped, or no longer this worker's.
    Stopped,
    /// It ends as pruned by its own decision; nobody told it to stop.
    Pruned,
    /// It failed for this reason.
    Failed(String),
    /// It cannot go on here now, for this reason, but could elsewhere or later. It is handed back.
    HandBack(String),
    /// This worker cannot run such trials at all, for example because data is missing.
    ///
    /// The trial is handed back and the worker ends with the reason, so that it does not fail one trial after
    /// another.
    Unfit(String),
}

impl<E: std::error::Error> From<E> for TrialError {
    fn from(error: E) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        Self::Failed(reason)
    }
}

/// The answer of [`Trial::report`] when the trial should stop. `?` turns it into [`TrialError::Stopped`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

impl From<Stopped> for TrialError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}
