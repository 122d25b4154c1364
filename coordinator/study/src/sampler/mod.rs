//! Samplers: who proposes the next trial's parameters. A sampler is one file and one arm of
//! [`SamplerSpec::propose`].

mod archive;
mod axis;
mod exponential;
mod freedom;
mod normal;
mod parzen;
mod random;
mod startup;
#[cfg(test)]
mod tests;
mod tpe;
mod truncnorm;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::space::{Params, SearchSpace};

pub use archive::Archive;
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
pub struct Ask<'a> {
    /// Where to search.
    pub space: &'a SearchSpace,
    /// The trials that finished.
    pub archive: &'a Archive,
    /// The parameters of trials that were proposed and have not finished.
    pub pending: Vec<&'a Params>,
    /// Values that are set already; `None` where the sampler chooses.
    pub fixed: &'a Params,
}

impl SamplerSpec {
    /// Proposes values for every active parameter. Those that are fixed stay as they are.
    /// The same question and generator give the same proposal.
    pub fn propose(&self, ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
        match self {
            Self::Tpe(options) => tpe::propose(options, ask, rng),
            Self::Random => random::propose(ask.space, ask.fixed, rng),
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
