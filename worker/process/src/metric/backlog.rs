//! The measures that wait to be reported, and what becomes of them when they come faster than that.

use std::collections::VecDeque;

use kindling_worker::Intermediate;

use super::beside::Beside;
use super::{Found, Measure, Sought, Steps};

/// So many wait. Each takes a round trip to the coordinator, or a write to the disk.
const MOST: usize = 64;

/// A bounded queue: beyond its bound the newest measure takes the place of the newest that waits.
///
/// So a script is never held up by what it prints, its first steps are all there, and its last value is never lost.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    steps: Steps,
    beside: Beside,
    waiting: VecDeque<Waiting>,
}

/// A measure, or several that became one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Waiting {
    /// What is to be reported, if anything is: the step, and its values.
    pub(crate) report: Option<(u64, Intermediate)>,
    /// The last values. They may be of a step that was reported before, or of none.
    pub(crate) last: Found,
}

impl Backlog {
    /// Takes a measure. Returns whether there is one more to [`pop`](Self::pop).
    ///
    /// Each counts for the steps, also those that are dropped.
    pub(crate) fn push(&mut self, measure: Measure, sought: &Sought) -> bool {
        let report = self.report(&measure, sought);
        let last = measure.values;
        let is_full = self.waiting.len() >= MOST;
        match self.waiting.back_mut() {
            Some(newest) if is_full || report.is_none() => {
                newest.report = report.or(newest.report.take());
                newest.last.renew(&last);
                false
            }
            _ => {
                self.waiting.push_back(Waiting { report, last });
                true
            }
        }
    }

    /// What is to be reported: a step is, with the objective that the pruner compares.
    fn report(&mut self, measure: &Measure, sought: &Sought) -> Option<(u64, Intermediate)> {
        let is_beside = |place| sought.is_beside(place);
        let Some(value) = measure.values.get(sought.compared()) else {
            self.beside.hold(measure, is_beside);
            return None;
        };
        let step = self.steps.step(measure)?;
        let others = self.beside.take(measure, is_beside);
        let others = others.all().map(|(place, value)| (place as u32, value)).collect();
        Some((step, Intermediate { value, others }))
    }

    /// The oldest that waits.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use kindling_worker::Metrics;
    use proptest::prelude::*;

    use super::*;
    use crate::goals::Goals;

    /// Looks for `a`, which the pruner compares, for `b`, and for the constraint `c`.
    fn sought() -> Sought {
        let names = ["a", "b"].map(str::to_owned).into();
        let study = Metrics { names, constraints: vec!["c".to_owned()], pruner_objective: 0 };
        Sought::new(&Goals::new(&study, None).expect("goals")).expect("some")
    }

    fn push(backlog: &mut Backlog, step: Option<u64>, value: f64) -> bool {
        backlog.push(Measure { step, values: Found::of(0, value) }, &sought())
    }

    fn waiting(report: Option<(u64, f64)>, last: f64) -> Waiting {
        let report = report.map(|(step, value)| (step, value.into()));
        Waiting { report, last: Found::of(0, last) }
    }

    fn all(backlog: &mut Backlog) -> Vec<Waiting> {
        std::iter::from_fn(|| backlog.pop()).collect()
    }

    #[test]
    fn what_comes_slowly_is_all_there() {
        let mut backlog = Backlog::default();
        for step in 0..1000_u32 {
            let value = f64::from(step) / 10.0;
            assert!(push(&mut backlog, None, value));
            assert_eq!(backlog.pop(), Some(waiting(Some((u64::from(step), value)), value)));
        }
    }

    #[test]
    fn of_a_flood_the_first_steps_and_the_last_are_there() {
        let mut backlog = Backlog::default();
        let new = (0..100_000_u32).filter(|n| push(&mut backlog, None, f64::from(*n))).count();
        let found = all(&mut backlog);
        assert_eq!((new, found.len()), (MOST, MOST));
        let steps: Vec<_> =
            found.iter().filter_map(|w| w.report.as_ref()).map(|(step, _)| *step).collect();
        assert_eq!(steps, (0..63).chain([99_999]).collect::<Vec<_>>());
        assert_eq!(found[MOST - 1], waiting(Some((99_999, 99_999.0)), 99_999.0));
    }

