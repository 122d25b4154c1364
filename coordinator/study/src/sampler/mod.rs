//! Samplers: who proposes the next trial's parameters. A sampler is one file and one arm of
//! [`SamplerSpec::propose`].

mod axis;
mod freedom;
mod parzen;
mod random;
#[cfg(test)]
mod tests;
mod tpe;
mod truncnorm;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::Direction;
use crate::space::{Params, SearchSpace};

pub use tpe::TpeOptions;

/// Which sampler a study uses, with its options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SamplerSpec {
    /// Tree-structured Parzen estimator.
    Tpe(TpeOptions),
    /// Independent uniform draws.
    Random,
}

/// What a proposal may look at.
pub struct History<'a> {
    /// Where to search.
    pub space: &'a SearchSpace,
    /// Which way is better.
    pub direction: Direction,
    /// Finished trials with a value, in the order in which they finished.
    pub observations: Vec<Observation<'a>>,
    /// The parameters of trials that were proposed and have not finished.
    pub pending: Vec<&'a Params>,
}

/// A trial that finished with a value.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// Its parameters.
    pub params: &'a Params,
    /// Its objective value, or, of a pruned trial, its last intermediate value; finite.
    pub value: f64,
    /// Whether it was pruned: then it ranks behind every trial that completed.
    pub pruned: bool,
}

impl SamplerSpec {
    /// Proposes values for every active parameter. Those that `fixed` sets stay as they are.
    /// The same history, `fixed` and generator give the same proposal.
    pub fn propose(&self, history: &History<'_>, fixed: &Params, rng: &mut ChaCha8Rng) -> Params {
        match self {
            Self::Tpe(options) => tpe::propose(options, history, fixed, rng),
            Self::Random => random::propose(history.space, fixed, rng),
        }
    }

    /// The name as a study file writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tpe(_) => "tpe",
            Self::Random => "random",
        }
    }
}
