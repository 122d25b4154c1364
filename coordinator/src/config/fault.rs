//! Errors in study files.

use std::fmt;

use kindling_study::{SpaceError, SpecError};

use super::place;

/// An error in a study file, and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct StudyFileError {
    /// The line, counted from 1, if it is known.
    pub line: Option<usize>,
    /// The character on that line, counted from 1, if it is known.
    pub column: Option<usize>,
    /// The key at fault, dotted.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
}

impl fmt::Display for StudyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// An error whose line is not known yet.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) key: Vec<String>,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn at<const N: usize>(key: [&str; N], message: impl Into<String>) -> Self {
        Self { key: key.map(str::to_owned).into(), message: message.into() }
    }

    pub(super) fn in_file(self, text: &str) -> StudyFileError {
        let Self { key, message } = self;
        let shown: Vec<_> = key.iter().map(|part| written(part)).collect();
        let (line, column) = place::place_of(text, &key).unzip();
        StudyFileError { line, column, key: shown.join("."), message }
    }
}

/// A part of a key in TOML syntax: in quotes unless it is a plain word.
fn written(part: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if part.is_empty() || !part.chars().all(is_plain) {
        return format!("{part:?}");
    }
    part.to_owned()
}

impl From<SpecError> for Fault {
    fn from(SpecError { key, message }: SpecError) -> Self {
        Self { key, message }
    }
}

impl From<SpaceError> for Fault {
    fn from(error: SpaceError) -> Self {
        SpecError::from(error).into()
    }
}
