//! One trial and the phases of its life.

use std::collections::BTreeMap;

use crate::attempts::PastAttempt;
use crate::confirm::Confirmation;
use crate::ids::{Attempt, TrialId, TrialNumber, WorkerId};
use crate::json::Json;
use crate::kept::{Artifact, Checkpoint};
use crate::mark::Mark;
use crate::space::Params;
use crate::time::{Tick, Wall};
use crate::values::Values;

/// A trial. Its number is its index in the study's list.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Its id among all trials of the store.
    pub id: TrialId,
    /// Values fixed when the trial was enqueued; all `None` otherwise.
    pub fixed: Params,
    /// The failed trial that this one repeats.
    pub retry_of: Option<TrialNumber>,
    /// What it confirms; `None` for trials of the search.
    pub confirms: Option<Confirmation>,
    /// The trial whose checkpoint its first attempt goes on from.
    pub warm_start: Option<TrialNumber>,
    /// The id of the request that enqueued it, so that a repeated request adds nothing.
    pub request: Option<String>,
    /// Its parameters, from its first lease on.
    pub proposal: Option<Proposal>,
    /// The attempt of its newest lease.
    pub attempt: Attempt,
    /// Who held its newest lease.
    pub worker: Option<WorkerId>,
    /// The mark of its newest lease; none before the first, or if that lease ended before leases had marks.
    pub mark: Option<Mark>,
    /// When that lease began.
    pub leased: Option<Wall>,
    /// The step after which the newest attempt goes on: that of the checkpoint that it was leased with, or an earlier one
    /// if its reports show that. `None`: it began at the start. What the curve has up to this step was reported by
    /// attempts before.
    pub resumed: Option<u64>,
    /// The attempts before, oldest first, as far as they are known (see [`KNOWN_ATTEMPTS`]); and the newest one, if its
    /// lease ended without a result.
    ///
    /// [`KNOWN_ATTEMPTS`]: crate::KNOWN_ATTEMPTS
    pub attempts: Vec<PastAttempt>,
    /// How many of its leases were lost.
    pub losses: u32,
    /// What a next attempt can go on from, oldest first: as many as the study keeps, and one once it is finished.
    pub checkpoints: Vec<Checkpoint>,
    /// The files that it keeps, by name.
    pub artifacts: Vec<Artifact>,
    /// Intermediate values of the newest attempt and of those that it goes on from, by ascending step.
    pub curve: Vec<(u64, f64)>,
    /// Intermediate values of objectives that the pruner does not compare, by ascending step and objective.
    pub other_values: Vec<OtherValue>,
    /// The step at which the pruner gave it up.
    pub pruned_at: Option<u64>,
    /// When it was first leased.
    pub started: Option<Wall>,
    /// When it finished.
    pub finished: Option<Wall>,
    /// Its phase.
    pub phase: Phase,
}

/// The intermediate value of an objective that the pruner does not compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OtherValue {
    /// The step.
    pub step: u64,
    /// The index of the objective.
    pub objective: u16,
    /// The value, finite.
    pub value: f64,
}

/// The phase of a trial. Only a running trial has a lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Waits to be leased.
    Waiting,
    /// Leased.
    Running(Lease),
    /// Over. A finished trial never changes.
    Finished(Outcome),
}

/// A worker's right to a trial until the deadline. The trial itself records the attempt and the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Which process of that worker name holds it; 0 if the process did not say.
    pub session: u64,
    /// When it ends unless it is renewed. Not stored: after a restart every open lease gets a full term.
    pub deadline: Tick,
}

/// A proposal and what is needed to compute it again. Two counts are enough: the sampler saw every finished
/// trial, and every trial proposed but not finished as pending.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The proposed parameters.
    pub params: Params,
    /// How many trials had finished: the sampler saw that many, from the start of the study's finish order.
    pub saw_finished: u32,
    /// How many trials of the study had been proposed before.
    pub saw_proposed: u32,
}

/// The attributes that a worker sends with a result: JSON by name, sorted by name.
///
/// A list, not a map: every trial has one of these, and a map's smallest node has room for eleven entries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes(Box<[(Box<str>, Json)]>);

/// How a trial ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The result.
    pub result: TrialResult,
    /// What it found for the constraints, in the study's order: all of them, or none if it did not say. Finite.
    pub constraints: Box<[f64]>,
    /// The worker's attributes. The sampler never sees them.
    pub attributes: Attributes,
}

