//! Trials whose client is gone. A study says by two attributes after how long such a trial fails, and how often it is
//! enqueued again; without them it stays as it is, as with any storage of Optuna's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::{ExternalEvent, Scope};
use super::python_json::{PythonJson, PythonValue};
use super::rules;
use super::study::ExternalStudy;
use super::trial::{ExternalTrial, NaiveTime, TrialState};
use crate::ids::{TrialId, TrialNumber};
use crate::time::Tick;

/// The attribute of a study that says after how many seconds without a word from its client a trial fails.
pub const LOST_AFTER: &str = "kindling:lost_after";
/// The attribute of a study that says how often a lost trial is enqueued again; by default never.
pub const RETRY_LOST: &str = "kindling:retry_lost";

/// The attribute of a study that names the sampler of ours that proposes for its clients: a kind, or a table with a kind
/// and its options, as in a study file.
pub const SAMPLER: &str = "kindling:sampler";

/// The longest time that [`LOST_AFTER`] can name: a year.
pub const LONGEST_LOST: f64 = 365.0 * 86400.0;

/// When running trials without a client are lost.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lost(BTreeMap<TrialNumber, Tick>);

impl Lost {
    pub(super) fn remove(&mut self, number: TrialNumber) {
        self.0.remove(&number);
    }
}

impl ExternalStudy {
    /// After how long without its client a trial is lost, if it ever is.
    pub fn lost_after(&self) -> Option<Duration> {
        let seconds = self.setting(LOST_AFTER)?.number()?;
        (0.0..=LONGEST_LOST).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
    }

    /// An attribute of ours. Whoever writes attributes may have set it, the user's before a sampler's.
    fn setting(&self, key: &str) -> Option<PythonValue> {
        self.setting_as_text(key).map(PythonJson::value)
    }

    /// The same as its text.
    pub fn setting_as_text(&self, key: &str) -> Option<&PythonJson> {
        let of = |scope| self.attributes(scope).get(key);
        of(Scope::User).or_else(|| of(Scope::System))
    }

    /// Notes that the client of a running trial is gone, at `now`.
    pub fn leave(&mut self, number: TrialNumber, now: Tick) {
        let is_running = self.trial(number).is_ok_and(|trial| trial.state == TrialState::Running);
        if is_running {
            self.lost.0.insert(number, now);
        }
    }

    /// Notes that a client spoke for a trial.
    pub fn hear(&mut self, number: TrialNumber) {
        self.lost.remove(number);
    }

    /// Notes that all clients are gone: nobody has connected since the coordinator started.
    pub fn leave_all(&mut self, now: Tick) {
        for number in (0..self.trials().len() as u32).map(TrialNumber) {
            self.leave(number, now);
        }
    }

    /// Gives the clients that are gone their time once more.
    pub fn excuse_clients(&mut self, now: Tick) {
        self.lost.0.values_mut().for_each(|since| *since = now);
    }

    /// Fails the trials that are lost by now.
    pub fn expire(&self, now: Tick, at: NaiveTime) -> Vec<ExternalEvent> {
        let Some(after) = self.lost_after().filter(|_| !self.lost.0.is_empty()) else {
            return Vec::new();
        };
        let retries = match self.setting(RETRY_LOST) {
            Some(PythonValue::Int(most)) => usize::try_from(most).unwrap_or(0),
            _ => 0,
        };
        let overdue = self.lost.0.iter().filter(|(_, since)| rules::is_lost(**since, after, now));
        let mut events = Vec::new();
        let mut next = self.next_number();
        for number in overdue.map(|(number, _)| *number) {
            let Ok(trial) = self.trial(number) else { continue };
            events.push(ExternalEvent::StateSet {
                number,
                state: TrialState::Fail,
                values: None,
                at,
            });
            if let Some(again) = again(trial, number, retries) {
                events.push(ExternalEvent::TrialAdded { number: next, trial: Box::new(again) });
                next = TrialNumber(next.0 + 1);
            }
        }
        events
    }
}

/// A lost trial once more, as Optuna's `RetryFailedTrialCallback` makes it, unless it was repeated often enough.
fn again(trial: &ExternalTrial, number: TrialNumber, retries: usize) -> Option<ExternalTrial> {
    const FIRST: &str = "failed_trial";
    const HISTORY: &str = "retry_history";
    let mut history: Vec<i64> = match trial.system_attributes.get(HISTORY).map(PythonJson::value) {
        Some(PythonValue::List(numbers)) => {
            let whole = |number| match number {
                PythonValue::Int(number) => Some(number),
                _ => None,
            };
            numbers.into_iter().filter_map(whole).collect()
        }
        _ => Vec::new(),
    };
    history.push(number.0.into());
    if !rules::is_repeated(history.len(), retries) {
        return None;
    }
    let mut system_attributes = trial.system_attributes.clone();
    let history: Vec<_> = history.iter().map(i64::to_string).collect();
    let history = PythonJson::parse(&format!("[{}]", history.join(", "))).ok()?;
    system_attributes.insert(HISTORY.into(), history);
    let first = PythonJson::parse(&number.0.to_string()).ok()?;
    system_attributes.entry(FIRST.into()).or_insert(first);
    Some(ExternalTrial {
        id: TrialId(0),
        state: TrialState::Waiting,
        values: None,
        started: None,
        completed: None,
        params: trial.params.clone(),
        user_attributes: trial.user_attributes.clone(),
        system_attributes,
        intermediate: BTreeMap::new(),
    })
}
