//! Which of the trials are good, of several objectives.

use std::sync::Arc;

use super::table::Rank;
use crate::front;

/// The finished trials that may be good. All others rank behind more trials than are ever good.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Fronts {
    /// The completed, feasible ones, in the order in which they finished.
    band: Vec<Candidate>,
    /// The feasible ones that were pruned, best first.
    pruned: Ranking,
    /// Those that violate constraints, best first.
    infeasible: Ranking,
}

/// A completed, feasible trial.
#[derive(Debug, Clone, PartialEq)]
struct Candidate {
    /// Its place among the trials that have a value.
    place: usize,
    losses: Arc<[f64]>,
    /// How many dominate it.
    behind: usize,
}

/// The best first; of equal ones, the oldest first.
type Ranking = Vec<(Rank, usize)>;

/// The most good trials.
pub(super) const MOST_GOOD: usize = 100;
/// So many candidates are too many; then half of them go.
const MOST_CANDIDATES: usize = 2_048;

impl Fronts {
    /// Adds the trial at the next place among those that have a value. A completed one has `losses`.
    pub(super) fn add(&mut self, place: usize, rank: Rank, losses: Option<&[f64]>) {
        match losses {
            _ if rank.violation > 0.0 => insert(&mut self.infeasible, rank, place),
            None => insert(&mut self.pruned, rank, place),
            Some(losses) => self.add_candidate(place, losses),
        }
    }

    /// Who is dominated by `MOST_GOOD` others is never good, since all of these are on fronts before its own. Whoever it dominates is dominated by
    /// them, too, so that it is not missed.
    fn add_candidate(&mut self, place: usize, losses: &[f64]) {
        let mut behind = 0;
        for other in &mut self.band {
            if front::dominates(&other.losses, losses) {
                behind += 1;
            } else if front::dominates(losses, &other.losses) {
                other.behind += 1;
            }
        }
        self.band.retain(|other| other.behind < MOST_GOOD);
        if behind < MOST_GOOD {
            self.band.push(Candidate { place, losses: losses.into(), behind });
        }
        if self.band.len() > MOST_CANDIDATES {
            self.thin_out();
        }
    }

    /// Keeps half of the candidates: the first fronts, and of the last one those that have most room around them.
    fn thin_out(&mut self) {
        let points: Vec<_> = self.band.iter().map(|candidate| &*candidate.losses).collect();
        let kept = front::sparse(&points, MOST_CANDIDATES / 2);
        self.band = kept.into_iter().map(|place| self.band[place].clone()).collect();
    }

    /// The places of the `count` best trials, at most [`MOST_GOOD`], ascending: of the feasible, completed ones those of the first fronts, and of
    /// the next front those that cover most; then the pruned ones that got furthest; then those that violate the constraints
    /// least.
    pub(super) fn best(&self, count: usize) -> Vec<usize> {
        let points: Vec<_> = self.band.iter().map(|candidate| &*candidate.losses).collect();
        let completed = front::best(&points, count).into_iter().map(|at| self.band[at].place);
        let others = self.pruned.iter().chain(&self.infeasible).map(|(_, place)| *place);
        let mut best: Vec<_> = completed.chain(others).take(count).collect();
        best.sort_unstable();
        best
    }

    /// The completed ones, those that the fewest dominate first.
    pub(super) fn by_dominators(&self) -> Vec<usize> {
        let mut order: Vec<_> = self.band.iter().collect();
        order.sort_by_key(|candidate| candidate.behind);
        order.into_iter().map(|candidate| candidate.place).collect()
    }

    /// How many candidates there are among those that completed.
    pub(super) fn candidates(&self) -> usize {
        self.band.len()
    }
}

fn insert(ranking: &mut Ranking, rank: Rank, place: usize) {
    let at = ranking.partition_point(|(other, _)| other.cmp(&rank).is_le());
    if at < MOST_GOOD {
        ranking.insert(at, (rank, place));
        ranking.truncate(MOST_GOOD);
    }
}
