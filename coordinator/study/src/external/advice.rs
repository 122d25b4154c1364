//! Our samplers behind other people's scripts: what the next trial of an external study should try.
//!
//! A script says what it wants to know as it goes. So the space is what earlier trials have shown: the parameters that
//! all of them had, and those that a trial has just when one of its choices is among certain ones, or one of its whole
//! numbers in a certain range: "the units of layer k, if there are k layers". A parameter whose bounds have changed is
//! left to the script's own sampler, as is whatever else was not understood. A study has constraints once a finished trial
//! says how it stands with one.

use std::collections::HashSet;
use std::sync::Arc;

use super::distribution::{ExternalDistribution, Kind};
use super::python_json::PythonValue;
use super::space::distribution;
use super::trial::{ExternalTrial, TrialState};
use crate::ids::{TrialId, TrialNumber};
use crate::sampler::{Archive, Ask, Goal, SamplerSpec};
use crate::seed::proposal_rng;
use crate::space::{Condition, Param, Params, SearchSpace};
use crate::trial::{Attributes, Outcome, Phase, Proposal, Trial, TrialResult};
use crate::values::{Directions, Values};

/// The attribute of a trial with the values that it must take, by which Optuna enqueues trials.
pub const FIXED_PARAMS: &str = "fixed_params";

/// What was learned from a study's trials. It grows with them, and begins anew when they show another space.
#[derive(Debug, Default)]
pub struct Advisor(Option<Learned>);

#[derive(Debug)]
struct Learned {
    shown: Shown,
    /// Whether a trial has said anything of constraints.
    is_constrained: bool,
    archive: Archive,
    /// The finished trials that are in the archive.
    seen: HashSet<TrialNumber>,
}

/// The space, and for each of its parameters the distribution that all trials have used.
#[derive(Debug, PartialEq)]
struct Shown {
    space: SearchSpace,
    distributions: Vec<ExternalDistribution>,
}

impl Advisor {
    /// What the next trial should try: names, and values as a script sees them. Nothing before a trial has finished,
    /// or if the sampler may not be used in the space that they show.
    pub fn advise(
        &mut self,
        sampler: &SamplerSpec,
        directions: &Directions,
        seed: u64,
        trials: &[Arc<ExternalTrial>],
        may: impl FnOnce(&SearchSpace) -> bool,
    ) -> Vec<(String, PythonValue)> {
        let Some(shown) = Shown::by(trials).filter(|shown| may(&shown.space)) else {
            return Vec::new();
        };
        let is_constrained =
            trials.iter().any(|trial| trial.state.is_finished() && violation(trial).is_some());
        let is_the_same =
            |learned: &Learned| learned.shown == shown && learned.is_constrained == is_constrained;
        let known = self.0.take().filter(is_the_same);
        let mut learned = known.unwrap_or_else(|| {
            // What counts is their sum.
            let goal = Goal::from(directions.clone()).with_constraints(is_constrained.into());
            let archive = Archive::new(&shown.space, goal);
            Learned { archive, seen: HashSet::new(), is_constrained, shown }
        });
        learned.see(trials);
        let Learned { shown, archive, .. } = &learned;
        let space = &shown.space;
        let open = trials.iter().filter(|trial| trial.state == TrialState::Running);
        let pending: Vec<_> =
            open.filter_map(|trial| shown.params(trial).or_else(|| shown.advised(trial))).collect();
        let number = TrialNumber(trials.len() as u32);
        let ask = Ask {
            space,
            archive,
            pending: pending.iter().collect(),
            fixed: &space.nothing(),
            seed,
            number: number.0,
        };
        let params = sampler.propose(&ask, &mut proposal_rng(seed, number));
        let named = space.params().iter().zip(&shown.distributions).zip(&params);
        let advice = named.filter_map(|((param, distribution), value)| {
            Some((param.name.clone(), distribution.shown((*value)?.as_number())))
        });
        let advice = advice.collect();
        self.0 = Some(learned);
        advice
    }
}

