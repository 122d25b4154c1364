//! Replay: computes every proposal of a study again from what its record says the sampler saw.

use std::collections::BTreeSet;

use crate::ids::TrialNumber;
use crate::sampler::{Archive, Goal};
use crate::space::Params;
use crate::study::Study;
use crate::trial::{Proposal, Trial};

/// The result of a replay.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replay {
    /// How many proposals were computed again.
    pub checked: usize,
    /// The proposals that came out differently.
    pub mismatches: Vec<Mismatch>,
}

/// A proposal that came out differently.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// The trial.
    pub number: TrialNumber,
    /// The recorded parameters.
    pub recorded: Params,
    /// The recomputed parameters.
    pub recomputed: Params,
}

impl Study {
    /// Computes every proposal again and compares it, bit for bit, with the record.
    pub fn replay(&self) -> Replay {
        self.replay_while(|| true).unwrap_or_default()
    }

    /// The same, but stops when `is_wanted` says no; then the result is `None`.
    pub fn replay_while(&self, is_wanted: impl Fn() -> bool) -> Option<Replay> {
        let mut replay = Replay::default();
        let spec = self.spec();
        let mut archive = Archive::new(&spec.space, Goal::of(spec));
        let mut pending = BTreeSet::new();
        let mut seen = 0;
        for (number, trial, proposal) in self.in_order_of_proposal() {
            if !is_wanted() {
                return None;
            }
            let now = proposal.saw_finished as usize;
            for finished in &self.finish_order()[seen..now] {
                archive.add(&spec.space, self.trial(*finished));
                pending.remove(finished);
            }
            seen = now;
            let recomputed = self.proposal_of(number, Some(trial), &archive, &pending);
            if trial.confirms.is_none() {
                pending.insert(number);
            }
            replay.checked += 1;
            if recomputed != proposal.params {
                let recorded = proposal.params.clone();
                replay.mismatches.push(Mismatch { number, recorded, recomputed });
            }
        }
        replay.mismatches.sort_by_key(|mismatch| mismatch.number);
        Some(replay)
    }

    /// Proposals in the order in which they were made. Trial numbers do not tell: an enqueued trial may be
    /// proposed late.
    fn in_order_of_proposal(&self) -> Vec<(TrialNumber, &Trial, &Proposal)> {
        let trials = (0..).map(TrialNumber).zip(self.trials());
        let mut proposed: Vec<_> =
            trials.filter_map(|(n, trial)| Some((n, trial, trial.proposal.as_ref()?))).collect();
        proposed.sort_by_key(|(_, _, proposal)| proposal.saw_proposed);
        proposed
    }
}
