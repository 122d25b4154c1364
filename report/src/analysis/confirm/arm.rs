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
pub(super) fn is_finished(trial: &v1::Trial) -> bool {
    use v1::TrialState::{Complete, Fail, Pruned};
    matches!(trial.state(), Complete | Fail | Pruned)
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
        let mut seeds: BTreeMap<u32, Vec<&v1::Trial>> = BTreeMap::new();
        for trial in &runs {
            let Some(confirms) = trial.confirms else { continue };
            seeds.entry(confirms.seed).or_default().push(trial);
        }
        let mut values = Vec::new();
        let mut tests = Vec::new();
        let mut failed = 0;
        for (seed, runs) in &seeds {
            // A failed run may have been retried; the first one with a value counts.
            let measured = runs.iter().find_map(|trial| Some((trial, value(trial)?)));
            if let Some((trial, value)) = measured {
                values.push(Value { seed: *seed, value });
                tests.extend(test_accuracy(trial));
            } else if runs.iter().all(|trial| is_finished(trial)) {
                failed += 1;
            }
        }
        let sample: Vec<_> = values.iter().map(|v| v.value).collect();
        let interval = interval(&sample);
        let wanted = if roles.is_empty() { 0 } else { plan.seeds as usize };
        Self {
            of,
            params: runs.first().map(|trial| params(trial)).unwrap_or_default(),
            roles,
            planned: wanted.max(seeds.len()),
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