impl Learned {
    fn see(&mut self, trials: &[Arc<ExternalTrial>]) {
        for (number, trial) in (0..).map(TrialNumber).zip(trials) {
            if !trial.state.is_finished() || !self.seen.insert(number) {
                continue;
            }
            if let Some(params) = self.shown.params(trial) {
                self.archive.add(&self.shown.space, &finished(trial, params));
            }
        }
    }
}

impl Shown {
    /// The space that finished trials have shown.
    fn by(trials: &[Arc<ExternalTrial>]) -> Option<Self> {
        let finished: Vec<_> = trials
            .iter()
            .filter(|trial| matches!(trial.state, TrialState::Complete | TrialState::Pruned))
            .filter(|trial| !trial.params.is_empty())
            .collect();
        let mut names: Vec<&str> =
            finished.iter().flat_map(|trial| trial.params.keys()).map(|name| &**name).collect();
        names.sort_unstable();
        names.dedup();
        let mut shown: Vec<(Param, ExternalDistribution)> = Vec::new();
        let all: Vec<_> = names.iter().map(|name| (*name, same_in_all(&finished, name))).collect();
        for (name, agreed) in &all {
            let Some(of_all) = *agreed else { continue };
            let Some(when) = conditions(&finished, name, &all) else { continue };
            let (name, distribution) = ((*name).to_owned(), distribution(of_all.kind()));
            shown.push((Param { name, distribution, when }, of_all.clone()));
        }
        // A parent may have been left out itself.
        loop {
            let there: HashSet<_> = shown.iter().map(|(param, _)| param.name.clone()).collect();
            let before = shown.len();
            shown.retain(|(param, _)| param.when.iter().all(|when| there.contains(&when.parent)));
            if shown.len() == before {
                break;
            }
        }
        let space =
            SearchSpace::new(shown.iter().map(|(param, _)| param.clone()).collect()).ok()?;
        // Parents come first there.
        let of = |param: &Param| shown.iter().find(|(known, _)| known.name == param.name);
        let distributions = space.params().iter().filter_map(|p| Some(of(p)?.1.clone())).collect();
        Some(Self { space, distributions })
    }

    /// What a trial was advised that has not asked for all of it yet.
    fn advised(&self, trial: &ExternalTrial) -> Option<Params> {
        let advice = trial.system_attributes.get(FIXED_PARAMS)?.value();
        let value = |(param, distribution): (&Param, &ExternalDistribution)| {
            let value = distribution.internal(advice.get(&param.name)?)?;
            super::space::in_space(&param.distribution, value)
        };
        let params: Params =
            self.space.params().iter().zip(&self.distributions).map(value).collect();
        self.space.contains(&params).then_some(params)
    }

    /// The trial's parameters, if they are of this space.
    fn params(&self, trial: &ExternalTrial) -> Option<Params> {
        let value = |param: &Param| {
            let (value, _) = trial.params.get(param.name.as_str())?;
            super::space::in_space(&param.distribution, *value)
        };
        let params: Params = self.space.params().iter().map(value).collect();
        self.space.contains(&params).then_some(params)
    }
}

/// The parameter's distribution, if all trials that have the parameter agree on it.
fn same_in_all<'a>(
    trials: &[&'a Arc<ExternalTrial>],
    name: &str,
) -> Option<&'a ExternalDistribution> {
    let mut all = trials.iter().filter_map(|trial| Some(&trial.params.get(name)?.1));
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// A parameter, and its distribution if all trials that have it agree on that.
type Agreed<'a> = (&'a str, Option<&'a ExternalDistribution>);

