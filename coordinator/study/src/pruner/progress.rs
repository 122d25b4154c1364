//! How far each trial has come and how good it was by then, for pruners. The study keeps this index, so that
//! a verdict looks at each trial once, however long its curve.

use std::collections::BTreeMap;

use crate::ids::TrialNumber;

/// What each trial that counts has reached. Values are losses: smaller is better.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Progress {
    reached: BTreeMap<TrialNumber, Reached>,
    completed: u64,
}

/// A report to judge. The progress does not include it yet.
pub(crate) struct Report<'a> {
    pub(crate) number: TrialNumber,
    pub(crate) step: u64,
    pub(crate) loss: f64,
    /// The trial's earlier reports, by ascending step.
    pub(crate) earlier: &'a [(u64, f64)],
}

/// What one trial has reached.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Reached {
    stretches: Vec<Stretch>,
    /// Whether it completed or was given up, so that it gets no better.
    over: bool,
}

/// Consecutive reports with the same best loss.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    /// The step of the first, which set the best loss.
    first: u64,
    /// The step of the last.
    last: u64,
    best: f64,
}

impl Progress {
    /// Notes a report at a step above the trial's last.
    pub(crate) fn report(&mut self, number: TrialNumber, step: u64, loss: f64) {
        let stretches = &mut self.reached.entry(number).or_default().stretches;
        match stretches.last_mut() {
            Some(newest) if loss >= newest.best => newest.last = step,
            _ => stretches.push(Stretch { first: step, last: step, best: loss }),
        }
    }

    /// Notes that the trial was given up.
    pub(crate) fn give_up(&mut self, number: TrialNumber) {
        if let Some(reached) = self.reached.get_mut(&number) {
            reached.over = true;
        }
    }

    /// Notes that the trial completed.
    pub(crate) fn complete(&mut self, number: TrialNumber) {
        self.give_up(number);
        self.completed += 1;
    }

    /// Drops the reports of a trial that failed or starts again.
    pub(crate) fn forget(&mut self, number: TrialNumber) {
        self.reached.remove(&number);
    }

    /// How many trials completed.
    pub(super) fn completed(&self) -> u64 {
        self.completed
    }

    /// The trial's best loss so far, including this report.
    pub(super) fn best_with(&self, report: &Report<'_>) -> f64 {
        self.best_by(report.number, report.step).map_or(report.loss, |best| best.min(report.loss))
    }

    /// The trial's best loss by a step.
    pub(super) fn best_by(&self, number: TrialNumber, step: u64) -> Option<f64> {
        self.reached.get(&number)?.best_by(step)
    }

    /// What all trials have reached. While a report is judged, its own trial has not reached that step yet,
    /// so it is never compared with itself there.
    pub(super) fn reached(&self) -> impl Iterator<Item = (TrialNumber, &Reached)> {
        self.reached.iter().map(|(number, reached)| (*number, reached))
    }
}

impl Reached {
    /// The best loss by a step, if the trial has come that far or is over.
    pub(super) fn by(&self, step: u64) -> Option<f64> {
        self.best_by(step).filter(|_| self.over || self.completing(step).is_some())
    }

    /// The best loss right after the first report at or beyond a step.
    pub(super) fn completing(&self, step: u64) -> Option<f64> {
        let before = self.stretches.partition_point(|stretch| stretch.last < step);
        self.stretches.get(before).map(|stretch| stretch.best)
    }

    fn best_by(&self, step: u64) -> Option<f64> {
        let begun = self.stretches.partition_point(|stretch| stretch.first <= step);
        self.stretches[..begun].last().map(|stretch| stretch.best)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{best, curve};
    use super::*;

    proptest! {
        #[test]
        fn it_says_what_the_whole_curve_says(curve in curve(), step in 0..60_u64, over: bool) {
            let (mut progress, number) = (Progress::default(), TrialNumber(7));
            for (step, loss) in &curve {
                progress.report(number, *step, *loss);
            }
            if over {
                progress.give_up(number);
            }
            let best = |reports: usize| Some(best(&curve[..reports])).filter(|_| reports > 0);
            let by = curve.iter().filter(|(s, _)| *s <= step).count();
            let completing = curve.iter().position(|(s, _)| *s >= step);
            let reached = &progress.reached[&number];
            prop_assert_eq!(progress.best_by(number, step), best(by));
            prop_assert_eq!(reached.completing(step), completing.and_then(|c| best(c + 1)));
            let known = over || completing.is_some();
            prop_assert_eq!(reached.by(step), best(by).filter(|_| known));
        }
    }
}
