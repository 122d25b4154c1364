//! Study files: TOML to [`StudySpec`], with errors that name the line, the key and what was
//! expected.
//!
//! The file is first read as a plain table and then taken apart key by key. JSON is never in
//! between: it has no `nan`, no `inf` and no dates, and would drop them silently.

mod fault;
mod keys;
mod notify;
mod param;
mod place;
mod spec;
#[cfg(test)]
mod tests;
mod value;
mod words;

use kindling_study::StudySpec;

use fault::Fault;
use place::{column_at, key_on, line_at};

pub use fault::StudyFileError;
pub use words::nearest;
pub(crate) use words::{not_one_of, plain};

/// Reads and checks the text of a study file. What it says of its objective is checked by whoever knows the objective.
pub type StudyCheck = fn(&str) -> Result<StudySpec, StudyFileError>;

/// Reads a study file.
pub fn parse(text: &str) -> Result<StudySpec, StudyFileError> {
    let table = toml::from_str(text).map_err(|error| syntax_error(text, &error))?;
    spec::spec(table).map_err(|fault| fault.in_file(text))
}

/// The error for a key of a study file, with the line on which the key stands.
pub fn error_at(text: &str, key: &str, message: &str) -> StudyFileError {
    let key = key.split('.').map(str::to_owned).collect();
    Fault { key, message: words::plain(message) }.in_file(text)
}

/// The error for a file that is not TOML.
fn syntax_error(text: &str, error: &toml::de::Error) -> StudyFileError {
    let start = error.span().map(|span| span.start);
    let line = start.map(|start| line_at(text, start));
    let column = start.map(|start| column_at(text, start));
    let key = line.and_then(|line| key_on(text, line)).unwrap_or_default();
    StudyFileError { line, column, key, message: error.message().to_owned() }
}
