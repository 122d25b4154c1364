//! Wire messages as JSON for scripts.

use kindling_proto::v1;
use kindling_proto::v1::value::Kind;
use serde_json::{Map, Value, json};

use super::words as format;
use crate::shown::{Directions, best, hex};

/// A study, as `kindling study show --json` prints it.
pub fn study(study: &v1::Study) -> Value {
    let spec = study.spec.clone().unwrap_or_default();
    let counts = study.counts.unwrap_or_default();
    let objective = spec.objective.clone().unwrap_or_default();
    json!({
        "name": spec.name,
        "state": format::study_state(study),
        "external": study.external,
        "directions": Directions::of(study),
        "metric_names": spec.metric_names,
        "constraints": spec.constraints,
        "trials": study.budget,
        "seed": spec.seed,
        "max_attempts": spec.max_attempts,
        "max_failures_in_a_row": spec.max_failures_in_a_row,
        "checkpoints": { "keep": spec.keep_checkpoints },
        "objective": {
            "kind": objective.kind,
            "settings": serde_json::from_str::<Value>(&objective.settings_json).unwrap_or_default(),
        },
        "counts": {
            "waiting": counts.waiting,
            "running": counts.running,
            "complete": counts.complete,
            "pruned": counts.pruned,
            "fail": counts.fail,
        },
        "confirm": study.confirm.as_ref().map(|c| {
            json!({ "by": c.by, "best": c.best, "seeds": c.seeds, "each": c.each })
        }),
        "confirmations": study.confirmations,
        "confirmations_known": study.confirmations_known,
        "failures": study.failures.iter().map(failure).collect::<Vec<_>>(),
        "pause_reason": Some(&study.pause_reason).filter(|r| !r.is_empty()),
        "notify": spec.notify.as_ref().map(notify),
        "last_notification": study.last_notification.as_ref().map(notification),
        "last_hand_back": study.last_hand_back.as_ref().map(hand_back),
        "best": best(study).map(trial),
        "front": study.front.iter().map(trial).collect::<Vec<_>>(),
        "front_size": study.front_size,
        "trials_per_hour": study.trials_per_hour,
        "seconds_left": format::span(study.time_left).map(|d| d.as_secs_f64()),
        "created": format::time(study.create_time.as_ref()).map(|t| t.to_string()),
        "note": study.note,
        "note_version": study.note_version,
        "tags": study.tags,
        "archived": study.archived,
    })
}

fn failure(v1::Failure { reason, trials, newest }: &v1::Failure) -> Value {
    json!({ "reason": reason, "trials": trials, "newest": newest })
}

/// Whom the study tells of its news. The address is not known here: it may be a secret.
fn notify(notify: &v1::Notify) -> Value {
    let word = |name: &str, prefix: &str| name.strip_prefix(prefix).unwrap_or(name).to_lowercase();
    let on = notify.on().map(|topic| word(topic.as_str_name(), "NOTIFY_TOPIC_"));
    let kind = word(notify.kind().as_str_name(), "NOTIFY_KIND_");
    json!({ "kind": kind, "host": notify.host, "on": on.collect::<Vec<_>>() })
}

fn notification(notification: &v1::Notification) -> Value {
    let v1::Notification { time, news, host, error } = notification;
    let time = format::time(time.as_ref()).map(|t| t.to_string());
    let error = Some(error).filter(|error| !error.is_empty());
    json!({ "time": time, "news": news, "host": host, "error": error })
}

fn hand_back(hand_back: &v1::HandBack) -> Value {
    let v1::HandBack { reason, trial, worker, time, times } = hand_back;
    let time = format::time(time.as_ref()).map(|t| t.to_string());
    json!({ "reason": reason, "trial": trial, "worker": worker, "time": time, "times": times })
}

