//! Finds a metric in a line of output, so that a script that knows nothing of us can be tuned and pruned.
//!
//! What a metric line is says `docs/own-code.md`. A line that could mean something else gives nothing: a trial without
//! a value is seen, a wrong value is not.

use serde_json::Value;

use self::number::{number, whole};

mod ansi;
mod number;
mod pairs;
mod steps;
#[cfg(test)]
mod tests;

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

/// So much of a line is looked at: its end, because progress bars rewrite their line.
const LOOKED_AT: usize = 64 * 1024;

impl Metric {
    /// The metric of that name.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What a line says about the metric, if anything.
    pub(crate) fn read(&self, line: &[u8]) -> Option<Measure> {
        // Most lines of most scripts do not even hold the name.
        let line = end_of(line);
        if line.len() < self.name.len() {
            return None;
        }
        let line = String::from_utf8_lossy(line);
        let text = ansi::without(&line);
        // A progress bar goes back and writes again. What it wrote last is what is to be seen.
        text.rsplit(['\r', '\u{8}']).find_map(|part| self.measure(part.trim()))
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

/// The last bytes of a long line, from the first word on that is whole.
fn end_of(line: &[u8]) -> &[u8] {
    let Some(cut) = line.len().checked_sub(LOOKED_AT).filter(|cut| *cut > 0) else { return line };
    let end = &line[cut..];
    let whole = end.iter().position(u8::is_ascii_whitespace).unwrap_or(end.len());
    &end[whole..]
}

/// A number, or a text that is one: JSON cannot write NaN otherwise.
fn of_json(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => number(text).filter(|(_, rest)| rest.is_empty()).map(|(x, _)| x),
        _ => None,
    }
}
