//! Reads the options of a sampler or a pruner as people write them. The `kind` says which one it is; the other
//! names are those of docs/reference/study-files.md.
//!
//! This is one public format: a study file's `[sampler]` and `[pruner]`, and `sampler` and `pruner` on the wire.
//! The derives of [`SamplerSpec`](crate::sampler::SamplerSpec), [`PrunerSpec`](crate::PrunerSpec), their options
//! and [`ConfirmSpec`](crate::ConfirmSpec) are that format and nothing else. No store is written with them, so
//! a name or a default may change.
//!
//! Every error about an option begins with its key in backquotes; the key is dotted if it belongs to a pruner
//! inside a pruner.

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
