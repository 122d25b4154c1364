//! From the wire: parses messages into valid types, rather than checking them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kindling_proto::attributes::LEFT_OUT;
use kindling_proto::{limits, v1};
use kindling_study::{
    Attempt, Attributes, Choice, Claim, Condition, ConfirmSpec, Direction, Directions,
    Distribution, FloatScale, InvalidId, Json, MAX_CONSTRAINTS, MAX_FAILURES_IN_A_ROW,
    MAX_OBJECTIVES, Mark, Metrics, Nested, ObjectiveSpec, Param, SpecError, StudyId, StudyName,
    StudySpec, TrialNumber, TrialResult, Values, WorkerId,
};
use prost::Message as _;

use super::invalid::Invalid;
use super::json::from_struct;
use super::notify;
use crate::state::StudyClaim;
use crate::store::History;
use crate::transaction::Wanted;
use crate::workers::WorkerInfo;
use crate::{options, price};

pub(crate) fn spec(wire: v1::StudySpec) -> Result<StudySpec, Invalid> {
    let directions = wire.directions().map(|direction| match direction {
        v1::Direction::Maximize => Ok(Direction::Maximize),
        v1::Direction::Minimize => Ok(Direction::Minimize),
        v1::Direction::Unspecified => {
            Err(Invalid::new("direction", "is either maximize or minimize"))
        }
    });
    let directions = Directions::new(directions.collect::<Result<Vec<_>, _>>()?)
        .map_err(|none| Invalid::new("direction", none.to_string()))?;
    // Checked before anything costly is done with the spec.
    price::size(wire.encoded_len())?;
    let space = price::space(wire.space.into_iter().map(param).collect::<Result<_, _>>()?)?;
    let confirm = wire.confirm.map(confirm);
    let notify = wire.notify.as_ref().map(notify::from_wire).transpose()?;
    let objective = wire.objective.ok_or_else(|| Invalid::new("objective", "is missing"))?;
    price::settings(&objective.settings_json)?;
    let settings = match objective.settings_json.as_str() {
        "" => serde_json::Map::new(),
        text => serde_json::from_str(text)
            .map_err(|e| Invalid::new("objective.settings_json", e.to_string()))?,
    };
    let metrics = Metrics {
        names: names(wire.metric_names),
        constraints: names(wire.constraints),
        pruner_objective: 0,
    };
    let mut pruner = wire.pruner;
    let metric = pruner.as_mut().and_then(|options| options.fields.remove("metric"));
    let metric = metric.map(|value| match value.kind {
        Some(prost_types::value::Kind::StringValue(name)) => Ok(name),
        _ => Err(SpecError::at(["pruner", "metric"], "expected the name of an objective")),
    });
    let metrics = options::pruned_by(metrics, metric.transpose()?.as_deref())?;
    let spec = StudySpec {
        name: StudyName::new(wire.name).map_err(|e| Invalid::new("name", e.to_string()))?,
        directions,
        metrics,
        trials: wire.trials,
        seed: wire.seed,
        max_attempts: wire.max_attempts,
        max_failures_in_a_row: wire.max_failures_in_a_row.unwrap_or(MAX_FAILURES_IN_A_ROW),
        // Before there were checkpoints nobody said how many to keep.
        keep_checkpoints: wire.keep_checkpoints.max(1),
        sampler: options_of("sampler", wire.sampler)?,
        pruner: options_of("pruner", pruner)?,
        space,
        objective: ObjectiveSpec { kind: objective.kind, settings },
        confirm,
        notify,
    };
    price::check(&spec)?;
    Ok(spec)
}

/// Checked with the rest of the spec.
fn names(wire: Vec<String>) -> Box<[Box<str>]> {
    wire.into_iter().map(String::into_boxed_str).collect()
}

pub(crate) fn confirm(v1::Confirm { by, best, seeds, each }: v1::Confirm) -> ConfirmSpec {
    ConfirmSpec { by, best, seeds, each }
}

pub(crate) fn claim(wire: Option<v1::Claim>) -> Result<StudyClaim, Invalid> {
    let wire = wire.ok_or_else(|| Invalid::new("claim", "is missing"))?;
    let bytes = |field: &str, bytes: &[u8]| match <[u8; 16]>::try_from(bytes) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(_) if bytes.is_empty() => Ok(None),
        Err(_) => Err(Invalid::new(field, "has 16 bytes, as it came with the assignment")),
    };
    Ok(StudyClaim {
        study: StudyId(wire.study_id),
        history: bytes("claim.history", &wire.history)?.map(History),
        claim: Claim {
            number: TrialNumber(wire.trial),
            attempt: Attempt(wire.attempt),
            worker: worker_id(wire.worker_id)?,
            mark: bytes("claim.mark", &wire.mark)?.map(Mark::new),
        },
    })
}

