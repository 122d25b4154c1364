//! A Gaussian process. It proposes where the expected improvement is largest, whatever the space: numbers, choices and
//! conditional parameters, with trials that run, fail, are pruned, or have noise in their values.

#![expect(clippy::inline_always, reason = "see `lanes::fast`")]

mod acquisition;
mod cholesky;
mod fit;
mod kernel;
mod lanes;
mod lbfgs;
mod log_ei;
mod model;
mod posterior;
mod search;
#[cfg(test)]
mod tests;
mod warp;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Ask;
use super::archive::Archive;
use super::startup;
use crate::space::Params;

pub(super) use model::Model;

/// Options of the Gaussian process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GpOptions {
    /// Finished trials before the first proposal that learns from them.
    pub startup_trials: u32,
}

impl Default for GpOptions {
    fn default() -> Self {
        Self { startup_trials: 10 }
    }
}

pub(super) fn propose(options: &GpOptions, ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
    if is_startup(options, ask.archive) {
        return startup::propose(ask, rng);
    }
    let model = Model::of(ask.archive);
    search::propose(&model, ask, rng)
}

/// Whether there is too little to learn from: without a value there is nothing, whatever the options say.
fn is_startup(options: &GpOptions, archive: &Archive) -> bool {
    startup::is_startup(options.startup_trials.max(1), archive)
}

/// The steps of the next proposal: those of the search, and of a new estimate if an era begins.
pub(super) fn effort(options: &GpOptions, archive: &Archive) -> usize {
    if is_startup(options, archive) {
        return 0;
    }
    search::effort(archive).saturating_add(Model::effort(archive))
}
