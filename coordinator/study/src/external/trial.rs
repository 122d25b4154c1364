//! A trial of an external study.

use std::collections::BTreeMap;

use super::distribution::ExternalDistribution;
use super::event::Scope;
use super::python_json::{PythonJson, PythonValue};
use crate::ids::TrialId;
use crate::metrics::MAX_CONSTRAINTS;

/// The attribute under which Optuna keeps constraints, and what its names begin with.
const CONSTRAINTS: &str = "constraints";

/// A trial's state, in Optuna's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrialState {
    /// Enqueued; nobody runs it yet.
    Waiting,
    /// Somebody runs it.
    Running,
    /// It has its values.
    Complete,
    /// It was given up.
    Pruned,
    /// It failed.
    Fail,
}

impl TrialState {
    /// Whether it is over. Then the trial never changes again.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Complete | Self::Pruned | Self::Fail)
    }
}

/// A date and time of day without a zone, in microseconds since 1970: what Optuna's clients write is their own local
/// time. Nothing is decided by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NaiveTime(pub i64);

/// All of a trial but its number, which is its place in the study. Maps are sorted by name.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalTrial {
    /// Its id among all trials of the store; 0 until it has one.
    pub id: TrialId,
    /// Its state.
    pub state: TrialState,
    /// Its objective values, if it has any. None is NaN.
    pub values: Option<Box<[f64]>>,
    /// When it began to run.
    pub started: Option<NaiveTime>,
    /// When it was over.
    pub completed: Option<NaiveTime>,
    /// Parameters: Optuna's internal value, and the distribution.
    pub params: BTreeMap<Box<str>, (f64, ExternalDistribution)>,
    /// Attributes of the user's.
    pub user_attributes: BTreeMap<Box<str>, PythonJson>,
    /// Attributes of samplers and of Optuna itself.
    pub system_attributes: BTreeMap<Box<str>, PythonJson>,
    /// Intermediate values by step. They may be NaN or infinite.
    pub intermediate: BTreeMap<i64, f64>,
}

impl ExternalTrial {
    /// A trial that begins to run.
    pub fn running(since: NaiveTime) -> Self {
        Self {
            id: TrialId(0),
            state: TrialState::Running,
            values: None,
            started: Some(since),
            completed: None,
            params: BTreeMap::new(),
            user_attributes: BTreeMap::new(),
            system_attributes: BTreeMap::new(),
            intermediate: BTreeMap::new(),
        }
    }

    /// What it found for the constraints, by name: feasible at or below 0. Optuna keeps each under `constraints:NAME`; its
    /// versions before 5 kept a list, whose items are named by their places.
    pub fn constraints(&self) -> BTreeMap<Box<str>, f64> {
        let mut told = BTreeMap::new();
        if let Some(PythonValue::List(values)) =
            self.system_attributes.get(CONSTRAINTS).map(PythonJson::value)
        {
            let named = (0..).zip(values.into_iter().take(MAX_CONSTRAINTS));
            told.extend(named.filter_map(|(place, value): (usize, _)| {
                Some((place.to_string().into(), value.number()?))
            }));
        }
        let named = self.system_attributes.iter().filter_map(|(key, value)| {
            let name = key.strip_prefix(CONSTRAINTS)?.strip_prefix(':')?;
            Some((name.into(), value.value().number()?))
        });
        told.extend(named.take(MAX_CONSTRAINTS));
        told
    }

    /// The attributes of one scope.
    pub fn attributes(&self, scope: Scope) -> &BTreeMap<Box<str>, PythonJson> {
        match scope {
            Scope::User => &self.user_attributes,
            Scope::System => &self.system_attributes,
        }
    }

    pub(super) fn attributes_mut(&mut self, scope: Scope) -> &mut BTreeMap<Box<str>, PythonJson> {
        match scope {
            Scope::User => &mut self.user_attributes,
            Scope::System => &mut self.system_attributes,
        }
    }
}
