//! The values that a parameter can take.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::{SpaceError, error};
use super::nested::Nested;

/// The values that a parameter can take.
#[derive(Debug, Clone, PartialEq)]
pub enum Distribution {
    /// Real numbers in `[low, high]`, both finite.
    Float {
        /// The smallest value.
        low: f64,
        /// The largest value. With a step, it is lowered to `low` plus a multiple of the step.
        high: f64,
        /// How the values are spaced.
        scale: FloatScale,
    },
    /// Whole numbers `low, low + step, …` up to `high`.
    Int {
        /// The smallest value.
        low: i64,
        /// The largest value, lowered to `low` plus a multiple of `step`.
        high: i64,
        /// The distance between neighbours, at least 1.
        step: i64,
        /// Whether the scale is logarithmic (then `low ≥ 1` and `step = 1`).
        log: bool,
    },
    /// One of a list without an order.
    Categorical {
        /// The choices: at least one, no two equal.
        choices: Vec<Choice>,
    },
}

/// How the values of a float parameter are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum FloatScale {
    /// A linear scale.
    #[default]
    Linear,
    /// A logarithmic scale; `low > 0`.
    Log,
    /// Only `low + k · step` for whole k.
    Step(f64),
}

/// One value of a categorical parameter. Two are equal if they are of the same kind and have the same value: 1, 1.0, true
/// and "1" are four. The derive is how one is written in JSON, wherever that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    /// No value: Python's `None`, `null` in JSON.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f64),
    /// A word.
    Text(String),
    /// A list or a table.
    Nested(Nested),
}

/// The value of a parameter. Its distribution says which kind it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ParamValue {
    /// For a float parameter.
    Float(f64),
    /// For an int parameter.
    Int(i64),
    /// For a categorical parameter: the index of the choice.
    Choice(usize),
}

impl ParamValue {
    /// The value as Optuna represents it internally. Exact except for integers beyond 2^53.
    pub fn as_number(self) -> f64 {
        match self {
            Self::Float(value) => value,
            Self::Int(value) => value as f64,
            Self::Choice(index) => index as f64,
        }
    }
}

impl Distribution {
    /// Whether the distribution has this value.
    pub fn contains(&self, value: ParamValue) -> bool {
        match (self, value) {
            (Self::Float { low, high, scale }, ParamValue::Float(x)) => {
                x >= *low
                    && x <= *high
                    && match scale {
                        FloatScale::Step(step) => {
                            let k = (x - low) / step;
                            (k - k.round()).abs() < 1e-6
                        }
                        _ => true,
                    }
            }
            (Self::Int { low, high, step, .. }, ParamValue::Int(x)) => {
                (*low..=*high).contains(&x) && x.abs_diff(*low) % step.unsigned_abs() == 0
            }
            (Self::Categorical { choices }, ParamValue::Choice(c)) => c < choices.len(),
            _ => false,
        }
    }

