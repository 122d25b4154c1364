//! A proposal by itself: all that it may look at, as it was at one moment. So it can be computed anywhere, and
//! take as long as it takes.

use std::sync::Arc;

use crate::ids::TrialNumber;
use crate::sampler::{Archive, Ask};
use crate::seed::proposal_rng;
use crate::space::Params;
use crate::spec::StudySpec;
use crate::trial::Proposal;

/// A proposal that is to be computed. It shares the study's archive, which is copied once a trial finishes while
/// the proposal is under way.
#[derive(Debug, Clone)]
pub struct Asked {
    pub(crate) number: TrialNumber,
    pub(crate) fixed: Params,
    pub(crate) pending: Vec<Params>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) spec: Arc<StudySpec>,
    pub(crate) saw_finished: u32,
    pub(crate) saw_proposed: u32,
}

impl Asked {
    /// The trial that it is for.
    pub fn number(&self) -> TrialNumber {
        self.number
    }

    /// Computes the proposal.
    pub fn propose(&self) -> Proposal {
        let Self { number, saw_finished, saw_proposed, .. } = *self;
        let ask = Ask {
            space: &self.spec.space,
            archive: &self.archive,
            pending: self.pending.iter().collect(),
            fixed: &self.fixed,
            seed: self.spec.seed,
            number: number.0,
        };
        let params = self.spec.sampler.propose(&ask, &mut proposal_rng(ask.seed, number));
        Proposal { params, saw_finished, saw_proposed }
    }
}