/// A trial, as `kindling trial show --json` prints it.
pub fn trial(trial: &v1::Trial) -> Value {
    let attribute = |(key, text): (&String, &String)| {
        (key.clone(), serde_json::from_str(text).unwrap_or_default())
    };
    let curve = trial.intermediate_values.iter().map(intermediate);
    json!({
        "number": trial.number,
        "state": format::trial_state(trial),
        "params": params(&trial.params),
        "values": trial.values,
        "constraints": trial.constraints,
        "intermediate_values": curve.collect::<Vec<_>>(),
        "attributes": trial.attributes_json.iter().map(attribute).collect::<Map<_, _>>(),
        "left_out": trial.left_out,
        "fail_reason": Some(&trial.fail_reason).filter(|r| !r.is_empty()),
        "attempt": trial.attempt,
        "worker": trial.worker,
        "retry_of": trial.retry_of,
        "warm_start": trial.warm_start,
        "confirms": trial.confirms.map(|c| json!({ "of": c.of, "seed": c.seed })),
        "attempts": trial.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "checkpoints": trial.checkpoints.iter().map(checkpoint).collect::<Vec<_>>(),
        "artifacts": trial.artifacts.iter().map(artifact).collect::<Vec<_>>(),
        "start": format::time(trial.start_time.as_ref()).map(|t| t.to_string()),
        "complete": format::time(trial.complete_time.as_ref()).map(|t| t.to_string()),
        "note": trial.note,
        "note_version": trial.note_version,
        "tags": trial.tags,
    })
}

fn attempt(attempt: &v1::TrialAttempt) -> Value {
    let time = |time: Option<&prost_types::Timestamp>| format::time(time).map(|t| t.to_string());
    json!({
        "attempt": attempt.attempt,
        "worker": attempt.worker,
        "resumed_from": attempt.resumed_from,
        "end": format::attempt_end(attempt.end()),
        "start": time(attempt.start_time.as_ref()),
        "complete": time(attempt.end_time.as_ref()),
    })
}

fn checkpoint(checkpoint: &v1::Checkpoint) -> Value {
    let v1::Blob { size, sha256, .. } = checkpoint.blob.clone().unwrap_or_default();
    let (attempt, step) = (checkpoint.attempt, checkpoint.step);
    json!({ "attempt": attempt, "step": step, "size": size, "sha256": hex(&sha256) })
}

/// A file that is kept.
pub fn artifact(artifact: &v1::Artifact) -> Value {
    let v1::Blob { size, sha256, .. } = artifact.blob.clone().unwrap_or_default();
    json!({
        "name": artifact.name,
        "media_type": Some(&artifact.media_type).filter(|kind| !kind.is_empty()),
        "size": size,
        "sha256": hex(&sha256),
        "saved": format::time(artifact.saved.as_ref()).map(|t| t.to_string()),
    })
}

/// The values of a step. Those of other objectives than the pruner's stand beside it, by their index.
fn intermediate(point: &v1::IntermediateValue) -> Value {
    let mut shown = json!({ "step": point.step, "value": point.value });
    if !point.others.is_empty() {
        let other = |o: &v1::ObjectiveValue| json!({ "objective": o.objective, "value": o.value });
        shown["others"] = point.others.iter().map(other).collect();
    }
    shown
}

/// A worker and what it runs.
pub fn worker(worker: &v1::Worker) -> Value {
    let running = worker.trials.iter().map(|t| {
        json!({
            "study": t.study,
            "trial": t.number,
            "attempt": t.attempt,
            "step": t.newest.as_ref().map(|n| n.step),
            "value": t.newest.as_ref().map(|n| n.value),
        })
    });
    json!({
        "id": worker.id,
        "host": worker.host,
        "device": worker.device,
        "slots": worker.slots,
        "objectives": worker.objectives,
        "connected": worker.connected,
        "silent_seconds": format::span(worker.silent).map(|d| d.as_secs_f64()),
        "running": running.collect::<Vec<_>>(),
    })
}

/// Parameters by name.
pub fn params(params: &[v1::NamedValue]) -> Map<String, Value> {
    params.iter().map(|p| (p.name.clone(), value(p.value.as_ref()))).collect()
}

/// Whether an attribute is a table or a list, such as `mnist_cnn`'s `diagnosis`. These are not shown in text
/// output.
pub fn is_nested(attribute: &str) -> bool {
    attribute.trim_start().starts_with(['{', '['])
}

fn value(value: Option<&v1::Value>) -> Value {
    value.and_then(|v| v.kind.as_ref()).map_or(Value::Null, kind)
}

/// A parameter's value, in its own type.
pub fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Float(x) => json!(x),
        Kind::Int(i) => json!(i),
        Kind::Bool(b) => json!(b),
        Kind::Text(s) => json!(s),
        Kind::None(_) => Value::Null,
        Kind::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    }
}
