//! What survived of the completed trials.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::options::Genetic;
use super::survival::{Fitness, survivors};
use crate::sampler::hash::mix;
use crate::sampler::history::History;
use crate::sampler::random::uniform;
use crate::sampler::results::{Completed, Results};

/// The population.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sampler) struct State {
    genetic: Genetic,
    seed: u64,
    /// Of so many completed trials it knows …
    learned: usize,
    /// … and this is their hash.
    digest: u64,
    members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq)]
struct Member {
    trial: Completed,
    /// Its coordinates in the space.
    at: Vec<f64>,
    fitness: Fitness,
}

impl State {
    pub(super) fn new(genetic: &Genetic, seed: u64) -> Self {
        Self { genetic: genetic.clone(), seed, learned: 0, digest: 0, members: Vec::new() }
    }

    /// Whether it follows from these options, this seed and the first of these trials.
    pub(super) fn is_of(&self, genetic: &Genetic, seed: u64, results: &Results) -> bool {
        self.genetic == *genetic
            && self.seed == seed
            && self.learned <= results.len()
            && self.digest == results.digest(self.learned)
    }

    /// How many of these trials it has still to learn from.
    pub(super) fn left(&self, results: &Results) -> usize {
        results.len().saturating_sub(self.learned)
    }

    /// Lets one trial after the other join the population.
    pub(super) fn learn(&mut self, results: &Results, history: &History) {
        for index in self.learned..results.len() {
            let trial = results.get(index);
            let at = history.at(trial.place);
            self.members.push(Member { trial, at, fitness: Fitness { rank: 0, room: 0.0 } });
            self.learned = index + 1;
            self.select();
        }
        self.digest = results.digest(self.learned);
    }

    fn select(&mut self) {
        let losses: Vec<_> = self.members.iter().map(|m| m.trial.losses.clone()).collect();
        let violations: Vec<_> = self.members.iter().map(|m| m.trial.violation).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(mix(self.seed ^ mix(self.learned as u64)));
        let (survival, count) = (self.genetic.survival, self.genetic.population);
        let survivors = survivors(survival, &losses, &violations, count, &mut rng);
        let member =
            |(place, fitness): (usize, Fitness)| Member { fitness, ..self.members[place].clone() };
        self.members = survivors.into_iter().map(member).collect();
    }

    /// The coordinates of two parents, each the better of two drawn at random; `None` if there are too few.
    pub(super) fn parents(&self, rng: &mut ChaCha8Rng) -> Option<[&[f64]; 2]> {
        if self.members.len() < 2 {
            return None;
        }
        let first = self.parent(None, rng);
        let second = self.parent(Some(first), rng);
        Some([first, second].map(|place| &*self.members[place].at))
    }

    /// The winner of a tournament of two, who is not `other`.
    fn parent(&self, other: Option<usize>, rng: &mut ChaCha8Rng) -> usize {
        let others = self.members.len() - usize::from(other.is_some());
        let mut draw = || {
            let place = ((uniform(rng) * others as f64) as usize).min(others - 1);
            place + usize::from(other.is_some_and(|other| place >= other))
        };
        let (a, b) = (draw(), draw());
        let [fit_a, fit_b] = [a, b].map(|place| self.members[place].fitness);
        let order = fit_a.rank.cmp(&fit_b.rank).then(fit_b.room.total_cmp(&fit_a.room));
        if order.is_le() { a } else { b }
    }
}
