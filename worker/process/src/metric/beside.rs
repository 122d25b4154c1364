//! Which values of other objectives belong to the step of the one that the pruner compares.

use super::{Found, Measure};

/// Holds the values that lines of their own give, until the step that they belong to is reported.
///
/// What is in the line of the compared objective belongs to it. For other lines, their step decides if both give one.
/// Otherwise the first lines decide: an objective that the script prints before the compared one belongs to what comes, one that it
/// prints after is of a step that was reported already, and is kept for the result alone.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    held: Vec<Held>,
    /// Whether the compared objective was there.
    has_begun: bool,
}

/// A value in a line of its own.
#[derive(Debug, Clone, Copy)]
struct Held {
    place: usize,
    step: Option<u64>,
    /// `None` once it was reported.
    value: Option<f64>,
    comes_before: bool,
}

impl Beside {
    /// Takes the other objectives of a line that does not give the compared one.
    pub(crate) fn hold(&mut self, measure: &Measure, others: impl Fn(usize) -> bool) {
        for (place, value) in measure.values.all().filter(|(place, _)| others(*place)) {
            let (step, value) = (measure.step, Some(value));
            match self.held.iter_mut().find(|held| held.place == place) {
                Some(held) => *held = Held { step, value, ..*held },
                None => self.held.push(Held { place, step, value, comes_before: !self.has_begun }),
            }
        }
    }

    /// The other objectives of a step that is reported, of which the line gives some.
    pub(crate) fn take(&mut self, line: &Measure, others: impl Fn(usize) -> bool) -> Found {
        self.has_begun = true;
        let mut found = Found::default();
        for held in &mut self.held {
            let belongs = match (held.step, line.step) {
                (Some(own), Some(step)) => own == step,
                _ => held.comes_before,
            };
            let is_to_come = held.step > line.step && line.step.is_some();
            match held.value {
                Some(value) if belongs => found.set(held.place, value),
                _ => {}
            }
            if !is_to_come {
                held.value = None;
            }
        }
        let of_line = line.values.all().filter(|(place, _)| others(*place));
        of_line.for_each(|(place, value)| found.set(place, value));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is reported beside the objective 0 of some lines, each with its step, its place and its value.
    fn beside(lines: &[(Option<u64>, usize, f64)]) -> Vec<Vec<(usize, f64)>> {
        let mut beside = Beside::default();
        let others = |place| place == 1 || place == 2;
        let mut reports = Vec::new();
        for (step, place, value) in lines {
            let measure = Measure { step: *step, values: Found::of(*place, *value) };
            if *place == 0 {
                reports.push(beside.take(&measure, others).all().collect());
            } else {
                beside.hold(&measure, others);
            }
        }
        reports
    }

    #[test]
    fn what_is_printed_before_belongs_to_what_comes() {
        let lines = [(None, 1, 0.1), (None, 0, 0.5), (None, 1, 0.2), (None, 0, 0.6)];
        assert_eq!(beside(&lines), [[(1, 0.1)], [(1, 0.2)]]);
        assert_eq!(beside(&lines[..2]), [[(1, 0.1)]]);
    }

    #[test]
    fn what_is_printed_after_is_of_no_later_step() {
        let lines =
            [(None, 0, 0.5), (None, 1, 0.1), (None, 0, 0.6), (None, 1, 0.2), (None, 0, 0.7)];
        assert_eq!(beside(&lines), vec![vec![]; 3]);
    }

    #[test]
    fn steps_decide_where_both_lines_give_one() {
        let late = [(Some(1), 0, 0.5), (Some(1), 1, 0.1), (Some(2), 0, 0.6)];
        assert_eq!(beside(&late), vec![vec![]; 2]);
        let late_and_early = [(Some(1), 0, 0.5), (Some(2), 1, 0.1), (Some(2), 0, 0.6)];
        assert_eq!(beside(&late_and_early), [vec![], vec![(1, 0.1)]]);
        let ahead = [(Some(2), 1, 0.1), (Some(1), 0, 0.5), (Some(2), 0, 0.6)];
        assert_eq!(beside(&ahead), [vec![], vec![(1, 0.1)]]);
    }

    #[test]
    fn a_constraint_is_of_no_step() {
        assert_eq!(beside(&[(None, 3, 0.1), (None, 0, 0.5)]), [[]]);
    }
}
