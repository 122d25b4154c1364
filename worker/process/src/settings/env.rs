//! The environment variables that a study file sets.

use std::collections::BTreeMap;

use kindling_worker::SettingsError;
use serde_json::Value;

use super::keys::{Keys, fault, shown, shown_value};

const MOST: usize = 256;
const LONGEST_NAME: usize = 256;
const LONGEST_VALUE: usize = 32 * 1024;

/// The variables of the table `env`.
pub(super) fn read(keys: &Keys<'_>) -> Result<BTreeMap<String, String>, SettingsError> {
    let table = keys.table("env", "env = { OMP_NUM_THREADS = \"1\" }")?;
    let entries = table.into_iter().flatten();
    let count = table.map_or(0, serde_json::Map::len);
    if count > MOST {
        return Err(fault("env", format!("expected at most {MOST} variables, found {count}")));
    }
    let entry = |(name, value): (&String, &Value)| {
        let told = check(name).and_then(|()| text(value));
        // A name that is no key at all would only hide where the error is.
        let key = if name.len() > LONGEST_NAME { "env".to_owned() } else { format!("env.{name}") };
        told.map(|value| (name.clone(), value)).map_err(|message| fault(&key, message))
    };
    entries.map(entry).collect()
}

fn check(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(['=', '\0']) {
        return Err(format!(
            "expected the name of a variable: 1 to {LONGEST_NAME} bytes without `=`, found {}",
            shown(name)
        ));
    }
    if name.starts_with("KINDLING_") {
        return Err("the worker itself sets what begins with KINDLING_".to_owned());
    }
    if matches!(name, "CUDA_VISIBLE_DEVICES" | "CUDA_DEVICE_ORDER") {
        return Err("the worker itself sets it; `gpus` says how many GPUs a trial gets".to_owned());
    }
    Ok(())
}

fn text(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        // `OMP_NUM_THREADS = 1` can only mean one thing. `true` could be `1`, `true` or `True`.
        Value::Number(number) if !number.is_f64() => number.to_string(),
        other => return Err(format!("expected text in quotes, found {}", shown_value(other))),
    };
    if text.contains('\0') {
        return Err("expected text without a NUL byte".to_owned());
    }
    if text.len() > LONGEST_VALUE {
        return Err(format!("expected at most {LONGEST_VALUE} bytes, found {}", text.len()));
    }
    Ok(text)
}
