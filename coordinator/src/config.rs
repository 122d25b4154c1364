//! Study files: TOML to [`StudySpec`], with errors that name the line, the key and what was
//! expected.

use std::fmt;

use kindling_study::{
    Choice, Condition, ConfirmError, ConfirmSpec, Direction, Distribution, FloatScale,
    ObjectiveSpec, Param, PrunerSpec, SearchSpace, SpaceError, StudyName, StudySpec,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

/// What is wrong with a study file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct StudyFileError {
    /// The line, from 1, if it is known.
    pub line: Option<usize>,
    /// The key at fault, dotted.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
}

impl fmt::Display for StudyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads a study file.
pub fn parse(text: &str) -> Result<StudySpec, StudyFileError> {
    let file: File = toml::from_str(text).map_err(|error| syntax_error(text, &error))?;
    file.into_spec().map_err(|fault| fault.in_file(text))
}

/// The error for a key of a study file, with the line on which the key stands.
pub fn error_at(text: &str, key: &str, message: impl Into<String>) -> StudyFileError {
    Fault { key: key.split('.').map(str::to_owned).collect(), message: message.into() }
        .in_file(text)
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    direction: Direction,
    trials: i64,
    #[serde(default)]
    seed: i64,
    #[serde(default = "three")]
    max_attempts: i64,
    #[serde(default)]
    sampler: Option<Table>,
    #[serde(default)]
    pruner: Option<Table>,
    objective: Table,
    space: Table,
    #[serde(default)]
    confirm: Option<Table>,
}

/// A parameter as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParamFile {
    r#type: String,
    low: Option<Value>,
    high: Option<Value>,
    log: Option<bool>,
    step: Option<Value>,
    choices: Option<Vec<Choice>>,
    when: Option<Table>,
}

/// An error before its line is known.
struct Fault {
    key: Vec<String>,
    message: String,
}

fn three() -> i64 {
    3
}

impl File {
    fn into_spec(self) -> Result<StudySpec, Fault> {
        let seed = u64::try_from(self.seed)
            .map_err(|_| Fault::at(["seed"], format!("{} is below 0", self.seed)))?;
        let mut settings = self.objective;
        let kind = match settings.remove("kind") {
            Some(Value::String(kind)) if !kind.is_empty() => kind,
            Some(other) => {
                let message = format!("expected the name of an objective, found {other}");
                return Err(Fault::at(["objective", "kind"], message));
            }
            None => {
                let message = "missing key `kind`: the name of an objective, such as \"mnist_cnn\"";
                return Err(Fault::at(["objective"], message));
            }
        };
        let settings = match serde_json::to_value(settings) {
            Ok(serde_json::Value::Object(map)) => map,
            other => {
                return Err(Fault::at(["objective"], format!("not plain settings: {other:?}")));
            }
        };
        let sampler = self.sampler.unwrap_or_else(|| {
            Table::from_iter([("kind".to_owned(), Value::String("tpe".to_owned()))])
        });
        let pruner = match self.pruner {
            Some(table) => section("pruner", table)?,
            None => PrunerSpec::None,
        };
        let params = self.space.into_iter().map(|(name, value)| param(name, value));
        let space = SearchSpace::new(params.collect::<Result<_, _>>()?)?;
        let confirm: Option<ConfirmSpec> =
            self.confirm.map(|table| section("confirm", table)).transpose()?;
        if let Some(confirm) = &confirm {
            let fault = |e: ConfirmError| Fault::at(["confirm", e.key], e.message);
            confirm.check(&space).map_err(fault)?;
        }
        Ok(StudySpec {
            name: StudyName::new(self.name).map_err(|e| Fault::at(["name"], e.to_string()))?,
            direction: self.direction,
            trials: at_least_one("trials", self.trials)?,
            seed,
            max_attempts: at_least_one("max_attempts", self.max_attempts)?,
            sampler: section("sampler", sampler)?,
            pruner,
            space,
            objective: ObjectiveSpec { kind, settings },
            confirm,
        })
    }
}

impl Fault {
    fn at<const N: usize>(key: [&str; N], message: impl Into<String>) -> Self {
        Self { key: key.map(str::to_owned).into(), message: message.into() }
    }

