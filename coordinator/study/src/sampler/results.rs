//! What the completed trials brought, in the order in which they finished. [`super::history::History`] has their parameters.

use super::hash::mix;
use super::rows::Rows;

/// The completed trials, each with all that decides who survives.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Results {
    /// Per trial, its place in the history, by how much it violates the constraints, and its losses.
    rows: Rows,
    /// Per trial, a hash of all trials up to it.
    digests: Vec<u64>,
}

/// A completed trial.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Completed {
    /// Its place in the history.
    pub(super) place: usize,
    /// By how much it violates the constraints: 0 if all hold, infinite if it did not say.
    pub(super) violation: f64,
    /// One for each objective; smaller is better.
    pub(super) losses: Vec<f64>,
}

impl Results {
    pub(super) fn new(objectives: usize) -> Self {
        Self { rows: Rows::new(objectives + 2), digests: Vec::new() }
    }

    /// Adds a trial. `digest` is that of the history up to it.
    pub(super) fn add(&mut self, trial: &Completed, digest: u64) {
        let Completed { place, violation, losses } = trial;
        let row: Vec<_> = [*place as f64, *violation].into_iter().chain(losses.clone()).collect();
        let before = mix(self.digest(self.len()) ^ digest);
        self.digests.push(row.iter().fold(before, |hash, x| mix(hash ^ x.to_bits())));
        self.rows.push(&row);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A hash of the first `count` trials and their parameters. Those that begin alike have the same.
    pub(super) fn digest(&self, count: usize) -> u64 {
        count.checked_sub(1).map_or(0, |last| self.digests[last])
    }

    /// The trial that completed after so many others.
    pub(super) fn get(&self, index: usize) -> Completed {
        let mut row = self.rows.row(index);
        let place = row.next().unwrap_or_default() as usize;
        let violation = row.next().unwrap_or(f64::INFINITY);
        Completed { place, violation, losses: row.collect() }
    }
}
