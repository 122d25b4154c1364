//! Which rows an event changes.

use kindling_study::external::Scope;
use kindling_study::{
    ConfirmSpec, Event, LeaseEnd, Notify, OtherValue, Outcome, Proposal, Record, StudyId,
    StudyName, StudySpec, StudyState, TrialId, TrialNumber, TrialResult, Wall,
};
use serde_json::json;

use super::change::{
    Change, EXTERNAL_STUDIES, NewLease, NewProposal, NewStudy, OUR_STUDIES, Owner,
};
use super::damage::Misfit;
use super::encode;
use super::external;
use super::kept;
use super::known::Known;
use crate::store::stored_spec;

pub(super) type Changes<'a> = Result<Vec<Change<'a>>, Misfit>;

/// The changes that write an event, in their order. After an error, or without a commit, `known` is
/// out of date.
pub(crate) fn changes<'a>(known: &'a mut Known, record: &'a Record) -> Changes<'a> {
    let study = record.study;
    match &record.event {
        Event::Created { spec } => created(known, record, spec),
        Event::Deleted => {
            let kind = if known.remove(study) { OUR_STUDIES } else { EXTERNAL_STUDIES };
            Ok(vec![Change::DeleteStudy { study, kind }])
        }
        Event::StateChanged { state, because } => {
            let (state, pause_reason) = (encode::state(*state), because.as_deref());
            Ok(vec![Change::SetState { study, state, pause_reason }])
        }
        Event::BudgetChanged { trials } => Ok(vec![Change::SetBudget { study, budget: *trials }]),
        Event::ConfirmChanged { confirm } => {
            Ok(vec![Change::SetConfirm { study, confirm: confirm_text(confirm)? }])
        }
        Event::NotifyChanged { notify } => Ok(vec![put_notify(study, notify)?]),
        Event::Told { told } => {
            let told = stored_spec::told_to_text(told).map_err(|e| Misfit(e.to_string()))?;
            Ok(vec![Change::SetTold { study, told }])
        }
        Event::Enqueued { number, .. } => enqueued(known, record, *number),
        Event::Proposed { number, proposal } => proposed(known, record, *number, proposal),
        Event::Leased { number, attempt, worker, session, mark, resumed } => {
            let lease = NewLease {
                trial: trial(known, record, *number)?,
                attempt: attempt.0,
                worker: worker.as_str(),
                leased_at: record.at.0,
                session: session.cast_signed(),
                mark,
                resumed: resumed.map(stored_step).transpose()?,
            };
            leased(lease, record.at)
        }
        Event::Rewound { number, resumed } => {
            let trial = trial(known, record, *number)?;
            let to = resumed.map(stored_step).transpose()?;
            let resumed = Change::SetResumed { trial, resumed: to };
            Ok(vec![resumed, Change::CutCurve { trial, to }])
        }
        Event::CheckpointSaved { number, checkpoint } => {
            let trial = trial(known, record, *number)?;
            let keep = known.study(record.study)?.keep_checkpoints;
            let checkpoint = kept::checkpoint(trial, checkpoint)?;
            Ok(vec![checkpoint, Change::KeepCheckpoints { trial, keep }])
        }
        Event::ArtifactSaved { number, .. } => {
            let of = match number {
                Some(number) => Owner::Trial(trial(known, record, *number)?),
                None => Owner::Study(record.study),
            };
            Ok(kept::artifact(of, record))
        }
        Event::RemarkSet { number, key, value } => {
            known.study(study)?;
            if let Some(number) = number {
                trial(known, record, *number)?;
            }
            let json = value.as_str();
            Ok(vec![Change::PutStudyAttribute { study, scope: Scope::System, key, json }])
        }
        Event::LeaseEnded { number, end } => {
            Ok(lease_ended(trial(known, record, *number)?, *end, record.at))
        }
        Event::Reported { number, step, value, others, prune } => {
            reported(trial(known, record, *number)?, *step, *value, others, *prune)
        }
        Event::Finished { number, outcome } => finished(known, record, *number, outcome),
        Event::External(event) => external::changes(known, record, event),
        Event::Acted { id, act, deleted, forgets } => {
            let deleted = deleted.as_ref().map(StudyName::as_str);
            let study = deleted.is_none().then_some(study);
            if study.is_some_and(|study| !known.has(study)) {
                return Err(Misfit(format!("there is no study {}", record.study.0)));
            }
            let forgets = forgets.map(|id| Change::ForgetActivity { id });
            let add = Change::AddActivity { id: *id, study, at: record.at.0, act, deleted };
            Ok(forgets.into_iter().chain([add]).collect())
        }
    }
}

