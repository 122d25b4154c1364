//! Which trials are good, of several objectives.

use std::sync::Arc;

use super::table::Rank;
use crate::front;

/// The finished trials that may be good. All others rank behind more trials than are ever good.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fronts {
    /// How many losses a trial has; how much it violates constraints is one of them, if there are any.
    losses: usize,
    /// The completed ones, in the order in which they finished.
    candidates: Vec<Candidate>,
    /// The others, best first; of equal ones, the oldest first.
    others: Vec<(Rank, usize)>,
}

/// A completed trial that said whether it is feasible.
#[derive(Debug, Clone, PartialEq)]
struct Candidate {
    /// Its place among the trials that have a value.
    observation: usize,
    losses: Arc<[f64]>,
    /// How many dominate it.
    behind: usize,
}

/// The most good trials, as of one objective.
pub(super) const MOST_GOOD: usize = 25;
/// So many candidates are too many; then half of them go.
const MOST_CANDIDATES: usize = 2_048;

impl Fronts {
    /// Without trials.
    pub(super) fn new(objectives: usize, constraints: usize) -> Self {
        let losses = objectives + usize::from(constraints > 0);
        Self { losses, candidates: Vec::new(), others: Vec::new() }
    }

    /// Adds the trial at a place among those that have a value, in ascending order. A completed one has losses.
    ///
    /// How much it violates the constraints is one more loss. So trials on the way to what is feasible are good, too (Ray et al. 2009, doi
    /// `10.1007/978-3-642-00619-7_7`).
    pub(super) fn add(&mut self, observation: usize, rank: Rank, losses: Option<&[f64]>) {
        match losses {
            Some(losses) if rank.violation.is_finite() => {
                let all = losses.iter().copied().chain([rank.violation]).take(self.losses);
                self.add_candidate(observation, all.collect());
            }
            _ => {
                let at = self.others.partition_point(|(other, _)| other.cmp(&rank).is_le());
                if at < MOST_GOOD {
                    self.others.insert(at, (rank, observation));
                    self.others.truncate(MOST_GOOD);
                }
            }
        }
    }

    /// Who is dominated by [`MOST_GOOD`] others is never good, since these are on fronts before its own. Whoever it dominates is dominated by all
    /// of them, too, so that nobody misses it.
    fn add_candidate(&mut self, observation: usize, losses: Arc<[f64]>) {
        let mut behind = 0;
        for other in &mut self.candidates {
            if front::dominates(&other.losses, &losses) {
                behind += 1;
            } else if front::dominates(&losses, &other.losses) {
                other.behind += 1;
            }
        }
        self.candidates.retain(|other| other.behind < MOST_GOOD);
        if behind < MOST_GOOD {
            self.candidates.push(Candidate { observation, losses, behind });
        }
        if self.candidates.len() > MOST_CANDIDATES {
            let kept = front::sparse(&self.points(), MOST_CANDIDATES / 2);
            self.candidates = kept.into_iter().map(|at| self.candidates[at].clone()).collect();
        }
    }

    /// The places of the `count` best, at most [`MOST_GOOD`], ascending: of the completed ones whole fronts as far as they fit, and of the next front
    /// those that cover most; then the pruned ones that got furthest.
    pub(super) fn best(&self, count: usize) -> Vec<usize> {
        let completed = front::best(&self.points(), count);
        let completed = completed.into_iter().map(|at| self.candidates[at].observation);
        let others = self.others.iter().map(|(_, observation)| *observation);
        let mut best: Vec<_> = completed.chain(others).take(count).collect();
        best.sort_unstable();
        best
    }

    /// About how many steps of a few nanoseconds it takes to find so many.
    pub(super) fn effort(&self, count: usize) -> usize {
        front::effort(self.candidates.len(), self.losses, count)
    }

    fn points(&self) -> Vec<&[f64]> {
        self.candidates.iter().map(|candidate| &*candidate.losses).collect()
    }
}