/// The result of a finished trial, in Optuna's states.
#[derive(Debug, Clone, PartialEq)]
pub enum TrialResult {
    /// COMPLETE, with a finite value for each objective.
    Complete(Values),
    /// PRUNED.
    Pruned,
    /// FAIL, with the reason.
    Fail(String),
}

/// Which lease a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The trial.
    pub number: TrialNumber,
    /// The lease's attempt.
    pub attempt: Attempt,
    /// The lease's holder.
    pub worker: WorkerId,
    /// The lease's mark, if the caller sent one. A claim without a mark matches no lease.
    pub mark: Option<Mark>,
}

/// What the worker should do next with its trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// Finish it as pruned.
    Prune,
    /// Drop it: it is over.
    Stop,
}

impl Attributes {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The attributes with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl FromIterator<(String, Json)> for Attributes {
    /// If a name comes twice, the later one wins.
    fn from_iter<I: IntoIterator<Item = (String, Json)>>(named: I) -> Self {
        let by_name: BTreeMap<_, _> = named.into_iter().collect();
        Self(by_name.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl Trial {
    /// A waiting trial with some values fixed.
    pub fn waiting(id: TrialId, fixed: Params) -> Self {
        Self {
            id,
            fixed,
            retry_of: None,
            confirms: None,
            warm_start: None,
            request: None,
            proposal: None,
            attempt: Attempt::default(),
            worker: None,
            mark: None,
            leased: None,
            resumed: None,
            attempts: Vec::new(),
            losses: 0,
            checkpoints: Vec::new(),
            artifacts: Vec::new(),
            curve: Vec::new(),
            other_values: Vec::new(),
            pruned_at: None,
            started: None,
            finished: None,
            phase: Phase::Waiting,
        }
    }

    /// Its lease, while it runs.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.phase {
            Phase::Running(lease) => Some(lease),
            _ => None,
        }
    }

    /// Only what a sampler can learn from.
    pub(crate) fn in_short(&self) -> Self {
        let phase = match &self.phase {
            Phase::Finished(outcome) => {
                Phase::Finished(Outcome { attributes: Attributes::new(), ..outcome.clone() })
            }
            phase => phase.clone(),
        };
        // How far a trial came follows from its last report.
        let curve = self.curve.last().copied().into_iter().collect();
        let (fixed, proposal) = (self.fixed.clone(), self.proposal.clone());
        let (retry_of, confirms) = (self.retry_of, self.confirms);
        Self { retry_of, confirms, proposal, curve, phase, ..Self::waiting(self.id, fixed) }
    }

    /// Whether the claim names this trial's newest lease.
    pub fn is_claimed_by(&self, claim: &Claim) -> bool {
        self.attempt == claim.attempt
            && self.worker.as_ref() == Some(&claim.worker)
            && Mark::is_shown(self.mark, claim.mark)
    }

    /// The intermediate value reported for a step.
    pub fn intermediate(&self, step: u64) -> Option<f64> {
        let place = self.curve.binary_search_by_key(&step, |(s, _)| *s).ok()?;
        Some(self.curve[place].1)
    }

    /// The objective values, if the trial completed.
    pub fn values(&self) -> Option<&Values> {
        match &self.phase {
            Phase::Finished(Outcome { result: TrialResult::Complete(values), .. }) => Some(values),
            _ => None,
        }
    }

    /// What it found for the constraints; empty if it did not say, or has not finished.
    pub fn constraints(&self) -> &[f64] {
        match &self.phase {
            Phase::Finished(outcome) => &outcome.constraints,
            _ => &[],
        }
    }

    /// By how much it violates the constraints of a study that has so many: 0 if all hold, infinite if it did not say.
    pub fn violation(&self, constraints: usize) -> f64 {
        let told = self.constraints();
        if told.len() < constraints {
            return f64::INFINITY;
        }
        told.iter().map(|value| value.max(0.0)).sum()
    }

    /// The intermediate values of the step for objectives that the pruner does not compare.
    pub fn others_at(&self, step: u64) -> &[OtherValue] {
        let start = self.other_values.partition_point(|other| other.step < step);
        let end = self.other_values.partition_point(|other| other.step <= step);
        &self.other_values[start..end]
    }

    /// The attributes that its worker sent. None until it is finished.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &Json)> {
        let outcome = match &self.phase {
            Phase::Finished(outcome) => Some(outcome),
            _ => None,
        };
        outcome.into_iter().flat_map(|outcome| outcome.attributes.iter())
    }

    /// Its parameters, once proposed.
    pub fn params(&self) -> Option<&Params> {
        self.proposal.as_ref().map(|p| &p.params)
    }
}
