//! Asynchronous successive halving (Li et al., *A System for Massively Parallel Hyperparameter
//! Tuning*, `MLSys` 2020, arXiv 1810.05934).
//!
//! Rungs stand at the steps `min_resource` · `reduction_factor`^k, for k from `min_early_stopping_rate` on. A
//! trial completes a rung with its first report at or beyond the rung's step. It goes on if it is then among
//! the best 1 / `reduction_factor` of all trials that have completed the rung.
//!
//! The paper pauses the other trials and may promote them later. A trial here has no state to resume from, so
//! the decision is final, as in Optuna and Ray. A rung gives no verdict until `reduction_factor` trials have
//! completed it: with a factor of four, none of three trials is in the top quarter.

use std::iter::successors;

use serde::{Deserialize, Serialize};

use super::options::at_least;
use super::progress::{Progress, Report};
use crate::ids::TrialNumber;
use crate::spec::SpecError;

/// Gives a trial up at a rung unless it is among the best 1 / `reduction_factor` there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Asha {
    /// The step of the first rung, r in the paper.
    pub min_resource: u64,
    /// One in this many trials goes on, η in the paper.
    pub reduction_factor: u64,
    /// How many rungs to skip at the start, s in the paper.
    pub min_early_stopping_rate: u64,
}

impl Default for Asha {
    fn default() -> Self {
        Self { min_resource: 1, reduction_factor: 4, min_early_stopping_rate: 0 }
    }
}

impl Asha {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        at_least("min_resource", 1, self.min_resource)?;
        at_least("reduction_factor", 2, self.reduction_factor)
    }

    pub(super) fn prunes(&self, progress: &Progress, report: &Report<'_>) -> bool {
        let rungs = Ladder { min_resource: self.min_resource, factor: self.reduction_factor }
            .rungs()
            .skip(self.min_early_stopping_rate as usize);
        falls(rungs, self.reduction_factor, progress, report, |_| true)
    }
}

/// The steps at which rungs can stand.
#[derive(Clone, Copy)]
pub(super) struct Ladder {
    pub(super) min_resource: u64,
    pub(super) factor: u64,
}

impl Ladder {
    /// The steps `min_resource` · factor^k, as far as they fit a `u64`.
    pub(super) fn rungs(self) -> impl Iterator<Item = u64> {
        successors(Some(self.min_resource), move |rung| rung.checked_mul(self.factor))
    }
}

