//! The finished trials of one group of parameters, as coordinates.

use super::archive::Goal;
use super::axis::Axis;
use super::rows::Rows;
use crate::space::{Params, SearchSpace};
use crate::trial::{Outcome, Phase, Trial, TrialResult};

/// The trials in which a group of parameters is active. The parameters of a group are always active together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// The parameters' places in the space.
    pub(super) places: Vec<usize>,
    /// Their shapes.
    pub(super) axes: Vec<Axis>,
    /// Whether the feasible ones are kept apart from the others.
    tells_feasible_apart: bool,
    /// The trials that have a value.
    ranked: Rows,
    /// The trials that finished without a value.
    failed: Rows,
    /// Those of them that are known to satisfy all constraints, and those that do not. Empty if they are not told apart.
    feasible: Rows,
    infeasible: Rows,
    /// For each ranked trial, its place among all trials that have a value. Places ascend.
    observations: Rows,
    /// The best ranked rows, best first; of equal ones, the oldest first. Of several objectives, by the first.
    best: Vec<(Rank, usize)>,
    /// Per parameter, how often each choice was used; empty for numbers.
    uses: Vec<Vec<u32>>,
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
    pub(super) fn new(space: &SearchSpace, places: Vec<usize>, tells_feasible_apart: bool) -> Self {
        let shape = |place: &usize| Axis::new(&space.params()[*place].distribution);
        let axes: Vec<_> = places.iter().map(shape).collect();
        let uses = axes.iter().map(|axis| vec![0; axis.choices()]).collect();
        let rows = Rows::new(places.len());
        let (ranked, failed, observations) = (rows.clone(), rows.clone(), Rows::new(1));
        let (feasible, infeasible, best) = (rows.clone(), rows, Vec::new());
        Self {
            places,
            axes,
            tells_feasible_apart,
            ranked,
            failed,
            feasible,
            infeasible,
            observations,
            best,
            uses,
        }
    }

    /// Adds a trial if the parameters are active in it. One that has a value has a rank, and its place among all that have one.
    pub(super) fn add(&mut self, params: &Params, ranked: Option<(Rank, usize)>) {
        let Some(row) = self.row(params) else { return };
        for (uses, coordinate) in self.uses.iter_mut().zip(&row) {
            if let Some(uses) = uses.get_mut(*coordinate as usize) {
                *uses += 1;
            }
        }
        let Some((rank, observation)) = ranked else { return self.failed.push(&row) };
        let place = self.best.partition_point(|(other, _)| other.cmp(&rank).is_le());
        if place < MAX_BEST {
            self.best.insert(place, (rank, self.ranked.len()));
            self.best.truncate(MAX_BEST);
        }
        self.observations.push(&[observation as f64]);
        if self.tells_feasible_apart && rank.violation.is_finite() {
            let side = if rank.violation > 0.0 { &mut self.infeasible } else { &mut self.feasible };
            side.push(&row);
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

    /// Those of them that satisfy all constraints, and those that do not.
    pub(super) fn by_feasibility(&self) -> [&Rows; 2] {
        [&self.feasible, &self.infeasible]
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

    /// The ranked rows of these observations, of those in which the parameters were active.
    pub(super) fn rows_of(&self, observations: &[usize]) -> Vec<usize> {
        observations.iter().filter_map(|observation| self.row_of(*observation)).collect()
    }

    /// The ranked row of an observation.
    fn row_of(&self, observation: usize) -> Option<usize> {
        let (mut low, mut high) = (0, self.ranked.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let found = self.observations.row(middle).next()? as usize;
            if found == observation {
                return Some(middle);
            }
            if found < observation { low = middle + 1 } else { high = middle }
        }
        None
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

    pub(super) fn cmp(&self, other: &Self) -> std::cmp::Ordering {
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
