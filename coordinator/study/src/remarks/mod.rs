//! Remarks: what people write beside a study and its trials. A note, tags, and whether the study is archived.
//!
//! They are no part of a trial, which never changes once it is finished. They are kept as system attributes of the study,
//! those of its trials, too, because that is where optuna-dashboard keeps its notes: so both show the same, and what
//! either writes the other reads. One layout serves our own studies and those that Optuna's clients drive.

mod change;
mod decide;
mod key;
mod remark;

use std::collections::BTreeMap;

use crate::external::PythonJson;

pub use change::Annotation;
pub(crate) use change::annotate;
pub use key::{RemarkKey, What};
pub use remark::Remark;
pub(crate) use remark::is_archived;

/// The longest note, in bytes.
pub const MAX_NOTE: usize = 64 * 1024;
/// The most tags of a study, and of a trial.
pub const MAX_TAGS: usize = 32;
/// The longest tag, in characters.
pub const MAX_TAG: usize = 64;
/// The most notes and tags of all trials of a study, in bytes as they are stored.
pub const MAX_REMARKS: usize = 1024 * 1024;
/// The longest piece of a note, in characters. It is what optuna-dashboard takes for the longest attribute.
const PIECE: usize = 2045;
/// The most pieces of a note.
const MAX_PIECES: u32 = MAX_NOTE.div_ceil(PIECE) as u32;

/// System attributes of a study, by name.
pub type StudyAttributes = BTreeMap<Box<str>, PythonJson>;

/// The remarks on one of our own studies and its trials, as attributes. Those of an external study stand among its other
/// attributes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Remarks {
    attributes: StudyAttributes,
    bytes: usize,
}

impl Remarks {
    /// As attributes.
    pub fn attributes(&self) -> &StudyAttributes {
        &self.attributes
    }

    /// How many bytes those on trials have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn put(&mut self, key: &str, value: &PythonJson) {
        put(&mut self.attributes, &mut self.bytes, key, value);
    }
}

impl FromIterator<(Box<str>, PythonJson)> for Remarks {
    fn from_iter<I: IntoIterator<Item = (Box<str>, PythonJson)>>(attributes: I) -> Self {
        let mut remarks = Self::default();
        attributes.into_iter().for_each(|(key, value)| remarks.put(&key, &value));
        remarks
    }
}

/// Sets an attribute, and counts the bytes of remarks on trials.
pub(crate) fn put(
    attributes: &mut StudyAttributes,
    bytes: &mut usize,
    key: &str,
    value: &PythonJson,
) {
    let before = attributes.insert(key.into(), value.clone());
    if key::is_of_trial(key) {
        *bytes += size(key, Some(value));
        *bytes = bytes.saturating_sub(size(key, before.as_ref()));
    }
}

/// How many bytes an attribute takes; none if it is not there.
fn size(key: &str, value: Option<&PythonJson>) -> usize {
    value.map_or(0, |value| key.len() + value.as_str().len())
}

#[cfg(test)]
mod tests;
