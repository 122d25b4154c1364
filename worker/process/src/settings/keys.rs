//! Reads the keys of the table, each by its type and within its bounds.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use kindling_worker::{JsonMap, SettingsError};
use serde_json::Value;

use super::units;
use kindling_worker::nearest;

/// As long as a path may be on Linux.
const LONGEST_PATH: usize = 4096;

/// More words than any command line that a person wrote.
const MOST_WORDS: usize = 1024;

/// The longest word: Linux takes no longer argument.
const LONGEST_WORD: usize = 128 * 1024 - 1;

/// The largest `settings` table. A coordinator takes no larger study.
const LARGEST_USER: usize = 256 * 1024;

/// The table, with a fixed set of keys.
pub(super) struct Keys<'a> {
    table: &'a JsonMap,
}

impl<'a> Keys<'a> {
    /// Refuses keys that neither this kind nor both kinds have.
    pub(super) fn open(
        table: &'a JsonMap,
        kind: &str,
        own: &[&'static str],
        common: &[&'static str],
    ) -> Result<Self, SettingsError> {
        let known: Vec<&str> = own.iter().chain(common).copied().collect();
        match table.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(fault(key, unknown(key, kind, &known))),
            None => Ok(Self::of(table)),
        }
    }

    /// Whatever else is in the table.
    pub(super) fn of(table: &'a JsonMap) -> Self {
        Self { table }
    }

    /// Text without a NUL byte, which no process could be given.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, SettingsError> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if text.contains('\0') => {
                Err(fault(key, "expected text without a NUL byte"))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(key, "text in quotes", other)),
        }
    }

    /// Text that must be there. `example` shows how to write it.
    pub(super) fn required(&self, key: &str, example: &str) -> Result<&'a str, SettingsError> {
        self.text(key)?.ok_or_else(|| missing(key, example))
    }

    /// A path, as it is written.
    pub(super) fn path(&self, key: &str) -> Result<Option<PathBuf>, SettingsError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        if text.is_empty() || text.len() > LONGEST_PATH {
            let expected = format!("expected a path of 1 to {LONGEST_PATH} bytes");
            return Err(fault(key, format!("{expected}, found {} bytes", text.len())));
        }
        if text == "~" || text.starts_with("~/") {
            let expected = "expected a path: there is no shell that would know what `~` is";
            return Err(fault(key, format!("{expected}, found {}", shown(text))));
        }
        Ok(Some(text.into()))
    }

    /// The words of a command.
    pub(super) fn words(&self, key: &str) -> Result<Vec<String>, SettingsError> {
        const EXAMPLE: &str = "[\"python\", \"train.py\", \"${args}\"]";
        let words = match self.table.get(key) {
            None => return Err(missing(key, EXAMPLE)),
            Some(Value::Array(words)) => words,
            Some(line @ Value::String(_)) => {
                let expected = format!("a list of words, {EXAMPLE}, as there is no shell");
                return Err(wrong(key, &expected, line));
            }
            Some(other) => {
                return Err(wrong(key, &format!("a list of words, {EXAMPLE}"), other));
            }
        };
        if words.is_empty() || words.len() > MOST_WORDS {
            let expected = format!("expected 1 to {MOST_WORDS} words, {EXAMPLE}");
            return Err(fault(key, format!("{expected}, found {}", words.len())));
        }
        let word = |(index, word): (usize, &Value)| match word {
            Value::String(text) if text.len() > LONGEST_WORD => Err(fault(
                key,
                format!(
                    "word {}: expected at most {LONGEST_WORD} bytes, found {}",
                    index + 1,
                    text.len()
                ),
            )),
            Value::String(text) => Ok(text.clone()),
            other => {
                let at = format!("word {}: expected text in quotes", index + 1);
                Err(fault(key, format!("{at}, found {}", shown_value(other))))
            }
        };
        words.iter().enumerate().map(word).collect()
    }

    /// A duration within a range.
    pub(super) fn duration(
        &self,
        key: &str,
        range: RangeInclusive<Duration>,
    ) -> Result<Option<Duration>, SettingsError> {
        const EXAMPLE: &str = "a duration in quotes, such as \"90s\", \"30m\" or \"1h30m\"";
        let text = match self.table.get(key) {
            None => return Ok(None),
            Some(Value::String(text)) => text,
            Some(other) => return Err(wrong(key, EXAMPLE, other)),
        };
        let Some(duration) = units::duration(text) else {
            return Err(fault(key, format!("expected {EXAMPLE}, found {}", shown(text))));
        };
        if !range.contains(&duration) {
            let (least, most) = (units::told(*range.start()), units::told(*range.end()));
            let expected = format!("expected {least} to {most}");
            return Err(fault(key, format!("{expected}, found {}", shown(text))));
        }
        Ok(Some(duration))
    }

    /// A number of bytes, at least 1 MiB.
    pub(super) fn bytes(&self, key: &str) -> Result<Option<u64>, SettingsError> {
        const EXAMPLE: &str = "a size in quotes, such as \"512MB\" or \"4GiB\"";
        let text = match self.table.get(key) {
            None => return Ok(None),
            Some(Value::String(text)) => text,
            Some(other) => return Err(wrong(key, EXAMPLE, other)),
        };
        let Some(bytes) = units::bytes(text) else {
            return Err(fault(key, format!("expected {EXAMPLE}, found {}", shown(text))));
        };
        if !units::SIZES.contains(&bytes) {
            return Err(fault(key, format!("expected 1MiB to 1PiB, found {}", shown(text))));
        }
        Ok(Some(bytes))
    }

    /// A whole number from 0.
    pub(super) fn count(&self, key: &str, most: usize) -> Result<Option<usize>, SettingsError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let count = value.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= most);
        let wrong = || wrong(key, &format!("a whole number from 0 to {most}"), value);
        count.ok_or_else(wrong).map(Some)
    }

    /// A table below this one.
    pub(super) fn table(
        &self,
        key: &str,
        example: &str,
    ) -> Result<Option<&'a JsonMap>, SettingsError> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::Object(table)) => Ok(Some(table)),
            Some(other) => Err(wrong(key, &format!("a table, {example}"), other)),
        }
    }

    /// The table for the user's own use.
    pub(super) fn user(&self, key: &str) -> Result<JsonMap, SettingsError> {
        let table = self.table(key, "[objective.settings]")?.cloned().unwrap_or_default();
        let bytes = Value::Object(table.clone()).to_string().len();
        if bytes > LARGEST_USER {
            let expected = format!("expected at most {LARGEST_USER} bytes of JSON");
            return Err(fault(key, format!("{expected}, found {bytes}")));
        }
        Ok(table)
    }
}

/// An error at a key.
pub(super) fn fault(key: &str, message: impl Into<String>) -> SettingsError {
    SettingsError { key: key.to_owned(), message: message.into() }
}

fn wrong(key: &str, expected: &str, found: &Value) -> SettingsError {
    fault(key, format!("expected {expected}, found {}", shown_value(found)))
}

fn missing(key: &str, example: &str) -> SettingsError {
    fault(key, format!("missing; write {key} = {example}"))
}

/// The error for a key that does not belong here.
fn unknown(key: &str, kind: &str, known: &[&str]) -> String {
    let other = match key {
        "command" => "command",
        "function" => "python",
        _ => kind,
    };
    if other != kind {
        return format!("unknown key; it belongs to kind = \"{other}\", this is \"{kind}\"");
    }
    match nearest(key, known) {
        Some(near) => format!("unknown key; did you mean `{near}`?"),
        None => format!(
            "unknown key; expected one of `{}`; your own belong in [objective.settings]",
            known.join("`, `")
        ),
    }
}

/// Text in quotes; a long one is cut.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return format!("{text:?}");
    }
    format!("{:?}…", text.chars().take(LONGEST).collect::<String>())
}

/// A value as it is in the file; a long one is cut.
pub(super) fn shown_value(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
