//! What is wrong with a study file.

use std::fmt;

use kindling_study::{ConfirmError, SpaceError};

use super::place;

/// What is wrong with a study file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct StudyFileError {
    /// The line, from 1, if it is known.
    pub line: Option<usize>,
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

/// An error before its line is known.
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
        StudyFileError { line: place::line_of(text, &key), key: shown.join("."), message }
    }
}

/// A part of a key as TOML wants it: in quotes unless it is a plain word.
fn written(part: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if part.is_empty() || !part.chars().all(is_plain) {
        return format!("{part:?}");
    }
    part.to_owned()
}

impl From<SpaceError> for Fault {
    fn from(error: SpaceError) -> Self {
        if error.param.is_empty() {
            return Self::at(["space"], error.message);
        }
        // A parameter's name is not a key below it.
        match error.key {
            "name" => Self::at(["space", &error.param], error.message),
            key => Self::at(["space", &error.param, key], error.message),
        }
    }
}

impl From<ConfirmError> for Fault {
    fn from(error: ConfirmError) -> Self {
        Self::at(["confirm", error.key], error.message)
    }
}