/// Whether the report completes a rung at which its trial is not among the best 1 / `factor`. Rungs ascend.
/// The trial competes with those for which `competes` holds.
pub(super) fn falls(
    rungs: impl Iterator<Item = u64>,
    factor: u64,
    progress: &Progress,
    report: &Report<'_>,
    competes: impl Fn(TrialNumber) -> bool,
) -> bool {
    let before = report.earlier.last().map(|(step, _)| *step);
    let own = progress.best_with(report);
    rungs
        .skip_while(|rung| before.is_some_and(|before| *rung <= before))
        .take_while(|rung| *rung <= report.step)
        .any(|rung| {
            let (mut completed, mut better) = (1, 0);
            let others = progress.reached().filter(|(number, _)| competes(*number));
            for loss in others.filter_map(|(_, other)| other.completing(rung)) {
                completed += 1;
                better += u64::from(loss < own);
            }
            completed >= factor && better >= completed / factor
        })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Trials, pruner};

    /// Rungs at 2, 6, 18, …
    const ASHA: &str = r#"{"kind": "asha", "min_resource": 2, "reduction_factor": 3}"#;

    fn at_two(losses: &[f64]) -> Trials {
        losses.iter().fold(Trials::default(), |t, loss| t.running(&[(1, 9.0), (2, *loss)]))
    }

    #[test]
    fn the_best_third_at_a_rung_goes_on() {
        let asha = pruner(ASHA);
        let trials = at_two(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!(!trials.prunes(&asha, &[(1, 9.0), (2, 1.5)]), "second of six");
        assert!(!trials.prunes(&asha, &[(1, 9.0), (2, 2.0)]), "a tie is not worse");
        assert!(trials.prunes(&asha, &[(1, 9.0), (2, 2.1)]));
        assert!(!trials.prunes(&asha, &[(1, 1.5), (2, 9.0)]), "its best so far counts");
    }

    #[test]
    fn a_rung_says_nothing_before_one_of_its_trials_could_go_on() {
        let asha = pruner(ASHA);
        assert!(!at_two(&[1.0]).prunes(&asha, &[(2, 5.0)]));
        assert!(at_two(&[1.0, 2.0]).prunes(&asha, &[(2, 5.0)]));
        assert!(!at_two(&[1.0, 2.0]).prunes(&asha, &[(2, 0.5)]), "the best so far");
    }

    #[test]
    fn between_rungs_nobody_is_judged() {
        let asha = pruner(ASHA);
        let trials = at_two(&[1.0, 2.0, 3.0]);
        for free in [&[(0, 9.0), (1, 9.0)][..], &[(2, 1.0), (3, 9.0)], &[(2, 9.0), (5, 9.0)]] {
            assert!(!trials.prunes(&asha, free), "{free:?}");
        }
    }

    #[test]
    fn a_rung_is_completed_by_the_first_report_at_or_beyond_it() {
        let asha = pruner(ASHA);
        // Their best losses on completing the rung at 2: 1, 2 and 4.
        let late = Trials::default()
            .running(&[(0, 9.0), (5, 1.0)])
            .running(&[(3, 2.0), (5, 0.0)])
            .running(&[(0, 4.0), (4, 9.0), (5, 0.0)]);
        assert!(!late.prunes(&asha, &[(1, 9.0), (4, 1.0)]));
        assert!(late.prunes(&asha, &[(1, 9.0), (4, 1.5)]), "second of four");
        assert!(late.prunes(&asha, &[(4, 1.5)]));
        assert!(!late.prunes(&asha, &[(2, 1.0), (4, 9.0)]), "judged once, at 2");
    }

    #[test]
    fn a_report_beyond_several_rungs_completes_them_all() {
        let asha = pruner(ASHA);
        let trials = at_two(&[1.0, 2.0]);
        assert!(trials.prunes(&asha, &[(100, 5.0)]));
    }

    #[test]
    fn whoever_completed_the_rung_counts_whatever_became_of_it() {
        let asha = pruner(ASHA);
        let second = Trials::default().running(&[(2, 1.0)]).running(&[(1, 1.0)]);
        assert!(!second.prunes(&asha, &[(2, 5.0)]), "one has not come that far");
        for third in [Trials::running, Trials::completed, Trials::pruned] {
            assert!(third(second.clone(), &[(2, 2.0)]).prunes(&asha, &[(2, 5.0)]));
            assert!(!third(second.clone(), &[(1, 2.0)]).prunes(&asha, &[(2, 5.0)]));
        }
    }

    #[test]
    fn min_early_stopping_rate_leaves_the_first_rungs_out() {
        let late = pruner(&ASHA.replace("3}", r#"3, "min_early_stopping_rate": 1}"#));
        let trials = at_two(&[1.0, 2.0]);
        assert!(!trials.prunes(&late, &[(2, 5.0)]));
        let trials = trials.running(&[(6, 1.0)]).running(&[(6, 1.0)]);
        assert!(trials.prunes(&late, &[(2, 5.0), (6, 5.0)]));
    }

    #[test]
    fn rungs_end_where_steps_do() {
        let huge = format!(r#"{{"kind": "asha", "min_resource": {}}}"#, i64::MAX);
        assert!(!at_two(&[1.0; 9]).prunes(&pruner(&huge), &[(0, 5.0), (i64::MAX as u64, 5.0)]));
    }
}