    /// How many values there are; `None` if they are continuous.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Self::Float { low, high, scale: FloatScale::Step(step) } => {
                // The same tolerance as in `contains`.
                Some(((high - low) / step + 1e-6) as u64 + 1)
            }
            Self::Float { low, high, .. } => (low >= high).then_some(1),
            Self::Int { low, high, step, .. } => {
                Some(high.abs_diff(*low) / step.unsigned_abs() + 1)
            }
            Self::Categorical { choices } => Some(choices.len() as u64),
        }
    }

    /// Value number `k`, in ascending order; `k` must be below `size`.
    pub(crate) fn nth(&self, k: u64) -> ParamValue {
        match self {
            Self::Float { low, high, scale: FloatScale::Step(step) } => {
                ParamValue::Float((low + k as f64 * step).min(*high))
            }
            Self::Float { low, .. } => ParamValue::Float(*low),
            Self::Int { low, step, .. } => ParamValue::Int(low + k as i64 * step),
            Self::Categorical { .. } => ParamValue::Choice(k as usize),
        }
    }

    /// The value that a person or a peer wrote, if the distribution has it.
    pub fn parse(&self, choice: &Choice) -> Option<ParamValue> {
        let value = match (self, choice) {
            (Self::Float { .. }, Choice::Float(x)) => ParamValue::Float(unsigned_zero(*x)),
            (Self::Float { .. }, Choice::Int(x)) => ParamValue::Float(*x as f64),
            (Self::Int { .. }, Choice::Int(x)) => ParamValue::Int(*x),
            (Self::Categorical { choices }, choice) => {
                ParamValue::Choice(position(choices, choice)?)
            }
            _ => return None,
        };
        self.contains(value).then_some(value)
    }

    /// The number of a value that the distribution has, from 0 in ascending order. What is continuous has one number.
    pub(super) fn number(&self, value: ParamValue) -> u64 {
        match (self, value) {
            (Self::Float { low, scale: FloatScale::Step(step), .. }, ParamValue::Float(x)) => {
                ((x - low) / step).round() as u64
            }
            (Self::Int { low, step, .. }, ParamValue::Int(x)) => {
                x.abs_diff(*low) / step.unsigned_abs()
            }
            (_, ParamValue::Choice(c)) => c as u64,
            _ => 0,
        }
    }

    /// The exact value for one that is on the grid up to rounding: 0.3 on a grid of tenths becomes 3 × 0.1.
    /// The bits decide whether a configuration was tried.
    pub(super) fn exact(&self, value: ParamValue) -> ParamValue {
        match (self, value) {
            (Self::Float { low, scale: FloatScale::Step(step), .. }, ParamValue::Float(x)) => {
                self.nth(((x - low) / step).round() as u64)
            }
            _ => value,
        }
    }

    /// The value as its author would write it.
    pub fn show(&self, value: ParamValue) -> Choice {
        match (self, value) {
            (Self::Categorical { choices }, ParamValue::Choice(c)) => choices[c].clone(),
            (_, ParamValue::Float(x)) => Choice::Float(x),
            (_, ParamValue::Int(x)) => Choice::Int(x),
            (_, ParamValue::Choice(c)) => Choice::Int(i64::try_from(c).unwrap_or(i64::MAX)),
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float { low, high, scale } => {
                write!(f, "{low} to {high}")?;
                match scale {
                    FloatScale::Linear => Ok(()),
                    FloatScale::Log => f.write_str(" (log)"),
                    FloatScale::Step(step) => write!(f, " in steps of {step}"),
                }
            }
            Self::Int { low, high, step, log } => {
                write!(f, "the whole numbers {low} to {high}")?;
                match (step, log) {
                    (_, true) => f.write_str(" (log)"),
                    (1, false) => Ok(()),
                    (step, false) => write!(f, " in steps of {step}"),
                }
            }
            Self::Categorical { choices } => {
                let names: Vec<_> = choices.iter().map(Choice::to_string).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Float(x) => write!(f, "{x}"),
            Self::Text(s) => f.write_str(s),
            Self::None => f.write_str("null"),
            Self::Nested(nested) => nested.fmt(f),
        }
    }
}

/// The place of a choice that was written down: the one that is equal to it, or else the only one that is the same number.
pub(super) fn position(choices: &[Choice], written: &Choice) -> Option<usize> {
    let equal = choices.iter().position(|choice| choice == written);
    equal.or_else(|| choices.iter().position(|choice| is_same_number(choice, written)))
}

/// Whether one is a whole number, and the other is real and just as large. No list has two equal to a third.
fn is_same_number(a: &Choice, b: &Choice) -> bool {
    match (a, b) {
        (Choice::Int(i), Choice::Float(x)) | (Choice::Float(x), Choice::Int(i)) => {
            // Not every whole number is exact as a float.
            x.fract() == 0.0 && i128::from(*i) == *x as i128
        }
        _ => false,
    }
}

