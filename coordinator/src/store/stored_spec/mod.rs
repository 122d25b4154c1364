//! The texts in which stores keep a study's spec.

#[cfg(test)]
mod tests;

use kindling_study::{ConfirmSpec, StudySpec, Unreadable};

/// The text for a store.
pub(crate) fn to_text(spec: &StudySpec) -> Result<String, Unreadable> {
    spec.to_text()
}

/// Reads what [`to_text`] wrote.
pub(crate) fn from_text(text: &str) -> Result<StudySpec, serde_json::Error> {
    StudySpec::from_text(text)
}

/// What is confirmed, which may change later and so has a text of its own.
pub(crate) fn confirm_to_text(confirm: &ConfirmSpec) -> Result<String, serde_json::Error> {
    serde_json::to_string(confirm)
}

/// Reads what [`confirm_to_text`] wrote.
pub(crate) fn confirm_from_text(text: &str) -> Result<ConfirmSpec, serde_json::Error> {
    serde_json::from_str(text)
}
