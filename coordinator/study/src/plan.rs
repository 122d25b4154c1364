//! Which trials are run again once the search is over. This is computed from the finished trials and never
//! stored: a restart computes it again.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet, VecDeque};

use crate::bug::Bug;
use crate::confirm::{ConfirmSpec, Confirmation};
use crate::front;
use crate::ids::TrialNumber;
use crate::space::{Distribution, ParamValue};
use crate::spec::StudySpec;
use crate::trial::Trial;

/// The most confirmations that a search of `budget` trials can lead to.
pub(crate) fn most(spec: &ConfirmSpec, study: &StudySpec, budget: u32) -> u32 {
    if study.directions.as_slice().len() > 1 {
        return spec.best.min(budget).saturating_mul(spec.seeds);
    }
    let space = &study.space;
    let choices =
        |name: &String| match space.position(name).map(|at| &space.params()[at].distribution) {
            Some(Distribution::Categorical { choices }) => choices.len() as u64,
            _ => 0,
        };
    let of_each: Vec<_> = spec.by.iter().map(choices).collect();
    let combinations = of_each.iter().fold(1, |all: u64, of| all.saturating_mul(*of));
    let combinations = combinations.min(spec.best.into());
    let mut arms = combinations;
    if spec.each {
        // The best combination is also the best of each of its choices.
        let shared = if combinations > 0 { of_each.len() as u64 } else { 0 };
        arms += of_each.iter().sum::<u64>() - shared;
    }
    let trials = arms.min(budget.into()).saturating_mul(spec.seeds.into());
    u32::try_from(trials).unwrap_or(u32::MAX)
}

/// The confirmations still to be run, in order, once the search is over.
///
/// Seeds take turns, so that early results are spread evenly over the configurations.
pub(crate) fn outstanding(
    confirm: &ConfirmSpec,
    study: &StudySpec,
    trials: &[Trial],
    front: impl Iterator<Item = TrialNumber>,
) -> VecDeque<Confirmation> {
    let is_single = study.directions.as_slice().len() == 1;
    let arms = if is_single {
        arms(confirm, study, trials)
    } else {
        of_the_front(confirm.best as usize, study, trials, front)
    };
    let made: HashSet<_> = trials.iter().filter_map(|trial| trial.confirms).collect();
    let all = (0..confirm.seeds)
        .flat_map(|seed| arms.iter().map(move |of| Confirmation { of: *of, seed }));
    all.filter(|next| !made.contains(next) || Bug::ConfirmedAgain.is_on()).collect()
}

/// Of several objectives, the trials of the front to confirm: those that cover most, in the front's order.
fn of_the_front(
    most: usize,
    study: &StudySpec,
    trials: &[Trial],
    front: impl Iterator<Item = TrialNumber>,
) -> Vec<TrialNumber> {
    let front: Vec<_> = front.collect();
    let values = front.iter().filter_map(|number| trials[number.index()].values());
    let losses: Vec<_> = values.map(|values| study.directions.losses(values)).collect();
    front::best(&losses, most).into_iter().map(|place| front[place]).collect()
}

/// The trials of the search to confirm, each once: the best trial of each of the best combinations, best
/// first, then the best trial of each choice.
fn arms(confirm: &ConfirmSpec, study: &StudySpec, trials: &[Trial]) -> Vec<TrialNumber> {
    let places: Vec<_> = confirm.by.iter().filter_map(|name| study.space.position(name)).collect();
    let mut ranked: Vec<_> = (0..).map(TrialNumber).zip(trials).collect();
    let constraints = study.metrics.constraints.len();
    ranked.retain(|(_, trial)| {
        trial.confirms.is_none() && trial.values().is_some() && trial.violation(constraints) <= 0.0
    });
    ranked.sort_by(|(_, a), (_, b)| match (a.values(), b.values()) {
        (Some(a), Some(b)) => study.directions.order(a, b),
        _ => Ordering::Equal,
    });

    let mut combinations = Vec::new();
    let mut choices = BTreeMap::new();
    let mut seen = HashSet::new();
    for (number, trial) in ranked {
        let Some(params) = trial.params() else { continue };
        let chosen: Vec<_> = places.iter().map(|place| choice(params[*place])).collect();
        for (place, choice) in chosen.iter().enumerate() {
            if let Some(choice) = choice {
                choices.entry((place, *choice)).or_insert(number);
            }
        }
        if chosen.iter().all(Option::is_some) && seen.insert(chosen) {
            combinations.push(number);
        }
    }
    combinations.truncate(confirm.best as usize);
    let mut arms = combinations;
    if confirm.each {
        arms.extend(choices.into_values());
    }
    let mut once = HashSet::new();
    arms.retain(|number| once.insert(*number));
    arms
}

/// The index of the choice, if the parameter is active.
fn choice(value: Option<ParamValue>) -> Option<usize> {
    match value {
        Some(ParamValue::Choice(index)) => Some(index),
        _ => None,
    }
}
