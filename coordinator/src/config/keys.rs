//! Reads a table of the file, key by key.

use toml::{Table, Value};

use super::fault::Fault;
use super::value::shown;
use super::words::unknown;

/// A table with a fixed set of keys. Each key is taken once, by its type.
pub(super) struct Keys<'a> {
    at: &'a [&'a str],
    table: Table,
}

impl<'a> Keys<'a> {
    /// Refuses keys that are not in `known`.
    pub(super) fn open(
        at: &'a [&'a str],
        table: Table,
        known: &[&'static str],
    ) -> Result<Self, Fault> {
        let keys = Self { at, table };
        match keys.table.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(keys.fault(key, unknown(key, known))),
            None => Ok(keys),
        }
    }

    /// An error at a key of this table.
    pub(super) fn fault(&self, key: &str, message: impl Into<String>) -> Fault {
        let path = self.at.iter().copied().chain([key]);
        Fault { key: path.map(str::to_owned).collect(), message: message.into() }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn value(&mut self, key: &str) -> Option<Value> {
        self.table.remove(key)
    }

    /// Text, if the key is there.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, Fault> {
        self.typed(key, "text in quotes", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    /// A list of texts, if the key is there. `example` shows in errors how to write it.
    pub(super) fn texts(&mut self, key: &str, example: &str) -> Result<Option<Vec<String>>, Fault> {
        self.typed(key, &format!("a list of names, {example}"), |value| match value {
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Some(text),
                    _ => None,
                })
                .collect(),
            _ => None,
        })
    }

    /// A whole number, if the key is there.
    pub(super) fn whole(&mut self, key: &str) -> Result<Option<i64>, Fault> {
        self.typed(key, "a whole number", |value| value.as_integer())
    }

    /// Any number, if the key is there. It may still be infinite or NaN.
    pub(super) fn number(&mut self, key: &str) -> Result<Option<f64>, Fault> {
        self.typed(key, "a number", |value| match value {
            Value::Float(x) => Some(x),
            Value::Integer(i) => Some(i as f64),
            _ => None,
        })
    }

    /// A boolean, if the key is there.
    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>, Fault> {
        self.typed(key, "true or false", |value| value.as_bool())
    }

    /// A table below this one, if the key is there. `example` shows in errors how to write it.
    pub(super) fn table(&mut self, key: &str, example: &str) -> Result<Option<Table>, Fault> {
        self.typed(key, &format!("a table, {example}"), |value| match value {
            Value::Table(table) => Some(table),
            _ => None,
        })
    }

    fn typed<T>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl Fn(Value) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let found = shown(&value);
        let wrong = || self.fault(key, format!("expected {expected}, found {found}"));
        read(value).ok_or_else(wrong).map(Some)
    }
}
