//! Pruners decide, at each report, whether to give a trial up. A pruner is one file and one arm of
//! [`PrunerSpec::prunes`].
//!
//! All pruners look at the best value that a trial has reached *by* a step. So a bad value does no lasting
//! harm, trials that report at different steps can be compared, and no pruner that compares gives up the best
//! trial so far. Running and pruned trials count, as far as they came. Failed trials do not count, nor do the
//! reports of a lost attempt: the next attempt reports them again.
//!
//! Steps are compared as reported. At the same step, an objective that counts epochs from 0 has trained one
//! epoch more than one that counts from 1.
//!
//! A verdict depends only on the study's trials, and `apply` records it. A repeated report gets the recorded
//! verdict, and a restart does not change what the pruner says.

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

use serde::{Deserialize, Serialize};

use crate::spec::SpecError;

pub use asha::Asha;
pub use hyperband::Hyperband;
pub use median::Median;
pub use patience::Patience;
pub use percentile::Percentile;

pub(crate) use progress::{Progress, Report};

/// Which pruner a study uses, with its options. Read from JSON, `{"kind": "asha", "min_resource": 2}`, as people
/// write it (see `options.rs`). Whether the numbers make sense is checked with the rest of the spec.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", try_from = "crate::options::Table")]
pub enum PrunerSpec {
    /// Every trial runs to its end.
    #[default]
    None,
    /// Gives up trials worse than the median.
    Median(Median),
    /// Keeps the best n per cent of the trials.
    Percentile(Percentile),
    /// Asynchronous successive halving.
    Asha(Asha),
    /// Successive halving in several brackets, some stricter than others.
    Hyperband(Hyperband),
    /// Gives up trials that no longer improve.
    Patience(Patience),
}

impl PrunerSpec {
    /// Whether the options make sense. Keys are those of a study file.
    pub(crate) fn check(&self) -> Result<(), SpecError> {
        match self {
            Self::None => Ok(()),
            Self::Median(rule) => rule.check(),
            Self::Percentile(rule) => rule.check(),
            Self::Asha(rule) => rule.check(),
            Self::Hyperband(rule) => rule.check(),
            Self::Patience(rule) => rule.check(),
        }
    }

    /// Whether to give up the trial that reports. `progress` holds what all trials reported before.
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
