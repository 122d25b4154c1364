//! The finished trials of one group of parameters, as coordinates.

use super::axis::Axis;
use super::rows::Rows;
use crate::Direction;
use crate::space::{Params, SearchSpace};
use crate::trial::{Outcome, Phase, Trial, TrialResult};

/// The trials in which a group of parameters is active. The parameters of a group are always active together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// The parameters' places in the space.
    pub(super) places: Vec<usize>,
    /// Their shapes.
    pub(super) axes: Vec<Axis>,
    /// The trials that have a value.
    ranked: Rows,
    /// The trials that finished without a value.
    failed: Rows,
    /// The best ranked rows, best first; of equal ones, the oldest first.
    best: Vec<(Rank, usize)>,
    /// Per parameter, how often each choice was used; empty for numbers.
    uses: Vec<Vec<u32>>,
}

/// How good a finished trial is. The smallest is the best.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rank {
    /// 0 for a completed trial. Pruned trials rank behind those that got further.
    pub(super) shortfall: u64,
    pub(super) loss: f64,
}

/// How many of the best rows are kept: more than any sampler calls good.
const MAX_BEST: usize = 64;

impl Table {
    pub(super) fn new(space: &SearchSpace, places: Vec<usize>) -> Self {
        let shape = |place: &usize| Axis::new(&space.params()[*place].distribution);
        let axes: Vec<_> = places.iter().map(shape).collect();
        let uses = axes.iter().map(|axis| vec![0; axis.choices()]).collect();
        let rows = Rows::new(places.len());
        Self { places, axes, ranked: rows.clone(), failed: rows, best: Vec::new(), uses }
    }

    /// Adds a trial if the parameters are active in it. A trial without a rank failed.
    pub(super) fn add(&mut self, params: &Params, rank: Option<Rank>) {
        let Some(row) = self.row(params) else { return };
        for (uses, coordinate) in self.uses.iter_mut().zip(&row) {
            if let Some(uses) = uses.get_mut(*coordinate as usize) {
                *uses += 1;
            }
        }
        let Some(rank) = rank else { return self.failed.push(&row) };
        let place = self.best.partition_point(|(other, _)| other.cmp(&rank).is_le());
        if place < MAX_BEST {
            self.best.insert(place, (rank, self.ranked.len()));
            self.best.truncate(MAX_BEST);
        }
        self.ranked.push(&row);
    }

    /// The coordinates of these parameters, if they are active.
    pub(super) fn row(&self, params: &Params) -> Option<Vec<f64>> {
        let places = self.places.iter().zip(&self.axes);
        places.map(|(place, axis)| params[*place].map(|value| axis.coordinate(value))).collect()
    }

    /// Whether the group is active in these parameters.
    pub(super) fn is_active_in(&self, params: &Params) -> bool {
        self.places.iter().all(|place| params[*place].is_some())
    }

    /// How many trials it has, whatever their result.
    pub(super) fn finished(&self) -> usize {
        self.ranked.len() + self.failed.len()
    }

    /// The trials that have a value.
    pub(super) fn ranked(&self) -> &Rows {
        &self.ranked
    }

    /// The trials that finished without a value.
    pub(super) fn failed(&self) -> &Rows {
        &self.failed
    }

    /// How often each choice of a parameter was used, whatever the result. `place` is its index in the group.
    pub(super) fn uses(&self, place: usize) -> &[u32] {
        &self.uses[place]
    }

    /// The best `count` ranked rows, at most 64, best first.
    pub(super) fn best(&self, count: usize) -> Vec<usize> {
        self.best.iter().take(count).map(|(_, row)| *row).collect()
    }
}

impl Rank {
    /// A pruned trial is ranked by its last intermediate value. Without one it has no rank, and neither has a
    /// failed trial.
    pub(super) fn of(trial: &Trial, direction: Direction) -> Option<Self> {
        let Phase::Finished(Outcome { result, .. }) = &trial.phase else { return None };
        let (shortfall, value) = match result {
            TrialResult::Complete(values) => (0, values.first()),
            TrialResult::Pruned => {
                let (step, value) = trial.curve.last()?;
                // Steps fit in 63 bits.
                (u64::MAX - step, *value)
            }
            TrialResult::Fail(_) => return None,
        };
        // Adding 0 turns −0 into 0.
        value.is_finite().then(|| Self { shortfall, loss: direction.loss(value) + 0.0 })
    }

    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.shortfall.cmp(&other.shortfall).then(self.loss.total_cmp(&other.loss))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
