//! What happened to an external study.

use super::distribution::ExternalDistribution;
use super::python_json::PythonJson;
use super::trial::{ExternalTrial, NaiveTime, TrialState};
use crate::ids::{StudyName, TrialNumber};
use crate::values::Directions;

/// Whose attributes: the user's, or those of samplers and Optuna itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `user_attrs`.
    User,
    /// `system_attrs`.
    System,
}

/// One fact about an external study. That it was deleted is [`crate::Event::Deleted`], as of any study.
#[derive(Debug, Clone, PartialEq)]
pub enum ExternalEvent {
    /// The study was created.
    Created {
        /// Its name.
        name: StudyName,
        /// Which way is better, for each objective.
        directions: Directions,
    },
    /// An attribute of the study was set.
    AttributeSet {
        /// Whose it is.
        scope: Scope,
        /// Its name.
        key: Box<str>,
        /// Its value.
        value: PythonJson,
        /// The trial that it is a remark on, if it is one.
        of: Option<TrialNumber>,
    },
    /// A trial was added, perhaps as a copy with all that it has.
    TrialAdded {
        /// Always the next number.
        number: TrialNumber,
        /// The trial; its id is given to it as this is applied.
        trial: Box<ExternalTrial>,
    },
    /// A trial's parameter was set.
    ParamSet {
        /// The trial.
        number: TrialNumber,
        /// The parameter's name.
        name: Box<str>,
        /// The value, as Optuna represents it internally.
        value: f64,
        /// The distribution that it is of.
        distribution: ExternalDistribution,
    },
    /// A trial's state changed, and with it perhaps its values.
    StateSet {
        /// The trial.
        number: TrialNumber,
        /// Its new state.
        state: TrialState,
        /// Its values; `None` leaves them as they are.
        values: Option<Box<[f64]>>,
        /// When.
        at: NaiveTime,
    },
    /// The intermediate value of a step was set.
    IntermediateSet {
        /// The trial.
        number: TrialNumber,
        /// The step.
        step: i64,
        /// The value: any number, or NaN.
        value: f64,
    },
    /// A trial's attribute was set.
    TrialAttributeSet {
        /// The trial.
        number: TrialNumber,
        /// Whose it is.
        scope: Scope,
        /// Its name.
        key: Box<str>,
        /// Its value.
        value: PythonJson,
    },
}

impl ExternalEvent {
    /// The trial that it is about, if any.
    pub fn trial(&self) -> Option<TrialNumber> {
        match self {
            Self::Created { .. } => None,
            Self::AttributeSet { of, .. } => *of,
            Self::TrialAdded { number, .. }
            | Self::ParamSet { number, .. }
            | Self::StateSet { number, .. }
            | Self::IntermediateSet { number, .. }
            | Self::TrialAttributeSet { number, .. } => Some(*number),
        }
    }
}
