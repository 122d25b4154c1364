//! Which steps the lines of a script without steps of its own are.

use super::Measure;

/// Gives each measure its step.
///
/// The first one decides. If it has a step, only those whose step is above the last one are reported: a progress bar
/// prints an epoch's metric many times. If it has none, the lines are counted from 0. In either case the last value is the
/// trial's.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    kind: Option<Kind>,
    /// The step that is at least to come.
    next: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Given,
    Counted,
}

impl Steps {
    /// The step to report the measure at, if it is to be reported.
    pub(crate) fn step(&mut self, measure: &Measure) -> Option<u64> {
        let first = if measure.step.is_some() { Kind::Given } else { Kind::Counted };
        let step = match *self.kind.get_or_insert(first) {
            Kind::Given => measure.step.filter(|step| *step >= self.next)?,
            Kind::Counted => self.next,
        };
        self.next = step.saturating_add(1);
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Found;

    fn steps(lines: &[Option<u64>]) -> Vec<Option<u64>> {
        let mut steps = Steps::default();
        lines.iter().map(|&step| steps.step(&Measure { step, values: Found::of(0, 0.5) })).collect()
    }

    #[test]
    fn lines_without_steps_are_counted() {
        assert_eq!(steps(&[None, None, Some(7), None]), [Some(0), Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn steps_that_are_given_are_taken_and_each_but_once() {
        assert_eq!(
            steps(&[Some(1), Some(1), Some(2), Some(5), Some(4), None]),
            [Some(1), None, Some(2), Some(5), None, None]
        );
    }
}
