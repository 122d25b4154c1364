//! Which states of a line count that is drawn again and again, as progress bars do.

use super::Measure;

/// Holds back what a state of a line gives until it is certain that it is the last one, or the last one of its step.
#[derive(Debug, Default)]
pub(crate) struct Redraws {
    held: Option<Measure>,
}

impl Redraws {
    /// A state that will be drawn over. Returns what counts by now: the last of another step.
    pub(crate) fn redrawn(&mut self, measure: Option<Measure>) -> Option<Measure> {
        let new = measure?;
        self.held.replace(new).filter(|held| is_of_another_step(held, &new))
    }

    /// The last state, as the line ended or stands. Returns what counts, in order.
    ///
    /// A state without the metric says nothing about it: a bar may clear itself at its end.
    pub(crate) fn stands(&mut self, measure: Option<Measure>) -> impl Iterator<Item = Measure> {
        let held = self.held.take();
        let held = held.filter(|held| measure.is_none_or(|new| is_of_another_step(held, &new)));
        held.into_iter().chain(measure)
    }
}

fn is_of_another_step(one: &Measure, other: &Measure) -> bool {
    one.step.is_some() && other.step.is_some() && one.step != other.step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(step: Option<u64>, value: f64) -> Measure {
        Measure { step, value }
    }

    /// What counts of states that are drawn over, and of the last one.
    fn count(states: &[Option<Measure>], last: Option<Measure>) -> Vec<(Option<u64>, f64)> {
        let mut redraws = Redraws::default();
        let mut counted: Vec<_> =
            states.iter().filter_map(|state| redraws.redrawn(*state)).collect();
        counted.extend(redraws.stands(last));
        assert_eq!(redraws.stands(None).count(), 0);
        counted.into_iter().map(|Measure { step, value }| (step, value)).collect()
    }

    #[test]
    fn of_a_thousand_states_the_last_one_counts() {
        let states: Vec<_> = (0..1000).map(|n| Some(measure(None, f64::from(n)))).collect();
        assert_eq!(count(&states, Some(measure(None, 7.0))), [(None, 7.0)]);
        assert_eq!(count(&states, None), [(None, 999.0)]);
        assert_eq!(count(&[None, None], None), []);
    }

    #[test]
    fn of_each_step_the_last_state_counts() {
        let states = [(1, 0.1), (1, 0.2), (2, 0.3), (2, 0.4)];
        let states = states.map(|(step, value)| Some(measure(Some(step), value)));
        let expected = [(Some(1), 0.2), (Some(2), 0.4)];
        assert_eq!(count(&states, None), expected);
        let three = [&expected[..], &[(Some(3), 0.5)]].concat();
        assert_eq!(count(&states, Some(measure(Some(3), 0.5))), three);
    }

    #[test]
    fn a_line_that_is_written_over_a_bar_counts_in_its_place() {
        let bar = [Some(measure(None, 0.1)), None];
        assert_eq!(count(&bar, Some(measure(Some(1), 0.9))), [(Some(1), 0.9)]);
    }
}
