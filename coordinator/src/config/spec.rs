//! The keys of a study file.

use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    ConfirmSpec, Direction, Directions, MAX_FAILURES_IN_A_ROW, MAX_KEPT_CHECKPOINTS, Metrics,
    ObjectiveSpec, SpecError, StudyName, StudySpec,
};
use toml::{Table, Value};

use super::fault::Fault;
use super::keys::Keys;
use super::notify;
use super::param::{is_meant, params};
use super::value::{object, section, shown};
use super::words::{nearest, not_one_of};
use crate::{options, price};

const KEYS: &[&str] = &[
    "name",
    "direction",
    "directions",
    "constraints",
    "trials",
    "seed",
    "max_attempts",
    "max_failures_in_a_row",
    "sampler",
    "pruner",
    "objective",
    "space",
    "confirm",
    "checkpoints",
    "notify",
];

pub(super) fn spec(table: Table) -> Result<StudySpec, Fault> {
    let whole_file = table.clone();
    let mut keys = Keys::open(&[], table, KEYS)?;
    let missing = |key, what| missing(&whole_file, key, what);
    let name = keys.text("name")?.ok_or_else(|| missing("name", "what the study is called"))?;
    let name = StudyName::new(name).map_err(|e| Fault::at(["name"], e.to_string()))?;
    let (directions, names) =
        directions(&mut keys)?.ok_or_else(|| missing("direction", "maximize or minimize"))?;
    let constraints = keys.texts("constraints", "such as [\"memory_gb\"]")?;
    let trials = keys.whole("trials")?;
    let trials = trials.ok_or_else(|| missing("trials", "how many trials to finish"))?;
    let seed = keys.whole("seed")?.unwrap_or(0);
    let max_attempts = keys.whole("max_attempts")?.unwrap_or(3);
    let max_failures_in_a_row = keys.whole("max_failures_in_a_row")?;
    let sampler = keys.table("sampler", "such as { kind = \"tpe\" }")?;
    let mut pruner = keys.table("pruner", "such as { kind = \"median\" }")?;
    let objective = keys.table("objective", "such as { kind = \"mnist_cnn\" }")?;
    let objective = objective
        .ok_or_else(|| missing("objective", "a table with the `kind` of what workers train"))?;
    let space = keys.table("space", "with a table for each parameter")?;
    let space = space.ok_or_else(|| missing("space", "a table with a table for each parameter"))?;
    let confirm = keys.table("confirm", "such as { by = [\"a categorical parameter\"] }")?;

    let checkpoints = keys.table("checkpoints", "such as { keep = 3 }")?;
    let keep = checkpoints.map(keep_checkpoints).transpose()?;
    let notify = keys.table("notify", "such as { url = \"https://ntfy.sh/my-topic\" }")?;
    let notify = notify.map(notify::notify).transpose()?;

    let space = price::space(params(space)?)?;
    let sampler: SamplerSpec =
        sampler.map(|t| section("sampler", t)).transpose()?.unwrap_or_default();
    let confirm: Option<ConfirmSpec> = confirm.map(|t| section("confirm", t)).transpose()?;
    if let Some(confirm) = &confirm {
        let names: Vec<_> = space.params().iter().map(|param| param.name.as_str()).collect();
        for name in &confirm.by {
            is_meant(name, &names).map_err(|message| Fault::at(["confirm", "by"], message))?;
        }
    }
    let metric = pruner.as_mut().and_then(|table| table.remove("metric"));
    let metric = metric.map(|value| match value {
        Value::String(name) => Ok(name),
        other => {
            let message = format!("expected the name of an objective, found {}", shown(&other));
            Err(Fault::at(["pruner", "metric"], message))
        }
    });
    let constraints = constraints.unwrap_or_default().into_iter().map(Into::into).collect();
    let metrics = Metrics { names, constraints, pruner_objective: 0 };
    let metrics = options::pruned_by(metrics, metric.transpose()?.as_deref())?;
    let spec = StudySpec {
        name,
        directions,
        metrics,
        trials: count("trials", 1, trials)?,
        seed: u64::try_from(seed)
            .map_err(|_| SpecError::range("seed", 0, i64::MAX as u64, seed))?,
        max_attempts: count("max_attempts", 1, max_attempts)?,
        max_failures_in_a_row: max_failures_in_a_row
            .map_or(Ok(MAX_FAILURES_IN_A_ROW), |most| count("max_failures_in_a_row", 0, most))?,
        keep_checkpoints: keep.unwrap_or(1),
        sampler,
        pruner: pruner.map(|t| section("pruner", t)).transpose()?.unwrap_or_default(),
        space,
        objective: self::objective(objective)?,
        confirm,
        notify,
    };
    price::check(&spec)?;
    Ok(spec)
}

