//! What is wrong with a message.

use kindling_study::{SpaceError, SpecError};

/// A message from a peer makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    field: String,
    message: String,
}

impl Invalid {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl From<SpecError> for Invalid {
    fn from(SpecError { key, message }: SpecError) -> Self {
        Self::new(if key.is_empty() { "spec".to_owned() } else { key.join(".") }, message)
    }
}

impl From<SpaceError> for Invalid {
    fn from(error: SpaceError) -> Self {
        SpecError::from(error).into()
    }
}
