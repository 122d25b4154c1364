//! The parameters of the search space.

use std::collections::BTreeMap;

use kindling_study::{Choice, Condition, Distribution, FloatScale, Param};
use toml::{Table, Value};

use super::fault::Fault;
use super::keys::Keys;
use super::value::{choice, shown};
use super::words::{nearest, not_one_of};

const KEYS: &[&str] = &["type", "low", "high", "log", "step", "choices", "none", "when"];
const TYPES: &[&str] = &["float", "int", "categorical"];

/// All parameters. The search space checks that conditions form no cycle.
pub(super) fn params(space: Table) -> Result<Vec<Param>, Fault> {
    let words = NoneWords::of(&space);
    let params = space.into_iter().map(|(name, value)| param(name, value, &words));
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

/// Per parameter, the word that stands for none among its choices. TOML has no value for that.
struct NoneWords(BTreeMap<String, String>);

impl NoneWords {
    fn of(space: &Table) -> Self {
        let word = |(name, param): (&String, &Value)| {
            Some((name.clone(), param.get("none")?.as_str()?.to_owned()))
        };
        Self(space.iter().filter_map(word).collect())
    }

    fn word(&self, param: &str) -> Option<&str> {
        self.0.get(param).map(String::as_str)
    }
}

fn param(name: String, value: Value, words: &NoneWords) -> Result<Param, Fault> {
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
    let when = when.into_iter().map(|(parent, value)| condition(&name, parent, value, words));
    let when = when.collect::<Result<_, _>>()?;
    Ok(Param { name, distribution, when })
}

fn float(keys: &mut Keys<'_>) -> Result<Distribution, Fault> {
    refuse(keys, &["choices", "none"], "a float")?;
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
    refuse(keys, &["choices", "none"], "an int")?;
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
    let none = keys.text("none")?;
    let choices: Vec<_> = choices
        .iter()
        .map(|value| choice(value, none.as_deref()))
        .collect::<Result<_, _>>()
        .map_err(|e| keys.fault("choices", e))?;
    if let Some(none) = none.filter(|_| !choices.iter().any(has_none)) {
        let message = format!("no choice is {none:?}, which shall stand for none");
        return Err(keys.fault("none", message));
    }
    Ok(Distribution::Categorical { choices })
}

/// Whether a choice is none, or may have it inside.
fn has_none(choice: &Choice) -> bool {
    match choice {
        Choice::None => true,
        Choice::Nested(nested) => nested.as_str().contains("null"),
        _ => false,
    }
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

/// `parent = "choice"`, `parent = ["one", "of these"]`, or `parent = { at_least = 2 }`.
fn condition(
    name: &str,
    parent: String,
    value: Value,
    words: &NoneWords,
) -> Result<Condition, Fault> {
    let at: [&str; 4] = ["space", name, "when", &parent];
    let values = match value {
        Value::Table(range) => {
            let mut keys = Keys::open(&at, range, &["at_least", "at_most"])?;
            let (at_least, at_most) = (bound(&mut keys, "at_least")?, bound(&mut keys, "at_most")?);
            return Ok(Condition::between(parent, at_least, at_most));
        }
        Value::Array(values) => values,
        value => vec![value],
    };
    let none = words.word(&parent);
    let any_of = values.iter().map(|value| choice(value, none)).collect::<Result<Vec<_>, _>>();
    let any_of = any_of.map_err(|e| Fault::at(at, e))?;
    Ok(Condition::any_of(parent, any_of))
}

/// An end of a range.
fn bound(keys: &mut Keys<'_>, key: &str) -> Result<Option<f64>, Fault> {
    match keys.value(key) {
        None => Ok(None),
        Some(Value::Float(x)) => Ok(Some(x)),
        Some(Value::Integer(i)) if i128::from(i) == i as f64 as i128 => Ok(Some(i as f64)),
        Some(Value::Integer(i)) => {
            Err(keys.fault(key, format!("{i} is beyond 2^53, where bounds are not exact")))
        }
        Some(other) => Err(keys.fault(key, format!("expected a number, found {}", shown(&other)))),
    }
}