/// How many checkpoints of a trial are kept. That it is not too many is checked with the rest of the spec.
fn keep_checkpoints(table: Table) -> Result<u32, Fault> {
    let mut keys = Keys::open(&["checkpoints"], table, &["keep"])?;
    let keep = keys.whole("keep")?.unwrap_or(1);
    let most = MAX_KEPT_CHECKPOINTS.into();
    u32::try_from(keep)
        .map_err(|_| SpecError::range("keep", 1, most, keep).below("checkpoints").into())
}

type Names = Box<[Box<str>]>;

/// Which way is better: `direction` for one objective, `directions` by name, in the file's order. Nothing if neither is
/// there.
fn directions(keys: &mut Keys<'_>) -> Result<Option<(Directions, Names)>, Fault> {
    let one = keys.text("direction")?;
    let several = keys.table("directions", "such as { accuracy = \"maximize\" }")?;
    match (one, several) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            let message =
                "stands beside `direction`; for one objective keep that, for several this";
            Err(Fault::at(["directions"], message))
        }
        (Some(word), None) => {
            let direction = direction(&word).map_err(|what| Fault::at(["direction"], what))?;
            Ok(Some((direction.into(), Box::default())))
        }
        (None, Some(table)) => {
            let each = table.iter().map(|(name, value)| match value {
                Value::String(word) => {
                    direction(word).map_err(|what| Fault::at(["directions", name], what))
                }
                other => {
                    let message = format!("expected maximize or minimize, found {}", shown(other));
                    Err(Fault::at(["directions", name], message))
                }
            });
            let directions = Directions::new(each.collect::<Result<Vec<_>, _>>()?)
                .map_err(|none| Fault::at(["directions"], none.to_string()))?;
            Ok(Some((directions, table.keys().map(|name| name.as_str().into()).collect())))
        }
    }
}

fn direction(word: &str) -> Result<Direction, String> {
    match word {
        "maximize" => Ok(Direction::Maximize),
        "minimize" => Ok(Direction::Minimize),
        other => Err(not_one_of(other, &["maximize", "minimize"])),
    }
}

fn objective(mut table: Table) -> Result<ObjectiveSpec, Fault> {
    let kind = match table.remove("kind") {
        Some(Value::String(kind)) => kind,
        Some(other) => {
            let message = format!("expected the name of an objective, found {}", shown(&other));
            return Err(Fault::at(["objective", "kind"], message));
        }
        None => {
            let known: Vec<_> = table.keys().map(String::as_str).collect();
            // The objective's settings may have any name, so a misspelt `kind` shows only by its
            // absence.
            let near = known.iter().find(|key| nearest(key, &["kind"]).is_some());
            let near = near.map(|key| format!("; did you mean it by `{key}`?")).unwrap_or_default();
            let message = "missing key `kind`: the name of an objective, such as \"mnist_cnn\"";
            return Err(Fault::at(["objective"], format!("{message}{near}")));
        }
    };
    let why = "cannot be kept, as settings are JSON; leave it out, or put it in quotes, as text";
    Ok(ObjectiveSpec { kind, settings: object(&["objective".to_owned()], table, why)? })
}

/// The error for a missing key. If it stands below a `[table]` line, it belongs to that table, and
/// the error says so.
fn missing(file: &Table, key: &str, what: &str) -> Fault {
    let below =
        file.iter().find(|(_, value)| value.as_table().is_some_and(|t| t.contains_key(key)));
    match below {
        Some((table, _)) if table != "space" => {
            let message = format!("stands in [{table}]; move it above the first [table]");
            Fault::at([table, key], message)
        }
        _ => Fault::at([key], format!("is missing: {what}")),
    }
}

/// Reads a count. That it is at least `least` is checked with the rest of the spec.
fn count(key: &str, least: u64, number: i64) -> Result<u32, SpecError> {
    u32::try_from(number).map_err(|_| SpecError::range(key, least, u32::MAX.into(), number))
}
