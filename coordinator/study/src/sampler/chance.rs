//! How likely a trial is to come to a value, by where the others did and where they failed.
//!
//! Two Parzen estimators tell, one of the trials that have a value and one of those that failed: the
//! chance is the first one's share of both. So nothing is made up for a failed trial's value, as a
//! penalty would be, and where trials fail by accident, those that succeed beside them say so. It is
//! how c-TPE treats a constraint (Watanabe and Hutter 2023, arXiv 2211.14411).

use super::parzen::{ParzenEstimator, Sample, Shape};
use super::table::{Rows, Table};
use crate::space::ParamValue;

/// The chance of success anywhere in the space of one group of parameters.
pub(super) struct Chance {
    succeeded: Side,
    failed: Side,
}

struct Side {
    estimator: ParzenEstimator,
    /// The logarithm of how many trials it is made of, its prior's share among them.
    log_count: f64,
}

/// Trials of which the prior is made, which share in success and failure as all do: so many say
/// what happens where nobody has looked.
const PRIOR: f64 = 4.0;
/// As the bad trials' of TPE: a choice is not condemned by one failure.
const SHAPE: Shape = Shape { prior: 1.0, narrowest: 1.0, least: 0.02, smoothing: 8.0 };

impl Chance {
    /// `None` while nothing has failed. Looks at so many trials.
    pub(super) fn new(table: &Table, most: usize) -> Option<Self> {
        let (succeeded, failed) = (table.ranked().len(), table.failed().len());
        if failed == 0 {
            return None;
        }
        let share = (failed as f64 + 1.0) / (failed + succeeded + 2) as f64;
        Some(Self {
            succeeded: Side::new(table, table.ranked(), most / 2, PRIOR * (1.0 - share)),
            failed: Side::new(table, table.failed(), most / 2, PRIOR * share),
        })
    }

    /// The logarithm of the chance at a point with one value for each parameter.
    pub(super) fn log_of(&self, point: &[ParamValue]) -> f64 {
        let odds = self.failed.log_density(point) - self.succeeded.log_density(point);
        // Two forms of −ln(1 + e^odds), of which each keeps its digits on its side.
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
        // Each stands for as many of all.
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
