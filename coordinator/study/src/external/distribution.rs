//! Distributions as Optuna's clients send them.

use std::fmt;
use std::sync::Arc;

use super::python_json::{PythonJson, PythonValue};

/// A parameter's distribution: Optuna's text, and what it says. Cheap to copy.
#[derive(Clone, PartialEq)]
pub struct ExternalDistribution {
    text: PythonJson,
    said: Arc<Said>,
}

/// What the text says.
#[derive(Debug, PartialEq)]
struct Said {
    /// Optuna's class.
    class: String,
    kind: Kind,
}

/// What a distribution says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// `FloatDistribution`, and what Optuna 2 had in its place.
    Float { low: f64, high: f64, log: bool, step: Option<f64> },
    /// `IntDistribution`, and what Optuna 2 had in its place.
    Int { low: i64, high: i64, log: bool, step: i64 },
    /// `CategoricalDistribution`.
    Categorical { choices: Vec<PythonValue> },
}

/// Why a distribution, or a value of one, is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongDistribution(String);

impl ExternalDistribution {
    /// Reads what Optuna's `distribution_to_json` writes.
    pub fn parse(text: &str) -> Result<Self, WrongDistribution> {
        let text = PythonJson::parse(text).map_err(|e| WrongDistribution(e.to_string()))?;
        let said = said(&text.value()).ok_or_else(|| {
            let what = "expected a FloatDistribution, IntDistribution or CategoricalDistribution of Optuna";
            WrongDistribution(format!("{what}, found {text:?}"))
        })?;
        Ok(Self { text, said: Arc::new(said) })
    }

    /// Optuna's text.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.said.kind
    }

    /// Whether a study that has used this distribution for a parameter may use the other one. The rule is Optuna's
    /// `check_distribution_compatibility`: bounds may change; kind, scale and choices may not.
    pub fn allows(&self, other: &Self) -> Result<(), WrongDistribution> {
        let refuse = |what: &str| Err(WrongDistribution(what.to_owned()));
        if self.said.class != other.said.class {
            return refuse("Cannot set different distribution kind to the same parameter name.");
        }
        match (self.kind(), other.kind()) {
            (Kind::Float { log: a, .. }, Kind::Float { log: b, .. })
            | (Kind::Int { log: a, .. }, Kind::Int { log: b, .. }) => {
                if a == b {
                    Ok(())
                } else {
                    refuse("Cannot set different log configuration to the same parameter name.")
                }
            }
            (Kind::Categorical { choices: a }, Kind::Categorical { choices: b }) => {
                if a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b)) {
                    Ok(())
                } else {
                    refuse("CategoricalDistribution does not support dynamic value space.")
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether it can mean this number: Optuna's internal representation, for choices their index.
    pub fn has(&self, value: f64) -> bool {
        match self.kind() {
            Kind::Float { .. } | Kind::Int { .. } => value.is_finite(),
            Kind::Categorical { choices } => {
                value.fract() == 0.0 && (0.0..choices.len() as f64).contains(&value)
            }
        }
    }

    /// The number for what a script sees.
    pub fn internal(&self, shown: &PythonValue) -> Option<f64> {
        match self.kind() {
            Kind::Float { .. } | Kind::Int { .. } => shown.number(),
            Kind::Categorical { choices } => {
                Some(choices.iter().position(|choice| choice.equals(shown))? as f64)
            }
        }
    }

    /// What a script sees for this number.
    pub fn shown(&self, value: f64) -> PythonValue {
        match self.kind() {
            Kind::Float { .. } => PythonValue::Float(value),
            Kind::Int { .. } => PythonValue::Int(value as i64),
            Kind::Categorical { choices } => {
                choices.get(value as usize).cloned().unwrap_or(PythonValue::None)
            }
        }
    }
}

impl fmt::Debug for ExternalDistribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

fn said(value: &PythonValue) -> Option<Said> {
    let PythonValue::Str(class) = value.get("name")? else { return None };
    let attributes = value.get("attributes")?;
    let kind = match class.as_str() {
        "FloatDistribution" => float(attributes, is_log(attributes)?, "step"),
        "IntDistribution" => int(attributes, is_log(attributes)?),
        "CategoricalDistribution" => match attributes.get("choices")? {
            PythonValue::List(choices) if !choices.is_empty() => {
                Some(Kind::Categorical { choices: choices.clone() })
            }
            _ => None,
        },
        // Optuna still takes these, and some of its integrations still make them.
        "UniformDistribution" => float(attributes, false, "step"),
        "LogUniformDistribution" => float(attributes, true, "step"),
        "DiscreteUniformDistribution" => float(attributes, false, "q"),
        "IntUniformDistribution" => int(attributes, false),
        "IntLogUniformDistribution" => int(attributes, true),
        _ => None,
    };
    Some(Said { class: class.clone(), kind: kind? })
}

fn is_log(attributes: &PythonValue) -> Option<bool> {
    match attributes.get("log") {
        Some(PythonValue::Bool(log)) => Some(*log),
        None => Some(false),
        Some(_) => None,
    }
}

fn float(attributes: &PythonValue, log: bool, step: &str) -> Option<Kind> {
    let bound = |name| attributes.get(name).and_then(PythonValue::number).filter(|x| x.is_finite());
    let step = match attributes.get(step) {
        None | Some(PythonValue::None) => None,
        Some(step) => Some(step.number().filter(|step| step.is_finite() && *step > 0.0)?),
    };
    let (low, high) = (bound("low")?, bound("high")?);
    (low <= high).then_some(Kind::Float { low, high, log, step })
}

fn int(attributes: &PythonValue, log: bool) -> Option<Kind> {
    let whole = |name| match attributes.get(name)? {
        PythonValue::Int(value) => Some(*value),
        _ => None,
    };
    let (low, high) = (whole("low")?, whole("high")?);
    let step = if attributes.get("step").is_some() { whole("step")? } else { 1 };
    (low <= high && step > 0).then_some(Kind::Int { low, high, log, step })
}
