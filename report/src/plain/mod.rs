//! Studies and trials in plain formats, for scripts and spreadsheets: what the commands print, and what the page hands out. It is made
//! here once, so that both are the same.

use kindling_proto::v1;

pub mod json;
pub mod sheet;
mod words;

pub use sheet::Formulas;
pub use words::{attempt_end, span, study_state, time, trial_state};

/// A study and these trials as one JSON document.
pub fn document(study: &v1::Study, trials: &[v1::Trial]) -> Vec<u8> {
    let mut document = json::study(study);
    document["trial_list"] = trials.iter().map(json::trial).collect();
    format!("{document:#}\n").into_bytes()
}