/// When trials have the parameter: always, or if and only if a choice is among certain ones, or else a whole number in a
/// range. `None` if it is neither.
fn conditions(
    trials: &[&Arc<ExternalTrial>],
    name: &str,
    all: &[Agreed<'_>],
) -> Option<Vec<Condition>> {
    if trials.iter().all(|trial| trial.params.contains_key(name)) {
        return Some(Vec::new());
    }
    let others = || {
        let others = all.iter().filter(|(parent, _)| *parent != name);
        others.filter_map(|(parent, agreed)| Some((*parent, (*agreed)?.kind())))
    };
    let of_choices = others().find_map(|(parent, kind)| of_choices(trials, name, parent, kind));
    let of_some = || others().find_map(|(parent, kind)| of_a_range(trials, name, parent, kind));
    of_choices.or_else(of_some).map(|condition| vec![condition])
}

/// That a choice of the parent is among certain ones, if that tells which trials have the parameter.
fn of_choices(
    trials: &[&Arc<ExternalTrial>],
    name: &str,
    parent: &str,
    kind: &Kind,
) -> Option<Condition> {
    let Kind::Categorical { choices } = kind else { return None };
    let (mut with, mut without) = (vec![false; choices.len()], vec![false; choices.len()]);
    for trial in trials {
        let side = if trial.params.contains_key(name) { &mut with } else { &mut without };
        match trial.params.get(parent) {
            Some((choice, _)) => *side.get_mut(*choice as usize)? = true,
            // Where the parent is not active, its child is not either.
            None if trial.params.contains_key(name) => return None,
            None => {}
        }
    }
    let is_clear = with.iter().zip(&without).all(|(with, without)| !(with & without));
    let crate::space::Distribution::Categorical { choices } = distribution(kind) else {
        return None;
    };
    let any_of = choices.into_iter().zip(with).filter_map(|(choice, with)| with.then_some(choice));
    is_clear.then(|| Condition::any_of(parent, any_of.collect::<Vec<_>>()))
}

/// That a whole number is at least or at most so large, if that tells which trials have the parameter. Between the numbers
/// that were seen, the range is as wide as it can be.
fn of_a_range(
    trials: &[&Arc<ExternalTrial>],
    name: &str,
    parent: &str,
    kind: &Kind,
) -> Option<Condition> {
    let Kind::Int { .. } = kind else { return None };
    let nothing = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut with, mut without) = (nothing, nothing);
    for trial in trials {
        let has = trial.params.contains_key(name);
        let seen = if has { &mut with } else { &mut without };
        match trial.params.get(parent) {
            Some((number, _)) => *seen = (seen.0.min(*number), seen.1.max(*number)),
            None if has => return None,
            None => {}
        }
        if with.0 <= without.1 && without.0 <= with.1 {
            return None;
        }
    }
    let is_below = with.1 < without.0 && without.0.is_finite();
    Some(if is_below {
        Condition::between(parent, None, Some(without.0 - 1.0))
    } else {
        // Without a number on the other side, what was seen is all that is known.
        let from = if without.1.is_finite() { without.1 + 1.0 } else { with.0 };
        Condition::between(parent, Some(from), None)
    })
}

/// The trial as our samplers learn from it.
fn finished(trial: &ExternalTrial, params: Params) -> Trial {
    let values = trial.values.clone().filter(|values| values.iter().all(|value| value.is_finite()));
    let result = match (trial.state, values.and_then(|values| Values::new(values).ok())) {
        (TrialState::Complete, Some(values)) => TrialResult::Complete(values),
        (TrialState::Pruned, _) => TrialResult::Pruned,
        _ => TrialResult::Fail(String::new()),
    };
    let step = |(step, value): (&i64, &f64)| Some((u64::try_from(*step).ok()?, *value));
    let mut ours = Trial::waiting(TrialId(0), vec![None; params.len()].into());
    ours.curve =
        trial.intermediate.iter().filter_map(step).filter(|(_, value)| value.is_finite()).collect();
    ours.proposal = Some(Proposal { params, saw_finished: 0, saw_proposed: 0 });
    let constraints = violation(trial).into_iter().collect();
    let attributes = Attributes::new();
    ours.phase = Phase::Finished(Outcome { result, constraints, attributes });
    ours
}

/// By how much the trial violates its constraints, as Optuna adds that up: `None` if it does not say.
fn violation(trial: &ExternalTrial) -> Option<f64> {
    // What is no number says nothing.
    let known = trial.constraints().into_values().filter(|value| !value.is_nan());
    known.map(|value| value.max(0.0)).reduce(|sum, value| sum + value)
}
