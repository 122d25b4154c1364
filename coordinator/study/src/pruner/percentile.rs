//! The percentile rule: a trial goes on as long as it is among the best n per cent.
//!
//! Unlike Vizier and Optuna, it compares with all trials, not only completed ones. A completed trial has
//! passed the rule already, so with those alone the bar would rise with every trial and in the end stop
//! nearly all of them (of n candidates hired only if better than the median of those hired before, about √n
//! are: Broder et al., *The hiring problem and Lake Wobegon strategies*, SODA 2008). Besides, in a cluster
//! most of the information comes from trials that still run. A trial that was given up or ended early still
//! counts, with the best that it reached.

use serde::{Deserialize, Serialize};

use super::options::{at_least, per_cent};
use super::progress::{Progress, Report};
use crate::spec::SpecError;

/// Gives a trial up when its best value so far is worse than the percentile of the other trials' best values
/// by the same step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Percentile {
    /// The share of the trials to keep: 25 keeps the best quarter.
    pub percentile: f64,
    /// How many trials must complete before the first verdict.
    pub startup_trials: u64,
    /// No verdicts before this step.
    pub warmup_steps: u64,
    /// How many other trials there must be to compare with.
    pub min_trials: u64,
}

impl Default for Percentile {
    fn default() -> Self {
        Self { percentile: 25.0, startup_trials: 5, warmup_steps: 0, min_trials: 1 }
    }
}

impl Percentile {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        per_cent("percentile", self.percentile)?;
        at_least("min_trials", 1, self.min_trials)
    }

    pub(super) fn prunes(&self, progress: &Progress, report: &Report<'_>) -> bool {
        if report.step < self.warmup_steps || progress.completed() < self.startup_trials {
            return false;
        }
        let others = progress.reached().filter_map(|(_, other)| other.by(report.step));
        let mut losses: Vec<f64> = others.collect();
        if (losses.len() as u64) < self.min_trials {
            return false;
        }
        progress.best_with(report) > percentile(&mut losses, self.percentile)
    }
}

/// The percentile, interpolated linearly between neighbours (Hyndman and Fan 1996, type 7). The slice must
/// not be empty. It is reordered.
fn percentile(values: &mut [f64], per_cent: f64) -> f64 {
    let rank = per_cent / 100.0 * (values.len() - 1) as f64;
    let (_, lower, above) = values.select_nth_unstable_by(rank as usize, f64::total_cmp);
    let upper = above.iter().copied().reduce(f64::min).unwrap_or(*lower);
    // Exact if the neighbours are equal, so that a tie is not worse.
    *lower + (upper - *lower) * rank.fract()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Trials, pruner};
    use super::*;

    const QUARTER: &str = r#"{"kind": "percentile", "percentile": 25, "startup_trials": 0}"#;

    #[test]
    fn the_best_so_many_per_cent_go_on() {
        let losses = [1.0, 2.0, 3.0, 4.0, 5.0];
        let trials = losses.iter().fold(Trials::default(), |t, loss| t.completed(&[(0, *loss)]));
        assert!(!trials.prunes(&pruner(QUARTER), &[(0, 2.0)]));
        assert!(trials.prunes(&pruner(QUARTER), &[(0, 2.1)]));
        let all = QUARTER.replace("25", "100");
        assert!(!trials.prunes(&pruner(&all), &[(0, 5.0)]));
        assert!(trials.prunes(&pruner(&all), &[(0, 5.1)]));
    }

    #[test]
    fn trials_that_were_given_up_and_trials_that_run_count() {
        let survivor = Trials::default().completed(&[(0, 1.0), (3, 1.0)]);
        let half = pruner(&QUARTER.replace("25", "50"));
        assert!(survivor.prunes(&half, &[(3, 5.0)]));
        let given_up = survivor.clone().pruned(&[(0, 7.0)]).pruned(&[(0, 8.0)]);
        assert!(!given_up.prunes(&half, &[(3, 5.0)]), "7 is the median");
        let running =
            survivor.clone().running(&[(0, 7.0), (3, 7.0)]).running(&[(0, 8.0), (4, 8.0)]);
        assert!(!running.prunes(&half, &[(3, 5.0)]));
        let behind = survivor.running(&[(0, 7.0), (2, 7.0)]).running(&[(0, 8.0)]);
        assert!(behind.prunes(&half, &[(3, 5.0)]), "they have not come that far");
    }

    #[test]
    fn trials_that_report_at_other_steps_compare() {
        let tens = Trials::default().completed(&[(10, 4.0), (20, 2.0), (30, 1.0)]);
        let quarter = pruner(QUARTER);
        assert!(!tens.prunes(&quarter, &[(7, 9.0)]), "nobody has anything by then");
        assert!(!tens.prunes(&quarter, &[(7, 9.0), (14, 3.0)]));
        assert!(tens.prunes(&quarter, &[(7, 9.0), (14, 4.1)]));
        assert!(tens.prunes(&quarter, &[(7, 9.0), (14, 3.0), (28, 2.5)]));
    }

    #[test]
    fn it_waits_for_enough_to_compare_with() {
        let three = pruner(&QUARTER.replace("25", "25, \"min_trials\": 3"));
        let two = Trials::default().completed(&[(0, 1.0)]).running(&[(0, 1.0)]);
        assert!(!two.prunes(&three, &[(0, 5.0)]));
        assert!(two.running(&[(0, 1.0)]).prunes(&three, &[(0, 5.0)]));
    }

    #[test]
    fn percentiles_lie_between_neighbours() {
        // numpy.percentile([4, 1, 3, 2], [25, 50, 100]), numpy.percentile([7], 25)
        for (per_cent, expected) in [(25.0, 1.75), (50.0, 2.5), (100.0, 4.0)] {
            let actual = percentile(&mut [4.0, 1.0, 3.0, 2.0], per_cent);
            assert!((actual - expected).abs() < 1e-12, "{per_cent}: {actual}");
        }
        assert!((percentile(&mut [7.0], 25.0) - 7.0).abs() < 1e-12);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "it is exact")]
    fn the_percentile_of_equals_is_their_very_value() {
        for per_cent in 1..=100 {
            assert_eq!(percentile(&mut [0.1; 7], f64::from(per_cent)), 0.1);
        }
    }
}
