//! Patience: early stopping by the study rather than by the objective (Prechelt, *Early Stopping,
//! But When?*, 1998).

use serde::{Deserialize, Serialize};

use super::PrunerSpec;
use super::options::{at_least, distance};
use super::progress::{Progress, Report};
use crate::spec::SpecError;

/// Gives a trial up when its last `patience` reports have not improved its best value by more than
/// `min_delta`. If another pruner is wrapped, it must give up the trial at the same report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Patience {
    /// How many reports without an improvement.
    pub patience: u64,
    /// An improvement must be larger than this.
    pub min_delta: f64,
    /// Another pruner that must agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrapped: Option<Box<PrunerSpec>>,
}

impl Default for Patience {
    fn default() -> Self {
        Self { patience: 5, min_delta: 0.0, wrapped: None }
    }
}

impl Patience {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        at_least("patience", 1, self.patience)?;
        distance("min_delta", self.min_delta)?;
        let wrapped = self.wrapped.as_ref().map_or(Ok(()), |pruner| pruner.check());
        wrapped.map_err(|error| error.below("wrapped"))
    }

    pub(super) fn prunes(&self, progress: &Progress, report: &Report<'_>) -> bool {
        self.stands_still(progress, report)
            && self.wrapped.as_ref().is_none_or(|pruner| pruner.prunes(progress, report))
    }

    fn stands_still(&self, progress: &Progress, report: &Report<'_>) -> bool {
        // The report being judged is the last of the `patience` reports.
        let Some(place) = report.earlier.len().checked_sub(self.patience as usize) else {
            return false;
        };
        let (step, _) = report.earlier[place];
        let then = progress.best_by(report.number, step);
        then.is_some_and(|then| then - progress.best_with(report) <= self.min_delta)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Trials, pruner};

    const TWO: &str = r#"{"kind": "patience", "patience": 2, "min_delta": 0.5}"#;

    fn prunes(options: &str, curve: &[(u64, f64)]) -> bool {
        Trials::default().prunes(&pruner(options), curve)
    }

    #[test]
    fn what_no_longer_improves_is_given_up() {
        assert!(prunes(TWO, &[(0, 5.0), (1, 5.0), (2, 5.0)]));
        assert!(prunes(TWO, &[(0, 5.0), (1, 4.75), (2, 4.5)]), "0.5 is not more than 0.5");
        assert!(!prunes(TWO, &[(0, 5.0), (1, 4.4), (2, 9.0)]));
        assert!(!prunes(TWO, &[(0, 5.0), (1, 9.0), (2, 4.4)]));
        assert!(prunes(TWO, &[(0, 4.0), (1, 9.0), (2, 8.0), (3, 7.0)]), "no better than its best");
    }

    #[test]
    fn so_many_reports_must_pass_whatever_their_steps() {
        assert!(!prunes(TWO, &[(0, 5.0), (100, 5.0)]));
        assert!(prunes(TWO, &[(7, 5.0), (8, 5.0), (100, 5.0)]));
    }

    #[test]
    fn another_pruner_must_agree() {
        let both = TWO.replace(
            "0.5}",
            r#"0.5, "wrapped": {"kind": "percentile", "percentile": 100, "startup_trials": 0}}"#,
        );
        let both = pruner(&both);
        let trials = Trials::default().completed(&[(0, 3.0), (9, 3.0)]);
        assert!(trials.prunes(&both, &[(0, 4.0), (1, 4.0), (2, 4.0)]));
        assert!(
            !trials.prunes(&both, &[(0, 3.0), (1, 3.0), (2, 3.0)]),
            "not worse than the others"
        );
        assert!(!trials.prunes(&both, &[(0, 9.0), (1, 8.0), (2, 7.0)]), "it improves");
    }
}
