//! Values of a study file: as choices, as JSON where the rest of Kindling uses JSON, and as error
//! messages show them. A value that JSON cannot hold is an error.

use kindling_study::{Choice, Nested};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::fault::Fault;
use crate::options;

/// Error messages show at most this much of a value.
const SHOWN: usize = 60;

/// A value as error messages show it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Table(_) => "a table".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Datetime(date) => format!("the date {date}"),
        other => {
            let text = other.to_string();
            let end = text.floor_char_boundary(SHOWN);
            if end < text.len() { format!("{}…", &text[..end]) } else { text }
        }
    }
}

/// A categorical parameter's choice. `none` is the word that stands for none, also inside lists and tables. That numbers
/// are finite is checked with the space.
pub(super) fn choice(value: &Value, none: Option<&str>) -> Result<Choice, String> {
    match value {
        Value::String(text) if Some(text.as_str()) == none => Ok(Choice::None),
        Value::Boolean(b) => Ok(Choice::Bool(*b)),
        Value::Integer(i) => Ok(Choice::Int(*i)),
        Value::Float(x) => Ok(Choice::Float(*x)),
        Value::String(text) => Ok(Choice::Text(text.clone())),
        Value::Array(_) | Value::Table(_) => {
            let json = nested(value.clone(), none)?;
            let nested = Nested::parse(&json.to_string()).map_err(|e| e.to_string())?;
            Ok(Choice::Nested(nested))
        }
        Value::Datetime(_) => Err(format!(
            "a choice is text, a number, true or false, a list or a table, not {}",
            shown(value)
        )),
    }
}

/// A list or a table as JSON.
fn nested(value: Value, none: Option<&str>) -> Result<serde_json::Value, String> {
    let why = "cannot stand in a list or table among the choices";
    let mut json = json(&[], value, why).map_err(|fault| fault.message)?;
    if let Some(none) = none {
        with_none(&mut json, none);
    }
    Ok(json)
}

fn with_none(json: &mut serde_json::Value, none: &str) {
    use serde_json::Value as Json;
    match json {
        Json::String(text) if text == none => *json = Json::Null,
        Json::Array(items) => items.iter_mut().for_each(|item| with_none(item, none)),
        Json::Object(entries) => entries.values_mut().for_each(|entry| with_none(entry, none)),
        _ => {}
    }
}

/// Reads a section with its options: a sampler, a pruner, or what to confirm.
pub(super) fn section<T: DeserializeOwned>(name: &str, table: Table) -> Result<T, Fault> {
    let options = object(&[name.to_owned()], table, options::NONSENSE)?;
    Ok(options::read(name, options)?)
}

/// A table as JSON, exact to the last bit. `why` completes the error for a value that JSON cannot
/// hold.
pub(super) fn object(
    at: &[String],
    table: Table,
    why: &str,
) -> Result<serde_json::Map<String, serde_json::Value>, Fault> {
    let entry = |(key, value): (String, Value)| {
        let path = [at, std::slice::from_ref(&key)].concat();
        Ok((key, json(&path, value, why)?))
    };
    table.into_iter().map(entry).collect()
}

fn json(at: &[String], value: Value, why: &str) -> Result<serde_json::Value, Fault> {
    Ok(match value {
        Value::String(text) => text.into(),
        Value::Integer(i) => i.into(),
        Value::Boolean(b) => b.into(),
        Value::Float(x) if x.is_finite() => x.into(),
        Value::Float(_) | Value::Datetime(_) => {
            let message = format!("{} {why}", shown(&value));
            return Err(Fault { key: at.to_owned(), message });
        }
        Value::Array(items) => {
            let items = items.into_iter().map(|item| json(at, item, why));
            serde_json::Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Table(table) => serde_json::Value::Object(object(at, table, why)?),
    })
}
