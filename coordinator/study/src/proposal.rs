//! How a proposal is made: by a lease, or by itself. By itself it has all that it may look at, as it was at one
//! moment. So it can be computed anywhere, and take as long as it takes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::event::Event;
use crate::ids::TrialNumber;
use crate::rules;
use crate::sampler::{Archive, Ask};
use crate::seed::proposal_rng;
use crate::space::Params;
use crate::spec::StudySpec;
use crate::study::Study;
use crate::trial::{Proposal, Trial};

/// A proposal that is to be computed. It shares the study's archive, which is copied once a trial finishes while
/// the proposal is under way.
#[derive(Debug, Clone)]
pub struct Asked {
    number: TrialNumber,
    fixed: Params,
    pending: Vec<Params>,
    archive: Arc<Archive>,
    spec: Arc<StudySpec>,
    saw_finished: u32,
    saw_proposed: u32,
}

impl Asked {
    /// The trial that it is for.
    pub fn number(&self) -> TrialNumber {
        self.number
    }

    /// Computes the proposal.
    pub fn propose(&self) -> Proposal {
        let Self { number, saw_finished, saw_proposed, .. } = *self;
        let pending = self.pending.iter().collect();
        let params = sampled(&self.spec, number, &self.fixed, &self.archive, pending);
        Proposal { params, saw_finished, saw_proposed }
    }
}

impl Study {
    /// The trial of the search that is leased next, and its number. `None` for a new trial.
    pub(crate) fn next_of_search(&self) -> Option<(TrialNumber, Option<&Trial>)> {
        match self.waiting().first() {
            Some(number) => Some((*number, Some(self.trial(*number)))),
            None => rules::has_place(self).then(|| (TrialNumber(self.trials().len() as u32), None)),
        }
    }

    /// The trial that the next lease needs a proposal for.
    fn next_to_propose(&self) -> Option<(TrialNumber, Option<&Trial>)> {
        let is_of_search = |trial: &Trial| trial.confirms.is_none();
        self.next_of_search().filter(|(_, trial)| {
            rules::are_leased(self.state())
                && rules::needs_proposal(*trial)
                && trial.is_none_or(is_of_search)
        })
    }

    /// How much the next lease must compute, in steps of a few nanoseconds. If that is too much, the proposal can be
    /// asked for ([`Self::ask`]), computed elsewhere and handed in ([`Self::take_proposal`]).
    pub fn next_effort(&self) -> usize {
        let effort = |_| self.spec().sampler.effort(self.archive());
        self.next_to_propose().map_or(0, effort)
    }

    /// The proposal that the next lease needs, if it needs one.
    pub fn ask(&self) -> Option<Asked> {
        let (number, trial) = self.next_to_propose()?;
        let params = |number: TrialNumber| self.trial(number).params().cloned();
        Some(Asked {
            number,
            fixed: self.fixed_in(trial),
            pending: self.pending().into_iter().filter_map(params).collect(),
            archive: Arc::clone(self.archive()),
            spec: Arc::clone(self.shared_spec()),
            saw_finished: rules::finished_in_sight(self),
            saw_proposed: self.proposed(),
        })
    }

    /// Takes a proposal that was asked for. The trial waits for a lease then. Nothing happens if the study has
    /// gone on meanwhile, so that the next lease needs another proposal or none.
    pub fn take_proposal(&self, asked: &Asked, proposal: Proposal) -> Vec<Event> {
        let fits = self.proposed() == asked.saw_proposed
            && self.next_of_search().is_some_and(|(number, trial)| {
                number == asked.number
                    && self.fixed_in(trial) == asked.fixed
                    && rules::needs_proposal(trial)
            });
        if fits { vec![Event::Proposed { number: asked.number, proposal }] } else { Vec::new() }
    }

    /// Proposes parameters. The sampler sees all trials that have finished or are pending now.
    pub(crate) fn propose(&self, number: TrialNumber, trial: Option<&Trial>) -> Proposal {
        self.proposal(self.proposal_of(number, trial, self.archive(), &self.pending()))
    }

    /// These parameters as a proposal that is made now.
    pub(crate) fn proposal(&self, params: Params) -> Proposal {
        let (saw_finished, saw_proposed) = (rules::finished_in_sight(self), self.proposed());
        Proposal { params, saw_finished, saw_proposed }
    }

    /// The trials of the search that were proposed and have not finished.
    fn pending(&self) -> BTreeSet<TrialNumber> {
        let is_pending = |n: &&TrialNumber| {
            let trial = self.trial(**n);
            trial.proposal.is_some() && trial.confirms.is_none()
        };
        self.running().union(self.waiting()).filter(is_pending).copied().collect()
    }

    /// The parameters that the sampler proposes for `number` from what it sees. `trial` is `None` for a new
    /// trial.
    pub(crate) fn proposal_of(
        &self,
        number: TrialNumber,
        trial: Option<&Trial>,
        archive: &Archive,
        pending: &BTreeSet<TrialNumber>,
    ) -> Params {
        if let Some(trial) = trial.filter(|trial| trial.confirms.is_some()) {
            return trial.fixed.clone();
        }
        let pending = pending.iter().filter_map(|n| self.trial(*n).params()).collect();
        sampled(self.spec(), number, &self.fixed_in(trial), archive, pending)
    }

    /// What is fixed in this trial, or in a new one.
    fn fixed_in(&self, trial: Option<&Trial>) -> Params {
        trial.map_or_else(|| self.spec().space.nothing(), |trial| trial.fixed.clone())
    }
}

/// What the study's sampler proposes, with the randomness that belongs to the trial.
fn sampled(
    spec: &StudySpec,
    number: TrialNumber,
    fixed: &Params,
    archive: &Archive,
    pending: Vec<&Params>,
) -> Params {
    let (space, seed) = (&spec.space, spec.seed);
    let ask = Ask { space, archive, pending, fixed, seed, number: number.0 };
    spec.sampler.propose(&ask, &mut proposal_rng(seed, number))
}
