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

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn rank(violation: f64, shortfall: u64) -> Rank {
        Rank { violation, shortfall, loss: 0.0 }
    }

    /// Points in three dimensions, many of them with equal losses.
    fn points(seed: u64, count: usize) -> Vec<Vec<f64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let step = if seed.is_multiple_of(2) { 0.25 } else { 1e-9 };
        let mut loss = || (rng.random_range(0.0..1.0_f64) / step).round() * step;
        (0..count).map(|_| (0..3).map(|_| loss()).collect()).collect()
    }

    #[test]
    fn those_that_are_forgotten_would_never_have_been_good() {
        for seed in 0..40 {
            let points = points(seed, 400);
            let mut fronts = Fronts::new(3, 0);
            for (place, point) in points.iter().enumerate() {
                fronts.add(place, rank(0.0, 0), Some(point));
                if place % 50 == 49 {
                    let all = front::best(&points[..=place], 25);
                    assert_eq!(fronts.best(25), all, "seed {seed}, {place}");
                }
            }
            assert!(fronts.candidates.len() < 400, "{}", fronts.candidates.len());
        }
    }

    #[test]
    fn how_much_constraints_are_violated_is_one_more_loss() {
        let mut fronts = Fronts::new(2, 1);
        // Feasible; better, but not feasible; hardly better, and hardly less infeasible; silent; pruned.
        fronts.add(0, rank(0.0, 0), Some(&[1.0, 1.0]));
        fronts.add(1, rank(0.5, 0), Some(&[0.0, 0.0]));
        fronts.add(2, rank(0.45, 0), Some(&[0.9, 0.9]));
        fronts.add(3, rank(f64::INFINITY, 0), Some(&[-9.0, -9.0]));
        fronts.add(4, rank(0.0, 7), None);
        assert_eq!(fronts.best(2), [0, 1]);
        assert_eq!(fronts.best(3), [0, 1, 2]);
        assert_eq!(fronts.best(4), [0, 1, 2, 4]);
        assert_eq!(fronts.best(9), [0, 1, 2, 3, 4]);
        // Without constraints it does not count.
        let mut free = Fronts::new(2, 0);
        free.add(0, rank(0.0, 0), Some(&[1.0, 1.0]));
        free.add(1, rank(0.0, 0), Some(&[0.0, 0.0]));
        assert_eq!(free.best(1), [1]);
    }

    /// On a plane nobody dominates anybody.
    #[test]
    fn a_huge_front_is_thinned_out() {
        let mut fronts = Fronts::new(2, 0);
        for place in 0..5_000 {
            let x = (place as f64 * 0.618_034).fract();
            fronts.add(place, rank(0.0, 0), Some(&[x, 1.0 - x]));
        }
        assert!((1_024..=MOST_CANDIDATES).contains(&fronts.candidates.len()));
        let best = fronts.best(25);
        let mut at: Vec<_> = best.iter().map(|place| (*place as f64 * 0.618_034).fract()).collect();
        at.sort_by(f64::total_cmp);
        let widest = at.windows(2).map(|two| two[1] - two[0]).fold(0.0, f64::max);
        assert!(best.len() == 25 && widest < 0.15, "{widest}");
    }
}
