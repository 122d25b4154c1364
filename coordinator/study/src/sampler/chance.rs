//! Estimates how likely a trial is to get a value, from where other trials succeeded and failed; and how likely it is to satisfy
//! all constraints, from where others did.
//!
//! It uses two Parzen estimators, one for the trials that succeeded and one for those that failed. The chance
//! is the first one's share of both densities. So no value has to be invented for failed trials, as a penalty
//! would. If trials fail by accident, the successful ones beside them make up for it. c-TPE treats
//! constraints in the same way (Watanabe and Hutter 2023, arXiv 2211.14411).

use super::parzen::{ParzenEstimator, Sample, Shape};
use super::rows::Rows;
use super::table::Table;
use crate::space::ParamValue;

/// The chance of success anywhere in the space of one group of parameters.
pub(super) struct Chance {
    succeeded: Side,
    failed: Side,
}

/// All that a point needs luck for.
pub(super) struct Chances([Option<Chance>; 2]);

impl Chances {
    /// Of getting a value, and of satisfying the constraints. Looks at no more than `most` trials for each.
    pub(super) fn new(table: &Table, most: usize) -> Self {
        Self([Chance::of_a_value(table, most), Chance::of_feasibility(table, most)])
    }

    /// Whether any is known to be less than certain.
    pub(super) fn are_any(&self) -> bool {
        self.0.iter().any(Option::is_some)
    }

    /// The logarithm of the chance of all of it at a point with one value per parameter.
    pub(super) fn log_of(&self, point: &[ParamValue]) -> f64 {
        self.0.iter().flatten().map(|chance| chance.log_of(point)).sum()
    }
}

struct Side {
    estimator: ParzenEstimator,
    /// The logarithm of the number of trials behind it, including its share of the prior.
    log_count: f64,
}

/// The weight of the prior, in trials. They succeed and fail at the overall rate, and decide in regions
/// without trials.
const PRIOR: f64 = 4.0;
/// As for the bad trials in TPE: one failure does not condemn a choice.
const SHAPE: Shape = Shape { prior: 1.0, narrowest: 1.0, least: 0.02, cell: 0.0, smoothing: 8.0 };

impl Chance {
    /// Of getting a value. `None` if nothing has failed yet. Looks at no more than `most` trials.
    pub(super) fn of_a_value(table: &Table, most: usize) -> Option<Self> {
        Self::new(table, table.ranked(), table.failed(), most)
    }

    /// Of satisfying all constraints. `None` if no trial has failed to. Looks at no more than `most` trials.
    pub(super) fn of_feasibility(table: &Table, most: usize) -> Option<Self> {
        let [feasible, infeasible] = table.by_feasibility();
        Self::new(table, feasible, infeasible, most)
    }

    fn new(table: &Table, good: &Rows, bad: &Rows, most: usize) -> Option<Self> {
        let (succeeded, failed) = (good.len(), bad.len());
        if failed == 0 {
            return None;
        }
        let share = (failed as f64 + 1.0) / (failed + succeeded + 2) as f64;
        Some(Self {
            succeeded: Side::new(table, good, most / 2, PRIOR * (1.0 - share)),
            failed: Side::new(table, bad, most / 2, PRIOR * share),
        })
    }

    /// The logarithm of the chance at a point with one value per parameter.
    pub(super) fn log_of(&self, point: &[ParamValue]) -> f64 {
        let odds = self.failed.log_density(point) - self.succeeded.log_density(point);
        // Two forms of −ln(1 + e^odds). Each is accurate on its side.
        if odds > 0.0 {
            -odds - libm::log1p(libm::exp(-odds))
        } else {
            -libm::log1p(libm::exp(odds))
        }
    }
}

impl Side {
    fn new(table: &Table, rows: &Rows, most: usize, prior: f64) -> Self {
        let looked_at: Vec<_> = rows.spread(most).collect();
        // Each row stands for this many.
        let weight = rows.len() as f64 / looked_at.len().max(1) as f64;
        let sample = Sample {
            columns: rows.columns(&looked_at),
            weights: vec![weight; looked_at.len()],
            pending: 0,
        };
        let estimator = ParzenEstimator::new(&table.axes, &sample, Shape { prior, ..SHAPE });
        Self { estimator, log_count: libm::log(rows.len() as f64 + prior) }
    }

    fn log_density(&self, point: &[ParamValue]) -> f64 {
        self.log_count + self.estimator.log_density(point)
    }
}