fn created<'a>(known: &mut Known, record: &Record, spec: &'a StudySpec) -> Changes<'a> {
    let study = record.study;
    known.add(study, spec);
    let rows = NewStudy {
        study,
        name: spec.name.as_str(),
        spec: stored_spec::to_text(spec).map_err(|e| Misfit(e.to_string()))?,
        state: encode::state(StudyState::Active),
        budget: spec.trials,
        confirm: spec.confirm.as_ref().map(confirm_text).transpose()?,
        created_at: record.at.0,
    };
    let directions = (0..).zip(spec.directions.as_slice()).map(|(objective, direction)| {
        Change::AddDirection { study, objective, direction: encode::direction(*direction) }
    });
    let names = &spec.metrics.names;
    let names = (!names.is_empty())
        .then(|| Change::AddMetricNames { study, json: json!(names).to_string() });
    let notify = spec.notify.as_ref().map(|notify| put_notify(study, notify)).transpose()?;
    Ok([Change::AddStudy(rows)].into_iter().chain(directions).chain(names).chain(notify).collect())
}

fn put_notify(study: StudyId, notify: &Notify) -> Result<Change<'static>, Misfit> {
    let notify = stored_spec::notify_to_text(notify).map_err(|e| Misfit(e.to_string()))?;
    Ok(Change::PutNotify { study, notify })
}

fn enqueued<'a>(known: &mut Known, record: &'a Record, number: TrialNumber) -> Changes<'a> {
    let Event::Enqueued { fixed, retry_of, confirms, warm_start, request, .. } = &record.event
    else {
        return Ok(Vec::new());
    };
    let (study, confirms) = (record.study, *confirms);
    let trial = new_trial(known, record, number)?;
    let fixed = encode::fixed(&known.study(study)?.space, fixed);
    let told = confirms.map(|c| json!({ "of": c.of.0, "seed": c.seed }).to_string());
    let copies = [("confirms", told), ("fixed_params", fixed.clone())];
    let mut changes = vec![
        Change::AddEnqueued {
            trial,
            fixed,
            retry_of: *retry_of,
            request: request.as_deref(),
            confirms,
            warm_start: warm_start.as_ref().map(|start| start.from),
        },
        Change::AddTrial { trial, study, number },
    ];
    for (key, json) in copies {
        changes.extend(json.map(|json| Change::PutSystemAttribute { trial, key, json }));
    }
    if let Some(start) = warm_start {
        changes.push(kept::warm_start(trial, start)?);
    }
    Ok(changes)
}

fn proposed<'a>(
    known: &'a mut Known,
    record: &'a Record,
    number: TrialNumber,
    proposal: &'a Proposal,
) -> Changes<'a> {
    let Proposal { params, saw_finished, saw_proposed } = proposal;
    let (saw_finished, saw_proposed) = (*saw_finished, *saw_proposed);
    let is_new = !known.study(record.study)?.has(number);
    let trial =
        if is_new { new_trial(known, record, number)? } else { trial(known, record, number)? };
    let study = known.study(record.study)?;
    if !study.space.contains(params) {
        return Err(Misfit(format!("trial {number}: {params:?} is not in the search space")));
    }
    let exact_ints = encode::exact_ints(&study.space, params);
    let rows = NewProposal { trial, saw_finished, saw_proposed, exact_ints };
    let mut changes = if is_new {
        vec![Change::AddProposed(rows), Change::AddTrial { trial, study: record.study, number }]
    } else {
        vec![Change::SetProposal(rows)]
    };
    let values = study.space.params().iter().zip(&study.distributions).zip(params);
    changes.extend(values.filter_map(|((param, distribution), value)| {
        let (name, value) = (param.name.as_str(), (*value)?.as_number());
        Some(Change::PutParam { trial, name, value, distribution })
    }));
    Ok(changes)
}