/// A choice in a form that a set can compare.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    None,
    Nested(&'a Nested),
    Bool(bool),
    Int(i64),
    Float(u64),
    Text(&'a str),
}

impl<'a> From<&'a Choice> for Key<'a> {
    fn from(choice: &'a Choice) -> Self {
        match choice {
            Choice::Bool(b) => Self::Bool(*b),
            Choice::Int(i) => Self::Int(*i),
            // Adding 0 turns −0 into 0.
            Choice::Float(x) => Self::Float((x + 0.0).to_bits()),
            Choice::Text(text) => Self::Text(text),
            Choice::None => Self::None,
            Choice::Nested(nested) => Self::Nested(nested),
        }
    }
}

/// Turns -0 into 0: a store may lose the sign, and the bits decide whether a configuration was tried.
pub(crate) fn unsigned_zero(x: f64) -> f64 {
    x + 0.0
}

/// The distribution of the parameter `name`, if it makes sense.
pub(super) fn checked(
    name: &str,
    mut distribution: Distribution,
) -> Result<Distribution, SpaceError> {
    if let Distribution::Float { low, high, .. } = &mut distribution {
        (*low, *high) = (unsigned_zero(*low), unsigned_zero(*high));
    }
    match &distribution {
        Distribution::Float { low, high, scale } => {
            for (key, x) in [("low", low), ("high", high)] {
                if !x.is_finite() {
                    return Err(error(name, key, format!("{x} is not a finite number")));
                }
            }
            if low > high {
                return Err(error(name, "low", format!("low = {low} is above high = {high}")));
            }
            if !(high - low).is_finite() {
                return Err(error(name, "high", "the range is too wide to be a number"));
            }
            match scale {
                FloatScale::Linear => {}
                FloatScale::Log if *low > 0.0 => {}
                FloatScale::Log => {
                    return Err(error(
                        name,
                        "low",
                        format!("a log scale needs low > 0, not {low}"),
                    ));
                }
                FloatScale::Step(step) if step.is_finite() && *step > 0.0 => {
                    // Finer steps would drown in the rounding of the values.
                    let finest = low.abs().max(high.abs()) * 1e-8;
                    if *step < finest {
                        let message = format!("{step} is too fine for values of this size");
                        return Err(error(name, "step", message));
                    }
                    // The last value of the grid: `high` may not be on it, or only up to rounding.
                    let steps = ((high - low) / step + 1e-6).floor();
                    let end = low + steps * step;
                    // 0.7, although 0.1 + 6 × 0.1 is 0.7000000000000001: Optuna computes in decimals.
                    let high = format!("{end:.14e}").parse().unwrap_or(end).clamp(*low, *high);
                    return Ok(Distribution::Float { low: *low, high, scale: *scale });
                }
                FloatScale::Step(step) => {
                    return Err(error(name, "step", format!("a step is above 0, not {step}")));
                }
            }
        }
        Distribution::Int { low, high, step, log } => {
            if low > high {
                return Err(error(name, "low", format!("low = {low} is above high = {high}")));
            }
            if *step < 1 {
                return Err(error(name, "step", format!("a step is at least 1, not {step}")));
            }
            if *log && *low < 1 {
                return Err(error(name, "low", format!("a log scale needs low ≥ 1, not {low}")));
            }
            if *log && *step != 1 {
                return Err(error(name, "step", "a log scale takes no step"));
            }
            let Some(width) = high.checked_sub(*low) else {
                return Err(error(name, "high", "the range is wider than 2^63"));
            };
            let high = low + width / step * step;
            return Ok(Distribution::Int { low: *low, high, step: *step, log: *log });
        }
        Distribution::Categorical { choices } => {
            if choices.is_empty() {
                return Err(error(name, "choices", "at least one choice is needed"));
            }
            let mut seen = HashSet::new();
            for choice in choices {
                if !seen.insert(Key::from(choice)) {
                    return Err(error(name, "choices", format!("{choice} stands there twice")));
                }
                if matches!(choice, Choice::Float(x) if !x.is_finite()) {
                    return Err(error(name, "choices", format!("{choice} is no number to choose")));
                }
            }
        }
    }
    Ok(distribution)
}
