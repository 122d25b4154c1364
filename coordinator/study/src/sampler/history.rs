//! The finished trials as whole rows, in the order in which they finished. [`super::table::Table`] has the same
//! trials by groups of parameters; samplers that model the whole space at once learn from these.

use super::axis::Axis;
use super::hash::mix;
use super::rows::Rows;
use super::table::Rank;
use crate::space::{Params, SearchSpace};

/// The finished trials of a study's search.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct History {
    /// Per parameter of the space, its shape.
    axes: Vec<Axis>,
    /// Per trial, its coordinates ([`INACTIVE`] where there is none), how far it was from its end, and its loss.
    rows: Rows,
    /// Per trial, a hash of all trials up to it.
    digests: Vec<u64>,
}

/// Stands for the coordinate of a parameter that is not active. Coordinates are never negative.
pub(super) const INACTIVE: f64 = -1.0;

/// A finished trial.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finished {
    /// Per parameter, its coordinate, or [`INACTIVE`].
    pub(super) at: Vec<f64>,
    /// What came of it.
    pub(super) end: End,
}

/// What came of a trial. Losses are to be minimised, whatever the study's direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    /// It completed with this loss.
    Complete(f64),
    /// It was pruned; the loss is that of its last report.
    Pruned(f64),
    /// It has no value: it failed, was lost too often, or was pruned before it reported.
    Failed,
}

impl History {
    pub(super) fn new(space: &SearchSpace) -> Self {
        let axes: Vec<_> = space.params().iter().map(|p| Axis::new(&p.distribution)).collect();
        let rows = Rows::new(axes.len() + 2);
        Self { axes, rows, digests: Vec::new() }
    }

    pub(super) fn add(&mut self, params: &Params, rank: Option<Rank>) {
        let mut row = self.coordinates(params);
        let (shortfall, loss) = rank.map_or((0, f64::INFINITY), |rank| (rank.shortfall, rank.loss));
        row.extend([shortfall as f64, loss]);
        let digest = row.iter().fold(self.digest(self.len()), |hash, x| mix(hash ^ x.to_bits()));
        self.digests.push(digest);
        self.rows.push(&row);
    }

    /// Per parameter of the space, its shape.
    pub(super) fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// How many trials finished, with or without a value.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A hash of the first `count` trials. Histories that begin alike have the same.
    pub(super) fn digest(&self, count: usize) -> u64 {
        count.checked_sub(1).map_or(0, |last| self.digests[last])
    }

    /// The trials from the `first` one on.
    pub(super) fn since(&self, first: usize) -> impl Iterator<Item = Finished> {
        (first..self.len()).map(|row| {
            let mut at: Vec<_> = self.rows.row(row).collect();
            let loss = at.pop().unwrap_or(f64::INFINITY);
            let shortfall = at.pop().unwrap_or_default();
            let end = match (loss.is_finite(), shortfall > 0.0) {
                (false, _) => End::Failed,
                (true, true) => End::Pruned(loss),
                (true, false) => End::Complete(loss),
            };
            Finished { at, end }
        })
    }

    /// Of the trial at a place, per parameter, its coordinate, or [`INACTIVE`].
    pub(super) fn at(&self, place: usize) -> Vec<f64> {
        self.rows.row(place).take(self.axes.len()).collect()
    }

    /// Per parameter, its coordinate, or [`INACTIVE`].
    pub(super) fn coordinates(&self, params: &Params) -> Vec<f64> {
        let coordinate = |(axis, value): (&Axis, &Option<_>)| {
            value.map_or(INACTIVE, |value| axis.coordinate(value))
        };
        self.axes.iter().zip(params).map(coordinate).collect()
    }
}
