//! Which rows an event of an external study changes.

use kindling_study::external::{ExternalEvent, ExternalTrial, TrialState};
use kindling_study::{Record, TrialId, TrialNumber};

use crate::store::optuna::change::Change;
use crate::store::optuna::damage::Misfit;
use crate::store::optuna::encode;
use crate::store::optuna::known::Known;

type Changes<'a> = Result<Vec<Change<'a>>, Misfit>;

/// The changes that write an event, in their order.
pub(in crate::store::optuna) fn changes<'a>(
    known: &mut Known,
    record: &Record,
    event: &'a ExternalEvent,
) -> Changes<'a> {
    let study = record.study;
    match event {
        ExternalEvent::Created { name, directions } => {
            known.add_external(study);
            let row =
                Change::AddExternalStudy { study, name: name.as_str(), created_at: record.at.0 };
            let directions = (0..).zip(directions.as_slice()).map(|(objective, direction)| {
                Change::AddDirection { study, objective, direction: encode::direction(*direction) }
            });
            Ok([row].into_iter().chain(directions).collect())
        }
        ExternalEvent::AttributeSet { scope, key, value, .. } => {
            known.external(study)?;
            Ok(vec![Change::PutStudyAttribute { study, scope: *scope, key, json: value.as_str() }])
        }
        ExternalEvent::TrialAdded { number, trial } => added(known, record, *number, trial),
        ExternalEvent::ParamSet { number, name, value, distribution } => {
            let trial = of(known, record, *number)?;
            let distribution = distribution.as_str();
            Ok(vec![Change::PutParam { trial, name, value: *value, distribution }])
        }
        ExternalEvent::StateSet { number, state, values, at } => {
            let trial = of(known, record, *number)?;
            let at = encode::naive(*at).ok_or_else(|| Misfit(format!("no date: {at:?}")))?;
            let started = (*state == TrialState::Running).then(|| at.clone());
            let completed = state.is_finished().then_some(at);
            let state = encode::trial_state(*state);
            let mut changes = vec![Change::SetTrialState { trial, state, started, completed }];
            changes.extend(values_of(trial, values.as_deref()));
            Ok(changes)
        }
        ExternalEvent::IntermediateSet { number, step, value } => {
            let trial = of(known, record, *number)?;
            let (value, kind) = encode::float(*value);
            Ok(vec![Change::PutIntermediate { trial, step: *step, value, kind }])
        }
        ExternalEvent::TrialAttributeSet { number, scope, key, value } => {
            let (trial, scope) = (of(known, record, *number)?, *scope);
            Ok(vec![Change::PutTrialAttribute { trial, scope, key, json: value.as_str() }])
        }
    }
}

fn added<'a>(
    known: &mut Known,
    record: &Record,
    number: TrialNumber,
    content: &'a ExternalTrial,
) -> Changes<'a> {
    use kindling_study::external::Scope::{System, User};
    let trial = record.trial.ok_or_else(|| no_trial(record, number))?;
    known.add_trial(record.study, number, trial)?;
    let date = |at: Option<_>| {
        let text = at.map(|at| encode::naive(at).ok_or_else(|| Misfit(format!("no date: {at:?}"))));
        text.transpose()
    };
    let mut changes = vec![
        Change::AddTrial { trial, study: record.study, number },
        Change::SetTrialState {
            trial,
            state: encode::trial_state(content.state),
            started: date(content.started)?,
            completed: date(content.completed)?,
        },
    ];
    changes.extend(values_of(trial, content.values.as_deref()));
    changes.extend(content.params.iter().map(|(name, (value, distribution))| {
        let distribution = distribution.as_str();
        Change::PutParam { trial, name, value: *value, distribution }
    }));
    changes.extend(content.intermediate.iter().map(|(step, value)| {
        let (value, kind) = encode::float(*value);
        Change::PutIntermediate { trial, step: *step, value, kind }
    }));
    for scope in [User, System] {
        changes.extend(content.attributes(scope).iter().map(|(key, value)| {
            Change::PutTrialAttribute { trial, scope, key, json: value.as_str() }
        }));
    }
    Ok(changes)
}

fn values_of<'a>(trial: TrialId, values: Option<&[f64]>) -> impl Iterator<Item = Change<'a>> {
    (0..).zip(values.unwrap_or_default()).map(move |(objective, value)| {
        let (value, kind) = encode::float(*value);
        Change::PutValue { trial, objective, value, kind }
    })
}

/// The trial that the event is about, which must be there.
fn of(known: &mut Known, record: &Record, number: TrialNumber) -> Result<TrialId, Misfit> {
    let is_there = number.0 < *known.external(record.study)?;
    record.trial.filter(|_| is_there).ok_or_else(|| no_trial(record, number))
}

fn no_trial(record: &Record, number: TrialNumber) -> Misfit {
    Misfit(format!("study {} has no trial {number}", record.study.0))
}
