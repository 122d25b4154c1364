//! Converts to wire types.

use std::collections::HashMap;
use std::time::Duration;

use kindling_proto::{limits, v1};
use kindling_study::{
    Choice, ConfirmSpec, Direction, Distribution, Finished, FloatScale, Needs, ObjectiveSpec,
    Params, Phase, Reason, Remark, SearchSpace, Study, StudyId, StudySpec, StudyState, Tick, Trial,
    TrialNumber, TrialResult, Verdict, Wall, WorkerId,
};
use prost::Message as _;

use super::json::to_struct;
use super::{kept, notify};
use crate::hand_backs::HandBack;
use crate::state::{State, StudyClaim};
use crate::transaction::Leased;
use crate::workers::Worker;
use crate::{options, rate};

/// At most this many failure reasons are sent for a study.
const MAX_REASONS: usize = 5;

/// A study's spec on the wire, for a coordinator: with the address of those who are told of its news.
pub fn spec(spec: &StudySpec) -> v1::StudySpec {
    v1::StudySpec {
        name: spec.name.to_string(),
        directions: spec.directions.as_slice().iter().map(|one| direction(*one).into()).collect(),
        trials: spec.trials,
        seed: spec.seed,
        max_attempts: spec.max_attempts,
        max_failures_in_a_row: Some(spec.max_failures_in_a_row),
        sampler: Some(to_struct(options::write(&spec.sampler))),
        pruner: Some(to_struct(options::write_pruner(&spec.pruner, &spec.metrics))),
        space: spec.space.params().iter().map(parameter).collect(),
        objective: Some(objective(&spec.objective)),
        confirm: spec.confirm.as_ref().map(confirm),
        metric_names: texts(&spec.metrics.names),
        constraints: texts(&spec.metrics.constraints),
        keep_checkpoints: spec.keep_checkpoints,
        notify: spec.notify.as_ref().map(notify::whole),
    }
}

