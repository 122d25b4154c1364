//! The configurations that were run again after the search, with shared seeds.
//!
//! Says which is best, how certain that is, and which cannot be told apart.

use std::collections::BTreeMap;

use kindling_proto::v1;
use serde::Serialize;

use super::table::Table;
use crate::shown::ConfirmPlan;

mod arm;
mod comparison;
mod role;

#[cfg(test)]
mod tests;

pub use arm::{Arm, Value};
pub(super) use arm::{Measured, is_finished};
pub use comparison::{Comparison, Effect};
pub use role::Role;

/// The confirmation runs of a study.
#[derive(Debug, Clone, Serialize)]
pub struct Confirm {
    /// The configurations by mean, best first; those without a value come last.
    pub arms: Vec<Arm>,
    /// The trial whose configuration has the best mean, once all have been run with all their seeds.
    pub best: Option<u32>,
    /// All pairs of configurations that were chosen for their combination, the better one first.
    pub comparisons: Vec<Comparison>,
    /// For each parameter on its own, if requested.
    pub effects: Vec<Effect>,
}

/// The confirmation runs by the trial that they confirm; `None` until one has ended.
pub(super) fn runs(trials: &[v1::Trial]) -> Option<BTreeMap<u32, Vec<&v1::Trial>>> {
    let mut runs: BTreeMap<u32, Vec<&v1::Trial>> = BTreeMap::new();
    for trial in trials {
        if let Some(confirms) = trial.confirms {
            runs.entry(confirms.of).or_default().push(trial);
        }
    }
    runs.values().flatten().any(|trial| is_finished(trial)).then_some(runs)
}

impl Confirm {
    /// `None` until a confirmation run has ended.
    pub(super) fn new(study: &v1::Study, trials: &[v1::Trial], table: &Table) -> Option<Self> {
        let plan = ConfirmPlan::new(study.confirm.as_ref()?);
        let runs = runs(trials)?;
        let mut roles = role::all(&plan, table);
        let arms = runs
            .into_iter()
            .map(|(of, runs)| Arm::new(of, roles.remove(&of).unwrap_or_default(), &plan, runs));
        let mut arms: Vec<_> = arms.collect();
        let loss = |arm: &Arm| arm.mean.map_or(f64::INFINITY, |mean| table.direction.loss(mean));
        // The sort is stable: among equals, the lower number comes first.
        arms.sort_by(|a, b| loss(a).total_cmp(&loss(b)));

        let with = |role: &dyn Fn(&Role) -> bool| -> Vec<&Arm> {
            arms.iter().filter(|arm| arm.roles.iter().any(role)).collect()
        };
        let combinations = with(&|role| matches!(role, Role::Combination { .. }));
        let effects = plan.by.iter().filter(|_| plan.each).map(|name| {
            Effect::new(name, &with(&|r| matches!(r, Role::Choice { param, .. } if param == name)))
        });
        // Any roles left belong to trials whose confirmation has not begun.
        let all_done = roles.is_empty() && arms.iter().all(Arm::is_done);
        Some(Self {
            best: arms.first().filter(|arm| all_done && arm.mean.is_some()).map(|arm| arm.of),
            comparisons: comparison::all(&combinations),
            effects: effects.filter(|effect| !effect.arms.is_empty()).collect(),
            arms,
        })
    }
}
