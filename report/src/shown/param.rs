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
    /// It is active only if each of these parameters has one of these values.
    pub when: BTreeMap<String, Needs>,
}

/// Which values of its parent a parameter needs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Needs {
    /// One of these.
    AnyOf(Vec<Choice>),
    /// A number in a range. `None` is no bound.
    Between {
        /// The smallest that will do.
        at_least: Option<f64>,
        /// The largest that will do.
        at_most: Option<f64>,
    },
}

impl Needs {
    fn new(condition: &v1::Condition) -> Self {
        match (condition.at_least, condition.at_most) {
            (None, None) => Self::AnyOf(condition.any_of.iter().filter_map(Choice::new).collect()),
            (at_least, at_most) => Self::Between { at_least, at_most },
        }
    }

    /// Both must hold.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::AnyOf(mut some), Self::AnyOf(others)) => {
                some.retain(|choice| others.contains(choice));
                Self::AnyOf(some)
            }
            (Self::AnyOf(mut some), Self::Between { at_least, at_most })
            | (Self::Between { at_least, at_most }, Self::AnyOf(mut some)) => {
                let is_inside = |x: f64| {
                    at_least.is_none_or(|low| x >= low) && at_most.is_none_or(|high| x <= high)
                };
                some.retain(|choice| choice.number().is_some_and(is_inside));
                Self::AnyOf(some)
            }
            (
                Self::Between { at_least, at_most },
                Self::Between { at_least: other_least, at_most: other_most },
            ) => Self::Between {
                at_least: tighter(at_least, other_least, f64::max),
                at_most: tighter(at_most, other_most, f64::min),
            },
        }
    }
}

/// Of two bounds, the one that is picked; of one, that one.
fn tighter(a: Option<f64>, b: Option<f64>, pick: fn(f64, f64) -> f64) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(pick(a, b)),
        (a, b) => a.or(b),
    }
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
        let mut when: BTreeMap<String, Needs> = BTreeMap::new();
        for condition in &param.when {
            let mut needs = Needs::new(condition);
            // All conditions must hold, also two on the same parent.
            if let Some(known) = when.remove(&condition.parent) {
                needs = known.and(needs);
            }
            when.insert(condition.parent.clone(), needs);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_conditions_on_one_parent_are_one() {
        let range = |at_least, at_most| v1::Condition {
            parent: "n".to_owned(),
            at_least,
            at_most,
            ..Default::default()
        };
        let whole = |numbers: &[i64]| v1::Condition {
            parent: "n".to_owned(),
            any_of: numbers
                .iter()
                .map(|i| v1::Value { kind: Some(v1::value::Kind::Int(*i)) })
                .collect(),
            ..Default::default()
        };
        let needs = |when: Vec<v1::Condition>| {
            let param = v1::Parameter { when, ..Default::default() };
            let needs = Param::new(&param).when.remove("n").expect("a condition");
            serde_json::to_string(&needs).expect("JSON")
        };
        let between = needs(vec![range(Some(1.0), Some(9.0)), range(Some(2.0), None)]);
        assert_eq!(between, r#"{"at_least":2.0,"at_most":9.0}"#);
        assert_eq!(needs(vec![whole(&[1, 2, 3]), range(None, Some(2.5))]), "[1,2]");
        assert_eq!(needs(vec![range(Some(3.0), None), whole(&[1, 2, 3])]), "[3]");
    }
}
