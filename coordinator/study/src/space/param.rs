//! Parameters, and their values in a trial.

use super::distribution::{Choice, Distribution, ParamValue};

/// One parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Its name, unique in the space.
    pub name: String,
    /// Its values.
    pub distribution: Distribution,
    /// When it is active: all conditions must hold; without any it is always active.
    pub when: Vec<Condition>,
}

/// "The parameter `parent` is active and has a value that this needs."
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The name of another parameter.
    pub parent: String,
    /// Which of its values.
    pub needs: Needs,
}

/// Which values of its parent a condition needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Needs {
    /// One of these, at least one. The parent is categorical, or has whole numbers.
    AnyOf(Vec<Choice>),
    /// A number in a range: at least one bound, and both finite. The parent has numbers.
    Between {
        /// The smallest number that will do.
        at_least: Option<f64>,
        /// The largest number that will do.
        at_most: Option<f64>,
    },
}

impl Condition {
    /// That the parent has one of these values.
    pub fn any_of(parent: impl Into<String>, any_of: impl Into<Vec<Choice>>) -> Self {
        Self { parent: parent.into(), needs: Needs::AnyOf(any_of.into()) }
    }

    /// That the parent has a number in this range. `None` is no bound.
    pub fn between(parent: impl Into<String>, at_least: Option<f64>, at_most: Option<f64>) -> Self {
        Self { parent: parent.into(), needs: Needs::Between { at_least, at_most } }
    }
}

/// Values in the order of the space's parameters. `None` if the parameter is not active or, in a partial
/// assignment, not fixed.
pub type Params = Box<[Option<ParamValue>]>;
