//! Reads the options of a sampler or a pruner, whose `kind` says which one it is. Every error about an option
//! begins with its key in backquotes; the key is dotted if it belongs to a pruner inside a pruner.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A kind and its options, as JSON.
pub(crate) type Table = Map<String, Value>;

/// Takes the kind out of the table.
pub(crate) fn kind<T: DeserializeOwned>(table: &mut Table) -> Result<T, String> {
    let kind = table.remove("kind").ok_or("missing field `kind`")?;
    T::deserialize(kind).map_err(|error| format!("`kind`: {error}"))
}

/// Reads the remaining options.
pub(crate) fn read<T: DeserializeOwned>(table: Table) -> Result<T, String> {
    serde_path_to_error::deserialize(Value::Object(table)).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        match message.strip_prefix('`') {
            _ if path == "." => message,
            Some(below) => format!("`{path}.{below}"),
            None => format!("`{path}`: {message}"),
        }
    })
}
