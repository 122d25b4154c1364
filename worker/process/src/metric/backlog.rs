//! The measures that wait to be reported, and what becomes of them when they come faster than that.

use std::collections::VecDeque;

use super::{Measure, Steps};

/// So many wait. Each takes a round trip to the coordinator, or a write to the disk.
const MOST: usize = 64;

/// A bounded queue: beyond its bound the newest measure takes the place of the newest that waits.
///
/// So a script is never held up by what it prints, its first steps are all there, and its last value is never lost.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    steps: Steps,
    waiting: VecDeque<Waiting>,
}

/// A measure, or several that became one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Waiting {
    /// What is to be reported, if anything is: the step, and its value.
    pub(crate) report: Option<(u64, f64)>,
    /// The last value. It may be of a step that was reported before.
    pub(crate) last: f64,
}

impl Backlog {
    /// Takes a measure. Returns whether there is one more to [`pop`](Self::pop).
    ///
    /// Each counts for the steps, also those that are dropped.
    pub(crate) fn push(&mut self, measure: &Measure) -> bool {
        let last = measure.value;
        let report = self.steps.step(measure).map(|step| (step, last));
        let is_full = self.waiting.len() >= MOST;
        match self.waiting.back_mut() {
            Some(newest) if is_full || report.is_none() => {
                *newest = Waiting { report: report.or(newest.report), last };
                false
            }
            _ => {
                self.waiting.push_back(Waiting { report, last });
                true
            }
        }
    }

    /// The oldest that waits.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(step: Option<u64>, value: f64) -> Measure {
        Measure { step, value }
    }

    fn all(backlog: &mut Backlog) -> Vec<Waiting> {
        std::iter::from_fn(|| backlog.pop()).collect()
    }

    #[test]
    fn what_comes_slowly_is_all_there() {
        let mut backlog = Backlog::default();
        for step in 0..1000_u32 {
            let value = f64::from(step) / 10.0;
            assert!(backlog.push(&measure(None, value)));
            let report = Some((u64::from(step), value));
            assert_eq!(backlog.pop(), Some(Waiting { report, last: value }));
        }
    }

    #[test]
    fn of_a_flood_the_first_steps_and_the_last_are_there() {
        let mut backlog = Backlog::default();
        let new = (0..100_000_u32).filter(|n| backlog.push(&measure(None, f64::from(*n)))).count();
        let waiting = all(&mut backlog);
        assert_eq!((new, waiting.len()), (MOST, MOST));
        let steps: Vec<_> = waiting.iter().filter_map(|w| w.report).map(|(step, _)| step).collect();
        assert_eq!(steps, (0..63).chain([99_999]).collect::<Vec<_>>());
        assert_eq!(waiting[MOST - 1], Waiting { report: Some((99_999, 99_999.0)), last: 99_999.0 });
    }

    #[test]
    fn a_step_that_is_printed_again_changes_the_last_value_only() {
        let mut backlog = Backlog::default();
        let news: Vec<_> =
            [0.1, 0.2].iter().map(|value| backlog.push(&measure(Some(3), *value))).collect();
        assert_eq!(news, [true, false]);
        assert_eq!(all(&mut backlog), [Waiting { report: Some((3, 0.1)), last: 0.2 }]);
        assert!(backlog.push(&measure(Some(3), 0.3)));
        assert_eq!(all(&mut backlog), [Waiting { report: None, last: 0.3 }]);
    }
}
