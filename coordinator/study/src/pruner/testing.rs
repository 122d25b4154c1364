//! Shared by the pruners' tests: some trials, and one more to judge.

use proptest::prelude::*;

use super::{Progress, PrunerSpec, Report};
use crate::ids::TrialNumber;

/// A pruner from its JSON options.
pub(super) fn pruner(options: &str) -> PrunerSpec {
    checked(options).expect("valid options")
}

/// A pruner from its JSON options, or what is wrong with them.
pub(super) fn checked(options: &str) -> Result<PrunerSpec, String> {
    let pruner: PrunerSpec = serde_json::from_str(options).map_err(|error| error.to_string())?;
    pruner.check().map_err(|error| error.to_string())?;
    Ok(pruner)
}

/// Trials by number, with curves of losses.
#[derive(Clone, Default)]
pub(super) struct Trials {
    progress: Progress,
    next: u32,
}

impl Trials {
    /// Adds a running trial.
    pub(super) fn running(mut self, curve: &[(u64, f64)]) -> Self {
        for (step, loss) in curve {
            self.progress.report(TrialNumber(self.next), *step, *loss);
        }
        self.next += 1;
        self
    }

    /// Adds a completed trial.
    pub(super) fn completed(self, curve: &[(u64, f64)]) -> Self {
        let mut with = self.running(curve);
        with.progress.complete(TrialNumber(with.next - 1));
        with
    }

    /// Adds a trial that was given up.
    pub(super) fn pruned(self, curve: &[(u64, f64)]) -> Self {
        let mut with = self.running(curve);
        with.progress.give_up(TrialNumber(with.next - 1));
        with
    }

    /// Sets the number of the next trial.
    pub(super) fn number(mut self, next: u32) -> Self {
        self.next = next;
        self
    }

    /// The verdict on the last report of the next trial's curve.
    pub(super) fn prunes(&self, pruner: &PrunerSpec, curve: &[(u64, f64)]) -> bool {
        let ((step, loss), earlier) = curve.split_last().expect("a report to judge");
        let before = self.clone().running(earlier);
        let number = TrialNumber(self.next);
        pruner.prunes(&before.progress, &Report { number, step: *step, loss: *loss, earlier })
    }
}

/// Curves with gaps between the steps, and few different losses, so that ties occur.
pub(super) fn curve() -> impl Strategy<Value = Vec<(u64, f64)>> {
    let point = (1..5_u64, (0..9_u8).prop_map(f64::from));
    proptest::collection::vec(point, 1..12).prop_map(|points| {
        let ascending = points.into_iter().scan(0, |next, (gap, loss)| {
            *next += gap;
            Some((*next - 1, loss))
        });
        ascending.collect()
    })
}

/// The best loss of a curve; infinite for an empty one.
pub(super) fn best(curve: &[(u64, f64)]) -> f64 {
    curve.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min)
}
