//! Pruners: a report and what the other trials have reached, and whether to give the trial up. A
//! pruner is one file and one arm of [`PrunerSpec::prunes`].
//!
//! All of them look at the same thing, the best value that a trial has reached *by* a step. So a
//! bad evaluation takes nothing back, trials that report at other steps compare, and none that
//! compares gives up the best trial so far. Running and pruned trials count, as far as they came;
//! failed ones do not, nor does what a lost attempt reported: the next attempt reports it again.
//!
//! Steps are the numbers as reported. By the same step, an objective that counts its epochs from 0
//! has trained one more than one that counts from 1.
//!
//! A verdict rests on the study's trials alone, and `apply` records it: a repeated report gets it
//! from the record, and after a restart the pruner says what it would have said.

mod asha;
mod hyperband;
mod median;
mod options;
mod patience;
mod percentile;
mod progress;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use asha::Asha;
use hyperband::Hyperband;
use median::Median;
use patience::Patience;
use percentile::Percentile;
use serde::{Deserialize, Serialize};

pub(crate) use progress::{Progress, Report};

/// Which pruner a study uses, with its options. One that exists is sound: it is read from JSON,
/// `{"kind": "asha", "min_resource": 2}`, and what makes no sense is refused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", try_from = "crate::options::Table")]
pub enum PrunerSpec {
    /// Every trial runs to its end.
    #[default]
    None,
    /// Give up what is below the median.
    Median(Median),
    /// Keep the best so many per cent.
    Percentile(Percentile),
    /// Asynchronous successive halving.
    Asha(Asha),
    /// Successive halving at several degrees of severity at once.
    Hyperband(Hyperband),
    /// Give up what no longer improves.
    Patience(Patience),
}

impl PrunerSpec {
    /// Whether to give up the trial of the report, seeing what all trials reported before it.
    pub(crate) fn prunes(&self, progress: &Progress, report: &Report<'_>) -> bool {
        match self {
            Self::None => false,
            Self::Median(rule) => rule.prunes(progress, report),
            Self::Percentile(rule) => rule.prunes(progress, report),
            Self::Asha(rule) => rule.prunes(progress, report),
            Self::Hyperband(rule) => rule.prunes(progress, report),
            Self::Patience(rule) => rule.prunes(progress, report),
        }
    }
}
