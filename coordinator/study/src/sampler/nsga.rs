//! The genetic algorithms NSGA-II (Deb et al. 2002, doi 10.1109/4235.996017) and NSGA-III (Deb and Jain 2014, doi
//! 10.1109/TEVC.2013.2281535), for long searches with several objectives and constraints.
//!
//! The population is what survived of the completed trials, in the order in which they finished: each that completes joins it,
//! and the worst has to go (a steady state: Durillo et al. 2008, doi 10.1007/978-3-540-70928-2_43). So nobody waits for a
//! generation, however many trials run at once, and what the sampler knows follows from the history alone.

mod niching;
mod options;
mod state;
mod survival;
mod variation;

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::Ask;
use super::archive::Archive;
use super::startup;
use crate::space::Params;
pub(super) use options::Genetic;
pub use options::{Nsga2Options, Nsga3Options};
pub(super) use state::State;

pub(super) fn propose(genetic: &Genetic, ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
    let is_first = startup::is_startup(genetic.population as u32, ask.archive);
    let state = (!is_first).then(|| known(genetic, ask));
    match state.as_ref().and_then(|state| state.parents(rng)) {
        Some(parents) => variation::child(genetic, ask, parents, rng),
        None => startup::propose(ask, rng),
    }
}

/// What the completed trials teach. The newest of it is kept, so that only new trials take time.
fn known(genetic: &Genetic, ask: &Ask<'_>) -> Arc<State> {
    let (results, memo) = (ask.archive.results(), ask.archive.nsga());
    let kept = memo.get().filter(|state| state.is_of(genetic, ask.seed, results));
    let mut state = kept.unwrap_or_else(|| Arc::new(State::new(genetic, ask.seed)));
    if state.left(results) > 0 {
        Arc::make_mut(&mut state).learn(results, ask.archive.history());
        memo.set(Arc::clone(&state));
    }
    state
}

/// The steps of the next proposal: learning from the trials that completed since the last one, since each is compared with the whole
/// population.
pub(super) fn effort(genetic: &Genetic, archive: &Archive) -> usize {
    let results = archive.results();
    let kept = archive.nsga().get();
    let left = kept.map_or(results.len(), |state| state.left(results));
    let comparisons = genetic.population.saturating_mul(genetic.population);
    left.saturating_mul(comparisons).saturating_mul(archive.objectives() + 2)
}

#[cfg(test)]
mod tests;