/// How long to wait. Zero if the duration is negative or missing. The conversion in `prost_types`
/// overflows at the limits of the wire type.
pub(crate) fn wait(wire: Option<prost_types::Duration>) -> Duration {
    let prost_types::Duration { seconds, nanos } = wire.unwrap_or_default();
    let (Ok(seconds), Ok(nanos)) = (u64::try_from(seconds), u32::try_from(nanos)) else {
        return Duration::ZERO;
    };
    Duration::new(seconds, nanos.min(999_999_999))
}

/// A worker's id, what it says about itself, and the leases that it names.
pub(crate) fn lease_info(
    id: String,
    host: String,
    device: String,
    slots: u32,
    session: u64,
    holding: Vec<v1::Claim>,
) -> Result<(WorkerId, WorkerInfo, Vec<StudyClaim>), Invalid> {
    if slots > limits::SLOTS {
        return Err(Invalid::new("slots", format!("at most {}", limits::SLOTS)));
    }
    for (field, text) in [("host", &host), ("device", &device)] {
        if text.len() > limits::PLACE {
            return Err(Invalid::new(field, format!("at most {} bytes", limits::PLACE)));
        }
    }
    if holding.len() > limits::HOLDING {
        return Err(Invalid::new("holding", format!("at most {}", limits::HOLDING)));
    }
    let holding = holding.into_iter().map(|c| claim(Some(c))).collect::<Result<_, _>>()?;
    Ok((worker_id(id)?, WorkerInfo { host, device, slots, session }, holding))
}

/// The objectives that a worker offers, and the studies that it sets aside.
pub(crate) fn wanted(objectives: Vec<String>, without: Vec<i64>) -> Result<Wanted, Invalid> {
    if without.len() > limits::WITHOUT_STUDIES {
        let message = format!("at most {}", limits::WITHOUT_STUDIES);
        return Err(Invalid::new("without_studies", message));
    }
    let without = without.into_iter().map(StudyId).collect();
    Ok(Wanted { objectives: self::objectives(objectives)?, without })
}

fn objectives(names: Vec<String>) -> Result<Vec<String>, Invalid> {
    let (most, longest) = (limits::OBJECTIVES, limits::OBJECTIVE);
    if names.len() > most || names.iter().any(|name| name.len() > longest) {
        let message = format!("at most {most}, each of at most {longest} bytes");
        return Err(Invalid::new("objectives", message));
    }
    Ok(names)
}

/// The values of a step for objectives that the pruner does not compare.
pub(crate) fn others(wire: Vec<v1::ObjectiveValue>) -> Result<Vec<(u16, f64)>, Invalid> {
    if wire.len() > MAX_OBJECTIVES {
        return Err(Invalid::new("others", format!("at most {MAX_OBJECTIVES}")));
    }
    let one = |v1::ObjectiveValue { objective, value }| {
        let objective = u16::try_from(objective);
        Ok((objective.map_err(|e| Invalid::new("others.objective", e.to_string()))?, value))
    };
    wire.into_iter().map(one).collect()
}

/// Whether what a result says of constraints is no more than a study can have.
pub(crate) fn check_constraints(wire: &[f64]) -> Result<(), Invalid> {
    let fits = wire.len() <= MAX_CONSTRAINTS;
    fits.then_some(())
        .ok_or_else(|| Invalid::new("constraints", format!("at most {MAX_CONSTRAINTS}")))
}

