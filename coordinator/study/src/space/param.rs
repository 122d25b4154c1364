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

/// "The categorical parameter `parent` is active and has one of these values."
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The name of a categorical parameter.
    pub parent: String,
    /// Some of its choices, at least one.
    pub any_of: Vec<Choice>,
}

/// Values in the order of the space's parameters. `None` if the parameter is not active or, in a partial
/// assignment, not fixed.
pub type Params = Box<[Option<ParamValue>]>;
