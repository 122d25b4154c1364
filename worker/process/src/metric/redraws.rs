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
        match self.held.take() {
            Some(held) if is_of_another_step(&held, &new) => {
                self.held = Some(new);
                Some(held)
            }
            held => {
                self.held = Some(over(held, new));
                None
            }
        }
    }

    /// The last state, as the line ended or stands. Returns what counts, in order.
    ///
    /// A state without a metric says nothing about it: a bar may clear itself at its end.
    pub(crate) fn stands(&mut self, measure: Option<Measure>) -> impl Iterator<Item = Measure> {
        let held = self.held.take();
        let (before, last) = match (held, measure) {
            (Some(held), Some(new)) if is_of_another_step(&held, &new) => (Some(held), Some(new)),
            (held, Some(new)) => (None, Some(over(held, new))),
            (held, None) => (None, held),
        };
        before.into_iter().chain(last)
    }
}

/// A state over the one before: of metrics that it does not show, the value before stays.
fn over(held: Option<Measure>, new: Measure) -> Measure {
    let Some(mut held) = held else { return new };
    // A state with all of them takes the place of the other.
    if !new.values.covers(&held.values) {
        held.values.renew(&new.values);
        return Measure { step: new.step.or(held.step), values: held.values };
    }
    new
}

fn is_of_another_step(one: &Measure, other: &Measure) -> bool {
    one.step.is_some() && other.step.is_some() && one.step != other.step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Found;

    fn measure(step: Option<u64>, value: f64) -> Measure {
        Measure { step, values: Found::of(0, value) }
    }

    /// What counts of states that are drawn over, and of the last one.
    fn count(states: &[Option<Measure>], last: Option<Measure>) -> Vec<(Option<u64>, f64)> {
        let mut redraws = Redraws::default();
        let mut counted: Vec<_> =
            states.iter().filter_map(|state| redraws.redrawn(state.clone())).collect();
        counted.extend(redraws.stands(last));
        assert_eq!(redraws.stands(None).count(), 0);
        let value = |values: &Found| values.get(0).expect("a value");
        counted.into_iter().map(|Measure { step, values }| (step, value(&values))).collect()
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

    #[test]
    fn a_bar_that_shows_its_metrics_in_turns_has_all_of_them() {
        let mut redraws = Redraws::default();
        let state = |step, place, value| Measure { step, values: Found::of(place, value) };
        for turn in 0..3 {
            let value = f64::from(turn);
            assert_eq!(redraws.redrawn(Some(state(Some(1), 0, value))), None);
            assert_eq!(redraws.redrawn(Some(state(None, 1, value + 0.5))), None);
        }
        let mut both = Found::of(0, 2.0);
        both.set(1, 2.5);
        let first = Measure { step: Some(1), values: both };
        assert_eq!(redraws.redrawn(Some(state(Some(2), 0, 7.0))), Some(first));
        let last: Vec<_> = redraws.stands(Some(state(Some(2), 1, 8.0))).collect();
        assert_eq!(last.len(), 1);
        assert_eq!(last[0].values.all().collect::<Vec<_>>(), [(0, 7.0), (1, 8.0)]);
    }
}
