//! One configuration and the results of its runs.

use std::collections::BTreeMap;

use kindling_proto::v1;
use serde::Serialize;

use super::role::Role;
use crate::analysis::table::FEW;
use crate::shown::{ConfirmPlan, Params, params, value};
use crate::stats::{interval, mean, sd};

/// The attribute with the test set's accuracy.
const TEST_ACCURACY: &str = "test_accuracy";

/// One configuration and the results of its runs.
#[derive(Debug, Clone, Serialize)]
pub struct Arm {
    /// The search's trial with this configuration.
    pub of: u32,
    /// The configuration.
    pub params: Params,
    /// Why it was run again; empty if the search has since found better ones.
    pub roles: Vec<Role>,
    /// The planned number of seeds.
    pub planned: usize,
    /// The measured values, by ascending seed.
    pub values: Vec<Value>,
    /// The values' mean.
    pub mean: Option<f64>,
    /// The lower end of the mean's 95 % interval; requires two or more values.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The values' standard deviation; requires two or more.
    pub sd: Option<f64>,
    /// Whether there are too few values to draw conclusions.
    pub few: bool,
    /// The number of seeds whose runs ended without a value.
    pub failed: usize,
    /// The mean accuracy on the test set, if the objective gives one.
    pub test_mean: Option<f64>,
}

/// The value measured with one seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Value {
    /// The index of the fresh seed.
    pub seed: u32,
    /// The objective value.
    pub value: f64,
}

/// Whether the trial has ended in any way.
pub(in crate::analysis) fn is_finished(trial: &v1::Trial) -> bool {
    use v1::TrialState::{Complete, Fail, Pruned};
    matches!(trial.state(), Complete | Fail | Pruned)
}

/// What the runs of one configuration gave.
pub(in crate::analysis) struct Measured<'a> {
    /// How many seeds have a run.
    pub(in crate::analysis) seeds: usize,
    /// By ascending seed, the run that counts: the first with a value, since a failed one may have been retried.
    pub(in crate::analysis) trials: Vec<(u32, &'a v1::Trial)>,
    /// How many seeds have runs that all ended without a value.
    pub(in crate::analysis) failed: usize,
}

impl<'a> Measured<'a> {
    /// `runs` are by ascending number.
    pub(in crate::analysis) fn new(runs: &[&'a v1::Trial]) -> Self {
        let mut seeds: BTreeMap<u32, Vec<&v1::Trial>> = BTreeMap::new();
        for trial in runs {
            let Some(confirms) = trial.confirms else { continue };
            seeds.entry(confirms.seed).or_default().push(trial);
        }
        let (mut trials, mut failed) = (Vec::new(), 0);
        for (seed, runs) in &seeds {
            if let Some(trial) = runs.iter().find(|trial| value(trial).is_some()) {
                trials.push((*seed, *trial));
            } else if runs.iter().all(|trial| is_finished(trial)) {
                failed += 1;
            }
        }
        Self { seeds: seeds.len(), trials, failed }
    }
}

impl Arm {
    /// Built from the trials that confirm trial `of`; there must be at least one.
    pub(super) fn new(
        of: u32,
        roles: Vec<Role>,
        plan: &ConfirmPlan,
        mut runs: Vec<&v1::Trial>,
    ) -> Self {
        runs.sort_by_key(|trial| trial.number);
        let Measured { seeds, trials, failed } = Measured::new(&runs);
        let value = |(seed, trial): (u32, &v1::Trial)| Some(Value { seed, value: value(trial)? });
        let values: Vec<_> = trials.iter().copied().filter_map(value).collect();
        let tests: Vec<_> = trials.iter().filter_map(|(_, trial)| test_accuracy(trial)).collect();
        let sample: Vec<_> = values.iter().map(|v| v.value).collect();
        let interval = interval(&sample);
        let wanted = if roles.is_empty() { 0 } else { plan.seeds as usize };
        Self {
            of,
            params: runs.first().map(|trial| params(trial)).unwrap_or_default(),
            roles,
            planned: wanted.max(seeds),
            mean: mean(&sample),
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
            sd: sd(&sample),
            few: sample.len() < FEW,
            failed,
            test_mean: mean(&tests),
            values,
        }
    }
}

impl Arm {
    /// Whether it has been run with all its seeds.
    pub(super) fn is_done(&self) -> bool {
        self.values.len() + self.failed >= self.planned
    }
}

fn test_accuracy(trial: &v1::Trial) -> Option<f64> {
    let text = trial.attributes_json.get(TEST_ACCURACY)?;
    serde_json::from_str::<f64>(text).ok()
}