/// Records a result even if parts of it are invalid. Invalid parts are left out, and a note says
/// so.
pub(crate) fn finish(
    result: Option<v1::finish_request::Result>,
    attributes: HashMap<String, String>,
) -> Result<(TrialResult, Attributes), Invalid> {
    use v1::finish_request::Result as Wire;
    let result = match result {
        Some(Wire::Completed(v1::Completed { values })) => match Values::new(values) {
            Ok(values) => TrialResult::Complete(values),
            Err(none) => TrialResult::Fail(format!("the objective values: {none}")),
        },
        Some(Wire::Pruned(v1::Pruned {})) => TrialResult::Pruned,
        Some(Wire::Failed(v1::Failed { reason })) => {
            TrialResult::Fail(limits::cut(reason, limits::REASON))
        }
        None => return Err(Invalid::new("result", "is missing")),
    };
    // Sorted, so that a repeated call leaves out the same ones.
    let said: BTreeMap<_, _> = attributes.into_iter().collect();
    let mut attributes = kindling_proto::attributes::Attributes::default();
    for (name, text) in said {
        let set = match Json::parse(&text) {
            Ok(json) => attributes.set(&name, json),
            Err(error) => Err(attributes.leave_out(&name, &format!("it is no JSON: {error}"))),
        };
        if let Err(left_out) = set {
            tracing::warn!("{left_out}");
        }
    }
    let (mut kept, note) = attributes.into_parts();
    if let Some(note) = note.and_then(|note| Json::parse(&note).ok()) {
        kept.insert(LEFT_OUT.to_owned(), note);
    }
    Ok((result, kept.into_iter().collect()))
}

pub(crate) fn named_values(wire: Vec<v1::NamedValue>) -> Result<Vec<(String, Choice)>, Invalid> {
    wire.into_iter()
        .map(|named| Ok((named.name.clone(), choice(&named.name, named.value)?)))
        .collect()
}

/// The states that a list is limited to, as wire numbers. Empty for all.
pub(crate) fn trial_states(states: &[i32]) -> Result<Vec<v1::TrialState>, Invalid> {
    let state = |s: &i32| match v1::TrialState::try_from(*s) {
        Ok(v1::TrialState::Unspecified) | Err(_) => {
            Err(Invalid::new("states", format!("{s} is not a state")))
        }
        Ok(state) => Ok(state),
    };
    states.iter().map(state).collect()
}

fn worker_id(text: String) -> Result<WorkerId, Invalid> {
    WorkerId::new(text).map_err(|e: InvalidId| Invalid::new("worker_id", e.to_string()))
}

fn param(wire: v1::Parameter) -> Result<Param, Invalid> {
    use v1::parameter::Distribution as Wire;
    let field = |key: &str| format!("space.{}.{key}", wire.name);
    let distribution = match wire.distribution {
        Some(Wire::Float(float)) => {
            let scale = match (float.log, float.step) {
                (true, Some(_)) => {
                    return Err(Invalid::new(field("step"), "a log scale takes no step"));
                }
                (true, None) => FloatScale::Log,
                (false, Some(step)) => FloatScale::Step(step),
                (false, None) => FloatScale::Linear,
            };
            Distribution::Float { low: float.low, high: float.high, scale }
        }
        Some(Wire::Int(v1::IntDistribution { low, high, log, step })) => {
            Distribution::Int { low, high, log, step: if step == 0 { 1 } else { step } }
        }
        Some(Wire::Categorical(categorical)) => {
            let choices = categorical.choices.into_iter();
            let choices = choices.map(|c| choice(&wire.name, Some(c))).collect::<Result<_, _>>()?;
            Distribution::Categorical { choices }
        }
        None => return Err(Invalid::new(field("distribution"), "is missing")),
    };
    let when = wire.when.into_iter().map(|condition| {
        let v1::Condition { parent, any_of, at_least, at_most } = condition;
        if at_least.is_none() && at_most.is_none() {
            let any_of = any_of.into_iter().map(|c| choice(&wire.name, Some(c)));
            return Ok(Condition::any_of(parent, any_of.collect::<Result<Vec<_>, _>>()?));
        }
        if any_of.is_empty() {
            return Ok(Condition::between(parent, at_least, at_most));
        }
        let message = format!("of `{parent}` needs some values or a range, not both");
        Err(Invalid::new(field("when"), message))
    });
    let when = when.collect::<Result<_, Invalid>>()?;
    Ok(Param { name: wire.name, distribution, when })
}

fn choice(name: &str, wire: Option<v1::Value>) -> Result<Choice, Invalid> {
    use v1::value::Kind;
    match wire.and_then(|v| v.kind) {
        Some(Kind::Float(x)) => Ok(Choice::Float(x)),
        Some(Kind::Int(i)) => Ok(Choice::Int(i)),
        Some(Kind::Bool(b)) => Ok(Choice::Bool(b)),
        Some(Kind::Text(s)) => Ok(Choice::Text(s)),
        Some(Kind::None(_)) => Ok(Choice::None),
        Some(Kind::Json(json)) => {
            let nested = Nested::parse(&json);
            nested.map(Choice::Nested).map_err(|e| Invalid::new(name, e.to_string()))
        }
        None => Err(Invalid::new(name, "has no value")),
    }
}

