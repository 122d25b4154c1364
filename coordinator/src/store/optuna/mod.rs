//! Optuna's layout: how studies are kept in the tables that Optuna and its dashboard read, and in
//! ours, for what Optuna has no place for. It is the same for every store that speaks SQL.
//!
//! To write an event, [`changes`] says which rows change. To read, a store hands all its rows to a
//! [`Reading`], which checks them and makes studies of them. The statements are each store's own,
//! though many would be the same: they are short, and placeholders and types differ.

mod activity;
mod cell;
mod change;
mod changes;
mod damage;
mod draft;
mod encode;
mod external;
mod kept;
mod known;
mod reading;
mod rows;
mod strangers;
mod study;

pub(super) use activity::ActivityRow;
pub(super) use change::{
    Change, NewLease, NewProposal, NewStudy, Owner, TABLES_OF_A_STUDY, TABLES_OF_TRIALS,
};
pub(super) use changes::changes;
pub(super) use damage::{Damage, Misfit, Place};
pub(crate) use encode::{
    METRIC_NAMES, artifact, constraint_key, datetime, distribution, fixed, float, naive,
};
pub(super) use external::{
    ExternalAttributeRow, ExternalIntermediateRow, ExternalParamRow, ExternalStudyRow,
    ExternalTrialRow, ExternalValueRow,
};
pub(super) use kept::{ArtifactRow, AttemptRow, BlobRow, CheckpointRow};
pub(super) use known::Known;
pub(super) use reading::{NextIds, Reading};
pub(super) use rows::{
    AttributeRow, DirectionRow, IntermediateRow, LeaseRow, Number, OtherValueRow, ParamRow,
    ReasonRow, StudyRow, TrialRow, ValueRow,
};

#[cfg(test)]
mod tests;
