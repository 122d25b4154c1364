//! Finds metrics in a line of output, so that a script that knows nothing of us can be tuned and pruned.
//!
//! What a metric line is says `docs/own-code.md`. A line that could mean something else gives nothing: a trial without
//! a value is seen, a wrong value is not.

use serde_json::Value;

use self::number::{number, whole};
use crate::goals::Goals;

mod ansi;
mod backlog;
mod beside;
mod found;
mod names;
mod number;
mod pairs;
mod redraws;
mod steps;
#[cfg(test)]
mod tests;

pub(crate) use self::backlog::{Backlog, Waiting};
pub(crate) use self::found::Found;
pub(crate) use self::names::Names;
pub(crate) use self::redraws::Redraws;
pub(crate) use self::steps::Steps;

/// The metrics to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sought {
    /// With the places of their values.
    names: Vec<(usize, String)>,
    /// How many places are objectives'. Those of constraints follow.
    objectives: usize,
    /// The place of the objective that the pruner compares.
    compared: usize,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measure {
    /// The step, if the line gives one.
    pub(crate) step: Option<u64>,
    /// The metrics' values, at least one, each of which may be NaN or infinite.
    pub(crate) values: Found,
}

impl Sought {
    /// Those of a study; `None` if none has a name.
    pub(crate) fn new(goals: &Goals) -> Option<Self> {
        let names: Vec<_> = goals.named().map(|(place, name)| (place, name.to_owned())).collect();
        let (objectives, compared) = (goals.objectives(), goals.compared());
        (!names.is_empty()).then_some(Self { names, objectives, compared })
    }

    /// The place of the objective with which a step is reported.
    pub(crate) fn compared(&self) -> usize {
        self.compared
    }

    /// Whether this is the place of an objective that is reported beside the compared one.
    pub(crate) fn is_beside(&self, place: usize) -> bool {
        place < self.objectives && place != self.compared
    }

    /// Whether a metric of that name is looked for.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|(_, known)| known == name)
    }

    /// Whether all of them are there.
    pub(crate) fn is_all(&self, values: &Found) -> bool {
        self.names.iter().all(|(place, _)| values.get(*place).is_some())
    }

    /// What a line says about the metrics, if anything. Of one that is drawn again and again: what a state of it says.
    pub(crate) fn read(&self, line: &str) -> Option<Measure> {
        // Most lines of most scripts do not even hold a name.
        if !self.is_in(line) && !line.contains(ansi::ESCAPE) {
            return None;
        }
        let text = ansi::without(line);
        // Some bars go back letter by letter. What they wrote last is what is to be seen.
        text.rsplit('\u{8}').find_map(|part| self.measure(part.trim()))
    }

    fn is_in(&self, text: &str) -> bool {
        self.names.iter().any(|(_, name)| text.contains(name))
    }

    fn measure(&self, part: &str) -> Option<Measure> {
        if !self.is_in(part) {
            return None;
        }
        if part.starts_with('{')
            && let Ok(Value::Object(object)) = serde_json::from_str(part)
        {
            let values = self.find(|name| object.get(name).and_then(of_json))?;
            let step = ["step", "epoch"]
                .iter()
                .find_map(|key| object.get(*key).and_then(of_json).and_then(whole));
            return Some(Measure { step, values });
        }
        let values = self.find(|name| pairs::value(part, name))?;
        Some(Measure { step: pairs::step(part), values })
    }

    fn find(&self, value: impl Fn(&str) -> Option<f64>) -> Option<Found> {
        let mut found = Found::default();
        for (place, name) in &self.names {
            if let Some(value) = value(name) {
                found.set(*place, value);
            }
        }
        (!found.is_empty()).then_some(found)
    }
}

/// A number, or a text that is one: JSON cannot write NaN otherwise.
fn of_json(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => number(text).filter(|(_, rest)| rest.is_empty()).map(|(x, _)| x),
        _ => None,
    }
}