fn leased(lease: NewLease<'_>, now: Wall) -> Changes<'_> {
    let (trial, since, to) = (lease.trial, datetime(now)?, lease.resumed);
    let running = Change::SetRunning { trial, since };
    Ok(if lease.attempt == 1 {
        vec![Change::AddLease(lease), running]
    } else {
        vec![Change::ReplaceLease(lease), running, Change::CutCurve { trial, to }]
    })
}

fn lease_ended<'a>(trial: TrialId, end: LeaseEnd, now: Wall) -> Vec<Change<'a>> {
    let end = Change::EndLease { trial, at: now.0, ended: end.as_str() };
    vec![end, Change::SetWaiting { trial }]
}

fn reported<'a>(
    trial: TrialId,
    step: u64,
    value: f64,
    others: &[OtherValue],
    prune: bool,
) -> Changes<'a> {
    let step = stored_step(step)?;
    let (value, kind) = encode::float(value);
    let mut changes = vec![Change::AddIntermediate { trial, step, value, kind }];
    changes.extend(others.iter().map(|other| {
        let (objective, value) = (other.objective, other.value);
        Change::AddOtherValue { trial, step, objective, value }
    }));
    if prune {
        changes.push(Change::SetPruned { trial, step });
    }
    Ok(changes)
}

fn finished<'a>(
    known: &mut Known,
    record: &Record,
    number: TrialNumber,
    outcome: &'a Outcome,
) -> Changes<'a> {
    let (trial, at) = (trial(known, record, number)?, record.at);
    let datetime_complete = datetime(at)?;
    let study = known.study(record.study)?;
    let finish_index = study.next_finish_index();
    let told = study.constraint_keys.iter().zip(&outcome.constraints);
    let copies: Vec<_> = told.map(|(key, value)| (key.clone(), json!(value).to_string())).collect();
    let is_single = study.objectives == 1;
    let keys = outcome.attributes.iter().map(|(key, _)| key).collect::<Vec<_>>();
    let attributes = (!keys.is_empty()).then(|| json!(keys).to_string());
    let constraints =
        (!outcome.constraints.is_empty()).then(|| json!(outcome.constraints).to_string());
    let mut changes = vec![
        // If a trial fails because its lease expired, no lease is open any more.
        Change::EndLeaseIfOpen { trial, at: at.0, ended: "FINISHED" },
        Change::SetFinished { trial, finish_index, attributes, constraints },
        Change::KeepCheckpoints { trial, keep: 1 },
    ];
    changes.extend(copies.into_iter().map(|(key, json)| Change::PutConstraint {
        trial,
        key,
        json,
    }));
    let state = match &outcome.result {
        TrialResult::Complete(values) => {
            for (objective, &value) in (0..).zip(values.as_slice()) {
                if !value.is_finite() {
                    return Err(Misfit(format!("trial {number}: its value is {value}")));
                }
                let (value, kind) = encode::float(value);
                changes.push(Change::PutValue { trial, objective, value, kind });
            }
            "COMPLETE"
        }
        TrialResult::Pruned => {
            // Of several objectives, one value alone would say nothing.
            if is_single {
                changes.push(Change::PutLastIntermediate { trial });
            }
            "PRUNED"
        }
        TrialResult::Fail(reason) => {
            let (key, json) = ("fail_reason", json!(reason).to_string());
            changes.push(Change::PutSystemAttribute { trial, key, json });
            "FAIL"
        }
    };
    changes.extend(outcome.attributes.iter().map(|(key, json)| Change::PutUserAttribute {
        trial,
        key,
        json: json.as_str(),
    }));
    changes.push(Change::SetOver { trial, state, datetime_complete });
    Ok(changes)
}

/// The trial that the event is about, which must be there.
fn trial(known: &mut Known, record: &Record, number: TrialNumber) -> Result<TrialId, Misfit> {
    let is_there = known.study(record.study)?.has(number);
    record.trial.filter(|_| is_there).ok_or_else(|| no_trial(record, number))
}

/// The trial that the event adds.
fn new_trial(known: &mut Known, record: &Record, number: TrialNumber) -> Result<TrialId, Misfit> {
    let trial = record.trial.ok_or_else(|| no_trial(record, number))?;
    known.add_trial(record.study, number, trial)?;
    Ok(trial)
}

fn no_trial(record: &Record, number: TrialNumber) -> Misfit {
    Misfit(format!("study {} has no trial {number}", record.study.0))
}

/// Stores use signed numbers.
pub(super) fn stored_step(step: u64) -> Result<i64, Misfit> {
    i64::try_from(step).map_err(|e| Misfit(format!("step {step}: {e}")))
}

fn datetime(at: Wall) -> Result<String, Misfit> {
    let what = || format!("the clock is {} µs from 1970, which is no year from 1 to 9999", at.0);
    encode::datetime(at).ok_or_else(|| Misfit(what()))
}

fn confirm_text(confirm: &ConfirmSpec) -> Result<String, Misfit> {
    stored_spec::confirm_to_text(confirm).map_err(|e| Misfit(e.to_string()))
}
