//! The decision on changing remarks.

use super::key::tags_of;
use super::remark::is_archived;
use super::{MAX_NOTE, MAX_REMARKS, PIECE, Remark, RemarkKey, StudyAttributes, What, size};
use crate::external::{PythonJson, PythonValue};
use crate::ids::TrialId;
use crate::refusal::Refusal;
use crate::rules;

/// What somebody wants to change. `None` leaves a thing as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotation {
    /// The new note; empty removes it.
    pub note: Option<String>,
    /// The version of the note that its author has read. If it is another one now, the note stays.
    pub note_version: Option<u32>,
    /// The new tags.
    pub tags: Option<Vec<String>>,
    /// Whether the study is archived. Trials are not.
    pub archived: Option<bool>,
}

/// An attribute that changes.
pub(crate) type Put = (Box<str>, PythonJson);

/// The attributes to set for an annotation of the study, or of one of its trials. `bytes` is what all trials' remarks take
/// now.
pub(crate) fn annotate(
    attributes: &StudyAttributes,
    bytes: usize,
    trial: Option<TrialId>,
    wanted: &Annotation,
) -> Result<Vec<Put>, Refusal> {
    let now = Remark::read(attributes, trial);
    let mut puts = Vec::new();
    let mut put = |what, value: PythonValue| {
        puts.push((RemarkKey { trial, what }.to_string().into(), PythonJson::of(&value)));
    };
    if let Some(note) = wanted.note.as_deref().filter(|note| *note != now.note || !now.is_whole) {
        check_note(note, wanted.note_version, &now)?;
        put(What::NoteVersion, PythonValue::Int(i64::from(now.note_version.saturating_add(1))));
        let mut pieces = pieces(note);
        for place in 0.. {
            let (piece, what) = (pieces.next(), What::NotePiece(place));
            let is_there = attributes.contains_key(RemarkKey { trial, what }.to_string().as_str());
            if piece.is_none() && !is_there {
                break;
            }
            // Optuna has no call that removes an attribute. What is left of a longer note is emptied.
            put(what, PythonValue::Str(piece.unwrap_or_default()));
        }
    }
    if let Some(tags) = &wanted.tags {
        let tags = tags.iter().cloned().map(PythonValue::Str).collect();
        let tags = tags_of(tags).map_err(Refusal::OddRemark)?;
        if tags != now.tags {
            put(What::Tags, PythonValue::List(tags.into_iter().map(PythonValue::Str).collect()));
        }
    }
    if let Some(archived) = wanted.archived {
        if trial.is_some() {
            return Err(Refusal::OddRemark("a trial is not archived; its study is".to_owned()));
        }
        if archived != is_archived(attributes) {
            put(What::Archived, PythonValue::Bool(archived));
        }
    }
    if trial.is_some() {
        check_room(attributes, bytes, &puts)?;
    }
    Ok(puts)
}

/// Whether this single attribute may be set, as Optuna's clients do it: for a note its version first, and then its text
/// piece by piece.
pub(crate) fn check_attribute(
    attributes: &StudyAttributes,
    bytes: usize,
    key: RemarkKey,
    value: &PythonJson,
) -> Result<(), Refusal> {
    key.check(value).map_err(Refusal::OddRemark)?;
    if let What::NotePiece(place @ 1..) = key.what {
        let before = RemarkKey { what: What::NotePiece(place - 1), ..key }.to_string();
        if !attributes.contains_key(before.as_str()) {
            return Err(Refusal::OddRemark(format!("`{key}` comes after `{before}`")));
        }
    }
    if key.trial.is_some() {
        check_room(attributes, bytes, &[(key.to_string().into(), value.clone())])?;
    }
    Ok(())
}

fn check_note(note: &str, read: Option<u32>, now: &Remark) -> Result<(), Refusal> {
    if note.len() > MAX_NOTE {
        let bytes = note.len();
        return Err(Refusal::OddRemark(format!(
            "the note has {bytes} bytes; at most {MAX_NOTE} are kept"
        )));
    }
    if note.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Refusal::OddRemark("a note has no control characters".to_owned()));
    }
    if !rules::may_replace_note(read, now.note_version) {
        let read = read.unwrap_or_default();
        return Err(Refusal::NoteChanged { read, version: now.note_version });
    }
    if !now.is_whole && !note.is_empty() {
        let what = "the note that is there is longer than Kindling shows: another program wrote it; \
                    shorten it there, or remove it first";
        return Err(Refusal::OddRemark(what.to_owned()));
    }
    Ok(())
}

/// Whether there is room for more on trials. What makes it less always fits.
fn check_room(attributes: &StudyAttributes, bytes: usize, puts: &[Put]) -> Result<(), Refusal> {
    let (mut more, mut less) = (0, 0);
    for (key, value) in puts {
        more += size(key, Some(value));
        less += size(key, attributes.get(key));
    }
    if more > less && bytes + more - less > MAX_REMARKS {
        return Err(Refusal::TooManyRemarks { most: MAX_REMARKS });
    }
    Ok(())
}

fn pieces(note: &str) -> impl Iterator<Item = String> {
    let mut characters = note.chars();
    std::iter::from_fn(move || {
        let piece: String = characters.by_ref().take(PIECE).collect();
        (!piece.is_empty()).then_some(piece)
    })
}
