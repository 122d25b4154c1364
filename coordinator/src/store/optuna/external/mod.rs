//! External studies in Optuna's tables: all that they have lies in those, but for the row that says that they are
//! external.

mod changes;
mod reading;
mod rows;

pub(in crate::store) use rows::{
    ExternalAttributeRow, ExternalIntermediateRow, ExternalParamRow, ExternalStudyRow,
    ExternalTrialRow, ExternalValueRow,
};

pub(super) use changes::changes;
pub(super) use reading::ExternalReading;
