//! The parameters of the search space.

use kindling_study::{Choice, Condition, Distribution, FloatScale, Param};
use toml::{Table, Value};

use super::fault::Fault;
use super::keys::Keys;
use super::value::{choice, shown};
use super::words::{nearest, not_one_of};

const KEYS: &[&str] = &["type", "low", "high", "log", "step", "choices", "when"];
const TYPES: &[&str] = &["float", "int", "categorical"];

/// All parameters. The search space checks that conditions form no cycle.
pub(super) fn params(space: Table) -> Result<Vec<Param>, Fault> {
    let params = space.into_iter().map(|(name, value)| param(name, value));
    let params = params.collect::<Result<Vec<_>, _>>()?;
    let names: Vec<_> = params.iter().map(|param| param.name.as_str()).collect();
    for param in &params {
        for Condition { parent, .. } in &param.when {
            let fault = |message| Fault::at(["space", &param.name, "when", parent], message);
            is_meant(parent, &names).map_err(fault)?;
        }
    }
    Ok(params)
}

/// Refuses a misspelt parameter name. A name that resembles no parameter is left to the search
/// space, which knows what else may be wrong with it.
pub(super) fn is_meant(name: &str, names: &[&str]) -> Result<(), String> {
    match nearest(name, names) {
        Some(near) if !names.contains(&name) => {
            Err(format!("there is no parameter `{name}`; did you mean `{near}`?"))
        }
        _ => Ok(()),
    }
}

fn param(name: String, value: Value) -> Result<Param, Fault> {
    let Value::Table(table) = value else {
        let message = format!("expected a table with a `type`, found {}", shown(&value));
        return Err(Fault::at(["space", &name], message));
    };
    let at: [&str; 2] = ["space", &name];
    let mut keys = Keys::open(&at, table, KEYS)?;
    let Some(kind) = keys.text("type")? else {
        return Err(Fault::at(at, "missing key `type`: float, int or categorical"));
    };
    let when = keys.table("when", "such as { method = \"gaussian\" }")?.unwrap_or_default();
    let distribution = match kind.as_str() {
        "float" => float(&mut keys)?,
        "int" => int(&mut keys)?,
        "categorical" => categorical(&mut keys)?,
        other => return Err(keys.fault("type", not_one_of(other, TYPES))),
    };
    let when = when.into_iter().map(|(parent, value)| condition(&name, parent, value));
    let when = when.collect::<Result<_, _>>()?;
    Ok(Param { name, distribution, when })
}

fn float(keys: &mut Keys<'_>) -> Result<Distribution, Fault> {
    refuse(keys, &["choices"], "a float")?;
    let (low, high) = (keys.number("low")?, keys.number("high")?);
    let (Some(low), Some(high)) = (low, high) else {
        return Err(no_range(keys, low.is_none(), "a float"));
    };
    let scale = match (keys.flag("log")?.unwrap_or(false), keys.number("step")?) {
        (true, Some(_)) => return Err(keys.fault("step", "a log scale takes no step")),
        (true, None) => FloatScale::Log,
        (false, Some(step)) => FloatScale::Step(step),
        (false, None) => FloatScale::Linear,
    };
    Ok(Distribution::Float { low, high, scale })
}

fn int(keys: &mut Keys<'_>) -> Result<Distribution, Fault> {
    refuse(keys, &["choices"], "an int")?;
    let (low, high) = (keys.whole("low")?, keys.whole("high")?);
    let (Some(low), Some(high)) = (low, high) else {
        return Err(no_range(keys, low.is_none(), "an int"));
    };
    let (log, step) = (keys.flag("log")?.unwrap_or(false), keys.whole("step")?.unwrap_or(1));
    Ok(Distribution::Int { low, high, step, log })
}

fn categorical(keys: &mut Keys<'_>) -> Result<Distribution, Fault> {
    refuse(keys, &["low", "high", "log", "step"], "a categorical")?;
    let choices = match keys.value("choices") {
        Some(Value::Array(choices)) => choices,
        Some(other) => {
            let message = format!("expected a list of choices, found {}", shown(&other));
            return Err(keys.fault("choices", message));
        }
        None => return Err(keys.fault("choices", "is missing, which a categorical needs")),
    };
    let choices = choices.iter().map(choice).collect::<Result<Vec<Choice>, _>>();
    Ok(Distribution::Categorical { choices: choices.map_err(|e| keys.fault("choices", e))? })
}

fn no_range(keys: &Keys<'_>, no_low: bool, kind: &str) -> Fault {
    keys.fault(if no_low { "low" } else { "high" }, format!("is missing, which {kind} needs"))
}

/// Refuses keys that belong to another type.
fn refuse(keys: &Keys<'_>, foreign: &[&str], kind: &str) -> Result<(), Fault> {
    match foreign.iter().find(|key| keys.has(key)) {
        Some(key) => Err(keys.fault(key, format!("does not belong to {kind}"))),
        None => Ok(()),
    }
}

/// `parent = "choice"` or `parent = ["one", "of these"]`.
fn condition(name: &str, parent: String, value: Value) -> Result<Condition, Fault> {
    let values = if let Value::Array(values) = value { values } else { vec![value] };
    let any_of = values.iter().map(choice).collect::<Result<_, _>>();
    let any_of = any_of.map_err(|e| Fault::at(["space", name, "when", &parent], e))?;
    Ok(Condition { parent, any_of })
}
