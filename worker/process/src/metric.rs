//! Finds a metric in a line of output, so that a script that knows nothing of us can be tuned and pruned.
//!
//! What a metric line is says `docs/own-code.md`. A line that could mean something else gives nothing: a trial without
//! a value is seen, a wrong value is not.

use serde_json::Value;

use self::number::{number, whole};

mod ansi;
mod backlog;
mod names;
mod number;
mod pairs;
mod redraws;
mod steps;
#[cfg(test)]
mod tests;

pub(crate) use self::backlog::{Backlog, Waiting};
pub(crate) use self::names::Names;
pub(crate) use self::redraws::Redraws;
pub(crate) use self::steps::Steps;

/// The metric to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metric {
    name: String,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measure {
    /// The step, if the line gives one.
    pub(crate) step: Option<u64>,
    /// The metric's value, which may be NaN or infinite.
    pub(crate) value: f64,
}

impl Metric {
    /// The metric of that name.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What a line says about the metric, if anything. Of one that is drawn again and again: what a state of it says.
    pub(crate) fn read(&self, line: &str) -> Option<Measure> {
        // Most lines of most scripts do not even hold the name.
        if !line.contains(&self.name) && !line.contains(ansi::ESCAPE) {
            return None;
        }
        let text = ansi::without(line);
        // Some bars go back letter by letter. What they wrote last is what is to be seen.
        text.rsplit('\u{8}').find_map(|part| self.measure(part.trim()))
    }

    fn measure(&self, part: &str) -> Option<Measure> {
        if !part.contains(&self.name) {
            return None;
        }
        if part.starts_with('{')
            && let Ok(Value::Object(object)) = serde_json::from_str(part)
        {
            let value = object.get(&self.name).and_then(of_json)?;
            let step = ["step", "epoch"]
                .iter()
                .find_map(|key| object.get(*key).and_then(of_json).and_then(whole));
            return Some(Measure { step, value });
        }
        let value = pairs::value(part, &self.name)?;
        Some(Measure { step: pairs::step(part), value })
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
