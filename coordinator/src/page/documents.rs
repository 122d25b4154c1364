//! A study as the page shows it, in JSON.

use kindling_report::{Analysis, Document};

use crate::view::Whole;

/// The page's document.
pub(super) fn document(whole: &Whole) -> serde_json::Result<Vec<u8>> {
    let now = jiff::Timestamp::now().as_millisecond();
    let document = Document::new(&whole.study, &whole.trials, &whole.workers, now);
    serde_json::to_vec(&document.with_artifacts(&whole.artifacts))
}

/// The analysis of the trials.
pub(super) fn analysis(whole: &Whole) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Analysis::new(&whole.study, &whole.trials))
}
