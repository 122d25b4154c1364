//! Remarks as they are read from attributes.

use super::key::tags_of;
use super::{MAX_NOTE, MAX_PIECES, RemarkKey, StudyAttributes, What};
use crate::external::PythonValue;
use crate::ids::TrialId;

/// What people wrote about a study, or about a trial.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remark {
    /// The note, in Markdown. Empty: none. At most [`MAX_NOTE`] bytes of it.
    pub note: String,
    /// Whether that is all of it. Another program may have written a longer one.
    pub is_whole: bool,
    /// How often it was changed.
    pub note_version: u32,
    /// The tags, in the order in which they were given.
    pub tags: Vec<String>,
}

impl Remark {
    /// What the attributes of a study say of itself, or of a trial.
    pub fn read(attributes: &StudyAttributes, trial: Option<TrialId>) -> Self {
        if attributes.is_empty() {
            return Self { is_whole: true, ..Self::default() };
        }
        let value = |what| {
            let key = RemarkKey { trial, what };
            let value = attributes.get(key.to_string().as_str())?;
            key.check(value).ok().map(|()| value.value())
        };
        let note_version = match value(What::NoteVersion) {
            Some(PythonValue::Int(version)) => u32::try_from(version).unwrap_or_default(),
            _ => 0,
        };
        let tags = match value(What::Tags) {
            Some(PythonValue::List(tags)) => tags_of(tags).unwrap_or_default(),
            _ => Vec::new(),
        };
        let pieces = (0..MAX_PIECES).map_while(|place| match value(What::NotePiece(place)) {
            Some(PythonValue::Str(piece)) => Some(piece),
            _ => None,
        });
        let mut note: String = pieces.collect();
        let is_whole = note.len() <= MAX_NOTE;
        note.truncate(note.floor_char_boundary(MAX_NOTE));
        Self { note, is_whole, note_version, tags }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.note.is_empty() && self.tags.is_empty()
    }
}

/// Whether the attributes say that the study is archived.
pub(crate) fn is_archived(attributes: &StudyAttributes) -> bool {
    let key = RemarkKey { trial: None, what: What::Archived };
    let value = attributes.get(key.to_string().as_str());
    value.is_some_and(|value| value.value() == PythonValue::Bool(true))
}
