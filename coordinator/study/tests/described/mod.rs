//! Search spaces as tests and examples describe them, in JSON: a list of parameters such as
//! `{"name": "x", "distribution": {"type": "float", "low": 0, "high": 1}}`. No store and no peer uses this.

use kindling_study::{Choice, Condition, Distribution, FloatScale, Param, SearchSpace};
use serde::Deserialize;

/// A described space.
#[derive(Deserialize)]
pub(crate) struct Described(Vec<Parameter>);

#[derive(Deserialize)]
struct Parameter {
    name: String,
    distribution: Values,
    #[serde(default)]
    when: Vec<When>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Values {
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

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scale {
    #[default]
    Linear,
    Log,
    Step(f64),
}

#[derive(Deserialize)]
struct When {
    parent: String,
    any_of: Option<Vec<Choice>>,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

impl Described {
    /// The space; panics if it makes no sense.
    pub(crate) fn space(self) -> SearchSpace {
        SearchSpace::new(self.0.into_iter().map(param).collect()).expect("a valid space")
    }
}

fn param(Parameter { name, distribution, when }: Parameter) -> Param {
    let distribution = match distribution {
        Values::Float { low, high, scale } => {
            let scale = match scale {
                Scale::Linear => FloatScale::Linear,
                Scale::Log => FloatScale::Log,
                Scale::Step(step) => FloatScale::Step(step),
            };
            Distribution::Float { low, high, scale }
        }
        Values::Int { low, high, step, log } => Distribution::Int { low, high, step, log },
        Values::Categorical { choices } => Distribution::Categorical { choices },
    };
    let when = when.into_iter().map(|When { parent, any_of, at_least, at_most }| match any_of {
        Some(any_of) => Condition::any_of(parent, any_of),
        None => Condition::between(parent, at_least, at_most),
    });
    Param { name, distribution, when: when.collect() }
}
