//! The names under which remarks are kept.

use std::fmt;

use super::{MAX_PIECES, MAX_TAG, MAX_TAGS, PIECE};
use crate::external::{PythonJson, PythonValue};
use crate::ids::TrialId;

/// Of whom: optuna-dashboard's own names for a note, and ours for the rest.
const DASHBOARD: &str = "dashboard:";
const KINDLING: &str = "kindling:";

/// The name of an attribute that is a remark: on the study, or on one of its trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemarkKey {
    /// The trial. `None`: the study.
    pub trial: Option<TrialId>,
    /// What it holds.
    pub what: What,
}

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// How often the note was changed.
    NoteVersion,
    /// A part of the note's text, by its place.
    NotePiece(u32),
    /// The tags.
    Tags,
    /// Whether the study is archived.
    Archived,
}

impl RemarkKey {
    /// Reads a name. `None` if it is not one of a remark.
    pub fn parse(key: &str) -> Option<Self> {
        let (is_note, rest) = match key.strip_prefix(DASHBOARD) {
            Some(rest) => (true, rest),
            None => (false, key.strip_prefix(KINDLING)?),
        };
        let (trial, rest) = match rest.split_once(':') {
            Some((id, rest)) if id.starts_with(|c: char| c.is_ascii_digit()) => {
                (Some(TrialId(id.parse().ok()?)), rest)
            }
            _ => (None, rest),
        };
        let what = match (is_note, rest) {
            (true, "note_ver") => What::NoteVersion,
            (true, rest) => What::NotePiece(rest.strip_prefix("note_str:")?.parse().ok()?),
            (false, "tags") => What::Tags,
            (false, "archived") if trial.is_none() => What::Archived,
            _ => return None,
        };
        let read = Self { trial, what };
        // One name for each: `note_str:007` would be another.
        (read.to_string() == key).then_some(read)
    }

    /// The same of another trial, if it is of one.
    #[must_use]
    pub fn moved(self, to: impl FnOnce(TrialId) -> Option<TrialId>) -> Option<Self> {
        match self.trial {
            Some(trial) => Some(Self { trial: Some(to(trial)?), ..self }),
            None => Some(self),
        }
    }

    /// Says what is wrong with a value for this attribute, if anything is. The same holds for what is written and for
    /// what is read.
    pub fn check(self, value: &PythonJson) -> Result<(), String> {
        let is_right = match (self.what, value.value()) {
            (What::NoteVersion, PythonValue::Int(version)) => u32::try_from(version).is_ok(),
            (What::NotePiece(place), PythonValue::Str(text)) => {
                place < MAX_PIECES && text.chars().count() <= PIECE
            }
            (What::Tags, PythonValue::List(tags)) => return tags_of(tags).map(drop),
            (What::Archived, PythonValue::Bool(_)) => true,
            _ => false,
        };
        if is_right { Ok(()) } else { Err(format!("`{self}` cannot be this")) }
    }
}

/// The tags in a list, if all of them are some.
pub(super) fn tags_of(list: Vec<PythonValue>) -> Result<Vec<String>, String> {
    let mut tags = Vec::new();
    for item in list {
        let PythonValue::Str(tag) = item else { return Err("a tag is a text".to_owned()) };
        check_tag(&tag)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        if tags.len() > MAX_TAGS {
            return Err(format!("more than {MAX_TAGS} tags"));
        }
    }
    Ok(tags)
}

fn check_tag(tag: &str) -> Result<(), String> {
    if tag.is_empty() || tag.chars().count() > MAX_TAG {
        return Err(format!("a tag has 1 to {MAX_TAG} characters"));
    }
    if tag.trim() != tag || tag.contains(|c: char| c == ',' || c.is_control()) {
        return Err("a tag has no comma, no control character, and no space at its ends".to_owned());
    }
    Ok(())
}

/// Whether it is the name of a remark on a trial.
pub(super) fn is_of_trial(key: &str) -> bool {
    let is_ours = key.starts_with(DASHBOARD) || key.starts_with(KINDLING);
    is_ours && RemarkKey::parse(key).is_some_and(|key| key.trial.is_some())
}

impl fmt::Display for RemarkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.what {
            What::NoteVersion | What::NotePiece(_) => DASHBOARD,
            What::Tags | What::Archived => KINDLING,
        };
        f.write_str(whose)?;
        if let Some(TrialId(id)) = self.trial {
            write!(f, "{id}:")?;
        }
        match self.what {
            What::NoteVersion => f.write_str("note_ver"),
            What::NotePiece(place) => write!(f, "note_str:{place}"),
            What::Tags => f.write_str("tags"),
            What::Archived => f.write_str("archived"),
        }
    }
}