    #[test]
    fn a_step_that_is_printed_again_changes_the_last_value_only() {
        let mut backlog = Backlog::default();
        let news = [0.1, 0.2].map(|value| push(&mut backlog, Some(3), value));
        assert_eq!(news, [true, false]);
        assert_eq!(all(&mut backlog), [waiting(Some((3, 0.1)), 0.2)]);
        assert!(push(&mut backlog, Some(3), 0.3));
        assert_eq!(all(&mut backlog), [waiting(None, 0.3)]);
    }

    /// The reports that come of some lines, and the last values.
    type Read = (Vec<(u64, Intermediate)>, Vec<(usize, f64)>);

    fn read(lines: &[&str]) -> Read {
        let (mut backlog, mut last, sought) = (Backlog::default(), Found::default(), sought());
        let mut reports = Vec::new();
        for measure in lines.iter().filter_map(|line| sought.read(line)) {
            backlog.push(measure, &sought);
            while let Some(waiting) = backlog.pop() {
                last.renew(&waiting.last);
                reports.extend(waiting.report);
            }
        }
        (reports, last.all().collect())
    }

    fn of(value: f64, others: &[(u32, f64)]) -> Intermediate {
        Intermediate { value, others: others.into() }
    }

    #[test]
    fn a_step_is_reported_with_the_compared_objective_and_what_is_beside_it() {
        let (reports, last) = read(&["epoch 1: a=0.1 b=1 c=-2", "c=-3", "b=7", "epoch 2: a=0.2"]);
        assert_eq!(reports, [(1, of(0.1, &[(1, 1.0)])), (2, of(0.2, &[]))]);
        assert_eq!(last, [(0, 0.2), (1, 7.0), (2, -3.0)]);
        let (reports, last) = read(&["b=1", "a=0.1", "b=2", "b=3", "a=0.2", "b=4"]);
        assert_eq!(reports, [(0, of(0.1, &[(1, 1.0)])), (1, of(0.2, &[(1, 3.0)]))]);
        assert_eq!(last, [(0, 0.2), (1, 4.0)]);
        let (reports, last) = read(&["b=1", "c=2"]);
        assert_eq!((reports, last), (vec![], vec![(1, 1.0), (2, 2.0)]));
    }

    #[test]
    fn of_a_flood_of_several_metrics_the_last_values_are_all_there() {
        let (mut backlog, sought) = (Backlog::default(), sought());
        for n in 0..1000 {
            for line in [format!("b={n}"), format!("a={n}"), format!("c={n}")] {
                backlog.push(sought.read(&line).expect("a metric"), &sought);
            }
        }
        let found = all(&mut backlog);
        let newest = found.last().expect("some");
        assert_eq!(newest.report, Some((999, of(999.0, &[(1, 999.0)]))));
        let mut last = Found::default();
        for waiting in &found {
            last.renew(&waiting.last);
        }
        assert_eq!(last.all().collect::<Vec<_>>(), [(0, 999.0), (1, 999.0), (2, 999.0)]);
    }

    proptest! {
        /// However metrics come, alone or together, with steps or without, slowly or in a flood.
        #[test]
        fn steps_ascend_and_the_last_value_of_each_metric_is_there(
            lines in proptest::collection::vec(
                (proptest::option::of(0_u64..9), proptest::option::of(0_i32..99), proptest::option::of(0_i32..99),
                 proptest::option::of(0_i32..99), any::<bool>()),
                0..300,
            )
        ) {
            let (mut backlog, sought, mut last) = (Backlog::default(), sought(), Found::default());
            let (mut printed, mut reports) = (Found::default(), Vec::new());
            for (step, a, b, c, pops) in lines {
                let mut values = Found::default();
                for (place, value) in [a, b, c].into_iter().enumerate() {
                    if let Some(value) = value {
                        values.set(place, value.into());
                    }
                }
                if values.is_empty() {
                    continue;
                }
                printed.renew(&values);
                backlog.push(Measure { step, values }, &sought);
                if let Some(waiting) = pops.then(|| backlog.pop()).flatten() {
                    last.renew(&waiting.last);
                    reports.extend(waiting.report);
                }
            }
            for waiting in all(&mut backlog) {
                last.renew(&waiting.last);
                reports.extend(waiting.report);
            }
            prop_assert_eq!(last, printed);
            prop_assert!(reports.is_sorted_by(|(one, _), (next, _)| one < next));
            prop_assert!(reports.iter().all(|(_, values)| values.others.iter().all(|(index, _)| *index == 1)));
        }
    }
}
