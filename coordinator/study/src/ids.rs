//! Identifiers. Each has its own type, so that a trial number cannot be passed as an attempt.

use std::fmt;
use std::sync::Arc;

/// The store's key of a study. Never reused, even after the study is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StudyId(pub i64);

/// A trial's id among all trials of the store, as Optuna's `trial_id`. Ids ascend in the order in which trials
/// are added. None is reused, even after its study is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrialId(pub i64);

impl TrialId {
    /// The id of the trial that is added after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A trial's index in its study, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TrialNumber(pub u32);

impl TrialNumber {
    /// The number as an index into the study's list of trials.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for TrialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The fencing number of a lease: it grows with each lease of the trial; 0 means never leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Attempt(pub u32);

impl Attempt {
    /// The attempt of the next lease.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A name that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {why}")]
pub struct InvalidId {
    what: &'static str,
    why: String,
}

/// The longest study name, in bytes: the width of Optuna's column.
const MAX_STUDY_NAME: usize = 512;
/// The longest worker id, in bytes.
const MAX_WORKER_ID: usize = 256;

/// A study's name: unique, not empty, printable, at most 512 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StudyName(Arc<str>);

/// A worker's name for itself: one per process, not empty, printable, at most 256 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(Arc<str>);

macro_rules! printable_name {
    ($name:ident, $what:literal, $max:expr) => {
        impl $name {
            /// Takes the text if it is a valid name.
            pub fn new(text: impl Into<String>) -> std::result::Result<Self, InvalidId> {
                check($what, $max, &text.into()).map(|text| Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
printable_name!(StudyName, "a study's name", MAX_STUDY_NAME);
printable_name!(WorkerId, "a worker's id", MAX_WORKER_ID);

impl StudyName {
    /// The name that an Optuna client gives a study: it may be empty.
    pub fn of_external(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if text.is_empty() { Ok(Self(text.into())) } else { Self::new(text) }
    }
}

impl std::borrow::Borrow<str> for StudyName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn check<'a>(
    what: &'static str,
    max: usize,
    text: &'a str,
) -> std::result::Result<&'a str, InvalidId> {
    let why = if text.trim().is_empty() {
        "must not be empty".to_owned()
    } else if text.len() > max {
        format!("must have at most {max} bytes; this one has {}", text.len())
    } else if let Some(c) = text.chars().find(|c| c.is_control()) {
        format!("must be printable; this one holds {c:?}")
    } else {
        return Ok(text);
    };
    Err(InvalidId { what, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_and_bounded() {
        for good in ["weight-init", &"x".repeat(512)] {
            assert!(StudyName::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", "  ", "a\nb", &"x".repeat(513)] {
            assert!(StudyName::new(bad).is_err(), "{bad:?}");
        }
        assert!(WorkerId::new("x".repeat(256)).is_ok());
        assert!(WorkerId::new("x".repeat(257)).is_err());
    }
}
