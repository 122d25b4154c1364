//! How far each trial has come and how good it was by then: what pruners compare. An index that
//! the study keeps, so that a verdict looks at each trial once, whatever the length of its curve.

use std::collections::BTreeMap;

use crate::ids::TrialNumber;

/// What the trials that count have reached. Values are losses: smaller is better.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Progress {
    reached: BTreeMap<TrialNumber, Reached>,
    completed: u64,
}

/// A report to judge; the progress is that before it.
pub(crate) struct Report<'a> {
    pub(crate) number: TrialNumber,
    pub(crate) step: u64,
    pub(crate) loss: f64,
    /// The trial's reports before this one, by ascending step.
    pub(crate) earlier: &'a [(u64, f64)],
}

/// What one trial has reached.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Reached {
    stretches: Vec<Stretch>,
    /// Whether it completed or was given up: then it stays as good as it is.
    over: bool,
}

/// Reports in a row that left the best loss where it was.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    /// The step of the first of them, which made the best loss what it is.
    first: u64,
    /// The step of the last of them.
    last: u64,
    best: f64,
}

impl Progress {
    /// The trial reported a step above its last.
    pub(crate) fn report(&mut self, number: TrialNumber, step: u64, loss: f64) {
        let stretches = &mut self.reached.entry(number).or_default().stretches;
        match stretches.last_mut() {
            Some(newest) if loss >= newest.best => newest.last = step,
            _ => stretches.push(Stretch { first: step, last: step, best: loss }),
        }
    }

    /// The trial was given up.
    pub(crate) fn give_up(&mut self, number: TrialNumber) {
        if let Some(reached) = self.reached.get_mut(&number) {
            reached.over = true;
        }
    }

    /// The trial completed.
    pub(crate) fn complete(&mut self, number: TrialNumber) {
        self.give_up(number);
        self.completed += 1;
    }

    /// The trial failed or begins anew: what it reported no longer counts.
    pub(crate) fn forget(&mut self, number: TrialNumber) {
        self.reached.remove(&number);
    }

    /// How many trials completed.
    pub(super) fn completed(&self) -> u64 {
        self.completed
    }

    /// The best loss of the report's own trial so far, this report included.
    pub(super) fn best_with(&self, report: &Report<'_>) -> f64 {
        self.best_by(report.number, report.step).map_or(report.loss, |best| best.min(report.loss))
    }

    /// The best loss that the trial reported by a step.
    pub(super) fn best_by(&self, number: TrialNumber, step: u64) -> Option<f64> {
        self.reached.get(&number)?.best_by(step)
    }

    /// What the trials have reached. The trial of a report to judge is not yet at its step, so that
    /// it never meets itself there.
    pub(super) fn reached(&self) -> impl Iterator<Item = (TrialNumber, &Reached)> {
        self.reached.iter().map(|(number, reached)| (*number, reached))
    }
}

impl Reached {
    /// The best loss by a step, if the trial came that far or will come no further.
    pub(super) fn by(&self, step: u64) -> Option<f64> {
        self.best_by(step).filter(|_| self.over || self.completing(step).is_some())
    }

    /// The best loss once the trial had made its first report at or beyond a step.
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
