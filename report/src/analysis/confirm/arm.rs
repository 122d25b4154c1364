//! One configuration and what its runs gave.

use std::collections::BTreeMap;

use kindling_proto::v1;
use serde::Serialize;

use super::role::Role;
use crate::analysis::table::FEW;
use crate::shown::{ConfirmPlan, Params, params, value};
use crate::stats::{interval, mean, sd};

/// The attribute that the test set's accuracy comes in.
const TEST_ACCURACY: &str = "test_accuracy";

/// One configuration and what its runs gave.
#[derive(Debug, Clone, Serialize)]
pub struct Arm {
    /// The trial of the search whose configuration it is.
    pub of: u32,
    /// That configuration.
    pub params: Params,
    /// Why it was run again; nothing if the search went on and found better ones.
    pub roles: Vec<Role>,
    /// Under how many seeds.
    pub planned: usize,
    /// What was measured, by ascending seed.
    pub values: Vec<Value>,
    /// The values' mean.
    pub mean: Option<f64>,
    /// The low end of the mean's 95 % interval, of two values or more.
    pub low: Option<f64>,
    /// The high end.
    pub high: Option<f64>,
    /// The values' standard deviation, of two or more.
    pub sd: Option<f64>,
    /// Whether these are too few values to go by.
    pub few: bool,
    /// The seeds under which it ended without a value.
    pub failed: usize,
    /// The mean accuracy on the test set, where the objective says it.
    pub test_mean: Option<f64>,
}

/// What was measured under a seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Value {
    /// Which of the fresh seeds.
    pub seed: u32,
    /// The objective value.
    pub value: f64,
}

/// Whether it has ended, one way or another.
pub(super) fn is_finished(trial: &v1::Trial) -> bool {
    use v1::TrialState::{Complete, Fail, Pruned};
    matches!(trial.state(), Complete | Fail | Pruned)
}

impl Arm {
    /// Of the trials that confirm trial `of`, at least one.
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
            // A failed one may have been tried again: the first that gave a value counts.
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
    /// Whether it has been run under all its seeds.
    pub(super) fn is_done(&self) -> bool {
        self.values.len() + self.failed >= self.planned
    }
}

fn test_accuracy(trial: &v1::Trial) -> Option<f64> {
    let text = trial.attributes_json.get(TEST_ACCURACY)?;
    serde_json::from_str::<f64>(text).ok()
}
