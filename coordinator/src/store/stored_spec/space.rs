//! A parameter of a search space, as stores have it.

use kindling_study::{Needs, Nested};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct Param {
    name: String,
    distribution: Distribution,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    when: Vec<Condition>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Distribution {
    Float {
        low: f64,
        high: f64,
        #[serde(default)]
        scale: Scale,
    },
    Int {
        low: i64,
        high: i64,
        step: i64,
        log: bool,
    },
    Categorical {
        choices: Vec<Choice>,
    },
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scale {
    #[default]
    Linear,
    Log,
    Step(f64),
}

#[derive(Serialize, Deserialize)]
struct Condition {
    parent: String,
    /// Absent if it is a range that is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    any_of: Option<Vec<Choice>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_most: Option<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Choice {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// A list or a table, as itself.
    Nested(Nested),
}

impl From<&kindling_study::Param> for Param {
    fn from(param: &kindling_study::Param) -> Self {
        Self {
            name: param.name.clone(),
            distribution: Distribution::from(&param.distribution),
            when: param.when.iter().map(Condition::from).collect(),
        }
    }
}

impl From<Param> for kindling_study::Param {
    fn from(Param { name, distribution, when }: Param) -> Self {
        let when = when.into_iter().map(Into::into).collect();
        Self { name, distribution: distribution.into(), when }
    }
}

impl From<&kindling_study::Distribution> for Distribution {
    fn from(distribution: &kindling_study::Distribution) -> Self {
        use kindling_study::Distribution as Core;
        match distribution {
            Core::Float { low, high, scale } => {
                Self::Float { low: *low, high: *high, scale: (*scale).into() }
            }
            Core::Int { low, high, step, log } => {
                Self::Int { low: *low, high: *high, step: *step, log: *log }
            }
            Core::Categorical { choices } => {
                Self::Categorical { choices: choices.iter().map(Choice::from).collect() }
            }
        }
    }
}

impl From<Distribution> for kindling_study::Distribution {
    fn from(distribution: Distribution) -> Self {
        match distribution {
            Distribution::Float { low, high, scale } => {
                Self::Float { low, high, scale: scale.into() }
            }
            Distribution::Int { low, high, step, log } => Self::Int { low, high, step, log },
            Distribution::Categorical { choices } => {
                Self::Categorical { choices: choices.into_iter().map(Into::into).collect() }
            }
        }
    }
}

impl From<kindling_study::FloatScale> for Scale {
    fn from(scale: kindling_study::FloatScale) -> Self {
        use kindling_study::FloatScale as Core;
        match scale {
            Core::Linear => Self::Linear,
            Core::Log => Self::Log,
            Core::Step(step) => Self::Step(step),
        }
    }
}

impl From<Scale> for kindling_study::FloatScale {
    fn from(scale: Scale) -> Self {
        match scale {
            Scale::Linear => Self::Linear,
            Scale::Log => Self::Log,
            Scale::Step(step) => Self::Step(step),
        }
    }
}

impl From<&kindling_study::Condition> for Condition {
    fn from(condition: &kindling_study::Condition) -> Self {
        let parent = condition.parent.clone();
        match &condition.needs {
            Needs::AnyOf(any_of) => {
                let any_of = Some(any_of.iter().map(Choice::from).collect());
                Self { parent, any_of, at_least: None, at_most: None }
            }
            &Needs::Between { at_least, at_most } => {
                Self { parent, any_of: None, at_least, at_most }
            }
        }
    }
}

impl From<Condition> for kindling_study::Condition {
    fn from(Condition { parent, any_of, at_least, at_most }: Condition) -> Self {
        let needs = match any_of {
            Some(any_of) => Needs::AnyOf(any_of.into_iter().map(Into::into).collect()),
            None => Needs::Between { at_least, at_most },
        };
        Self { parent, needs }
    }
}

impl From<&kindling_study::Choice> for Choice {
    fn from(choice: &kindling_study::Choice) -> Self {
        use kindling_study::Choice as Core;
        match choice {
            Core::Bool(b) => Self::Bool(*b),
            Core::Int(i) => Self::Int(*i),
            Core::Float(x) => Self::Float(*x),
            Core::Text(text) => Self::Text(text.clone()),
            Core::None => Self::None,
            Core::Nested(nested) => Self::Nested(nested.clone()),
        }
    }
}

impl From<Choice> for kindling_study::Choice {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Bool(b) => Self::Bool(b),
            Choice::Int(i) => Self::Int(i),
            Choice::Float(x) => Self::Float(x),
            Choice::Text(text) => Self::Text(text),
            Choice::None => Self::None,
            Choice::Nested(nested) => Self::Nested(nested),
        }
    }
}
