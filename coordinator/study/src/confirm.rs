//! After the search: the best configurations again, under fresh seeds.
//!
//! A search gives each configuration one seed, and the methods that its sampler likes most of the
//! trials: its best of 45 against a best of 1 ranks effort. So the best configuration of each method
//! is run again, all under the same few seeds, for a comparison in pairs. The sampler and the pruner
//! never see these trials.

use std::collections::{BTreeMap, HashSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::ids::TrialNumber;
use crate::rules;
use crate::space::{Distribution, ParamValue, SearchSpace};
use crate::study::Study;

/// Which configurations are run again once the search is over: `[confirm]` of a study file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmSpec {
    /// The categorical parameters whose combinations are compared.
    pub by: Vec<String>,
    /// How many combinations: those of the best trials.
    #[serde(default = "six")]
    pub best: u32,
    /// How often each is run again.
    #[serde(default = "ten")]
    pub seeds: u32,
    /// Whether the best configuration of each choice on its own is run again as well.
    #[serde(default = "yes")]
    pub each: bool,
}

/// That a trial runs another's configuration again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Confirmation {
    /// The trial of the search.
    pub of: TrialNumber,
    /// Which of the fresh seeds, from 0. Trials of the same one share it, so that they pair.
    pub seed: u32,
}

/// What is wrong with a [`ConfirmSpec`], and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("confirm.{key}: {message}")]
pub struct ConfirmError {
    /// The key at fault.
    pub key: &'static str,
    /// What was found and what was expected.
    pub message: String,
}

/// More seeds tell less than they cost.
const MAX_SEEDS: u32 = 10_000;

fn six() -> u32 {
    6
}

fn ten() -> u32 {
    10
}

fn yes() -> bool {
    true
}

impl ConfirmSpec {
    /// Whether it makes sense in this space.
    pub fn check(&self, space: &SearchSpace) -> Result<(), ConfirmError> {
        let wrong = |key, message| Err(ConfirmError { key, message });
        if self.by.is_empty() {
            return wrong("by", "expected at least one categorical parameter".to_owned());
        }
        let mut seen = HashSet::new();
        for name in &self.by {
            let param = space.params().iter().find(|param| param.name == *name);
            match param.map(|param| &param.distribution) {
                Some(Distribution::Categorical { .. }) if seen.insert(name) => {}
                Some(Distribution::Categorical { .. }) => {
                    return wrong("by", format!("`{name}` is there twice"));
                }
                Some(_) => return wrong("by", format!("`{name}` is not categorical")),
                None => return wrong("by", format!("the space has no parameter `{name}`")),
            }
        }
        if !(1..=MAX_SEEDS).contains(&self.seeds) {
            let message = format!("expected 1 to {MAX_SEEDS}, found {}", self.seeds);
            return wrong("seeds", message);
        }
        Ok(())
    }
}

/// No more than so many trials confirm what a search of so many finds.
pub(crate) fn most(spec: &ConfirmSpec, space: &SearchSpace, budget: u32) -> u32 {
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
        // The best of all combinations is the best of its choices, too.
        let shared = if combinations > 0 { of_each.len() as u64 } else { 0 };
        arms += of_each.iter().sum::<u64>() - shared;
    }
    let trials = arms.min(budget.into()).saturating_mul(spec.seeds.into());
    u32::try_from(trials).unwrap_or(u32::MAX)
}

/// What is still to be run again, in order.
///
/// Seeds take turns, so that all configurations have about as many when somebody looks early.
/// `study`'s search is over.
pub(crate) fn outstanding(study: &Study) -> VecDeque<Confirmation> {
    let Some(spec) = study.confirm() else { return VecDeque::new() };
    let arms = arms(study, spec);
    let made: HashSet<_> = study.trials().iter().filter_map(|trial| trial.confirms).collect();
    let all =
        (0..spec.seeds).flat_map(|seed| arms.iter().map(move |of| Confirmation { of: *of, seed }));
    all.filter(|next| rules::is_outstanding(&made, next)).collect()
}

/// The trials of the search whose configurations are run again: the best of each of the best
/// combinations, best first, then the best of each choice. Each once.
fn arms(study: &Study, spec: &ConfirmSpec) -> Vec<TrialNumber> {
    let space = &study.spec().space;
    let places: Vec<_> = spec.by.iter().filter_map(|name| space.position(name)).collect();
    let mut ranked: Vec<_> = (0..).map(TrialNumber).zip(study.trials()).collect();
    ranked.retain(|(_, trial)| trial.confirms.is_none() && trial.value().is_some());
    let loss = |value: Option<f64>| value.map_or(f64::INFINITY, |v| study.spec().direction.loss(v));
    ranked.sort_by(|(_, a), (_, b)| loss(a.value()).total_cmp(&loss(b.value())));

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
    combinations.truncate(spec.best as usize);
    let mut arms = combinations;
    if spec.each {
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
