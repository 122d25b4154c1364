//! Objective values and how to compare them: one number and one direction per objective.
//!
//! Only [`Directions`] decides which of two trials is better and in which order trials are listed.

use std::cmp::Ordering;

use crate::direction::Direction;

/// The result of a completed trial: one number per objective, at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Values(Box<[f64]>);

/// Which way is better, per objective; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directions(Box<[Direction]>);

/// There were no values, or no objectives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one at least, found none")]
pub struct NoObjective;

impl Values {
    /// Values in the order of the objectives.
    pub fn new(values: impl Into<Box<[f64]>>) -> Result<Self, NoObjective> {
        let values = values.into();
        if values.is_empty() { Err(NoObjective) } else { Ok(Self(values)) }
    }

    /// The value of the first objective.
    pub fn first(&self) -> f64 {
        self.0[0]
    }

    /// All values, in the order of the objectives.
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }

    /// A copy with each number changed.
    #[must_use]
    pub fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        Self(self.0.iter().map(|value| change(*value)).collect())
    }
}

impl From<f64> for Values {
    fn from(value: f64) -> Self {
        Self([value].into())
    }
}

impl Directions {
    /// Directions in the order of the objectives.
    pub fn new(directions: impl Into<Box<[Direction]>>) -> Result<Self, NoObjective> {
        let directions = directions.into();
        if directions.is_empty() { Err(NoObjective) } else { Ok(Self(directions)) }
    }

    /// The direction of the first objective.
    pub fn first(&self) -> Direction {
        self.0[0]
    }

    /// All of them, in the order of the objectives.
    pub fn as_slice(&self) -> &[Direction] {
        &self.0
    }

    /// Whether `a` is strictly better than `b`: at least as good in every objective and better in one.
    /// Surplus values are ignored.
    pub fn better(&self, a: &Values, b: &Values) -> bool {
        let all = || self.0.iter().zip(a.as_slice()).zip(b.as_slice());
        let is_worse = all().any(|((direction, a), b)| direction.better(*b, *a));
        let is_better = all().any(|((direction, a), b)| direction.better(*a, *b));
        is_better && !is_worse
    }

    /// The values as losses, smaller is better, in the order of the objectives.
    pub fn losses(&self, values: &Values) -> Vec<f64> {
        let pairs = self.0.iter().zip(values.as_slice());
        pairs.map(|(direction, value)| direction.loss(*value)).collect()
    }

    /// The order in which trials are listed, best first: by the first objective, then by the next.
    pub fn order(&self, a: &Values, b: &Values) -> Ordering {
        let pairs = self.0.iter().zip(a.as_slice()).zip(b.as_slice());
        let orders =
            pairs.map(|((direction, a), b)| direction.loss(*a).total_cmp(&direction.loss(*b)));
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

impl From<Direction> for Directions {
    fn from(direction: Direction) -> Self {
        Self([direction].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{Maximize, Minimize};

    fn both() -> Directions {
        Directions::new([Maximize, Minimize]).expect("two")
    }

    fn values(of: [f64; 2]) -> Values {
        Values::new(of).expect("two")
    }

    #[test]
    fn better_is_better_in_one_and_worse_in_none() {
        let better = |a, b| both().better(&values(a), &values(b));
        assert!(better([2.0, 1.0], [1.0, 1.0]) && better([2.0, 0.0], [1.0, 1.0]));
        assert!(!better([1.0, 1.0], [1.0, 1.0]), "equals");
        assert!(!better([2.0, 2.0], [1.0, 1.0]) && !better([1.0, 1.0], [2.0, 2.0]));
    }

    #[test]
    fn the_order_is_that_of_the_first_objective_and_then_of_the_next() {
        let mut all = [[1.0, 0.0], [2.0, 5.0], [2.0, 3.0]].map(values);
        all.sort_by(|a, b| both().order(a, b));
        assert_eq!(all, [[2.0, 3.0], [2.0, 5.0], [1.0, 0.0]].map(values));
    }

    #[test]
    fn there_is_one_objective_at_least() {
        assert!(Values::new([]).is_err() && Directions::new([]).is_err());
    }
}
