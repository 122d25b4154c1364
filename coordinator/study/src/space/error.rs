//! What is wrong with a space, and where.

/// What is wrong with a space, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("parameter `{param}`: {message}")]
pub struct SpaceError {
    /// The parameter at fault.
    pub param: String,
    /// Its key at fault: `low`, `high`, `step`, `log`, `choices`, `when` or `name`.
    pub key: &'static str,
    /// What was found and what was expected.
    pub message: String,
}

/// An error at a parameter's key.
pub(super) fn error(param: &str, key: &'static str, message: impl Into<String>) -> SpaceError {
    SpaceError { param: param.to_owned(), key, message: message.into() }
}
