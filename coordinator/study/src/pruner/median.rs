//! The median rule of Google Vizier (Golovin et al., KDD 2017): the percentile rule at 50.

use serde::{Deserialize, Serialize};

use super::options::at_least;
use super::percentile::Percentile;
use super::progress::{Progress, Report};
use crate::spec::SpecError;

/// Gives a trial up when its best value so far is worse than the median of the other trials' best values by
/// the same step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Median {
    /// How many trials must complete before the first verdict.
    pub startup_trials: u64,
    /// No verdicts before this step.
    pub warmup_steps: u64,
    /// How many other trials there must be to compare with.
    pub min_trials: u64,
}

impl Default for Median {
    fn default() -> Self {
        Self { startup_trials: 5, warmup_steps: 0, min_trials: 1 }
    }
}

impl Median {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        at_least("min_trials", 1, self.min_trials)
    }

    pub(super) fn prunes(&self, progress: &Progress, report: &Report<'_>) -> bool {
        let Self { startup_trials, warmup_steps, min_trials } = *self;
        let rule = Percentile { percentile: 50.0, startup_trials, warmup_steps, min_trials };
        rule.prunes(progress, report)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Trials, pruner};

    fn trials() -> Trials {
        [1.0, 3.0, 5.0]
            .iter()
            .fold(Trials::default(), |t, loss| t.completed(&[(0, 9.0), (1, *loss)]))
    }

    #[test]
    fn what_is_worse_than_the_median_is_given_up() {
        let median = pruner(r#"{"kind": "median", "startup_trials": 3, "warmup_steps": 1}"#);
        assert!(trials().prunes(&median, &[(0, 9.0), (1, 3.1)]));
        assert!(!trials().prunes(&median, &[(0, 9.0), (1, 3.0)]), "a tie is not worse");
        assert!(!trials().prunes(&median, &[(0, 2.0), (1, 7.0)]), "its best so far counts");
        assert!(!trials().prunes(&median, &[(0, 10.0)]), "warm-up");
    }

    #[test]
    fn it_waits_for_enough_completed_trials() {
        let median = pruner(r#"{"kind": "median", "startup_trials": 4}"#);
        let trials = trials().running(&[(0, 1.0), (1, 1.0)]);
        assert!(!trials.prunes(&median, &[(1, 10.0)]));
        assert!(trials.completed(&[(0, 1.0)]).prunes(&median, &[(1, 10.0)]));
    }
}
