//! The finished trials of one group of parameters, as coordinates.

use super::archive::Goal;
use super::axis::Axis;
use super::rows::Rows;
use crate::front;
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
    /// The best ranked rows, best first; of equal ones, the oldest first. Of several objectives, by the first.
    best: Vec<(Rank, usize)>,
    /// Of several objectives, the completed rows with their losses.
    fronts: Option<Fronts>,
    /// Per parameter, how often each choice was used; empty for numbers.
    uses: Vec<Vec<u32>>,
}

/// The completed trials of several objectives.
#[derive(Debug, Clone, PartialEq)]
struct Fronts {
    /// Their places among the ranked rows.
    rows: Vec<usize>,
    /// A row for each, with its losses.
    losses: Rows,
}

/// How good a finished trial is, by the first objective. The smallest is the best: feasible ones come first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rank {
    /// By how much it violates the constraints: 0 if all hold, infinite if it did not say.
    pub(super) violation: f64,
    /// 0 for a completed trial. Pruned trials rank behind those that got further.
    pub(super) shortfall: u64,
    pub(super) loss: f64,
}

/// How many of the best rows are kept: more than any sampler calls good.
const MAX_BEST: usize = 64;

impl Table {
    pub(super) fn new(space: &SearchSpace, places: Vec<usize>, objectives: usize) -> Self {
        let shape = |place: &usize| Axis::new(&space.params()[*place].distribution);
        let axes: Vec<_> = places.iter().map(shape).collect();
        let uses = axes.iter().map(|axis| vec![0; axis.choices()]).collect();
        let rows = Rows::new(places.len());
        let fronts = Fronts { rows: Vec::new(), losses: Rows::new(objectives) };
        let fronts = (objectives > 1).then_some(fronts);
        Self { places, axes, ranked: rows.clone(), failed: rows, best: Vec::new(), fronts, uses }
    }

    /// Adds a trial if the parameters are active in it. A trial without a rank failed. Of several objectives, a completed
    /// trial has `losses`.
    pub(super) fn add(&mut self, params: &Params, rank: Option<Rank>, losses: Option<&[f64]>) {
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
        if let (Some(fronts), Some(losses)) = (&mut self.fronts, losses) {
            fronts.rows.push(self.ranked.len());
            fronts.losses.push(losses);
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

    /// Of several objectives, the best `count` ranked rows: of the completed ones those of the first fronts, and then the pruned
    /// ones that got furthest. They are in no order.
    pub(super) fn of_the_front(&self, count: usize) -> Option<Vec<usize>> {
        let Fronts { rows, losses } = self.fronts.as_ref()?;
        let points: Vec<Vec<f64>> = (0..rows.len()).map(|row| losses.row(row).collect()).collect();
        let best = front::best(&points, count);
        let pruned = self.best.iter().filter(|(rank, _)| rank.shortfall > 0).map(|(_, row)| *row);
        Some(best.into_iter().map(|place| rows[place]).chain(pruned).take(count).collect())
    }
}

impl Rank {
    /// A pruned trial is ranked by its last intermediate value. Without one it has no rank, and neither has a
    /// failed trial.
    pub(super) fn of(trial: &Trial, goal: &Goal) -> Option<Self> {
        let Phase::Finished(Outcome { result, .. }) = &trial.phase else { return None };
        let directions = &goal.directions;
        let (shortfall, loss) = match result {
            // A trial that says nothing of one objective says nothing.
            TrialResult::Complete(values) if !values.as_slice().iter().all(|x| x.is_finite()) => {
                return None;
            }
            TrialResult::Complete(values) => (0, directions.first().loss(values.first())),
            TrialResult::Pruned => {
                let (step, value) = trial.curve.last()?;
                // Steps fit in 63 bits.
                let direction = directions.as_slice()[goal.pruner_objective];
                (u64::MAX - step, direction.loss(*value))
            }
            TrialResult::Fail(_) => return None,
        };
        // Adding 0 turns −0 into 0.
        let violation = trial.violation(goal.constraints);
        loss.is_finite().then_some(Self { violation, shortfall, loss: loss + 0.0 })
    }

    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_violation = self.violation.total_cmp(&other.violation);
        by_violation
            .then(self.shortfall.cmp(&other.shortfall))
            .then(self.loss.total_cmp(&other.loss))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
