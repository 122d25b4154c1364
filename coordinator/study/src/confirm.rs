//! Confirmation: after the search, the best configurations run again with fresh seeds.
//!
//! A search runs each configuration with one seed, and most trials with the methods that its sampler likes.
//! Comparing the best of 45 trials with the best of 1 measures effort, not quality. So the best configuration
//! of each method runs again, all with the same few seeds, for a paired comparison. The sampler and the
//! pruner never see these trials.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::ids::TrialNumber;
use crate::space::{Distribution, SearchSpace};

/// Which configurations run again once the search is over: of several objectives, those of the front. The derive reads `[confirm]` of a study file (see
/// `options.rs`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmSpec {
    /// The categorical parameters whose combinations are compared. None with several objectives.
    #[serde(default)]
    pub by: Vec<String>,
    /// How many combinations, best first. Of several objectives, how many trials of the front: those that cover most.
    #[serde(default = "six")]
    pub best: u32,
    /// How often each is run again.
    #[serde(default = "ten")]
    pub seeds: u32,
    /// Whether the best configuration of each single choice also runs again.
    #[serde(default = "yes")]
    pub each: bool,
}

/// Marks a trial that runs another trial's configuration again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Confirmation {
    /// The trial of the search.
    pub of: TrialNumber,
    /// Which fresh seed, from 0. Confirmations with the same index share the seed, so they can be paired.
    pub seed: u32,
}

/// What is wrong with a [`ConfirmSpec`], and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("confirm.{key}: {message}")]
pub struct ConfirmError {
    /// The key at fault.
    pub key: &'static str,
    /// What was found and what was expected.
    pub message: String,
}

/// More seeds would cost more than they tell.
const MAX_SEEDS: u32 = 10_000;

fn six() -> u32 {
    6
}

fn ten() -> u32 {
    10
}

fn yes() -> bool {
    true
}

impl ConfirmSpec {
    /// Whether the settings fit this space, and this many objectives.
    pub fn check(&self, space: &SearchSpace, objectives: usize) -> Result<(), ConfirmError> {
        let wrong = |key, message| Err(ConfirmError { key, message });
        if self.by.is_empty() && objectives == 1 {
            return wrong("by", "expected at least one categorical parameter".to_owned());
        }
        if !self.by.is_empty() && objectives > 1 {
            let message = "with several objectives the trials of the front run again; leave it out";
            return wrong("by", message.to_owned());
        }
        let mut seen = HashSet::new();
        for name in &self.by {
            let param = space.params().iter().find(|param| param.name == *name);
            match param.map(|param| &param.distribution) {
                Some(Distribution::Categorical { .. }) if seen.insert(name) => {}
                Some(Distribution::Categorical { .. }) => {
                    return wrong("by", format!("`{name}` is there twice"));
                }
                Some(_) => return wrong("by", format!("`{name}` is not categorical")),
                None => return wrong("by", format!("the space has no parameter `{name}`")),
            }
        }
        if !(1..=MAX_SEEDS).contains(&self.seeds) {
            let message = format!("expected 1 to {MAX_SEEDS}, found {}", self.seeds);
            return wrong("seeds", message);
        }
        Ok(())
    }
}