fn texts(names: &[Box<str>]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// What is confirmed once the search is over, on the wire.
pub fn confirm(ConfirmSpec { by, best, seeds, each }: &ConfirmSpec) -> v1::Confirm {
    v1::Confirm { by: by.clone(), best: *best, seeds: *seeds, each: *each }
}

/// A study with all of its note.
pub(crate) fn study(state: &State, id: StudyId, study: &Study) -> v1::Study {
    let (_, now) = state.now();
    let Finished { complete, pruned, fail } = study.finished();
    let counts = v1::TrialCounts {
        waiting: study.waiting().len() as u32,
        running: study.running().len() as u32,
        complete,
        pruned,
        fail,
    };
    let best =
        study.best().and_then(|number| Some(trial_in_short(study, number, study.get(number)?)));
    let Remark { note, note_version, tags, .. } = study.remark();
    v1::Study {
        id: id.0,
        spec: Some(v1::StudySpec {
            notify: study.notify().map(notify::shown),
            ..spec(study.spec())
        }),
        state: match study.state() {
            StudyState::Active => v1::StudyState::Active,
            StudyState::Paused => v1::StudyState::Paused,
            StudyState::Stopped => v1::StudyState::Stopped,
        }
        .into(),
        budget: study.budget(),
        create_time: Some(timestamp(study.created())),
        counts: Some(counts),
        best,
        finished: study.is_finished(),
        trials_per_hour: rate::trials_per_hour(study, now),
        time_left: rate::time_left(study, now).map(duration),
        confirm: study.confirm().map(confirm),
        confirmations: study.confirmations(),
        failures: study.failures().reasons().into_iter().take(MAX_REASONS).map(failure).collect(),
        pause_reason: study.pause_reason().unwrap_or_default().to_owned(),
        confirmations_known: study.search_is_over(),
        last_hand_back: state.hand_backs().newest(id).map(hand_back),
        external: false,
        front: front(study),
        front_size: if is_single(study) { 0 } else { study.front().len() as u32 },
        last_notification: study.told().last.as_ref().map(notify::message),
        note,
        tags,
        archived: study.is_archived(),
        note_version,
    }
}

fn is_single(study: &Study) -> bool {
    study.spec().directions.as_slice().len() == 1
}

/// The front of several objectives, as far as it fits.
fn front(study: &Study) -> Vec<v1::Trial> {
    if is_single(study) {
        return Vec::new();
    }
    let in_short = |number| Some(trial_in_short(study, number, study.get(number)?));
    as_far_as_it_fits(study.front().filter_map(in_short))
}

/// As much of a front as an answer has room for.
pub(super) fn as_far_as_it_fits(front: impl Iterator<Item = v1::Trial>) -> Vec<v1::Trial> {
    let mut bytes = 0;
    let fits = |trial: &v1::Trial| {
        bytes += trial.encoded_len();
        bytes <= limits::FRONT_BYTES
    };
    front.take(limits::FRONT).take_while(fits).collect()
}

fn hand_back(HandBack { reason, trial, worker, at, times }: &HandBack) -> v1::HandBack {
    v1::HandBack {
        reason: reason.clone(),
        trial: trial.0,
        worker: worker.to_string(),
        time: Some(timestamp(*at)),
        times: *times,
    }
}

fn failure(Reason { text, trials, newest, .. }: &Reason) -> v1::Failure {
    v1::Failure { reason: text.clone(), trials: *trials, newest: newest.0 }
}

/// A trial with all that fits into a message. An older store may hold more than is accepted today.
pub(crate) fn trial(study: &Study, number: TrialNumber, trial: &Trial) -> v1::Trial {
    let mut whole = trial_in_short(study, number, trial);
    whole.note = study.remark_on(trial.id).note;
    let mut values = 0;
    let steps = trial.curve.iter().map(|point| intermediate(trial, point));
    let fits = |step: &v1::IntermediateValue| {
        values += 1 + step.others.len();
        values <= limits::REPORTS
    };
    whole.intermediate_values = steps.take_while(fits).collect();
    let mut bytes = 0;
    let attributes =
        trial.attributes().map(|(name, value)| (name.to_owned(), value.as_str().to_owned()));
    let fits = |(name, text): &(String, String)| {
        bytes += name.len() + text.len();
        bytes <= limits::ATTRIBUTES_IN_ALL + limits::NOTE
    };
    whole.attributes_json = attributes.take_while(fits).take(limits::ATTRIBUTES + 1).collect();
    let told = whole.intermediate_values.len() + whole.attributes_json.len();
    whole.left_out -= told as u32;
    whole.checkpoints = trial.checkpoints.iter().map(kept::checkpoint).collect();
    whole.artifacts = trial.artifacts.iter().map(kept::artifact).collect();
    whole.attempts = kept::attempts(trial);
    whole
}

pub(super) fn direction(direction: Direction) -> v1::Direction {
    match direction {
        Direction::Maximize => v1::Direction::Maximize,
        Direction::Minimize => v1::Direction::Minimize,
    }
}

/// A trial without what may be long: intermediate values, attributes, most of a note, and what it left behind.
pub(crate) fn trial_in_short(study: &Study, number: TrialNumber, trial: &Trial) -> v1::Trial {
    let (values, fail_reason) = match &trial.phase {
        Phase::Finished(outcome) => match &outcome.result {
            TrialResult::Complete(values) => (values.as_slice().to_vec(), String::new()),
            TrialResult::Pruned => (vec![], String::new()),
            TrialResult::Fail(reason) => (vec![], reason.clone()),
        },
        _ => Default::default(),
    };
    let Remark { note, note_version, tags, .. } = study.remark_on(trial.id);
    v1::Trial {
        number: number.0,
        state: state(trial).into(),
        params: params(&study.spec().space, trial.params().unwrap_or(&trial.fixed)),
        values,
        intermediate_values: Vec::new(),
        attributes_json: HashMap::new(),
        fail_reason,
        attempt: trial.attempt.0,
        worker: trial.worker.as_ref().map(ToString::to_string).unwrap_or_default(),
        retry_of: trial.retry_of.map(|n| n.0),
        start_time: trial.started.map(timestamp),
        complete_time: trial.finished.map(timestamp),
        confirms: trial.confirms.map(|c| v1::Confirmation { of: c.of.0, seed: c.seed }),
        left_out: (trial.curve.len() + trial.attributes().count()) as u32,
        constraints: trial.constraints().to_vec(),
        checkpoints: Vec::new(),
        artifacts: Vec::new(),
        attempts: Vec::new(),
        warm_start: trial.warm_start.map(|from| from.0),
        note: limits::cut(note, limits::NOTE_IN_SHORT),
        tags,
        note_version,
    }
}

pub(crate) fn params(space: &SearchSpace, params: &Params) -> Vec<v1::NamedValue> {
    let named = space.params().iter().zip(params);
    let active = named.filter_map(|(param, value)| {
        let value = value_of(&param.distribution.show((*value)?));
        Some(v1::NamedValue { name: param.name.clone(), value: Some(value) })
    });
    active.collect()
}

/// What the worker needs to train a trial that it has leased.
pub(crate) fn assignment(state: &State, leased: &Leased) -> Option<v1::Assignment> {
    let &Leased { study: id, number, ref trace } = leased;
    let study = state.registry().get(id).ok()?;
    let trial = study.get(number)?;
    let claim = v1::Claim {
        study_id: id.0,
        trial: number.0,
        attempt: trial.attempt.0,
        worker_id: trial.worker.as_ref()?.to_string(),
        mark: trial.mark?.bytes().to_vec(),
        history: state.history().0.to_vec(),
    };
    Some(v1::Assignment {
        claim: Some(claim),
        study: study.spec().name.to_string(),
        params: params(&study.spec().space, trial.params()?),
        objective: Some(objective(&study.spec().objective)),
        seed: study.seed_of(number),
        study_seed: study.spec().seed,
        traceparent: trace.clone(),
        metric_names: texts(&study.spec().metrics.names),
        constraints: texts(&study.spec().metrics.constraints),
        pruner_objective: study.spec().metrics.pruner_objective as u32,
        checkpoint: trial.start().map(kept::checkpoint),
    })
}

pub(crate) fn claim(claim: &StudyClaim) -> v1::Claim {
    v1::Claim {
        study_id: claim.study.0,
        trial: claim.claim.number.0,
        attempt: claim.claim.attempt.0,
        worker_id: claim.claim.worker.to_string(),
        mark: claim.claim.mark.map(|mark| mark.bytes().to_vec()).unwrap_or_default(),
        history: claim.history.map(|history| history.0.to_vec()).unwrap_or_default(),
    }
}

pub(crate) fn verdict(verdict: Verdict) -> v1::Verdict {
    match verdict {
        Verdict::Continue => v1::Verdict::Continue,
        Verdict::Prune => v1::Verdict::Prune,
        Verdict::Stop => v1::Verdict::Stop,
    }
}

pub(crate) fn worker(state: &State, id: &WorkerId, worker: &Worker) -> v1::Worker {
    let running = state.registry().held_by(id).into_iter().filter_map(|(study, number)| {
        let study = state.registry().get(study).ok()?;
        let trial = study.get(number)?;
        Some(v1::RunningTrial {
            study: study.spec().name.to_string(),
            number: number.0,
            attempt: trial.attempt.0,
            newest: trial.curve.last().map(|point| intermediate(trial, point)),
        })
    });
    let (Tick(now), _) = state.now();
    v1::Worker {
        id: id.to_string(),
        host: worker.info.host.clone(),
        device: worker.info.device.clone(),
        slots: worker.info.slots,
        connected: worker.connections > 0,
        silent: Some(duration(now.saturating_sub(worker.last_seen.0))),
        trials: running.collect(),
        objectives: worker.objectives.clone(),
    }
}

pub(crate) fn state(trial: &Trial) -> v1::TrialState {
    match &trial.phase {
        Phase::Waiting => v1::TrialState::Waiting,
        Phase::Running(_) => v1::TrialState::Running,
        Phase::Finished(outcome) => match outcome.result {
            TrialResult::Complete(_) => v1::TrialState::Complete,
            TrialResult::Pruned => v1::TrialState::Pruned,
            TrialResult::Fail(_) => v1::TrialState::Fail,
        },
    }
}

pub(super) fn parameter(param: &kindling_study::Param) -> v1::Parameter {
    use v1::parameter::Distribution as Wire;
    let distribution = match &param.distribution {
        Distribution::Float { low, high, scale } => Wire::Float(v1::FloatDistribution {
            low: *low,
            high: *high,
            log: *scale == FloatScale::Log,
            step: if let FloatScale::Step(step) = scale { Some(*step) } else { None },
        }),
        Distribution::Int { low, high, step, log } => {
            Wire::Int(v1::IntDistribution { low: *low, high: *high, log: *log, step: *step })
        }
        Distribution::Categorical { choices } => Wire::Categorical(v1::CategoricalDistribution {
            choices: choices.iter().map(value_of).collect(),
        }),
    };
    let when = param.when.iter().map(|condition| {
        let parent = condition.parent.clone();
        match &condition.needs {
            Needs::AnyOf(any_of) => {
                let any_of = any_of.iter().map(value_of).collect();
                v1::Condition { parent, any_of, at_least: None, at_most: None }
            }
            &Needs::Between { at_least, at_most } => {
                v1::Condition { parent, any_of: Vec::new(), at_least, at_most }
            }
        }
    });
    v1::Parameter {
        name: param.name.clone(),
        distribution: Some(distribution),
        when: when.collect(),
    }
}

fn objective(objective: &ObjectiveSpec) -> v1::Objective {
    let settings_json = serde_json::Value::from(objective.settings.clone()).to_string();
    v1::Objective { kind: objective.kind.clone(), settings_json }
}

pub(super) fn value_of(choice: &Choice) -> v1::Value {
    use v1::value::Kind;
    let kind = match choice {
        Choice::Bool(b) => Kind::Bool(*b),
        Choice::Int(i) => Kind::Int(*i),
        Choice::Float(x) => Kind::Float(*x),
        Choice::Text(s) => Kind::Text(s.clone()),
        Choice::None => Kind::None(prost_types::NullValue::NullValue.into()),
        Choice::Nested(nested) => Kind::Json(nested.to_string()),
    };
    v1::Value { kind: Some(kind) }
}

fn intermediate(trial: &Trial, (step, value): &(u64, f64)) -> v1::IntermediateValue {
    let others = trial
        .others_at(*step)
        .iter()
        .map(|other| v1::ObjectiveValue { objective: other.objective.into(), value: other.value });
    v1::IntermediateValue { step: *step, value: *value, others: others.collect() }
}

pub(crate) fn timestamp(Wall(micros): Wall) -> prost_types::Timestamp {
    let nanos = micros.rem_euclid(1_000_000) as i32 * 1000;
    prost_types::Timestamp { seconds: micros.div_euclid(1_000_000), nanos }
}

pub(crate) fn duration(span: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    prost_types::Duration { seconds, nanos: span.subsec_nanos().cast_signed() }
}
