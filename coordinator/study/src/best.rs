//! The best trials: of one objective the best, of several the front.

use crate::ids::TrialNumber;
use crate::values::{Directions, Values};

/// The completed, feasible trials of the search that no other dominates, in the order of [`Directions::order`]. Of one
/// objective, the oldest of the best. Of several, trials with equal values are all there.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Best {
    front: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    number: TrialNumber,
    /// Of equal ones, that with the smallest age comes first.
    age: u32,
    values: Values,
}

impl Best {
    /// Adds a completed, feasible trial, unless another dominates it. Removes those that it dominates. What is there at
    /// the end does not depend on the order of the calls.
    pub(crate) fn add(
        &mut self,
        number: TrialNumber,
        age: u32,
        values: &Values,
        directions: &Directions,
    ) {
        let is_single = directions.as_slice().len() == 1;
        let by_order = |other: &Entry| directions.order(&other.values, values);
        let is_worse = |other: &Entry| {
            directions.better(values, &other.values)
                || is_single && by_order(other).is_eq() && age < other.age
        };
        let stays = |other: &Entry| {
            directions.better(&other.values, values)
                || is_single && by_order(other).is_eq() && !is_worse(other)
        };
        if self.front.iter().any(stays) {
            return;
        }
        self.front.retain(|other| !is_worse(other));
        let ahead = |other: &Entry| by_order(other).then(other.age.cmp(&age)).is_lt();
        let place = self.front.partition_point(ahead);
        self.front.insert(place, Entry { number, age, values: values.clone() });
    }

    /// The age of the newest on the front; 0 without one.
    pub(crate) fn newest(&self) -> u32 {
        self.front.iter().map(|entry| entry.age).max().unwrap_or(0)
    }

    /// The first of the front.
    pub(crate) fn first(&self) -> Option<TrialNumber> {
        self.front.first().map(|entry| entry.number)
    }

    /// The whole front.
    pub(crate) fn front(&self) -> impl ExactSizeIterator<Item = TrialNumber> {
        self.front.iter().map(|entry| entry.number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::direction::Direction::{Maximize, Minimize};
    use crate::front::dominates;

    fn front(values: &[Vec<f64>], directions: &Directions) -> Vec<u32> {
        let mut best = Best::default();
        let mut backwards = Best::default();
        let values: Vec<_> =
            values.iter().map(|values| Values::new(values.clone()).expect("some")).collect();
        for (number, values) in (0..).zip(&values) {
            best.add(TrialNumber(number), number, values, directions);
        }
        for (number, values) in (0..values.len() as u32).zip(&values).rev() {
            backwards.add(TrialNumber(number), number, values, directions);
        }
        assert_eq!(best, backwards, "the order does not matter");
        best.front().map(|number| number.0).collect()
    }

    #[test]
    fn of_one_objective_the_first_of_equals_is_the_best() {
        let values = [[1.0], [3.0], [3.0], [2.0]].map(Vec::from);
        assert_eq!(front(&values, &Maximize.into()), [1]);
        assert_eq!(front(&values, &Minimize.into()), [0]);
    }

    proptest! {
        /// Small numbers, so that many are equal.
        #[test]
        fn the_front_is_what_nothing_dominates(
            values in proptest::collection::vec(proptest::collection::vec((0..5_i32).prop_map(f64::from), 3), 0..40)
        ) {
            let directions = Directions::new([Minimize, Maximize, Minimize]).expect("three");
            let losses: Vec<_> = values.iter().map(|v| [v[0], -v[1], v[2]]).collect();
            let wanted = (0..values.len()).filter(|place| !losses.iter().any(|other| dominates(other, &losses[*place])));
            let mut found = front(&values, &directions);
            let ordered: Vec<_> = found.iter().map(|number| losses[*number as usize]).collect();
            prop_assert!(ordered.is_sorted());
            found.sort_unstable();
            prop_assert_eq!(found, wanted.map(|place| place as u32).collect::<Vec<_>>());
        }
    }
}
