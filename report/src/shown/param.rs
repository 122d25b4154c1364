//! One parameter of the search space.

use std::collections::BTreeMap;

use kindling_proto::v1;
use kindling_proto::v1::parameter::Distribution;
use serde::Serialize;

use super::choice::Choice;

/// One parameter of the search space.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Param {
    /// The name, unique in the space.
    pub name: String,
    /// Its values.
    #[serde(flatten)]
    pub domain: Domain,
    /// It is active only if each of these parameters has one of the listed values.
    pub when: BTreeMap<String, Vec<Choice>>,
}

/// The values that a parameter can take.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Domain {
    /// Real numbers.
    Float {
        /// The smallest.
        low: f64,
        /// The largest.
        high: f64,
        /// Whether the scale is logarithmic.
        log: bool,
        /// If set, only the values `low + k · step`.
        step: Option<f64>,
    },
    /// Whole numbers.
    Int {
        /// The smallest.
        low: i64,
        /// The largest.
        high: i64,
        /// Whether the scale is logarithmic.
        log: bool,
        /// The distance between neighbours, at least 1.
        step: i64,
    },
    /// One of a list of values without an order.
    Categorical {
        /// The values.
        choices: Vec<Choice>,
    },
}

impl Param {
    /// Converts a wire message. A parameter without a distribution gets no values.
    pub fn new(param: &v1::Parameter) -> Self {
        let mut when = BTreeMap::new();
        for condition in &param.when {
            let any_of: Vec<_> = condition.any_of.iter().filter_map(Choice::new).collect();
            // All conditions must hold, so two on the same parent are intersected.
            when.entry(condition.parent.clone())
                .and_modify(|known: &mut Vec<Choice>| known.retain(|c| any_of.contains(c)))
                .or_insert_with(|| any_of.clone());
        }
        Self { name: param.name.clone(), domain: domain(param.distribution.as_ref()), when }
    }
}

fn domain(distribution: Option<&Distribution>) -> Domain {
    match distribution {
        Some(Distribution::Float(d)) => {
            Domain::Float { low: d.low, high: d.high, log: d.log, step: d.step }
        }
        Some(Distribution::Int(d)) => {
            Domain::Int { low: d.low, high: d.high, log: d.log, step: d.step.max(1) }
        }
        Some(Distribution::Categorical(d)) => {
            Domain::Categorical { choices: d.choices.iter().filter_map(Choice::new).collect() }
        }
        None => Domain::Categorical { choices: vec![] },
    }
}