/// The options of a sampler or a pruner.
fn options_of<T: serde::de::DeserializeOwned>(
    field: &str,
    wire: Option<prost_types::Struct>,
) -> Result<T, Invalid> {
    let wire = wire.ok_or_else(|| Invalid::new(field, "is missing"))?;
    Ok(options::read(field, from_struct(field, &wire)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(values: &[f64]) -> v1::finish_request::Result {
        let values = values.to_vec();
        v1::finish_request::Result::Completed(v1::Completed { values })
    }

    /// The attributes that are kept out of these.
    fn kept(named: &[(&str, &str)]) -> BTreeMap<String, String> {
        let named = named.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let (result, attributes) = finish(Some(completed(&[0.5])), named).expect("taken");
        assert_eq!(result, TrialResult::Complete(0.5.into()));
        attributes.iter().map(|(k, v)| (k.to_owned(), v.as_str().to_owned())).collect()
    }

    #[test]
    fn a_result_stands_without_what_offends_in_it() {
        let long = format!("\"{}\"", "x".repeat(70_000));
        let raw = r#"{"$serde_json::private::RawValue":"[1"}"#;
        let said = kept(&[("a", "[1, 2]"), ("b", "NaN"), ("c", &long), ("", "1"), ("raw", raw)]);
        assert_eq!((&*said["a"], &*said["raw"]), ("[1,2]", raw));
        let note: String = serde_json::from_str(&said[LEFT_OUT]).expect("a text");
        assert!(
            note.contains("`b`: it is no JSON") && note.contains("`c`: it has 70002 bytes"),
            "{note}"
        );
        assert!(note.contains("``: its name has 0 bytes"), "{note}");
        assert_eq!(said.len(), 3);
        assert_eq!(kept(&[("a", "1")]).len(), 1, "nothing is said where nothing is left out");
    }

    #[test]
    fn a_result_that_is_none_fails_its_trial_rather_than_training_it_again() {
        let (result, _) = finish(Some(completed(&[])), HashMap::new()).expect("taken");
        assert!(
            matches!(&result, TrialResult::Fail(why) if why.contains("objective value")),
            "{result:?}"
        );
        let reason = "ä".repeat(1_000_000);
        let failed = Some(v1::finish_request::Result::Failed(v1::Failed { reason }));
        let (result, _) = finish(failed, HashMap::new()).expect("taken");
        let TrialResult::Fail(reason) = result else { panic!("{result:?}") };
        assert!(reason.len() <= limits::REASON && reason.ends_with('…'));
    }

    #[test]
    fn settings_that_could_not_be_read_again_are_refused() {
        let asked = |settings: &str| {
            let text = "name = \"s\"\ndirection = \"maximize\"\ntrials = 1\n[objective]\nkind = \"test\"\n\
                [space.x]\ntype = \"float\"\nlow = 0.0\nhigh = 1.0\n";
            let mut wire = super::super::spec_to_wire(&crate::config::parse(text).expect("valid"));
            wire.objective.as_mut().expect("one").settings_json = settings.to_owned();
            spec(wire).map(|spec| spec.objective.settings).map_err(|e| e.to_string())
        };
        let nested =
            |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(asked(&nested(limits::DEPTH)).is_ok());
        for deep in [limits::DEPTH + 1, 126, 127, 5000] {
            let refused = asked(&nested(deep)).expect_err("too deep");
            assert!(refused.contains("nested deeper than 64"), "{refused}");
        }
        let refused = asked(r#"{"o":{"a":1,"$serde_json::private::RawValue":"1"}}"#);
        assert!(refused.expect_err("unreadable").contains("could not be read again"));
    }

    #[test]
    fn a_wait_of_any_length_is_read() {
        let read = |seconds, nanos| wait(Some(prost_types::Duration { seconds, nanos }));
        assert_eq!(read(1, 500_000_000), Duration::from_millis(1500));
        for (seconds, nanos) in
            [(i64::MIN, i32::MIN), (i64::MIN, 0), (-1, 5), (5, -1), (0, i32::MIN)]
        {
            assert_eq!(read(seconds, nanos), Duration::ZERO);
        }
        assert_eq!(read(i64::MAX, i32::MAX).as_secs(), i64::MAX as u64);
        assert_eq!(wait(None), Duration::ZERO);
    }
}
