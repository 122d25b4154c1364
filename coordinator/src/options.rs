//! The options of samplers and pruners, as people write them: a `kind`, and what belongs to that kind, by the
//! names in docs/reference/study-files.md.
//!
//! It is one format on purpose. A study file has it in TOML, the wire in a `Struct`. Both come here as JSON,
//! are read by the same derives (see `options.rs` of the core), and are refused with the same words. A study
//! file's `[confirm]` is read the same way. A store has a format of its own, `store/stored_spec/`.

use kindling_study::{Metrics, PrunerSpec, SpecError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::config::{not_one_of, plain};

/// What an error says about a number that JSON does not have.
pub(crate) const NONSENSE: &str = "makes no sense here";

/// Reads the options of `section`, which is the first part of the key in errors.
pub(crate) fn read<T: DeserializeOwned>(
    section: &str,
    options: Map<String, Value>,
) -> Result<T, SpecError> {
    serde_path_to_error::deserialize(Value::Object(options)).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        // Options that depend on their `kind` name the key themselves: "`key`: what is wrong".
        let (below, message) = match message.strip_prefix('`').and_then(|m| m.split_once("`: ")) {
            Some((below, message)) => (below, message),
            None => (path.trim_matches('.'), message.as_str()),
        };
        let below = below.split('.').filter(|part| !part.is_empty());
        let key = std::iter::once(section).chain(below).map(str::to_owned).collect();
        SpecError { key, message: plain(message) }
    })
}

/// The metrics with the one that the pruner compares: `metric` of its options, else the first.
pub(crate) fn pruned_by(mut metrics: Metrics, metric: Option<&str>) -> Result<Metrics, SpecError> {
    let Some(name) = metric else { return Ok(metrics) };
    let wrong = |message: String| SpecError::at(["pruner", "metric"], message);
    metrics.pruner_objective = metrics.objective(name).ok_or_else(|| match &*metrics.names {
        [] => wrong("the study's one objective has no name; leave this out".to_owned()),
        names => {
            let known: Vec<_> = names.iter().map(|name| &**name).collect();
            wrong(not_one_of(name, &known))
        }
    })?;
    Ok(metrics)
}

/// A pruner's options as people write them, with the metric that it compares if there are several.
pub(crate) fn write_pruner(pruner: &PrunerSpec, metrics: &Metrics) -> Map<String, Value> {
    let mut options = write(pruner);
    if metrics.pruner_objective > 0
        && let Some(name) = metrics.names.get(metrics.pruner_objective)
    {
        options.insert("metric".to_owned(), Value::from(&**name));
    }
    options
}

/// The options as [`read`] takes them.
pub(crate) fn write(options: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(options)) => options,
        _ => Map::new(),
    }
}
