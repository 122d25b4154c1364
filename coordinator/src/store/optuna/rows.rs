//! Rows as a store reads them from its tables, before anybody checked whether they make sense.
//!
//! Text is borrowed, since most of it is not kept. Where a row may be another program's, what
//! cannot be read is an error that only counts if the row turns out to be ours.

use kindling_study::Mark;

use super::damage::{Damage, Place};

/// A row of `kindling_studies` with those of `studies` and `kindling_notify`.
pub(crate) struct StudyRow<'a> {
    pub(crate) at: Place,
    pub(crate) name: &'a str,
    pub(crate) spec: &'a str,
    pub(crate) state: &'a str,
    pub(crate) pause_reason: Option<String>,
    pub(crate) budget: u32,
    pub(crate) confirm: Option<&'a str>,
    /// Of its row of `kindling_notify`, if it has one.
    pub(crate) notify: Option<&'a str>,
    pub(crate) told: Option<&'a str>,
    pub(crate) created_at: i64,
    /// How many rows of `trials` it has.
    pub(crate) trials: u32,
}

/// A row of `study_directions`.
pub(crate) struct DirectionRow<'a> {
    pub(crate) at: Place,
    pub(crate) study: i64,
    pub(crate) objective: i64,
    pub(crate) direction: &'a str,
}

/// A row of `trials` with its row of `kindling_trials`.
pub(crate) struct TrialRow<'a> {
    pub(crate) at: Place,
    pub(crate) study: i64,
    pub(crate) number: u32,
    pub(crate) state: &'a str,
    pub(crate) datetime_start: Option<&'a str>,
    pub(crate) datetime_complete: Option<&'a str>,
    pub(crate) fixed: Option<&'a str>,
    pub(crate) retry_of: Option<u32>,
    pub(crate) request: Option<String>,
    pub(crate) saw_finished: Option<u32>,
    pub(crate) saw_proposed: Option<u32>,
    pub(crate) exact_ints: Option<&'a str>,
    pub(crate) pruned_at: Option<i64>,
    pub(crate) finish_index: Option<u32>,
    pub(crate) attributes: Option<&'a str>,
    pub(crate) confirms_of: Option<u32>,
    pub(crate) confirms_seed: Option<u32>,
    pub(crate) constraints: Option<&'a str>,
    pub(crate) warm_start: Option<u32>,
}

/// A row of `kindling_leases`. Its id is the trial's.
pub(crate) struct LeaseRow<'a> {
    pub(crate) at: Place,
    pub(crate) attempt: u32,
    pub(crate) worker: &'a str,
    pub(crate) ended: Option<&'a str>,
    /// 0 where the column is NULL.
    pub(crate) session: i64,
    pub(crate) lost_before: u32,
    pub(crate) mark: Option<[u8; Mark::LEN]>,
    pub(crate) leased_at: i64,
    pub(crate) ended_at: Option<i64>,
    pub(crate) resumed: Option<i64>,
}

/// A row of `trial_params`.
pub(crate) struct ParamRow<'a> {
    pub(crate) at: Place,
    pub(crate) trial: i64,
    pub(crate) name: &'a str,
    pub(crate) value: f64,
}

/// A row of `trial_intermediate_values`.
pub(crate) struct IntermediateRow<'a> {
    pub(crate) at: Place,
    pub(crate) trial: i64,
    pub(crate) step: i64,
    pub(crate) number: Number<'a>,
}

/// A row of `kindling_other_values`.
pub(crate) struct OtherValueRow {
    /// Its id is the trial's.
    pub(crate) at: Place,
    pub(crate) step: i64,
    pub(crate) objective: u16,
    pub(crate) value: f64,
}

/// A row of `trial_values`.
pub(crate) struct ValueRow<'a> {
    pub(crate) at: Place,
    pub(crate) trial: i64,
    pub(crate) objective: i64,
    pub(crate) number: Result<Number<'a>, Damage>,
}

/// A number in Optuna's words: a value, and what kind it is.
pub(crate) struct Number<'a> {
    pub(crate) value: Option<f64>,
    pub(crate) kind: &'a str,
}

/// A row of `trial_system_attributes` whose key is `fail_reason`.
pub(crate) struct ReasonRow<'a> {
    pub(crate) at: Place,
    pub(crate) trial: i64,
    pub(crate) json: Result<&'a str, Damage>,
}

/// A row of `trial_user_attributes` that belongs to a trial.
pub(crate) struct AttributeRow<'a> {
    pub(crate) at: Place,
    pub(crate) trial: i64,
    pub(crate) key: &'a str,
    pub(crate) json: Result<&'a str, Damage>,
}
