//! The space that the trials of a study have shown so far: each parameter that one of them had, with all that its
//! distributions have allowed.

use std::collections::BTreeMap;

use super::distribution::{ExternalDistribution, Kind};
use super::python_json::PythonValue;
use crate::space::{Choice, Distribution, FloatScale, Nested, Param, ParamValue, SearchSpace};

/// The parameters by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShownSpace(BTreeMap<Box<str>, Shown>);

#[derive(Debug, Clone, PartialEq)]
struct Shown {
    /// As it was used last.
    newest: ExternalDistribution,
    /// With the bounds of all.
    widest: Kind,
}

impl ShownSpace {
    /// The distribution with which the parameter was used last.
    pub(super) fn newest(&self, name: &str) -> Option<&ExternalDistribution> {
        Some(&self.0.get(name)?.newest)
    }

    /// Notes that a trial has the parameter, and returns its distribution, which is shared with other trials.
    pub(super) fn see(&mut self, name: &str, seen: &ExternalDistribution) -> ExternalDistribution {
        let Some(shown) = self.0.get_mut(name) else {
            let shown = Shown { newest: seen.clone(), widest: seen.kind().clone() };
            self.0.insert(name.into(), shown);
            return seen.clone();
        };
        if shown.newest != *seen {
            widen(&mut shown.widest, seen.kind());
            shown.newest = seen.clone();
        }
        shown.newest.clone()
    }

    /// The space in our own words; none before the first parameter. What we have no words for is left out: parameters
    /// of huge lists of choices, say.
    pub fn search_space(&self) -> Option<SearchSpace> {
        let mut params = Vec::new();
        for (name, shown) in &self.0 {
            let distribution = distribution(&shown.widest);
            let param = Param { name: name.to_string(), distribution, when: Vec::new() };
            if SearchSpace::new(vec![param.clone()]).is_ok() {
                params.push(param);
            }
        }
        SearchSpace::new(params).ok()
    }
}

fn widen(widest: &mut Kind, seen: &Kind) {
    match (widest, seen) {
        (
            Kind::Float { low, high, step, .. },
            Kind::Float { low: new_low, high: new_high, step: new_step, .. },
        ) => {
            if low.to_bits() != new_low.to_bits()
                || step.map(f64::to_bits) != new_step.map(f64::to_bits)
            {
                *step = None;
            }
            (*low, *high) = (low.min(*new_low), high.max(*new_high));
        }
        (
            Kind::Int { low, high, step, .. },
            Kind::Int { low: new_low, high: new_high, step: new_step, .. },
        ) => {
            if low != new_low || step != new_step {
                *step = 1;
            }
            (*low, *high) = ((*low).min(*new_low), (*high).max(*new_high));
        }
        // Choices never change.
        _ => {}
    }
}

pub(super) fn distribution(kind: &Kind) -> Distribution {
    match *kind {
        Kind::Float { low, high, log, step } => {
            let scale = match step {
                _ if log => FloatScale::Log,
                Some(step) => FloatScale::Step(step),
                None => FloatScale::Linear,
            };
            Distribution::Float { low, high, scale }
        }
        Kind::Int { low, high, log, step } => {
            Distribution::Int { low, high, step: if log { 1 } else { step }, log }
        }
        Kind::Categorical { ref choices } => {
            let choices: Vec<_> = choices.iter().map(choice).collect();
            // What has no words of ours is shown as a text, which may be another choice's.
            let is_plain = (1..choices.len()).all(|end| !choices[..end].contains(&choices[end]));
            let numbered = || {
                let text = |(place, choice)| Choice::Text(format!("{choice} (choice {place})"));
                choices.iter().enumerate().map(text).collect()
            };
            Distribution::Categorical { choices: if is_plain { choices } else { numbered() } }
        }
    }
}

fn choice(value: &PythonValue) -> Choice {
    match value {
        PythonValue::None => Choice::None,
        PythonValue::Bool(value) => Choice::Bool(*value),
        PythonValue::Int(value) => Choice::Int(*value),
        PythonValue::Float(value) if value.is_finite() => Choice::Float(*value),
        PythonValue::Str(text) if !text.is_empty() => Choice::Text(text.clone()),
        // A list with NaN or with a half of a character is none of ours.
        PythonValue::List(_) | PythonValue::Table(_) => match Nested::parse(&value.to_text()) {
            Ok(nested) => Choice::Nested(nested),
            Err(_) => Choice::Text(value.to_text()),
        },
        other => Choice::Text(other.to_text()),
    }
}

/// A parameter's value in the space that was shown.
pub fn in_space(distribution: &Distribution, value: f64) -> Option<ParamValue> {
    let value = match distribution {
        Distribution::Float { .. } => ParamValue::Float(value),
        Distribution::Int { .. } => ParamValue::Int(value as i64),
        Distribution::Categorical { .. } => ParamValue::Choice(value as usize),
    };
    distribution.contains(value).then_some(value)
}