    fn in_file(self, text: &str) -> StudyFileError {
        let Self { key, message } = self;
        StudyFileError { line: line_of(text, &key), key: key.join("."), message }
    }
}

impl From<SpaceError> for Fault {
    fn from(error: SpaceError) -> Self {
        if error.param.is_empty() {
            return Self::at(["space"], error.message);
        }
        // A parameter's name is not a key below it.
        match error.key {
            "name" => Self::at(["space", &error.param], error.message),
            key => Self::at(["space", &error.param, key], error.message),
        }
    }
}

fn at_least_one(key: &str, number: i64) -> Result<u32, Fault> {
    u32::try_from(number)
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| Fault::at([key], format!("expected 1 to {}, found {number}", u32::MAX)))
}

fn param(name: String, value: Value) -> Result<Param, Fault> {
    let Value::Table(table) = value else {
        let message = format!("expected a table with a `type`, found {value}");
        return Err(Fault::at(["space", &name], message));
    };
    let file: ParamFile = read(&["space", &name], Value::Table(table))?;
    let fault = |key: &str, message: String| Fault::at(["space", &name, key], message);
    let missing = |key: &str| {
        Fault::at(["space", &name], format!("missing key `{key}`, which a {} needs", file.r#type))
    };
    let foreign = |given: &[(&str, bool)]| match given.iter().find(|(_, is_given)| *is_given) {
        Some((key, _)) => Err(fault(key, format!("does not belong to a {}", file.r#type))),
        None => Ok(()),
    };
    let log = file.log.unwrap_or(false);
    let distribution = match file.r#type.as_str() {
        "float" => {
            foreign(&[("choices", file.choices.is_some())])?;
            let number = |key, value: &Option<Value>| match value {
                Some(Value::Float(x)) => Ok(*x),
                Some(Value::Integer(i)) => Ok(*i as f64),
                Some(other) => Err(fault(key, format!("expected a number, found {other}"))),
                None => Err(missing(key)),
            };
            let scale = match (log, &file.step) {
                (true, Some(_)) => return Err(fault("step", "a log scale takes no step".into())),
                (true, None) => FloatScale::Log,
                (false, None) => FloatScale::Linear,
                (false, step) => FloatScale::Step(number("step", step)?),
            };
            let (low, high) = (number("low", &file.low)?, number("high", &file.high)?);
            Distribution::Float { low, high, scale }
        }
        "int" => {
            foreign(&[("choices", file.choices.is_some())])?;
            let whole = |key, value: &Option<Value>| match value {
                Some(Value::Integer(i)) => Ok(*i),
                Some(other) => Err(fault(key, format!("expected a whole number, found {other}"))),
                None => Err(missing(key)),
            };
            let step = if file.step.is_some() { whole("step", &file.step)? } else { 1 };
            let (low, high) = (whole("low", &file.low)?, whole("high", &file.high)?);
            Distribution::Int { low, high, step, log }
        }
        "categorical" => {
            foreign(&[
                ("low", file.low.is_some()),
                ("high", file.high.is_some()),
                ("log", file.log.is_some()),
                ("step", file.step.is_some()),
            ])?;
            Distribution::Categorical { choices: file.choices.ok_or_else(|| missing("choices"))? }
        }
        other => {
            let message = format!("expected float, int or categorical, found {other}");
            return Err(fault("type", message));
        }
    };
    let when = file.when.unwrap_or_default().into_iter();
    let when = when.map(|(parent, value)| condition(&name, parent, value));
    let when = when.collect::<Result<_, _>>()?;
    Ok(Param { name, distribution, when })
}

/// `parent = "choice"` or `parent = ["one", "of these"]`.
fn condition(name: &str, parent: String, value: Value) -> Result<Condition, Fault> {
    let values = if let Value::Array(values) = value { values } else { vec![value] };
    let choice = |value: Value| {
        let shown = value.to_string();
        value.try_into().map_err(|_| {
            let message = format!("expected a choice or a list of choices, found {shown}");
            Fault::at(["space", name, "when", &parent], message)
        })
    };
    let any_of = values.into_iter().map(choice).collect::<Result<_, _>>()?;
    Ok(Condition { parent, any_of })
}

fn section<T: DeserializeOwned>(name: &str, table: Table) -> Result<T, Fault> {
    read(&[name], Value::Table(table))
}

/// Reads a value below a key; the key at fault comes from serde's message, which quotes it, or from
/// a message that begins with it: "`key`: what is wrong".
fn read<T: DeserializeOwned>(at: &[&str], value: Value) -> Result<T, Fault> {
    let json = serde_json::to_value(value).map_err(|e| fault_below(at, &e.to_string()))?;
    serde_path_to_error::deserialize(json).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        let mut fault = fault_below(at, &message);
        if fault.key.len() == at.len() && path != "." && !path.is_empty() {
            fault.key.extend(path.split('.').map(str::to_owned));
        }
        fault
    })
}

fn fault_below(at: &[&str], message: &str) -> Fault {
    let mut key: Vec<String> = at.iter().map(|k| (*k).to_owned()).collect();
    if let Some((below, message)) = message.strip_prefix('`').and_then(|m| m.split_once("`: ")) {
        key.extend(below.split('.').map(str::to_owned));
        return Fault { key, message: message.to_owned() };
    }
    let quoted = message.split('`').nth(1);
    if message.starts_with("unknown field") {
        key.extend(quoted.map(str::to_owned));
    } else if message.starts_with("unknown variant") {
        key.push("kind".to_owned());
    }
    Fault { key, message: message.to_owned() }
}

fn syntax_error(text: &str, error: &toml::de::Error) -> StudyFileError {
    let line = error.span().map(|span| line_at(text, span.start));
    let message = error.message().to_owned();
    let quoted = message.split('`').nth(1).map(str::to_owned);
    let key = match quoted {
        Some(key) if message.starts_with("unknown field") => key,
        _ => line.and_then(|line| key_on(text, line)).unwrap_or_default(),
    };
    StudyFileError { line, key, message }
}

/// The key that a line assigns, if it assigns one.
fn key_on(text: &str, line: usize) -> Option<String> {
    let (key, _) = text.lines().nth(line - 1)?.split_once('=')?;
    Some(key.trim().to_owned()).filter(|k| !k.is_empty() && !k.contains(char::is_whitespace))
}

/// The line of the deepest part of the key that the file has.
fn line_of(text: &str, key: &[String]) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut line = None;
    for part in key {
        let Some((name, value)) = table.iter().find(|(k, _)| k.get_ref().as_ref() == part) else {
            break;
        };
        line = Some(line_at(text, Spanned::span(name).start));
        match value.get_ref() {
            DeValue::Table(below) => table = below,
            _ => break,
        }
    }
    line
}

fn line_at(text: &str, offset: usize) -> usize {
    text[..offset.min(text.len())].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
name = "s"
direction = "maximize"
trials = 10

[objective]
kind = "mnist_cnn"
network = "common"

[space.method]
type = "categorical"
choices = ["gaussian", "xavier"]

[space.rate]
type = "float"
low = 5e-4
high = 1e-2
log = true

[space.std]
type = "float"
low = 0.25
high = 4
log = true
when = { method = "gaussian" }
"#;

    fn error(from: &str, to: &str) -> String {
        assert!(FILE.contains(from), "the test's own text");
        parse(&FILE.replace(from, to)).expect_err("refused").to_string()
    }

    #[test]
    fn a_study_file_is_read() {
        let spec = parse(FILE).expect("valid");
        assert_eq!(spec.trials, 10);
        assert_eq!(spec.max_attempts, 3);
        assert_eq!(spec.sampler.name(), "tpe");
        assert_eq!(spec.objective.settings["network"], "common");
        let names: Vec<_> = spec.space.params().iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["method", "rate", "std"], "in the file's order");
    }

    #[test]
    fn mistakes_name_line_key_and_expectation() {
        for (from, to, expected) in [
            ("trials = 10", "trails = 10", vec!["line 4", "`trails`", "expected one of"]),
            ("trials = 10", "trials = \"ten\"", vec!["line 4", "`trials`", "expected i64"]),
            ("trials = 10", "trials = 0", vec!["line 4", "`trials`", "expected 1 to"]),
            ("\"maximize\"", "\"max\"", vec!["line 3", "`maximize` or `minimize`"]),
            ("low = 5e-4", "low = 1", vec!["line 16", "`space.rate.low`", "above high"]),
            ("low = 5e-4", "lo = 5e-4", vec!["line 16", "`space.rate.lo`", "expected one of"]),
            ("low = 5e-4", "low = 'x'", vec!["line 16", "expected a number"]),
            ("log = true\n\n", "choices = [1]\n\n", vec!["line 18", "does not belong to a float"]),
            ("type = \"categorical\"", "type = \"cat\"", vec!["line 11", "expected float, int"]),
            ("method = \"gaussian\" }", "metod = \"gaussian\" }", vec!["line 25", "no parameter"]),
            ("method = \"gaussian\" }", "method = \"he\" }", vec!["line 25", "never he"]),
            ("kind = \"mnist_cnn\"\n", "", vec!["line 6", "missing key `kind`"]),
            (
                "[objective]",
                "[sampler]\nkind = \"tpe\"\nn = 1\n[objective]",
                vec!["line 8", "`sampler.n`"],
            ),
            ("[objective]", "[sampler]\nkind = \"tp\"\n[objective]", vec!["line 7", "`random`"]),
            ("trials = 10", "trials = ", vec!["line 4"]),
        ] {
            let message = error(from, to);
            for part in expected {
                assert!(message.contains(part), "{to}: {message:?} lacks {part:?}");
            }
        }
    }

    #[test]
    fn mistakes_in_a_pruner_name_its_option() {
        for (pruner, expected) in [
            ("kind = \"hyper\"", vec!["line 7", "`pruner.kind`", "`hyperband`"]),
            ("kind = \"none\"\nsteps = 1", vec!["line 8", "`pruner.steps`"]),
            ("kind = \"median\"\nwarmup = 1", vec!["line 8", "`pruner.warmup`", "expected one of"]),
            (
                "kind = \"median\"\nwarmup_steps = -1",
                vec!["line 8", "`pruner.warmup_steps`", "integer `-1`"],
            ),
            (
                "kind = \"percentile\"\npercentile = 0.0",
                vec!["line 8", "`pruner.percentile`", "above 0, up to 100"],
            ),
            (
                "kind = \"asha\"\nmin_resource = 1\nreduction_factor = 1",
                vec!["line 9", "`pruner.reduction_factor`", "at least 2"],
            ),
            (
                "kind = \"asha\"\nmin_resource = 0",
                vec!["line 8", "`pruner.min_resource`", "at least 1"],
            ),
            ("kind = \"hyperband\"", vec!["line 6", "`pruner`", "missing field `max_resource`"]),
            (
                "kind = \"hyperband\"\nmin_resource = 4\nmax_resource = 3",
                vec!["line 9", "`pruner.max_resource`", "3 is below min_resource = 4"],
            ),
            (
                "kind = \"patience\"\nwrapped = { kind = \"median\", min_trials = 0 }",
                vec!["line 8", "`pruner.wrapped.min_trials`", "at least 1"],
            ),
        ] {
            let message = error("[objective]", &format!("[pruner]\n{pruner}\n[objective]"));
            for part in expected {
                assert!(message.contains(part), "{pruner}: {message:?} lacks {part:?}");
            }
        }
    }

    #[test]
    fn our_own_study_files_are_valid() {
        for (text, pruner) in [
            (include_str!("../../studies/own-objective.toml"), r#"{"kind":"none"}"#),
            (include_str!("../../studies/quickstart.toml"), r#"{"kind":"none"}"#),
            (
                include_str!("../../studies/quickstart-pruned.toml"),
                r#"{"kind":"asha","min_resource":2,"reduction_factor":3,"min_early_stopping_rate":0}"#,
            ),
            (include_str!("../../studies/weight-init.toml"), r#"{"kind":"none"}"#),
            (include_str!("../../studies/weight-init-deep.toml"), r#"{"kind":"none"}"#),
        ] {
            let spec = parse(text).expect("valid");
            assert_eq!(serde_json::to_string(&spec.pruner).expect("JSON"), pruner);
        }
    }

    #[test]
    fn a_cycle_is_refused() {
        let cycle = "choices = [\"gaussian\", \"xavier\"]\nwhen = { m = \"a\" }\n[space.m]\n\
            type = \"categorical\"\nchoices = [\"a\"]\nwhen = { method = \"xavier\" }";
        assert!(error("choices = [\"gaussian\", \"xavier\"]", cycle).contains("cycle"));
    }
}
