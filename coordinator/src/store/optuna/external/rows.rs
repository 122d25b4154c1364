//! Rows of external studies, as a store reads them. All but attributes are written by nobody else: the store's guards
//! see to that.

use crate::store::optuna::damage::{Damage, Place};
use crate::store::optuna::rows::Number;

/// A row of `kindling_external_studies` with its row of `studies`.
pub(in crate::store) struct ExternalStudyRow<'a> {
    pub(in crate::store) at: Place,
    pub(in crate::store) name: &'a str,
    pub(in crate::store) created_at: i64,
}

/// A row of `trials`.
pub(in crate::store) struct ExternalTrialRow<'a> {
    pub(in crate::store) at: Place,
    pub(in crate::store) study: i64,
    pub(in crate::store) number: u32,
    pub(in crate::store) state: &'a str,
    pub(in crate::store) datetime_start: Option<&'a str>,
    pub(in crate::store) datetime_complete: Option<&'a str>,
}

/// A row of `trial_params`.
pub(in crate::store) struct ExternalParamRow<'a> {
    pub(in crate::store) at: Place,
    pub(in crate::store) trial: i64,
    pub(in crate::store) name: &'a str,
    pub(in crate::store) value: f64,
    pub(in crate::store) distribution: &'a str,
}

/// A row of `trial_values`.
pub(in crate::store) struct ExternalValueRow<'a> {
    pub(in crate::store) at: Place,
    pub(in crate::store) trial: i64,
    pub(in crate::store) objective: i64,
    pub(in crate::store) number: Number<'a>,
}

/// A row of `trial_intermediate_values`.
pub(in crate::store) struct ExternalIntermediateRow<'a> {
    pub(in crate::store) at: Place,
    pub(in crate::store) trial: i64,
    pub(in crate::store) step: i64,
    pub(in crate::store) number: Number<'a>,
}

/// A row of one of the four tables of attributes. Its owner is a study or a trial.
pub(in crate::store) struct ExternalAttributeRow<'a> {
    pub(in crate::store) at: Place,
    pub(in crate::store) owner: i64,
    pub(in crate::store) key: &'a str,
    /// Whoever writes attributes may have left anything here.
    pub(in crate::store) json: Result<&'a str, Damage>,
}
