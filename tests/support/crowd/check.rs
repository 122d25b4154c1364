//! Compares the coordinator's state with what it acknowledged.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kindling_proto::v1;
use kindling_proto::v1::TrialState;

use super::journal::{Fact, What};

/// A trial's parameters as text.
pub(crate) fn params(params: &[v1::NamedValue]) -> String {
    format!("{params:?}")
}

/// A result as text, exact to the bit.
pub(crate) fn outcome(
    state: TrialState,
    values: &[f64],
    reason: &str,
    attributes: &HashMap<String, String>,
) -> String {
    let attributes: BTreeMap<_, _> = attributes.iter().collect();
    format!("{} {values:?} {reason:?} {attributes:?}", state.as_str_name())
}

fn outcome_of(trial: &v1::Trial) -> Option<String> {
    let v1::Trial { values, fail_reason, attributes_json, .. } = trial;
    is_over(trial).then(|| outcome(trial.state(), values, fail_reason, attributes_json))
}

fn is_over(trial: &v1::Trial) -> bool {
    matches!(trial.state(), TrialState::Complete | TrialState::Pruned | TrialState::Fail)
}

/// Whether the trial, at any time after the fact, reflects what was acknowledged.
pub(crate) fn holds(fact: &Fact, trial: &v1::Trial) -> bool {
    match &fact.what {
        What::Leased { attempt, worker, params: leased } => {
            let as_leased = trial.attempt > *attempt || trial.worker == *worker;
            trial.attempt >= *attempt && as_leased && params(&trial.params) == *leased
        }
        // A new attempt starts a new curve.
        What::Reported { attempt, step, value } => {
            let mut curve = trial.intermediate_values.iter();
            trial.attempt > *attempt
                || curve.any(|i| i.step == *step && i.value.to_bits() == value.to_bits())
        }
        What::Finished { attempt, outcome } => {
            trial.attempt == *attempt && outcome_of(trial).as_ref() == Some(outcome)
        }
        What::Released { attempt } => {
            let waits = trial.state() == TrialState::Waiting;
            trial.attempt > *attempt || trial.attempt == *attempt && waits
        }
        What::Enqueued { learning_rate, .. } => learning_rate_of(trial) == Some(*learning_rate),
        What::Retried { failed, .. } => trial.retry_of == Some(*failed),
    }
}

fn learning_rate_of(trial: &v1::Trial) -> Option<f64> {
    let param = trial.params.iter().find(|p| p.name == "learning_rate")?;
    match param.value.as_ref()?.kind.as_ref()? {
        v1::value::Kind::Float(value) => Some(*value),
        _ => None,
    }
}

/// Everything that exists twice or was never acknowledged in a finished study.
///
/// With no call in progress, everything must have been acknowledged to somebody.
pub(crate) fn doubled(facts: &[Fact], study: &v1::Study, trials: &[v1::Trial]) -> Vec<String> {
    let name = &study.spec.as_ref().expect("a spec").name;
    let facts: Vec<_> = facts.iter().filter(|fact| fact.study == *name).collect();
    let mut found = Vec::new();
    let mut check = |sound: bool, what: String| {
        if !sound {
            found.push(format!("{name}: {what}"));
        }
    };
    check(study.finished, "not finished".to_owned());
    check(trials.len() == study.budget as usize, format!("{} trials", trials.len()));
    let retried = trials.iter().filter(|t| t.retry_of.is_some()).count();
    let first = study.spec.as_ref().expect("a spec").trials as usize;
    check(trials.len() == first + retried, format!("{retried} retries of {first} trials"));

    let mut requests: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    let mut added = BTreeSet::new();
    for fact in &facts {
        if let What::Enqueued { learning_rate, .. } = &fact.what {
            let of_it = |t: &&v1::Trial| {
                learning_rate_of(t) == Some(*learning_rate) && t.retry_of.is_none()
            };
            check(trials.iter().filter(of_it).count() == 1, format!("not once: {fact:?}"));
        }
        if let What::Enqueued { request, .. } | What::Retried { request, .. } = &fact.what {
            requests.entry(request).or_default().insert(fact.trial);
            added.insert(fact.trial);
        }
    }
    let adds_one = requests.values().all(|trials| trials.len() == 1);
    check(adds_one && added.len() == requests.len(), format!("requests {requests:?}"));
    let unasked = |t: &&v1::Trial| t.retry_of.is_some() && !added.contains(&t.number);
    check(trials.iter().find(unasked).is_none(), "a retry that nobody asked for".to_owned());

    for (number, trial) in trials.iter().enumerate() {
        let of_it: Vec<_> = facts.iter().filter(|f| f.trial == trial.number).collect();
        let said = || format!("{trial:?}, of which was acknowledged {of_it:?}");
        check(number == trial.number as usize, said());
        check(is_over(trial), said());
        let mut leases: Vec<(u32, &str)> = Vec::new();
        let mut curve = BTreeMap::new();
        let mut outcomes = BTreeSet::new();
        for fact in &of_it {
            match &fact.what {
                What::Leased { attempt, worker, .. } => leases.push((*attempt, worker)),
                What::Reported { attempt, step, value } if *attempt == trial.attempt => {
                    curve.insert(*step, value.to_bits());
                }
                What::Finished { outcome, .. } => _ = outcomes.insert(outcome),
                _ => {}
            }
        }
        // A repeated lease call returns the same trial.
        leases.dedup();
        let attempts = leases.iter().map(|(attempt, _)| *attempt);
        check(attempts.eq(1..=trial.attempt), said());
        let recorded = trial.intermediate_values.iter().map(|i| (i.step, i.value.to_bits()));
        check(recorded.eq(curve), said());
        check(outcomes.len() == 1, said());
    }
    found
}
