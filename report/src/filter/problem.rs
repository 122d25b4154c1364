//! What is wrong with a filter, and where.

use std::fmt;

/// An error in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// What is wrong.
    pub message: String,
    /// The first character that is wrong, from 0.
    pub at: usize,
    /// How many characters are wrong; 0 at the end, where something is missing.
    pub length: usize,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {} of the filter: {}", self.at + 1, self.message)
    }
}

impl std::error::Error for FilterError {}

/// Characters of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) at: usize,
    pub(super) length: usize,
}

impl Span {
    pub(super) fn problem(self, message: impl Into<String>) -> FilterError {
        FilterError { message: message.into(), at: self.at, length: self.length, hint: None }
    }

    pub(super) fn with_hint(
        self,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> FilterError {
        FilterError { hint: Some(hint.into()), ..self.problem(message) }
    }
}

/// So many names stand in a message.
pub(super) const SOME: usize = 8;

/// `a`, `b` or `c`.
pub(super) fn one_of(words: &[String]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => String::new(),
    }
}

/// The first of many names, so that a message stays short.
pub(super) fn some(words: &[String]) -> String {
    let first: Vec<_> = words.iter().take(SOME).map(|word| format!("`{word}`")).collect();
    first.join(", ") + if words.len() > SOME { ", …" } else { "" }
}
